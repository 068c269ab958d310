"""Causal attention with one key/value head as four plain matrix products.

On a CPU in bfloat16 this is several times faster than torch's fused kernel at the lengths trained on (up to 1 024),
because the four query heads share one product with the keys. Other shapes and devices use the fused kernel.
"""
import torch
import torch.nn.functional as F


class SharedKeyAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, mask, scale):
        """q [batch, heads, length, size]; k, v [batch, length, size]; mask [length, length], -inf where hidden."""
        batch, heads, length, size = q.shape
        rows = (q * scale).reshape(batch, heads * length, size)
        scores = torch.bmm(rows, k.mT).view(batch, heads, length, length)
        scores += mask
        chance = torch.softmax(scores, -1).view(batch, heads * length, length)
        ctx.save_for_backward(rows, k, v, chance)
        ctx.scale = scale
        return torch.bmm(chance, v).view(batch, heads, length, size)

    @staticmethod
    def backward(ctx, d_out):
        rows, k, v, chance = ctx.saved_tensors
        d_out_rows = d_out.reshape(rows.shape)
        d_v = torch.bmm(chance.mT, d_out_rows)
        d_chance = torch.bmm(d_out_rows, v.mT)
        d_scores = torch._softmax_backward_data(d_chance, chance, -1, chance.dtype)
        d_q = (torch.bmm(d_scores, k) * ctx.scale).view(d_out.shape)
        return d_q, torch.bmm(d_scores.mT, rows), d_v, None, None


def attend(q, k, v, mask, scale):
    """q [batch, heads, length, size], k and v [batch, key heads, length, size]; mask None means plain causal."""
    if q.device.type == "cpu" and k.shape[1] == 1 and torch.is_grad_enabled():
        length = q.shape[2]
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1) if mask is None else ~mask
        bias = torch.zeros(length, length, dtype=q.dtype).masked_fill_(hidden, float("-inf"))
        return SharedKeyAttention.apply(q, k[:, 0], v[:, 0], bias, scale)
    group = q.shape[1] // k.shape[1]
    k, v = (y.repeat_interleave(group, 1) for y in (k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask,
                                          is_causal=mask is None and q.shape[2] > 1, scale=scale)

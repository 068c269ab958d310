"""The output head and its loss, only for the places that predict a token with weight.

The head is frozen, so the gradient of the hidden state can be made in the forward pass, some rows at a time: logits over a vocabulary
of 256k never exist for all places at once, and nothing is kept for the backward pass but a gradient the size of the hidden state.
"""
import torch
import torch.nn.functional as F

LOGITS_AT_ONCE = 1 << 25  # f32 values, 128 MB


class WeightedCrossEntropy(torch.autograd.Function):
    """Sum over rows of weight * cross entropy, logits capped at `cap` by tanh where it is above 0."""

    @staticmethod
    def forward(ctx, hidden, head, targets, weights, excluded, cap):
        """hidden [rows, width], head [vocabulary, width], targets, weights and excluded [rows], the id that is no alternative
        or -1; the sum in f32."""
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        rows = max(1, LOGITS_AT_ONCE // head.shape[0])
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            logits = F.linear(hidden[part], head.to(hidden.dtype)).float()
            if cap > 0:
                logits = cap * torch.tanh(logits / cap)
            (left_out,) = torch.where(excluded[part] >= 0)
            # Far below any logit, so that neither its probability nor its gradient is more than 0.
            logits[left_out, excluded[part][left_out]] = -10_000.0
            log_chance = torch.log_softmax(logits, 1)
            target, weight = targets[part, None], weights[part, None]
            total -= (log_chance.gather(1, target) * weight).sum()
            if gradient is None:
                continue
            error = log_chance.exp_().scatter_add_(1, target, torch.full_like(weight, -1)).mul_(weight)
            if cap > 0:
                error *= 1 - (logits / cap).square_()
            gradient[part] = error.to(hidden.dtype) @ head.to(hidden.dtype)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx, scale):
        (gradient,) = ctx.saved_tensors
        return (gradient * scale).to(gradient.dtype), None, None, None, None, None

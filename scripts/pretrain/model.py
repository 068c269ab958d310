"""The Gemma 3 text architecture, with the tensor names of transformers' Gemma3ForCausalLM.

Compact and fast for pretraining: queries, keys and values of one example never cross to another (rows hold one
example each), attention is torch's fused kernel, and logits are computed only where there is a target.
"""
import dataclasses
import json
import math

import torch
import torch.nn.functional as F
from torch import nn

from attention import attend


@dataclasses.dataclass
class Config:
    vocab_size: int = 16384
    hidden_size: int = 256
    intermediate_size: int = 1024
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 1
    head_dim: int = 64
    query_pre_attn_scalar: int = 64
    sliding_window: int = 512
    sliding_window_pattern: int = 6
    max_position_embeddings: int = 2048
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6
    rope_local_base_freq: float = 1e4

    def is_full(self, layer):
        return (layer + 1) % self.sliding_window_pattern == 0

    def to_transformers(self):
        """config.json as transformers 5 writes it."""
        kinds = ["full_attention" if self.is_full(n) else "sliding_attention" for n in range(self.num_hidden_layers)]
        return dict(
            architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", vocab_size=self.vocab_size,
            hidden_size=self.hidden_size, intermediate_size=self.intermediate_size,
            num_hidden_layers=self.num_hidden_layers, num_attention_heads=self.num_attention_heads,
            num_key_value_heads=self.num_key_value_heads, head_dim=self.head_dim,
            query_pre_attn_scalar=self.query_pre_attn_scalar, sliding_window=self.sliding_window,
            max_position_embeddings=self.max_position_embeddings, rms_norm_eps=self.rms_norm_eps,
            layer_types=kinds, hidden_activation="gelu_pytorch_tanh", attention_bias=False, attention_dropout=0.0,
            rope_parameters=dict(
                full_attention=dict(rope_type="default", rope_theta=self.rope_theta),
                sliding_attention=dict(rope_type="default", rope_theta=self.rope_local_base_freq)),
            tie_word_embeddings=True, use_cache=True, initializer_range=0.02, attn_logit_softcapping=None,
            final_logit_softcapping=None, use_bidirectional_attention=False,
            pad_token_id=0, eos_token_id=1, bos_token_id=2, dtype="float32")


class Norm(nn.Module):
    """RMSNorm with weight 1 + w."""

    def __init__(self, size, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.zeros(size)), eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), 1 + self.weight, self.eps)


def rotation(start, length, size, base, device):
    frequency = base ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    angle = torch.arange(start, start + length, device=device, dtype=torch.float32)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Half-split rotary embedding of [batch, heads, length, size]."""
    a, b = x.chunk(2, -1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Attention(nn.Module):
    def __init__(self, c, layer):
        super().__init__()
        self.c, self.full = c, c.is_full(layer)
        self.q_proj = nn.Linear(c.hidden_size, c.num_attention_heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, c.num_key_value_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(c.num_attention_heads * c.head_dim, c.hidden_size, bias=False)
        self.q_norm, self.k_norm = Norm(c.head_dim, c.rms_norm_eps), Norm(c.head_dim, c.rms_norm_eps)

    def forward(self, x, turn, window_mask, past=None):
        batch, length, _ = x.shape
        heads = lambda y: y.view(batch, length, -1, self.c.head_dim).transpose(1, 2)
        q = rotate(self.q_norm(heads(self.q_proj(x))), *turn[self.full])
        k = rotate(self.k_norm(heads(self.k_proj(x))), *turn[self.full])
        v = heads(self.v_proj(x))
        if past is not None:
            k, v = past.extend(k, v, None if self.full else self.c.sliding_window)
        mask = None if self.full else window_mask
        y = attend(q, k, v, mask, self.c.query_pre_attn_scalar ** -0.5)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


class Past:
    """Keys and values of one layer, for decoding token by token after a first pass over the prompt."""

    def __init__(self):
        self.k = self.v = None

    def extend(self, k, v, window):
        first = self.k is None
        self.k = k if first else torch.cat((self.k, k), 2)
        self.v = v if first else torch.cat((self.v, v), 2)
        if window and not first:
            self.k, self.v = self.k[:, :, -window:], self.v[:, :, -window:]
        return self.k, self.v


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.gelu(self.gate_proj(x), approximate="tanh") * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c, layer):
        super().__init__()
        self.self_attn, self.mlp = Attention(c, layer), MLP(c)
        for name in ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"):
            setattr(self, name, Norm(c.hidden_size, c.rms_norm_eps))

    def forward(self, x, turn, window_mask, past=None):
        x = x + self.post_attention_layernorm(self.self_attn(self.input_layernorm(x), turn, window_mask, past))
        return x + self.post_feedforward_layernorm(self.mlp(self.pre_feedforward_layernorm(x)))


class Body(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c, n) for n in range(c.num_hidden_layers))
        self.norm = Norm(c.hidden_size, c.rms_norm_eps)

    def forward(self, ids, start=0, past=None):
        """Hidden states. With `past` (one Past per layer): the prompt first, then one token at a time from `start`."""
        length, device = ids.shape[1], ids.device
        turn = {full: rotation(start, length, self.c.head_dim, self.c.rope_theta if full else self.c.rope_local_base_freq, device)
                for full in (True, False)}
        window_mask = None
        if length > self.c.sliding_window:
            distance = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)
            window_mask = (distance >= 0) & (distance < self.c.sliding_window)
        x = self.embed_tokens(ids) * math.sqrt(self.c.hidden_size)
        for n, layer in enumerate(self.layers):
            x = layer(x, turn, window_mask, past and past[n])
        return self.norm(x)


class Gemma3(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, self.model = c, Body(c)
        self.initialise()

    def initialise(self):
        for name, p in self.named_parameters():
            if p.dim() == 2:
                spread = 0.02 if "embed" in name else p.shape[1] ** -0.5
                if "o_proj" in name or "down_proj" in name:
                    spread *= 0.5
                nn.init.normal_(p, 0, spread)
            elif "post_" in name:
                nn.init.constant_(p, -0.6)  # branches begin small beside the embedding

    def logits(self, hidden):
        return F.linear(hidden, self.model.embed_tokens.weight)

    def forward(self, ids):
        return self.logits(self.model(ids))

    def loss(self, ids, targets):
        """Sum of the cross entropy over targets that are not negative, and their number."""
        keep = targets.reshape(-1) >= 0
        hidden = self.model(ids).reshape(-1, self.c.hidden_size)[keep]
        logits = self.logits(hidden)
        return F.cross_entropy(logits.float(), targets.reshape(-1)[keep], reduction="sum"), int(keep.sum())

    def parameter_count(self):
        return sum(p.numel() for p in self.parameters())


def write_config(path, config):
    path.write_text(json.dumps(config.to_transformers(), indent=2) + "\n")

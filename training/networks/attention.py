"""Attention by plain matrix products: on CPUs its backward pass is several times faster than the fused kernel's."""

import math

import torch
from torch import nn


ROWS_WATCHED = 16  # of a batch, for the greatest scores


class Attention(nn.Module):
    """Multi-head attention from x [B,N,c] to context [B,M,d]; `bias` [B,1,1,M] is added to the scores.

    With `watched` set to a list, the greatest |score| of each head is added to it by every forward pass in training, for
    `clip_scores`.
    """

    def __init__(self, channels: int, context_channels: int, head_width: int = 32):
        super().__init__()
        self.heads = channels // head_width
        self.watched = None
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_channels, channels, bias=False)
        self.to_v = nn.Linear(context_channels, channels, bias=False)
        self.to_out = nn.Linear(channels, channels)

    def split(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def softmax(self, scores):
        if not self.training:
            return torch.softmax(scores, dim=-1)
        with torch.autocast("cpu", enabled=False):  # which would store the scores and their gradients at float32
            return torch.softmax(scores, dim=-1)

    def forward(self, x, context, bias=None):
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(context)), self.split(self.to_v(context))
        scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(2, 3)
        if self.training and self.watched is not None:
            self.watched.append(scores[:ROWS_WATCHED].detach().abs().amax((0, 2, 3)).float())
        if bias is not None:
            scores = scores + bias
        mixed = self.softmax(scores) @ v
        return self.to_out(mixed.transpose(1, 2).flatten(2))


@torch.no_grad()
def clip_scores(attention: Attention, average: Attention, limit: float, slowest: float = 0.97) -> float:
    """Scales queries and keys of the heads whose greatest |score| since the last call exceeds `limit` (QK-clip, Kimi Team 2025,
    algorithm 1), here by no more than `slowest` at a time, so that a network trained without it can follow; the moving average
    is scaled alike. Gives back the greatest score.

    Muon's steps have the same size however large a gradient is, so that queries and keys grow: without this, scores of a
    thousand had made every softmax a choice of one word or cell, and at bf16 their rounding alone changed the choice.
    """
    seen = torch.stack(attention.watched).amax(0)
    attention.watched.clear()
    factors = (limit / seen).clamp(slowest, 1).sqrt()
    for module in (attention, average):
        for projection in (module.to_q, module.to_k):
            projection.weight.unflatten(0, (module.heads, -1)).mul_(factors[:, None, None])
    return float(seen.max())

"""Attention by plain matrix products: on CPUs its backward pass is several times faster than the fused kernel's."""

import math

import torch
from torch import nn


class Attention(nn.Module):
    """Multi-head attention from x [B,N,c] to context [B,M,d]; `bias` [B,1,1,M] is added to the scores."""

    def __init__(self, channels: int, context_channels: int, head_width: int = 32):
        super().__init__()
        self.heads = channels // head_width
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
        if bias is not None:
            scores = scores + bias
        mixed = self.softmax(scores) @ v
        return self.to_out(mixed.transpose(1, 2).flatten(2))

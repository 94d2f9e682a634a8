"""Text encoder over whole words: token ids to hidden states; rows of padding come out as zeros."""

import torch
from torch import nn

from networks.attention import Attention

PAD = 0  # the id of [PAD] in tokenizer.json
MASKED = -1e4  # added to attention scores of padding


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, head_width: int):
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, width, head_width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x, bias):
        h = self.norm_attention(x)
        x = x + self.attention(h, h, bias)
        return x + self.mlp(self.norm_mlp(x))


class TextEncoder(nn.Module):
    """input_ids [B,L] to last_hidden_state [B,L,width]; the first row ([BOS]) also serves as the pooled text."""

    def __init__(self, vocabulary: int, max_length: int = 48, width: int = 192, depth: int = 2, head_width: int = 48):
        super().__init__()
        self.sizes = dict(vocabulary=vocabulary, max_length=max_length, width=width, depth=depth, head_width=head_width)
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(max_length, width))
        nn.init.normal_(self.words.weight, std=0.05)
        self.blocks = nn.ModuleList(Block(width, head_width) for _ in range(depth))
        self.norm_output = nn.LayerNorm(width)

    def forward(self, input_ids):
        real = (input_ids != PAD).float()
        bias = ((1 - real) * MASKED)[:, None, None, :]
        x = self.words(input_ids) + self.positions[: input_ids.shape[1]]
        for block in self.blocks:
            x = block(x, bias)
        return self.norm_output(x) * real[:, :, None]


class AttributeReader(nn.Module):
    """Linear heads on the pooled text: the value of each attribute, or `not stated` (the last class)."""

    def __init__(self, width: int, value_counts: list[int]):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, count + 1) for count in value_counts)

    def forward(self, pooled):
        return [head(pooled) for head in self.heads]

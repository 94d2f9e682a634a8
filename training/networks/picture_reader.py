"""Reads the visible attributes from pictures: tells the decoder in training what its picture no longer shows."""

import torch
from torch import nn

from networks.latent_reader import Residual


class PictureReader(nn.Module):
    """Images [B,3,H,W] in [-1,1] to logits [B,count] of each attribute, in the order of `value_counts`."""

    def __init__(self, value_counts: list[int], widths=(48, 96, 192)):
        super().__init__()
        fine, middle, coarse = widths
        self.body = nn.Sequential(
            nn.Conv2d(3, fine, 8, stride=4, padding=2), Residual(fine), nn.SiLU(),
            nn.Conv2d(fine, middle, 2, stride=2), Residual(middle), nn.GroupNorm(8, middle), nn.SiLU(),
            nn.Conv2d(middle, coarse, 2, stride=2), Residual(coarse), nn.GroupNorm(8, coarse), nn.SiLU())
        self.heads = nn.ModuleList(nn.Linear(2 * coarse, count) for count in value_counts)

    def forward(self, images) -> list[torch.Tensor]:
        h = self.body(images.contiguous(memory_format=torch.channels_last))
        seen = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
        return [head(seen) for head in self.heads]

"""Reads the visible attributes from latents: tells the denoiser in training what a brief asked for and its guess does not show."""

import torch
from torch import nn

from networks.autoencoder import LATENT_CHANNELS


class Residual(nn.Module):
    """Two convolutions around a skip."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm_first, self.norm_second = nn.GroupNorm(8, channels), nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x):
        h = self.first(nn.functional.silu(self.norm_first(x)))
        return x + self.second(nn.functional.silu(self.norm_second(h)))


class LatentReader(nn.Module):
    """Latents [B,8,h,w] to logits [B,count] of each attribute, in the order of `value_counts`."""

    def __init__(self, value_counts: list[int], widths=(64, 128, 256)):
        super().__init__()
        fine, middle, coarse = widths
        self.body = nn.Sequential(
            nn.Conv2d(LATENT_CHANNELS, fine, 3, padding=1), Residual(fine),
            nn.Conv2d(fine, middle, 2, stride=2), Residual(middle),
            nn.Conv2d(middle, coarse, 2, stride=2), Residual(coarse), nn.GroupNorm(8, coarse), nn.SiLU())
        self.heads = nn.ModuleList(nn.Linear(2 * coarse, count) for count in value_counts)

    def forward(self, latents) -> list[torch.Tensor]:
        h = self.body(latents.contiguous(memory_format=torch.channels_last))
        seen = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
        return [head(seen) for head in self.heads]

"""Readers of the visible attributes: they tell a network in training what a brief asked for and its work does not show."""

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


class Reader(nn.Module):
    """Inputs [B,C,h,w] to logits [B,count] of each attribute, in the order of `value_counts`, from each channel's mean and greatest value."""

    def __init__(self, body: nn.Sequential, channels: int, value_counts: list[int]):
        super().__init__()
        self.body = body
        self.heads = nn.ModuleList(nn.Linear(2 * channels, count) for count in value_counts)

    def forward(self, inputs) -> list[torch.Tensor]:
        h = self.body(inputs.contiguous(memory_format=torch.channels_last))
        seen = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
        return [head(seen) for head in self.heads]


class LatentReader(Reader):
    """Reads latents [B,8,h,w]."""

    def __init__(self, value_counts: list[int], widths=(64, 128, 256)):
        fine, middle, coarse = widths
        super().__init__(nn.Sequential(
            nn.Conv2d(LATENT_CHANNELS, fine, 3, padding=1), Residual(fine),
            nn.Conv2d(fine, middle, 2, stride=2), Residual(middle),
            nn.Conv2d(middle, coarse, 2, stride=2), Residual(coarse), nn.GroupNorm(8, coarse), nn.SiLU()), coarse, value_counts)


class PictureReader(Reader):
    """Reads images [B,3,H,W] in [-1,1]."""

    def __init__(self, value_counts: list[int], widths=(48, 96, 192)):
        fine, middle, coarse = widths
        super().__init__(nn.Sequential(
            nn.Conv2d(3, fine, 8, stride=4, padding=2), Residual(fine), nn.SiLU(),
            nn.Conv2d(fine, middle, 2, stride=2), Residual(middle), nn.GroupNorm(8, middle), nn.SiLU(),
            nn.Conv2d(middle, coarse, 2, stride=2), Residual(coarse), nn.GroupNorm(8, coarse), nn.SiLU()), coarse, value_counts)

"""Denoising U-Net on 8-channel latents, conditioned on time and text.

Three levels (16x16, 8x8 and 4x4 cells for pictures of 128 pixels). Time and the text's first row
scale and shift every residual block; cross-attention reads the words at the two coarser levels.
The middle block's output is a graph output of its own name in the export (`mid_block_output`).
"""

import math

import torch
from torch import nn

from networks.attention import Attention
from networks.autoencoder import LATENT_CHANNELS
from networks.convolution import Convolution3x3
from networks.text_encoder import MASKED


def sinusoids(timestep, width: int):
    """Sines and cosines of timestep [B] at geometrically spaced frequencies (Vaswani et al. 2017)."""
    frequencies = torch.exp(torch.arange(width // 2) * (-math.log(10_000.0) / (width // 2)))
    angles = timestep.float()[:, None] * frequencies[None].to(timestep.device)
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)


class Residual(nn.Module):
    """Residual block whose second normalisation is scaled and shifted by the conditioning vector."""

    def __init__(self, channels: int, conditioning: int, groups: int = 8):
        super().__init__()
        self.norm_first = nn.GroupNorm(groups, channels)
        self.first = Convolution3x3(channels, channels)
        self.modulation = nn.Linear(conditioning, 2 * channels)
        self.norm_second = nn.GroupNorm(groups, channels)
        self.second = Convolution3x3(channels, channels)
        for layer in (self.modulation, self.second):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x, conditioning):
        h = self.first(nn.functional.silu(self.norm_first(x)))
        scale, shift = self.modulation(conditioning)[:, :, None, None].chunk(2, dim=1)
        h = self.norm_second(h) * (1 + scale) + shift
        return x + self.second(nn.functional.silu(h))


class Transformer(nn.Module):
    """Self-attention over the cells, then cross-attention to the words."""

    def __init__(self, channels: int, text_width: int, groups: int = 8):
        super().__init__()
        self.norm_self = nn.GroupNorm(groups, channels)
        self.self_attention = Attention(channels, channels)
        self.norm_cross = nn.LayerNorm(channels)
        self.cross_attention = Attention(channels, text_width)
        for attention in (self.self_attention, self.cross_attention):
            nn.init.zeros_(attention.to_out.weight)
            nn.init.zeros_(attention.to_out.bias)

    def forward(self, x, text, text_bias):
        cells = self.norm_self(x).flatten(2).transpose(1, 2)
        h = x.flatten(2).transpose(1, 2) + self.self_attention(cells, cells)
        h = h + self.cross_attention(self.norm_cross(h), text, text_bias)
        return h.transpose(1, 2).unflatten(2, x.shape[2:])


class UNet(nn.Module):
    """sample [B,8,h,w], timestep [B] = 1000 t, encoder_hidden_states [B,L,d] to the flow v = noise - x0.

    h and w are multiples of 4. Rows of zeros in encoder_hidden_states are padding and are not attended to.
    """

    def __init__(self, widths=(128, 256, 256), text_width: int = 192, conditioning: int = 320):
        super().__init__()
        self.sizes = dict(widths=tuple(widths), text_width=text_width, conditioning=conditioning)
        fine, middle, coarse = widths
        self.time_width = 256
        self.time_mlp = nn.Sequential(nn.Linear(self.time_width, conditioning), nn.SiLU(), nn.Linear(conditioning, conditioning))
        self.text_mlp = nn.Linear(text_width, conditioning)

        self.input = nn.Conv2d(LATENT_CHANNELS, fine, 3, padding=1)
        self.down_fine = Residual(fine, conditioning)
        self.to_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.down_middle = Residual(middle, conditioning)
        self.down_middle_transformer = Transformer(middle, text_width)
        self.to_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.down_coarse = Residual(coarse, conditioning)

        self.mid_first = Residual(coarse, conditioning)
        self.mid_transformer = Transformer(coarse, text_width)
        self.mid_second = Residual(coarse, conditioning)

        self.join_coarse = nn.Conv2d(2 * coarse, coarse, 1)
        self.up_coarse = Residual(coarse, conditioning)
        self.from_coarse = nn.Conv2d(coarse, 4 * middle, 1)
        self.join_middle = nn.ModuleList([nn.Conv2d(2 * middle, middle, 1) for _ in range(2)])
        self.up_middle = nn.ModuleList([Residual(middle, conditioning) for _ in range(2)])
        self.up_middle_transformer = nn.ModuleList([Transformer(middle, text_width) for _ in range(2)])
        self.from_middle = nn.Conv2d(middle, 4 * fine, 1)
        self.join_fine = nn.ModuleList([nn.Conv2d(2 * fine, fine, 1) for _ in range(2)])
        self.up_fine = nn.ModuleList([Residual(fine, conditioning) for _ in range(2)])
        self.norm_output = nn.GroupNorm(8, fine)
        self.output = nn.Conv2d(fine, LATENT_CHANNELS, 3, padding=1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def conditioning(self, timestep, text):
        time = self.time_mlp(sinusoids(timestep, self.time_width))
        return nn.functional.silu(time + self.text_mlp(text[:, 0]))

    def forward(self, sample, timestep, encoder_hidden_states, return_middle: bool = False):
        text = encoder_hidden_states
        empty = (text.abs().amax(dim=2) < 1e-6).float()
        text_bias = (empty * MASKED)[:, None, None, :]
        c = self.conditioning(timestep, text)

        fine_first = self.input(sample)
        fine_second = self.down_fine(fine_first, c)
        middle_first = self.to_middle(fine_second)
        middle_second = self.down_middle_transformer(self.down_middle(middle_first, c), text, text_bias)
        coarse = self.down_coarse(self.to_coarse(middle_second), c)

        h = self.mid_transformer(self.mid_first(coarse, c), text, text_bias)
        mid_block_output = self.mid_second(h, c)

        h = self.up_coarse(self.join_coarse(torch.cat([mid_block_output, coarse], 1)), c)
        h = nn.functional.pixel_shuffle(self.from_coarse(h), 2)
        for index, skip in enumerate((middle_second, middle_first)):
            h = self.up_middle[index](self.join_middle[index](torch.cat([h, skip], 1)), c)
            h = self.up_middle_transformer[index](h, text, text_bias)
        h = nn.functional.pixel_shuffle(self.from_middle(h), 2)
        for index, skip in enumerate((fine_second, fine_first)):
            h = self.up_fine[index](self.join_fine[index](torch.cat([h, skip], 1)), c)
        out_sample = self.output(nn.functional.silu(self.norm_output(h)))
        return (out_sample, mid_block_output) if return_middle else out_sample

"""Ways to spoil a render, for features that see defects and for measuring whether they do."""

import torch
import torch.nn.functional as F


def blur_matrix(size: int, sigma: float):
    """[size,size]: Gaussian weights of each pixel's neighbours, mirrored at the ends."""
    radius = max(1, int(3 * sigma + 0.5))
    offsets = torch.arange(-radius, radius + 1)
    taps = torch.exp(-0.5 * (offsets / sigma) ** 2)
    columns = (torch.arange(size)[:, None] + offsets).abs()
    columns = torch.where(columns > size - 1, 2 * (size - 1) - columns, columns)
    return torch.zeros(size, size).scatter_add_(1, columns, (taps / taps.sum()).expand(size, -1))


def blur(images, sigma: float):
    """Gaussian blur, sigma in pixels (two matrix products: small grouped convolutions can be extremely slow on CPUs)."""
    return blur_matrix(images.shape[2], sigma) @ images.float() @ blur_matrix(images.shape[3], sigma).T


def warp(images, pixels: float, generator=None, nodes: int = 9):
    """Smooth random displacement with a standard deviation of `pixels` at its nodes."""
    count, _, height, width = images.shape
    shift = torch.randn(count, 2, nodes, nodes, generator=generator) * pixels
    shift = F.interpolate(shift, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    grid = torch.stack([columns, rows], -1) + shift * torch.tensor([2 / (width - 1), 2 / (height - 1)])
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True).clamp(-1, 1)


@torch.no_grad()
def reencode(autoencoder, images, times: int = 1):
    for _ in range(times):
        images = autoencoder.decode(autoencoder.encode(images)).float().clamp(-1, 1)
    return images


@torch.no_grad()
def noisy_latents(autoencoder, latents, deviation: float, generator=None):
    noise = torch.randn(latents.shape, generator=generator)
    return autoencoder.decode(latents + deviation * noise).float().clamp(-1, 1)


@torch.no_grad()
def smoothed_latents(autoencoder, latents, share: float):
    """Each latent cell moves by `share` towards the mean of its 3 x 3 neighbourhood."""
    smooth = F.avg_pool2d(F.pad(latents, (1,) * 4, mode="replicate"), 3, stride=1)
    return autoencoder.decode(latents + share * (smooth - latents)).float().clamp(-1, 1)

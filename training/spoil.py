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


@torch.autocast("cpu", enabled=False)  # half precision would leave a trace of its own
def blur(images, sigma: float):
    """Gaussian blur, sigma in pixels (two matrix products: small grouped convolutions can be extremely slow on CPUs)."""
    return blur_matrix(images.shape[2], sigma) @ images.float() @ blur_matrix(images.shape[3], sigma).T


def lanczos_matrix(size: int, lobes: int = 3):
    """[2 size - 1, size]: Lanczos weights that put one new pixel between each two, mirrored at the ends."""
    positions = torch.arange(2 * size - 1) / 2
    columns = positions.floor().long()[:, None] + torch.arange(1 - lobes, lobes + 1)
    away = positions[:, None] - columns
    taps = torch.sinc(away) * torch.sinc(away / lobes) * (away.abs() < lobes)
    columns = columns.abs()
    columns = torch.where(columns > size - 1, 2 * (size - 1) - columns, columns)
    return torch.zeros(2 * size - 1, size).scatter_add_(1, columns, taps / taps.sum(1, keepdim=True))


@torch.autocast("cpu", enabled=False)
def warp(images, pixels, generator=None, nodes: int = 9, sharp: bool = True):
    """Smooth random displacement with a standard deviation of `pixels` (a number, or one per image) at its nodes.

    `sharp` reads between pixels by cubic interpolation of the picture at twice its size (Lanczos), which leaves edges as
    sharp as they were: only the shape gives the warp away. Otherwise bilinear, which blurs as a side effect.
    """
    count, _, height, width = images.shape
    shift = torch.randn(count, 2, nodes, nodes, generator=generator) * torch.as_tensor(pixels).reshape(-1, 1, 1, 1)
    shift = F.interpolate(shift, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    grid = torch.stack([columns, rows], -1) + shift * torch.tensor([2 / (width - 1), 2 / (height - 1)])
    images = images.float()
    if sharp:
        images = lanczos_matrix(height) @ images @ lanczos_matrix(width).T
    return F.grid_sample(images, grid, mode="bicubic" if sharp else "bilinear", padding_mode="border", align_corners=True).clamp(-1, 1)


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

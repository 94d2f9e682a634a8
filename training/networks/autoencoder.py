"""Convolutional autoencoder: 8 pixels to one latent cell, 8 latent channels."""

import torch
from torch import nn

LATENT_CHANNELS = 8
DOWNSCALE = 8
BOUND = 3.0  # raw latents lie in (-3, 3)


class Residual(nn.Module):
    """x + conv(relu(conv(relu(x)))), the identity at the start of training."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x):
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class Encoder(nn.Module):
    """Images [B,3,H,W] in [-1,1] to raw latents [B,8,H/8,W/8]."""

    def __init__(self, widths=(64, 128)):
        super().__init__()
        fine, coarse = widths
        self.input = nn.Conv2d(3, fine, 8, stride=4, padding=2)
        self.fine = nn.Sequential(Residual(fine))
        self.down = nn.Conv2d(fine, coarse, 4, stride=2, padding=1)
        self.coarse = nn.Sequential(Residual(coarse), Residual(coarse))
        self.output = nn.Conv2d(coarse, LATENT_CHANNELS, 1)

    def forward(self, x):
        h = self.fine(self.input(x))
        h = self.coarse(self.down(h))
        return BOUND * torch.tanh(self.output(torch.relu(h)) / BOUND)


class Decoder(nn.Module):
    """Raw latents [B,8,h,w] to images [B,3,8h,8w]."""

    def __init__(self, widths=(128, 72, 40)):
        super().__init__()
        coarse, middle, fine = widths
        self.input = nn.Conv2d(LATENT_CHANNELS, coarse, 3, padding=1)
        self.coarse = nn.Sequential(Residual(coarse), Residual(coarse))
        self.up_middle = nn.Conv2d(coarse, 4 * middle, 1)
        self.middle = nn.Sequential(Residual(middle), Residual(middle))
        self.up_fine = nn.Conv2d(middle, 4 * fine, 1)
        self.fine = nn.Sequential(Residual(fine))
        self.output = nn.Conv2d(fine, 3 * 4, 3, padding=1)

    def forward(self, z):
        h = self.coarse(self.input(z))
        h = self.middle(nn.functional.pixel_shuffle(self.up_middle(torch.relu(h)), 2))
        h = self.fine(nn.functional.pixel_shuffle(self.up_fine(torch.relu(h)), 2))
        return nn.functional.pixel_shuffle(self.output(torch.relu(h)), 2)


class Autoencoder(nn.Module):
    """Encoder and decoder with the normalisation of the latents between them.

    `encode` and `decode` speak normalised latents (mean 0, standard deviation 1 per channel over
    the training renders); the raw ones exist only during the autoencoder's own training.
    """

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.register_buffer("latent_mean", torch.zeros(1, LATENT_CHANNELS, 1, 1))
        self.register_buffer("latent_std", torch.ones(1, LATENT_CHANNELS, 1, 1))

    def encode(self, images):
        return (self.encoder(images) - self.latent_mean) / self.latent_std

    def decode(self, latents):
        return self.decoder(latents * self.latent_std + self.latent_mean)

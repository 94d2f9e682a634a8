"""Sampling for previews and evaluation: Euler along the rectified flow with classifier-free guidance."""

import numpy as np
import torch

SHIFT = 3.0  # more steps where the training has more samples: at much noise, where backdrop, colour and outline are settled


def flow_sigmas(steps: int, shift: float = SHIFT) -> np.ndarray:
    """Descending sigmas ending in 0, as diffusers' FlowMatchEulerDiscreteScheduler spaces them.

    It shifts its smallest sigma once when it is made and once more with all others.
    """
    def shifted(sigma):
        return shift * sigma / (1 + (shift - 1) * sigma)

    return np.append(shifted(np.linspace(1.0, shifted(0.001), steps)), 0.0)


@torch.no_grad()
def sample(unet, noise, text, null_text, steps=20, guidance_scale=3.0, shift=SHIFT):
    """Latents [B,8,h,w] from `noise`; `text` and `null_text` [B,L,d] share L. guidance_scale 1 means none."""
    x = noise
    sigmas = flow_sigmas(steps, shift)
    for sigma, sigma_next in zip(sigmas[:-1], sigmas[1:]):
        timestep = torch.full((len(x),), 1000.0 * sigma)
        if guidance_scale == 1:
            v = unet(x, timestep, text)
        else:
            both = unet(torch.cat([x, x]), torch.cat([timestep, timestep]), torch.cat([null_text, text]))
            unconditional, conditional = both.chunk(2)
            v = unconditional + guidance_scale * (conditional - unconditional)
        x = x + float(sigma_next - sigma) * v.float()
    return x

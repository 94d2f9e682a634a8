"""The exported weights sampled in PyTorch at bfloat16: several times as fast where the processor multiplies such matrices in hardware."""

import numpy as np
import torch

from initialise import load_exported
from parallel import Workers
from runtime import ExportedModel
from sampling import sample
from train_diffusion import Denoiser


class QuickModel(ExportedModel):
    """As ExportedModel, but for the denoiser, whose rounding makes somewhat different pictures (`difference` says how much)."""

    batch, sampler = 64, "PyTorch, bfloat16"

    def __init__(self, folder, threads: int = 2):
        super().__init__(folder, threads)
        self.denoiser = Denoiser(self.tokenizer.get_vocab_size()).eval().to(memory_format=torch.channels_last)
        load_exported(self.denoiser, folder)
        self.workers = Workers(threads)

    def generate(self, texts, noise: np.ndarray, steps: int = 20, guidance_scale: float = 3.0) -> np.ndarray:
        ids = torch.from_numpy(self.ids([*texts, ""]))
        share = -(-len(texts) // self.threads)

        def latents_of(window):
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                text = self.denoiser.text_encoder(ids[:-1][window])
                null = self.denoiser.text_encoder(ids[-1:]).expand(len(text), -1, -1)
                start = torch.from_numpy(noise[window]).contiguous(memory_format=torch.channels_last)
                return sample(self.denoiser.unet, start, text, null, steps, guidance_scale).float().contiguous().numpy()

        windows = [slice(i, min(i + share, len(texts))) for i in range(0, len(texts), share)]
        return self.decode(np.concatenate(self.workers.map(latents_of, windows)))

    def difference(self, texts, noise, steps: int = 20, guidance_scale: float = 3.0) -> float:
        """Mean absolute difference, of 255, from the pictures that the exported graphs make of the same noise."""
        exact = super().generate(texts, noise, steps, guidance_scale).astype(np.float32)
        return float(np.abs(self.generate(texts, noise, steps, guidance_scale) - exact).mean())

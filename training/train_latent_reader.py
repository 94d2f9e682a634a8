"""Train the reader of attributes from latents that the denoiser's training listens to (minutes); goes on from its checkpoint.

    python training/train_latent_reader.py --minutes 5
"""

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
from attribute_reading import accuracies, learn_to_read, reader_options, save_reader, visible_counts
from dataset import RenderedSet
from networks.readers import LatentReader
from parallel import Workers

NOISE, BLURS = 0.4, 3  # the denoiser's guesses are smoother than latents, and rough early in a run


def blurred(latents: torch.Tensor) -> torch.Tensor:
    """Each channel with (1, 2, 1) / 4 along both sides."""
    row = torch.tensor([0.25, 0.5, 0.25])
    kernel = (row[:, None] * row).expand(latents.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(latents, (1, 1, 1, 1), mode="replicate"), kernel, groups=latents.shape[1])


def spoilt(latents: torch.Tensor, rng) -> torch.Tensor:
    """Half of the batch as it is; the other half blurred up to three times, with noise of up to 0.4."""
    half = len(latents) // 2
    part = latents[half:]
    for _ in range(int(rng.integers(0, BLURS + 1))):
        part = blurred(part)
    strength = torch.from_numpy(rng.uniform(0, NOISE, (len(part), 1, 1, 1)).astype(np.float32))
    noise = torch.from_numpy(rng.standard_normal(part.shape, dtype=np.float32))
    return torch.cat([latents[:half], part + strength * noise])


def main():
    options = reader_options(__doc__, "latent-reader", minutes=5, batch=128)
    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    data, heldout = RenderedSet(options.data, options.size), RenderedSet(options.heldout, options.size)
    latents = np.load(data.folder / "latents.npy", mmap_mode="r")
    attributes = np.array(data.attributes[: data.done]).astype(np.int64)
    rng, half = np.random.default_rng(options.seed), options.batch // options.threads

    def next_parts():
        rows = rng.integers(0, data.done, options.batch)
        batch = torch.from_numpy(latents[rows]).float()
        labels = torch.from_numpy(attributes[rows])
        return [(spoilt(part, rng), label) for part, label in zip(batch.split(half), labels.split(half))]

    reader, seen = LatentReader(visible_counts()), 0
    path = checkpoint.CHECKPOINTS / f"{options.name}.pt"
    if path.exists():
        state = checkpoint.load(path)
        reader.load_state_dict(state["model"])
        seen = state["step"]
    reader, step = learn_to_read(reader, next_parts, options, workers)
    unseen = torch.from_numpy(np.array(np.load(heldout.folder / "latents.npy", mmap_mode="r")[: min(2000, heldout.done)])).float()
    labels = torch.from_numpy(np.array(heldout.attributes[: len(unseen)]).astype(np.int64))
    print("read right, of held-out renders:", accuracies(reader, unseen, labels))
    save_reader(reader, seen + step, options)


if __name__ == "__main__":
    main()

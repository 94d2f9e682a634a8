"""Train the reader of attributes from pictures that the decoder's textures are learnt with (minutes).

    python training/train_picture_reader.py --minutes 6
"""

import argparse

import numpy as np
import torch

import checkpoint
from dataset import RenderedSet, to_images
from networks.picture_reader import PictureReader
from parallel import Workers
from train_latent_reader import accuracies, learn_to_read, save_reader, visible_counts


def load_picture_reader(name="picture-reader") -> PictureReader:
    """The averaged weights, frozen."""
    model = PictureReader(visible_counts()).eval().requires_grad_(False)
    model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{name}.pt")["model"])
    return model.to(memory_format=torch.channels_last)


def shifted(images: torch.Tensor, rng, by: int = 4) -> torch.Tensor:
    """Moved by up to `by` pixels along both sides, the edges repeated."""
    down, across = rng.integers(-by, by + 1, 2)
    padded = torch.nn.functional.pad(images, (by,) * 4, mode="replicate")
    return padded[..., by + down : by + down + images.shape[2], by + across : by + across + images.shape[3]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default="picture-reader")
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    data, heldout = RenderedSet(options.data, options.size), RenderedSet(options.heldout, options.size)
    attributes = np.array(data.attributes[: data.done]).astype(np.int64)
    rng, half = np.random.default_rng(options.seed), options.batch // options.threads

    def next_parts():
        rows = rng.integers(0, len(attributes), options.batch)
        pixels = np.stack([data.images[row][:, :: 1 if rng.random() < 0.5 else -1] for row in rows])
        images, labels = shifted(to_images(pixels), rng), torch.from_numpy(attributes[rows])
        return list(zip(images.split(half), labels.split(half)))

    reader, step = learn_to_read(PictureReader(visible_counts()), next_parts, options, workers)
    count = min(1000, heldout.done)
    labels = torch.from_numpy(np.array(heldout.attributes[:count]).astype(np.int64))
    print("read right, of held-out renders:", accuracies(reader, to_images(heldout.images[:count]), labels))
    save_reader(reader, step, options)


if __name__ == "__main__":
    main()

"""Train the reader of attributes from pictures that the decoder's textures are learnt with (minutes).

    python training/train_picture_reader.py --minutes 7
"""

import numpy as np
import torch
import torch.nn.functional as F

from attribute_reading import accuracies, learn_to_read, reader_options, save_reader, visible_counts
from dataset import RenderedSet, to_images
from networks.readers import PictureReader
from parallel import Workers


def shifted(images: torch.Tensor, rng, by: int = 4) -> torch.Tensor:
    """Moved by up to `by` pixels along both sides, the edges repeated."""
    down, across = rng.integers(-by, by + 1, 2)
    padded = F.pad(images, (by,) * 4, mode="replicate")
    return padded[..., by + down : by + down + images.shape[2], by + across : by + across + images.shape[3]]


def main():
    options = reader_options(__doc__, "picture-reader", minutes=7, batch=64)
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

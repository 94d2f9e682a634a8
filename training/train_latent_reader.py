"""Train the reader of attributes from latents that the denoiser's training listens to (minutes).

    python training/train_latent_reader.py --minutes 5
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
from dataset import RenderedSet
from networks.latent_reader import LatentReader
from optimizer import MovingAverage
from parallel import Workers
from stated import NAMES, value_counts

VISIBLE = tuple(name for name in NAMES if name != "mood")  # a mood cannot be seen for certain
NOISE, BLURS = 0.4, 3  # the denoiser's guesses are smoother than latents, and rough early in a run


def visible_counts() -> list[int]:
    return [value_counts()[name] for name in VISIBLE]


def load_latent_reader(name="latent-reader") -> LatentReader:
    """The averaged weights, frozen."""
    model = LatentReader(visible_counts()).eval().requires_grad_(False)
    model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{name}.pt")["model"])
    return model.to(memory_format=torch.channels_last)


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


def attribute_losses(logits: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    """[B, visible attributes]: cross-entropies; labels [B, attributes in the order of NAMES], those beyond an attribute's
    values (not stated, not applicable) count nothing."""
    columns = []
    for name, row in zip(VISIBLE, logits):
        target = labels[:, NAMES.index(name)]
        known = target < row.shape[1]
        columns.append(F.cross_entropy(row.float(), torch.where(known, target, 0), reduction="none") * known)
    return torch.stack(columns, 1)


def accuracies(model, latents, labels) -> dict:
    found = {}
    with torch.no_grad():
        logits = model(latents)
    for name, row in zip(VISIBLE, logits):
        target = labels[:, NAMES.index(name)]
        known = target < row.shape[1]
        found[name] = round(float((row.argmax(1) == target)[known].float().mean()), 4)
    return found


def learn_to_read(model, next_parts, options, workers) -> tuple[torch.nn.Module, int]:
    """Trains a reader of attributes on the micro-batches (input, labels) that `next_parts` makes, one batch ahead: the
    averaged weights and the number of steps."""
    model, average = model.to(memory_format=torch.channels_last), MovingAverage(model, 0.998)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    ahead = ThreadPoolExecutor(1)
    upcoming, begin, step = ahead.submit(next_parts), time.time(), 0
    while (share := (time.time() - begin) / (60 * options.minutes)) < 1:
        parts, upcoming = upcoming.result(), ahead.submit(next_parts)
        losses = workers.backward(lambda part: attribute_losses(model(part[0]), part[1]).sum(1).mean(), parts)
        optimizer.param_groups[0]["lr"] = options.learning_rate * min(1, (step + 1) / 50, max(0.02, 1.6 * (1 - share)))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(model)
        step += 1
        if step % 200 == 0:
            print(f"step {step}  {step * options.batch / (time.time() - begin):.0f} samples/s  loss {np.mean(losses):.4f}", flush=True)
    ahead.shutdown()
    return average.module.eval(), step


def save_reader(reader, step, options):
    checkpoint.save({"model": reader.state_dict(), "step": step, "samples": step * options.batch}, checkpoint.CHECKPOINTS / f"{options.name}.pt")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default="latent-reader")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    workers = Workers(options.threads)
    torch.manual_seed(options.seed)
    data, heldout = RenderedSet(options.data, options.size), RenderedSet(options.heldout, options.size)
    latents = np.load(data.folder / "latents.npy", mmap_mode="r")
    attributes = np.array(data.attributes[: data.done]).astype(np.int64)
    rng, half = np.random.default_rng(options.seed), options.batch // options.threads

    def next_parts():
        rows, sides = rng.integers(0, data.done, options.batch), rng.integers(0, 2, options.batch)
        batch = torch.from_numpy(np.stack([latents[row, side] for row, side in zip(rows, sides)])).float()
        labels = torch.from_numpy(attributes[rows])
        return [(spoilt(part, rng), label) for part, label in zip(batch.split(half), labels.split(half))]

    reader, step = learn_to_read(LatentReader(visible_counts()), next_parts, options, workers)
    unseen = torch.from_numpy(np.array(np.load(heldout.folder / "latents.npy", mmap_mode="r")[: min(2000, heldout.done), 0])).float()
    labels = torch.from_numpy(np.array(heldout.attributes[: len(unseen)]).astype(np.int64))
    print("read right, of held-out renders:", accuracies(reader, unseen, labels))
    save_reader(reader, step, options)


if __name__ == "__main__":
    main()

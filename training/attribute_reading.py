"""Reading attributes from latents or pictures: the losses that other networks listen to, and how such readers are trained."""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F

import checkpoint
from networks.readers import LatentReader, PictureReader
from optimizer import MovingAverage
from stated import NAMES, value_counts

VISIBLE = tuple(name for name in NAMES if name != "mood")  # a mood cannot be seen for certain


def visible_counts() -> list[int]:
    return [value_counts()[name] for name in VISIBLE]


def loaded(model, name):
    """The averaged weights, frozen."""
    model.load_state_dict(checkpoint.load(checkpoint.CHECKPOINTS / f"{name}.pt")["model"])
    return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def load_latent_reader() -> LatentReader:
    return loaded(LatentReader(visible_counts()), "latent-reader")


def load_picture_reader() -> PictureReader:
    return loaded(PictureReader(visible_counts()), "picture-reader")


def attribute_losses(logits: list[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    """[B, visible attributes]: cross-entropies; labels [B, attributes in the order of NAMES], those beyond an attribute's
    values (not stated, not applicable) count nothing."""
    columns = []
    for name, row in zip(VISIBLE, logits):
        target = labels[:, NAMES.index(name)]
        known = target < row.shape[1]
        columns.append(F.cross_entropy(row.float(), torch.where(known, target, 0), reduction="none") * known)
    return torch.stack(columns, 1)


def missing_losses(reader, made, original, labels) -> torch.Tensor:
    """[B, visible attributes]: how much worse `made` shows what the labels state than `original` does, as the reader sees
    both. What shows as much costs nothing, so that nothing is exaggerated for a reader in doubt."""
    with torch.no_grad():
        own = attribute_losses(reader(original), labels)
    return (attribute_losses(reader(made), labels) - own).clamp(min=0)


def accuracies(model, latents, labels) -> dict:
    found = {}
    with torch.no_grad():
        logits = model(latents)
    for name, row in zip(VISIBLE, logits):
        target = labels[:, NAMES.index(name)]
        known = target < row.shape[1]
        found[name] = round(float((row.argmax(1) == target)[known].float().mean()), 4)
    return found


def reader_options(description: str, name: str, minutes: float, batch: int) -> argparse.Namespace:
    """The command line of a reader's training, with its defaults."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", default="train")
    parser.add_argument("--heldout", default="heldout")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--name", default=name)
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


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

"""Rendered data sets on disk (see render_dataset.py), readable while they are still being written."""

import json
from pathlib import Path

import numpy as np
import torch

from checkpoint import HOME

DATA = HOME / ".data"


class RenderedSet:
    """Images, object masks, attributes and products of one folder; `done` counts the finished ones."""

    def __init__(self, name: str, size: int = 128, folder: Path | None = None):
        self.folder = Path(folder) if folder else DATA / f"{name}-{size}"
        self.size = size
        self.images = np.load(self.folder / "images.npy", mmap_mode="r")
        self.masks = np.load(self.folder / "mask.npy", mmap_mode="r")
        self.attributes = np.load(self.folder / "attributes.npy", mmap_mode="r")

    @property
    def done(self) -> int:
        return json.loads((self.folder / "dataset.json").read_text())["done"]

    def products(self, start: int = 0) -> list[str]:
        """The products' JSON lines from `start` on, as far as images of them are finished."""
        done = self.done
        with open(self.folder / "products.jsonl", encoding="utf-8") as lines:
            return [line for index, line in zip(range(done), lines) if index >= start]


def to_images(pixels: np.ndarray) -> torch.Tensor:
    """uint8 [B,H,W,3] to float32 [B,3,H,W] in [-1,1], channels last in memory."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().mul_(2 / 255).sub_(1)


def to_pixels(images: torch.Tensor) -> np.ndarray:
    """Images [B,3,H,W] in [-1,1] to uint8 [B,H,W,3]."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()

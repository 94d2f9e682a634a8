"""Checkpoints: written beside and renamed, so that a stop at any moment leaves a whole file."""

import os
from pathlib import Path

import torch

# the folder that holds .data and .checkpoints; the smoke run works in one of its own
HOME = Path(os.environ.get("GAMUT_TRAINING_HOME", Path(__file__).resolve().parent))
CHECKPOINTS = HOME / ".checkpoints"


def save(state: dict, path: Path) -> None:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load(path: Path) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True)

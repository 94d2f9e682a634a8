"""Attributes as numbers: what a caption states, and which pictures satisfy it."""

import numpy as np
import torch

import captions
import catalogue

NAMES = tuple(catalogue.ATTRIBUTES)
UNSTATED = 254
NOT_APPLICABLE = 255  # as in attributes.npy


def stated(text: str) -> np.ndarray:
    """uint8 [attributes]: the index of each stated value, UNSTATED elsewhere."""
    found = captions.brief_attributes(text)
    row = np.full(len(NAMES), UNSTATED, np.uint8)
    for name, value in found.items():
        row[NAMES.index(name)] = catalogue.ATTRIBUTES[name].index(value)
    return row


def satisfies(briefs: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """bool [briefs, pictures]: every stated attribute of the brief [T,A] is that of the picture [P,A]."""
    same = briefs[:, None] == pictures[None]
    return (same | (briefs == UNSTATED)[:, None]).all(2)


def value_counts() -> dict[str, int]:
    return {name: len(values) for name, values in catalogue.ATTRIBUTES.items()}

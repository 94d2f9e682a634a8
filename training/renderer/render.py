"""Pictures of products: `render(products, size)`."""

import numpy as np

from .picture import draw_batch
from .materials import MAX_PARTS
from .products import build
from .profile import MAX_POINTS
from .shape import MAX_PROFILES, MAX_ROWS, ROW
from .surface import PART, STUDIO


def render(products, size=128):
    """Images uint8 [N, size, size, 3] and object coverage uint8 [N, size, size]."""
    n = len(products)
    rows = np.zeros((n, MAX_ROWS, ROW))
    counts = np.zeros(n, np.int64)
    parts = np.zeros((n, MAX_PARTS, PART))
    studios = np.zeros((n, STUDIO))
    profiles = np.zeros((n, MAX_PROFILES, MAX_POINTS, 2), np.float32)
    profile_sizes = np.zeros((n, MAX_PROFILES), np.int64)
    profile_counts = np.zeros(n, np.int64)
    for i, product in enumerate(products):
        r, p, s, outlines = build(product)
        rows[i, :len(r)], counts[i], parts[i], studios[i] = r, len(r), p, s
        profile_counts[i] = len(outlines)
        for k, outline in enumerate(outlines):
            profiles[i, k, :len(outline)] = outline
            profile_sizes[i, k] = len(outline)
    images = np.empty((n, size, size, 3), np.uint8)
    masks = np.empty((n, size, size), np.uint8)
    draw_batch(size, rows, counts, parts, studios, profiles, profile_sizes, profile_counts, images, masks)
    return images, masks

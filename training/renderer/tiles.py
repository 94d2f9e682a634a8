"""Which primitives can the pixels of a tile see, and from what depth? Rays then ask only those, from there on."""

import math

import numpy as np

from .distance import allocating, distance_of
from .march import ray
from .surface import EYE, TANGENT

TILE = 4


@allocating
def see_tiles(size, rows, count, grids, frames, studio):
    """A cone is marched for every primitive, first for tiles of 16 pixels, then for their quarters and quarters of
    these, each from where its parent's cone stopped.

    Returns tiles across the picture, the primitives each sees, their number, and the depths between which they lie.
    """
    ex, ey, ez = studio[EYE], studio[EYE + 1], studio[EYE + 2]
    pixel = 2.0 * studio[TANGENT] / size
    tiles = 1
    while tiles * TILE < size:
        tiles *= 2
    seen = np.empty((tiles * tiles, count), np.int64)
    seen_count = np.zeros(tiles * tiles, np.int64)
    start = np.zeros(tiles * tiles)
    leave = np.zeros(tiles * tiles)
    coarse, coarse_t = np.empty((tiles * tiles, count), np.int64), np.empty((tiles * tiles, count))
    coarse_count = np.empty(tiles * tiles, np.int64)
    fine_t = np.empty((tiles * tiles, count))
    across = tiles // 4
    for tile in range(across * across):
        coarse_count[tile] = count
        for i in range(count):
            coarse[tile, i], coarse_t[tile, i] = i, -1.0
    for level in range(3):
        pixels = TILE * 4 >> level
        spread = pixel * pixels * 0.5 * 1.42 + pixel
        for ty in range(across):
            for tx in range(across):
                tile = ty * across + tx
                parent = tile if level == 0 else (ty // 2) * (across // 2) + tx // 2
                seen_count[tile] = 0
                if coarse_count[parent] == 0:
                    continue
                dx, dy, dz = ray(studio, (tx + 0.5) * pixels / size * 2 - 1, 1 - (ty + 0.5) * pixels / size * 2)
                first, last = 1e9, 0.0
                for n in range(coarse_count[parent]):
                    i = coarse[parent, n]
                    px, py, pz = rows[i, 4] - ex, rows[i, 5] - ey, rows[i, 6] - ez
                    along = px * dx + py * dy + pz * dz
                    reach = rows[i, 7] + rows[i, 2] + spread * along
                    if px * px + py * py + pz * pz - along * along > reach * reach:
                        continue
                    t, far = max(along - reach, coarse_t[parent, n]), along + reach
                    # a cone that has not made up its mind after these steps counts as a hit
                    for _ in range(40):
                        gap = distance_of(rows, i, grids, frames, ex + dx * t, ey + dy * t, ez + dz * t) - t * spread - rows[i, 2]
                        if gap < 0.0:
                            break
                        t += gap * 0.98 + 0.003
                        if t > far:
                            break
                    if t <= far:
                        t -= t * spread
                        seen[tile, seen_count[tile]] = i
                        fine_t[tile, seen_count[tile]] = t
                        seen_count[tile] += 1
                        first, last = min(first, t), max(last, far)
                start[tile], leave[tile] = first, last
        if level < 2:
            for tile in range(across * across):
                coarse_count[tile] = seen_count[tile]
                for n in range(seen_count[tile]):
                    coarse[tile, n], coarse_t[tile, n] = seen[tile, n], fine_t[tile, n]
            across *= 2
    return tiles, seen, seen_count, start, leave

"""Colours and the surfaces of a product's parts."""

from functools import lru_cache

import numpy as np

from . import surface

BODY, PLAIN_BODY, TRIM, SHADE_PART, DIAL, CANDLE, FLAME_PART, WICK, LEAF_PART, SOIL = range(10)
MAX_PARTS = 10

COLORS = {
    "white": "#f4f3ef", "black": "#232325", "grey": "#8d9094", "cream": "#ecdcb4", "brown": "#6f4528",
    "red": "#cf2f2f", "terracotta": "#bb5c3c", "orange": "#f08526", "yellow": "#f5cc3a", "green": "#3f9a4f",
    "teal": "#1f9d97", "blue": "#2f66d0", "navy": "#22336f", "purple": "#7d46a8", "pink": "#f09ab4",
    "silver": "#d4d6d9", "gold": "#dcb154", "copper": "#d58560", "clear": "#f2f6f4",
}
METAL_COLORS = ("silver", "gold", "copper")
MATERIALS = {"glazed": surface.GLAZED, "matte": surface.MATTE, "metal": surface.METAL, "wood": surface.WOOD,
             "glass": surface.GLASS, "fabric": surface.FABRIC, "stone": surface.STONE}
PATTERNS = {"plain": surface.PLAIN, "stripes": surface.STRIPES, "bands": surface.BANDS, "dots": surface.DOTS,
            "checks": surface.CHECKS}
TEN_PAST_TEN = np.radians((60, 305))  # the minute and the hour hand, as clocks are photographed
FURNITURE = ("chair", "stool", "table")


@lru_cache
def linear(color):
    """Linear RGB of a colour name or #rrggbb."""
    code = COLORS.get(color, color)
    return np.array([int(code[i:i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2


def part_row(kind, color, seed):
    row = np.zeros(surface.PART)
    row[0] = kind
    row[1:4] = color
    row[5:8] = color
    row[14] = seed
    row[17:19] = -9, 9
    row[19] = 1.0
    row[22] = 1.0
    return row


def tinted(product, name, shift):
    """The named colour, shifted a little so that no two reds are the same."""
    color = linear(name)
    grey = color.mean()
    color = grey + (color - grey) * (1 + 0.12 * shift[0])
    return np.clip(color * (1 + 0.13 * shift[1]), 0.003, 0.97)


def trim_kind(product, main):
    """Material of the accent: gold shines, brown legs are wood, the rest follows the body."""
    if product.accent in METAL_COLORS:
        return surface.METAL
    if product.accent == "brown" and product.category in FURNITURE + ("planter", "clock"):
        return surface.WOOD
    if main in (surface.GLASS, surface.METAL, surface.GLAZED, surface.STONE):
        return surface.GLAZED
    return surface.MATTE


def surfaces(product, extent, notes):
    """Rows for all parts of a product. `extent` is the half width and height of the patterned body."""
    rng = np.random.default_rng([product.seed, 7])
    shift = rng.uniform(-1, 1, 4)
    seed = rng.uniform(0, 40)
    kind = MATERIALS[product.material]
    main = tinted(product, product.color, shift)
    trim = main if product.accent == "none" else tinted(product, product.accent, shift[2:])
    rows = np.tile(part_row(kind, main, seed), (MAX_PARTS, 1))
    decorate(rows[BODY], product, trim, extent, rng)
    if product.category == "lamp":
        rows[BODY][4] = surface.PLAIN
    if product.accent != "none":
        rows[TRIM] = part_row(trim_kind(product, kind), trim, seed + 3)

    if product.category == "lamp":
        shade = linear("#efe4cf") if product.accent == "none" else trim
        if product.pattern != "plain":
            shade = main
        rows[SHADE_PART] = part_row(surface.SHADE, shade, seed)
        rows[SHADE_PART][13] = (0.0, 0.0, 0.35, 0.6)[int(shift[3] * 1.99 + 2)]
        decorate(rows[SHADE_PART], product, trim, extent, rng)
    if product.category == "clock":
        face = part_row(surface.FACE, linear("#f6f3ea"), seed)
        if product.color in ("white", "cream"):
            face[1:4] = linear("#34383f")
            face[5:8] = linear("#f4f1e8")
        else:
            face[5:8] = linear("#26272b")
        face[15], face[16], face[22] = notes["dial"]
        face[20:22] = TEN_PAST_TEN
        rows[DIAL] = face
    elif product.category == "candlestick":
        candle = linear("#f3ecdc") if product.accent == "none" else trim
        rows[CANDLE] = part_row(surface.MATTE, candle, seed)
        rows[CANDLE][13] = 0.06
        rows[FLAME_PART] = part_row(surface.FLAME, linear("#ffb347"), seed)
        rows[FLAME_PART][13] = 1.6
        rows[WICK] = part_row(surface.MATTE, linear("#33302c"), seed)
    elif product.category == "planter":
        rows[LEAF_PART] = part_row(surface.LEAF, linear("#4f8a43") * rng.uniform(0.7, 1.2, 3), seed)
    rows[SOIL] = part_row(surface.MATTE, linear("#a9794c" if product.category == "bottle" else "#4a3526"), seed)
    return rows


def decorate(row, product, second, extent, rng):
    """Second colour and pattern; features are at least nine pixels wide at 128 (0.127 units)."""
    row[4] = PATTERNS[product.pattern]
    row[5:8] = second
    width, low, high = extent
    size = 0.127 + 0.028 * rng.random()
    if product.category in FURNITURE:
        row[8] = 1
    size = min(size, max((high - low) / 3, 0.11))
    row[9] = size
    row[10] = max(2 * round(np.pi * width / (2 * size)), 4) if product.pattern == "dots" else max(round(np.pi * width / size), 3)
    # A stripe or dot faces the camera: where it began anywhere, the denoiser found no place for it and drew smears.
    row[11] = 0.5 if row[8] == 1 else 0.5 - row[10] * (0.25 + product.yaw / (2 * np.pi))
    # whole bands fit between foot and lip
    count = max(round((high - low) / size), 2)
    row[9] = (high - low) / count if row[8] == 0 else size
    row[12] = low + (row[9] * 0.5 if product.pattern != "dots" else 0.0)

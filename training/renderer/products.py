"""From a product of the catalogue to the tables that the marcher draws."""

import numpy as np

from . import furniture, vessels
from .materials import surfaces
from .shape import Shape
from .studio import studio_row

# builder and the usual height and width in units (a picture is 1.62 units high)
BUILDERS = {
    "mug": (vessels.mug, 0.74, 0.68), "vase": (vessels.vase, 0.98, 0.62), "bottle": (vessels.bottle, 1.06, 0.40),
    "bowl": (vessels.bowl, 0.44, 0.96), "jug": (vessels.jug, 0.90, 0.60), "teapot": (vessels.teapot, 0.70, 0.62),
    "goblet": (vessels.goblet, 0.98, 0.54), "planter": (vessels.planter, 0.96, 0.62),
    "lamp": (furniture.lamp, 1.06, 0.68), "candlestick": (furniture.candlestick, 1.00, 0.46),
    "clock": (furniture.clock, 0.84, 0.84), "chair": (furniture.chair, 0.98, 0.56),
    "stool": (furniture.stool, 0.84, 0.64), "table": (furniture.table, 0.70, 1.02),
}


def build(product):
    """Rows, parts, studio and profiles of one product."""
    builder, height, width = BUILDERS[product.category]
    h, w = height * product.height_scale, width * product.width_scale
    shape = Shape()
    notes = builder(shape, product.detail, h, w, product.form) or {}
    if product.category == "lamp":
        extent = (w / 2, 0.55 * h * 0.93, h)
    elif product.category == "planter":
        rise = 0.24 if product.detail == "raised legs" else 0.0
        extent = (w / 2, rise, rise + 0.52 * h)
    elif product.category == "goblet":
        extent = (w / 2, 0.42 * h, h)
    elif product.category == "bottle":
        extent = (w / 2, 0.0, 0.62 * h)
    elif product.category == "teapot":
        extent = (w / 2, 0.0, 0.84 * h)
    else:
        extent = (w / 2, 0.0, h)
    parts = surfaces(product, extent, notes)
    return np.stack(shape.rows), parts, studio_row(product, shape.low, shape.high), shape.profiles

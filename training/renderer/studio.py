"""Lights, backdrops and the camera, as the row of numbers that `surface.py` names."""

import math

import numpy as np

from . import surface
from .materials import linear

TAN_HALF = 0.135
DISTANCE = 6.0  # the picture is 1.62 units high at the object

BACKDROPS = {"white": "#f1f1f0", "grey": "#a9acb0", "sand": "#dfc79b", "dark": "#2f3033", "sky": "#9cc6ea",
             "sage": "#a9c3a0", "blush": "#efb9b4", "navy": "#2a3a66"}
DARK_BACKDROPS = ("dark", "navy")

# key direction, key colour, hardness of the shadow, sky, ground bounce, rim direction and colour, spot (u, v, size,
# gain), fall-off, tint, shadow strength
LIGHTS = {
    "soft": dict(key=(-0.55, 1.0, 0.65), color=(0.72, 0.71, 0.70), hardness=5.0, sky=(0.50, 0.50, 0.51), ground=(0.30, 0.30, 0.30),
                 rim=(0.8, 0.3, -0.55), rim_color=(0.10, 0.10, 0.10), spot=(0.0, 0.05, 1.1, 0.10), fall=0.10,
                 tint=(1.0, 1.0, 1.0), shadow=0.42),
    "dramatic": dict(key=(-1.0, 0.62, 0.12), color=(1.45, 1.42, 1.38), hardness=26.0, sky=(0.16, 0.16, 0.17),
                     ground=(0.10, 0.10, 0.10), rim=(0.9, 0.25, -0.4), rim_color=(0.10, 0.10, 0.12),
                     spot=(-0.25, 0.1, 0.75, 0.52), fall=0.62, tint=(1.0, 0.99, 0.97), shadow=0.78),
    "warm": dict(key=(0.85, 0.75, 0.55), color=(1.05, 0.76, 0.42), hardness=9.0, sky=(0.42, 0.36, 0.29),
                 ground=(0.30, 0.24, 0.17), rim=(-0.8, 0.3, -0.5), rim_color=(0.14, 0.08, 0.03),
                 spot=(0.35, 0.0, 0.9, 0.24), fall=0.28, tint=(1.10, 0.94, 0.74), shadow=0.55),
    "cool": dict(key=(-0.4, 1.1, 0.5), color=(0.58, 0.68, 0.82), hardness=6.0, sky=(0.40, 0.47, 0.56), ground=(0.25, 0.28, 0.33),
                 rim=(0.8, 0.3, -0.5), rim_color=(0.08, 0.11, 0.16), spot=(-0.2, 0.2, 1.0, 0.12), fall=0.18,
                 tint=(0.86, 0.97, 1.12), shadow=0.48),
    "backlit": dict(key=(0.30, 0.72, -0.85), color=(1.25, 1.22, 1.15), hardness=9.0, sky=(0.34, 0.34, 0.35),
                    ground=(0.30, 0.30, 0.30), rim=(-0.75, 0.35, -0.65), rim_color=(0.75, 0.74, 0.70),
                    spot=(0.0, 0.35, 0.62, 0.42), fall=0.34, tint=(1.0, 1.0, 0.99), shadow=0.60),
}

# height of the camera's target above half of the object, usual elevation in degrees
ELEVATION = {"bowl": 24, "mug": 19, "teapot": 18, "stool": 18, "table": 20, "chair": 15, "planter": 17, "clock": 9,
             "goblet": 15, "candlestick": 14}


def unit(v):
    v = np.asarray(v, float)
    return v / math.sqrt(v @ v)


def studio_row(product, low, high):
    """The studio for one product whose bounding box is low..high (in its own frame, feet at y = 0)."""
    row = np.zeros(surface.STUDIO)
    light = LIGHTS[product.light]
    yaw = product.yaw
    c, s = math.cos(yaw), math.sin(yaw)
    elevation = math.radians(ELEVATION.get(product.category, 14) + product.elevation)
    distance = DISTANCE * product.zoom

    # The target follows half of the object's rise only, and size is not normalised: short stays short in the picture.
    tallest = high[1]
    target = np.array([0.0, 0.15 + 0.37 * tallest, 0.0])
    # an arm, spout or handle on one side is balanced half-way
    middle_x, middle_z = (low[0] + high[0]) / 2, (low[2] + high[2]) / 2
    target[0] += 0.6 * (middle_x * c + middle_z * s)
    target = target + [product.shift_x, product.shift_y, 0]
    eye = target + distance * np.array([0, math.sin(elevation), math.cos(elevation)])
    forward = unit(target - eye)
    right = unit((-forward[2], 0.0, forward[0]))
    up = np.array([right[1] * forward[2] - right[2] * forward[1], right[2] * forward[0] - right[0] * forward[2],
                   right[0] * forward[1] - right[1] * forward[0]])

    def own(v):  # from the studio into the object's frame
        return np.array([v[0] * c - v[2] * s, v[1], v[2] * c + v[0] * s])

    row[surface.EYE:surface.EYE + 3] = own(eye)
    row[surface.FORWARD:surface.FORWARD + 3] = own(forward)
    row[surface.RIGHT:surface.RIGHT + 3] = own(right)
    row[surface.UP:surface.UP + 3] = own(up)
    row[surface.TANGENT], row[surface.COSINE], row[surface.SINE] = TAN_HALF, c, s
    turn = product.light_turn
    kx, ky, kz = light["key"]
    key = unit((kx * math.cos(turn) + kz * math.sin(turn), ky, kz * math.cos(turn) - kx * math.sin(turn)))
    row[surface.KEY:surface.KEY + 3] = key
    row[surface.KEY_COLOR:surface.KEY_COLOR + 3] = light["color"]
    row[surface.HARDNESS] = light["hardness"]
    paper = linear(BACKDROPS[product.backdrop])
    # a dark paper throws less light back on the object
    bounce = 0.35 + 0.65 * paper / max(paper.mean(), 0.25)
    row[surface.SKY:surface.SKY + 3] = light["sky"]
    row[surface.GROUND:surface.GROUND + 3] = np.array(light["ground"]) * np.clip(bounce, 0.3, 1.3)
    row[surface.RIM:surface.RIM + 3] = unit(light["rim"])
    row[surface.RIM_COLOR:surface.RIM_COLOR + 3] = np.array(light["rim_color"]) * (2.6 if product.backdrop in DARK_BACKDROPS else 1.0)
    row[surface.BACKDROP:surface.BACKDROP + 3] = paper
    row[surface.SPOT_U:surface.SPOT_U + 4] = light["spot"]
    row[surface.FALL] = light["fall"]
    row[surface.TINT:surface.TINT + 3] = light["tint"]
    row[surface.SHADOW] = light["shadow"] * (0.5 if product.material == "glass" else 1.0)
    row[surface.EXPOSURE] = 1.0 + 0.04 * product.light_turn
    row[surface.LOW:surface.LOW + 3] = low - 0.01
    row[surface.HIGH:surface.HIGH + 3] = high + 0.01
    return row

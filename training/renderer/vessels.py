"""Things that hold something: mug, vase, bottle, bowl, jug, teapot, goblet, planter.

A builder takes the shape to fill, the detail, height and width in units (a picture is 1.62 units high) and six
numbers in [0, 1] which vary the form. Parts: see materials.py. Handles are on +x, spouts on -x.
"""

import math

import numpy as np

from .materials import BODY, LEAF_PART, PLAIN_BODY, SOIL, TRIM
from .profile import curve, disc, open_vessel, solid


def standing(*points):
    """Spline from foot to lip with a slightly rounded foot."""
    smooth = curve(*points)
    return np.concatenate([[[max(smooth[0, 0] - 0.02, 0.004), 0.0]], smooth[1:]])


def side_handle(shape, outer, low, high, out, thickness, corner=1.0, flat=1.0, part=PLAIN_BODY, blend=0.03, fold=0):
    """A handle whose ends sit on the outline at two heights."""
    r1, r2 = np.interp([low, high], outer[:, 1], outer[:, 0])
    length = math.hypot(r2 - r1, high - low)
    tilt = math.atan2(-(r2 - r1) / length, (high - low) / length)
    half = length / 2
    shape.handle((r1 + r2) / 2 - 0.01, (low + high) / 2, out, half, corner * min(out, half), thickness, flat=flat,
                 cut=-0.004, tilt=tilt, part=part, blend=blend, fold=fold)


def mug(shape, detail, h, w, u):
    r = w / 2
    if detail == "round body":
        outer = standing((0.66 * r, 0), (0.97 * r, 0.25 * h), (1.06 * r, 0.52 * h), (0.9 * r, 0.85 * h), (0.86 * r, h))
    elif detail == "flared rim":
        outer = standing((0.66 * r, 0), (0.72 * r, 0.3 * h), (0.84 * r, 0.68 * h), (1.12 * r, h))
    else:
        foot = 0.86 + 0.14 * u[0]
        outer = standing((foot * r, 0), ((foot + 0.02) * r, 0.06 * h), ((foot * 0.5 + 0.5) * r, 0.5 * h), (r, h))
    shape.revolve(open_vessel(outer, 0.034, 0.05), BODY, blend=0.03)
    angular = detail == "angular handle"
    side_handle(shape, outer, (0.24 - 0.06 * u[1]) * h, (0.76 + 0.08 * u[2]) * h, 0.19 + 0.07 * u[3],
                0.034 + 0.012 * u[4], corner=0.28 if angular else 1.0, flat=1.25, part=TRIM)


def vase(shape, detail, h, w, u):
    r = w / 2
    flutes = (0, 0)
    if detail == "narrow neck":
        neck = (0.2 + 0.08 * u[0]) * r
        outer = standing((0.5 * r, 0), (0.92 * r, 0.16 * h), (r, 0.32 * h), (0.72 * r, 0.52 * h), (neck, 0.72 * h),
                         (neck, 0.88 * h), (neck * 1.6, h))
    elif detail == "flared rim":
        outer = standing((0.6 * r, 0), (0.6 * r, 0.2 * h), (0.5 * r, 0.55 * h), (0.62 * r, 0.8 * h), (1.08 * r, h))
    elif detail == "hourglass shape":
        waist = 0.36 + 0.14 * u[0]
        outer = standing((0.92 * r, 0), (0.86 * r, 0.15 * h), (waist * r, 0.5 * h), (0.84 * r, 0.85 * h), (r, h))
    elif detail == "fluted body":
        flutes = (12, 0.05)
        outer = standing((0.62 * r, 0), (0.78 * r, 0.3 * h), (0.92 * r, 0.7 * h), (0.98 * r, h))
    elif detail == "two handles":
        outer = standing((0.42 * r, 0), (0.7 * r, 0.2 * h), (0.88 * r, 0.5 * h), (0.66 * r, 0.72 * h),
                         (0.4 * r, 0.86 * h), (0.52 * r, h))
    else:
        belly = 0.42 + 0.2 * u[0]
        mouth = 0.48 + 0.2 * u[1]
        outer = standing((0.55 * r, 0), (0.86 * r, belly * 0.5 * h), (r, belly * h), (0.8 * r, (belly + 0.24) * h),
                         (mouth * r, 0.93 * h), ((mouth + 0.06) * r, h))
    shape.revolve(open_vessel(outer, 0.03, 0.06), BODY, flutes=flutes, blend=0.03)
    if detail == "two handles":
        side_handle(shape, outer, 0.5 * h, 0.88 * h, 0.16 + 0.05 * u[2], 0.03, part=TRIM, fold=1)


def bottle(shape, detail, h, w, u):
    r = w / 2
    neck = max((0.3 + 0.1 * u[0]) * r, 0.05)
    top = 0.88 * h
    if detail == "long neck":
        outer = standing((0.92 * r, 0), (r, 0.05 * h), (r, 0.28 * h), (0.8 * r, 0.4 * h), (neck, 0.53 * h),
                         (neck * 0.9, 0.75 * h), (neck, top))
    else:
        shoulder = 0.5 + 0.08 * u[1]
        outer = standing((0.92 * r, 0), (r, 0.04 * h), (r, 0.3 * h), (r * 0.98, (shoulder - 0.02) * h),
                         (0.72 * r, (shoulder + 0.1) * h), (neck, (shoulder + 0.19) * h), (neck, top))
    shape.revolve(open_vessel(outer, 0.026, 0.05), BODY)
    if detail == "ball stopper":
        ball = max(neck * 1.45, 0.085)
        shape.ellipsoid((0, top + ball * 0.85, 0), (ball, ball, ball), TRIM)
    elif detail == "cork stopper":
        plug = disc(neck * 0.95, top - 0.02, top + 0.1 * h, 0.015)
        shape.revolve(plug, SOIL)
    else:
        shape.revolve(disc(neck + 0.03, top - 0.05 * h, h, 0.02), TRIM)


def bowl(shape, detail, h, w, u):
    r = w / 2
    flutes = (0, 0)
    deep = 0.76 + 0.1 * u[0]
    if detail == "footed base":
        foot = 0.22 * h
        outer = standing((0.46 * r, 0), (0.36 * r, foot * 0.5), (0.36 * r, foot), (deep * r, 0.5 * h), (r, h))
        floor = foot + 0.05
    elif detail == "broad rim":
        outer = standing((0.4 * r, 0), (0.6 * r, 0.3 * h), (0.72 * r, 0.78 * h), (0.84 * r, 0.93 * h), (1.05 * r, h))
        floor = 0.05
    else:
        if detail == "fluted body":
            flutes = (14, 0.045)
        outer = standing((0.42 * r, 0), (deep * 0.82 * r, 0.2 * h), (deep * 1.12 * r, 0.6 * h), (r, h))
        floor = 0.05
    shape.revolve(open_vessel(outer, 0.034, floor), BODY, flutes=flutes)


def jug(shape, detail, h, w, u):
    r = w / 2
    if detail == "round body":
        outer = standing((0.6 * r, 0), (0.98 * r, 0.2 * h), (1.05 * r, 0.4 * h), (0.74 * r, 0.68 * h),
                         (0.6 * r, 0.82 * h), (0.68 * r, h))
    elif detail == "long neck":
        outer = standing((0.62 * r, 0), (r, 0.22 * h), (0.86 * r, 0.42 * h), (0.44 * r, 0.6 * h), (0.4 * r, 0.8 * h),
                         (0.56 * r, h))
    else:
        waist = 0.6 + 0.12 * u[0]
        outer = standing((0.8 * r, 0), (0.92 * r, 0.2 * h), (0.88 * r, 0.45 * h), (waist * r, 0.76 * h),
                         (0.76 * r, h))
    shape.revolve(open_vessel(outer, 0.032, 0.05), BODY, lip=(0.11 + 0.05 * u[1], 0.7 * h, h), blend=0.03)
    side_handle(shape, outer, (0.3 + 0.08 * u[2]) * h, 0.9 * h, 0.2 + 0.06 * u[3], 0.034, flat=1.3, part=TRIM,
                corner=0.85)


def teapot(shape, detail, h, w, u):
    r = w / 2
    top = 0.84 * h
    mouth = 0.42 + 0.1 * u[0]
    if detail == "tapered body":
        outer = standing((0.98 * r, 0), (r, 0.1 * h), (0.84 * r, 0.45 * h), (mouth * r, top))
    else:
        outer = standing((0.56 * r, 0), (0.94 * r, 0.2 * h), (1.02 * r, 0.44 * h), (0.84 * r, 0.68 * h), (mouth * r, top))
    shape.revolve(solid(outer), BODY, blend=0.04)
    # spout: three rods along a bent line
    low = 0.3 * h
    start = np.interp(low, outer[:, 1], outer[:, 0]) - 0.06
    tip = 1.02 * r + 0.2 + 0.08 * u[1]
    points = [(-start, low, 0), (-(start + tip) / 2 - 0.05, low + 0.06 * h, 0), (-tip + 0.05, 0.58 * h, 0),
              (-tip - 0.03, (0.8 + 0.1 * u[2]) * h, 0)]
    radii = (0.105, 0.075, 0.055, 0.047)
    for n in range(3):
        shape.cone(points[n], points[n + 1], radii[n], radii[n + 1], PLAIN_BODY, blend=0.05)
    if detail == "top handle":
        reach = 0.62 * r + 0.03
        shape.handle(0, 0.74 * h, 0.62 * h + 0.05 * u[3], reach, 0.8 * reach, 0.03, cut=0.0, tilt=math.pi / 2,
                     part=PLAIN_BODY, blend=0.02)
    else:
        side_handle(shape, outer, 0.2 * h, 0.7 * h, 0.2 + 0.06 * u[3], 0.036, corner=0.9)
    lid = solid(curve(((mouth + 0.05) * r, top - 0.012), ((mouth + 0.05) * r, top + 0.01), (0.3 * r, top + 0.07 * h),
                      (0.03, top + 0.1 * h)))
    shape.revolve(lid, TRIM)
    knob = 0.055 + 0.015 * u[4]
    shape.ellipsoid((0, top + 0.1 * h + knob * 0.7, 0), (knob, knob, knob), TRIM, blend=0.02)


def goblet(shape, detail, h, w, u):
    r = w / 2
    stem = 0.036 + 0.014 * u[0]
    cup = (0.42 + 0.08 * u[1]) * h
    foot = np.concatenate([curve((0.7 * r, 0), (0.68 * r, 0.03), (0.3 * r, 0.055), (stem * 1.1, 0.12)),
                           curve((stem, 0.2), (stem, cup - 0.06))])
    if detail == "tulip shape":
        bell = curve((stem + 0.02, cup - 0.02), (0.72 * r, cup + 0.1 * h), (0.82 * r, cup + 0.28 * h), (r, h))
    else:
        bell = curve((stem + 0.02, cup - 0.02), (0.78 * r, cup + 0.1 * h), (r, cup + 0.28 * h), (0.84 * r, h))
    outer = np.concatenate([[[0.7 * r - 0.015, 0]], foot, bell])
    shape.revolve(open_vessel(outer, 0.026, cup + 0.03), BODY)


def planter(shape, detail, h, w, u):
    r = w / 2
    rise = 0.24 if detail == "raised legs" else 0.0
    pot = 0.52 * h
    foot = 0.68 + 0.2 * u[0]
    outer = standing((foot * r, 0), ((foot * 0.6 + 0.4) * r, 0.4 * pot), (r, pot)) + [0, rise]
    shape.revolve(open_vessel(outer, 0.045, pot * 0.8), BODY)
    inside = np.interp(rise + pot * 0.72, outer[:, 1], outer[:, 0]) - 0.012
    shape.revolve(disc(inside, rise + pot * 0.72, rise + pot * 0.86, 0.01), SOIL)
    if rise:
        shape.cone((0.5 * r, rise + 0.05, 0.5 * r), (0.72 * r, 0.02, 0.72 * r), 0.032, 0.022, TRIM, fold=3)
    base = rise + pot * 0.86
    tall = 0.3 + 0.22 * h
    if detail == "cactus":
        thick = 0.1 + 0.02 * u[1]
        shape.cone((0, base, 0), (0, base + tall, 0), thick, thick * 0.95, LEAF_PART, blend=0.03)
        arm = thick * 0.62
        for side, low in ((1, 0.32 + 0.12 * u[2]), (-1, 0.5 + 0.12 * u[3])):
            elbow = (side * (thick + 0.12), base + low * tall, 0)
            shape.cone((0, base + low * tall, 0), elbow, arm, arm, LEAF_PART, blend=0.03)
            shape.cone(elbow, (elbow[0], elbow[1] + 0.34 * tall, 0), arm, arm * 0.9, LEAF_PART, blend=0.03)
    elif detail == "tall leaves":
        for n in range(7):
            a = n * 2.4 + 6.0 * u[1]
            spread = 0.03 if n == 0 else 0.12 + 0.2 * ((n * 0.37 + u[2]) % 1.0)
            length = tall * (1.25 if n == 0 else 0.8 + 0.4 * ((n * 0.61 + u[3]) % 1.0))
            x, z = math.cos(a), math.sin(a)
            shape.cone((0.06 * x, base - 0.02, 0.06 * z), (spread * x, base + length, spread * z), 0.055, 0.012,
                       LEAF_PART, blend=0.01)
    else:
        crown = 0.16 + 0.28 * r
        shape.ellipsoid((0, base + crown * 0.75, 0), (crown, crown * 0.9, crown), LEAF_PART, blend=0.05)
        for n in range(7):
            a = n * 0.9 + 6.0 * u[1]
            up = (0.25, 0.6, 0.95)[n % 3]
            out = crown * (0.75, 0.68, 0.42)[n % 3]
            ball = crown * (0.42 + 0.1 * ((n * 0.7 + u[2]) % 1.0))
            shape.ellipsoid((out * math.cos(a), base + crown * (0.35 + up), out * math.sin(a)), (ball, ball, ball),
                            LEAF_PART, blend=0.05)

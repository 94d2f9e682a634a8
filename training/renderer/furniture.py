"""Things that stand in a room: lamp, candlestick, clock, chair, stool, table. See vessels.py for the arguments."""

import math

import numpy as np

from .materials import BODY, CANDLE, DIAL, FLAME_PART, PLAIN_BODY, SHADE_PART, TRIM, WICK
from .profile import curve, disc, solid
from .vessels import standing


def shell(outer, wall):
    """A thin wall, open at both ends."""
    return np.concatenate([outer, (outer - [wall, 0])[::-1]])


def lamp(shape, detail, h, w, u):
    base = 0.55 * h
    foot = 0.17 + 0.1 * w
    form = int(u[0] * 2.999)
    if form == 0:
        outer = standing((foot * 0.75, 0), (foot, 0.25 * base), (foot * 0.8, 0.55 * base), (0.05, 0.85 * base), (0.035, base))
    elif form == 1:
        outer = standing((foot * 0.85, 0), (foot * 0.75, 0.12 * base), (foot * 0.36, 0.5 * base), (foot * 0.55, 0.8 * base),
                         (0.04, base))
    else:
        outer = np.concatenate([[[foot * 0.95, 0], [foot, 0.02], [foot * 0.98, 0.045]],
                                curve((foot * 0.4, 0.065), (0.034, 0.1), (0.03, base))])
    shape.revolve(solid(outer), BODY)
    low, high = base * 0.93, h
    r = w / 2
    if detail == "dome shade":
        side = curve((r, low), (r * 0.98, low + 0.3 * (high - low)), (r * 0.78, low + 0.72 * (high - low)),
                     (r * 0.42, high), (0.05, high + 0.02))
        wall = 0.024
    elif detail == "cone shade":
        side = np.array([[r * 1.08, low], [r * 0.42, high]])
        wall = 0.022
    else:
        side = np.array([[r, low], [r * (0.82 + 0.16 * u[1]), high]])
        wall = 0.022
    shape.revolve(shell(side, wall), SHADE_PART)
    shape.cone((0, base - 0.02, 0), (0, high - 0.06, 0), 0.02, 0.02, PLAIN_BODY)


def candlestick(shape, detail, h, w, u):
    r = w / 2
    cup = 0.58 * h
    candle = 0.055 + 0.012 * u[0]
    def taper(x, low, high, fold=0):
        shape.cone((x, low, 0), (x, high - candle * 0.4, 0), candle, candle, CANDLE, fold=fold)
        shape.cone((x, high, 0), (x, high + 0.05, 0), 0.01, 0.01, WICK, fold=fold)
        shape.ellipsoid((x, high + 0.085, 0), (0.026, 0.062, 0.026), FLAME_PART, fold=fold)
    if detail == "saucer base":
        cup = 0.3 * h
        foot = curve((0.8 * r, 0), (1.15 * r, 0.05), (1.22 * r, 0.085))
        inside = curve((1.16 * r, 0.085), (0.7 * r, 0.05), (0.1, 0.06), (candle + 0.02, cup))
        shape.revolve(solid(np.concatenate([foot, inside])), BODY, blend=0.02)
        shape.handle(1.15 * r + 0.06, 0.09, 0.09, 0.085, 0.08, 0.024, part=PLAIN_BODY, blend=0.02)
        taper(0, cup, 0.85 * h)
        return
    stem = 0.034 + 0.02 * u[1]
    knot = 0.35 + 0.3 * u[2]
    outer = np.concatenate([
        [[r * 0.97, 0], [r, 0.015]],
        curve((r * 0.95, 0.045), (r * 0.4, 0.075), (stem * 1.3, 0.14), (stem, cup * knot - 0.07), (stem + 0.05, cup * knot),
              (stem, cup * knot + 0.07), (stem, cup - 0.09), (candle + 0.04, cup - 0.015), (candle + 0.045, cup + 0.03))])
    shape.revolve(solid(outer), BODY, blend=0.02)
    if detail == "two arms":
        out = 0.2 + 0.35 * r
        shape.handle(0, cup - 0.02, 0.3 * h, out, 0.75 * min(out, 0.3 * h), 0.028, cut=0.0, tilt=-math.pi / 2,
                     part=PLAIN_BODY, blend=0.02)
        shape.cone((out, cup - 0.01, 0), (out, cup + 0.02, 0), 0.075, 0.08, PLAIN_BODY, fold=1, blend=0.02)
        taper(out, cup, 0.84 * h, fold=1)
        taper(0, cup, 0.94 * h)
    else:
        taper(0, cup, 0.9 * h)


def clock(shape, detail, h, w, u):
    depth = 0.11 + 0.03 * u[0]
    feet = 0.05
    if detail == "twin bells":
        case = 0.78 * h
        middle = feet + 0.03 + case / 2
        shape.revolve(disc(case / 2, -depth, depth, 0.04), BODY, at=(0, middle, 0), facing=True, squash=w / h)
        half = case / 2 * min(1.0, w / h)
        shape.ellipsoid((0.30 * w, middle + case * 0.46, 0), (0.15 * w, 0.10 * h, 0.11), TRIM, fold=1)
        shape.cone((0.3 * w, middle - case * 0.36, 0), (0.38 * w, 0.025, 0), 0.03, 0.03, TRIM, fold=1)
        shape.cone((0, middle + case * 0.48, 0), (0, middle + case * 0.62, 0), 0.022, 0.03, TRIM)
    elif detail == "arched top":
        arch = 0.5 * h
        shape.revolve(disc(arch, -depth, depth, 0.04), BODY, at=(0, h - arch, 0), facing=True, squash=w / 2 / arch, blend=0.02)
        shape.box((0, (h - arch + feet * 0.3) / 2, 0), (w / 2, (h - arch - feet * 0.3) / 2, depth), 0.035, BODY, blend=0.02)
        shape.box((0, 0.03, 0), (w / 2 + 0.05, 0.03, depth + 0.04), 0.02, TRIM)
        middle = h - max(arch, min(w, h) * 0.5)
        half = min(w, h) / 2
        middle = max(middle, half * 0.95)
    else:
        shape.box((0, feet + (h - feet) / 2, 0), (w / 2, (h - feet) / 2, depth), 0.06 + 0.06 * u[1], BODY)
        shape.ellipsoid((0.34 * w, 0.035, 0), (0.06, 0.045, 0.06), TRIM, fold=1)
        middle, half = feet + (h - feet) / 2, min(w, h - feet) / 2
    face = half * 0.76
    shape.revolve(disc(face, -0.02, 0.02, 0.008), DIAL, at=(0, middle, depth), facing=True)
    ring = np.array([[face * 1.09, -0.02], [face * 1.09, 0.03], [face * 1.03, 0.038], [face * 0.98, 0.03], [face * 0.98, -0.02]])
    shape.revolve(ring, TRIM, at=(0, middle, depth), facing=True)
    return {"dial": (0.0, middle, face)}


def chair(shape, detail, h, w, u):
    seat = 0.44 * h
    half = w / 2
    deep = half * (0.86 + 0.1 * u[0])
    leg = 0.027 + 0.012 * u[1]
    splay = 0.03 + 0.05 * u[2]
    lean = 0.1 + 0.08 * u[3]
    soft = 0.05
    shape.box((0, seat, 0), (half, 0.04, deep), 0.032, BODY)
    shape.cone((half - 0.05, seat - 0.02, deep - 0.05), (half - 0.05 + splay, 0.01, deep - 0.05 + splay * 0.6), leg,
               leg * 0.72, TRIM, fold=1)
    shape.cone((half - 0.05, seat - 0.02, -deep + 0.05), (half - 0.05 + splay, 0.01, -deep + 0.05 - splay), leg,
               leg * 0.72, TRIM, fold=1)
    back = h - seat
    slope = math.tan(lean)
    def behind(y):  # z of the leaning back at a height
        return -deep + 0.035 - (y - seat) * slope
    if detail == "ladder back" or detail == "spindle back":
        post = 0.034
        shape.cone((half - 0.045, seat, behind(seat)), (half - 0.045, h, behind(h)), post, post * 0.85, PLAIN_BODY, fold=1)
        if detail == "ladder back":
            count = 3
            for n in range(count):
                y = seat + back * (0.3 + 0.64 * n / (count - 1))
                shape.box((0, y, behind(y)), (half - 0.03, 0.05, 0.017), 0.014, PLAIN_BODY, tilt=-lean, bend=-0.35)
        else:
            shape.box((0, h - 0.04, behind(h - 0.04)), (half, 0.052, 0.024), 0.02, PLAIN_BODY, tilt=-lean)
            for n in (0.14, 0.46):
                x = n * (half - 0.06) * 1.35
                shape.cone((x, seat, behind(seat)), (x, h - 0.05, behind(h - 0.05)), 0.02, 0.02, PLAIN_BODY, fold=1)
    else:
        middle = seat + back * 0.58
        shape.box((0, middle, behind(middle)), (half * 0.97, back * 0.42, 0.03 + soft * 0.2), 0.03, BODY, tilt=-lean,
                  bend=-0.18)
        shape.cone((half * 0.6, seat, behind(seat) - 0.015), (half * 0.6, middle, behind(middle) - 0.02), 0.026, 0.026,
                   TRIM, fold=1)
        if detail == "armrests":
            arm = seat + 0.36 * back
            x = half + 0.03
            shape.cone((x, arm, behind(arm) + 0.02), (x, arm, deep - 0.06), 0.036, 0.036, PLAIN_BODY, fold=1)
            shape.cone((x, arm, deep - 0.09), (half - 0.02, seat, deep - 0.1), 0.027, 0.027, TRIM, fold=1)


def stool(shape, detail, h, w, u):
    r = w / 2
    leg = 0.03 + 0.012 * u[0]
    splay = 0.05 + 0.1 * u[1]
    thick = 0.055 + 0.03 * u[2]
    if detail == "padded seat":
        shape.revolve(solid(standing((r * 0.96, 0), (r * 1.03, 0.055), (r * 0.96, 0.13), (r * 0.6, 0.165), (0.05, 0.18))
                            + [0, h - 0.16]), BODY)
        under = h - 0.13
    else:
        shape.revolve(disc(r, h - thick * 1.4, h, 0.03), BODY)
        under = h - thick
    top, foot = r * 0.66, r * 0.66 + splay
    if detail == "three legs":
        for n in range(3):
            a = math.pi / 2 + n * 2 * math.pi / 3
            shape.cone((top * math.cos(a), under, top * math.sin(a)), (foot * 1.25 * math.cos(a), 0.01, foot * 1.25 * math.sin(a)),
                       leg, leg * 0.75, TRIM)
    else:
        d = math.sqrt(0.5) * 1.08
        shape.cone((top * d, under, top * d), (foot * d, 0.01, foot * d), leg, leg * 0.75, TRIM, fold=3)
        if detail == "foot ring":
            y = 0.34 * h
            shape.torus((0, y, 0), (foot + (top - foot) * y / under) * 1.08, 0.022, TRIM)


def table(shape, detail, h, w, u):
    half = w / 2
    deep = 0.27 + 0.05 * u[0]
    thick = 0.026 + 0.014 * u[1]
    leg = 0.026 + 0.014 * u[2]
    if detail == "round top":
        shape.revolve(disc(half, h - 2 * thick, h, thick * 0.9), BODY)
        x = z = half * 0.55
    else:
        shape.box((0, h - thick, 0), (half, thick, deep), min(0.02, thick * 0.9), BODY)
        x, z = half - 0.08, deep - 0.07
    if detail == "crossed legs":
        for side in (1, -1):
            shape.cone((x, 0.02, side * z), (x, h - thick - leg, -side * z), leg, leg, TRIM, fold=1)
        shape.cone((-x, h / 2, 0), (x, h / 2, 0), 0.024, 0.024, TRIM)
        return
    splay = 0.02 + 0.06 * u[3]
    shape.cone((x, h - thick - leg * 1.15, z), (x + splay, 0.01, z + splay), leg * 1.15, leg * 0.75, TRIM, fold=3)
    if detail == "lower shelf":
        shape.box((0, 0.3 * h, 0), (x + splay * 0.6, 0.02, z + splay * 0.6), 0.015, PLAIN_BODY)

"""The seamless paper: its colour, and the shadow of the object on it."""

import numpy as np

from .distance import allocating, scene_distance
from .march import key_light, light_reaching, ray
from .surface import EYE, GLASS, HIGH, LOW, SHADOW, backdrop, pool


@allocating
def floor_seen(size, x, y, reach, owner, rows, parts):
    """Whether a pixel near (x, y) shows the floor, directly or through glass."""
    for j in range(max(y - reach, 0), min(y + reach, size)):
        for i in range(max(x - reach, 0), min(x + reach, size)):
            who = owner[j, i]
            if who < 0 or int(parts[int(rows[who, 1]), 0]) == GLASS:
                return True
    return False


@allocating
def floor_light(size, stride, owner, rows, everything, grids, frames, parts, studio):
    """Light on the floor at every `stride`-th pixel (it is smooth), only where the floor can be seen."""
    ex, ey, ez = studio[EYE], studio[EYE + 1], studio[EYE + 2]
    kx, ky, kz = key_light(studio)
    count = len(everything)
    nodes = size // stride + 1
    light = np.ones((nodes, nodes))
    for j in range(nodes):
        for i in range(nodes):
            if not floor_seen(size, i * stride, j * stride, stride + 1, owner, rows, parts):
                continue
            dx, dy, dz = ray(studio, i * stride / size * 2 - 1, 1 - j * stride / size * 2)
            if dy > -0.02:  # as good as the horizon
                continue
            t = -ey / dy
            x, z = ex + dx * t, ez + dz * t
            lit = light_reaching(rows, everything, count, grids, frames, studio, x, 0.001, z, kx, ky, kz, 0.01)
            fade = 1.0 / (1.0 + 0.08 * (x * x + z * z))
            contact = 1.0
            if studio[LOW] - 0.4 < x < studio[HIGH] + 0.4 and studio[LOW + 2] - 0.4 < z < studio[HIGH + 2] + 0.4:
                h, weight = 0.04, 0.42
                for _ in range(3):
                    d, _who = scene_distance(rows, everything, count, grids, frames, x, h, z)
                    contact -= weight * max(1.0 - max(d, 0.0) / h, 0.0)
                    h, weight = h * 2.4, weight * 0.62
            light[j, i] = (1 - studio[SHADOW] * (1 - lit) * fade) * max(contact, 0.1)
    return light


@allocating
def paper(size, owner, rows, everything, grids, frames, parts, studio):
    """Colour of the backdrop at every pixel, shadow included: what is seen where there is no object."""
    stride = max(2, size // 64)
    light = floor_light(size, stride, owner, rows, everything, grids, frames, parts, studio)
    nodes = len(light)
    pool_u, pool_v = np.empty(size), np.empty(size)
    for n in range(size):
        pool_u[n], pool_v[n] = pool(studio, (n + 0.5) / size * 2 - 1, 1 - (n + 0.5) / size * 2)
    colour = np.empty((size, size, 3), np.float32)
    for y in range(size):
        for x in range(size):
            a, b = (x + 0.5) / stride, (y + 0.5) / stride
            i, j = min(int(a), nodes - 2), min(int(b), nodes - 2)
            a, b = a - i, b - j
            here = ((light[j, i] * (1 - a) + light[j, i + 1] * a) * (1 - b)
                    + (light[j + 1, i] * (1 - a) + light[j + 1, i + 1] * a) * b)
            red, green, blue = backdrop(studio, pool_u[x] * pool_v[y], 1 - (y + 0.5) / size * 2)
            colour[y, x, 0], colour[y, x, 1], colour[y, x, 2] = red * here, green * here, blue * here
    return colour

"""Rays through the scene: the ray of a pixel, sphere tracing, soft shadow, ambient occlusion."""

import math

from .distance import inlined, kernel, scene_distance
from .surface import COSINE, FORWARD, HARDNESS, HIGH, KEY, LOW, RIGHT, SINE, TANGENT, UP


@inlined
def ray(studio, u, v):
    """Direction (in the object's frame) through a point of the picture, u to the right and v up, both in [-1, 1]."""
    u, v = u * studio[TANGENT], v * studio[TANGENT]
    dx = studio[FORWARD] + u * studio[RIGHT] + v * studio[UP]
    dy = studio[FORWARD + 1] + u * studio[RIGHT + 1] + v * studio[UP + 1]
    dz = studio[FORWARD + 2] + u * studio[RIGHT + 2] + v * studio[UP + 2]
    inverse = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
    return dx * inverse, dy * inverse, dz * inverse


@inlined
def key_light(studio):
    """Direction to the key light in the object's frame."""
    c, s = studio[COSINE], studio[SINE]
    return studio[KEY] * c - studio[KEY + 2] * s, studio[KEY + 1], studio[KEY + 2] * c + studio[KEY] * s


@kernel
def box_span(studio, grow, ox, oy, oz, dx, dy, dz):
    """Where a ray is inside the object's (grown) bounding box: entry and exit, exit < entry when it misses."""
    near, far = 0.0, 1e9
    for axis in range(3):
        o = ox if axis == 0 else (oy if axis == 1 else oz)
        d = dx if axis == 0 else (dy if axis == 1 else dz)
        if abs(d) < 1e-9:
            d = 1e-9
        a = (studio[LOW + axis] - grow - o) / d
        b = (studio[HIGH + axis] + grow - o) / d
        near, far = max(near, min(a, b)), min(far, max(a, b))
    return near, far


@kernel
def light_reaching(rows, active, count, grids, frames, studio, x, y, z, kx, ky, kz, start):
    """Soft shadow: the narrowest gap between the ray to the lamp and the object (after Quilez)."""
    near, far = box_span(studio, 0.10, x, y, z, kx, ky, kz)
    if far <= near:
        return 1.0
    hard = studio[HARDNESS]
    t = max(near, start)
    lit = 1.0
    for _ in range(26):
        if t > far:
            break
        d, _who = scene_distance(rows, active, count, grids, frames, x + kx * t, y + ky * t, z + kz * t)
        lit = min(lit, 0.5 + 0.5 * hard * d / t)
        if lit < 0.02:
            return 0.0
        if d > far - t:  # nothing is left before the ray leaves the box
            break
        t += min(max(d, 0.016 + 0.02 * t), 0.30)
    return lit * lit * (3.0 - 2.0 * lit)


@kernel
def openness(rows, active, count, grids, frames, x, y, z, nx, ny, nz):
    """Ambient occlusion: how much nearer things are along the normal than the step taken."""
    shut = 0.0
    h, weight = 0.198, 0.6
    for _ in range(3):
        py = y + ny * h
        d, _who = scene_distance(rows, active, count, grids, frames, x + nx * h, py, z + nz * h)
        d = min(d, py + 0.02)
        if d > 0.95 * h:  # nothing near: the smaller steps will not find anything either
            break
        shut += weight * (h - d)
        h, weight = h / 2.1, weight * 2.38
    return max(1.0 - shut, 0.08)


@kernel
def march_ray(rows, active, count, grids, frames, ox, oy, oz, dx, dy, dz, t, far):
    """Sphere tracing, over-relaxed: a long step is taken back when the spheres do not overlap."""
    step, before = 0.0, 0.0
    relax = 1.35
    for _ in range(80):
        d, who = scene_distance(rows, active, count, grids, frames, ox + dx * t, oy + dy * t, oz + dz * t)
        if relax > 1.0 and d + before < step:
            t -= step - before * 0.95
            step, before, relax = 0.0, 0.0, 0.95
            continue
        if d < 0.0016:
            return t, who
        before = d
        step = d * relax
        t += step
        if t > far:
            break
    return -1.0, -1

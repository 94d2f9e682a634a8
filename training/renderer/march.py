"""The marcher: tiles, primary rays, floor light, shading, anti-aliasing of edges. One picture per call."""

import math

import numpy as np
from numba import njit, prange

from .distance import HEIGHT_NODES, RADIAL_NODES, allocating, distance_of, fill_grid, kernel, scene_distance, scene_normal
from .surface import (BACKDROP, COSINE, EXPOSURE, EYE, FORWARD, GLASS, HARDNESS, HIGH, KEY, LOW, RIGHT, SHADOW, SINE,
                      TANGENT, TINT, UP, backdrop, pool, shade)

TILE = 4  # pixels; see the first step of `draw`
TONES = 1024


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


def tone_table():
    """Soft shoulder, then gamma, to 0..255; tabulated over the square root of the light, where it is nearly straight."""
    x = np.linspace(0.0, 2.0, TONES + 1) ** 2
    shoulder = np.where(x > 0.72, 0.72 + 0.28 * (1.0 - np.exp(-(x - 0.72) / 0.28)), x)
    return 255.0 * shoulder ** 0.4545


TONE = tone_table()


@kernel
def tone(x):
    at = math.sqrt(min(max(x, 0.0), 3.99)) * (TONES / 2)
    i = int(at)
    return TONE[i] + (TONE[i + 1] - TONE[i]) * (at - i)


@allocating
def draw(size, rows, count, parts, studio, profiles, profile_sizes, profile_count, image, mask):
    grids = np.empty((profile_count, RADIAL_NODES, HEIGHT_NODES), np.float32)
    frames = np.empty((profile_count, 2))
    for k in range(profile_count):
        fill_grid(profiles[k], profile_sizes[k], grids[k], frames[k])

    ex, ey, ez = studio[EYE], studio[EYE + 1], studio[EYE + 2]
    tangent = studio[TANGENT]
    pixel = 2.0 * tangent / size
    everything = np.arange(count)
    c, s = studio[COSINE], studio[SINE]
    kx, ky, kz = studio[KEY] * c - studio[KEY + 2] * s, studio[KEY + 1], studio[KEY + 2] * c + studio[KEY] * s

    # 1. Tiles: which primitives can a pixel of the tile see, and from where? A cone is marched for each, first for
    #    tiles of 16 pixels, then for their quarters and quarters of these, each from where its parent's cone stopped.
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
                u = ((tx + 0.5) * pixels / size * 2 - 1) * tangent
                v = (1 - (ty + 0.5) * pixels / size * 2) * tangent
                dx = studio[FORWARD] + u * studio[RIGHT] + v * studio[UP]
                dy = studio[FORWARD + 1] + u * studio[RIGHT + 1] + v * studio[UP + 1]
                dz = studio[FORWARD + 2] + u * studio[RIGHT + 2] + v * studio[UP + 2]
                inverse = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
                dx, dy, dz = dx * inverse, dy * inverse, dz * inverse
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

    # 2. Primary rays through pixel centres.
    far = math.sqrt(ex * ex + ey * ey + ez * ez) + 2.5
    depth = np.full((size, size), -1.0)
    owner = np.full((size, size), -1, np.int64)
    normal = np.zeros((size, size, 3), np.float32)
    for y in range(size):
        for x in range(size):
            tile = (y // TILE) * tiles + x // TILE
            if seen_count[tile] == 0:
                continue
            u = ((x + 0.5) / size * 2 - 1) * tangent
            v = (1 - (y + 0.5) / size * 2) * tangent
            dx = studio[FORWARD] + u * studio[RIGHT] + v * studio[UP]
            dy = studio[FORWARD + 1] + u * studio[RIGHT + 1] + v * studio[UP + 1]
            dz = studio[FORWARD + 2] + u * studio[RIGHT + 2] + v * studio[UP + 2]
            inverse = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx * inverse, dy * inverse, dz * inverse
            t, who = march_ray(rows, seen[tile], seen_count[tile], grids, frames, ex, ey, ez, dx, dy, dz,
                               start[tile], leave[tile])
            if who >= 0:
                depth[y, x] = t
                owner[y, x] = who

    # 3. Light on the floor, on a coarser lattice (it is smooth), only where the floor can be seen.
    stride = max(2, size // 64)
    nodes = size // stride + 1
    floor_light = np.ones((nodes, nodes))
    for j in range(nodes):
        for i in range(nodes):
            needed = False
            for y in range(max(j * stride - stride, 0), min(j * stride + stride, size)):
                for x in range(max(i * stride - stride, 0), min(i * stride + stride, size)):
                    if owner[y, x] < 0:
                        needed = True
                        break
                    if int(parts[int(rows[owner[y, x], 1]), 0]) == GLASS:
                        needed = True
                        break
                if needed:
                    break
            if not needed:
                continue
            u = (i * stride / size * 2 - 1) * tangent
            v = (1 - j * stride / size * 2) * tangent
            dx = studio[FORWARD] + u * studio[RIGHT] + v * studio[UP]
            dy = studio[FORWARD + 1] + u * studio[RIGHT + 1] + v * studio[UP + 1]
            dz = studio[FORWARD + 2] + u * studio[RIGHT + 2] + v * studio[UP + 2]
            if dy > -0.02:
                continue
            t = -ey / dy
            fx, fz = ex + dx * t, ez + dz * t
            lit = light_reaching(rows, everything, count, grids, frames, studio, fx, 0.001, fz, kx, ky, kz, 0.01)
            fade = 1.0 / (1.0 + 0.08 * (fx * fx + fz * fz))
            open_sky = 1.0
            if (studio[LOW] - 0.4 < fx < studio[HIGH] + 0.4 and studio[LOW + 2] - 0.4 < fz < studio[HIGH + 2] + 0.4):
                h, weight = 0.04, 0.42
                for _ in range(3):
                    d, _who = scene_distance(rows, everything, count, grids, frames, fx, h, fz)
                    open_sky -= weight * max(1.0 - max(d, 0.0) / h, 0.0)
                    h, weight = h * 2.4, weight * 0.62
            floor_light[j, i] = (1 - studio[SHADOW] * (1 - lit) * fade) * max(open_sky, 0.1)

    # 4. Colour at pixel centres.
    colour = np.empty((size, size, 3), np.float32)
    light = np.ones((size, size, 3), np.float32)
    behind = np.empty((size, size, 3), np.float32)
    pool_u, pool_v = np.empty(size), np.empty(size)
    for n in range(size):
        pool_u[n], pool_v[n] = pool(studio, (n + 0.5) / size * 2 - 1, 1 - (n + 0.5) / size * 2)
    for y in range(size):
        for x in range(size):
            a, b = (x + 0.5) / stride, (y + 0.5) / stride
            i, j = min(int(a), nodes - 2), min(int(b), nodes - 2)
            a, b = a - i, b - j
            fl = ((floor_light[j, i] * (1 - a) + floor_light[j, i + 1] * a) * (1 - b)
                  + (floor_light[j + 1, i] * (1 - a) + floor_light[j + 1, i + 1] * a) * b)
            r, g, bl = backdrop(studio, pool_u[x] * pool_v[y], 1 - (y + 0.5) / size * 2)
            behind[y, x, 0], behind[y, x, 1], behind[y, x, 2] = r * fl, g * fl, bl * fl
    for y in range(size):
        for x in range(size):
            if owner[y, x] < 0:
                for ch in range(3):
                    colour[y, x, ch] = behind[y, x, ch]
                continue
            tile = (y // TILE) * tiles + x // TILE
            u = ((x + 0.5) / size * 2 - 1) * tangent
            v = (1 - (y + 0.5) / size * 2) * tangent
            dx = studio[FORWARD] + u * studio[RIGHT] + v * studio[UP]
            dy = studio[FORWARD + 1] + u * studio[RIGHT + 1] + v * studio[UP + 1]
            dz = studio[FORWARD + 2] + u * studio[RIGHT + 2] + v * studio[UP + 2]
            inverse = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx * inverse, dy * inverse, dz * inverse
            t = depth[y, x]
            px, py, pz = ex + dx * t, ey + dy * t, ez + dz * t
            nx, ny, nz = scene_normal(rows, seen[tile], seen_count[tile], grids, frames, px, py, pz)
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = nx, ny, nz
            ambient = openness(rows, everything, count, grids, frames, px, py, pz, nx, ny, nz)
            lit = 0.0
            if nx * kx + ny * ky + nz * kz > -0.25:
                lit = light_reaching(rows, everything, count, grids, frames, studio, px + nx * 0.012, py + ny * 0.012,
                                     pz + nz * 0.012, kx, ky, kz, 0.03)
            # how far the mirrored ray turns from pixel to pixel
            bend = 0.0
            for n in range(2):
                qx, qy = (x - 1, y) if n == 0 else (x, y - 1)
                if qx >= 0 and qy >= 0 and owner[qy, qx] == owner[y, x]:
                    turn = normal[qy, qx, 0] * nx + normal[qy, qx, 1] * ny + normal[qy, qx, 2] * nz
                    bend = max(bend, math.sqrt(max(2.0 - 2.0 * turn, 0.0)))
                else:
                    bend = max(bend, 0.15)
            bend = min(bend * 2.0, 0.8)
            light[y, x, 0], light[y, x, 1], light[y, x, 2] = ambient, lit, bend
            r, g, bl = surface_light(size, rows, parts, studio, seen[tile], seen_count[tile], grids, frames,
                                     owner[y, x], ex, ey, ez, dx, dy, dz, t, far, nx, ny, nz, ambient, lit, behind,
                                     x, y, pixel * t, bend)
            colour[y, x, 0], colour[y, x, 1], colour[y, x, 2] = r, g, bl

    # 5. Where neighbours belong to different things, four more rays; floor colour and light are reused.
    exposure = studio[EXPOSURE]
    quiet = np.ones(tiles * tiles, np.uint8)  # nothing in the tile or in those around it
    for tile in range(tiles * tiles):
        if seen_count[tile] > 0:
            ty, tx = tile // tiles, tile % tiles
            for j in range(max(ty - 1, 0), min(ty + 2, tiles)):
                for i in range(max(tx - 1, 0), min(tx + 2, tiles)):
                    quiet[j * tiles + i] = 0
    for y in range(size):
        for x in range(size):
            who = owner[y, x]
            edge = False
            nearest, farthest = depth[y, x], depth[y, x]
            if who < 0:
                nearest, farthest = 1e9, -1e9
            for n in range(0 if quiet[(y // TILE) * tiles + x // TILE] else 4):
                qx = x + (1 if n == 0 else (-1 if n == 1 else 0))
                qy = y + (1 if n == 2 else (-1 if n == 3 else 0))
                if qx < 0 or qy < 0 or qx >= size or qy >= size:
                    continue
                other = owner[qy, qx]
                if other >= 0:
                    nearest, farthest = min(nearest, depth[qy, qx]), max(farthest, depth[qy, qx])
                if other != who:
                    if who < 0 or other < 0 or rows[who, 2] == 0.0 or rows[who, 1] != rows[other, 1]:
                        edge = True
                if who >= 0 and other >= 0:
                    if abs(depth[y, x] - depth[qy, qx]) > 0.06:
                        edge = True
                    turn = (normal[y, x, 0] * normal[qy, qx, 0] + normal[y, x, 1] * normal[qy, qx, 1]
                            + normal[y, x, 2] * normal[qy, qx, 2])
                    if turn < 0.55:
                        edge = True
            if not edge:
                mask[y, x] = 255 if who >= 0 else 0
                for ch in range(3):
                    image[y, x, ch] = int(tone(colour[y, x, ch] * exposure) + 0.5)
                continue
            # what the four rays meet lies about as deep as what the neighbours met
            tile = (y // TILE) * tiles + x // TILE
            sum_r, sum_g, sum_b, hits = 0.0, 0.0, 0.0, 0
            for n in range(4):
                sx = x + 0.5 + (-0.125 if n == 0 else (0.375 if n == 1 else (0.125 if n == 2 else -0.375)))
                sy = y + 0.5 + (-0.375 if n == 0 else (-0.125 if n == 1 else (0.375 if n == 2 else 0.125)))
                hit = -1
                t = 0.0
                if seen_count[tile] > 0:
                    u = (sx / size * 2 - 1) * tangent
                    v = (1 - sy / size * 2) * tangent
                    dx = studio[FORWARD] + u * studio[RIGHT] + v * studio[UP]
                    dy = studio[FORWARD + 1] + u * studio[RIGHT + 1] + v * studio[UP + 1]
                    dz = studio[FORWARD + 2] + u * studio[RIGHT + 2] + v * studio[UP + 2]
                    inverse = 1 / math.sqrt(dx * dx + dy * dy + dz * dz)
                    dx, dy, dz = dx * inverse, dy * inverse, dz * inverse
                    t, hit = march_ray(rows, seen[tile], seen_count[tile], grids, frames, ex, ey, ez, dx, dy, dz,
                                       max(start[tile], nearest - 0.06), min(leave[tile], farthest + 0.15))
                if hit < 0:
                    r, g, bl = behind[y, x, 0], behind[y, x, 1], behind[y, x, 2]
                else:
                    hits += 1
                    px, py, pz = ex + dx * t, ey + dy * t, ez + dz * t
                    nx, ny, nz = scene_normal(rows, seen[tile], seen_count[tile], grids, frames, px, py, pz)
                    # light of the nearest centre that shows the same thing at the same depth
                    found, closest = False, 0.08
                    ambient, lit, bend = 1.0, 1.0, 0.3
                    for m in range(5):
                        qx = x + (1 if m == 1 else (-1 if m == 2 else 0))
                        qy = y + (1 if m == 3 else (-1 if m == 4 else 0))
                        if qx < 0 or qy < 0 or qx >= size or qy >= size or owner[qy, qx] != hit:
                            continue
                        gap = abs(depth[qy, qx] - t)
                        turn = normal[qy, qx, 0] * nx + normal[qy, qx, 1] * ny + normal[qy, qx, 2] * nz
                        if turn > 0.6 and gap < closest:
                            found, closest = True, gap
                            ambient, lit, bend = light[qy, qx, 0], light[qy, qx, 1], light[qy, qx, 2]
                    if not found:
                        ambient = openness(rows, everything, count, grids, frames, px, py, pz, nx, ny, nz)
                        lit = 0.0
                        if nx * kx + ny * ky + nz * kz > -0.25:
                            lit = light_reaching(rows, everything, count, grids, frames, studio, px + nx * 0.012,
                                                 py + ny * 0.012, pz + nz * 0.012, kx, ky, kz, 0.03)
                    r, g, bl = surface_light(size, rows, parts, studio, seen[tile], seen_count[tile], grids, frames, hit,
                                             ex, ey, ez, dx, dy, dz, t, far, nx, ny, nz, ambient, lit, behind, x, y,
                                             pixel * t, bend)
                # averaged after the tone map, so that bright lamps do not leave jagged edges
                sum_r += tone(r * exposure)
                sum_g += tone(g * exposure)
                sum_b += tone(bl * exposure)
            image[y, x, 0] = int(sum_r * 0.25 + 0.5)
            image[y, x, 1] = int(sum_g * 0.25 + 0.5)
            image[y, x, 2] = int(sum_b * 0.25 + 0.5)
            mask[y, x] = (hits * 255) // 4


@kernel
def surface_light(size, rows, parts, studio, active, count, grids, frames, who, ex, ey, ez, dx, dy, dz, t, far,
                  nx, ny, nz, ambient, lit, behind, x, y, width, blur):
    """Colour of a hit; through glass the ray goes on and gathers the length of its way through the wall."""
    part = int(rows[who, 1])
    px, py, pz = ex + dx * t, ey + dy * t, ez + dz * t
    br, bg, bb, thickness = 0.0, 0.0, 0.0, 0.0
    if int(parts[part, 0]) == GLASS:
        # the paper behind, bent aside a little
        bend = 0.035 * size
        c, s = studio[COSINE], studio[SINE]
        side = nx * studio[RIGHT] + ny * studio[RIGHT + 1] + nz * studio[RIGHT + 2]
        rise = nx * studio[UP] + ny * studio[UP + 1] + nz * studio[UP + 2]
        qx = min(max(int(x - side * bend), 0), size - 1)
        qy = min(max(int(y + rise * bend), 0), size - 1)
        br, bg, bb = behind[qy, qx, 0], behind[qy, qx, 1], behind[qy, qx, 2]
        w = t + 0.01
        for _ in range(90):
            hx, hy, hz = ex + dx * w, ey + dy * w, ez + dz * w
            if w > far or hy < -0.01:
                break
            d, other = scene_distance(rows, active, count, grids, frames, hx, hy, hz)
            if other < 0:
                break
            if d < 0.002 and int(parts[int(rows[other, 1]), 0]) != GLASS:
                ox, oy, oz = scene_normal(rows, active, count, grids, frames, hx, hy, hz)
                br, bg, bb = shade(parts, int(rows[other, 1]), studio, hx, hy, hz, ox, oy, oz, dx, dy, dz,
                                   0.75, 0.7, width, br, bg, bb, 0.0, blur)
                break
            step = max(abs(d), 0.008)
            if d < 0.0:
                thickness += step
            w += step
    return shade(parts, part, studio, px, py, pz, nx, ny, nz, dx, dy, dz, ambient, lit, width, br, bg, bb, thickness, blur)


@njit(fastmath=True, cache=True, parallel=True, error_model="numpy")
def draw_batch(size, rows, counts, parts, studios, profiles, profile_sizes, profile_counts, images, masks):
    for n in prange(len(counts)):
        draw(size, rows[n], counts[n], parts[n], studios[n], profiles[n], profile_sizes[n], profile_counts[n],
             images[n], masks[n])

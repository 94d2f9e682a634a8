"""One picture: a ray through each pixel's centre, its colour, then four more rays where edges need smoothing."""

import math

import numpy as np
from numba import njit, prange

from .distance import HEIGHT_NODES, RADIAL_NODES, allocating, fill_grid, inlined, kernel, scene_distance, scene_normal
from .floor import paper
from .march import key_light, light_reaching, march_ray, openness, ray
from .surface import EXPOSURE, EYE, GLASS, RIGHT, TANGENT, UP, shade
from .tiles import TILE, see_tiles

TONES = 1024


def tone_table():
    """Soft shoulder, then gamma, to 0..255; tabulated over the square root of the light, where it is nearly straight."""
    x = np.linspace(0.0, 2.0, TONES + 1) ** 2
    shoulder = np.where(x > 0.72, 0.72 + 0.28 * (1.0 - np.exp(-(x - 0.72) / 0.28)), x)
    return 255.0 * shoulder ** 0.4545


TONE = tone_table()


@inlined
def tone(x):
    at = math.sqrt(min(max(x, 0.0), 3.99)) * (TONES / 2)
    i = int(at)
    return TONE[i] + (TONE[i + 1] - TONE[i]) * (at - i)


@kernel
def light_at(rows, everything, grids, frames, studio, x, y, z, nx, ny, nz):
    """Ambient and direct light that reach a point of the surface."""
    count = len(everything)
    ambient = openness(rows, everything, count, grids, frames, x, y, z, nx, ny, nz)
    kx, ky, kz = key_light(studio)
    lit = 0.0
    if nx * kx + ny * ky + nz * kz > -0.25:
        lit = light_reaching(rows, everything, count, grids, frames, studio, x + nx * 0.012, y + ny * 0.012, z + nz * 0.012,
                             kx, ky, kz, 0.03)
    return ambient, lit


@kernel
def through_glass(rows, parts, studio, active, count, grids, frames, dx, dy, dz, t, far, nx, ny, nz, behind, x, y, width, blur):
    """What a ray sees behind the glass it met at t, and the length of its way through the wall."""
    ex, ey, ez = studio[EYE], studio[EYE + 1], studio[EYE + 2]
    size = len(behind)
    # the paper behind, bent aside a little
    side = nx * studio[RIGHT] + ny * studio[RIGHT + 1] + nz * studio[RIGHT + 2]
    rise = nx * studio[UP] + ny * studio[UP + 1] + nz * studio[UP + 2]
    qx = min(max(int(x - side * 0.035 * size), 0), size - 1)
    qy = min(max(int(y + rise * 0.035 * size), 0), size - 1)
    red, green, blue = behind[qy, qx, 0], behind[qy, qx, 1], behind[qy, qx, 2]
    thickness = 0.0
    w = t + 0.01
    for _ in range(90):
        px, py, pz = ex + dx * w, ey + dy * w, ez + dz * w
        if w > far or py < -0.01:
            break
        d, other = scene_distance(rows, active, count, grids, frames, px, py, pz)
        if other < 0:
            break
        part = int(rows[other, 1])
        if d < 0.002 and int(parts[part, 0]) != GLASS:
            ox, oy, oz = scene_normal(rows, active, count, grids, frames, px, py, pz)
            red, green, blue = shade(parts, part, studio, px, py, pz, ox, oy, oz, dx, dy, dz, 0.75, 0.7, width,
                                     red, green, blue, 0.0, blur)
            break
        step = max(abs(d), 0.008)
        if d < 0.0:
            thickness += step
        w += step
    return red, green, blue, thickness


@kernel
def surface_light(rows, parts, studio, active, count, grids, frames, who, dx, dy, dz, t, far, nx, ny, nz, ambient, lit,
                  behind, x, y, blur):
    """Colour of a hit at depth t."""
    part = int(rows[who, 1])
    width = 2.0 * studio[TANGENT] / len(behind) * t
    red, green, blue, thickness = 0.0, 0.0, 0.0, 0.0
    if int(parts[part, 0]) == GLASS:
        red, green, blue, thickness = through_glass(rows, parts, studio, active, count, grids, frames, dx, dy, dz, t, far,
                                                    nx, ny, nz, behind, x, y, width, blur)
    px, py, pz = studio[EYE] + dx * t, studio[EYE + 1] + dy * t, studio[EYE + 2] + dz * t
    return shade(parts, part, studio, px, py, pz, nx, ny, nz, dx, dy, dz, ambient, lit, width, red, green, blue, thickness, blur)


@allocating
def cast(size, rows, grids, frames, studio, tiles, seen, seen_count, start, leave):
    """Depth and owner (a row of the scene, -1 for none) at the centre of every pixel."""
    ex, ey, ez = studio[EYE], studio[EYE + 1], studio[EYE + 2]
    depth = np.full((size, size), -1.0)
    owner = np.full((size, size), -1, np.int64)
    for y in range(size):
        for x in range(size):
            tile = (y // TILE) * tiles + x // TILE
            if seen_count[tile] == 0:
                continue
            dx, dy, dz = ray(studio, (x + 0.5) / size * 2 - 1, 1 - (y + 0.5) / size * 2)
            depth[y, x], owner[y, x] = march_ray(rows, seen[tile], seen_count[tile], grids, frames, ex, ey, ez, dx, dy, dz,
                                                 start[tile], leave[tile])
    return depth, owner


@inlined
def turning(x, y, owner, normal, nx, ny, nz):
    """How far the mirrored ray turns from pixel to pixel, from the neighbours already drawn."""
    most = 0.0
    for n in range(2):
        qx, qy = (x - 1, y) if n == 0 else (x, y - 1)
        if qx >= 0 and qy >= 0 and owner[qy, qx] == owner[y, x]:
            turn = normal[qy, qx, 0] * nx + normal[qy, qx, 1] * ny + normal[qy, qx, 2] * nz
            most = max(most, math.sqrt(max(2.0 - 2.0 * turn, 0.0)))
        else:
            most = max(most, 0.15)
    return min(most * 2.0, 0.8)


@allocating
def colour_centres(size, rows, everything, grids, frames, parts, studio, tiles, seen, seen_count, depth, owner, behind):
    """Colour, normal and light (ambient, direct, blur) at the centre of every pixel."""
    colour = behind.copy()
    normal = np.zeros((size, size, 3), np.float32)
    light = np.ones((size, size, 3), np.float32)
    for y in range(size):
        for x in range(size):
            if owner[y, x] < 0:
                continue
            tile = (y // TILE) * tiles + x // TILE
            active, count = seen[tile], seen_count[tile]
            dx, dy, dz = ray(studio, (x + 0.5) / size * 2 - 1, 1 - (y + 0.5) / size * 2)
            t = depth[y, x]
            px, py, pz = studio[EYE] + dx * t, studio[EYE + 1] + dy * t, studio[EYE + 2] + dz * t
            nx, ny, nz = scene_normal(rows, active, count, grids, frames, px, py, pz)
            ambient, lit = light_at(rows, everything, grids, frames, studio, px, py, pz, nx, ny, nz)
            blur = turning(x, y, owner, normal, nx, ny, nz)
            normal[y, x, 0], normal[y, x, 1], normal[y, x, 2] = nx, ny, nz
            light[y, x, 0], light[y, x, 1], light[y, x, 2] = ambient, lit, blur
            colour[y, x, 0], colour[y, x, 1], colour[y, x, 2] = surface_light(
                rows, parts, studio, active, count, grids, frames, owner[y, x], dx, dy, dz, t, t + 4.0, nx, ny, nz,
                ambient, lit, behind, x, y, blur)
    return colour, normal, light


@inlined
def edge_at(size, x, y, rows, depth, owner, normal):
    """Whether the pixel's neighbours show other things, other depths or other sides; and the depths met around it."""
    who = owner[y, x]
    edge = False
    nearest, farthest = (depth[y, x], depth[y, x]) if who >= 0 else (1e9, -1e9)
    for n in range(4):
        qx = x + (1 if n == 0 else (-1 if n == 1 else 0))
        qy = y + (1 if n == 2 else (-1 if n == 3 else 0))
        if qx < 0 or qy < 0 or qx >= size or qy >= size:
            continue
        other = owner[qy, qx]
        if other >= 0:
            nearest, farthest = min(nearest, depth[qy, qx]), max(farthest, depth[qy, qx])
        if other != who and (who < 0 or other < 0 or rows[who, 2] == 0.0 or rows[who, 1] != rows[other, 1]):
            edge = True
        if who >= 0 and other >= 0:
            turn = (normal[y, x, 0] * normal[qy, qx, 0] + normal[y, x, 1] * normal[qy, qx, 1]
                    + normal[y, x, 2] * normal[qy, qx, 2])
            if abs(depth[y, x] - depth[qy, qx]) > 0.06 or turn < 0.55:
                edge = True
    return edge, nearest, farthest


@inlined
def light_nearby(size, x, y, owner, depth, normal, light, who, t, nx, ny, nz):
    """Light of the nearest centre that shows the same side of the same thing: found, ambient, direct, blur."""
    found, closest = False, 0.08
    ambient, lit, blur = 1.0, 1.0, 0.3
    for n in range(5):
        qx = x + (1 if n == 1 else (-1 if n == 2 else 0))
        qy = y + (1 if n == 3 else (-1 if n == 4 else 0))
        if qx < 0 or qy < 0 or qx >= size or qy >= size or owner[qy, qx] != who:
            continue
        gap = abs(depth[qy, qx] - t)
        turn = normal[qy, qx, 0] * nx + normal[qy, qx, 1] * ny + normal[qy, qx, 2] * nz
        if turn > 0.6 and gap < closest:
            found, closest = True, gap
            ambient, lit, blur = light[qy, qx, 0], light[qy, qx, 1], light[qy, qx, 2]
    return found, ambient, lit, blur


@allocating
def quiet_tiles(tiles, seen_count):
    """Tiles that see nothing and whose neighbours see nothing: no edges there."""
    quiet = np.ones(tiles * tiles, np.uint8)
    for tile in range(tiles * tiles):
        if seen_count[tile] > 0:
            ty, tx = tile // tiles, tile % tiles
            for j in range(max(ty - 1, 0), min(ty + 2, tiles)):
                for i in range(max(tx - 1, 0), min(tx + 2, tiles)):
                    quiet[j * tiles + i] = 0
    return quiet


@allocating
def finish(size, rows, everything, grids, frames, parts, studio, tiles, seen, seen_count, start, leave, depth, owner,
           behind, colour, normal, light, image, mask):
    """Tone-mapped picture and coverage; on edges the mean of four rays (on a rotated grid)."""
    ex, ey, ez = studio[EYE], studio[EYE + 1], studio[EYE + 2]
    exposure = studio[EXPOSURE]
    quiet = quiet_tiles(tiles, seen_count)
    for y in range(size):
        for x in range(size):
            tile = (y // TILE) * tiles + x // TILE
            edge, nearest, farthest = False, 0.0, 0.0
            if not quiet[tile]:
                edge, nearest, farthest = edge_at(size, x, y, rows, depth, owner, normal)
            if not edge:
                mask[y, x] = 255 if owner[y, x] >= 0 else 0
                for channel in range(3):
                    image[y, x, channel] = int(tone(colour[y, x, channel] * exposure) + 0.5)
                continue
            active, count = seen[tile], seen_count[tile]
            sum_r, sum_g, sum_b, hits = 0.0, 0.0, 0.0, 0
            for n in range(4):
                sx = x + 0.5 + (-0.125 if n == 0 else (0.375 if n == 1 else (0.125 if n == 2 else -0.375)))
                sy = y + 0.5 + (-0.375 if n == 0 else (-0.125 if n == 1 else (0.375 if n == 2 else 0.125)))
                dx, dy, dz = ray(studio, sx / size * 2 - 1, 1 - sy / size * 2)
                t, who = -1.0, -1
                if count > 0:  # what the ray meets lies about as deep as what the neighbours met
                    t, who = march_ray(rows, active, count, grids, frames, ex, ey, ez, dx, dy, dz,
                                       max(start[tile], nearest - 0.06), min(leave[tile], farthest + 0.15))
                red, green, blue = behind[y, x, 0], behind[y, x, 1], behind[y, x, 2]
                if who >= 0:
                    hits += 1
                    px, py, pz = ex + dx * t, ey + dy * t, ez + dz * t
                    nx, ny, nz = scene_normal(rows, active, count, grids, frames, px, py, pz)
                    found, ambient, lit, blur = light_nearby(size, x, y, owner, depth, normal, light, who, t, nx, ny, nz)
                    if not found:
                        ambient, lit = light_at(rows, everything, grids, frames, studio, px, py, pz, nx, ny, nz)
                    red, green, blue = surface_light(rows, parts, studio, active, count, grids, frames, who, dx, dy, dz, t,
                                                     t + 4.0, nx, ny, nz, ambient, lit, behind, x, y, blur)
                # the mean is taken after the tone curve, so that bright lamps do not leave jagged edges
                sum_r, sum_g, sum_b = sum_r + tone(red * exposure), sum_g + tone(green * exposure), sum_b + tone(blue * exposure)
            image[y, x, 0] = int(sum_r * 0.25 + 0.5)
            image[y, x, 1] = int(sum_g * 0.25 + 0.5)
            image[y, x, 2] = int(sum_b * 0.25 + 0.5)
            mask[y, x] = (hits * 255) // 4


@allocating
def draw(size, rows, count, parts, studio, profiles, profile_sizes, profile_count, image, mask):
    """Draws one product into `image` and `mask`."""
    grids = np.empty((profile_count, RADIAL_NODES, HEIGHT_NODES), np.float32)
    frames = np.empty((profile_count, 2))
    for k in range(profile_count):
        fill_grid(profiles[k], profile_sizes[k], grids[k], frames[k])
    everything = np.arange(count)
    tiles, seen, seen_count, start, leave = see_tiles(size, rows, count, grids, frames, studio)
    depth, owner = cast(size, rows, grids, frames, studio, tiles, seen, seen_count, start, leave)
    behind = paper(size, owner, rows, everything, grids, frames, parts, studio)
    colour, normal, light = colour_centres(size, rows, everything, grids, frames, parts, studio, tiles, seen, seen_count,
                                           depth, owner, behind)
    finish(size, rows, everything, grids, frames, parts, studio, tiles, seen, seen_count, start, leave, depth, owner,
           behind, colour, normal, light, image, mask)


@njit(fastmath=True, cache=True, parallel=True, error_model="numpy")
def draw_batch(size, rows, counts, parts, studios, profiles, profile_sizes, profile_counts, images, masks):
    """Draws products, each on one thread."""
    for n in prange(len(counts)):
        draw(size, rows[n], counts[n], parts[n], studios[n], profiles[n], profile_sizes[n], profile_counts[n],
             images[n], masks[n])

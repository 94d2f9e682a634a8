"""What a point of the surface looks like: texture, pattern, reflected studio, light.

A part is a row of numbers (filled in `materials.py`):
  0 material | 1-3 colour | 4 pattern | 5-7 second colour | 8 wrap (0 round y, 1 flat xz, 2 flat xy)
  9 feature size | 10 repeats round the body | 11 phase | 12 height where the pattern starts
  13 glow | 14 noise seed | 15-16 centre | 17-18 lowest and highest patterned y | 19 grain scale
  20-21 hands of a clock (angles) | 22 radius of the face
"""

import math

from .distance import kernel

GLAZED, MATTE, METAL, WOOD, GLASS, FABRIC, STONE, SHADE, FLAME, LEAF, FACE = range(11)
PLAIN, STRIPES, BANDS, DOTS, CHECKS = range(5)
PART = 24

# The studio is a row of numbers too (filled in `studio.py`).
EYE, FORWARD, RIGHT, UP, TANGENT, COSINE, SINE = 0, 3, 6, 9, 12, 13, 14
KEY, KEY_COLOR, HARDNESS, SKY, GROUND = 15, 18, 21, 22, 25
RIM, RIM_COLOR, BACKDROP = 28, 31, 34
SPOT_U, SPOT_V, SPOT_SIZE, SPOT_GAIN, FALL = 37, 38, 39, 40, 41
SHADOW, EXPOSURE, LOW, HIGH, TINT = 42, 43, 44, 47, 50
STUDIO = 56


@kernel
def smooth(low, high, x):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@kernel
def lattice(x, y, z):
    h = x * 374761393 + y * 668265263 + z * 1274126177
    h = (h ^ (h >> 13)) * 1103515245
    return ((h ^ (h >> 16)) & 1023) / 1023.0


@kernel
def noise(x, y, z):
    """Value noise in [0, 1]."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx), int(fy), int(fz)
    a, b, c = x - fx, y - fy, z - fz
    a, b, c = a * a * (3 - 2 * a), b * b * (3 - 2 * b), c * c * (3 - 2 * c)
    p = lattice(i, j, k) * (1 - a) + lattice(i + 1, j, k) * a
    q = lattice(i, j + 1, k) * (1 - a) + lattice(i + 1, j + 1, k) * a
    r = lattice(i, j, k + 1) * (1 - a) + lattice(i + 1, j, k + 1) * a
    s = lattice(i, j + 1, k + 1) * (1 - a) + lattice(i + 1, j + 1, k + 1) * a
    return (p * (1 - b) + q * b) * (1 - c) + (r * (1 - b) + s * b) * c


@kernel
def wave(u):
    """Signed distance (in periods) to the edge of a stripe that fills half of the period."""
    return abs(u - math.floor(u) - 0.5) - 0.25


@kernel
def cover(signed, width):
    return min(max(0.5 - signed / width, 0.0), 1.0)


@kernel
def pattern_cover(parts, k, x, y, z, nx, ny, nz, width):
    """How much of the second colour shows; edges are filtered to `width`, so patterns need no supersampling."""
    pattern = int(parts[k, 4])
    if pattern == PLAIN or y < parts[k, 17] or y > parts[k, 18]:
        return 0.0
    size = parts[k, 9]
    wrap = int(parts[k, 8])
    x, z = x - parts[k, 15], z - parts[k, 16]
    if wrap == 0:
        if nx * x + nz * z < -0.02:  # the inside of a vessel stays plain
            return 0.0
        r = math.sqrt(x * x + z * z)
        repeats = parts[k, 10]
        u = math.atan2(z, x) * 0.15915494 * repeats + parts[k, 11]
        u_scale = 6.2831853 * max(r, 0.02) / repeats
        v = (y - parts[k, 12]) / (2.0 * size)
    elif wrap == 1:
        if abs(ny) < 0.6:
            return 0.0
        u, v, u_scale = x / (2.0 * size) + parts[k, 11], z / (2.0 * size), 2.0 * size
    else:
        if abs(nz) < 0.5:
            return 0.0
        u, v, u_scale = x / (2.0 * size) + parts[k, 11], (y - parts[k, 12]) / (2.0 * size), 2.0 * size
    v_scale = 2.0 * size
    if pattern == STRIPES:
        return cover(wave(u) * u_scale, width)
    if pattern == BANDS:
        return cover(wave(v) * v_scale, width)
    if pattern == CHECKS:
        a = cover(wave(u) * u_scale, width)
        b = cover(wave(v) * v_scale, width)
        return a * (1 - b) + b * (1 - a)
    line = math.floor(v)
    if wrap == 1 or wrap == 2 or int(line) % 2 == 0:
        shift = 0.0 if int(line) % 2 == 0 else 0.5
    else:
        shift = 0.5
    du = u + shift - math.floor(u + shift) - 0.5
    dv = v - line - 0.5
    d = math.sqrt(du * du * u_scale * u_scale + dv * dv * v_scale * v_scale)
    return cover(d - min(0.62 * size, 0.36 * u_scale), width)


@kernel
def texture(parts, k, x, y, z):
    """Brightness of the material's own grain."""
    kind = int(parts[k, 0])
    seed, scale = parts[k, 14], parts[k, 19]
    if kind == WOOD:
        x, y, z = x + seed, y + seed * 0.7, z - seed
        if int(parts[k, 8]) == 1:  # a table top: the grain lies down
            x, y = y, x
        slow = noise(x * 4.0, y * 0.9, z * 4.0)
        rings = math.sin((x * 0.8 + z * 0.6 + slow * 0.55) * 34.0 * scale)
        fine = noise(x * 42.0, y * 3.0, z * 42.0)
        return 0.86 + 0.15 * rings + 0.22 * (fine - 0.5)
    if kind == STONE:
        x, y, z = x + seed, y + seed, z + seed
        cloud = noise(x * 5, y * 5, z * 5)
        vein = abs(noise(x * 3.2 + cloud, y * 3.2, z * 3.2 + cloud) - 0.5)
        speck = noise(x * 38.0, y * 38.0, z * 38.0)
        dark = 1.0 - 0.5 * (1.0 - smooth(0.0, 0.055, vein))
        return (0.82 + 0.3 * (cloud - 0.5)) * dark + 0.38 * (speck - 0.5)
    if kind == FABRIC:
        # a basket weave: over and under, in squares a few pixels wide
        a = math.floor((x + z) * 17.0) + math.floor(y * 24.0) + math.floor((z - x) * 17.0)
        thread = 0.09 if int(a) % 2 == 0 else -0.09
        return 0.93 + thread + 0.16 * (noise(x * 45, y * 45, z * 45) - 0.5)
    if kind == LEAF:
        return 0.8 + 0.5 * noise(x * 14, y * 14, z * 14)
    return 1.0


@kernel
def environment(studio, x, y, z, blur):
    """The room that shiny things mirror: grey walls, a softbox round the key light, a strip opposite, an overhead panel.

    `blur` is how much the mirrored direction turns within a pixel: lamps are filtered by it, or their images on
    sharp bends would break into dashes. Returns brightness of the walls and of the lamps.
    """
    walls = 0.24 + 0.5 * smooth(-0.25, 0.8, y)
    kx, ky, kz = studio[KEY], studio[KEY + 1], studio[KEY + 2]
    lamps = 0.0
    toward = x * kx + y * ky + z * kz
    if toward > 0.2:
        flat = 1.0 / max(math.sqrt(kx * kx + kz * kz), 1e-3)
        ax, az = kz * flat, -kx * flat
        across = (x * ax + z * az) / toward
        bx, by, bz = ky * az, kz * ax - kx * az, -ky * ax
        along = (x * bx + y * by + z * bz) / toward
        lamps += 2.6 * cover(abs(across) - 0.30, 0.10 + blur) * cover(abs(along) - 0.48, 0.10 + blur)
    side = -1.0 if kx > 0 else 1.0
    if side * x > 0.3:
        lamps += 1.1 * cover(abs(z / (side * x) - 0.25) - 0.14, 0.08 + blur) * cover(abs(y - 0.2) - 0.55, 0.15 + blur)
    lamps += 0.7 * smooth(0.80 - blur, 0.92 + blur, y)
    return walls, lamps


@kernel
def pool(studio, u, v):
    """The pool of light on the paper is the product of these two."""
    du, dv = (u - studio[SPOT_U]) / studio[SPOT_SIZE], (v - studio[SPOT_V]) * 1.15 / studio[SPOT_SIZE]
    return math.exp(-du * du), math.exp(-dv * dv)


@kernel
def backdrop(studio, spot, v):
    """Colour of the seamless paper at height v of the picture (in [-1, 1], up) where the pool of light is `spot`."""
    light = 1.0 - studio[FALL] + studio[FALL] * 0.5 * (1.0 - v * 0.35) + studio[SPOT_GAIN] * spot
    return (studio[BACKDROP] * light * studio[TINT], studio[BACKDROP + 1] * light * studio[TINT + 1],
            studio[BACKDROP + 2] * light * studio[TINT + 2])


@kernel
def clock_face(parts, k, x, y, width):
    """Ink on a clock face: twelve marks and two hands."""
    x, y = (x - parts[k, 15]) / parts[k, 22], (y - parts[k, 16]) / parts[k, 22]
    width = width / parts[k, 22]
    r = math.sqrt(x * x + y * y)
    twelfth = math.atan2(x, y) * 1.9098593
    off = (twelfth - math.floor(twelfth + 0.5)) / 1.9098593 * r
    ink = cover(max(abs(off) - 0.045, abs(r - 0.80) - 0.10), width)
    for h in range(2):
        a = parts[k, 20 + h]
        s, c = math.sin(a), math.cos(a)
        along, across = x * s + y * c, x * c - y * s
        length, thick = (0.66, 0.055) if h == 0 else (0.44, 0.075)
        ink = max(ink, cover(max(abs(across) - thick, abs(along - length * 0.42) - length * 0.58), width))
    return max(ink, cover(r - 0.09, width))


@kernel
def shade(parts, k, studio, x, y, z, nx, ny, nz, dx, dy, dz, ambient, lit, width, br, bg, bb, thickness, blur):
    """Light that leaves the surface towards the eye. Position, normal, ray in the object's frame; b* is what
    lies behind (only glass shows it)."""
    kind = int(parts[k, 0])
    facing = -(nx * dx + ny * dy + nz * dz)
    facing = min(max(facing, 0.02), 1.0)
    mixed = pattern_cover(parts, k, x, y, z, nx, ny, nz, width / max(facing, 0.25))
    grain = texture(parts, k, x, y, z)
    if kind == FACE and nz > 0.5:
        mixed = clock_face(parts, k, x, y, width)
    r = (parts[k, 1] + (parts[k, 5] - parts[k, 1]) * mixed) * grain
    g = (parts[k, 2] + (parts[k, 6] - parts[k, 2]) * mixed) * grain
    b = (parts[k, 3] + (parts[k, 7] - parts[k, 3]) * mixed) * grain

    # into the studio's frame: the object is turned about the vertical
    c, s = studio[COSINE], studio[SINE]
    wnx, wnz = nx * c + nz * s, nz * c - nx * s
    wdx, wdz = dx * c + dz * s, dz * c - dx * s
    key = wnx * studio[KEY] + ny * studio[KEY + 1] + wnz * studio[KEY + 2]
    rim = max(wnx * studio[RIM] + ny * studio[RIM + 1] + wnz * studio[RIM + 2], 0.0)
    rx, ry, rz = wdx + 2 * facing * wnx, dy + 2 * facing * ny, wdz + 2 * facing * wnz
    walls, lamps = environment(studio, rx, ry, rz, blur)
    graze = 1.0 - facing
    fresnel = graze * graze
    fresnel = fresnel * fresnel * graze

    if kind == GLASS:
        # clear along the way through, tinted and mirrored at the rims
        # (Beer's law; `thickness` is the length of the way through glass)
        r, g, b = max(r, 0.02), max(g, 0.02), max(b, 0.02)
        power = 0.12 + thickness * 5.5
        mirror = min(0.06 + 0.75 * fresnel, 1.0)
        shine = (walls * 0.75 + lamps * 0.9)
        keep = (1.0 - mirror) * (1.0 - 0.45 * graze * graze)
        tr, tg, tb = r ** power, g ** power, b ** power
        milk = 0.05 * ambient
        return (br * tr * keep + (shine * mirror + milk * r) * studio[TINT],
                bg * tg * keep + (shine * mirror + milk * g) * studio[TINT + 1],
                bb * tb * keep + (shine * mirror + milk * b) * studio[TINT + 2])
    if kind == METAL:
        band = 1.0 - 0.62 * cover(abs(ry + 0.06) - 0.10, 0.22)
        floor = smooth(0.1, -0.5, ry)
        walls = walls * band * 1.1
        glow = (walls * (1 - floor) + 0.55 * floor) * (0.45 + 0.55 * ambient)
        lamp = lamps * (0.35 + 0.65 * ambient)
        # the paper colours what the lower half mirrors
        pr = 1 - floor * 0.5 + floor * 0.5 * studio[BACKDROP] * 1.4
        pg = 1 - floor * 0.5 + floor * 0.5 * studio[BACKDROP + 1] * 1.4
        pb = 1 - floor * 0.5 + floor * 0.5 * studio[BACKDROP + 2] * 1.4
        sun = 0.25 * max(key, 0.0) * lit
        f = fresnel * 0.5
        return ((r + (1 - r) * f) * (glow * pr + lamp + sun) * studio[TINT],
                (g + (1 - g) * f) * (glow * pg + lamp + sun) * studio[TINT + 1],
                (b + (1 - b) * f) * (glow * pb + lamp + sun) * studio[TINT + 2])

    if kind == SHADE or kind == LEAF or kind == FLAME:
        key = key * 0.75 + 0.25
    elif kind == FABRIC:
        key = key * 0.88 + 0.12
    direct = max(key, 0.0) * lit
    up = ny * 0.5 + 0.5
    rim *= 0.4 + 0.6 * ambient
    lr = studio[KEY_COLOR] * direct + (studio[GROUND] * (1 - up) + studio[SKY] * up) * ambient + studio[RIM_COLOR] * rim
    lg = studio[KEY_COLOR + 1] * direct + (studio[GROUND + 1] * (1 - up) + studio[SKY + 1] * up) * ambient + studio[RIM_COLOR + 1] * rim
    lb = studio[KEY_COLOR + 2] * direct + (studio[GROUND + 2] * (1 - up) + studio[SKY + 2] * up) * ambient + studio[RIM_COLOR + 2] * rim
    glow = parts[k, 13]
    if glow > 0.0:
        lr, lg, lb = lr + glow, lg + glow * 0.86, lb + glow * 0.66
    out_r, out_g, out_b = r * lr, g * lg, b * lb
    if kind == GLAZED or kind == FACE:
        mirror = 0.045 + 0.55 * fresnel
        shine = (walls * 0.5 + lamps * 1.5) * mirror * (0.3 + 0.7 * ambient)
        out_r, out_g, out_b = out_r + shine * studio[TINT], out_g + shine * studio[TINT + 1], out_b + shine * studio[TINT + 2]
    elif kind == WOOD or kind == STONE:
        shine = lamps * 0.03 + walls * 0.18 * fresnel
        out_r, out_g, out_b = out_r + shine, out_g + shine, out_b + shine
    elif kind == FABRIC:
        fuzz = 0.22 * graze * graze * graze
        out_r, out_g, out_b = out_r + fuzz * (0.3 + r) * lr, out_g + fuzz * (0.3 + g) * lg, out_b + fuzz * (0.3 + b) * lb
    return out_r, out_g, out_b

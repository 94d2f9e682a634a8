"""Signed distances: primitives, bodies of revolution and the scene they make.

A scene is a table with one row per primitive:
  0 kind | 1 part | 2 blend radius | 3 fold (1: x, 2: z, 3: both)
  4-7 bounding sphere | 8-19 parameters of the kind, listed in `shape.py`.

A body of revolution is a polygon in the (radius, height) half-plane whose exact
distance is tabulated once per picture (`fill_grid`) and read bilinearly.
"""

import math

import numpy as np
from numba import njit

# Division by zero gives infinity instead of a check on every division. Without `_nrt=False` numba counts references
# of the arrays at every call, atomically: three quarters of the time of a picture.
kernel = njit(fastmath=True, cache=True, error_model="numpy", _nrt=False)
inlined = njit(fastmath=True, cache=True, error_model="numpy", _nrt=False, forceinline=True)
allocating = njit(fastmath=True, cache=True, error_model="numpy")

REVOLVE, CONE, BOX, HANDLE, TORUS, ELLIPSOID, SHAPED = range(7)
ROW = 20
RADIAL_NODES = 80
HEIGHT_NODES = 144
FAR = 1e9


@allocating
def fill_grid(points, count, grid, frame):
    """Exact signed distance to a closed polygon at every node; frame = 1/cell, lowest y."""
    low, high, widest = points[0, 1], points[0, 1], points[0, 0]
    for i in range(count):
        low, high = min(low, points[i, 1]), max(high, points[i, 1])
        widest = max(widest, points[i, 0])
    margin = 0.05
    cell = max((widest + margin) / (RADIAL_NODES - 1), (high - low + 2 * margin) / (HEIGHT_NODES - 1))
    frame[0] = 1.0 / cell
    frame[1] = low - margin
    heights = np.empty(HEIGHT_NODES, np.float32)
    for j in range(HEIGHT_NODES):
        heights[j] = frame[1] + j * cell
    one, zero = np.float32(1), np.float32(0)
    best = np.empty(HEIGHT_NODES, np.float32)
    sign = np.empty(HEIGHT_NODES, np.float32)
    for i in range(RADIAL_NODES):
        radius = np.float32(i * cell)
        for j in range(HEIGHT_NODES):
            best[j] = np.float32(1e9)
            sign[j] = one
        for s in range(count):
            e = s + 1 if s + 1 < count else 0
            ax, ay = np.float32(points[s, 0]), np.float32(points[s, 1])
            bx, by = np.float32(points[e, 0]), np.float32(points[e, 1])
            ex, ey = bx - ax, by - ay
            square = ex * ex + ey * ey
            if square < 1e-12:
                continue
            inverse = one / square
            px = radius - ax
            # A segment on the axis is not a surface: it only closes the polygon.
            on_axis = ax < 1e-6 and bx < 1e-6
            slope = ex / ey if abs(ey) > 1e-9 else zero
            for j in range(HEIGHT_NODES):
                y = heights[j]
                py = y - ay
                h = min(max((px * ex + py * ey) * inverse, zero), one)
                qx, qy = px - h * ex, py - h * ey
                d = qx * qx + qy * qy
                if not on_axis:
                    best[j] = min(best[j], d)
                crosses = ((ay <= y) != (by <= y)) and (px < py * slope)
                sign[j] = -sign[j] if crosses else sign[j]
        for j in range(HEIGHT_NODES):
            grid[i, j] = math.sqrt(best[j]) * sign[j]


@inlined
def grid_distance(grids, frames, k, r, y):
    gr = r * frames[k, 0]
    gy = (y - frames[k, 1]) * frames[k, 0]
    cr = min(gr, RADIAL_NODES - 1.01)
    cy = min(max(gy, 0.0), HEIGHT_NODES - 1.01)
    # unsigned indices spare the check for negative ones
    i, j, one = np.uint64(cr), np.uint64(cy), np.uint64(1)
    a, b = cr - np.float64(np.int64(i)), cy - np.float64(np.int64(j))
    low = grids[k, i, j]
    low += (grids[k, i, j + one] - low) * b
    high = grids[k, i + one, j]
    high += (grids[k, i + one, j + one] - high) * b
    d = low + (high - low) * a
    # The body lies inside the table, so this never overestimates (obtuse angle at the clamped point).
    over_r, over_y = gr - cr, gy - cy
    over = over_r * over_r + over_y * over_y
    if over > 0.0:
        d = math.sqrt(d * d + over / (frames[k, 0] * frames[k, 0]))
    return d


@inlined
def node_slopes(grids, k, i, j):
    """Differences over four cells: wide enough to hide the corners of the polygon."""
    left, right = abs(i - 2), min(i + 2, RADIAL_NODES - 1)
    below, above = max(j - 2, 0), min(j + 2, HEIGHT_NODES - 1)
    return grids[k, right, j] - grids[k, left, j], grids[k, i, above] - grids[k, i, below]


@kernel
def grid_slope(grids, frames, k, r, y):
    """Gradient in the half-plane: node differences, interpolated, so that it is continuous (no rings).

    It is read a little outside the surface, where it is the same but the middle of a thin wall does not disturb it.
    """
    gr = min(r * frames[k, 0], RADIAL_NODES - 1.01)
    gy = min(max((y - frames[k, 1]) * frames[k, 0], 0.0), HEIGHT_NODES - 1.01)
    i, j = int(gr), int(gy)
    a, b = gr - i, gy - j
    rough_r = (grids[k, i + 1, j] - grids[k, i, j]) * (1 - b) + (grids[k, i + 1, j + 1] - grids[k, i, j + 1]) * b
    rough_y = (grids[k, i, j + 1] - grids[k, i, j]) * (1 - a) + (grids[k, i + 1, j + 1] - grids[k, i + 1, j]) * a
    out = 2.5 / max(math.sqrt(rough_r * rough_r + rough_y * rough_y), 1e-6)
    gr = min(max(gr + rough_r * out, 0.0), RADIAL_NODES - 1.01)
    gy = min(max(gy + rough_y * out, 0.0), HEIGHT_NODES - 1.01)
    i, j = int(gr), int(gy)
    a, b = gr - i, gy - j
    r00, y00 = node_slopes(grids, k, i, j)
    r01, y01 = node_slopes(grids, k, i, j + 1)
    r10, y10 = node_slopes(grids, k, i + 1, j)
    r11, y11 = node_slopes(grids, k, i + 1, j + 1)
    w00, w01, w10, w11 = (1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b
    return (r00 * w00 + r01 * w01 + r10 * w10 + r11 * w11,
            y00 * w00 + y01 * w01 + y10 * w10 + y11 * w11)


@inlined
def revolve_place(rows, i, x, y, z):
    """Point of the half-plane that a point of space falls on: (radius, height, squash)."""
    x, y, z = x - rows[i, 9], y - rows[i, 10], z - rows[i, 11]
    if rows[i, 12] > 0.0:
        y, z = z, -y
    squash = rows[i, 18]
    x = x / squash
    r = math.sqrt(x * x + z * z)
    lip, flutes = rows[i, 13], rows[i, 16]
    if lip > 0.0 and x < 0.0 and y > rows[i, 14]:
        rise = min((y - rows[i, 14]) / (rows[i, 15] - rows[i, 14]), 1.0)
        toward = x * x / (r * r + 1e-9)
        toward = toward * toward * toward
        r = max(r - lip * rise * rise * toward * toward, 0.0)
    if flutes > 0.0:
        r = r * (1.0 + rows[i, 17] * math.cos(flutes * math.atan2(z, x)))
    return r, y, squash


@inlined
def distance_of(rows, i, grids, frames, x, y, z):
    """Distance to one primitive."""
    kind = int(rows[i, 0])
    fold = int(rows[i, 3])
    if fold & 1:
        x = abs(x)
    if fold & 2:
        z = abs(z)
    k = np.uint64(rows[i, 8]) if kind == REVOLVE or kind == SHAPED else np.uint64(0)
    if kind == REVOLVE:
        px, pz = x - rows[i, 9], z - rows[i, 11]
        return grid_distance(grids, frames, k, math.sqrt(px * px + pz * pz), y - rows[i, 10])
    if kind == SHAPED:
        r, height, squash = revolve_place(rows, i, x, y, z)
        d = grid_distance(grids, frames, k, r, height) * min(squash, 1.0)
        if rows[i, 16] > 0.0:
            d *= 0.8
        elif rows[i, 13] > 0.0:
            d *= 0.6
        return d
    if kind == CONE:
        ax, ay, az = rows[i, 8], rows[i, 9], rows[i, 10]
        ex, ey, ez = rows[i, 11], rows[i, 12], rows[i, 13]
        px, py, pz = x - ax, y - ay, z - az
        h = min(max((px * ex + py * ey + pz * ez) * rows[i, 16], 0.0), 1.0)
        px, py, pz = px - h * ex, py - h * ey, pz - h * ez
        return math.sqrt(px * px + py * py + pz * pz) - (rows[i, 14] + (rows[i, 15] - rows[i, 14]) * h)
    if kind == BOX:
        px, py, pz = x - rows[i, 8], y - rows[i, 9], z - rows[i, 10]
        c, s = rows[i, 15], rows[i, 16]
        py, pz = py * c + pz * s, pz * c - py * s
        pz -= rows[i, 17] * px * px
        r = rows[i, 14]
        if rows[i, 18] > 0.0:  # a puffed cushion: thicker in the middle
            py *= 1.0 - rows[i, 18] * max(0.0, 1.0 - (px * px / (rows[i, 11] * rows[i, 11]) + pz * pz / (rows[i, 13] * rows[i, 13])))
        qx, qy, qz = abs(px) - rows[i, 11] + r, abs(py) - rows[i, 12] + r, abs(pz) - rows[i, 13] + r
        ox, oy, oz = max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)
        return math.sqrt(ox * ox + oy * oy + oz * oz) + min(max(qx, max(qy, qz)), 0.0) - r
    if kind == HANDLE:
        px, py = x - rows[i, 8], y - rows[i, 9]
        c, s = rows[i, 10], rows[i, 11]
        px, py = px * c + py * s, py * c - px * s
        corner = rows[i, 14]
        qx, qy = abs(px) - rows[i, 12] + corner, abs(py) - rows[i, 13] + corner
        ox, oy = max(qx, 0.0), max(qy, 0.0)
        ring = math.sqrt(ox * ox + oy * oy) + min(max(qx, qy), 0.0) - corner
        across = z / rows[i, 16]
        d = math.sqrt(ring * ring + across * across) - rows[i, 15]
        return max(d, rows[i, 17] - px)
    if kind == TORUS:
        px, py, pz = x - rows[i, 8], y - rows[i, 9], z - rows[i, 10]
        ring = math.sqrt(px * px + pz * pz) - rows[i, 11]
        return math.sqrt(ring * ring + py * py) - rows[i, 12]
    px, py, pz = x - rows[i, 8], y - rows[i, 9], z - rows[i, 10]
    ux, uy, uz = px / rows[i, 11], py / rows[i, 12], pz / rows[i, 13]
    near = math.sqrt(ux * ux + uy * uy + uz * uz)
    vx, vy, vz = ux / rows[i, 11], uy / rows[i, 12], uz / rows[i, 13]
    steep = math.sqrt(vx * vx + vy * vy + vz * vz)
    return near * (near - 1.0) / max(steep, 1e-6)


@kernel
def gradient_of(rows, i, grids, frames, x, y, z):
    """Unit gradient of one primitive: tabulated for plain bodies of revolution, four taps for the rest."""
    if int(rows[i, 0]) == REVOLVE:
        k = int(rows[i, 8])
        px, py, pz = x - rows[i, 9], y - rows[i, 10], z - rows[i, 11]
        r = math.sqrt(px * px + pz * pz)
        gr, gy = grid_slope(grids, frames, k, r, py)
        inverse = 1.0 / max(r, 1e-6)
        gx, gz = gr * px * inverse, gr * pz * inverse
    else:
        e = 0.006
        a = distance_of(rows, i, grids, frames, x + e, y - e, z - e)
        b = distance_of(rows, i, grids, frames, x - e, y - e, z + e)
        c = distance_of(rows, i, grids, frames, x - e, y + e, z - e)
        d = distance_of(rows, i, grids, frames, x + e, y + e, z + e)
        gx, gy, gz = a - b - c + d, -a - b + c + d, -a + b - c + d
    inverse = 1.0 / max(math.sqrt(gx * gx + gy * gy + gz * gz), 1e-9)
    return gx * inverse, gy * inverse, gz * inverse


@inlined
def scene_distance(rows, active, count, grids, frames, x, y, z):
    """Distance to the nearest active primitive and its row; neighbours with a blend radius melt together."""
    d, nearest, who = FAR, FAR, -1
    for n in range(count):
        i = active[n]
        blend = rows[i, 2]
        px, py, pz = x - rows[i, 4], y - rows[i, 5], z - rows[i, 6]
        reach = d + rows[i, 7] + blend
        if reach < 0.0 or px * px + py * py + pz * pz > reach * reach:
            continue
        di = distance_of(rows, i, grids, frames, x, y, z)
        if di < nearest:
            nearest, who = di, i
        overlap = blend - abs(d - di)
        d = min(d, di)
        if overlap > 0.0:
            d -= overlap * overlap * 0.25 / blend
    return d, who


@kernel
def scene_normal(rows, active, count, grids, frames, x, y, z):
    """Normal of the melted surface: gradients mixed with the weights of the smooth minimum."""
    d = FAR
    gx, gy, gz = 0.0, 1.0, 0.0
    for n in range(count):
        i = active[n]
        blend = rows[i, 2]
        px, py, pz = x - rows[i, 4], y - rows[i, 5], z - rows[i, 6]
        reach = d + rows[i, 7] + blend
        if reach < 0.0 or px * px + py * py + pz * pz > reach * reach:
            continue
        di = distance_of(rows, i, grids, frames, x, y, z)
        if di > d + blend:
            continue
        nx, ny, nz = gradient_of(rows, i, grids, frames, x, y, z)
        weight = 1.0
        if d < FAR:
            overlap = blend - abs(d - di)
            side = 0.5 * overlap / blend if overlap > 0.0 else 0.0
            weight = 1.0 - side if di < d else side
            d = min(d, di)
            if overlap > 0.0:
                d -= overlap * overlap * 0.25 / blend
        else:
            d = di
        gx, gy, gz = gx + (nx - gx) * weight, gy + (ny - gy) * weight, gz + (nz - gz) * weight
    inverse = 1.0 / max(math.sqrt(gx * gx + gy * gy + gz * gz), 1e-9)
    return gx * inverse, gy * inverse, gz * inverse

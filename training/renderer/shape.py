"""Builds the table of primitives that `distance.py` reads."""

import math

import numpy as np

from .distance import BOX, CONE, ELLIPSOID, HANDLE, REVOLVE, ROW, SHAPED, TORUS
from .profile import MAX_POINTS

MAX_ROWS = 24
MAX_PROFILES = 3


class Shape:
    """Primitives added one by one; `part` says which surface (see materials.py) they carry."""

    def __init__(self):
        self.rows = []
        self.profiles = []
        self.low = np.full(3, 1e9)
        self.high = np.full(3, -1e9)

    def _add(self, kind, part, blend, fold, centre, reach, parameters):
        """`reach` is the half extent of the unfolded box round `centre`."""
        centre, reach = np.asarray(centre, float), np.asarray(reach, float)
        low, high = centre - reach, centre + reach
        for axis, bit in ((0, 1), (2, 2)):
            if fold & bit:
                far = max(abs(low[axis]), abs(high[axis]))
                low[axis], high[axis] = -far, far
        self.low, self.high = np.minimum(self.low, low), np.maximum(self.high, high)
        row = np.zeros(ROW)
        row[0:4] = kind, part, blend, fold
        row[4:7] = (low + high) / 2
        row[7] = np.linalg.norm(high - low) / 2
        row[8:8 + len(parameters)] = parameters
        self.rows.append(row)

    def revolve(self, outline, part=0, at=(0, 0, 0), facing=False, lip=(0, 0, 1), flutes=(0, 0), squash=1.0, blend=0.0):
        """A body of revolution about y (about z when `facing` the camera)."""
        outline = np.asarray(outline, float)
        if len(outline) > MAX_POINTS:
            raise ValueError(f"profile of at most {MAX_POINTS} points expected, got {len(outline)}")
        self.profiles.append(outline)
        radius = outline[:, 0].max() * (1 + flutes[1]) + lip[0]
        low, high = outline[:, 1].min(), outline[:, 1].max()
        middle, half = (low + high) / 2, (high - low) / 2
        if facing:  # the axis of revolution points at the camera: height of the outline runs along z
            centre = (at[0], at[1], at[2] + middle)
            reach = (radius * squash, radius, half)
        else:
            centre = (at[0], at[1] + middle, at[2])
            reach = (radius * squash, half, radius)
        plain = not facing and lip[0] == 0 and flutes[0] == 0 and squash == 1
        self._add(REVOLVE if plain else SHAPED, part, blend, 0, centre, reach,
                  [len(self.profiles) - 1, *at, float(facing), *lip, flutes[0], flutes[1], squash])

    def cone(self, a, b, r1, r2=None, part=0, blend=0.0, fold=0):
        """A rod with round ends whose radius runs from r1 to r2."""
        a, b = np.asarray(a, float), np.asarray(b, float)
        r2 = r1 if r2 is None else r2
        along = b - a
        self._add(CONE, part, blend, fold, (a + b) / 2, abs(along) / 2 + max(r1, r2),
                  [*a, *along, r1, r2, 1 / max(along @ along, 1e-9)])

    def box(self, centre, half, rounding, part=0, tilt=0.0, bend=0.0, puff=0.0, blend=0.0, fold=0):
        """A rounded box, tilted about x, bent along x, puffed like a cushion."""
        reach = np.asarray(half, float).copy()
        reach[1] = half[1] * (1 + puff) 
        c, s = abs(math.cos(tilt)), abs(math.sin(tilt))
        bent = reach[2] + abs(bend) * half[0] ** 2
        reach[1], reach[2] = reach[1] * c + bent * s, reach[1] * s + bent * c
        self._add(BOX, part, blend, fold, centre, reach,
                  [*centre, *half, rounding, math.cos(tilt), math.sin(tilt), bend, puff])

    def handle(self, x, y, half_width, half_height, corner, thickness, flat=1.0, cut=-9.0, tilt=0.0, part=0,
               blend=0.0, fold=0):
        """A rounded rectangle bent from a rod, in the plane z = 0; only the side beyond `cut` is kept."""
        corner = min(corner, half_width - 1e-3, half_height - 1e-3)
        reach = math.hypot(half_width, half_height) + thickness
        self._add(HANDLE, part, blend, fold, (x, y, 0), (reach, reach, thickness * flat),
                  [x, y, math.cos(tilt), math.sin(tilt), half_width, half_height, corner, thickness, flat, cut])

    def torus(self, centre, radius, thickness, part=0, blend=0.0):
        reach = radius + thickness
        self._add(TORUS, part, blend, 0, centre, (reach, thickness, reach), [*centre, radius, thickness])

    def ellipsoid(self, centre, radii, part=0, blend=0.0, fold=0):
        self._add(ELLIPSOID, part, blend, fold, centre, radii, [*centre, *radii])

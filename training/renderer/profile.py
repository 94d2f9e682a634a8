"""Closed outlines in the (radius, height) half-plane, from a few control points."""

import numpy as np

SAMPLES = 14
_t = np.arange(SAMPLES) / SAMPLES
_BASIS = 0.5 * np.stack([-_t + 2 * _t**2 - _t**3, 2 - 5 * _t**2 + 3 * _t**3,
                         _t + 4 * _t**2 - 3 * _t**3, -_t**2 + _t**3], axis=1)
MAX_POINTS = 224


def curve(*points):
    """Catmull-Rom spline through the points."""
    p = np.asarray(points, float)
    padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    windows = np.stack([padded[i:len(padded) - 3 + i] for i in range(4)], axis=1)
    smooth = np.einsum("st,ntc->nsc", _BASIS, windows).reshape(-1, 2)
    smooth = np.concatenate([smooth, p[-1:]])
    smooth[:, 0] = np.maximum(smooth[:, 0], 0.004)
    return smooth


def solid(outer):
    """A filled body: the outer curve, closed along the axis."""
    return np.concatenate([[[0, outer[0, 1]]], outer, [[0, outer[-1, 1]]]])


def open_vessel(outer, wall, floor):
    """A vessel with a wall: the outer curve from foot to lip, a rounded lip, and the inside back to the axis."""
    step = np.gradient(outer, axis=0)
    across = np.stack([-step[:, 1], step[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    inner = outer + wall * across
    inside_floor = outer[0, 1] + floor
    keep = (inner[:, 1] > inside_floor) & (inner[:, 0] > 0.01)
    inner = inner[keep]
    lip = (outer[-1] + inner[-1]) / 2 + step[-1] / (np.linalg.norm(step[-1]) + 1e-9) * wall * 0.45
    base = inner[0, 0] * 0.9
    return np.concatenate([[[0, outer[0, 1]]], outer, [lip], inner[::-1],
                           [[base, inside_floor], [0, inside_floor]]])


def disc(radius, low, high, edge):
    """A flat round slab with a rounded edge."""
    a = np.linspace(-np.pi / 2, np.pi / 2, 7)
    edge = min(edge, (high - low) / 2 - 1e-4)
    lower = np.stack([radius - edge + edge * np.cos(a[:4]), low + edge + edge * np.sin(a[:4])], axis=1)
    upper = np.stack([radius - edge + edge * np.cos(a[3:]), high - edge + edge * np.sin(a[3:])], axis=1)
    return solid(np.concatenate([lower, upper]))

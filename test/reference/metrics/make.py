"""Figures for the tests of main/engine/metrics, from numpy, scipy and scikit-learn.

    python3 make.py > figures.json

The point sets come from a linear congruential generator, so that the tests make the same ones without a file.
precision, recall, density and coverage follow the formulas of prdc (Naeem et al. 2020) on scikit-learn's distances.
"""

import json

import numpy as np
import scipy
import sklearn
from scipy.linalg import sqrtm
from sklearn.metrics import pairwise_distances


def lcg(seed, count, width):
    state, values = seed, []
    for _ in range(count * width):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state / 2**32)
    return np.array(values).reshape(count, width)


def radii(points, k):
    distances = pairwise_distances(points)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, k - 1]


def prdc(reference, generated, k):
    reference_radii, generated_radii = radii(reference, k), radii(generated, k)
    distances = pairwise_distances(reference, generated)
    in_reference = distances < reference_radii[:, None]
    return {
        "precision": in_reference.any(axis=0).mean(),
        "recall": (distances < generated_radii[None, :]).any(axis=1).mean(),
        "density": in_reference.sum(axis=0).mean() / k,
        "coverage": (distances.min(axis=1) < reference_radii).mean(),
    }


def frechet(reference, generated):
    gap = reference.mean(axis=0) - generated.mean(axis=0)
    first, second = np.cov(reference, rowvar=False), np.cov(generated, rowvar=False)
    root = sqrtm(first @ second)
    return float(gap @ gap + np.trace(first) + np.trace(second) - 2 * np.trace(root.real))


def vendi(points, q):
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(unit @ unit.T / len(points))
    values = values[values > 1e-12]
    if q == 1:
        return float(np.exp(-(values * np.log(values)).sum()))
    if np.isinf(q):
        return float(1 / values.max())
    return float((values**q).sum() ** (1 / (1 - q)))


def pairs(points):
    distances = pairwise_distances(points)
    upper = distances[np.triu_indices(len(points), 1)]
    bandwidth = float(np.sort(upper)[len(upper) // 2])
    kernel = np.exp(-((distances / bandwidth) ** 2) / 2)
    return {
        "meanPairwiseDistance": float(upper.mean()),
        "bandwidth": bandwidth,
        "rke": float(len(points) ** 2 / (kernel**2).sum()),
    }


def neighbours(points, queries, k, exponent):
    own = pairwise_distances(points)
    np.fill_diagonal(own, np.inf)
    raw = (1 / np.sort(own, axis=1)[:, :k].mean(axis=1)) ** exponent
    scale = len(points) / raw.sum()
    other = np.sort(pairwise_distances(queries, points), axis=1)[:, :k].mean(axis=1)
    densities = scale * (1 / other) ** exponent
    return {
        "k": k,
        "exponent": exponent,
        "referenceDeciles": np.percentile(scale * raw, range(10, 100, 10)).tolist(),
        "densities": densities[:12].tolist(),
    }


# Reference and generated: [count, width], with the generated ones moved and squeezed.
cases = [
    {"reference": [1, 200, 8], "generated": [2, 150, 8], "scale": 1.0, "shift": 0.0},
    {"reference": [3, 300, 32], "generated": [4, 120, 32], "scale": 0.8, "shift": 0.1},
    {"reference": [5, 90, 3], "generated": [6, 400, 3], "scale": 1.2, "shift": -0.1},
    # Fewer rows than columns: the covariance is singular.
    {"reference": [7, 250, 64], "generated": [8, 40, 64], "scale": 0.9, "shift": 0.05},
]

for case in cases:
    reference = lcg(*case["reference"])
    generated = lcg(*case["generated"]) * case["scale"] + case["shift"]
    case["prdc"] = {str(k): prdc(reference, generated, k) for k in (1, 3, 5, 10)}
    case["frechetDistance"] = frechet(reference, generated)
    case["vendi"] = {str(q): vendi(generated, q) for q in (0.5, 1, 2, 7)} | {"Infinity": vendi(generated, np.inf)}
    case["pairs"] = pairs(generated)
    case["pseudoDensity"] = [neighbours(reference, generated, 20, 1), neighbours(reference, generated, 5, 2)]

versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
print(json.dumps({"versions": versions, "cases": cases}, indent=1))

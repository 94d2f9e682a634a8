"""Precision and recall of sets of features (Kynkaanniemi et al. 2019), k nearest neighbours, self excluded."""

import numpy as np


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T, 0)


def radii(features: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each row to its k-th neighbour in the same set."""
    result = np.empty(len(features), np.float32)
    for start in range(0, len(features), 1024):
        distances = squared_distances(features[start : start + 1024], features)
        result[start : start + 1024] = np.partition(distances, k, axis=1)[:, k]
    return result


def covered(queries: np.ndarray, centres: np.ndarray, squared_radii: np.ndarray) -> np.ndarray:
    """bool [queries]: within the radius of at least one centre."""
    return np.concatenate([(squared_distances(queries[start : start + 1024], centres) <= squared_radii).any(1)
                           for start in range(0, len(queries), 1024)])


def precision_and_recall(generated: np.ndarray, reference: np.ndarray, k: int = 5) -> tuple[float, float]:
    precision = covered(generated, reference, radii(reference, k)).mean()
    recall = covered(reference, generated, radii(generated, k)).mean()
    return float(precision), float(recall)

"""Nearest words of vectors, and nearest centroids of their groups of elements."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of


def nearest_words(vectors: Array, words: Array) -> tuple[Array, Array]:
    """Return the nearest words (n,) int32 and squared distances (n,) float32."""
    indices = empty_on_device_of((len(vectors),), np.int32, vectors)
    distances = empty_on_device_of((len(vectors),), np.float32, vectors)
    backend_of(vectors).nearest.assign(vectors, words, indices, distances)
    return indices, distances


def nearest_centroids(vectors: Array, centroids: Array, codes: Array) -> None:
    """Find the codes (n, n_groups) uint8 of vectors, the nearest of centroids (n_groups, n_centroids, d)."""
    by_dimension = np.ascontiguousarray(centroids.transpose(0, 2, 1))
    backend_of(vectors).quantizer.encode(vectors, by_dimension, codes)

"""Product quantization: the index of the nearest centroid of each group of dimensions.

Distances are computed for all centroids of a group side by side.  The centroids of a group fit into the
nearest cache, so an item is a group, which all vectors are compared with.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch


def encode(vectors, centroids, out):
    """Find the nearest centroid of each group of dimensions, the first of several.

    Parameters
    ----------
    vectors : (n, n_groups * group_size) float32
    centroids : (n_groups, group_size, n_centroids) float32
        Dimension by dimension.
    out : (n, n_groups) uint8
    """
    launch(_encode, len(centroids), vectors, centroids, out, grain=_grain(vectors, centroids))


def decode(codes, centroids, out):
    """Replace each group of dimensions by its centroid.

    Parameters
    ----------
    codes : (n, n_groups) uint8
    centroids : (n_groups, n_centroids, group_size) float32
        Centroid by centroid.
    out : (n, n_groups * group_size) float32
    """
    launch(_decode, len(codes), codes, centroids, out, grain=max(1, (1 << 16) // max(1, out.shape[1])))


def learn_centroids(vectors, start, n_iterations, out):
    """Cluster each group of dimensions with k-means.

    A centroid without vectors keeps its position.

    Parameters
    ----------
    vectors : (n, n_groups * group_size) float32
    start : (n_groups, n_centroids) int64
        Indices of the vectors that the centroids of a group start from.
    n_iterations : int
    out : (n_groups, group_size, n_centroids) float32
        Overwritten.
    """
    launch(_learn_centroids, len(out), vectors, start, n_iterations, out, grain=_grain(vectors, out))


def _grain(vectors, centroids):
    return max(1, (1 << 20) // max(1, len(vectors) * centroids.shape[1] * centroids.shape[2]))


@njit(nogil=True, cache=True)
def _encode(start, stop, vectors, centroids, out):
    n_centroids, group_size = centroids.shape[2], centroids.shape[1]
    squares = np.empty(n_centroids, np.float32)
    bits = squares.view(np.int32)
    for item in range(start, stop):  # an item is a group
        for i in range(len(vectors)):
            out[i, item] = _nearest(vectors[i], item * group_size, centroids[item], squares, bits)


@njit(nogil=True, cache=True)
def _decode(start, stop, codes, centroids, out):
    group_size = centroids.shape[2]
    for item in range(start, stop):  # an item is a vector
        for g in range(codes.shape[1]):
            code = np.uint64(codes[item, g])
            column = np.uint64(g * group_size)
            for j in range(np.uint64(group_size)):
                out[item, column + j] = centroids[g, code, j]


@njit(nogil=True, cache=True, error_model="numpy")
def _learn_centroids(start, stop, vectors, first, n_iterations, out):
    n = len(vectors)
    group_size = out.shape[1]
    n_centroids = out.shape[2]
    squares = np.empty(n_centroids, np.float32)
    bits = squares.view(np.int32)
    sums = np.empty((n_centroids, group_size))
    counts = np.empty(n_centroids, np.int64)
    for item in range(start, stop):  # an item is a group
        centroids = out[item]
        column = item * group_size
        for k in range(n_centroids):
            for j in range(group_size):
                centroids[j, k] = vectors[first[item, k], column + j]
        for _ in range(n_iterations):
            sums[:] = 0
            counts[:] = 0
            for i in range(n):
                nearest = _nearest(vectors[i], column, centroids, squares, bits)
                counts[nearest] += 1
                for j in range(group_size):
                    sums[nearest, j] += vectors[i, column + j]
            for k in range(n_centroids):
                for j in range(group_size if counts[k] else 0):
                    centroids[j, k] = sums[k, j] / counts[k]


@njit
def _nearest(vector, column, centroids, squares, bits):
    """Find the nearest centroid; ``squares`` and ``bits`` are one buffer, as floats and as integers.

    Floats >= 0 have the same order as their bits, and the compiler finds the smallest of 16 integers at
    once, but not of floats.
    """
    n = np.int32(len(squares))
    group_size = len(centroids)
    for k in range(n):
        squares[k] = 0
    for j in range(0, group_size - 3, 4):
        _add_four(vector[column + j : column + j + 4], centroids[j : j + 4], squares)
    for j in range(group_size - group_size % 4, group_size):
        value = vector[column + j]
        for k in range(n):
            squares[k] += (value - centroids[j, k]) * (value - centroids[j, k])
    lowest = bits[0]
    for k in range(n):
        lowest = bits[k] if bits[k] < lowest else lowest
    nearest = n
    for k in range(n):
        candidate = k if bits[k] == lowest else n
        nearest = candidate if candidate < nearest else nearest
    return nearest


@njit
def _add_four(values, centroids, squares):
    a, b, c, d = values[0], values[1], values[2], values[3]
    first, second, third, fourth = centroids[0], centroids[1], centroids[2], centroids[3]
    for k in range(len(squares)):
        x, y, z, w = a - first[k], b - second[k], c - third[k], d - fourth[k]
        squares[k] += (x * x + y * y) + (z * z + w * w)

"""Product quantization: the index of the nearest centroid of each group of dimensions.

Distances are computed for all centroids of a group side by side.  The centroids of a group fit into the
nearest cache, so an item is a group, which all vectors are compared with.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
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


def sum_by_centroid(vectors, codes, sums, counts):
    """Sum the vectors of each centroid, group by group.

    Parameters
    ----------
    vectors : (n, n_groups * group_size) float32
    codes : (n, n_groups) uint8
    sums : (n_groups, n_centroids, group_size) float64
        Overwritten.
    counts : (n_groups, n_centroids) int64
        Overwritten with the number of vectors of each centroid.
    """
    grain = max(1, (1 << 18) // max(1, len(vectors) * sums.shape[2]))
    launch(_sum_by_centroid, len(sums), vectors, codes, sums, counts, grain=grain)


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


@njit(nogil=True, cache=True)
def _sum_by_centroid(start, stop, vectors, codes, sums, counts):
    group_size = sums.shape[2]
    for item in range(start, stop):  # an item is a group
        sums[item] = 0
        counts[item] = 0
        for i in range(len(vectors)):
            code = codes[i, item]
            counts[item, code] += 1
            for j in range(group_size):
                sums[item, code, j] += vectors[i, item * group_size + j]


@inner
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


@inner
def _add_four(values, centroids, squares):
    a, b, c, d = values[0], values[1], values[2], values[3]
    first, second, third, fourth = centroids[0], centroids[1], centroids[2], centroids[3]
    for k in range(len(squares)):
        x, y, z, w = a - first[k], b - second[k], c - third[k], d - fourth[k]
        squares[k] += (x * x + y * y) + (z * z + w * w)

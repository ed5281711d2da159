"""Scaling of features: signed square roots, and rows divided by their lengths or sums, or weighted.

`count_occurring` counts what weights are made of.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch

VALUES = 1 << 16  # values that are worth a thread
SHORTEST = 1e-12  # length below which vectors are 0


def signed_roots(values, out):
    """Take the square root of each number, and keep its sign.

    Parameters
    ----------
    values : (n,) float32
    out : (n,) float32
        May be ``values``.
    """
    launch(_signed_roots, len(out), values, out, grain=VALUES)


def divide_by_lengths(vectors, out):
    """Divide vectors by their lengths; those shorter than 1e-12 become 0.

    Parameters
    ----------
    vectors : (n, d) float32
        Squares are summed in float64.
    out : (n, d) float32
        May be ``vectors``.
    """
    launch(_divide_by_lengths, len(out), vectors, out, grain=_grain(out))


def divide_by_sums(vectors, out):
    """Divide vectors of numbers that are not negative by their sums; those of a sum of 0 stay 0.

    Parameters
    ----------
    vectors : (n, d) float32
    out : (n, d) float32
        May be ``vectors``.
    """
    launch(_divide_by_sums, len(out), vectors, out, grain=_grain(out))


def multiply_by_weights(vectors, weights, out):
    """Multiply each dimension by its weight.

    Parameters
    ----------
    vectors : (n, d) float32
    weights : (d,) float32
    out : (n, d) float32
    """
    launch(_multiply_by_weights, len(out), vectors, weights, out, grain=_grain(out))


def count_occurring(vectors, out):
    """Count the vectors whose number is not 0, dimension by dimension.

    Parameters
    ----------
    vectors : (n, d) float32
    out : (d,) uint32
    """
    launch(_count_occurring, len(out), vectors, out, grain=max(1, VALUES // max(1, len(vectors))))


def _grain(out):
    return max(1, VALUES // out.shape[1])


@njit(nogil=True, cache=True)
def _signed_roots(start, stop, values, out):
    value, root = values[start:stop], out[start:stop]
    for i in range(len(root)):
        root[i] = np.copysign(np.sqrt(np.abs(value[i])), value[i])


# The compiler may choose the order of the sums.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _divide_by_lengths(start, stop, vectors, out):
    for item in range(start, stop):
        vector, scaled = vectors[item], out[item]
        total = np.float64(0)
        for j in range(len(vector)):
            total += np.float64(vector[j]) * np.float64(vector[j])
        length = np.sqrt(total)
        factor = 1 / length if length > SHORTEST else 0.0
        for j in range(len(vector)):
            scaled[j] = np.float64(vector[j]) * factor


# The compiler may choose the order of the sums.
@njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _divide_by_sums(start, stop, vectors, out):
    for item in range(start, stop):
        vector, scaled = vectors[item], out[item]
        total = np.float64(0)
        for j in range(len(vector)):
            total += np.float64(vector[j])
        divisor = np.float32(total) if total > 0 else np.float32(1)
        for j in range(len(vector)):
            scaled[j] = vector[j] / divisor


@njit(nogil=True, cache=True)
def _multiply_by_weights(start, stop, vectors, weights, out):
    for item in range(start, stop):
        vector, weighted = vectors[item], out[item]
        for j in range(len(weights)):
            weighted[j] = vector[j] * weights[j]


@njit(nogil=True, cache=True)
def _count_occurring(start, stop, vectors, out):
    for j in range(start, stop):
        out[j] = 0
    for i in range(len(vectors)):
        for j in range(start, stop):
            out[j] += vectors[i, j] != 0

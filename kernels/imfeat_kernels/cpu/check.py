"""Checks of the range of values, and values cut to a range."""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch

CHUNK = 1 << 16  # values of an item


def count_outside(values, low, high, out):
    """Count the values outside an interval; NaN lies outside every interval.

    Parameters
    ----------
    values : (n,) float32, float64, uint8 or int16
    low, high : of the same dtype
        Ends of the closed interval.
    out : (ceil(n / CHUNK),) int64
        Overwritten with the count of each chunk of values.
    """
    launch(_count_outside, len(out), values, low, high, out, grain=4)


def clip(values, low, high, out):
    """Cut values to an interval.

    Parameters
    ----------
    values : (n,) float32, float64 or int32
    low, high : of the same dtype
        Ends of the interval.
    out : (n,) of any dtype that has the values of the interval
        Overwritten.
    """
    launch(_clip, -(-len(out) // CHUNK), values, low, high, out)


@njit(nogil=True, cache=True)
def _count_outside(start, stop, values, low, high, out):
    for item in range(start, stop):
        chunk = values[item * CHUNK : (item + 1) * CHUNK]
        count = np.int32(0)  # as wide as a float, so that as many are added at once
        for i in range(len(chunk)):
            inside = (chunk[i] >= low) & (chunk[i] <= high)
            count += np.int32(0) if inside else np.int32(1)
        out[item] = count


@njit(nogil=True, cache=True)
def _clip(start, stop, values, low, high, out):
    for i in range(start * CHUNK, min(stop * CHUNK, len(values))):
        out[i] = min(max(values[i], low), high)

"""Histogram equalization of integers of 16 bits, over all of their values.

1. Count the values from the smallest to the largest.
2. Turn the counts into a lookup table.
3. Look up all pixels.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

N_LEVELS = 1 << 16


def equalize_words(planes, mask, largest, out):
    """Replace each value by the share of pixels that are not larger, times the largest integer.

    Parameters
    ----------
    planes : (n_planes, n_pixels) uint16 or int16
    mask : (n_masks, n_pixels) bool
        Pixels to count; as many planes in a row share a mask, and a mask of size 0 counts all.  A plane
        of which it takes none stays.
    largest : int
        Result for the largest value.
    out : (n_planes, n_pixels) of the dtype of the planes
        Rounded to the nearest.
    """
    launch(_equalize_words, len(planes), frozen(planes), mask, largest, out)


@njit(nogil=True, cache=True, error_model="numpy")
def _equalize_words(start, stop, planes, mask, largest, out):
    counts = np.empty(N_LEVELS, np.int64)
    for item in range(start, stop):
        plane = planes[item]
        chosen = mask[item * len(mask) // len(planes)] if len(mask) else mask.reshape(-1)
        low, high, n_counted = N_LEVELS, -N_LEVELS, 0
        for i in range(len(plane)):
            if len(chosen) == 0 or chosen[i]:
                value = np.int64(plane[i])
                low, high = min(low, value), max(high, value)
                n_counted += 1
        if n_counted == 0:
            out[item] = plane
            continue
        table = counts[: high - low + 1]
        table[:] = 0
        for i in range(len(plane)):
            if len(chosen) == 0 or chosen[i]:
                table[np.int64(plane[i]) - low] += 1
        total = 0
        for k in range(len(table)):
            total += table[k]
            table[k] = np.int64(np.rint(total / n_counted * largest))
        for i in range(len(plane)):
            out[item, i] = table[min(max(np.int64(plane[i]), low), high) - low]

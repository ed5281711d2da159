"""Matching of histograms: the kernels of `equalize`, with other lookup tables."""

import numpy as np

from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.equalize import LEVELS, apply_tables, count_values
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, clear, empty, launch, zeros

f32, f64, i32, u8, u32 = np.float32, np.float64, np.int32, np.uint8, np.uint32
NO_MASK = np.empty((0, 0), np.bool_)
DOUBLES = ("_match_tables",)  # ranks are cut to integers


def count_bytes(images, out):
    """Count the values of each channel of each image."""
    clear(out)
    count_values(images, NO_MASK, out.reshape(len(out), -1))


def match_bytes(images, wanted, out):
    """Match the histogram of each channel of each image with that of a reference."""
    n_images, n_channels = len(images), images.shape[2]
    counts = zeros((n_images, n_channels * LEVELS), np.uint32, out)
    tables = empty((n_images, n_channels * LEVELS), np.uint8, out)
    count_values(images, NO_MASK, counts)
    n = n_images * n_channels
    launch(_match_tables, blocks_of(n), counts, wanted.reshape(len(wanted), -1), n_channels, tables)
    apply_tables(images, tables, out)


def match_floats(images, ordered, wanted, out):
    """Match the histogram of each channel of each image with that of a reference, without bins."""
    launch(_match_floats, blocks_of(out.size), images, ordered, wanted, out)


@cuda.jit
def _match_tables(counts, wanted, n_channels, tables):
    """Make the table of a channel; both histograms are walked along side by side."""
    item = cuda.grid(1)
    if item < u32(counts.shape[0] * n_channels):
        i, c = place_of(item, n_channels)
        reference = i if wanted.shape[0] > 1 else u32(0)
        start = c * u32(LEVELS)
        total = u32(0)
        n_wanted = u32(0)
        for v in range(LEVELS):
            total += counts[i, start + u32(v)]
            n_wanted += wanted[reference, start + u32(v)]
        upto = u32(0)
        below = u32(0)  # pixels of the reference up to the value ``low``
        low = i32(-1)
        upto_next = u32(0)  # those up to the next value that occurs, ``high``
        high = i32(-1)
        for v in range(LEVELS):
            upto += counts[i, start + u32(v)]
            rank = f64(upto) / f64(total)
            while high < i32(LEVELS) and f64(upto_next) / f64(n_wanted) <= rank:
                low, below = high, upto_next
                high += i32(1)
                while high < i32(LEVELS) and wanted[reference, start + u32(high)] == u32(0):
                    high += i32(1)
                if high < i32(LEVELS):
                    upto_next += wanted[reference, start + u32(high)]
            value = f64(low)
            if low < i32(0):
                value = f64(high)
            elif high < i32(LEVELS) and f64(below) / f64(n_wanted) < rank:
                left = f64(below) / f64(n_wanted)
                slope = f64(high - low) / (f64(upto_next) / f64(n_wanted) - left)
                value = cuda.fma(slope, rank - left, f64(0)) + value
            tables[i, start + u32(v)] = u8(i32(value))


@cuda.jit(device=True)
def _count_upto(ordered, row, value, strictly):
    """Return the number of values of a row that are smaller than a value or, unless ``strictly``, equal."""
    first = i32(0)
    last = i32(ordered.shape[1])
    while first < last:
        middle = (first + last) >> i32(1)
        found = ordered[row, middle]
        if found < value or (found == value and not strictly):
            first = middle + i32(1)
        else:
            last = middle
    return first


@cuda.jit
def _match_floats(images, ordered, wanted, out):
    """Match a value: its rank lies between those of two neighbours in the reference."""
    item = cuda.grid(1)
    if item < out.size:
        pixel, c = place_of(item, out.shape[2])
        i, p = divided(pixel, out.shape[1])
        plane = u32(i * u32(out.shape[2]) + c)
        _, row = divided(plane, wanted.shape[0])
        n = i32(wanted.shape[1])
        upto = _count_upto(ordered, plane, images[i, p, c], False)
        # The largest number of values of the reference whose share is not above the rank.
        rank = f64(upto) / f64(out.shape[1])
        count = i32(rank * f64(n) + f64(1e-9))
        if count > i32(0) and count < n and wanted[row, count] == wanted[row, count - i32(1)]:
            count = _count_upto(wanted, row, wanted[row, count], True)
        target = f64(wanted[row, max(count - i32(1), i32(0))])
        if count > i32(0) and count < n:
            high = wanted[row, count]
            end = _count_upto(wanted, row, high, False)
            share = f64(count) / f64(n)
            slope = (f64(high) - target) / (f64(end) / f64(n) - share)
            target += slope * (rank - share)
        out[i, p, c] = target

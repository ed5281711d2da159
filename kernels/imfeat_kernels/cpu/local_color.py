"""Mean and deviation of colours in the bins of local descriptors.

Values are integers, so their sums are exact.  With s = sum x and q = sum x^2 over the n pixels of a bin, and
any number a,

    mean = s / n,    deviation^2 = (q - 2 a s + n a^2) / n - (s / n - a)^2.

With a near the mean no digits are lost, and bins of equal pixels have a deviation of 0.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import frozen, launch

PIXELS = 1 << 14  # pixels that are worth a thread
LENGTH, NUMBERS = 96, 6  # values of a descriptor and of a bin


def bin_colors(images, rows, cols, levels, scale, out):
    """Describe all bins of each image.

    Parameters
    ----------
    images : (n_images, height, 3 * width) uint8, float32 or float64
    rows, cols : (n_rows, 2), (n_cols, 2) int64
        First row (column) of pixels of each row (column) of bins, and the one after its last.
    levels : float32 or float64
        Factor of the pixels before they are rounded; 1 for bytes.
    scale : float64
        Factor of the results.
    out : (n_images, n_rows, n_cols, 6) float32
        Overwritten with 3 means and 3 deviations, times ``scale``.
    """
    grain = max(1, PIXELS * len(rows) // (images.shape[1] * images.shape[2]))
    launch(_bin_colors, len(images) * len(rows), frozen(images), rows, cols, levels, scale, out, grain=grain)


def gather_bins(bins, row_of, col_of, first, out):
    """Concatenate bins to descriptors.

    Parameters
    ----------
    bins : (n_images, n, m, 6) float32
    row_of, col_of : (n_rows, 4), (n_cols, 4) int64
        Rows (columns) of bins of each row (column) of descriptors.
    first : int
        Index in ``out`` of the first descriptor.
    out : (n_images, n_descriptors, 96) float32
        Overwritten from ``first`` on.
    """
    grain = max(1, PIXELS // (LENGTH * len(col_of)))
    launch(_gather_bins, len(bins) * len(row_of), bins, row_of, col_of, first, out, grain=grain)


@njit(nogil=True, cache=True)
def _bin_colors(start, stop, images, rows, cols, levels, scale, out):
    n = np.uint64(images.shape[2])
    sums, squares = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for item in range(start, stop):  # an item is a row of bins
        i, r = item // len(rows), item % len(rows)
        _sum_rows(images, i, rows[r, 0], rows[r, 1], levels, sums, squares)
        n_lines = rows[r, 1] - rows[r, 0]
        for c in range(len(cols)):
            left, right = np.uint64(3 * cols[c, 0]), np.uint64(3 * cols[c, 1])
            share = 1 / (n_lines * (cols[c, 1] - cols[c, 0]))
            for channel in range(3):
                total = square = 0
                for x in range(left + np.uint64(channel), right, 3):
                    total += sums[x]
                    square += squares[x]
                mean, deviation = _moments(total, square, share)
                out[i, r, c, channel] = mean * scale
                out[i, r, c, 3 + channel] = deviation * scale


@inner
def _sum_rows(images, i, top, bottom, levels, sums, squares):
    i = np.uint64(i)
    n = np.uint64(images.shape[2])
    for x in range(n):
        sums[x] = squares[x] = 0
    half = levels / (levels + levels)
    for y in range(np.uint64(top), np.uint64(bottom)):
        for x in range(n):
            value = np.int64(np.int32(images[i, y, x] * levels + half))
            sums[x] += value
            squares[x] += value * value


@njit
def _moments(total, square, share):
    """Return mean and deviation; ``share`` is 1 / n."""
    n = np.int64(1 / share + 0.5)
    near = np.int64(total * share + 0.5)
    excess = total - n * near
    # q - 2 a s + n a^2, without numbers larger than q
    variance = (square - near * (total + excess)) * share - (excess * share) ** 2
    return total * share, np.sqrt(variance if variance > 0 else 0.0)


@njit(nogil=True, cache=True)
def _gather_bins(start, stop, bins, row_of, col_of, first, out):
    n_rows, n_cols = len(row_of), len(col_of)
    for item in range(start, stop):  # an item is a row of descriptors
        i = np.uint64(item // n_rows)
        r = item % n_rows
        for c in range(n_cols):
            descriptor = np.uint64(first + r * n_cols + c)
            for j in range(4):
                row = np.uint64(row_of[r, j])
                for m in range(4):
                    col = np.uint64(col_of[c, m])
                    target = np.uint64((4 * j + m) * NUMBERS)
                    for k in range(np.uint64(NUMBERS)):
                        out[i, descriptor, target + k] = bins[i, row, col, k]

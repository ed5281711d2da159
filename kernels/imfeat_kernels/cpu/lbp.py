"""Local binary patterns: codes of pixels, and counts of codes.

1. Copy a band of rows into a buffer of float64, with zeros beyond the borders (`_fill`).
2. Interpolate one neighbour of each pixel of a row (`_interpolate`), and compare it with the pixel: one bit.
3. Map the bits of a pixel to its code (`_rotate`, `uniform_code`, `nri_uniform_code`).

The arithmetic is that of scikit-image: bilinear interpolation in float64, rows last, no fused operations.
So bits agree also where neighbours differ from the pixel by rounding alone.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import frozen, launch

DEFAULT, ROR, UNIFORM, NRI_UNIFORM = 0, 1, 2, 3
METHODS = {"default": DEFAULT, "ror": ROR, "uniform": UNIFORM, "nri_uniform": NRI_UNIFORM}
BAND = 16  # rows of an item
PIXELS = 1 << 13  # that are worth a thread


def pattern_codes(images, rows, row_shares, cols, col_shares, method, out):
    """Compute the code of the local binary pattern of each pixel.

    Parameters
    ----------
    images : (n_images, height, width) uint8, float32 or float64
    rows, cols : (n_neighbors,) int64
        Row and column of the pixel above and left of each neighbour, relative to the pixel.
    row_shares : (n_neighbors, height) float64
        How far below this pixel the neighbour lies, in [0, 1), for pixels of each row.
    col_shares : (n_neighbors, width) float64
        How far right of it, for pixels of each column.
    method : int
        `DEFAULT`, `ROR`, `UNIFORM` or `NRI_UNIFORM`.
    out : (n_images, height, width) uint32
        Overwritten.
    """
    n_images, height, width = images.shape
    n_bands = -(-height // BAND)
    margin = _margin(rows, cols)
    arrays = frozen(images), rows, row_shares, cols, col_shares, method, margin, out
    launch(_pattern_codes, n_images * n_bands, *arrays, grain=max(1, PIXELS // (BAND * width)))


def neighbor_variances(images, rows, row_shares, cols, col_shares, out):
    """Compute the variance of the neighbours of each pixel.

    Parameters
    ----------
    images, rows, row_shares, cols, col_shares
        As for `pattern_codes`.
    out : (n_images, height, width) float32
        Overwritten, in the squared unit of ``images``.
    """
    n_images, height, width = images.shape
    n_bands = -(-height // BAND)
    arrays = frozen(images), rows, row_shares, cols, col_shares, _margin(rows, cols), out
    launch(_neighbor_variances, n_images * n_bands, *arrays, grain=max(1, PIXELS // (BAND * width)))


def rank_codes(codes, table, out):
    """Replace each code by its index in a table of sorted codes.

    Parameters
    ----------
    codes : (n,) uint32
        Codes of the table.
    table : (m,) int64
        Sorted codes.
    out : (n,) uint32
    """
    launch(_rank_codes, len(out), codes, table, out, grain=PIXELS)


def bin_variances(variances, white, n_bins, out):
    """Cut the standard deviation, from 0 to white / 2, into bins of equal width.

    Parameters
    ----------
    variances : (n,) float32
    white : float32 or float64
        Value that counts as 1.
    n_bins : of the type of white
        Number of bins; larger deviations fall into the last one.
    out : (n,) uint32
    """
    launch(_bin_variances, len(out), variances, white, n_bins, out, grain=PIXELS)


def count_codes(codes, rows, cols, out):
    """Count the codes of each region.

    Parameters
    ----------
    codes : (n_images, height, width) uint8, uint16 or uint32
        Below ``n_codes``.
    rows, cols : (n_rows + 1,) and (n_cols + 1,) int64
        Bounds of the regions.
    out : (n_images, n_rows, n_cols, n_codes) uint32
        Overwritten.
    """
    n_regions = (len(rows) - 1) * (len(cols) - 1)
    grain = max(1, PIXELS * n_regions // (codes.shape[1] * codes.shape[2]))
    launch(_count_codes, len(codes) * n_regions, codes, rows, cols, out, grain=grain)


def _margin(rows, cols):
    return int(max(abs(rows).max(), abs(cols).max())) + 1


@njit(nogil=True, cache=True)
def _pattern_codes(start, stop, images, rows, row_shares, cols, col_shares, method, margin, out):
    _, height, width = images.shape
    n_neighbors = len(rows)
    n_bands = (height + BAND - 1) // BAND
    padded = np.zeros((BAND + 2 * margin, width + 2 * margin))
    values = np.empty(width)
    turned = np.empty(width, np.uint32)
    for item in range(start, stop):  # an item is a band of rows
        i = item // n_bands
        first = item % n_bands * BAND
        last = min(first + BAND, height)
        _fill(images[i], first - margin, last + margin, margin, padded)
        for y in range(first, last):
            center = padded[y - first + margin, margin : margin + width]
            bits = out[i, y]
            bits[:] = 0
            for k in range(n_neighbors):
                row = y - first + margin + rows[k]
                _interpolate(padded, row, row_shares[k, y], margin + cols[k], col_shares[k], values)
                bit = np.uint32(1) << np.uint32(k)
                for x in range(width):
                    bits[x] |= bit if values[x] >= center[x] else np.uint32(0)
            if method == ROR:
                _rotate(bits, n_neighbors, turned)
            elif method == UNIFORM:
                for x in range(width):
                    bits[x] = uniform_code(bits[x], n_neighbors)
            elif method == NRI_UNIFORM:
                for x in range(width):
                    bits[x] = nri_uniform_code(bits[x], n_neighbors)


@njit(nogil=True, cache=True)
def _neighbor_variances(start, stop, images, rows, row_shares, cols, col_shares, margin, out):
    _, height, width = images.shape
    n_neighbors = len(rows)
    n_bands = (height + BAND - 1) // BAND
    padded = np.zeros((BAND + 2 * margin, width + 2 * margin))
    values = np.empty(width)
    sums = np.empty(width)
    squares = np.empty(width)
    for item in range(start, stop):  # an item is a band of rows
        i = item // n_bands
        first = item % n_bands * BAND
        last = min(first + BAND, height)
        _fill(images[i], first - margin, last + margin, margin, padded)
        for y in range(first, last):
            sums[:] = 0
            squares[:] = 0
            for k in range(n_neighbors):
                row = y - first + margin + rows[k]
                _interpolate(padded, row, row_shares[k, y], margin + cols[k], col_shares[k], values)
                for x in range(width):
                    sums[x] += values[x]
                    squares[x] += values[x] * values[x]
            for x in range(width):
                variance = (squares[x] - sums[x] * sums[x] / n_neighbors) / n_neighbors
                out[i, y, x] = max(variance, 0.0)


@njit(nogil=True, cache=True)
def _rank_codes(start, stop, codes, table, out):
    for i in range(start, stop):
        first, last = 0, len(table)
        while last - first > 1:
            middle = (first + last) // 2
            if table[middle] <= np.int64(codes[i]):
                first = middle
            else:
                last = middle
        out[i] = first


@njit(nogil=True, cache=True, error_model="numpy")
def _bin_variances(start, stop, variances, white, n_bins, out):
    most = n_bins - np.float32(1)
    for i in range(start, stop):
        share = np.float32(2) * np.sqrt(variances[i]) / white
        out[i] = np.uint32(min(share * n_bins, most))


@inner
def _fill(image, first, last, margin, padded):
    """Copy rows ``first`` to ``last - 1`` of an image into a buffer; rows outside of the image are zeros."""
    height, width = image.shape
    for y in range(first, last):
        row = padded[y - first]
        if y < 0 or y >= height:
            row[:] = 0
        else:
            for x in range(width):
                row[margin + x] = image[y, x]


@inner
def _interpolate(padded, row, row_share, col, col_shares, values):
    """Interpolate the neighbours of a row of pixels, which begin at (row, col) of the buffer."""
    width = len(values)
    upper = padded[row, col : col + width + 1]
    lower = padded[row + 1, col : col + width + 1]
    if row_share == 0 and col_shares[0] == 0:
        for x in range(width):
            values[x] = upper[x]
        return
    for x in range(width):
        share = col_shares[x]
        top = (1 - share) * upper[x] + share * upper[x + 1]
        bottom = (1 - share) * lower[x] + share * lower[x + 1]
        values[x] = (1 - row_share) * top + row_share * bottom


@inner
def _rotate(bits, n_neighbors, turned):
    """Replace bits by the smallest of their rotations, in the buffer ``turned``."""
    top = np.uint32(n_neighbors - 1)
    for x in range(len(bits)):  # assigned as a slice, it takes seconds to compile
        turned[x] = bits[x]
    for _ in range(n_neighbors - 1):
        for x in range(len(bits)):
            turned[x] = (turned[x] >> np.uint32(1)) | ((turned[x] & np.uint32(1)) << top)
            bits[x] = min(bits[x], turned[x])


@njit
def uniform_code(bits, n_neighbors):
    """Return the number of ones of bits that change at most twice, ``n_neighbors + 1`` for others."""
    return _count_ones(bits) if _count_changes(bits, n_neighbors) <= 2 else np.uint32(n_neighbors + 1)


@njit
def nri_uniform_code(bits, n_neighbors):
    """Return a number for each pattern of bits that change at most twice, and the largest for others."""
    one = np.int32(1)
    n = np.int32(n_neighbors)
    last = np.int32(np.int32(n * np.int32(n - one)) + one)  # all ones; other patterns come after it
    n_ones = np.int32(_count_ones(bits))
    lowest = np.int32(np.int32(bits) & np.int32(-np.int32(bits)))
    below = np.int32(np.int32(lowest - one) & np.int32(0xFFFFFF))  # no bits are 24 zeros
    first_one = np.int32(_count_ones(np.uint32(below)))
    ones_below = np.uint32(np.uint32(~bits & np.uint32(bits + np.uint32(1))) - np.uint32(1))
    first_zero = np.int32(_count_ones(ones_below))
    turn = np.int32(n_ones - first_zero) if first_one == 0 else np.int32(n - first_one)
    code = np.int32(np.int32(one + np.int32(np.int32(n_ones - one) * n)) + turn)
    code = np.int32(0) if n_ones == 0 else code
    code = last if n_ones == n else code
    return np.uint32(last + one) if _count_changes(bits, n_neighbors) > 2 else np.uint32(code)


@njit
def _count_changes(bits, n_neighbors):
    """Count the changes between 0 and 1 from each neighbour to the next, without the last to the first."""
    pairs = np.uint32((np.uint32(1) << np.uint32(n_neighbors - 1)) - np.uint32(1))
    return _count_ones(np.uint32((bits ^ (bits >> np.uint32(1))) & pairs))


@njit
def _count_ones(bits):
    """Count the ones among 32 bits, pairs, fours and bytes at a time."""
    bits = np.uint32(bits - ((bits >> np.uint32(1)) & np.uint32(0x55555555)))
    bits = np.uint32((bits & np.uint32(0x33333333)) + ((bits >> np.uint32(2)) & np.uint32(0x33333333)))
    bits = np.uint32((bits + (bits >> np.uint32(4))) & np.uint32(0x0F0F0F0F))
    bits = np.uint32(bits + (bits >> np.uint32(8)))
    return np.uint32((bits + (bits >> np.uint32(16))) & np.uint32(0x3F))


@njit(nogil=True, cache=True)
def _count_codes(start, stop, codes, rows, cols, out):
    n_cols = len(cols) - 1
    n_regions = (len(rows) - 1) * n_cols
    for item in range(start, stop):  # an item is a region
        i = item // n_regions
        region = item % n_regions
        r, c = region // n_cols, region % n_cols
        counts = out[i, r, c]
        counts[:] = 0
        for y in range(rows[r], rows[r + 1]):
            for x in range(cols[c], cols[c + 1]):
                counts[codes[i, y, x]] += 1

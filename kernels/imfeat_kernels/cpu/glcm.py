"""Gray-level co-occurrence: counts of pairs of levels at given offsets, and properties of the counts.

1. Map pixels to levels (`to_levels`).
2. Count pairs (`count_pairs`): four offsets in one pass where all four have pairs, the rest by rectangles.
   With few levels, count triples of a pixel and two neighbors instead, and add up those of each pair.
3. Sum up the nonzero counts of a matrix: by sum and difference of the levels, by row and column (`_add_up`).
4. Compute properties from these sums in float64 (`_properties_of`).

A processor delays an addition to a counter until the last one by the same instruction is done.  The four
additions of a pass don't wait for each other.
"""

import math

import numpy as np

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import frozen, launch

PROPERTIES = (
    *("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation", "mean", "variance", "std"),
    *("entropy", "joint_entropy", "sum_average", "sum_variance", "sum_entropy", "difference_variance"),
    *("difference_entropy", "imc1", "imc2"),
)
N_SUMS = 5  # histograms of `n_levels` counts: rows, columns, differences, and sums, which take two
LN2 = math.log(2)
BAND = 1 << 16  # pixels of a band of a large cell
PIXELS = 1 << 13  # that are worth a thread
COUNTS = 1 << 15  # of matrices, likewise
TILE = 16  # levels
FEW_LEVELS = 32  # whose triples fit into the cache


def to_levels(values, n_levels, out):
    """Cut [0, 1] into levels of equal width.

    Parameters
    ----------
    values : (n,) float32 or float64
        In [0, 1]; 1 is in the last level.
    n_levels : int
        At most 256.
    out : (n,) uint8
        Overwritten.
    """
    launch(_to_levels, len(out), frozen(values), values.dtype.type(n_levels), out, grain=1 << 17)


def to_levels_bytes(values, n_levels, out):
    """Cut 0..255 into levels of equal width: ``values * n_levels // 256``.

    Parameters
    ----------
    values : (n,) uint8
    n_levels : int
        At most 256.
    out : (n,) uint8
        Overwritten.
    """
    launch(_to_levels_bytes, len(out), frozen(values), n_levels, out, grain=1 << 19)


def count_pairs(levels, rows, cols, offsets, out):
    """Count the pairs of levels of each cell: of a pixel, and of the pixel of the same cell at an offset.

    Parameters
    ----------
    levels : (n_images, height, width) uint8
        Below ``n_levels``.
    rows, cols : (n_rows + 1,) and (n_cols + 1,) int64
        Bounds of the cells.
    offsets : (n_offsets, 2) int64
        Rows down and columns to the right.
    out : (n_images, n_rows, n_cols, n_levels, n_levels, n_offsets) uint32
        Overwritten.
    """
    n_images, height, width = levels.shape
    n_cells = (len(rows) - 1) * (len(cols) - 1)
    n_matrices = max(1, n_images * n_cells)
    pixels = height * width // n_cells
    least = max(BAND, out.size // n_matrices)  # adding up matrices takes time, too
    n_bands = max(1, min(pixels // least, threads.n_threads // n_matrices))
    counts = out[None] if n_bands == 1 else np.empty((n_bands, *out.shape), np.uint32)
    grain = max(1, PIXELS * n_bands // max(1, pixels))
    launch(
        _count_pairs, n_bands * n_images * n_cells, frozen(levels), rows, cols, offsets, counts, grain=grain
    )
    if n_bands > 1:
        np.sum(counts, axis=0, dtype=np.uint32, out=out)


def add_transposed(counts):
    """Add its transpose to each matrix of counts.

    Parameters
    ----------
    counts : (n_matrices, n_levels, n_levels, n_offsets) uint32
        Changed in place.
    """
    grain = max(1, COUNTS // (counts.shape[1] * counts.shape[2] * counts.shape[3]))
    launch(_add_transposed, len(counts), counts, grain=grain)


def to_shares(counts, n_pairs, out):
    """Divide counts by the number of pairs of their offset.

    Parameters
    ----------
    counts : (n, n_offsets) uint32
    n_pairs : (n_offsets,) int64
        At least 1.
    out : (n, n_offsets) float64
    """
    launch(_to_shares, len(out), counts, n_pairs, out, grain=1 + COUNTS // out.shape[1])


def properties(counts, products, chosen, out):
    """Compute properties of matrices of counts, averaged over groups of offsets.

    Parameters
    ----------
    counts : (n_matrices, n_levels, n_levels, n_offsets) uint32
    products : (n,) float64
        ``k * log(k)`` for k = 0, 1, ..., n - 1; larger counts are computed from these.
    chosen : (n_chosen,) int64
        Indices into `PROPERTIES`.
    out : (n_matrices, n_groups, n_chosen) float32
        Overwritten; ``n_groups`` divides ``n_offsets``, and a group is consecutive offsets.
    """
    grain = max(1, COUNTS // (counts.shape[1] * counts.shape[2] * counts.shape[3]))
    launch(_properties, len(counts), counts, products, chosen, out, grain=grain)


@njit(nogil=True, cache=True)
def _to_levels(start, stop, values, n_levels, out):
    source, target = values[start:stop], out[start:stop]
    last = np.int32(n_levels) - np.int32(1)
    for i in range(len(target)):
        target[i] = min(np.int32(source[i] * n_levels), last)


@njit(nogil=True, cache=True)
def _to_levels_bytes(start, stop, values, n_levels, out):
    source, target = values[start:stop], out[start:stop]
    scale = np.uint16(n_levels)
    for i in range(len(target)):
        target[i] = np.uint16(source[i] * scale) >> 8


@njit(nogil=True, cache=True)
def _count_pairs(start, stop, levels, rows, cols, offsets, out):
    n_cols = len(cols) - 1
    n_cells = (len(rows) - 1) * n_cols
    n_bands, n_images = out.shape[:2]
    n_levels, n_offsets = out.shape[5], out.shape[6]
    areas = np.empty((n_offsets, 4), np.int64)
    for item in range(start, stop):  # an item is a band of rows of a cell
        band = item // (n_images * n_cells)
        i = item // n_cells % n_images
        r = item % n_cells // n_cols
        c = item % n_cols
        for k in range(n_offsets):
            down, across = offsets[k]
            height = rows[r + 1] - rows[r]
            areas[k, 0] = rows[r] + max(height * band // n_bands, -down)
            areas[k, 1] = rows[r] + min(height * (band + 1) // n_bands, height - down)
            areas[k, 2] = cols[c] + max(0, -across)
            areas[k, 3] = cols[c + 1] - max(0, across)
        counts = out[band, i, r, c].reshape(-1)
        counts[:] = 0
        first = 0
        while first + 4 <= n_offsets:
            _count_four(levels[i], areas, offsets, first, n_levels, counts)
            first += 4
        for k in range(first, n_offsets):
            top, bottom, left, right = areas[k]
            _count_one(levels[i], top, bottom, left, right, offsets, k, n_levels, counts)


@inner
def _count_four(image, areas, offsets, first, n_levels, counts):
    """Count four offsets: together for pixels that have all four, and the pixels around these for each."""
    top, bottom, left, right = areas[first]
    for k in range(first + 1, first + 4):
        top, bottom = max(top, areas[k, 0]), min(bottom, areas[k, 1])
        left, right = max(left, areas[k, 2]), min(right, areas[k, 3])
    bottom, right = max(top, bottom), max(left, right)
    for k in range(first, first + 4):
        for part in range(4):  # above, below, left and right of the pixels that have all four
            above, below, before, behind = areas[k]
            if part == 0:
                below = min(below, top)
            elif part == 1:
                above = max(above, bottom)
            else:
                above, below = max(above, top), min(below, bottom)
                before = max(before, right) if part == 3 else before
                behind = min(behind, left) if part == 2 else behind
            _count_one(image, above, below, before, behind, offsets, k, n_levels, counts)
    if n_levels <= FEW_LEVELS and (bottom - top) * (right - left) > 4 * n_levels**3:
        _count_triples(image, top, bottom, left, right, offsets, first, n_levels, counts)
        return
    size = np.uint32(len(offsets))
    row_size = np.uint32(n_levels * len(offsets))
    one = np.uint32(1)
    for y in range(top, bottom):
        pixels = image[y][left:right]
        a = _neighbors(image, y, left, right, offsets[first])
        b = _neighbors(image, y, left, right, offsets[first + 1])
        c = _neighbors(image, y, left, right, offsets[first + 2])
        d = _neighbors(image, y, left, right, offsets[first + 3])
        for x in range(right - left):
            row = np.uint32(pixels[x] * row_size) + np.uint32(first)
            counts[row + np.uint32(a[x] * size)] += one
            counts[row + np.uint32(b[x] * size) + np.uint32(1)] += one
            counts[row + np.uint32(c[x] * size) + np.uint32(2)] += one
            counts[row + np.uint32(d[x] * size) + np.uint32(3)] += one


@inner
def _count_triples(image, top, bottom, left, right, offsets, first, n_levels, counts):
    """Count four offsets by triples of levels, of a pixel and two neighbors: half of the additions."""
    size = np.uint16(n_levels)
    one = np.uint32(1)
    tables = np.zeros((2, n_levels**3), np.uint32)
    upper, lower = tables[0], tables[1]
    triples = np.empty((2, right - left), np.uint16)
    for y in range(top, bottom):
        pixels = image[y][left:right]
        for pair in range(2):
            neighbor = _neighbors(image, y, left, right, offsets[first + 2 * pair])
            other = _neighbors(image, y, left, right, offsets[first + 2 * pair + 1])
            target = triples[pair]
            for x in range(right - left):
                target[x] = np.uint16(np.uint16(pixels[x] * size + neighbor[x]) * size + other[x])
        half = (right - left) // 2
        a, b = triples[0], triples[1]
        c, d = a[right - left - half :], b[right - left - half :]
        for x in range(half):  # far from each other, where additions to the same counter are rare
            upper[a[x]] += one
            lower[b[x]] += one
            upper[c[x]] += one
            lower[d[x]] += one
        if half + half < right - left:
            upper[a[half]] += one
            lower[b[half]] += one
    for k in (first, first + 2):
        table = (upper if k == first else lower).reshape(n_levels, n_levels, n_levels)
        for i in range(n_levels):
            for j in range(n_levels):
                for m in range(n_levels):
                    counts[(i * n_levels + j) * len(offsets) + k] += table[i, j, m]
                    counts[(i * n_levels + m) * len(offsets) + k + 1] += table[i, j, m]


@inner
def _neighbors(image, y, left, right, offset):
    """Return the pixels at an offset from those of a row."""
    return image[y + offset[0]][left + offset[1] : right + offset[1]]


@inner
def _count_one(image, top, bottom, left, right, offsets, k, n_levels, counts):
    """Count an offset for a rectangle of pixels."""
    down, across = offsets[k]
    size = np.uint32(len(offsets))
    row_size = np.uint32(n_levels * len(offsets))
    for y in range(top, bottom):
        for x in range(left, right):
            row = np.uint32(image[y, np.uint64(x)] * row_size) + np.uint32(k)
            counts[row + np.uint32(image[y + down, np.uint64(x + across)] * size)] += np.uint32(1)


@njit(nogil=True, cache=True, error_model="numpy")
def _to_shares(start, stop, counts, n_pairs, out):
    for i in range(start, stop):
        for k in range(len(n_pairs)):
            out[i, k] = counts[i, k] / n_pairs[k]


@njit(nogil=True, cache=True)
def _add_transposed(start, stop, counts):
    _, n_levels, _, n_offsets = counts.shape
    for item in range(start, stop):  # an item is a matrix for each offset
        matrix = counts[item]
        for first in range(0, n_levels, TILE):  # tiles stay in the cache
            for left in range(0, first + 1, TILE):
                for i in range(first, min(first + TILE, n_levels)):
                    for j in range(left, min(left + TILE, i + 1)):
                        for k in range(n_offsets):
                            total = matrix[i, j, k] + matrix[j, i, k]
                            matrix[i, j, k] = total
                            matrix[j, i, k] = total


@njit(nogil=True, cache=True)
def _properties(start, stop, counts, products, chosen, out):
    _, n_levels, _, n_offsets = counts.shape
    _, n_groups, n_chosen = out.shape
    group_size = n_offsets // n_groups
    sums = np.empty((n_offsets, N_SUMS * n_levels), np.uint64)
    squares = np.empty(n_offsets, np.uint64)
    entropies = np.empty(n_offsets)
    values = np.empty(len(PROPERTIES))
    means = np.empty(n_chosen)
    for item in range(start, stop):  # an item is a matrix for each offset
        _add_up(counts[item], products, sums, squares, entropies)
        for group in range(n_groups):
            means[:] = 0
            for k in range(group * group_size, (group + 1) * group_size):
                properties_of(sums[k], n_levels, float(squares[k]), entropies[k], products, values)
                for p in range(n_chosen):
                    means[p] += values[chosen[p]]
            for p in range(n_chosen):
                out[item, group, p] = means[p] / group_size


@inner
def _add_up(matrix, products, sums, squares, entropies):
    """Sum up counts by row, column, difference and sum of the levels; and ``c * c`` and ``c * log(c)``."""
    n_levels, _, n_offsets = matrix.shape
    sums[:] = 0
    squares[:] = 0
    entropies[:] = 0
    for i in range(n_levels):
        for j in range(n_levels):
            for k in range(n_offsets):
                count = np.uint64(matrix[i, j, k])
                if count:
                    sums[k, i] += count
                    sums[k, n_levels + j] += count
                    sums[k, 2 * n_levels + abs(i - j)] += count
                    sums[k, 3 * n_levels + i + j] += count
                    squares[k] += count * count
                    entropies[k] += product(count, products)


@njit
def product(count, products):
    """Return ``count * log(count)``; a count beyond the table is q * 2^n * (1 + x), with q in the table."""
    q = np.int64(count)
    if q < products.size:
        return products[q]
    size = 1.0
    log_of_size = 0.0
    while q >= products.size:
        q >>= 1
        size *= 2.0
        log_of_size += LN2
    n = float(count)
    x = n / (float(q) * size) - 1.0
    log_of_rest = x * (1.0 - x * (1 / 2 - x * (1 / 3 - x * (1 / 4 - x / 5))))
    return n * (products[q] / float(q) + log_of_size + log_of_rest)


@njit
def _exponential(x):
    """Return exp(x) for x in [-32, 0], the same on all devices."""
    small = x / 64
    term = 1.0
    total = 1.0
    for k in range(1, 13):
        term *= small / float(k)
        total += term
    for _ in range(6):
        total *= total
    return total


@njit
def properties_of(sums, n_levels, squares, entropy, products, out):
    """Compute all `PROPERTIES` from the sums of a matrix."""
    n = 0.0
    for i in range(n_levels):
        n += float(sums[i])
    even = min(n, 1.0) / float(n_levels)
    n = max(n, 1.0)  # a matrix without pairs has no shares
    whole = product(np.int64(n), products)
    row_mean, row_variance, row_entropy = _moments(sums, 0, n_levels, n, whole, products)
    _, col_variance, col_entropy = _moments(sums, n_levels, n_levels, n, whole, products)
    dissimilarity, _, difference_entropy = _moments(sums, 2 * n_levels, n_levels, n, whole, products)
    sum_average, sum_variance, sum_entropy = _moments(sums, 3 * n_levels, 2 * n_levels, n, whole, products)
    contrast = 0.0
    homogeneity = 0.0
    difference_variance = 0.0
    for d in range(n_levels):
        share = float(sums[2 * n_levels + d]) / n
        contrast += float(d * d) * share
        homogeneity += share / float(1 + d * d)
        difference_variance += (share - even) * (share - even)
    asm = squares / (n * n)
    deviations = math.sqrt(row_variance * col_variance)
    covariance = (sum_variance - row_variance - col_variance) / 2
    entropy = (whole - entropy) / n
    larger = max(row_entropy, col_entropy)
    shared = row_entropy + col_entropy - entropy  # the mutual information of the two levels
    out[0], out[1], out[2] = contrast, dissimilarity, homogeneity
    out[3], out[4] = asm, math.sqrt(asm)
    out[5] = covariance / deviations if deviations > 0 else 1.0
    out[6], out[7], out[8] = row_mean, row_variance, math.sqrt(row_variance)
    out[9], out[10] = entropy, entropy / LN2
    out[11], out[12], out[13] = sum_average, sum_variance, sum_entropy / LN2
    out[14], out[15] = difference_variance / float(n_levels), difference_entropy / LN2
    out[16] = -shared / larger if larger > 0 else 0.0
    out[17] = math.sqrt(max(1 - _exponential(-2 * shared / LN2), 0.0))


@inner
def _moments(sums, first, size, n, whole, products):
    """Return mean, variance and entropy in nats of a histogram; ``whole`` is ``n * log(n)`` of its sum n."""
    mean = 0.0
    entropy = 0.0
    for k in range(size):
        mean += float(k) * float(sums[first + k])
        entropy += product(sums[first + k], products)
    mean /= n
    variance = 0.0
    for k in range(size):
        variance += (float(k) - mean) * (float(k) - mean) * float(sums[first + k])
    return mean, variance / n, (whole - entropy) / n

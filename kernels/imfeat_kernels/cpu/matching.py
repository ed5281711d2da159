"""Matching of histograms: each value goes to the value of the same rank in a reference.

With the cumulative counts c of an image of n pixels, and c' of a reference of n' pixels whose values are
u[0] < u[1] < ..., the value v goes to

    u[k] + (u[k + 1] - u[k]) (c[v] / n - q[k]) / (q[k + 1] - q[k]),    q[k] = c'[u[k]] / n',

where q[k] <= c[v] / n < q[k + 1], and to u[0] below all, cut to an integer.  The steps are those of
`equalize`, but for the tables.
"""

import numpy as np

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.equalize import apply_strips, count_strips
from imfeat_kernels.cpu.launch import frozen, launch

STRIP = 1 << 15  # pixels that are worth a thread
LEVELS = 256
MOST_BUCKETS = 1 << 20  # equal parts of the range of values, in which they are looked up
FEW = np.uint64(8)  # values that are looked at one by one
NO_MASK = np.empty((0, 0), np.bool_)


def count_bytes(images, out):
    """Count the values of each channel of each image.

    Parameters
    ----------
    images : (n_images, n_pixels, n_channels) uint8
        1 or 3 channels.
    out : (n_images, n_channels, 256) uint32
    """
    counts = np.empty((len(images), _n_strips(images), *out.shape[1:]), np.uint32)
    grain = -(-STRIP * counts.shape[1] // images.shape[1])
    launch(count_strips, counts.shape[0] * counts.shape[1], images, NO_MASK, counts, grain=grain)
    counts.sum(1, dtype=np.uint32, out=out)


def match_bytes(images, wanted, out):
    """Match the histogram of each channel of each image with that of a reference.

    Parameters
    ----------
    images : (n_images, n_pixels, n_channels) uint8
        1 or 3 channels.
    wanted : (n_images or 1, n_channels, 256) uint32
        Counts of the values of the reference of each image, or of the one reference of all.
    out : (n_images, n_pixels, n_channels) uint8
    """
    n_strips = _n_strips(images)
    counts = np.empty((len(images), images.shape[2], LEVELS), np.uint32)
    count_bytes(images, counts)
    tables = np.empty(counts.shape, np.uint8)
    launch(_match_tables, len(images), counts, wanted, tables, grain=64)
    grain = -(-STRIP * n_strips // images.shape[1])
    launch(apply_strips, len(images) * n_strips, images, tables, n_strips, out, grain=grain)


def match_floats(images, ordered, wanted, out):
    """Match the histogram of each channel of each image with that of a reference, without bins.

    Parameters
    ----------
    images : (n_images, n_pixels, n_channels) float32 or float64
    ordered : (n_images * n_channels, n_pixels) of the same dtype
        The values of each channel, in ascending order.
    wanted : (n_references * n_channels, n) of the same dtype
        Those of the reference of each image, or of the one reference of all.
    out : (n_images, n_pixels, n_channels) of the same dtype
    """
    launch(_match_floats, len(ordered), frozen(images), ordered, wanted, out)


def _n_strips(images):
    return max(1, min(images.shape[1] // STRIP, 4 * threads.n_threads // max(len(images), 1)))


@njit(nogil=True, cache=True, error_model="numpy")
def _match_tables(start, stop, counts, wanted, tables):
    ranks, values = np.empty(LEVELS), np.empty(LEVELS)
    for i in range(start, stop):
        for c in range(counts.shape[1]):
            reference = wanted[i if len(wanted) > 1 else 0, c]
            n_values = _ranks_of(reference, ranks, values)
            _match_table(counts[i, c], ranks, values, n_values, tables[i, c])


@inner
def _ranks_of(counts, ranks, values):
    """Write the values that occur, and the share of pixels up to each; return how many they are."""
    total = np.int64(0)
    for v in range(LEVELS):
        total += np.int64(counts[v])
    upto = np.int64(0)
    n = 0
    for v in range(LEVELS):
        if counts[v] > 0:
            upto += np.int64(counts[v])
            ranks[n], values[n] = upto / total, v
            n += 1
    return n


@inner(error_model="numpy")
def _match_table(counts, ranks, values, n_values, table):
    total = np.int64(0)
    for v in range(LEVELS):
        total += np.int64(counts[v])
    upto = np.int64(0)
    k = -1
    for v in range(LEVELS):
        upto += np.int64(counts[v])
        rank = upto / total
        while k + 1 < n_values and ranks[k + 1] <= rank:
            k += 1
        value = values[max(k, 0)]
        if 0 <= k < n_values - 1 and ranks[k] < rank:
            slope = (values[k + 1] - value) / (ranks[k + 1] - ranks[k])
            value = slope * (rank - ranks[k]) + value
        table[v] = np.uint8(np.int32(value))


@njit(nogil=True, cache=True, error_model="numpy")
def _match_floats(start, stop, images, ordered, wanted, out):
    n_pixels, n_channels = images.shape[1:]
    # Of each distinct value the value itself and what becomes of it: a lookup reads both.
    pairs = np.empty((n_pixels, 2), images.dtype)
    firsts = np.empty(_n_buckets(n_pixels) + 1, np.int32)
    for item in range(start, stop):  # an item is a channel of an image
        i, c = np.uint64(item // n_channels), np.uint64(item % n_channels)
        n = _targets(ordered[item], wanted[item % len(wanted)], pairs)
        n_buckets = _n_buckets(n)
        low = np.float64(pairs[0, 0])
        density = n_buckets / (np.float64(pairs[n - 1, 0]) - low) if n > 1 else 0.0
        density = density if density < np.inf else 0.0
        _fill_buckets(pairs, n, low, density, n_buckets, firsts)
        for p in range(np.uint64(n_pixels)):
            value = images[i, p, c]
            b = _bucket(value, low, density, n_buckets)
            first, last = np.uint64(firsts[b]), np.uint64(firsts[b + 1])
            while last - first > FEW:
                middle = (first + last) >> np.uint64(1)
                if pairs[middle, 0] <= value:
                    first = middle
                else:
                    last = middle
            while pairs[first, 0] < value:
                first += np.uint64(1)
            out[i, p, c] = pairs[first, 1]


@njit
def _n_buckets(n):
    """Return a number of buckets, so that most have one value at most."""
    n_buckets = 4
    while n_buckets < 4 * n and n_buckets < MOST_BUCKETS:
        n_buckets *= 2
    return n_buckets


@njit
def _bucket(value, low, density, n_buckets):
    return min(int((np.float64(value) - low) * density), n_buckets - 1)


@inner
def _fill_buckets(pairs, n, low, density, n_buckets, firsts):
    """Write the index of the first value of each bucket, or of a later one if it is empty."""
    for b in range(n_buckets):
        firsts[b] = -1
    for k in range(n - 1, -1, -1):
        firsts[_bucket(pairs[k, 0], low, density, n_buckets)] = k
    following = np.int32(n)
    for b in range(n_buckets, -1, -1):
        here = firsts[b] if b < n_buckets else following
        following = here if here >= 0 else following
        firsts[b] = following


@inner(error_model="numpy")
def _targets(ordered, wanted, pairs):
    """Write the distinct values and what becomes of each, and return their number."""
    n = 0
    end = 0
    low = high = np.float64(wanted[0])  # neighbours in the reference, and their ranks
    low_rank = -1.0
    high_end = _end_of_equal(wanted, 0)
    high_rank = high_end / len(wanted)
    while end < len(ordered):
        value = ordered[end]
        end = _end_of_equal(ordered, end)
        rank = end / len(ordered)
        while high_rank <= rank:
            low, low_rank = high, high_rank
            if high_end < len(wanted):
                high = np.float64(wanted[high_end])
                high_end = _end_of_equal(wanted, high_end)
                high_rank = high_end / len(wanted)
            else:
                high_rank = np.inf
        target = low
        if 0 <= low_rank < rank and high_rank < np.inf:
            target = (high - low) / (high_rank - low_rank) * (rank - low_rank) + low
        pairs[n, 0], pairs[n, 1] = value, target
        n += 1
    return n


@inner
def _end_of_equal(ordered, first):
    """Return the index after the last of the values equal to the first."""
    end = first + 1
    while end < len(ordered) and ordered[end] == ordered[first]:
        end += 1
    return end

"""Compiled bodies of mixtures of Gaussians; ``mixture.py`` describes their steps."""

import math

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import fused
from imfeat_kernels.cpu.tile import BLOCK_COLS, BLOCK_ROWS, sum_moments, sum_squares

TILE = 128  # descriptors whose posteriors exist at one time
STRIP = 16  # tiles summed in float32
LEAST = np.float32(1e-6)  # posteriors below this count as 0 in moments
HALF, ONE, ZERO = np.float32(0.5), np.float32(1), np.float32(0)
FAR = np.float32(1e37)  # squares are cut here
NEVER = np.float32(3e38)  # cost of an unused component
LOG2E = np.float32(1.4426950408889634)
LN2_HIGH = np.float32(0.693359375)
LN2_LOW = np.float32(-2.12194440e-4)
LOWEST = np.float32(-87)  # its exponential is 1.6e-38, close to the smallest normal number
# exp(r) = 1 + r + r^2 p(r) for |r| <= ln(2) / 2, fitted to a relative error of 1e-8
E0, E1, E2 = np.float32(0.5), np.float32(0.16666577), np.float32(0.04166646)
E3, E4 = np.float32(0.00836324), np.float32(0.00139337)


# Sums and extremes are computed 16 at a time: the compiler may change their order (reassoc), and assume
# that no value is NaN (nnan) and that the sign of zero doesn't matter (nsz).  No value is NaN: callers pass
# finite values, squares are cut at FAR, and the cost of unused components is finite.
FREE = {"reassoc", "contract", "nnan", "nsz"}


@njit(nogil=True, cache=True)
def posteriors(start, stop, vectors, table, costs, peak, center, out):
    tile, scores = _scratch(table)
    bits = scores.view(np.int32)
    for item in range(start, stop):  # an item is a tile
        first = item * TILE
        count = min(TILE, len(vectors) - first)
        _score(vectors, first, count, center, table, tile, scores)
        _share(scores, bits, count, costs)
        for i in range(count):
            for k in range(out.shape[1]):
                out[first + i, k] = scores[i, k]


@njit(nogil=True, cache=True)
def mean_posteriors(start, stop, vectors, pieces, table, costs, peak, center, out):
    tile, scores = _scratch(table)
    bits = scores.view(np.int32)
    for item in range(start, stop):  # an item is a piece of an image
        out[item] = 0
        for first in range(pieces[item, 0], pieces[item, 1], TILE):
            count = min(TILE, pieces[item, 1] - first)
            _score(vectors, first, count, center, table, tile, scores)
            _share(scores, bits, count, costs)
            _add_rows(scores, count, out, item)


@njit(nogil=True, cache=True)
def mean_triangles(start, stop, vectors, pieces, table, costs, peak, center, out):
    tile, scores = _scratch(table)
    for item in range(start, stop):
        out[item] = 0
        for first in range(pieces[item, 0], pieces[item, 1], TILE):
            count = min(TILE, pieces[item, 1] - first)
            _score(vectors, first, count, center, table, tile, scores)
            _fold(scores, count, out.shape[1])
            _add_rows(scores, count, out, item)


@njit(nogil=True, cache=True)
def moments(start, stop, vectors, pieces, table, costs, peak, center, lines, out, logs):
    n_components = len(lines)
    tile, scores = _scratch(table)
    bits = scores.view(np.int32)
    sums = np.empty(lines.shape, np.float32)
    rows = np.empty((n_components, TILE), np.int64)
    shares = np.empty((n_components, TILE), np.float32)
    counts = np.zeros(n_components, np.int64)
    masses = np.zeros(n_components)
    chosen = np.zeros(scores.shape[1], np.uint8)
    groups = chosen.view(np.uint64)
    for item in range(start, stop):  # an item is a piece of an image
        out[item] = 0
        logs[item] = 0
        sums[:] = ZERO
        n_tiles = -(-(pieces[item, 1] - pieces[item, 0]) // TILE)
        for t in range(n_tiles):
            first = pieces[item, 0] + t * TILE
            count = min(TILE, pieces[item, 1] - first)
            _score(vectors, first, count, center, table, tile, scores)
            logs[item] += count * peak + _share(scores, bits, count, costs)
            _list(scores, count, chosen, groups, rows, shares, counts, masses)
            for k in range(n_components):
                sum_moments(tile, rows, shares, counts[k], k, lines, sums)
                counts[k] = 0
            if t % STRIP == STRIP - 1 or t == n_tiles - 1:
                _flush(sums, masses, out, item)


@inner
def _scratch(table):
    d = -(-table.shape[1] // BLOCK_COLS) * BLOCK_COLS
    n = -(-TILE // BLOCK_ROWS) * BLOCK_ROWS
    return np.zeros((n, d), np.float32), np.empty((n, len(table) * BLOCK_COLS), np.float32)


@inner
def _score(vectors, first, count, center, table, tile, scores):
    """Compute |t|^2 of a tile of descriptors for all components."""
    for i in range(count):
        for j in range(np.uint64(len(center))):
            tile[i, j] = vectors[first + i, j] - center[j]
    for panel in range(len(table)):
        for i in range(0, count, BLOCK_ROWS):  # rows past the tile hold old values, which are not used
            sum_squares(tile, i, table, panel, scores)


@inner(fastmath=FREE, forceinline=True)
def _share(scores, bits, count, costs):
    """Turn |t|^2 into posteriors, and return the sum of the logarithms of the densities.

    ``bits`` are the scores as integers, which have the same order for floats >= 0: the compiler finds the
    smallest of 16 integers at once, but not of floats.
    """
    total = 0.0
    product = 1.0
    n = np.uint64(len(costs))
    for i in range(count):
        for k in range(n):
            square = scores[i, k]
            scores[i, k] = costs[k] + HALF * (square if square < FAR else FAR)
        least = bits[i, 0]
        for k in range(n):
            least = min(least, bits[i, k])
        nearest = np.int32(least).view(np.float32)
        mass = ZERO
        for k in range(n):
            value = _exp(nearest - scores[i, k])
            scores[i, k] = value
            mass += value
        factor = ONE / mass
        for k in range(n):
            scores[i, k] *= factor
        total -= np.float64(nearest)
        product *= np.float64(mass)
        if product > 1e100:  # one logarithm for many descriptors
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@njit
def _exp(x):
    """Return exp(x) for x <= 0 with a relative error of 1e-7; 0 below -87."""
    y = x if x > LOWEST else LOWEST
    n = np.int32(fused(y, LOG2E, -HALF))  # cut towards zero: the nearest integer
    r = fused(np.float32(n), -LN2_LOW, fused(np.float32(n), -LN2_HIGH, y))
    p = fused(fused(fused(fused(E4, r, E3), r, E2), r, E1), r, E0)
    power = np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)
    value = fused(p * r, r, r + ONE) * power
    return value if x > LOWEST else ZERO


@inner
def _list(scores, count, chosen, groups, rows, shares, counts, masses):
    """List for each component the descriptors of a tile with a posterior that counts, and the posteriors."""
    for i in range(count):
        for k in range(np.uint64(len(chosen))):
            chosen[k] = scores[i, k] >= LEAST
        for group in range(len(groups)):
            if groups[group]:
                for k in range(8 * group, 8 * group + 8):
                    if chosen[k]:
                        n = counts[k]
                        rows[k, n] = i
                        shares[k, n] = scores[i, k]
                        counts[k] = n + 1
                        masses[k] += np.float64(scores[i, k])


@inner(fastmath=FREE, forceinline=True)
def _fold(scores, count, n_words):
    """Turn squared distances z^2 into max(0, mean of z - z)."""
    for i in range(count):
        total = ZERO
        for k in range(np.uint64(n_words)):
            distance = np.sqrt(scores[i, k])
            scores[i, k] = distance
            total += distance
        mean = total / np.float32(n_words)
        for k in range(np.uint64(n_words)):
            nearer = mean - scores[i, k]
            scores[i, k] = nearer if nearer > ZERO else ZERO


@inner
def _add_rows(scores, count, out, item):
    """Add the rows of a tile of scores to a row of out, in float64."""
    for i in range(count):
        for k in range(np.uint64(out.shape[1])):
            out[item, k] += np.float64(scores[i, k])


@inner
def _flush(sums, masses, out, item):
    """Add the sums to out, which has no padding between first and second moments, and clear them."""
    d = np.uint64(out.shape[2] // 2)
    width = np.uint64(sums.shape[1] // 2)
    for k in range(len(masses)):
        out[item, k, 0] += masses[k]
        masses[k] = 0
        for j in range(d):
            out[item, k, 1 + j] += np.float64(sums[k, j])
            out[item, k, 1 + d + j] += np.float64(sums[k, width + j])
        sums[k] = ZERO

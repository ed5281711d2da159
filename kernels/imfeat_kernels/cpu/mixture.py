"""Mixtures of Gaussians with diagonal covariance: posteriors, and the moments under them.

Of a descriptor x, t_k = (x - mu_k) / sigma_k is its distance from component k in each dimension,
and the logarithm of its weighted density is, but for a constant, -cost_k - |t_k|^2 / 2.  |t_k|^2 is
summed as it stands, in float32 fused multiplications: as many operations as in the two matrix
products of x and x^2, but nothing large cancels.  The moments under posteriors q, from which come
both the Fisher vector and the next step of expectation maximization, are sum q, sum q t and
sum q t^2.  Few posteriors matter, so each component has a list of the descriptors of a tile that it
has to do with.
"""

import math

import numpy as np
from numba import njit

from imfeat_kernels.cpu.instruction import fused
from imfeat_kernels.cpu.launch import PIECE, PIECES, launch, split_groups
from imfeat_kernels.cpu.tile import BLOCK_COLS, BLOCK_ROWS, sum_moments, sum_squares

TILE = 128  # descriptors whose posteriors exist at one time
STRIP = 16  # tiles summed in float32
VALUES = 1 << 22  # sums of pieces of images that exist at one time
LEAST = np.float32(1e-6)  # posteriors below this count as 0 in moments
HALF, ONE, ZERO = np.float32(0.5), np.float32(1), np.float32(0)
FAR, NEVER = np.float32(1e37), np.float32(3e38)  # squares end here; the cost of an unused component
LOG2E = np.float32(1.4426950408889634)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
LOWEST = np.float32(-87)  # whose exponential is 1.6e-38, next to the smallest normal number
# exp(r) = 1 + r + r^2 p(r) for |r| <= ln(2) / 2, fitted to a relative error of 1e-8
E0, E1, E2 = np.float32(0.5), np.float32(0.16666577), np.float32(0.04166646)
E3, E4 = np.float32(0.00836324), np.float32(0.00139337)


def posteriors(vectors, weights, means, variances, out):
    """Compute the probabilities that each component has made a descriptor.

    Parameters
    ----------
    vectors : (n, d) float32
    weights : (n_components,) float32
        Components of weight 0 get probability 0.
    means, variances : (n_components, d) float32
    out : (n, n_components) float32
        Overwritten; each row sums to 1.
    """
    tables = _tables(weights, means, variances)
    launch(_posteriors, -(-len(vectors) // TILE), vectors, *tables, out, grain=-(-PIECE // TILE))


def moments(vectors, bounds, weights, means, variances, out, likelihoods):
    """Sum posteriors q, q t and q t^2 over the descriptors of each image; t = (x - mean) / deviation.

    Parameters
    ----------
    vectors : (n, d) float32
    bounds : (n_images + 1,) int64
        Image i has the descriptors ``bounds[i]`` to ``bounds[i + 1] - 1``.
    weights, means, variances
        As for `posteriors`.
    out : (n_images, n_components, 1 + 2 d) float64
        Overwritten with sum q, sum q t and sum q t^2; posteriors below 1e-6 count as 0.
    likelihoods : (n_images,) float64
        Overwritten with the sums of the logarithms of the densities of the descriptors.
    """
    tables = _tables(weights, means, variances)
    lines = _lines(tables[0], len(weights))
    at_once = max(1, VALUES // out[:1].size // PIECES)
    for first in range(0, len(out), at_once):
        part = slice(first, first + at_once)
        starts, pieces = split_groups(bounds[first : first + at_once + 1])
        parts, logs = np.empty((len(pieces), *out.shape[1:])), np.empty(len(pieces))
        launch(_moments, len(pieces), vectors, pieces, *tables, lines, parts, logs)
        np.add.reduceat(parts, starts, axis=0, out=out[part])
        np.add.reduceat(logs, starts, out=likelihoods[part])


def mean_posteriors(vectors, bounds, weights, means, variances, out):
    """Average the posteriors of the descriptors of each image.

    Parameters
    ----------
    vectors, bounds, weights, means, variances
        As for `moments`.
    out : (n_images, n_components) float64
        Overwritten; zeros for an image without descriptors.
    """
    _average(_mean_posteriors, vectors, bounds, _tables(weights, means, variances), out)


def mean_triangles(vectors, bounds, words, out):
    """Average, over the descriptors of each image, how much nearer than average each word is.

    Parameters
    ----------
    vectors : (n, d) float32
    bounds : (n_images + 1,) int64
    words : (n_words, d) float32
    out : (n_images, n_words) float64
        Overwritten with the means of max(0, mean of z - z), z the distances of a descriptor.
    """
    tables = _tables(np.ones(len(words), np.float32), words, np.ones_like(words))
    _average(_mean_triangles, vectors, bounds, tables, out)


def _average(body, vectors, bounds, tables, out):
    starts, pieces = split_groups(bounds)
    parts = np.empty((len(pieces), out.shape[1]))
    launch(body, len(pieces), vectors, pieces, *tables, parts)
    np.add.reduceat(parts, starts, axis=0, out=out)
    out /= np.maximum(np.diff(bounds), 1)[:, None]


def _tables(weights, means, variances):
    """Return what there is to know about a mixture.

    The scales and shifts (panels, d, 2, 32) of t; the costs of the components, which are not
    negative; the logarithm of the density that costs 0; and the center that shifts are from.
    """
    n_components, d = means.shape
    center = np.average(means, axis=0, weights=weights).astype(np.float32)
    scales = 1 / np.sqrt(variances, dtype=np.float64)
    n_panels = -(-n_components // BLOCK_COLS)
    rows = np.zeros((n_panels * BLOCK_COLS, d, 2), np.float32)
    rows[:n_components, :, 0] = scales
    rows[:n_components, :, 1] = (center - means.astype(np.float64)) * scales
    table = np.ascontiguousarray(rows.reshape(n_panels, BLOCK_COLS, d, 2).transpose(0, 2, 3, 1))
    costs, used = np.full(len(rows), NEVER), weights > 0
    logs = np.log(weights[used], dtype=np.float64) + np.log(scales[used]).sum(1)
    costs[:n_components][used] = logs.max() - logs
    return table, costs, logs.max() - d / 2 * math.log(2 * math.pi), center


def _lines(table, n_components):
    """Return the scales and shifts of each component: (n_components, 2 d), d rounded up to blocks."""
    n_panels, d, _, _ = table.shape
    lines = np.zeros((n_components, 2, -(-d // BLOCK_COLS) * BLOCK_COLS), np.float32)
    lines[..., :d] = table.transpose(0, 3, 2, 1).reshape(n_panels * BLOCK_COLS, 2, d)[:n_components]
    return lines.reshape(n_components, -1)


# Sums and largest values are found 16 at a time: the compiler may change their order (reassoc), and
# take it that no value is NaN (nnan) and the sign of zero doesn't matter (nsz).  None is NaN: what
# callers pass is finite, squares end at FAR, and the cost of unused components is finite.
FREE = {"reassoc", "contract", "nnan", "nsz"}


@njit(nogil=True, cache=True)
def _posteriors(start, stop, vectors, table, costs, peak, center, out):
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
def _mean_posteriors(start, stop, vectors, pieces, table, costs, peak, center, out):
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
def _mean_triangles(start, stop, vectors, pieces, table, costs, peak, center, out):
    tile, scores = _scratch(table)
    for item in range(start, stop):
        out[item] = 0
        for first in range(pieces[item, 0], pieces[item, 1], TILE):
            count = min(TILE, pieces[item, 1] - first)
            _score(vectors, first, count, center, table, tile, scores)
            _fold(scores, count, out.shape[1])
            _add_rows(scores, count, out, item)


@njit(nogil=True, cache=True)
def _moments(start, stop, vectors, pieces, table, costs, peak, center, lines, out, logs):
    n_components = len(lines)
    tile, scores = _scratch(table)
    bits = scores.view(np.int32)
    sums = np.empty(lines.shape, np.float32)
    rows, shares = np.empty((n_components, TILE), np.int64), np.empty((n_components, TILE), np.float32)
    counts, masses = np.zeros(n_components, np.int64), np.zeros(n_components)
    chosen = np.zeros(scores.shape[1], np.uint8)
    groups = chosen.view(np.uint64)
    for item in range(start, stop):  # an item is a piece of an image
        out[item], logs[item], sums[:] = 0, 0, ZERO
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


@njit
def _scratch(table):
    d = -(-table.shape[1] // BLOCK_COLS) * BLOCK_COLS
    return np.zeros((TILE, d), np.float32), np.empty((TILE, len(table) * BLOCK_COLS), np.float32)


@njit
def _score(vectors, first, count, center, table, tile, scores):
    """Write |t|^2 of a tile of descriptors and all components into scores."""
    for i in range(count):
        for j in range(np.uint64(len(center))):
            tile[i, j] = vectors[first + i, j] - center[j]
    for panel in range(len(table)):
        for i in range(0, count, BLOCK_ROWS):  # rows past the tile are whatever they were, and not used
            sum_squares(tile, i, table, panel, scores)


@njit(fastmath=FREE)
def _share(scores, bits, count, costs):
    """Turn |t|^2 into posteriors; return the sum of the logarithms of the densities.

    ``bits`` are the scores as integers, whose order is that of floats that are not negative: the
    compiler finds the smallest of 16 integers at once, but not of floats.
    """
    total, product, n = 0.0, 1.0, np.uint64(len(costs))
    for i in range(count):
        for k in range(n):
            square = scores[i, k]
            scores[i, k] = costs[k] + HALF * (square if square < FAR else FAR)
        least = bits[i, 0]
        for k in range(n):
            least = min(least, bits[i, k])
        nearest, share = np.int32(least).view(np.float32), ZERO
        for k in range(n):
            value = _exp(nearest - scores[i, k])
            scores[i, k] = value
            share += value
        factor = ONE / share
        for k in range(n):
            scores[i, k] *= factor
        total -= np.float64(nearest)
        product *= np.float64(share)
        if product > 1e100:  # one logarithm for many descriptors
            total, product = total + math.log(product), 1.0
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


@njit
def _list(scores, count, chosen, groups, rows, shares, counts, masses):
    """List for each component the rows of a tile of which it has a share, and the shares."""
    for i in range(count):
        for k in range(np.uint64(len(chosen))):
            chosen[k] = scores[i, k] >= LEAST
        for group in range(len(groups)):
            if groups[group]:
                for k in range(8 * group, 8 * group + 8):
                    if chosen[k]:
                        place = counts[k]
                        rows[k, place], shares[k, place] = i, scores[i, k]
                        counts[k] = place + 1
                        masses[k] += np.float64(scores[i, k])


@njit(fastmath=FREE)
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


@njit
def _add_rows(scores, count, out, item):
    """Add a tile of scores to out: a tile in float32, tiles in float64."""
    for i in range(count):
        for k in range(np.uint64(out.shape[1])):
            out[item, k] += np.float64(scores[i, k])


@njit
def _flush(sums, masses, out, item):
    """Add the sums to those in out, which have no room between first and second moments, and empty them."""
    d, width = np.uint64(out.shape[2] // 2), np.uint64(sums.shape[1] // 2)
    for k in range(len(masses)):
        out[item, k, 0] += masses[k]
        masses[k] = 0
        for j in range(d):
            out[item, k, 1 + j] += np.float64(sums[k, j])
            out[item, k, 1 + d + j] += np.float64(sums[k, width + j])
        sums[k] = ZERO

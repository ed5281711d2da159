"""Mixtures of Gaussians with diagonal covariance: posteriors, and the moments under them.

Scores of a batch of descriptors and all components are computed as matrix products are, then a group of
threads turns those of a descriptor into posteriors, and others sum what the descriptors of an image give.
"""

import math

import numpy as np

from imfeat_kernels.cpu._mixture import FAR, HALF, LEAST, NEVER
from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.common import SMALL, divided, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch, on_host
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SPAN, add_squares, first_sum

f32, u32 = np.float32, np.uint32
VALUES = 1 << 26  # posteriors that exist at one time
TOGETHER = 8  # components whose moments a thread sums


def posteriors(vectors, weights, means, variances, out):
    """Compute the probabilities that each component has made a descriptor."""
    scales, shifts, costs, _ = _tables(weights, means, variances)
    logs = empty(len(out), np.float32, out)
    _score(vectors, scales, shifts, out)
    launch(_share, len(out), costs, logs, out, threads=SMALL)


def moments(vectors, bounds, weights, means, variances, out, likelihoods):
    """Sum posteriors q, q t and q t^2 over the descriptors of each image; t = (x - mean) / deviation."""
    scales, shifts, costs, peak = _tables(weights, means, variances)

    def reduce(vectors, pieces, scores, parts):
        logs = empty(len(scores), np.float32, out)
        launch(_share, len(scores), costs, logs, scores, threads=SMALL)
        n_groups = -(-len(costs) // TOGETHER)
        launch(_sum_moments, len(pieces) * n_groups, vectors, pieces, scales, shifts, scores, parts)
        return logs

    for part, first, last, starts, pieces in _batches(bounds, len(costs)):
        scores = empty((last - first, len(costs)), np.float32, out)
        _score(vectors[first:last], scales, shifts, scores)
        parts = empty((len(pieces), *out.shape[1:]), np.float32, out)
        logs = reduce(vectors[first:last], pieces, scores, parts)
        add_pieces(parts, starts, out[part])
        totals = empty((len(pieces), 1), np.float32, out)
        launch(_sum_columns, len(pieces), logs.reshape(len(logs), 1), pieces, totals)
        counts = np.diff(bounds[part.start : part.stop + 1])
        add_pieces(totals, starts, likelihoods[part].reshape(-1, 1))
        launch(_add_peaks, blocks_of(len(counts)), counts, peak, likelihoods[part])


def mean_posteriors(vectors, bounds, weights, means, variances, out):
    """Average the posteriors of the descriptors of each image."""
    scales, shifts, costs, _ = _tables(weights, means, variances)

    def finish(scores):
        launch(_share, len(scores), costs, empty(len(scores), np.float32, out), scores, threads=SMALL)

    _average(vectors, bounds, scales, shifts, finish, out)


def mean_triangles(vectors, bounds, words, out):
    """Average, over the descriptors of each image, how much nearer than average each word is."""
    words = on_host(words)

    def finish(scores):
        launch(_fold, len(scores), scores, threads=SMALL)

    _average(vectors, bounds, np.ones_like(words), -words, finish, out)


def add_pieces(parts, starts, out):
    """Add up the pieces of each group; ``starts`` are the first pieces of the groups."""
    ends = np.append(starts, len(parts))
    flat = parts.reshape(len(parts), -1)
    launch(_add_pieces, blocks_of(out.size), flat, ends, out.reshape(len(out), -1))


def _average(vectors, bounds, scales, shifts, finish, out):
    for part, first, last, starts, pieces in _batches(bounds, len(scales)):
        scores = empty((last - first, len(scales)), np.float32, out)
        _score(vectors[first:last], scales, shifts, scores)
        finish(scores)
        parts = empty((len(pieces), len(scales)), np.float32, out)
        launch(_sum_columns, len(pieces), scores, pieces, parts)
        add_pieces(parts, starts, out[part])
        counts = np.maximum(np.diff(bounds[part.start : part.stop + 1]), 1)
        launch(_divide, blocks_of(out[part].size), counts, out[part])


def _batches(bounds, n_components):
    """Yield images that fit, where their descriptors begin and end, and their pieces counted from there."""
    at_once, i = max(1, VALUES // n_components), 0
    while i < len(bounds) - 1:
        last = max(i + 1, int(np.searchsorted(bounds, bounds[i] + at_once, "right")) - 1)
        starts, pieces = split_groups(bounds[i : last + 1])
        yield slice(i, last), int(bounds[i]), int(bounds[last]), starts, pieces - bounds[i]
        i = last


def _tables(weights, means, variances):
    """Return scales and shifts (n_components, d) of t, costs of components, and the density that costs 0."""
    weights, means, variances = on_host(weights), on_host(means), on_host(variances)
    scales = 1 / np.sqrt(variances, dtype=np.float64)
    shifts, costs, used = -means * scales, np.full(len(means), NEVER), weights > 0
    logs = np.log(weights[used], dtype=np.float64) + np.log(scales[used]).sum(1)
    costs[used] = logs.max() - logs
    peak = logs.max() - means.shape[1] / 2 * math.log(2 * math.pi)
    return scales.astype(np.float32), shifts.astype(np.float32), costs, peak


def _score(vectors, scales, shifts, scores):
    n_blocks = blocks_of(len(scores), SPAN) * blocks_of(len(scales), SPAN)
    launch(_squares, n_blocks, vectors, scales, shifts, scores)


@cuda.jit
def _squares(vectors, scales, shifts, scores):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    v = cuda.shared.array((DEPTH, ROW), f32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    n, n_components = u32(scores.shape[0]), u32(scores.shape[1])
    across, _ = divided(n_components + u32(SPAN - 1), SPAN)
    first, component = divided(cuda.blockIdx.x, across)
    first, component = first * u32(SPAN), component * u32(SPAN)
    add_squares(vectors, first, scales, shifts, component, x, w, v, sums)
    row, column = first_sum(cuda.threadIdx.x)
    row, column = first + row, component + column
    for a in range(ACROSS):
        for b in range(ACROSS):
            if row + u32(a) < n and column + u32(b) < n_components:
                scores[row + u32(a), column + u32(b)] = sums[a, b]


@cuda.jit
def _share(costs, logs, scores):
    """Turn |t|^2 of a descriptor into posteriors, and keep the logarithm of its density."""
    lowest = cuda.shared.array(SMALL, f32)
    sums = cuda.shared.array(SMALL, f32)
    t, i, n = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x), u32(costs.size)
    least, k = NEVER, t
    while k < n:
        square = scores[i, k]
        score = costs[k] + HALF * (square if square < FAR else FAR)
        scores[i, k] = score
        least = score if score < least else least
        k = u32(k + u32(SMALL))
    lowest[t] = least
    cuda.syncthreads()
    for k in range(SMALL):
        least = lowest[k] if lowest[k] < least else least
    total, k = f32(0), t
    while k < n:
        value = math.exp(least - scores[i, k])
        scores[i, k] = value
        total += value
        k = u32(k + u32(SMALL))
    sums[t] = total
    total = small_sum(sums)
    k = t
    while k < n:
        scores[i, k] /= total
        k = u32(k + u32(SMALL))
    if t == u32(0):
        logs[i] = math.log(total) - least


@cuda.jit
def _fold(scores):
    """Turn squared distances z^2 of a descriptor into max(0, mean of z - z)."""
    sums = cuda.shared.array(SMALL, f32)
    t, i, n = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x), u32(scores.shape[1])
    total, k = f32(0), t
    while k < n:
        distance = math.sqrt(scores[i, k])
        scores[i, k] = distance
        total += distance
        k = u32(k + u32(SMALL))
    sums[t] = total
    mean, k = small_sum(sums) / f32(n), t
    while k < n:
        nearer = mean - scores[i, k]
        scores[i, k] = nearer if nearer > f32(0) else f32(0)
        k = u32(k + u32(SMALL))


@cuda.jit
def _sum_moments(vectors, pieces, scales, shifts, scores, parts):
    """Sum moments of a few components over a piece of an image; a thread is a dimension, or several."""
    plain, squared = cuda.local.array(TOGETHER, f32), cuda.local.array(TOGETHER, f32)
    masses = cuda.local.array(TOGETHER, f32)
    n_components, d = u32(scales.shape[0]), u32(scales.shape[1])
    n_groups, _ = divided(n_components + u32(TOGETHER - 1), TOGETHER)
    piece, group = divided(cuda.blockIdx.x, n_groups)
    first, j = group * u32(TOGETHER), u32(cuda.threadIdx.x)
    while j < d:
        for c in range(TOGETHER):
            plain[c], squared[c], masses[c] = f32(0), f32(0), f32(0)
        for i in range(u32(pieces[piece, 0]), u32(pieces[piece, 1])):
            value = vectors[i, j]
            for c in range(TOGETHER):
                k = min(first + u32(c), n_components - u32(1))
                share = scores[i, k]
                share = share if share >= LEAST else f32(0)
                distance = cuda.fma(value, scales[k, j], shifts[k, j])
                masses[c] += share
                plain[c] += share * distance
                squared[c] += share * distance * distance
        for c in range(TOGETHER):
            k = first + u32(c)
            if k < n_components:
                parts[piece, k, u32(1) + j], parts[piece, k, u32(1) + d + j] = plain[c], squared[c]
                if j == u32(0):
                    parts[piece, k, 0] = masses[c]
        j = u32(j + u32(THREADS))


@cuda.jit
def _sum_columns(values, pieces, parts):
    piece, k = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    while k < u32(values.shape[1]):
        total = f32(0)
        for i in range(u32(pieces[piece, 0]), u32(pieces[piece, 1])):
            total += values[i, k]
        parts[piece, k] = total
        k = u32(k + u32(THREADS))


@cuda.jit
def _add_pieces(parts, ends, out):
    """Add up pieces in float64, as the contract has it: an addition for hundreds of descriptors."""
    item = cuda.grid(1)
    if item < out.size:
        i, k = divided(item, out.shape[1])
        total = out[i, k] - out[i, k]
        for piece in range(ends[i], ends[i + 1]):
            total += parts[piece, k]
        out[i, k] = total


@cuda.jit
def _add_peaks(counts, peak, likelihoods):
    i = cuda.grid(1)
    if i < likelihoods.size:
        likelihoods[i] += counts[i] * peak


@cuda.jit
def _divide(counts, out):
    item = cuda.grid(1)
    if item < out.size:
        i, k = divided(item, out.shape[1])
        out[i, k] /= counts[i]

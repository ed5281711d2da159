"""Mixtures of Gaussians with diagonal covariance: posteriors, and moments under the posteriors.

1. `_squares` computes |t|^2 of a batch of descriptors for all components, like a matrix product.
2. `_share` turns it into posteriors (`_fold` into triangles): LANES threads have a descriptor.
3. `moments.sum_moments` (`average_groups` for averages) sums over pieces of images.
4. `_add_pieces` adds up the pieces of an image.
"""

import math

import numpy as np

from imfeat_kernels.cpu._mixture import FAR, HALF, NEVER
from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.common import SMALL, add_pieces, average_groups, divided, sum_groups
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, empty, launch, on_host
from imfeat_kernels.cuda.moments import COLUMNS, LINE, sum_moments
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SPAN, add_squares, first_sum

f32, u32 = np.float32, np.uint32
VALUES = 1 << 26  # posteriors that exist at one time
LANES = 8  # threads that share a descriptor


def posteriors(vectors, weights, means, variances, out):
    """Compute the posterior probabilities of the components for each descriptor."""
    center, scales, shifts, costs, _ = _tables(weights, means, variances)
    logs = empty(len(out), np.float32, out)
    _score(vectors, center, scales, shifts, out)
    _share_out(costs, logs, out)


def moments(vectors, bounds, weights, means, variances, out, likelihoods):
    """Sum posteriors q, q t and q t^2 over the descriptors of each image; t = (x - mean) / deviation."""
    center, scales, shifts, costs, peak = _tables(weights, means, variances)
    n_tiles = blocks_of(len(costs), LINE) * blocks_of(len(center), COLUMNS)
    for images, first, last, starts, pieces in _batches(bounds, len(costs)):
        scores = empty((last - first, len(costs)), np.float32, out)
        batch = vectors[first:last]
        _score(batch, center, scales, shifts, scores)
        logs = empty(len(scores), np.float32, out)
        _share_out(costs, logs, scores)
        piece_sums = empty((len(pieces), *out.shape[1:]), np.float32, out)
        inputs = batch, pieces, center, scales, shifts, scores
        launch(sum_moments, len(pieces) * n_tiles, *inputs, piece_sums)
        add_pieces(piece_sums, starts, out[images])
        sum_groups(logs.reshape(len(logs), 1), starts, pieces, likelihoods[images].reshape(-1, 1))
        counts = np.diff(bounds[images.start : images.stop + 1])
        launch(_add_peaks, blocks_of(len(counts)), counts, peak, likelihoods[images])


def mean_posteriors(vectors, bounds, weights, means, variances, out):
    """Average the posteriors of the descriptors of each image."""
    center, scales, shifts, costs, _ = _tables(weights, means, variances)

    def finish(scores):
        _share_out(costs, empty(len(scores), np.float32, out), scores)

    _average(vectors, bounds, center, scales, shifts, finish, out)


def mean_triangles(vectors, bounds, words, out):
    """Average the triangle encodings of the descriptors of each image."""
    words = on_host(words)
    center = words.mean(0, dtype=np.float64).astype(np.float32)

    def finish(scores):
        launch(_fold, blocks_of(LANES * len(scores), SMALL), scores, threads=SMALL)

    _average(vectors, bounds, center, np.ones_like(words), center - words, finish, out)


def _share_out(costs, logs, scores):
    launch(_share, blocks_of(LANES * len(scores), SMALL), costs, logs, scores, threads=SMALL)


def _average(vectors, bounds, center, scales, shifts, finish, out):
    for images, first, last, _, _ in _batches(bounds, len(scales)):
        scores = empty((last - first, len(scales)), np.float32, out)
        _score(vectors[first:last], center, scales, shifts, scores)
        finish(scores)
        average_groups(scores, bounds[images.start : images.stop + 1] - first, out[images])


def _batches(bounds, n_components):
    """Yield slices of images that fit, bounds of their descriptors, and their pieces relative to these."""
    at_once = max(1, VALUES // n_components)
    i = 0
    while i < len(bounds) - 1:
        last = max(i + 1, int(np.searchsorted(bounds, bounds[i] + at_once, "right")) - 1)
        starts, pieces = split_groups(bounds[i : last + 1])
        yield slice(i, last), int(bounds[i]), int(bounds[last]), starts, pieces - bounds[i]
        i = last


def _tables(weights, means, variances):
    """Return the center of descriptors, scales and shifts of t, costs, and the density of cost 0."""
    weights, means, variances = on_host(weights), on_host(means), on_host(variances)
    scales = 1 / np.sqrt(variances, dtype=np.float64)
    center = np.average(means, axis=0, weights=weights).astype(np.float32)
    shifts = (center - means.astype(np.float64)) * scales
    costs = np.full(len(means), NEVER)
    used = weights > 0
    logs = np.log(weights[used], dtype=np.float64) + np.log(scales[used]).sum(1)
    costs[used] = logs.max() - logs
    peak = logs.max() - means.shape[1] / 2 * math.log(2 * math.pi)
    return center, scales.astype(np.float32), shifts.astype(np.float32), costs, peak


def _score(vectors, center, scales, shifts, scores):
    n_blocks = blocks_of(len(scores), SPAN) * blocks_of(len(scales), SPAN)
    launch(_squares, n_blocks, vectors, center, scales, shifts, scores)


@cuda.jit
def _squares(vectors, center, scales, shifts, scores):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    v = cuda.shared.array((DEPTH, ROW), f32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    n, n_components = u32(scores.shape[0]), u32(scores.shape[1])
    across, _ = divided(n_components + u32(SPAN - 1), SPAN)
    first, component = divided(cuda.blockIdx.x, across)
    first, component = first * u32(SPAN), component * u32(SPAN)
    add_squares(vectors, first, center, scales, shifts, component, x, w, v, sums)
    row, column = first_sum(cuda.threadIdx.x)
    row, column = first + row, component + column
    for a in range(ACROSS):
        for b in range(ACROSS):
            if row + u32(a) < n and column + u32(b) < n_components:
                scores[row + u32(a), column + u32(b)] = sums[a, b]


@cuda.jit
def _share(costs, logs, scores):
    """Turn |t|^2 of descriptors into posteriors, and store the logarithms of their densities."""
    lowest = cuda.shared.array(SMALL, f32)
    sums = cuda.shared.array(SMALL, f32)
    t = u32(cuda.threadIdx.x)
    i, lane = divided(cuda.grid(1), LANES)
    n = u32(costs.size) if i < u32(scores.shape[0]) else u32(0)
    least = NEVER
    k = lane
    while k < n:
        square = scores[i, k]
        score = costs[k] + HALF * (square if square < FAR else FAR)
        scores[i, k] = score
        least = score if score < least else least
        k = u32(k + u32(LANES))
    lowest[t] = least
    cuda.syncthreads()
    for other in range(LANES):
        score = lowest[u32(u32(t - lane) + u32(other))]
        least = score if score < least else least
    total = f32(0)
    k = lane
    while k < n:
        value = math.exp(least - scores[i, k])
        scores[i, k] = value
        total += value
        k = u32(k + u32(LANES))
    sums[t] = total
    total = _sum_of_lanes(sums, lane)
    factor = f32(1) / total
    k = lane
    while k < n:
        scores[i, k] *= factor
        k = u32(k + u32(LANES))
    if lane == u32(0) and n > u32(0):
        logs[i] = math.log(total) - least


@cuda.jit
def _fold(scores):
    """Turn squared distances z^2 of descriptors into max(0, mean of z - z)."""
    sums = cuda.shared.array(SMALL, f32)
    i, lane = divided(cuda.grid(1), LANES)
    n = u32(scores.shape[1]) if i < u32(scores.shape[0]) else u32(0)
    total = f32(0)
    k = lane
    while k < n:
        distance = math.sqrt(scores[i, k])
        scores[i, k] = distance
        total += distance
        k = u32(k + u32(LANES))
    sums[u32(cuda.threadIdx.x)] = total
    mean = _sum_of_lanes(sums, lane) / f32(scores.shape[1])
    k = lane
    while k < n:
        nearer = mean - scores[i, k]
        scores[i, k] = nearer if nearer > f32(0) else f32(0)
        k = u32(k + u32(LANES))


@cuda.jit(device=True)
def _sum_of_lanes(sums, lane):
    """Return the sum of the values of the threads of a descriptor, after all threads wrote theirs."""
    first = u32(u32(cuda.threadIdx.x) - lane)
    cuda.syncthreads()
    total = f32(0)
    for other in range(LANES):
        total += sums[u32(first + u32(other))]
    return total


@cuda.jit
def _add_peaks(counts, peak, likelihoods):
    i = cuda.grid(1)
    if i < likelihoods.size:
        likelihoods[i] += counts[i] * peak

"""Mixtures of Gaussians with diagonal covariance: posteriors, and moments under the posteriors.

1. `_squares` computes |t|^2 of a batch of descriptors for all components, like a matrix product.
2. `_share` turns it into posteriors (`_fold` into triangles): a block is a descriptor.
3. `_sum_moments` (`average_groups` for averages) sums over pieces of images.
4. `_add_pieces` adds up the pieces of an image.
"""

import math

import numpy as np

from imfeat_kernels.cpu._mixture import FAR, HALF, LEAST, NEVER
from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.common import SMALL, add_pieces, average_groups, divided, small_sum, sum_groups
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch, on_host
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SPAN, add_squares, first_sum

f32, u32 = np.float32, np.uint32
VALUES = 1 << 26  # posteriors that exist at one time
TOGETHER = 8  # components whose moments a thread sums


def posteriors(vectors, weights, means, variances, out):
    """Compute the posterior probabilities of the components for each descriptor."""
    center, scales, shifts, costs, _ = _tables(weights, means, variances)
    logs = empty(len(out), np.float32, out)
    _score(vectors, center, scales, shifts, out)
    launch(_share, len(out), costs, logs, out, threads=SMALL)


def moments(vectors, bounds, weights, means, variances, out, likelihoods):
    """Sum posteriors q, q t and q t^2 over the descriptors of each image; t = (x - mean) / deviation."""
    center, scales, shifts, costs, peak = _tables(weights, means, variances)
    n_groups = -(-len(costs) // TOGETHER)
    for images, first, last, starts, pieces in _batches(bounds, len(costs)):
        scores = empty((last - first, len(costs)), np.float32, out)
        batch = vectors[first:last]
        _score(batch, center, scales, shifts, scores)
        logs = empty(len(scores), np.float32, out)
        launch(_share, len(scores), costs, logs, scores, threads=SMALL)
        piece_sums = empty((len(pieces), *out.shape[1:]), np.float32, out)
        inputs = batch, pieces, center, scales, shifts, scores
        launch(_sum_moments, len(pieces) * n_groups, *inputs, piece_sums)
        add_pieces(piece_sums, starts, out[images])
        sum_groups(logs.reshape(len(logs), 1), starts, pieces, likelihoods[images].reshape(-1, 1))
        counts = np.diff(bounds[images.start : images.stop + 1])
        launch(_add_peaks, blocks_of(len(counts)), counts, peak, likelihoods[images])


def mean_posteriors(vectors, bounds, weights, means, variances, out):
    """Average the posteriors of the descriptors of each image."""
    center, scales, shifts, costs, _ = _tables(weights, means, variances)

    def finish(scores):
        launch(_share, len(scores), costs, empty(len(scores), np.float32, out), scores, threads=SMALL)

    _average(vectors, bounds, center, scales, shifts, finish, out)


def mean_triangles(vectors, bounds, words, out):
    """Average the triangle encodings of the descriptors of each image."""
    words = on_host(words)
    center = words.mean(0, dtype=np.float64).astype(np.float32)

    def finish(scores):
        launch(_fold, len(scores), scores, threads=SMALL)

    _average(vectors, bounds, center, np.ones_like(words), center - words, finish, out)


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
    """Turn |t|^2 of a descriptor into posteriors, and store the logarithm of its density."""
    lowest = cuda.shared.array(SMALL, f32)
    sums = cuda.shared.array(SMALL, f32)
    t = u32(cuda.threadIdx.x)
    i = u32(cuda.blockIdx.x)
    n = u32(costs.size)
    least = NEVER
    k = t
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
    total = f32(0)
    k = t
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
    t = u32(cuda.threadIdx.x)
    i = u32(cuda.blockIdx.x)
    n = u32(scores.shape[1])
    total = f32(0)
    k = t
    while k < n:
        distance = math.sqrt(scores[i, k])
        scores[i, k] = distance
        total += distance
        k = u32(k + u32(SMALL))
    sums[t] = total
    mean = small_sum(sums) / f32(n)
    k = t
    while k < n:
        nearer = mean - scores[i, k]
        scores[i, k] = nearer if nearer > f32(0) else f32(0)
        k = u32(k + u32(SMALL))


@cuda.jit
def _sum_moments(vectors, pieces, center, scales, shifts, scores, piece_sums):
    """Sum moments of some components over a piece of an image; a thread sums one or several dimensions."""
    plain, squared = cuda.local.array(TOGETHER, f32), cuda.local.array(TOGETHER, f32)
    masses = cuda.local.array(TOGETHER, f32)
    n_components, d = u32(scales.shape[0]), u32(scales.shape[1])
    n_groups, _ = divided(n_components + u32(TOGETHER - 1), TOGETHER)
    piece, group = divided(cuda.blockIdx.x, n_groups)
    first = group * u32(TOGETHER)
    j = u32(cuda.threadIdx.x)
    while j < d:
        for c in range(TOGETHER):
            plain[c], squared[c], masses[c] = f32(0), f32(0), f32(0)
        for i in range(u32(pieces[piece, 0]), u32(pieces[piece, 1])):
            value = vectors[i, j] - center[j]
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
                piece_sums[piece, k, u32(1) + j], piece_sums[piece, k, u32(1) + d + j] = plain[c], squared[c]
                if j == u32(0):
                    piece_sums[piece, k, 0] = masses[c]
        j = u32(j + u32(THREADS))


@cuda.jit
def _add_peaks(counts, peak, likelihoods):
    i = cuda.grid(1)
    if i < likelihoods.size:
        likelihoods[i] += counts[i] * peak

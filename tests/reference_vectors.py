"""Slow and simple definitions of the kernels for descriptors and parameters; see `reference`."""

import itertools

import numpy as np
from imfeat_kernels.cpu.comparison import BHATTACHARYYA, CHI_SQUARE_ALT, DIVERGENCE, INTERSECTION


def assign(vectors, words):
    squares = ((vectors[:, None].astype(np.float64) - words) ** 2).sum(-1)
    return squares.argmin(1), squares.min(1)


def sum_by_word(vectors, weights, assignments, counts):
    chosen = (assignments[:, None] == np.arange(len(counts))) * (weights[:, None] if len(weights) else 1)
    return chosen.T @ vectors.astype(np.float64), chosen.sum(0)


def approach(vectors, word, distances):
    return np.minimum(distances, ((vectors.astype(np.float64) - word) ** 2).sum(1))


def pool_thresholds(even, odd, even_filters, odd_filters, threshold, first_row, rows, cols, sums):
    even, odd = even @ even_filters.T.astype(np.float64), odd @ odd_filters.T.astype(np.float64)
    pair = (even + odd, even - odd) if odd_filters.size else (even,)
    parts = [np.stack([np.maximum(s * z - threshold, 0) for s in (1, -1)], 3) for z in pair]
    return sums + _pool(parts, rows - first_row, cols)


def multiply_by_filters(vectors, center, filters):
    return (vectors.astype(np.float64) - center) @ filters.T


def pool_triangles(even, odd, squares, first_row, rows, cols, sums):
    n_words = len(squares)
    length = (even[..., n_words:] ** 2).sum(-1) + (odd[..., n_words:] ** 2).sum(-1)
    z = even[..., :n_words]
    pair = (z + odd[..., :n_words], z - odd[..., :n_words]) if odd.size else (z,)
    distances = [np.sqrt(np.maximum(length[..., None] + squares - 2 * z, 0)) for z in pair]
    mean = np.mean(distances, axis=(0, -1))[..., None]
    parts = [np.maximum(mean - d, 0)[..., None, :] for d in distances]
    return sums + _pool(parts, rows - first_row, cols)


def _pool(parts, rows, cols):
    """Average over cells, of which rows may be missing; the second of two parts over the mirrored cells."""
    cells = [
        [
            [part[:, max(a, 0) : max(b, 0), c:d].sum((1, 2)) / ((b - a) * (d - c)) for c, d in cols]
            for a, b in rows
        ]
        for part in parts
    ]
    out = np.moveaxis(np.array(cells), 3, 1)  # (parts, images, rows, cols, signs, words)
    return out[0] if len(out) == 1 else (out[0] + out[1][:, :, ::-1]) / 2


def encode(vectors, centroids):
    groups = vectors.reshape(len(vectors), len(centroids), -1, 1).astype(np.float64)
    return ((groups - centroids) ** 2).sum(2).argmin(2)


def decode(codes, centroids):
    return np.concatenate([centroids[g][codes[:, g]] for g in range(len(centroids))], 1)


def distance_tables(vectors, centroids):
    groups = vectors.reshape(len(vectors), len(centroids), -1, 1).astype(np.float64)
    return ((groups - centroids) ** 2).sum(2)


def nearest_codes(tables, codes, distances):
    totals = sum(tables[:, g].astype(np.float64)[:, codes[:, g]] for g in range(codes.shape[1]))
    order = np.argsort(totals, axis=1, kind="stable")[:, None, : distances.shape[2]]
    return np.take_along_axis(totals[:, None], order, 2), order


def merge_nearest(distances, indices):
    distances, indices = (found.reshape(len(found), -1) for found in (distances, indices))
    order = np.argsort(distances, axis=1, kind="stable")[:, :7]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1)


def sum_by_centroid(vectors, codes, counts):
    n_groups = codes.shape[1]
    groups = vectors.reshape(len(vectors), n_groups, -1).astype(np.float64)
    members = codes[..., None] == np.arange(counts.shape[1])
    return np.einsum("ngk,ngj->gkj", members, groups), members.sum(0)


def sum_terms(first, second, term):
    x, y = first[:, None].astype(np.float64), second.astype(np.float64)
    if term == INTERSECTION:
        return np.minimum(x, y).sum(-1)
    divisor = x + y * (term == CHI_SQUARE_ALT)
    terms = np.where(divisor > 2**-52, (x - y) ** 2 / np.where(divisor > 2**-52, divisor, 1), 0).sum(-1)
    return 2 * terms if term == CHI_SQUARE_ALT else terms


def sum_products(first, second, measure):
    x, y = first[:, None].astype(np.float64), second[None].astype(np.float64)
    if measure == DIVERGENCE:
        y = np.where(y > 2**-52, y, 1e-10)
        return np.where(x > 2**-52, x * np.log(np.where(x > 2**-52, x, 1) / y), 0).sum(-1)
    if measure == BHATTACHARYYA:
        sizes = x.sum(-1) * y.sum(-1)
        shares = np.sqrt(x * y).sum(-1) / np.sqrt(np.where(sizes > 2**-23, sizes, 1))
        return np.sqrt(np.maximum(1 - shares, 0))
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    squares = (x**2).sum(-1) * (y**2).sum(-1)
    return np.where(squares > 2**-52, (x * y).sum(-1) / np.sqrt(np.where(squares > 2**-52, squares, 1)), 1)


def _weighted_log_densities(vectors, weights, means, variances):
    x = vectors[:, None].astype(float)
    means = means.astype(float)
    variances = variances.astype(float)
    with np.errstate(divide="ignore"):
        logs = np.log(weights.astype(float))
    return logs - 0.5 * (np.log(2 * np.pi * variances) + (x - means) ** 2 / variances).sum(2)


def log_densities(vectors, weights, means, variances):
    logs = _weighted_log_densities(vectors, weights, means, variances)
    return logs.max(1) + np.log(np.exp(logs - logs.max(1, keepdims=True)).sum(1))


def posteriors(vectors, weights, means, variances):
    logs = _weighted_log_densities(vectors, weights, means, variances)
    densities = np.exp(logs - logs.max(1, keepdims=True))
    return densities / densities.sum(1, keepdims=True)


def moments(vectors, bounds, weights, means, variances):
    shares = posteriors(vectors, weights, means, variances)
    likelihoods = []
    shares[shares < 1e-6] = 0
    t = (vectors[:, None] - means.astype(float)) / np.sqrt(variances.astype(float))
    terms = np.concatenate([shares[..., None], shares[..., None] * t, shares[..., None] * t**2], 2)
    parts = list(itertools.pairwise(bounds))
    logs = log_densities(vectors, weights, means, variances)
    likelihoods = np.array([logs[first:last].sum() for first, last in parts])
    return np.stack([terms[first:last].sum(0) for first, last in parts]), likelihoods


def mean_posteriors(vectors, bounds, weights, means, variances):
    return _means(posteriors(vectors, weights, means, variances), bounds)


def mean_triangles(vectors, bounds, words):
    distances = np.sqrt(((vectors[:, None].astype(float) - words) ** 2).sum(2))
    return _means(np.maximum(0, distances.mean(1, keepdims=True) - distances), bounds)


def sum_residuals(vectors, bounds, words, assignments):
    out = np.zeros((len(bounds) - 1, *words.shape))
    for i, (first, last) in enumerate(itertools.pairwise(bounds)):
        for x, k in zip(vectors[first:last], assignments[first:last], strict=True):
            out[i, k] += x.astype(float) - words[k]
    return out


def clear_rounding(words, sums):
    lengths = [np.linalg.norm(x.astype(np.float64), axis=-1, keepdims=True) for x in (sums, words)]
    return np.where(lengths[0] <= 2**-20 * lengths[1], 0, sums)


def likelihood_gradients(sums, counts, scales, shares, factor, out):
    means = sums / np.maximum(counts, 1)[:, None, None]
    mass, plain, squared = np.split(means, [1, 1 + sums.shape[2] // 2], 2)
    scales = scales[:, None]
    has_masses = out.shape[1] > 2 * plain[0].size
    parts = [mass * scales - shares[:, None]] if has_masses else []
    parts += [plain * scales, factor * (squared - mass) * scales]
    return np.concatenate([part.reshape(len(sums), -1) for part in parts], 1) * (counts > 0)[:, None]


def gather_rows(rows, order, out):
    if len(out) == len(order):
        return rows[order]
    return rows.reshape(-1, len(order), rows.shape[1])[:, order].reshape(rows.shape)


def scatter(vectors, center):
    centered = vectors.astype(np.float64) - center
    return np.einsum("ni,nj->ij", centered, centered)


def count_words(bounds, assignments, out):
    parts = itertools.pairwise(bounds)
    return np.stack([np.bincount(assignments[a:b], minlength=out.shape[1]) for a, b in parts])


def mean_vectors(vectors, bounds):
    return _means(vectors.astype(np.float64), bounds)


def combine_groups(shares, vectors):
    return shares.astype(np.float64) @ vectors


def signed_roots(values):
    return np.sign(values) * np.sqrt(np.abs(values))


def divide_by_lengths(vectors):
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.where(lengths > 1e-12, vectors / np.maximum(lengths, 1e-12), 0)


def divide_by_sums(vectors):
    sums = vectors.sum(1, dtype=np.float64, keepdims=True)
    return vectors / np.where(sums > 0, sums, 1)


def count_occurring(vectors):
    return np.count_nonzero(vectors, axis=0)


def multiply_by_weights(vectors, weights):
    return vectors * weights


def _means(rows, bounds):
    sums = [rows[first:last].sum(0) for first, last in itertools.pairwise(bounds)]
    return np.stack(sums) / np.maximum(np.diff(bounds), 1)[:, None]


def descend(gradients, rate, decay, parameters):
    gradients, w = _in_float64(gradients, parameters)
    return w - rate * (gradients + decay * w)


def follow_momentum(gradients, decay, momentum, velocity_rate, gradient_rate, velocities, parameters):
    gradients, velocities, w = _in_float64(gradients, velocities, parameters)
    g = gradients + decay * w
    v = momentum * velocities + g
    return v, w - velocity_rate * v - gradient_rate * g


def scale_by_squares(gradients, rate, decay, kept, added, epsilon, squares, parameters):
    gradients, squares, w = _in_float64(gradients, squares, parameters)
    g = gradients + decay * w
    s = kept * squares + added * g**2
    return s, w - rate * g / (np.sqrt(s) + epsilon)


def adapt_moments(gradients, rate, decay, shrinkage, shares, scale, epsilon, moments, squares, parameters):
    gradients, moments, squares, w = _in_float64(gradients, moments, squares, parameters)
    g = gradients + decay * w
    m = shares[0] * moments + shares[1] * g
    s = shares[2] * squares + shares[3] * g**2
    return m, s, shrinkage * w - rate * m / (scale * np.sqrt(s) + epsilon)


def _in_float64(*arrays):
    return [array.astype(np.float64) for array in arrays]

"""Mixtures of Gaussians with diagonal covariance: posteriors, and moments under the posteriors.

For a descriptor x and component k, t_k = (x - mu_k) / sigma_k, and the logarithm of the weighted density is
-cost_k - |t_k|^2 / 2, up to a constant.  The moments under posteriors q are sum q, sum q t and sum q t^2;
they give the Fisher vector and the next step of expectation maximization.

A tile of descriptors takes these steps:

1. Sum |t_k|^2 for all components, in float32 with fused multiplications.  This takes as many operations as
   the two matrix products of x and x^2, but no large terms cancel.
2. Turn the sums into posteriors, and sum the logarithms of the densities.
3. List for each component the descriptors with a posterior that counts; these are few.
4. Add the moments of the listed descriptors, in float32 for some tiles.
5. Add these sums to the results, in float64.

Averages replace steps 3 to 5 by sums of posteriors or of triangles.  The bodies are in ``_mixture.py``.
"""

import math

import numpy as np

from imfeat_kernels.cpu import _mixture
from imfeat_kernels.cpu._mixture import NEVER, TILE
from imfeat_kernels.cpu.launch import PIECE, PIECES, launch, split_groups
from imfeat_kernels.cpu.tile import BLOCK_COLS, aligned

VALUES = 1 << 22  # sums of pieces of images that exist at one time


def posteriors(vectors, weights, means, variances, out):
    """Compute the posterior probabilities of the components for each descriptor.

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
    launch(_mixture.posteriors, -(-len(vectors) // TILE), vectors, *tables, out, grain=-(-PIECE // TILE))


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
        images = slice(first, first + at_once)
        starts, pieces = split_groups(bounds[first : first + at_once + 1])
        sums = np.empty((len(pieces), *out.shape[1:]))
        logs = np.empty(len(pieces))
        launch(_mixture.moments, len(pieces), vectors, pieces, *tables, lines, sums, logs)
        np.add.reduceat(sums, starts, axis=0, out=out[images])
        np.add.reduceat(logs, starts, out=likelihoods[images])


def mean_posteriors(vectors, bounds, weights, means, variances, out):
    """Average the posteriors of the descriptors of each image.

    Parameters
    ----------
    vectors, bounds, weights, means, variances
        As for `moments`.
    out : (n_images, n_components) float64
        Overwritten; zeros for an image without descriptors.
    """
    _average(_mixture.mean_posteriors, vectors, bounds, _tables(weights, means, variances), out)


def mean_triangles(vectors, bounds, words, out):
    """Average the triangle encodings of the descriptors of each image.

    Parameters
    ----------
    vectors : (n, d) float32
    bounds : (n_images + 1,) int64
    words : (n_words, d) float32
    out : (n_images, n_words) float64
        Overwritten with the means of max(0, mean of z - z) for the distances z of a descriptor.
    """
    tables = _tables(np.ones(len(words), np.float32), words, np.ones_like(words))
    _average(_mixture.mean_triangles, vectors, bounds, tables, out)


def _average(body, vectors, bounds, tables, out):
    starts, pieces = split_groups(bounds)
    sums = np.empty((len(pieces), out.shape[1]))
    launch(body, len(pieces), vectors, pieces, *tables, sums)
    np.add.reduceat(sums, starts, axis=0, out=out)
    out /= np.maximum(np.diff(bounds), 1)[:, None]


def _tables(weights, means, variances):
    """Return the tables of a mixture that bodies take.

    Returns
    -------
    table : (n_panels, d, 2, 32) array
        Scales and shifts of t.
    costs : (32 n_panels,) array
        Costs of the components, at least 0.
    peak : float
        Logarithm of the density of cost 0.
    center : (d,) array
        Subtracted from descriptors first.
    """
    n_components, d = means.shape
    center = np.average(means, axis=0, weights=weights).astype(np.float32)
    scales = 1 / np.sqrt(variances, dtype=np.float64)
    n_panels = -(-n_components // BLOCK_COLS)
    rows = np.zeros((n_panels * BLOCK_COLS, d, 2), np.float32)
    rows[:n_components, :, 0] = scales
    rows[:n_components, :, 1] = (center - means.astype(np.float64)) * scales
    table = aligned(rows.reshape(n_panels, BLOCK_COLS, d, 2).transpose(0, 2, 3, 1))
    costs = np.full(len(rows), NEVER)
    used = weights > 0
    logs = np.log(weights[used], dtype=np.float64) + np.log(scales[used]).sum(1)
    costs[:n_components][used] = logs.max() - logs
    return table, costs, logs.max() - d / 2 * math.log(2 * math.pi), center


def _lines(table, n_components):
    """Return the scales and shifts of each component: (n_components, 2 d), d rounded up to blocks."""
    n_panels, d, _, _ = table.shape
    lines = np.zeros((n_components, 2, -(-d // BLOCK_COLS) * BLOCK_COLS), np.float32)
    lines[..., :d] = table.transpose(0, 3, 2, 1).reshape(n_panels * BLOCK_COLS, 2, d)[:n_components]
    return lines.reshape(n_components, -1)

"""Small tables that kernels take as inputs: edges of bins, weights of pixels, words less their center.

Modules of both packages of kernels export them beside the kernels that take them.
"""

import functools

import numpy as np

FAR = 4  # distance of words from the origin, in standard deviations, from which on they are centered


@functools.lru_cache(64)
def bin_edges(orientations, signed, dtype):
    """Return the edges of bins of orientations, as `hog.cell_histograms` takes them.

    Parameters
    ----------
    orientations : int
        Number of bins, over a full turn if ``signed``, else over a half turn.
    signed : bool
    dtype : type
        float32 or float64, the type to compute in.

    Returns
    -------
    edges : (orientations, 2) array
        (cos, sin) of the lower edges, scaled.
    n_lower : int
        Number of edges below a half turn.
    mirrors : (n, 2) int64 array
        Pairs of edges that mirror each other.
    """
    angles = np.arange(orientations) * (360 if signed else 180) / orientations
    edges = np.stack([np.cos(np.deg2rad(angles % 180)), np.sin(np.deg2rad(angles % 180))], 1)
    # Scaled to 1 in the larger of the two, edges at 0, 45, 90 and 135 degrees are exact.
    edges = np.round(edges / np.abs(edges).max(1, keepdims=True), 15).astype(dtype)
    n_lower = int((angles < 180).sum())
    halves = range(1, n_lower), range(n_lower, orientations)
    return edges, n_lower, np.concatenate([_mirrors(edges, half) for half in halves])


def _mirrors(edges, half):
    """Return an even number of pairs of edges of a half turn that mirror each other."""
    remaining = list(half)
    pairs = []
    missing = len(edges) + 2
    while remaining:
        b = remaining.pop(0)
        mirror = next((m for m in remaining if (edges[m] == edges[b] * [-1, 1]).all()), missing)
        if mirror in remaining:
            remaining.remove(mirror)
        pairs.append((b, mirror))
    pairs += [(missing, missing)] * (len(pairs) % 2)
    return np.array(pairs, np.int64).reshape(-1, 2)


@functools.lru_cache(64)
def block_weights(cell_size, n_cells, sigma):
    """Return the weights of the rows of pixels of a block for its rows of cells, or of its columns.

    They fall linearly between the centers of two cells, times a Gaussian around the center of the block.

    Parameters
    ----------
    cell_size : int
        Height of a cell, in pixels.
    n_cells : int
        Rows of cells of a block.
    sigma : float
        Deviation of the Gaussian, in pixels.

    Returns
    -------
    (n_cells, n_cells * cell_size) float32 array
    """
    pixel = np.arange(n_cells * cell_size)
    cell = np.arange(n_cells)[:, None]
    linear = np.maximum(1 - np.abs((pixel + 0.5) / cell_size - 0.5 - cell), 0)
    gauss = np.exp(-((pixel - n_cells * cell_size / 2) ** 2) / (2 * sigma**2))
    return (linear * gauss).astype(np.float32)


@functools.lru_cache(64)
def directions(orientations):
    """Return (cos, sin) of the directions k pi / orientations, (orientations, 2) float32.

    `directions.direction_votes` takes them.
    """
    angles = np.arange(orientations) * np.pi / orientations
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def bin_weights(bin_size, fast, window):
    """Return the weights of pixels and of bins that `sift.dense_sift` takes.

    Parameters
    ----------
    bin_size : int
        In pixels.
    fast : bool
        Weight whole bins by the Gaussian around the center, not each pixel.
    window : float
        Deviation of the Gaussian, in bins.

    Returns
    -------
    kernels : (4 or 1, n_taps) float32 array
        Weights of pixels across each of the four bins, or across any of them.
    weights : (128,) float32 array
        Weights of the values of a descriptor.
    """
    pixel = np.arange(1 - bin_size, bin_size)
    center = bin_size * (np.arange(4) - 1.5)
    triangle = 1 - abs(pixel) / bin_size
    gauss = np.exp(-0.5 * ((pixel + center[:, None]) / (window * bin_size)) ** 2)
    kernels = triangle[None] if fast else triangle * gauss
    kernels = np.pad(kernels, ((0, 0), (0, -kernels.shape[1] % 4)))
    shares = gauss.mean(1) if fast else np.ones(4)
    weights = np.repeat(np.outer(shares, shares), 8)
    return kernels.astype(np.float32), weights.astype(np.float32)


def centered(words):
    """Return what vectors and words are compared relative to.

    Parameters
    ----------
    words : (n_words, d) float32

    Returns
    -------
    center : (d,) float32 array
        The word nearest to the mean of words that are far from the origin, so that differences of integers
        stay integers; else zeros.
    words : (n_words, d) float32 array
        The words less the center.
    halves : (n_words,) float32 array
        Half their squared lengths.
    """
    halves = _half_squares(words)
    mean = words.mean(0, dtype=np.float64)
    square = mean @ mean
    if square <= FAR * FAR * max(2 * halves.mean() - square, 0):
        return np.zeros_like(mean, np.float32), words, halves.astype(np.float32)
    center = words[(halves - words @ mean).argmin()].copy()
    words = words - center
    return center, words, _half_squares(words).astype(np.float32)


def _half_squares(words):
    return 0.5 * np.einsum("kd,kd->k", words, words, dtype=np.float64)


UNIT_RANGES = ((0, 1),) * 3


def bytes_of_bins(n_bins, ranges=UNIT_RANGES):
    """Return the edges of equal bins and a byte of each, as `histogram.to_bytes` takes them.

    Parameters
    ----------
    n_bins : sequence of int
        Bins of each of three channels, at most 256.
    ranges : sequence of pairs of numbers
        Lowest and highest value of each channel.

    Returns
    -------
    edges : (3, max(n_bins) + 1) float64 array
    smallest : (3, max(n_bins) + 1) uint8 array
        Smallest byte of each bin.
    """
    edges = np.ones((3, max(n_bins) + 1))
    smallest = np.zeros((3, max(n_bins) + 1), np.uint8)
    for c, n in enumerate(n_bins):
        edges[c, : n + 1] = np.linspace(*ranges[c], n + 1)
        smallest[c, :n] = -(-255 * np.arange(n) // n)
    return edges, smallest

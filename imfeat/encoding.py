"""Encodings: many descriptors of an image become one vector."""

import math

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_counts, as_offsets, as_vectors, one_of
from imfeat._norm import NORMS, normalize_histograms
from imfeat.codebook import assign
from imfeat.histogram import region_bounds


def bag_of_words(
    descriptors: Array,
    codebook: Array,
    *,
    offsets: Array | None = None,
    grid: tuple[int, int] = (1, 1),
    norm: str | None = "l1",
) -> Array:
    """Count the visual words of each image.

    Parameters
    ----------
    descriptors : array of shape (n, d) or (..., n_rows, n_cols, d)
        The descriptors of one image, or of several, one after the other (see ``offsets``); or
        those of a grid of positions in each image, as `dense_patches` returns them.
    codebook : array of shape (n_words, d)
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).
    grid : (int, int)
        Rows and columns of regions, each with a count of its own, for descriptors on a grid.
    norm : {"l1", "l2", "hellinger", None}
        What the counts of each region are divided by, as in `color_histogram`.

    Returns
    -------
    array of shape (n_words,), (n_images, n_words) or (..., grid[0] * grid[1] * n_words), float32
        Regions row by row.  An image without descriptors gives zeros.

    Raises
    ------
    TypeError, ValueError
        If the shapes don't fit each other, or ``offsets`` or ``grid`` go with the other kind of
        descriptors.

    References
    ----------
    .. [1] G. Csurka, C. R. Dance, L. Fan, J. Willamowski, C. Bray, "Visual categorization with
       bags of keypoints", ECCV workshop 2004.
    """
    words = as_vectors(codebook, name="codebook")
    one_of(norm, "norm", NORMS)
    vectors = as_vectors(descriptors, name="descriptors", length=words.shape[1], axes=None)
    assignments = assign(vectors, words)
    if vectors.ndim == 2:
        if as_counts(grid, "grid", 2) != (1, 1):
            raise ValueError(f"grid needs descriptors (..., n_rows, n_cols, d), got {vectors.shape}")
        bounds = np.array([0, len(vectors)]) if offsets is None else as_offsets(offsets, len(vectors))
        counts = _count(
            assignments, np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)), len(bounds) - 1, len(words)
        )
        return normalize_histograms(counts if offsets is not None else counts[0], norm)
    if vectors.ndim == 1 or offsets is not None:
        raise ValueError(f"descriptors must have the shape (n, d) with offsets, got {vectors.shape}")
    *leading, n_rows, n_cols = assignments.shape
    n_images, n_regions = math.prod(leading), math.prod(grid)
    groups = np.arange(n_images)[:, None, None] * n_regions + _regions(grid, n_rows, n_cols)
    counts = _count(assignments.ravel(), groups.ravel(), n_images * n_regions, len(words))
    return normalize_histograms(counts, norm).reshape(*leading, n_regions * len(words))


def _regions(grid: tuple[int, int], n_rows: int, n_cols: int) -> Array:
    """Return the region (n_rows, n_cols) of each position of a grid of positions."""
    rows, cols = region_bounds(grid, n_rows, n_cols)
    row_of = np.repeat(np.arange(len(rows) - 1), np.diff(rows))
    col_of = np.repeat(np.arange(len(cols) - 1), np.diff(cols))
    return row_of[:, None] * (len(cols) - 1) + col_of


def _count(assignments: Array, groups: Array, n_groups: int, n_words: int) -> Array:
    """Count the words (n_groups, n_words) of each group of descriptors."""
    counts = np.bincount(groups * n_words + assignments, minlength=n_groups * n_words)
    return counts.reshape(n_groups, n_words)

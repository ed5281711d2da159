"""Histogram equalization of floats, with bins from the smallest value to the largest."""

import numpy as np

from imfeat._backend import Array, backend_of

N_BINS = 256


def equalize_floats(pixels: Array, chosen: Array | None) -> Array:
    """Interpolate the cumulative histogram of each plane between the centers of its bins.

    ``pixels`` are (n_images, n_pixels, n_channels), ``chosen`` the pixels (n_images, n_pixels) to count.
    """
    kernels = backend_of(pixels)
    n_images, n_pixels, n_channels = pixels.shape
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 1)).reshape(-1, n_pixels)
    masks = np.ones((n_images, n_pixels), np.bool_) if chosen is None else chosen
    masks = np.repeat(masks, n_channels, axis=0)
    edges = np.empty((len(planes), N_BINS + 1), planes.dtype)
    is_narrow = np.zeros(len(planes), np.bool_)
    for k, (plane, mask) in enumerate(zip(planes, masks, strict=True)):
        edges[k], is_narrow[k] = _edges(plane[mask])
    counts = np.empty((len(planes), N_BINS), np.int64)
    kernels.equalize_floats.edge_counts(planes, edges, masks, counts)
    shares = np.cumsum(counts, 1) / np.maximum(counts.sum(1, keepdims=True), 1)
    out = np.empty(planes.shape, planes.dtype)
    centers = ((edges[:, :-1] + edges[:, 1:]) / 2).astype(np.float64)
    kernels.equalize_floats.interpolate(planes, centers, shares, out)
    unchosen = ~masks.any(1)
    out[unchosen] = planes[unchosen]
    for k in np.flatnonzero(is_narrow).tolist():
        out[k] = _equalize_narrow(planes[k], masks[k])
    return np.moveaxis(out.reshape(n_images, n_channels, n_pixels), 1, -1)


def _edges(values: Array) -> tuple[Array, bool]:
    """Return the edges of the bins of values, and whether floats are too few between the values for bins."""
    low = values.min(initial=np.inf)
    high = values.max(initial=-np.inf)
    if low >= high:  # equal values, or none
        return np.histogram_bin_edges(values[:1], N_BINS), False
    edges = np.linspace(low, high, N_BINS + 1, dtype=values.dtype)
    centers = (edges[:-1] + edges[1:]) / 2
    if (np.diff(edges) > 0).all() and (np.diff(centers) > 0).all():
        return edges, False
    return np.linspace(0, 1, N_BINS + 1), True


def _equalize_narrow(plane: Array, mask: Array) -> Array:
    """Equalize a plane with too few floats for bins in float64; one of float64 is returned unchanged."""
    if plane.dtype == np.float64:
        return plane
    equalized: Array = equalize_floats(plane.astype(np.float64)[None, :, None], mask[None])[0, :, 0]
    return equalized

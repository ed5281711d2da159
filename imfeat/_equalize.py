"""Histogram equalization of floats, with bins from the smallest value to the largest, and of 16 bits."""

import numpy as np

from imfeat._backend import Array, backend_of

N_BINS = 256
LEAST_RANGE = 1e-300  # of values in float64: the number of bins by it must be finite
FEW = 1 << 11  # values of 16 bits, below which they are sorted instead of counted
CLOSE = 4 * N_BINS  # range of values in units of their rounding, below which bins may coincide


def equalize_floats(pixels: Array, chosen: Array | None) -> Array:
    """Equalize pixels (n_images, n_pixels, n_channels) of floats, each plane by itself."""
    n_images, n_pixels, n_channels = pixels.shape
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 1)).reshape(-1, n_pixels)
    masks = np.ones((n_images, n_pixels), np.bool_) if chosen is None else chosen
    masks = np.repeat(masks, n_channels, axis=0)
    out = _equalize_planes(planes, masks)
    return np.moveaxis(out.reshape(n_images, n_channels, n_pixels), 1, -1)


def _equalize_planes(planes: Array, masks: Array) -> Array:
    """Interpolate the cumulative histogram of each plane (n, n_pixels) between the centers of its bins."""
    kernels = backend_of(planes).equalize_floats
    edges = np.empty((len(planes), N_BINS + 1), planes.dtype)
    is_flat = np.empty(len(planes), np.bool_)
    for p, (plane, mask) in enumerate(zip(planes, masks, strict=True)):
        edges[p], is_flat[p] = _bin_edges(plane[mask])
    counts = np.empty((len(planes), N_BINS), np.int64)
    kernels.edge_counts(planes, edges, masks, counts)
    shares = np.cumsum(counts, 1) / np.maximum(counts.sum(1, keepdims=True), 1)
    out = np.empty(planes.shape, planes.dtype)
    centers = ((edges[:, :-1] + edges[:, 1:]) / 2).astype(np.float64)
    kernels.interpolate(planes, centers, shares, out)
    for k in np.flatnonzero(is_flat):
        out[k] = _equalize_planes(_stretched(planes[k], masks[k]), masks[k : k + 1])[0]
    unchosen = ~masks.any(1)
    out[unchosen] = planes[unchosen]
    return out


def _bin_edges(values: Array) -> tuple[Array, bool]:
    """Return the edges of `numpy.histogram`, and whether values are so close that bins coincide.

    The edges of such values are others, which no result depends on.
    """
    low, high = (values.min(), values.max()) if values.size else (np.zeros(1, values.dtype)[0],) * 2
    if low == high:
        low, high = low - values.dtype.type(0.5), high + values.dtype.type(0.5)
    edges: Array = np.linspace(low, high, N_BINS + 1, dtype=values.dtype)
    extent = high - low
    if extent < LEAST_RANGE or (extent < CLOSE * np.spacing(max(high, -low)) and _coincide(edges)):
        return np.linspace(0, 1, N_BINS + 1, dtype=values.dtype), True
    return edges, False


def _coincide(edges: Array) -> bool:
    centers = (edges[:-1] + edges[1:]) / 2
    return bool((np.diff(edges) <= 0).any() or (np.diff(centers) <= 0).any())


def _stretched(plane: Array, mask: Array) -> Array:
    """Return a plane whose bins coincide as a plane (1, n_pixels) of float64 whose bins don't."""
    if plane.dtype == np.float32:
        return plane[np.newaxis].astype(np.float64)
    low, high = plane[mask].min(), plane[mask].max()
    stretched: Array = np.clip((plane[np.newaxis] - low) / (high - low), 0, 1)
    return stretched


def equalize_words(pixels: Array, chosen: Array | None) -> Array:
    """Equalize pixels (n_images, n_pixels, n_channels) of integers of 16 bits, over all of their values.

    A value becomes the share of pixels that are not larger, times the largest integer of the dtype.
    """
    out = np.empty_like(pixels)
    for i, c in np.ndindex(len(pixels), pixels.shape[2]):
        plane = pixels[i, :, c]
        counted = plane if chosen is None else plane[chosen[i]]
        if not counted.size:
            out[i, :, c] = plane
            continue
        largest = np.iinfo(pixels.dtype).max
        low, high = counted.min(), counted.max()
        values = np.clip(plane, low, high)
        if counted.size < FEW:
            ranks = np.searchsorted(np.sort(counted), values, "right")
            out[i, :, c] = np.rint(ranks / counted.size * largest)
            continue
        ranks = np.cumsum(np.bincount(np.subtract(counted, low, dtype=np.int64)))
        table = np.rint(ranks / counted.size * largest).astype(pixels.dtype)
        out[i, :, c] = table[np.subtract(values, low, dtype=np.int64)]
    return out

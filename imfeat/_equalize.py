"""Histogram equalization of floats, with bins from the smallest value to the largest, and of 16 bits."""

from typing import Any

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import to_host
from imfeat._dtypes import LARGEST
from imfeat._planes import from_planes, to_planes

N_BINS = 256
NO_MASK = np.empty((0, 0), np.bool_)
LEAST_RANGE = 1e-300  # of values in float64: the number of bins by it must be finite
CLOSE = 4 * N_BINS  # range of values in units of their rounding, below which bins may coincide


def equalize_planes(pixels: Array, chosen: Array | None, out: Array) -> None:
    """Equalize pixels (n_images, n_pixels, n_channels) of floats or of 16 bits, each plane by itself."""
    planes = to_planes(pixels)
    masks = NO_MASK if chosen is None else chosen
    is_gray = pixels.shape[2] == 1
    equalized = (
        out.reshape(planes.shape) if is_gray else empty_on_device_of(planes.shape, planes.dtype, planes)
    )
    if planes.dtype in LARGEST:
        backend_of(planes).equalize_words.equalize_words(planes, masks, LARGEST[planes.dtype], equalized)
    else:
        _equalize_floats(planes, masks, equalized)
    if not is_gray:
        from_planes(equalized, out)


def _equalize_floats(planes: Array, masks: Array, out: Array) -> None:
    """Interpolate the cumulative histogram of each plane (n, n_pixels) between the centers of its bins.

    As many planes in a row share a mask; without masks all pixels are counted.
    """
    kernels = backend_of(planes).equalize_floats
    extremes = empty_on_device_of((len(planes), 2), planes.dtype, planes)
    kernels.extremes(planes, masks, extremes)
    extremes = to_host(extremes)
    edges = np.empty((len(planes), N_BINS + 1), planes.dtype)
    is_flat = np.empty(len(planes), np.bool_)
    for p, (low, high) in enumerate(extremes):
        edges[p], is_flat[p] = _bin_edges(low, high)
    counts = empty_on_device_of((len(planes), N_BINS), np.int64, planes)
    kernels.edge_counts(planes, edges, masks, counts)
    counts = to_host(counts)
    shares = np.cumsum(counts, 1) / np.maximum(counts.sum(1, keepdims=True), 1)
    centers = ((edges[:, :-1] + edges[:, 1:]) / 2).astype(np.float64)
    kernels.interpolate(planes, centers, shares, out)
    for k in np.flatnonzero(is_flat):
        mask = masks[k * len(masks) // len(planes) :][:1]
        stretched = empty_on_device_of((1, planes.shape[1]), np.float64, planes)
        kernels.stretch(planes[k : k + 1].reshape(-1), *extremes[k], stretched.reshape(-1))
        _equalize_floats(stretched, mask, out[k : k + 1])
    for k in np.flatnonzero(extremes[:, 0] > extremes[:, 1]):  # of empty masks
        unchanged = planes[k : k + 1].reshape(-1), *(planes.dtype.type(end) for end in (-np.inf, np.inf))
        backend_of(planes).check.clip(*unchanged, out[k : k + 1].reshape(-1))


def _bin_edges(low: Any, high: Any) -> tuple[Array, bool]:
    """Return the edges of `numpy.histogram` of values in an interval, and whether bins coincide.

    The edges of bins that coincide, or of an empty interval, are others, which no result depends on.
    """
    kind = type(low)
    if low > high:
        low = high = kind(0)
    if low == high:
        low, high = low - kind(0.5), high + kind(0.5)
    edges: Array = np.linspace(low, high, N_BINS + 1, dtype=kind)
    extent = high - low
    if extent < LEAST_RANGE or (extent < CLOSE * np.spacing(max(high, -low)) and _coincide(edges)):
        return np.linspace(0, 1, N_BINS + 1, dtype=kind), True
    return edges, False


def _coincide(edges: Array) -> bool:
    centers = (edges[:-1] + edges[1:]) / 2
    return bool((np.diff(edges) <= 0).any() or (np.diff(centers) <= 0).any())

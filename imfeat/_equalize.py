"""Histogram equalization of floats, with bins from the smallest value to the largest, and of 16 bits."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import to_host
from imfeat._dtypes import LARGEST
from imfeat._late import postpone
from imfeat._planes import from_planes, to_planes

N_BINS = 256
NO_MASK = np.empty((0, 0), np.bool_)


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

    As many planes in a row share a mask; without masks all pixels are counted.  On a GPU the states of planes
    are postponed where checks of values are, see `imfeat._late`.
    """
    kernels = backend_of(planes).equalize_floats
    n, dtype = len(planes), planes.dtype
    extremes = empty_on_device_of((n, 2), dtype, planes)
    kernels.extremes(planes, masks, extremes)
    edges, centers, states = (
        empty_on_device_of(shape, kind, planes)
        for shape, kind in (((n, N_BINS + 1), dtype), ((n, N_BINS), dtype), ((n,), np.dtype(np.int64)))
    )
    kernels.lay_edges(extremes, edges, centers, states)
    counts = empty_on_device_of((n, N_BINS), np.int64, planes)
    kernels.edge_counts(planes, edges, masks, counts)
    on_host = isinstance(planes, np.ndarray)
    heights = empty_on_device_of((n, N_BINS), np.float64 if on_host else dtype, planes)
    kernels.cumulate(counts, heights)
    kernels.interpolate(planes, centers, heights, out)
    if on_host or not postpone(states):
        _equalize_others(planes, masks, extremes, to_host(states), out)


def _equalize_others(planes: Array, masks: Array, extremes: Array, states: Array, out: Array) -> None:
    """Equalize the planes whose bins coincide, stretched, and copy those of empty masks."""
    kernels = backend_of(planes).equalize_floats
    for k in np.flatnonzero(states == kernels.COINCIDE):
        mask = masks[k * len(masks) // len(planes) :][:1]
        stretched = empty_on_device_of((1, planes.shape[1]), np.float64, planes)
        low, high = to_host(extremes)[k]
        kernels.stretch(planes[k : k + 1].reshape(-1), low, high, stretched.reshape(-1))
        _equalize_floats(stretched, mask, out[k : k + 1])
    for k in np.flatnonzero(states == kernels.EMPTY):
        unchanged = planes[k : k + 1].reshape(-1), *(planes.dtype.type(end) for end in (-np.inf, np.inf))
        backend_of(planes).check.clip(*unchanged, out[k : k + 1].reshape(-1))

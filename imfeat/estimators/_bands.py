"""Bands of large images, whose local descriptors are computed some rows at a time."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from imfeat._backend import Array
from imfeat._grid import Grid, as_grids, positions_of
from imfeat.pooling import pool_regions

VALUES_AT_ONCE = 1 << 23  # of descriptors
VALUES_ON_GPU = 1 << 27


class Band(NamedTuple):
    """Some rows of descriptors of an image.

    Attributes
    ----------
    pixels : slice
        Rows of pixels that the descriptors depend on.
    is_in_band : bool array of shape (n,)
        Which of the descriptors of these pixels belong to the band.
    indices : int array of shape (n_in_band,)
        Which of the descriptors of the image they are.
    positions : array of shape (n_in_band, 2), float32
        Where they lie in the image.
    """

    pixels: slice
    is_in_band: Array
    indices: Array
    positions: Array


def numbers_of(local: Any) -> int:
    """Return the length of a descriptor of `DenseSIFT` or `LocalColor`, at most."""
    return 128 * (1 if getattr(local, "color", "gray") == "gray" else 3)


def at_once(local: Any, images: Array, n: int) -> int:
    """Return how many images of ``n`` descriptors each are described at a time, more of them on a GPU."""
    n_values = VALUES_AT_ONCE if isinstance(images, np.ndarray) else VALUES_ON_GPU
    return max(1, n_values // max(1, numbers_of(local) * n))


def are_many(local: Any, size: tuple[int, ...]) -> bool:
    """Tell whether an image of (height, width) pixels has more descriptors than are held at a time."""
    return numbers_of(local) * len(local.positions_in(size)) > VALUES_AT_ONCE


def described(local: Any, image: Array) -> Iterator[tuple[Array, Array]]:
    """Yield descriptors (1, n, d) and positions (n, 2) of an image (1, height, width, 3) by bands."""
    for band in bands_of(local, image.shape[1:3]):
        yield local.transform(image[:, band.pixels])[:, band.is_in_band], band.positions


def bands_of(local: Any, size: tuple[int, ...]) -> Iterator[Band]:
    """Yield the bands of an image of (height, width) pixels."""
    step = local.step
    grids = as_grids(size, step, local.bin_size, local.scales)
    n_rows = max(grid.shape[0] for grid in grids)
    rows_at_once = max(1, VALUES_AT_ONCE // (numbers_of(local) * sum(grid.shape[1] for grid in grids)))
    largest = max(grid.bin_size for grid in grids)
    n_above = -(-(2 * largest + 4) // step)  # rows of descriptors above a band that reach what it depends on
    for first in range(0, n_rows, rows_at_once):
        last = min(first + rows_at_once, n_rows)
        top = max(0, first - n_above)
        reach = max(grid.offset + 3 * grid.bin_size for grid in grids) + 2 * largest + 5
        stop = size[0] if last == n_rows else min(size[0], (last - 1) * step + reach)
        pixels = slice(top * step, stop)
        yield _band(local, grids, pixels, (first, last), (stop - pixels.start, size[1]))


def _band(local: Any, grids: list[Grid], pixels: slice, rows: tuple[int, int], size: tuple[int, int]) -> Band:
    """Return the band of the rows of descriptors from the first to before the last."""
    step = local.step
    top = pixels.start // step
    is_in_band, indices, n_before = [], [], 0
    of_pixels = as_grids(size, step, local.bin_size, local.scales)
    for whole, part in zip(grids, of_pixels, strict=True):
        row = top + np.repeat(np.arange(part.shape[0]), part.shape[1])
        col = np.tile(np.arange(part.shape[1]), part.shape[0])
        kept = (row >= rows[0]) & (row < rows[1])
        is_in_band.append(kept)
        indices.append(n_before + (row * whole.shape[1] + col)[kept])
        n_before += math.prod(whole.shape)
    chosen = np.concatenate(is_in_band)
    positions = positions_of(of_pixels, step)[chosen]
    positions[:, 0] += pixels.start
    return Band(pixels, chosen, np.concatenate(indices), positions)


def pool_bands(
    encode: Callable[..., Array], bands: Iterator[tuple[Array, Array]], size: tuple[int, ...], **how: Any
) -> Array:
    """Return what `imfeat.pool_regions` returns for all (descriptors (1, n, d), positions) of one image."""
    total: Any = 0
    n_descriptors: Any = 0
    is_mean = how.get("pool", "mean") == "mean"
    for descriptors, positions in bands:
        pooled = pool_regions(encode, descriptors, positions, size, **how).astype(np.float64)
        if is_mean:
            counts = pool_regions(_counts, descriptors, positions, size, **how | {"pool": "sum"})
            n_descriptors = n_descriptors + counts
            pooled *= counts
        total = total + pooled
    return np.asarray(total / np.maximum(n_descriptors, 1) if is_mean else total, np.float32)


def _counts(descriptors: Array, offsets: Array) -> Array:
    """Return the number of descriptors of each group."""
    return np.diff(offsets)[:, None]

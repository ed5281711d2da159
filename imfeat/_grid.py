"""Positions of local descriptors on a grid."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imfeat._backend import Array
from imfeat._check import SEQUENCES, as_count, as_number


class Grid(NamedTuple):
    """Where descriptors of one size lie: the center of the first bin is at (offset, offset)."""

    bin_size: int
    offset: int
    shape: tuple[int, int]


def as_grids(size: tuple[int, ...], step: int, bin_size: int, scales: Sequence[float] | None) -> list[Grid]:
    """Return the grids of all scales, whose first descriptors have size_of_bin center, to half a pixel."""
    sizes = _bin_sizes(bin_size, scales)
    grids = []
    for size_of_bin in sizes:
        offset = 3 * (max(sizes) - size_of_bin) // 2
        n_rows, n_cols = ((side - 1 - offset - 3 * size_of_bin) // step + 1 for side in size)
        grids.append(Grid(size_of_bin, offset, (n_rows, n_cols)))
    least = 3 * max(sizes) + 1
    if min(size) < least:
        raise ValueError(
            f"images of {size[0]} x {size[1]} pixels are smaller than a descriptor, whose bins of "
            f"{max(sizes)} pixels take {least} x {least}; take smaller bins"
        )
    return grids


def _bin_sizes(bin_size: int, scales: Sequence[float] | None) -> list[int]:
    bin_size = as_count(bin_size, "bin_size")
    if scales is None:
        return [bin_size]
    if isinstance(scales, str) or not isinstance(scales, SEQUENCES) or not len(scales):
        raise TypeError(f"scales must be None or a sequence of numbers, got {scales!r}")
    sizes = [round(bin_size * as_number(scale, "scales", above=0)) for scale in scales]
    if min(sizes) < 1:
        raise ValueError(f"scales must leave bins of at least 1 pixel, got {min(scales)} of {bin_size}")
    return sizes


def positions_of(grids: list[Grid], step: int) -> Array:
    """Return the centers of descriptors (n, 2), scale by scale, row by row."""
    centers = []
    for bin_size, offset, shape in grids:
        y, x = (offset + 1.5 * bin_size + step * np.arange(n) for n in shape)
        centers.append(np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2))
    return np.concatenate(centers).astype(np.float32)

"""Local descriptors on a grid: SIFT for shape, mean and deviation for colour."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import SEQUENCES, as_batch, as_count, as_flag, as_images, as_number, is_color
from imfeat.color import rgb_to_gray

PIXELS_AT_ONCE = 1 << 20  # of images that are described at a time
WINDOW = 2  # deviation of the Gaussian around the center, in bins
SMOOTHING = 6  # bins are as many deviations of the Gaussian that smooths for them


class Grid(NamedTuple):
    """Where descriptors of one size lie: the center of the first bin is at (offset, offset)."""

    bin_size: int
    offset: int
    shape: tuple[int, int]


def dense_sift(
    images: Array,
    *,
    step: int = 4,
    bin_size: int = 4,
    scales: Sequence[float] | None = None,
    fast: bool = False,
) -> tuple[Array, Array]:
    """Describe the surroundings of each place of a grid by directions of gradients.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or float32 or float64 in [0, 1].  Colour images are turned into gray ones first, as
        by `rgb_to_gray`.
    step : int
        Pixels from one descriptor to the next, in both directions.
    bin_size : int
        Pixels from one of the 4 x 4 bins of a descriptor to the next.
    scales : sequence of positive numbers, optional
        Sizes of descriptors: for each number s, bins of ``round(s * bin_size)`` pixels, of images
        smoothed by a Gaussian with a sixth of that as deviation.  By default there is one
        size, ``bin_size``, and nothing is smoothed.
    fast : bool
        Weight whole bins by the Gaussian around the descriptor's center, not each pixel.

    Returns
    -------
    positions : array of shape (n, 2), float32
        Row and column of the centers, the same for all images: rows first, and where there are
        several scales, one scale after the other.
    descriptors : array of shape (..., n, 128), float32
        For each of the 4 x 4 bins, rows first, 8 numbers for directions of gradients, from 0
        degrees (brighter to the right) over 90 (brighter below) in steps of 45.  Of norm 1, or 0
        where there is no gradient.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, an option is not one of those above, or an image is smaller
        than a descriptor.

    Notes
    -----
    These are the frames and descriptors of VLFeat's ``vl_dsift``, within 1e-4 of the norm, but for
    its factor of 512, its limit of 255, and in the fast mode its running sums, which lose digits
    in images over 1,000 pixels wide.  With ``scales`` they are those of its ``vl_phow``, without the
    threshold for weak gradients; descriptors of all scales have the same first center, to half
    a pixel.

    The first bin of the first descriptor has its center on the first pixel, so a descriptor takes
    ``3 * bin_size + 1`` pixels.  Each pixel votes for the two nearest directions and the four nearest
    bins, linearly; those beyond the border are like those at it.  A descriptor is divided by its norm,
    clipped at 0.2, and divided again.

    References
    ----------
    .. [1] D. G. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
       :doi:`10.1023/B:VISI.0000029664.99615.94`
    .. [2] A. Bosch, A. Zisserman, X. Munoz, "Image classification using random forests and ferns",
       ICCV 2007. :doi:`10.1109/ICCV.2007.4409066`
    """
    images, step, fast = as_images(images), as_count(step, "step"), as_flag(fast, "fast")
    leading, batch = as_batch(images)
    grids = _grids(batch.shape[1:3], step, bin_size, scales)
    positions = _positions(grids, step)
    descriptors = np.empty((*leading, len(positions), 128), np.float32)
    out = descriptors.reshape(len(batch), len(positions), 128)
    at_once = max(1, PIXELS_AT_ONCE // (batch.shape[1] * batch.shape[2]))
    for start in range(0, len(batch), at_once):
        pixels = batch[start : start + at_once]
        pixels = rgb_to_gray(pixels) if is_color(images) else pixels
        first = 0
        for grid in grids:
            smoothed = _smoothed(pixels, grid.bin_size / SMOOTHING) if scales is not None else pixels
            _describe(smoothed, grid, step, fast, first, out[start : start + at_once])
            first += math.prod(grid.shape)
    return positions, descriptors


def _describe(pixels: Array, grid: Grid, step: int, fast: bool, first: int, out: Array) -> None:
    """Write the descriptors of a grid into ``out``, from ``first`` on."""
    spacing = math.gcd(step, grid.bin_size) if fast else step
    kernels, weights = _windows(grid.bin_size, fast)
    backend_of(pixels).sift.dense_sift(
        pixels, grid.bin_size, step, spacing, grid.offset, kernels, weights, grid.shape, first, out
    )


def _grids(size: tuple[int, ...], step: int, bin_size: int, scales: Sequence[float] | None) -> list[Grid]:
    """Return the grids of all scales, whose first descriptors have one center, to half a pixel."""
    sizes, grids = _bin_sizes(bin_size, scales), []
    for one in sizes:
        offset = 3 * (max(sizes) - one) // 2
        n_rows, n_cols = ((side - 1 - offset - 3 * one) // step + 1 for side in size)
        grids.append(Grid(one, offset, (n_rows, n_cols)))
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


def _positions(grids: list[Grid], step: int) -> Array:
    """Return the centers of descriptors (n, 2), scale by scale, row by row."""
    parts = []
    for bin_size, offset, shape in grids:
        y, x = (offset + 1.5 * bin_size + step * np.arange(n) for n in shape)
        parts.append(np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2))
    return np.concatenate(parts).astype(np.float32)


def _windows(bin_size: int, fast: bool) -> tuple[Array, Array]:
    """Return the weights of pixels across each bin, or any bin, (4 or 1, taps), and of values (128,)."""
    places, centers = np.arange(1 - bin_size, bin_size), bin_size * (np.arange(4) - 1.5)
    triangle = 1 - abs(places) / bin_size
    gauss = np.exp(-0.5 * ((places + centers[:, None]) / (WINDOW * bin_size)) ** 2)
    kernels = triangle[None] if fast else triangle * gauss
    kernels = np.pad(kernels, ((0, 0), (0, -kernels.shape[1] % 4)))
    shares = gauss.mean(1) if fast else np.ones(4)
    weights = np.repeat(np.outer(shares, shares), 8)
    return kernels.astype(np.float32), weights.astype(np.float32)


def _smoothed(pixels: Array, deviation: float) -> Array:
    """Return images smoothed by a Gaussian, cut at four deviations."""
    out = np.empty(pixels.shape, np.float32)
    weights = np.exp(-0.5 * (np.arange(math.ceil(4 * deviation) + 1) / deviation) ** 2)
    weights /= 2 * weights.sum() - 1
    backend_of(pixels).smooth.smooth(pixels, weights[1:].astype(np.float32), out)
    return out

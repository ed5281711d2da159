"""Local descriptors on a grid: dense SIFT and local colour."""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_count,
    as_flag,
    as_number,
    as_out,
    as_pixels,
    images_at_once,
    one_of,
    to_caller_array,
)
from imfeat._grid import Grid, as_grids, positions_of
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat.color import gray_of, rgb_to_hsv

PIXELS_AT_ONCE = 1 << 20  # number of pixels at a time
Color: TypeAlias = Literal["gray", "rgb", "hsv", "opponent"]
COLORS: tuple[Color, ...] = get_args(Color)
LENGTH = 128  # numbers of a descriptor of a channel
SMOOTHING = 6  # ratio of the size of a bin to the standard deviation of its smoothing


@accepts(late=True)
def dense_sift(
    images: Images,
    *,
    step: int = 4,
    bin_size: int = 4,
    scales: Sequence[float] | None = None,
    fast: bool = False,
    window: float = 2.0,
    color: Color = "gray",
    channel_axis: ChannelAxis = "auto",
) -> tuple[Array, Array]:
    """Compute SIFT descriptors on a grid of positions.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range, in [0, 1] for ``color="hsv"``.
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
    window : float
        Deviation of this Gaussian, in bins; above 0.
    color : {"gray", "rgb", "hsv", "opponent"}
        ``"gray"`` turns colour images into gray ones first, as by `rgb_to_gray`.  The others take colour
        images, and describe each channel of a colour space by itself; see Notes.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.

    Returns
    -------
    positions : array of shape (n, 2), float32
        Row and column of the centers, the same for all images: rows first, and where there are
        several scales, one scale after the other.
    descriptors : array of shape (..., n, 128) or, unless ``color="gray"``, (..., n, 384), float32
        For each of the 4 x 4 bins, rows first, 8 numbers for directions of gradients, from 0
        degrees (brighter to the right) over 90 (brighter below) in steps of 45.  Of norm 1, or 0
        where there is no gradient.  Those of three channels lie side by side, each of norm 1 or 0.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or not in colour as ``color`` needs, an option is not one of those
        above, or an image is smaller than a descriptor.

    Notes
    -----
    These are the frames and descriptors of VLFeat's ``vl_dsift``, within 1e-4 of the norm, but for
    its factor of 512, its limit of 255, and in the fast mode its running sums, which lose digits
    in images over 1,000 pixels wide.  Descriptors of all ``scales`` have the same first center, to half
    a pixel.  With ``step=2, scales=(1, 1.5, 2, 2.5), fast=True, window=1.5`` they are those of its
    ``vl_phow``, without the threshold for weak gradients, and ``color`` is its option of this name:
    ``"hsv"`` is `rgb_to_hsv`, and ``"opponent"`` has the channels mu = 0.3 R + 0.59 G + 0.11 B,
    (R - G) / sqrt(2) + 0.01 mu and (R + G - 2 B) / sqrt(6) + 0.01 mu.

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
    .. [3] K. E. A. van de Sande, T. Gevers, C. G. M. Snoek, "Evaluating color descriptors for object
       and scene recognition", PAMI 32, 2010. :doi:`10.1109/TPAMI.2009.154`

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> image = skimage.data.astronaut()
    >>> positions, descriptors = imfeat.dense_sift(image, step=16)
    >>> positions[:2]
    array([[ 6.,  6.],
           [ 6., 22.]], dtype=float32)
    >>> descriptors.shape
    (1024, 128)
    """
    one_of(color, "color", COLORS)
    in_hsv = color == "hsv"
    leading, batch, *_ = as_pixels(
        images,
        gray=color == "gray",
        gpu=True,
        clip=in_hsv,
        channel_axis=channel_axis,
        unit=in_hsv,
        words="unit" if in_hsv else "values",
    )
    step = as_count(step, "step")
    fast = as_flag(fast, "fast")
    window = as_number(window, "window", above=0)
    grids = as_grids(batch.shape[1:3], step, bin_size, scales)
    positions = positions_of(grids, step)
    n_channels = 1 if color == "gray" else 3
    descriptors = as_out(None, (*leading, len(positions), n_channels * LENGTH), np.float32, batch)
    out = descriptors.reshape(len(batch), len(positions), n_channels, LENGTH)
    at_once = images_at_once(batch, PIXELS_AT_ONCE // n_channels)
    for start in range(0, len(batch), at_once):
        pixels = batch[start : start + at_once]
        pixels = gray_of(pixels) if color == "gray" else _channels_of(pixels, color)
        first = 0
        for grid in grids:
            smoothed = _smoothed(pixels, grid.bin_size / SMOOTHING) if scales is not None else pixels
            _describe(smoothed, grid, step, fast, window, first, out[start : start + at_once])
            first += math.prod(grid.shape)
    return positions, to_caller_array(descriptors)


@accepts(late=True)
def local_color(
    images: Images,
    *,
    step: int = 4,
    bin_size: int = 4,
    scales: Sequence[float] | None = None,
    channel_axis: ChannelAxis = -1,
) -> tuple[Array, Array]:
    """Compute means and standard deviations of colours around a grid of positions.

    Parameters
    ----------
    images : array of shape (..., height, width, 3)
        uint8, uint16, int16, bool, or floats in [0, 1].
    step, bin_size, scales
        As for `dense_sift`, and the places are the same; nothing is smoothed.
    channel_axis : int
        Axis that holds the channels.

    Returns
    -------
    positions : array of shape (n, 2), float32
        Row and column of the centers, as `dense_sift` returns them.
    descriptors : array of shape (..., n, 96), float32
        For each of the 4 x 4 bins, rows first, the means of red, green and blue in [0, 1], and their
        standard deviations in [0, 0.5].

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not colour images, an option is not one of those above, or an image is
        smaller than a descriptor of `dense_sift`.

    Notes
    -----
    A bin is a square of ``bin_size`` pixels around its center, in which all count alike; of even
    ``bin_size`` it reaches one pixel further up and left than down and right.  What lies beyond the
    border of the image doesn't count.  Floats are rounded to 22 bits, fewer in bins of 512 pixels or
    more, so that sums are exact: equal pixels deviate by 0.

    References
    ----------
    .. [1] S. Clinchant, G. Csurka, F. Perronnin, J.-M. Renders, "XRCE's participation to
       ImagEval", ImagEval workshop at CIVR 2007.
    .. [2] F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale image
       classification", ECCV 2010. :doi:`10.1007/978-3-642-15561-1_11`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> image = np.full((16, 16, 3), [255, 0, 51], np.uint8)
    >>> positions, descriptors = imfeat.local_color(image)
    >>> descriptors.shape
    (1, 96)
    >>> descriptors[0, :6].round(2)  # of the first bin: means of red, green and blue, and deviations
    array([1. , 0. , 0.2, 0. , 0. , 0. ], dtype=float32)
    """
    pixels = as_pixels(images, gray=False, gpu=True, clip=True, channel_axis=channel_axis)
    step = as_count(step, "step")
    leading = pixels.leading
    batch = pixels.batch
    n_images, height, width, _ = batch.shape
    grids = as_grids((height, width), step, bin_size, scales)
    positions = positions_of(grids, step)
    descriptors = as_out(None, (*leading, len(positions), 96), np.float32, batch)
    out = descriptors.reshape(n_images, len(positions), 96)
    lines = batch.reshape(n_images, height, width * 3)
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    for start in range(0, n_images, at_once):
        first = 0
        chunk = slice(start, start + at_once)
        for grid in grids:
            _describe_colors(lines[chunk], grid, step, first, out[chunk])
            first += math.prod(grid.shape)
    return positions, to_caller_array(descriptors)


def _channels_of(pixels: Array, color: Color) -> Array:
    """Return the channels (3 n, height, width) of images (n, height, width, 3) in a colour space."""
    kernels = backend_of(pixels).planes
    n, height, width, _ = pixels.shape
    pixels = rgb_to_hsv(pixels) if color == "hsv" else pixels
    dtype = np.float32 if color == "opponent" else pixels.dtype
    planes = empty_on_device_of((n, 3, height * width), dtype, pixels)
    if color == "opponent":
        white = np.float32(255 if pixels.dtype == np.uint8 else 1)
        kernels.split_opponent(pixels.reshape(n, -1), white, planes)
    else:
        kernels.split(pixels.reshape(n, -1), planes)
    return planes.reshape(3 * n, height, width)


def _describe_colors(lines: Array, grid: Grid, step: int, first: int, out: Array) -> None:
    """Write the descriptors of a grid into ``out``, from ``first`` on; each bin is computed once."""
    kernels = backend_of(lines).local_color
    bytes_ = lines.dtype == np.uint8
    bits = 0 if bytes_ else min(22, (62 - 2 * grid.bin_size.bit_length()) // 2)
    rows, row_of = _sides(grid, step, 0, lines.shape[1])
    cols, col_of = _sides(grid, step, 1, lines.shape[2] // 3)
    bins = empty_on_device_of((len(lines), len(rows), len(cols), 6), np.float32, lines)
    levels = (np.float32 if bytes_ else lines.dtype.type)(1 << bits)
    kernels.bin_colors(lines, rows, cols, levels, 1 / 255 if bytes_ else 1 / (1 << bits), bins)
    kernels.gather_bins(bins, row_of, col_of, first, out)


def _sides(grid: Grid, step: int, axis: int, size: int) -> tuple[Array, Array]:
    """Return where bins begin and end (n, 2), within the image, and which are a descriptor's (n, 4)."""
    starts = grid.offset + step * np.arange(grid.shape[axis])
    centers, which = np.unique(starts[:, None] + grid.bin_size * np.arange(4), return_inverse=True)
    low = centers - grid.bin_size // 2
    sides = np.stack([np.maximum(low, 0), np.minimum(low + grid.bin_size, size)], -1)
    return sides, which.reshape(-1, 4)


def _describe(
    pixels: Array, grid: Grid, step: int, fast: bool, window: float, first: int, out: Array
) -> None:
    """Write the descriptors of a grid into ``out``, from ``first`` on."""
    spacing = math.gcd(step, grid.bin_size) if fast else step
    kernels = backend_of(pixels).sift
    weights = kernels.bin_weights(grid.bin_size, fast, window)
    kernels.dense_sift(pixels, grid.bin_size, step, spacing, grid.offset, *weights, grid.shape, first, out)


def _smoothed(pixels: Array, deviation: float) -> Array:
    """Return images smoothed by a Gaussian, cut at four deviations."""
    out = empty_on_device_of(pixels.shape, np.float32, pixels)
    weights = np.exp(-0.5 * (np.arange(math.ceil(4 * deviation) + 1) / deviation) ** 2)
    weights /= 2 * weights.sum() - 1
    backend_of(pixels).smooth.smooth(pixels, weights[1:].astype(np.float32), out)
    return out

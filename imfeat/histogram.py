"""Colour histograms, joint or by channel, of regions of an image."""

import functools
import math
from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_batch,
    as_count,
    as_counts,
    as_flag,
    as_images,
    as_mask,
    as_on_host,
    as_out,
    images_at_once,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, accepts
from imfeat._norm import NORMS
from imfeat.color import rgb_to_gray, rgb_to_hsi, rgb_to_hsv

NO_MASK = np.empty((0, 0, 0), np.bool_)
SPACES = ("rgb", "hsv", "hsi", "gray")
PIXELS_AT_ONCE = 1 << 18  # pixels in another colour space at a time


@accepts()
def color_histogram(
    images: Array,
    *,
    bins: int | Sequence[int] = 8,
    space: str = "hsv",
    joint: bool = True,
    grid: tuple[int, int] = (1, 1),
    norm: str | None = "l1",
    mask: Array | None = None,
    channel_axis: ChannelAxis = -1,
    out: Array | None = None,
) -> Array:
    """Describe each image by histograms of its colours.

    Parameters
    ----------
    images : array of shape (..., height, width, 3)
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].
    bins : int or three ints
        Equal bins over [0, 1] for each channel of the colour space, at most 256; half-open but
        for the last.
    space : {"hsv", "rgb", "hsi", "gray"}
        Colour space to count in; ``"gray"`` counts `rgb_to_gray` in ``bins``, an integer.
    joint : bool
        Count triples of bins, ``bins ** 3`` numbers; otherwise each channel by itself,
        ``3 * bins`` numbers.
    grid : (int, int)
        Rows and columns of regions, each with histograms of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by; see Notes.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels to count.
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_features), float32
        Regions row by row; in a joint histogram the bin of the third channel varies fastest.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images, an option is not one of those above, a joint histogram
        has more than 65,536 bins, or the grid has more rows or columns than the images pixels.

    Notes
    -----
    Each histogram (of a region, and of a channel unless ``joint``) is normalized by itself:
    ``"l1"`` gives shares, ``"l2"`` vectors of length 1, ``"hellinger"`` square roots of shares,
    whose dot product is the Bhattacharyya coefficient; ``None`` keeps counts.  A region without
    pixels gives zeros.  Counts are exact: those of `numpy.histogramdd`.

    References
    ----------
    .. [1] M. J. Swain, D. H. Ballard, "Color indexing", IJCV 7, 1991.
       :doi:`10.1007/BF00130487`
    """
    images = as_images(images, gray=False, gpu=True, clip=True, channel_axis=channel_axis)
    one_of(space, "space", SPACES)
    if space == "gray":
        gray = rgb_to_gray(as_on_host(images, 'space="gray"'))
        images = np.repeat(gray[..., None], 3, axis=-1)
        bins = as_count(bins, "bins"), 1, 1
        space = "rgb"
        joint = True
    n_bins = _as_bins(bins, as_flag(joint, "joint"))
    one_of(norm, "norm", NORMS)
    leading, batch = as_batch(images)
    rows, cols = region_bounds(grid, *batch.shape[1:3])
    chosen = NO_MASK if mask is None else as_mask(mask, images.shape[:-1], images)
    n_counts = math.prod(n_bins) if joint else sum(n_bins)
    n_regions = (len(rows) - 1) * (len(cols) - 1)
    out = as_out(out, (*leading, n_regions * n_counts), np.float32, images)
    histograms = out.reshape(len(batch), len(rows) - 1, len(cols) - 1, n_counts)
    if batch.dtype == np.uint8 and (space == "rgb" or (space == "hsv" and joint)):
        _count(batch, chosen, space, joint, n_bins, (rows, cols), norm, histograms)
        return to_caller_array(out)
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    for first in range(0, len(batch), at_once):
        batch_slice = slice(first, first + at_once)
        pixels = _as_bytes(batch[batch_slice], n_bins, space)
        _count(pixels, chosen[batch_slice], "rgb", joint, n_bins, (rows, cols), norm, histograms[batch_slice])
    return to_caller_array(out)


def region_bounds(grid: tuple[int, int], height: int, width: int) -> tuple[Array, Array]:
    """Return where the rows and the columns of a grid of regions begin and end."""
    n_rows, n_cols = as_counts(grid, "grid", 2)
    return _region_bounds(n_rows, n_cols, height, width)


@functools.lru_cache(256)
def _region_bounds(n_rows: int, n_cols: int, height: int, width: int) -> tuple[Array, Array]:
    if n_rows > height or n_cols > width:
        raise ValueError(f"grid must fit the images of {height} x {width} pixels, got {n_rows} x {n_cols}")
    return np.arange(n_rows + 1) * height // n_rows, np.arange(n_cols + 1) * width // n_cols


def _as_bins(bins: int | Sequence[int], joint: bool) -> tuple[int, ...]:
    counts = as_counts(bins, "bins", 3) if isinstance(bins, Sequence) else (as_count(bins, "bins"),) * 3
    if max(counts) > 256:
        raise ValueError(f"bins must be at most 256 a channel, got {bins}")
    if joint and math.prod(counts) > 1 << 16:
        raise ValueError(
            f"a joint histogram can have up to 65,536 bins, got {' x '.join(map(str, counts))}; "
            "take fewer, or joint=False"
        )
    return counts


def _as_bytes(batch: Array, n_bins: tuple[int, ...], space: str) -> Array:
    """Return bytes that lie in the bins in which the pixels lie in the colour space."""
    kernels = backend_of(batch)
    edges, smallest = kernels.histogram.bytes_of_bins(n_bins)
    out = empty_on_device_of(batch.shape, np.uint8, batch)
    source = batch.reshape(-1, 3)
    target = out.reshape(-1)
    for first in range(0, len(source), PIXELS_AT_ONCE):
        last = first + PIXELS_AT_ONCE
        values = source[first:last].reshape(1, -1, 3)
        values = {"hsv": rgb_to_hsv, "hsi": rgb_to_hsi}[space](values) if space != "rgb" else values
        kernels.histogram.to_bytes(
            values.reshape(-1), _as_array(n_bins), edges, smallest, target[3 * first : 3 * last]
        )
    return out


def _count(
    pixels: Array,
    mask: Array,
    space: str,
    joint: bool,
    n_bins: tuple[int, ...],
    bounds: tuple[Array, Array],
    norm: str | None,
    out: Array,
) -> None:
    kernels = backend_of(pixels).histogram
    code = kernels.NORMS[norm]
    if joint:
        kernels.joint_histograms(pixels, mask, kernels.SPACES[space], _as_array(n_bins), *bounds, code, out)
    else:
        kernels.channel_histograms(pixels, mask, _as_array(n_bins), *bounds, code, out)


@functools.lru_cache(256)
def _as_array(n_bins: tuple[int, ...]) -> Array:
    return np.array(n_bins)

"""Colour histograms, joint or by channel, of regions of an image."""

import functools
import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_count,
    as_counts,
    as_flag,
    as_mask,
    as_out,
    as_pixels,
    images_at_once,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._norm import NORMS, Norm
from imfeat._planes import repeated, to_planes
from imfeat.color import gray_of, rgb_to_hsi, rgb_to_hsv
from imfeat.lab import rgb_to_lab
from imfeat.ycbcr import rgb_to_ycbcr

NO_MASK = np.empty((0, 0, 0), np.bool_)
NO_MASK.setflags(write=False)  # as masks are, so that kernels are compiled once
Space: TypeAlias = Literal["rgb", "hsv", "hsi", "lab", "ycbcr", "gray", None]
SPACES: tuple[Space, ...] = get_args(Space)
UNIT_RANGES = ((0.0, 1.0),) * 3
LAB_RANGES = ((0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0))
CONVERSIONS = {"hsv": rgb_to_hsv, "hsi": rgb_to_hsi, "lab": rgb_to_lab, "ycbcr": rgb_to_ycbcr}
PIXELS_AT_ONCE = 1 << 18  # pixels in another colour space at a time


@accepts(late=True)
def color_histogram(
    images: Images,
    *,
    bins: int | Sequence[int] = 8,
    space: Space = "hsv",
    joint: bool = True,
    grid: tuple[int, int] = (1, 1),
    norm: Norm = "l1",
    mask: Array | None = None,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe each image by histograms of its colours.

    Parameters
    ----------
    images : array of shape (..., height, width, 3), or any for ``"gray"`` and None
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].
    bins : int or a sequence of ints
        Equal bins for each channel of the colour space, at most 256; half-open but for the last.  They
        cover [0, 1]; of ``"lab"``, [0, 100] for L and [-128, 128] for a and b.
    space : {"hsv", "rgb", "hsi", "lab", "ycbcr", "gray", None}
        Colour space to count in, as `rgb_to_hsv`, `rgb_to_hsi`, `rgb_to_lab` and `rgb_to_ycbcr` return it;
        ``"gray"`` counts gray images, or `rgb_to_gray` of colour.  None counts channels as they are, any
        number of them, or gray images.
    joint : bool
        Count triples of bins, ``bins ** 3`` numbers; otherwise each channel by itself,
        ``bins`` numbers a channel.  Other than three channels need ``joint=False``.
    grid : (int, int)
        Rows and columns of regions, each with histograms of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by; see Notes.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels to count.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_features), float32
        Regions row by row; in a joint histogram the bin of the third channel varies fastest.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not as above, an option is not one of those above, a joint histogram
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

    Examples
    --------
    Three of four pixels are red and one is blue; each channel has two bins, dark and bright:

    >>> import imfeat
    >>> import numpy as np
    >>> image = np.array([[[255, 0, 0], [255, 0, 0]], [[255, 0, 0], [0, 0, 255]]], np.uint8)
    >>> imfeat.color_histogram(image, space="rgb", bins=2, joint=False, norm=None).reshape(3, 2)
    array([[1., 3.],
           [4., 0.],
           [3., 1.]], dtype=float32)

    A batch gives one row an image, here of 2 x 2 regions with 8 x 8 x 8 bins each:

    >>> images = np.zeros((5, 32, 32, 3), np.uint8)
    >>> imfeat.color_histogram(images, grid=(2, 2)).shape
    (5, 2048)
    """
    one_of(space, "space", SPACES)
    pixels = as_pixels(
        images,
        gray=space in ("gray", None),
        any_number=space is None,
        gpu=True,
        clip=True,
        channel_axis=channel_axis,
    )
    batch = pixels.batch
    if space == "gray":
        batch = gray_of(batch).reshape(*batch.shape[:3], 1)
        bins = as_count(bins, "bins")
    options = bins, joint, grid, norm, batch.shape[1:]
    try:
        n_bins, joint, bounds, (n_rows, n_cols, n_counts) = _cached_plan(*options)
    except TypeError:  # of values that can't be cached, such as lists
        n_bins, joint, bounds, (n_rows, n_cols, n_counts) = _plan(*options)
    chosen = NO_MASK if mask is None else as_mask(mask, (*pixels.leading, *pixels.size), batch)
    out = as_out(out, (*pixels.leading, n_rows * n_cols * n_counts), np.float32, pixels.batch)
    histograms = out.reshape(len(batch), n_rows, n_cols, n_counts)
    space = "rgb" if space is None else space
    if len(n_bins) == 3 and batch.dtype.type is np.uint8 and (space == "rgb" or (space == "hsv" and joint)):
        _count(batch, chosen, space, joint, n_bins, bounds, norm, histograms)
        return to_caller_array(out)
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    for first in range(0, len(batch), at_once):
        chunk = slice(first, first + at_once)
        if len(n_bins) != 3:
            _count_planes(batch[chunk], chosen[chunk], n_bins, bounds, norm, histograms[chunk])
            continue
        bytes_ = _as_bytes(batch[chunk], n_bins, space)
        _count(bytes_, chosen[chunk], "rgb", joint, n_bins, bounds, norm, histograms[chunk])
    return to_caller_array(out)


def _plan(
    bins: Any, joint: Any, grid: Any, norm: Any, shape: tuple[int, ...]
) -> tuple[tuple[int, ...], bool, tuple[Array, Array], tuple[int, int, int]]:
    """Check options, and return the bins of each channel, whether they are joint, regions, and the shape."""
    n_bins, joint = _as_bins(bins, shape[2], as_flag(joint, "joint"))
    one_of(norm, "norm", NORMS)
    bounds = region_bounds(grid, *shape[:2])
    n_counts = math.prod(n_bins) if joint else sum(n_bins)
    return n_bins, joint, bounds, (len(bounds[0]) - 1, len(bounds[1]) - 1, n_counts)


_cached_plan = functools.lru_cache(64, typed=True)(_plan)


def region_bounds(grid: tuple[int, int], height: int, width: int) -> tuple[Array, Array]:
    """Return where the rows and the columns of a grid of regions begin and end."""
    n_rows, n_cols = as_counts(grid, "grid", 2)
    return _region_bounds(n_rows, n_cols, height, width)


@functools.lru_cache(256)
def _region_bounds(n_rows: int, n_cols: int, height: int, width: int) -> tuple[Array, Array]:
    if n_rows > height or n_cols > width:
        raise ValueError(f"grid must fit the images of {height} x {width} pixels, got {n_rows} x {n_cols}")
    return np.arange(n_rows + 1) * height // n_rows, np.arange(n_cols + 1) * width // n_cols


def _as_bins(bins: int | Sequence[int], n_channels: int, joint: bool) -> tuple[tuple[int, ...], bool]:
    """Return the bins of each channel, and whether a joint histogram of three channels is asked for."""
    counts = (
        as_counts(bins, "bins", n_channels)
        if isinstance(bins, Sequence)
        else (as_count(bins, "bins"),) * n_channels
    )
    if max(counts) > 256:
        raise ValueError(f"bins must be at most 256 a channel, got {bins}")
    if joint and n_channels not in (1, 3):
        raise ValueError(f"a joint histogram has three channels, got {n_channels}; take joint=False")
    if joint and math.prod(counts) > 1 << 16:
        raise ValueError(
            f"a joint histogram can have up to 65,536 bins, got {' x '.join(map(str, counts))}; "
            "take fewer, or joint=False"
        )
    return counts, joint and n_channels == 3


def _as_bytes(batch: Array, n_bins: tuple[int, ...], space: str) -> Array:
    """Return bytes that lie in the bins in which the pixels lie in the colour space."""
    kernels = backend_of(batch)
    ranges = LAB_RANGES if space == "lab" else UNIT_RANGES
    edges, smallest = kernels.histogram.bytes_of_bins(n_bins, ranges)
    out = empty_on_device_of(batch.shape, np.uint8, batch)
    source = batch.reshape(-1, 3)
    target = out.reshape(-1)
    at_once = PIXELS_AT_ONCE if isinstance(batch, np.ndarray) else len(source)  # images are few enough
    for first in range(0, len(source), at_once):
        last = first + at_once
        values = source[first:last].reshape(1, -1, 3)
        values = CONVERSIONS[space](values) if space != "rgb" else values
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
    norm: Norm,
    out: Array,
) -> None:
    kernels = backend_of(pixels).histogram
    code = kernels.NORMS[norm]
    if joint:
        kernels.joint_histograms(pixels, mask, kernels.SPACES[space], _as_array(n_bins), *bounds, code, out)
    else:
        kernels.channel_histograms(pixels, mask, _as_array(n_bins), *bounds, code, out)


def _count_planes(
    batch: Array,
    mask: Array,
    n_bins: tuple[int, ...],
    bounds: tuple[Array, Array],
    norm: Norm,
    out: Array,
) -> None:
    """Count the values of channels one by one, each as the first of three."""
    if len(n_bins) == 1:
        _count_plane(batch, mask, n_bins[0], bounds, norm, out)
        return
    planes = to_planes(batch.reshape(1, -1, len(n_bins)))
    shape = *batch.shape[:3], 1
    width = math.gcd(*n_bins)  # of pieces of histograms
    n_histograms = math.prod(out.shape[:3])
    pieces = empty_on_device_of((n_histograms * sum(n_bins) // width, width), np.float32, batch)
    order, first = [], 0
    for c, n in enumerate(n_bins):
        last = first + n_histograms * n // width
        counts = pieces[first:last].reshape(*out.shape[:3], n)
        _count_plane(planes[c : c + 1].reshape(shape), mask, n, bounds, norm, counts)
        order.append(np.arange(first, last).reshape(n_histograms, -1))
        first = last
    joint_order = np.concatenate(order, 1).ravel()  # the channels of a region side by side
    backend_of(batch).groups.gather_rows(pieces, joint_order, out.reshape(pieces.shape))


def _count_plane(
    plane: Array, mask: Array, n_bins: int, bounds: tuple[Array, Array], norm: Norm, out: Array
) -> None:
    """Count the values of a channel (n_images, height, width, 1) as the first of three."""
    n_pixels = math.prod(plane.shape)
    pixels = repeated(plane.reshape(n_pixels, 1), 3).reshape(*plane.shape[:3], 3)
    bins = n_bins, 1, 1
    pixels = pixels if pixels.dtype == np.uint8 else _as_bytes(pixels, bins, "rgb")
    _count(pixels, mask, "rgb", True, bins, bounds, norm, out)


@functools.lru_cache(256)
def _as_array(n_bins: tuple[int, ...]) -> Array:
    return np.array(n_bins)

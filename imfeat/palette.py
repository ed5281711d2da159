"""Palettes: learning, and quantization of colours to the nearest one."""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    SLACK,
    Seed,
    as_colors,
    as_count,
    as_counts,
    as_out,
    as_vectors,
    count_outside,
    images_at_once,
    one_of,
    to_caller_array,
    to_host,
)
from imfeat._inputs import ChannelAxis, Images, accepts, items_of
from imfeat._kmeans import lloyd, plus_plus_start
from imfeat._nearest import nearest_words
from imfeat._rows import joined
from imfeat._sums import InMemory
from imfeat.codebook import learn_codebook

Dither: TypeAlias = Literal[None, "floyd-steinberg"]
DITHERS: tuple[Dither, ...] = get_args(Dither)
MOST_COLORS = 1 << 16
PIXELS_AT_ONCE = 1 << 20  # number of pixels whose colours are sorted at a time


def uniform_palette(levels: int | Sequence[int]) -> Array:
    """Return the colours of a regular grid in the RGB cube.

    Parameters
    ----------
    levels : int or three ints
        Levels a channel, 1 to 256, evenly spaced from 0 to 255; a single level lies at 128.

    Returns
    -------
    array of shape (n_colors, 3), uint8
        All combinations of levels, blue varying fastest.

    Raises
    ------
    TypeError, ValueError
        If ``levels`` are not positive integers up to 256, or give more than 65,536 colours.

    Examples
    --------
    >>> import imfeat
    >>> imfeat.uniform_palette((2, 2, 1))
    array([[  0,   0, 128],
           [  0, 255, 128],
           [255,   0, 128],
           [255, 255, 128]], dtype=uint8)
    """
    counts = (
        as_counts(levels, "levels", 3) if isinstance(levels, Sequence) else (as_count(levels, "levels"),) * 3
    )
    if max(counts) > 256 or math.prod(counts) > MOST_COLORS:
        raise ValueError(f"levels must be up to 256 a channel and give up to 65,536 colours, got {levels}")
    axes = [np.rint(np.linspace(0, 255, n)) if n > 1 else np.array([128.0]) for n in counts]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3).astype(np.uint8)


@accepts(lists=False)
def learn_palette(
    images: Images,
    n_colors: int = 64,
    *,
    rng: Seed = None,
    n_iterations: int = 20,
    channel_axis: ChannelAxis = -1,
) -> Array:
    """Learn the colours of a palette from images with k-means.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].  One palette is learned from all pixels.
        Arrays on a GPU are uint8 or floats.
    n_colors : int
        Number of colours, at most 65,536 and the number of pixels.
    rng : int or numpy.random.Generator, optional
        Seed or generator of random numbers, for the k-means++ start.
    n_iterations : int
        Upper limit of Lloyd's iterations.
    channel_axis : int
        Axis that holds the channels.

    Returns
    -------
    array of shape (n_colors, 3)
        uint8 for uint8 images, else float32 in [0, 1]; a NumPy array, which `quantize_colors` takes for
        images on either device.  Images with fewer distinct colours give some colours twice, and no others.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    .. [1] M. E. Celebi, "Improving the performance of k-means for color quantization", Image and
       Vision Computing 29, 2011.  :doi:`10.1016/j.imavis.2010.10.002`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> image = np.array([[[10, 0, 0], [12, 0, 0]], [[0, 0, 200], [0, 0, 220]]], np.uint8)
    >>> imfeat.learn_palette(image, 2, rng=0)
    array([[ 11,   0,   0],
           [  0,   0, 210]], dtype=uint8)
    """
    pixels = _all_pixels(images, channel_axis)
    n_colors = as_count(n_colors, "n_colors")
    if n_colors > min(len(pixels), MOST_COLORS):
        raise ValueError(
            f"n_colors must be at most 65,536 and the number of pixels, {len(pixels)}, got {n_colors}"
        )
    if pixels.dtype != np.uint8:
        return to_host(learn_codebook(pixels, n_colors, rng=rng, n_iterations=n_iterations))
    colors, counts = _distinct(pixels)
    rng = np.random.default_rng(rng)
    start = plus_plus_start(colors, n_colors, rng, counts)
    iterations = range(as_count(n_iterations, "n_iterations"))
    return np.rint(lloyd(InMemory(colors, rng), start, iterations, weights=counts)).astype(np.uint8)


def _all_pixels(images: Array, channel_axis: ChannelAxis) -> Array:
    """Return the pixels (n, 3) of one array of images, or of a list of arrays of several shapes."""
    items = items_of(images) or [images]
    arrays = [as_colors(item, gpu=True, clip=True, channel_axis=channel_axis) for item in items]
    if len({array.dtype for array in arrays}) > 1:
        raise TypeError("images must have one dtype, got a list of several; convert them first")
    if len({isinstance(array, np.ndarray) for array in arrays}) > 1:
        raise TypeError("images must lie on one device, got a list of arrays on several; copy some of them")
    pixels = [array.reshape(-1, 3) for array in arrays]
    if not isinstance(pixels[0], np.ndarray) and pixels[0].dtype != np.uint8:
        pixels = [_in_float32(array) for array in pixels]
    return joined(pixels)


def _distinct(pixels: Array) -> tuple[Array, Array]:
    """Return the colours (n, 3) float32 of uint8 pixels, each once, and how often it occurs.

    Photographs repeat most of their colours, and k-means counts a colour as often as it occurs.
    """
    keys, counts = _sorted_keys(pixels) if isinstance(pixels, np.ndarray) else _counted_keys(pixels)
    return np.stack([keys >> 16, keys >> 8 & 255, keys & 255], 1).astype(np.float32), counts


def _sorted_keys(pixels: Array) -> tuple[Array, Array]:
    """Return the distinct colours of pixels on the host as integers, in order, and their counts."""
    keys = np.empty(0, np.uint32)
    counts = np.empty(0, np.int64)
    for first in range(0, len(pixels), PIXELS_AT_ONCE):
        packed = pixels[first : first + PIXELS_AT_ONCE].astype(np.uint32)
        batch_keys, n = np.unique(packed[:, 0] << 16 | packed[:, 1] << 8 | packed[:, 2], return_counts=True)
        keys, indices = np.unique(np.concatenate([keys, batch_keys]), return_inverse=True)
        counts = np.bincount(indices, np.concatenate([counts, n])).astype(np.int64)
    return keys, counts


def _counted_keys(pixels: Array) -> tuple[Array, Array]:
    """Return what `_sorted_keys` does for pixels on a GPU, from a table of all colours."""
    table = empty_on_device_of((256, 256, 256), np.uint32, pixels)
    backend_of(pixels).palette.count_colors(pixels.reshape(-1), table)
    counts = to_host(table).reshape(-1)
    keys = np.flatnonzero(counts)
    return keys, counts[keys].astype(np.int64)


@accepts(late=True)
def quantize_colors(
    images: Images,
    palette: Array,
    *,
    dither: Dither = None,
    channel_axis: ChannelAxis = -1,
    out: Array | None = None,
) -> Array:
    """Replace each pixel by the index of the nearest colour of a palette.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (n, 3)
        RGB; uint8, uint16, int16, bool, or floats in [0, 1].
    palette : array of shape (n_colors, 3)
        1 to 65,536 colours; uint8, or floats in [0, 1], which only float images take.
    dither : {None, "floyd-steinberg"}
        ``"floyd-steinberg"`` passes the error of each pixel on to its neighbours, so that regions keep their
        mean colour; it takes uint8.
    channel_axis : int
        Axis that holds the channels.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., height, width), uint8 or (for more than 256 colours) uint16
        Indices: ``palette[indices]`` is the picture.  Distances are Euclidean in RGB, exact for
        uint8, and ties go to the lowest index.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Notes
    -----
    Error diffusion goes through rows from left to right, all in integers: a pixel takes the nearest colour
    to its value plus errors / 16, cut towards 0 and clipped to 0..255, and passes 7, 3, 5 and 1 times its own
    error to the right, below left, below and below right.  These are the numbers of Pillow's
    ``image.quantize(palette=..., dither=FLOYDSTEINBERG)``.  Pillow takes the nearest colour to a rounded
    one, so that its picture is another with about the same mean colours.

    References
    ----------
    .. [1] R. W. Floyd, L. Steinberg, "An adaptive algorithm for spatial greyscale", Proceedings of the
       Society for Information Display 17, 1976.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> palette = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0]], np.uint8)  # black, white, red
    >>> image = np.array([[[20, 20, 20], [200, 30, 40]]], np.uint8)
    >>> indices = imfeat.quantize_colors(image, palette)
    >>> indices
    array([[0, 2]], dtype=uint8)
    >>> palette[indices]
    array([[[  0,   0,   0],
            [255,   0,   0]]], dtype=uint8)
    """
    images = as_colors(images, gpu=True, channel_axis=channel_axis)
    one_of(dither, "dither", DITHERS)
    palette = _as_palette(palette, images)
    out = as_out(out, images.shape[:-1], np.uint8 if len(palette) <= 256 else np.uint16, images)
    if dither is not None:
        if images.dtype != np.uint8:
            raise TypeError(
                f"dither={dither!r} takes uint8 images, got {images.dtype}; "
                "write np.rint(images * 255).astype('uint8')"
            )
        if images.ndim < 3:
            raise ValueError(f"images must have rows and columns to dither, got the shape {images.shape}")
        batch = images.reshape(-1, *images.shape[-3:])
        backend_of(images).dither.dither_colors(batch, palette, out.reshape(batch.shape[:3]))
    elif images.dtype == np.uint8:
        backend_of(images).palette.nearest_colors(images.reshape(-1), palette, out.reshape(-1))
    else:
        _quantize_floats(images.reshape(-1, 3), palette, out.reshape(-1))
    return to_caller_array(out)


def _quantize_floats(pixels: Array, palette: Array, out: Array) -> None:
    """Find the nearest colours of floats (n, 3), as many at a time as temporary memory is for."""
    at_once = images_at_once(pixels.reshape(len(pixels), 1, 1, 3), PIXELS_AT_ONCE)
    check = backend_of(pixels).check
    for first in range(0, len(pixels), at_once):
        chunk = slice(first, first + at_once)
        indices, _ = nearest_words(_in_float32(pixels[chunk]), palette)
        check.clip(indices, np.int32(0), np.int32(len(palette) - 1), out[chunk])


def _in_float32(colors: Array) -> Array:
    """Return floats (n, 3) of [0, 1] as float32, on their device."""
    if colors.dtype == np.float32:
        return colors
    rounded = empty_on_device_of(colors.shape, np.float32, colors)
    backend_of(colors).check.clip(colors.reshape(-1), np.float64(-1), np.float64(2), rounded.reshape(-1))
    return rounded


def _as_palette(palette: Array, images: Array) -> Array:
    """Return a palette in the units of the images."""
    plain = np.asarray(palette)
    if plain.dtype == np.uint8 == images.dtype and plain.shape[1:] == (3,) and 1 <= len(plain) <= MOST_COLORS:
        return np.ascontiguousarray(plain)
    colors = as_vectors(palette, name="palette", length=3)
    if not 1 <= len(colors) <= MOST_COLORS:
        raise ValueError(f"palette must have 1 to 65,536 colours, got {len(colors)}")
    if images.dtype == np.uint8:
        raise TypeError(
            f"palette must be uint8 for uint8 images, got {plain.dtype}; "
            "write np.rint(palette * 255).astype('uint8') if it is in [0, 1]"
        )
    if plain.dtype == np.uint8:
        return colors / np.float32(255)
    if count_outside(colors, -SLACK, 1 + SLACK):
        raise ValueError(f"palette of floats must lie in [0, 1], got {colors.min():g} to {colors.max():g}")
    return colors

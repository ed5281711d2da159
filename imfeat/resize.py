"""Resizing of images, with Pillow's filters and rounding."""

import functools
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, cpu_kernels
from imfeat._check import as_numbers, as_out, as_pair, as_pixels, one_of, to_caller_array
from imfeat._inputs import ChannelAxis, Images, accepts

Resample: TypeAlias = Literal["bilinear", "bicubic", "lanczos", "box", "hamming"]
RESAMPLES: tuple[Resample, ...] = get_args(Resample)
N_TABLES = 256  # tables of weights that are kept, one an axis
Box = tuple[float, float, float, float]


@accepts(back=True, late=True)
def resize(
    images: Images,
    size: int | tuple[int, int],
    *,
    resample: Resample = "bilinear",
    box: Box | None = None,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Resize images, or a part of each, with Pillow's filters.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    size : int or (int, int)
        Height and width of the results; an integer stands for both.
    resample : {"bilinear", "bicubic", "lanczos", "box", "hamming"}
        Filter that weights the pixels of a result.  It widens with the scale when images get smaller, so that
        every pixel counts (antialiasing).
    box : (left, upper, right, lower), optional
        Part of the images to resize, in pixels with fractions, 0 <= left < right <= width; by default whole
        images.  The filter weights pixels around the box, too.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., new_height, new_width, 3) or (..., new_height, new_width)
        uint8 for uint8, else float32; uint16 and int16 are divided by their largest value.  Floats are not
        clipped: with ``"bicubic"`` and ``"lanczos"``, which have negative weights, they may exceed the range
        of ``images``.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, the filter is unknown, or the box is empty or not inside the images.

    Notes
    -----
    uint8: equal, bit for bit, to ``Image.resize((width, height), resample, box)`` of Pillow 13.  There are
    two passes, one an axis, in fixed point with 22 bits, and results are rounded and clipped after each.
    The first goes along rows, but along columns if the height shrinks by more than twice as many pixels as
    the width.  Pillow before release 13 always begins with rows, and differs for images like these.

    Floats: equal to Pillow's mode ``"F"`` within 1e-6 of their range.

    References
    ----------
    .. [1] K. Turkowski, "Filters for common resampling tasks", Graphics Gems, 1990, pp. 147-165.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> imfeat.resize(np.array([[0, 10], [20, 30]], np.uint8), 1)
    array([[15]], dtype=uint8)
    >>> imfeat.resize(skimage.data.astronaut(), (64, 48)).shape
    (64, 48, 3)
    """
    leading, batch, has_channels, _ = as_pixels(
        images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False
    )
    new_height, new_width = as_pair(size, "size")
    one_of(resample, "resample", RESAMPLES)
    n_images, height, width, n_channels = batch.shape
    if box is not None:
        box = _as_box(box, width, height)
    dtype = np.uint8 if batch.dtype.type is np.uint8 else np.float32
    if dtype is np.float32 and isinstance(batch, np.ndarray):
        batch = batch.astype(np.float32, copy=False)
    tables = _tables(height, width, new_height, new_width, resample, box, dtype)
    shape = (*leading, new_height, new_width, *((n_channels,) if has_channels else ()))
    out = as_out(out, shape, dtype, batch)
    target = out.reshape(n_images, new_height, new_width, n_channels)
    backend_of(batch).resize.resize(batch, *tables, target)
    return to_caller_array(out)


def takes_columns_first(height: int, width: int, new_height: int, new_width: int) -> bool:
    """Return whether Pillow 13 computes the pass along columns first."""
    return height - new_height > max(0, 2 * (width - new_width))


def fit_box(height: int, width: int, size: tuple[int, int]) -> Box:
    """Return the largest centered box of the aspect ratio of a size (height, width).

    An image that is resized from this box is that of Pillow's ``ImageOps.fit``.
    """
    wanted = size[1] / size[0]
    box_height: float = height
    box_width: float = width
    if width / height > wanted:
        box_width = wanted * height
    elif width / height < wanted:
        box_height = width / wanted
    left = (width - box_width) * 0.5
    upper = (height - box_height) * 0.5
    return left, upper, left + box_width, upper + box_height


def _as_box(box: Box, width: int, height: int) -> Box:
    """Return a box as Pillow takes it, in float32, where far pixels of huge images may become empty."""
    numbers = as_numbers(box, "box", 4)
    is_empty = numbers[0] >= numbers[2] or numbers[1] >= numbers[3]
    left, upper, right, lower = [float(np.float32(number)) for number in numbers]
    is_inside = 0 <= left < width and 0 <= upper < height and right <= width and lower <= height
    if is_empty or not is_inside:
        raise ValueError(
            "box must be (left, upper, right, lower), not empty and within images of width "
            f"{width} and height {height}, got {box}"
        )
    return left, upper, right, lower


@functools.lru_cache(N_TABLES)
def _tables(
    height: int, width: int, new_height: int, new_width: int, resample: Resample, box: Box | None, dtype: type
) -> tuple[Array, Array, Array, Array, bool]:
    """Return what the kernel takes besides images: bounds and weights of columns and rows, their order."""
    left, upper, right, lower = box or (0, 0, width, height)
    columns = _weights(width, left, right, new_width, resample, dtype)
    rows = _weights(height, upper, lower, new_height, resample, dtype)
    return *columns, *rows, takes_columns_first(height, width, new_height, new_width)


@functools.lru_cache(N_TABLES)
def _weights(
    size: int, start: float, stop: float, n_out: int, resample: Resample, dtype: type
) -> tuple[Array, Array]:
    bounds, weights = cpu_kernels().resize.axis_weights(size, start, stop, n_out, resample, dtype)
    return bounds, weights

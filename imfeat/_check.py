"""Checks of arguments at the public boundary; kernels check nothing.

Arrays are returned in native byte order, C-contiguous and read-only: a kernel is compiled once for each dtype
and can't write into arrays of the caller.  Arrays on a GPU are returned as device arrays if ``gpu=True``.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._device import adopt, empty_like_owner, is_on_gpu, to_library
from imfeat._dtypes import KERNEL_DTYPES, Words, factor_hint, to_kernel_dtype
from imfeat._inputs import ChannelAxis, as_host_array
from imfeat._late import postpone
from imfeat._layout import has_channel_axis
from imfeat._planes import repeated
from imfeat._suggest import did_you_mean

BYTES = np.dtype(np.uint8)
FLOATS = (np.float32, np.float64)  # dtypes of features that scores keep
INTEGERS = (int, np.integer)
SEQUENCES = (tuple, list, Sequence, np.ndarray)
Seed = int | np.random.Generator | None
GPU_PIXELS = 64  # pixels per batch on a GPU, for one on a CPU
SLACK = 1e-3  # distance from [0, 1] that is taken for rounding
LARGEST = 1e12  # float of any range whose sums of squares are finite in float32


class Pixels(NamedTuple):
    """Checked images of any number of channels."""

    leading: tuple[int, ...]  # axes in front of those of an image
    batch: Array  # (n_images, height, width, n_channels)
    has_channels: bool  # whether the caller's array has an axis of channels
    dtype: np.dtype[Any]  # of the caller's array

    @property
    def size(self) -> tuple[int, int]:
        """The height and width of an image."""
        return self.batch.shape[1], self.batch.shape[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the caller's array."""
        return (*self.leading, *self.batch.shape[1 : 4 if self.has_channels else 3])


def as_colors(
    images: Any,
    *,
    gpu: bool = False,
    clip: bool = False,
    channel_axis: ChannelAxis = -1,
    unit: bool = True,
    later: bool = False,
) -> Array:
    """Return colours (..., 3), of images or in a table (n, 3), as uint8, float32 or float64.

    Floats may lie outside [0, 1] by rounding, up to `SLACK`.  ``clip`` is for what is undefined there: these
    are set to 0 or 1, in a copy.  Without ``unit`` floats may have any range.  With ``later`` the caller
    looks at floats on the host itself.

    Raises
    ------
    TypeError
        If the dtype is another one, or the array is masked, or lies on a GPU without ``gpu``.
    ValueError
        If the shape doesn't fit, an axis of an image is empty, or floats are not in [0, 1], or not finite.
    """
    if type(images) is np.ndarray and images.dtype is BYTES and channel_axis == -1:  # the usual case, quickly
        shape = images.shape
        if len(shape) > 2 and shape[-1] == 3 and images.size and images.flags.c_contiguous:
            plain = images.view()
            plain.setflags(False)  # type: ignore[call-arg]  # quicker than write=False
            return plain
    array = _as_array(images, "images", gpu)
    has_channel_axis(
        array.shape, channel_axis, "images", gray=False, color=True, any_number=False, pixelwise=True
    )
    if later and isinstance(array, np.ndarray) and array.dtype in FLOATS:
        return _plain(array)
    return _checked_values(array, "images", "unit", unit, clip)


def as_pixels(
    images: Any,
    *,
    gray: bool = True,
    any_number: bool = False,
    name: str = "images",
    gpu: bool = False,
    clip: bool = False,
    channel_axis: ChannelAxis = "auto",
    words: Words = "unit",
    unit: bool = True,
) -> Pixels:
    """Return images without or with channels, 1 or 3 of them or ``any_number``.

    Values are those of `as_colors`; see `to_kernel_dtype` for ``words``."""
    if type(images) is np.ndarray and images.dtype is BYTES and channel_axis == "auto":
        shape = images.shape
        is_color = len(shape) > 2 and shape[-1] == 3
        if images.size and images.flags.c_contiguous and (is_color or (gray and len(shape) == 2)):
            batch = images.reshape(-1, *(shape[-3:] if is_color else (*shape, 1)))  # the usual case, quickly
            batch.setflags(False)  # type: ignore[call-arg]  # quicker than write=False
            return Pixels(shape[:-3] if is_color else (), batch, is_color, images.dtype)
    array = _as_array(images, name, gpu)
    has_channels = has_channel_axis(
        array.shape, channel_axis, name, gray=gray, color=True, any_number=any_number
    )
    shape = array.shape if has_channels else (*array.shape, 1)
    values = _checked_values(array, name, words, unit, clip)
    return Pixels(shape[:-3], values.reshape(-1, *shape[-3:]), has_channels, array.dtype)


def kept_dtype(pixels: Pixels) -> Any:
    """Return the dtype of a result that keeps that of images; float32 for bool."""
    return np.float32 if pixels.dtype.type is np.bool_ else pixels.dtype


def _checked_values(array: Array, name: str, words: Words, unit: bool, clip: bool) -> Array:
    if array.dtype.type is np.uint8:
        return _plain(array)
    is_signed = array.dtype == np.int16 and unit
    array = _plain(to_kernel_dtype(array, name, words))
    if is_signed and count_outside(array, 0, np.iinfo(np.int16).max, late=True):
        raise ValueError(
            f"{name} of int16 must not be negative here, got negative values; "
            f"write ({name} - low) / (high - low) with the lowest and highest possible value"
        )
    if array.dtype.kind == "u" or array.dtype.kind == "i":
        return array
    if unit:
        return _in_unit_range(array, name, clip)
    if count_outside(array, -LARGEST, LARGEST, late=True):
        if not np.isfinite(to_host(array)).all():
            raise ValueError(f"{name} must be finite, got NaN or infinite values")
        raise ValueError(f"{name} must not exceed {LARGEST:g}, as squares would overflow; scale them")
    return array


def images_at_once(batch: Array, pixels: int) -> int:
    """Return the number of images per batch of ``pixels`` pixels, more of them on a GPU."""
    n_pixels = pixels if isinstance(batch, np.ndarray) else GPU_PIXELS * pixels
    (_, height, width) = batch.shape[:3]
    return max(1, n_pixels // int(height * width))


def as_mask(mask: Any, shape: tuple[int, ...], images: Array) -> Array:
    """Return a mask (n_images, height, width) of bool for images of (..., height, width), on their device."""
    is_host = isinstance(images, np.ndarray)
    if is_on_gpu(mask) == is_host:
        raise TypeError("images and mask must lie on the same device; copy one of them")
    array = _as_array(mask, "mask", not is_host)
    if array.dtype != np.bool_:
        raise TypeError(f"mask must be bool, got {array.dtype}; write mask > 0")
    if array.shape not in (shape, shape[-2:]):
        raise ValueError(
            f"mask must have the shape {shape} of the images without their channels, or {shape[-2:]} "
            f"of one image, got {array.shape}"
        )
    if is_host:
        return _plain(np.broadcast_to(array, shape).reshape(-1, *shape[-2:]))
    if array.shape != shape:
        array = repeated(array.reshape(1, -1), math.prod(shape[:-2]))
    return array.reshape(-1, *shape[-2:])


def as_vectors(
    vectors: Any, *, name: str, length: int | None = None, axes: int | None = 2, gpu: bool = False
) -> Array:
    """Return finite vectors (..., d) as float32, of ``axes`` axes and of ``length`` if given."""
    array = _as_array(vectors, name, gpu)
    if array.dtype.kind not in "uif":
        raise TypeError(f"{name} must be numbers, got {array.dtype}")
    if array.ndim < 1 or (axes is not None and array.ndim != axes):
        shapes = "(..., d)" if axes is None else "(n, d)"
        raise ValueError(f"{name} must have the shape {shapes}, got {array.shape}")
    if length is not None and array.shape[-1] != length:
        raise ValueError(f"{name} must be vectors of length {length}, got length {array.shape[-1]}")
    if array.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one dimension a vector, got the shape {array.shape}")
    if isinstance(array, np.ndarray):
        with np.errstate(over="ignore"):  # overflow gives infinity, which is refused below
            array = _plain(array.astype(np.float32, copy=False))
    elif array.dtype != np.float32:
        raise TypeError(f"{name} on a GPU must be float32, got {array.dtype}; convert them first")
    largest = float(np.finfo(np.float32).max)
    if count_outside(array, -largest, largest, late=True):
        raise ValueError(f"{name} must be finite, got NaN or infinite values (or beyond float32)")
    return array


def as_words(codebook: Any, *, gpu: bool = False) -> Array:
    """Return a codebook (n_words, d) of at least one word as float32."""
    words = as_vectors(codebook, name="codebook", gpu=gpu)
    if not len(words):
        raise ValueError("codebook must have at least one word, got none")
    return words


def as_groups(
    descriptors: Any, offsets: Any, length: int, *, gpu: bool = False
) -> tuple[Array, Array, tuple[int, ...]]:
    """Return descriptors (n, d) of all images, their bounds by image, and the leading axes.

    ``descriptors`` are (n, d) of one image, or with ``offsets`` of several, or (..., n, d).
    """
    vectors = as_vectors(descriptors, name="descriptors", length=length, axes=None, gpu=gpu)
    if vectors.ndim < 2 or (offsets is not None and vectors.ndim > 2):
        shapes = "(..., n, d), or (n, d) with offsets"
        raise ValueError(f"descriptors must have the shape {shapes}, got {vectors.shape}")
    *leading, n, _ = vectors.shape
    if offsets is not None:
        bounds = as_offsets(offsets, n)
        leading = [len(bounds) - 1]
    else:
        bounds = np.arange(math.prod(leading) + 1) * n
    return vectors.reshape(-1, length), bounds, tuple(leading)


def check_side(vectors: Array, name: str, table: Array, table_name: str) -> None:
    """Refuse a table on a GPU for vectors on the host; a table on the host is copied to vectors on a GPU."""
    if isinstance(vectors, np.ndarray) and not isinstance(table, np.ndarray):
        raise TypeError(f"{name} lie on the host and {table_name} on a GPU; copy one of them")


def as_count(value: Any, name: str, *, least: int = 1) -> int:
    """Return an integer of at least ``least``."""
    if type(value) is not int and (isinstance(value, bool) or not isinstance(value, INTEGERS)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def as_counts(value: Any, name: str, n: int) -> tuple[int, ...]:
    """Return ``n`` positive integers, from ``n`` of them."""
    if isinstance(value, str) or not isinstance(value, SEQUENCES) or len(value) != n:
        raise TypeError(f"{name} must be {n} integers, got {value!r}")
    return tuple([as_count(item, name) for item in value])


def as_pair(value: Any, name: str, *, least: int = 1) -> tuple[int, int]:
    """Return (rows, columns) of at least ``least``, from one integer for both or from two."""
    if type(value) is int or isinstance(value, str) or not isinstance(value, SEQUENCES):
        number = as_count(value, name, least=least)
        return number, number
    if len(value) != 2:
        raise TypeError(f"{name} must be an integer or (rows, columns), got {value!r}")
    rows, cols = [as_count(item, name, least=least) for item in value]
    return rows, cols


def as_number(
    value: Any, name: str, *, above: float = -np.inf, least: float = -np.inf, below: float = np.inf
) -> float:
    """Return a finite number above a bound, at least another, and below a third."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (above < value < below and value >= least):
        bound = f"above {above}" if above > -np.inf else f"at least {least}"
        end = f"below {below}" if below < np.inf else "finite"
        raise ValueError(f"{name} must be {bound} and {end}, got {value}")
    return float(value)


def as_numbers(value: Any, name: str, n: int | None = None, **bounds: float) -> tuple[float, ...]:
    """Return the numbers of a sequence, ``n`` of them if given, within the bounds of `as_number`."""
    if isinstance(value, str) or not isinstance(value, SEQUENCES) or n not in (None, len(value)):
        raise TypeError(f"{name} must be {'numbers' if n is None else f'{n} numbers'}, got {value!r}")
    return tuple([as_number(item, name, **bounds) for item in value])


def as_flag(value: Any, name: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def one_of(value: Any, name: str, choices: tuple[str | None, ...]) -> None:
    """Refuse a value that is not among the choices."""
    if not isinstance(value, str | None) or value not in choices:
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}{hint}")


def as_offsets(offsets: Any, n: int) -> Array:
    """Return offsets (n_images + 1,) int64 that cut ``n`` descriptors into images."""
    array = _as_array(offsets, "offsets")
    if array.ndim != 1 or array.dtype.kind not in "ui" or len(array) < 1:
        raise TypeError(f"offsets must be integers of shape (n_images + 1,), got {array.dtype} {array.shape}")
    array = array.astype(np.int64)
    if array[0] != 0 or array[-1] != n or (np.diff(array) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the number of descriptors, {n}, got {array}")
    return array


def as_out(out: Any, shape: tuple[int, ...], dtype: Any, images: Array) -> Array:
    """Return the array for a result: ``out`` if it fits, else a new one; see `to_caller_array`."""
    if type(images) is not np.ndarray:
        return _as_out_on_gpu(out, shape, dtype, images)
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must be {np.dtype(dtype)} of shape {shape}, got {out.dtype} {out.shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writable; pass np.empty(shape, dtype)")
    if np.may_share_memory(out, images):
        raise ValueError("out must not share memory with the input; pass another array")
    return out


def to_caller_array(out: Array) -> Array:
    """Return a result as an array of the library of the input."""
    result: Array = out if isinstance(out, np.ndarray) else to_library(out)
    return result


def _as_out_on_gpu(out: Any, shape: tuple[int, ...], dtype: Any, images: Array) -> Array:
    if out is None:
        return empty_like_owner(shape, dtype, images)
    if not is_on_gpu(out):
        raise TypeError(f"out must lie on the GPU, as the input does, got {type(out).__name__}")
    array = adopt(out, "out", copy=False)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"out must be {np.dtype(dtype)} of shape {shape}, got {array.dtype} {array.shape}")
    return array


def as_on_host(array: Array, operation: str) -> Array:
    """Refuse an array on a GPU for an operation of the CPU."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{operation} is not computed on a GPU; copy the images to the host")
    return array


def count_outside(values: Array, low: float, high: float, *, late: bool = False) -> int:
    """Count the values outside [low, high]; NaN is outside.

    With ``late`` the count of values on a GPU is taken for 0 until the end of `checked_after`.
    """
    check = backend_of(values).check
    flat = values.reshape(-1)
    kind = flat.dtype.type
    counts = empty_on_device_of((-(-flat.size // check.CHUNK),), np.int64, values)
    check.count_outside(flat, kind(low), kind(high), counts)
    if late and not isinstance(counts, np.ndarray) and postpone(counts):
        return 0
    counts = to_host(counts)
    return int(counts[0] if len(counts) == 1 else counts.sum())


def clipped(values: Array, low: float, high: float) -> Array:
    """Return floats cut to an interval, in memory of the library of the caller."""
    kind = values.dtype.type
    out = as_out(None, values.shape, values.dtype, values)
    backend_of(values).check.clip(values.reshape(-1), kind(low), kind(high), out.reshape(-1))
    return _plain(out)


def to_host(array: Any) -> Array:
    """Return an array as one of NumPy, copied if it lies on a GPU."""
    host: Array = array if isinstance(array, np.ndarray) else array.copy_to_host()
    return host


def _as_array(value: Any, name: str, gpu: bool = False) -> Array:
    if type(value) is np.ndarray and value.dtype in KERNEL_DTYPES:  # the usual case
        return value
    if is_on_gpu(value):
        if gpu:
            return adopt(value, name)
        raise TypeError(f"{name} lies on a GPU, where this is not computed; copy it to the host")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost; pass a plain array")
    array = as_host_array(value, name)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must be an array of numbers, got {array.dtype} from {type(value).__name__}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _plain(array: Array) -> Array:
    """Return a read-only view in C order, or a copy if need be; device arrays are returned as they are."""
    if not isinstance(array, np.ndarray):
        return array
    plain = array.view() if array.flags.c_contiguous else np.array(array, order="C")
    plain.setflags(False)  # type: ignore[call-arg]  # quicker than write=False
    return plain


def _in_unit_range(array: Array, name: str, clip: bool) -> Array:
    """Return checked floats, with ``clip`` those of [0, 1]."""
    if clip and not count_outside(array, 0, 1, late=True):  # the usual case
        return array
    n_outside = count_outside(array, -SLACK, 1 + SLACK, late=True)
    if not n_outside:
        return clipped(array, 0, 1) if clip else array
    array = to_host(array)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or infinite values ({n_outside} not in [0, 1])")
    raise ValueError(
        f"{name} of dtype {array.dtype} must lie in [0, 1], got {array.min():g} to {array.max():g}; "
        f"{factor_hint(array, name)}"
    )

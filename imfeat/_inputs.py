"""Inputs beside NumPy arrays: tensors, pictures of Pillow, lists of arrays of several shapes, moved channels.

`accepts` decorates public functions, so that each of these is dealt with at one place.
"""

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

import numpy as np

from imfeat._backend import Array
from imfeat._device import is_on_gpu, library_of
from imfeat._late import checked_after, checked_at_once
from imfeat._suggest import did_you_mean

P = ParamSpec("P")
R = TypeVar("R")
Images: TypeAlias = Any  # an array, a tensor, a picture of Pillow, or a list of these
ChannelAxis: TypeAlias = int | Literal["auto"] | None

PICTURE_ARRAYS = ("1", "L", "RGB", "I", "F", "I;16", "I;16L", "I;16B", "I;16N")
PICTURES_TO_CONVERT = ("P", "CMYK", "YCbCr")
OF_ONE_ARRAY = ("out", "offsets")  # options that fit a single array only


def accepts(
    *, lists: bool = True, back: bool = False, others: tuple[str, ...] = (), late: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function of a NumPy array take tensors, lists, and images with channels at any axis.

    Tensors of PyTorch on the CPU give tensors.  With ``lists``, a list of arrays of several shapes gives the
    results of all items: one array if they have the same shape, else a list.  With ``back``, a moved channel
    axis of images is moved back in results.  ``others`` are parameters that hold images, too.  With ``late``
    values of images on a GPU are checked after the kernels, see `checked_after`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        first = next(iter(signature.parameters))
        axis = signature.parameters.get("channel_axis")
        guesses = axis is not None and axis.default == "auto"
        on_gpu = functools.partial(checked_after if late else checked_at_once, function)
        one = functools.partial(_call_one, function, on_gpu, first, back, others)

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            try:
                value = args[0] if args else options.get(first)
                plain = value.dtype.kind != "O" if type(value) is np.ndarray else is_on_gpu(value)
                if plain and options.keys().isdisjoint(("channel_axis", "out")):
                    return (function if type(value) is np.ndarray else on_gpu)(*args, **options)
                options = signature.bind(*args, **options).arguments
                del options[first]
                if guesses and options.get("channel_axis", "auto") == "auto" and are_gray(value):
                    options["channel_axis"] = None
                if lists and (items := items_of(value)) is not None:
                    return _call_each(one, first, items, options)
                return one(value, options)
            except TypeError as error:
                unknown = [name for name in options if name not in signature.parameters]
                if not unknown or "Did you mean" in str(error):  # as Python says from 3.13 on
                    raise
                raise TypeError(f"{error}{did_you_mean(unknown[0], signature.parameters)}") from None

        return call

    return decorate


def as_host_array(value: Any, name: str) -> Array:
    """Return what lies on the host as a NumPy array, of any dtype.

    Raises
    ------
    TypeError
        If a tensor has no equal in NumPy or requires a gradient, or a picture of Pillow has an alpha channel
        or a mode that is no image.
    ValueError
        If nested sequences don't make one array.
    """
    library = library_of(value)
    if library == "torch" and hasattr(value, "numpy"):
        return _of_tensor(value, name)
    if library == "PIL" and hasattr(value, "mode"):
        return _of_picture(value, name)
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise TypeError(f"{name} can't be read by DLPack: {error}; pass a NumPy array") from error
    if _is_sequence_of_arrays(value):
        return _stacked([as_host_array(item, name) for item in value], name)
    try:
        array = np.asarray(value)
    except ValueError as error:
        _refuse_unread(value, name)
        raise ValueError(f"{name} must be one array of one shape: {error}") from error
    if array.dtype.kind in "OSU":
        _refuse_unread(value, name)
    return array


def _refuse_unread(value: Any, name: str) -> None:
    """Raise TypeError for None, a path or bytes instead of an image, also in a list."""
    if not name.startswith("images"):
        return
    if isinstance(value, list | tuple):
        for k, item in enumerate(value):
            _refuse_unread(item, f"{name}[{k}]")
    elif value is None:
        what = "None, which cv2.imread returns for a file that it can't read"
        raise TypeError(f"{name} must be an array of numbers, got {what}")
    elif isinstance(value, str | bytes | os.PathLike):
        what = "bytes" if isinstance(value, bytes) else f"the path {os.fspath(value)!r}"
        raise TypeError(
            f"{name} must be an array of numbers, got {what}: read an image first, by "
            "numpy.asarray(PIL.Image.open(path)); imfeat.extract takes paths"
        )


def channels_last(value: Any, axis: int, name: str) -> Any:
    """Return images with the channels moved from an axis to the last one, a view if possible."""
    on_gpu = is_on_gpu(value)
    array = value if on_gpu else as_host_array(value, name)
    n_axes = len(array.shape)
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"channel_axis must be an integer, None or 'auto', got {axis!r}")
    if n_axes < 2 or not -n_axes <= axis < n_axes:
        raise ValueError(
            f"channel_axis={axis} needs {name} with such an axis, and height and width, got the shape "
            f"{tuple(array.shape)}; images without channels go with channel_axis=None"
        )
    return moved(array, int(axis), -1)


def _call_one(
    on_host: Callable[..., Any],
    on_gpu: Callable[..., Any],
    name: str,
    back: bool,
    others: tuple[str, ...],
    value: Any,
    options: dict[str, Any],
) -> Any:
    """Call a function with one array, and give results the form of the argument."""
    axis = options.get("channel_axis", "auto")
    is_moved = not isinstance(axis, str | None) and axis != -1
    is_tensor = _is_host_tensor(value)
    out = options.get("out")
    options = {
        key: as_host_array(item, key) if _is_host_tensor(item) else item for key, item in options.items()
    }
    if is_tensor:
        value = as_host_array(value, name)
    if is_moved:
        from_end = axis - len(getattr(value, "shape", ())) if isinstance(axis, int) and axis >= 0 else axis
        value = channels_last(value, axis, name)
        options |= {key: channels_last(options[key], from_end, key) for key in others if key in options}
        options["channel_axis"] = -1
    function = on_gpu if is_on_gpu(value) else on_host
    if not (is_moved and back):
        result = function(value, **options)
    else:
        target = options.pop("out", None)
        result = moved(function(value, **options), -1, axis)
        if target is not None:
            _fill(target, result)
    if out is not None:
        return out
    return _as_tensors(result) if is_tensor else result


def _is_host_tensor(value: Any) -> bool:
    return library_of(value) == "torch" and hasattr(value, "numpy") and not is_on_gpu(value)


def _call_each(one: Callable[..., Any], name: str, items: list[Any], options: dict[str, Any]) -> Any:
    """Call a function with each array of a list; a mask is a list of as many."""
    for key in OF_ONE_ARRAY:
        if options.get(key) is not None:
            raise TypeError(f"{key} is for one array, and {name} is a list of several shapes")
    masks = options.get("mask")
    if masks is not None and (not isinstance(masks, list | tuple) or len(masks) != len(items)):
        raise ValueError(
            f"mask must be a list of {len(items)} masks, as {name} is a list of arrays of several shapes"
        )
    results = []
    for i, item in enumerate(items):
        each = options if masks is None else {**options, "mask": masks[i]}
        results.append(one(item, each))
    return _gathered(results)


def items_of(value: Any) -> list[Any] | None:
    """Return the items of a list of arrays of several shapes or dtypes, None for anything else."""
    if isinstance(value, np.ndarray):
        if value.dtype != np.object_ or value.ndim != 1 or not _is_sequence_of_arrays(list(value)):
            return None
        return list(value)
    if not _is_sequence_of_arrays(value):
        return None
    kinds = {_kind(item) for item in value}
    return list(value) if len(kinds) > 1 or is_on_gpu(value[0]) else None


def are_gray(value: Any) -> bool:
    """Tell whether a list holds gray images: arrays of two axes, or pictures of one channel."""
    if not _is_sequence_of_arrays(value):
        return False
    return all(
        item.mode in ("1", "L", "I", "F") or item.mode.startswith("I;16")
        if library_of(item) == "PIL"
        else len(item.shape) == 2
        for item in value
    )


def _kind(item: Any) -> tuple[Any, ...]:
    if library_of(item) == "PIL":
        return item.size, item.mode
    return tuple(item.shape), str(getattr(item, "dtype", ""))


def _is_sequence_of_arrays(value: Any) -> bool:
    """Tell whether a list or tuple holds arrays, tensors or pictures, each with two axes or more."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(library_of(item) == "PIL" or len(getattr(item, "shape", ())) > 1 for item in value)


def _stacked(arrays: list[Array], name: str) -> Array:
    shapes = {array.shape for array in arrays}
    dtypes = {array.dtype for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"{name} must be one array of one shape here, got a list of arrays of {len(shapes)} shapes, "
            f"for example {arrays[0].shape} and {(shapes - {arrays[0].shape}).pop()}"
        )
    if len(dtypes) > 1:
        raise TypeError(f"{name} must have one dtype, got {', '.join(sorted(map(str, dtypes)))}")
    return np.stack(arrays)


def _of_tensor(tensor: Any, name: str) -> Array:
    if tensor.requires_grad:
        raise TypeError(f"{name} requires grad, which features do not pass on; pass {name}.detach()")
    try:
        array: Array = tensor.numpy()
    except (TypeError, RuntimeError) as error:
        raise TypeError(
            f"{name} is a tensor that NumPy has no array for ({error}); convert it, for example with "
            f"{name}.float()"
        ) from error
    return array


def _of_picture(picture: Any, name: str) -> Array:
    mode = picture.mode
    if mode.lower() in ("rgba", "la", "pa") or (mode != "RGBA" and "transparency" in picture.info):
        raise ValueError(
            f"{name} has an alpha channel (mode {mode}), which is no channel of a feature; drop it with "
            f'{name}.convert("RGB"), or put it on a background first'
        )
    if mode in PICTURES_TO_CONVERT:
        picture = picture.convert("RGB")
    elif mode not in PICTURE_ARRAYS:
        raise TypeError(
            f'{name} is a picture of mode {mode}; pass {name}.convert("RGB"), or np.asarray({name}) '
            "for its numbers as they are"
        )
    return np.asarray(picture)


def moved(array: Any, source: int, destination: int) -> Any:
    """Return an array with one of its axes moved, a view on its device."""
    library = library_of(array)
    if library == "torch":
        return array.movedim(source, destination)
    if library == "cupy":
        return sys.modules["cupy"].moveaxis(array, source, destination)
    if isinstance(array, np.ndarray):
        return np.moveaxis(array, source, destination)
    raise TypeError("channel_axis of an array of Numba on a GPU must be -1 or None; move the axis first")


def _fill(target: Any, values: Any) -> None:
    if not hasattr(target, "shape") or tuple(target.shape) != tuple(values.shape):
        shape = getattr(target, "shape", type(target).__name__)
        raise ValueError(f"out must be an array of shape {tuple(values.shape)}, got {shape}")
    if str(target.dtype) != str(values.dtype):
        raise ValueError(f"out must be {values.dtype}, got {target.dtype}")
    target[...] = values


def _as_tensors(result: Any) -> Any:
    """Return the arrays of a result as tensors of PyTorch."""
    if isinstance(result, tuple):
        return tuple(_as_tensors(item) for item in result)
    if not isinstance(result, np.ndarray | np.generic):
        return result
    torch = sys.modules["torch"]
    array = np.asarray(result)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of arrays that may not be written to
            return torch.from_numpy(array)
    except TypeError:  # versions without unsigned integers of 16 and 32 bits
        return torch.from_numpy(array.astype(np.int64))


def _gathered(results: list[Any]) -> Any:
    """Return results of one shape as one array, others as the list that they are."""
    if len({(type(r), getattr(r, "shape", None), str(getattr(r, "dtype", ""))) for r in results}) > 1:
        return results
    if isinstance(results[0], np.ndarray | np.generic):
        return np.stack(results)
    if library_of(results[0]) in ("torch", "cupy"):
        return sys.modules[library_of(results[0])].stack(results)
    return results

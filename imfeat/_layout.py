"""The axes of images: which one holds the channels, and what to write where that can't be told."""

import sys
import warnings
from typing import Any

MOST_CHANNELS = 16  # up to which a last axis is taken for channels, not for the width of gray images


def has_channel_axis(
    shape: tuple[int, ...],
    channel_axis: Any,
    name: str,
    *,
    gray: bool,
    color: bool,
    any_number: bool,
    pixelwise: bool = False,
) -> bool:
    """Tell whether the last axis of images holds channels.

    ``gray``, ``color`` and ``any_number`` say what a function takes: images of one channel or without such
    an axis, of three, and of any number; with ``pixelwise`` pixels need not lie in rows.

    Raises
    ------
    TypeError, ValueError
        If ``channel_axis`` is not -1, None or ``"auto"``, if the shape doesn't fit it or what a function
        takes, or if ``"auto"`` can't tell.
    """
    if type(channel_axis) in (str, int) and channel_axis in (-1, "auto"):  # the usual cases
        if color and len(shape) > 2 and shape[-1] == 3 and all(shape[-3:]):
            return True
        if gray and channel_axis == "auto" and len(shape) == 2 and all(shape):
            return False
    _check_option(channel_axis)
    shapes = " or ".join(["(..., height, width, 3)"] * color + ["(..., height, width)"] * gray)
    error = f"{name} must have the shape {shapes}, got {shape}"
    if len(shape) < 2 + (channel_axis == -1 and not pixelwise):
        raise ValueError(error)
    is_channels = _is_channels(shape, channel_axis, error, gray)
    n_channels = shape[-1] if is_channels else 1
    fits = any_number or (gray if n_channels == 1 else color and n_channels == 3)
    if not fits:
        raise ValueError(error + _hint(shape, n_channels, name))
    if 0 in shape[-3 if is_channels else -2 :]:
        raise ValueError(f"{name} must have at least one pixel each, got the shape {shape}")
    if channel_axis == "auto" and not is_channels and shape[-3:-2] == (3,):
        warnings.warn(
            f"{name} of shape {shape} are taken for gray images; if the axis of length 3 holds channels, as "
            "in tensors of PyTorch, write channel_axis=-3, and if not, channel_axis=None",
            UserWarning,
            stacklevel=_frames_to_caller(),
        )
    return is_channels


def _frames_to_caller() -> int:
    """Return the number of frames from the function that calls this one to the first outside of imfeat."""
    frame = sys._getframe(1)
    n_frames = 1
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == "imfeat":
        frame = frame.f_back
        n_frames += 1
    return n_frames


def _check_option(channel_axis: Any) -> None:
    is_axis = isinstance(channel_axis, int) and not isinstance(channel_axis, bool) and channel_axis == -1
    if not (channel_axis is None or is_axis or (isinstance(channel_axis, str) and channel_axis == "auto")):
        raise TypeError(f"channel_axis must be an integer, None or 'auto', got {channel_axis!r}")


def _is_channels(shape: tuple[int, ...], channel_axis: Any, error: str, gray: bool) -> bool:
    if channel_axis != "auto":
        return channel_axis is not None
    if len(shape) == 2 or shape[-1] > MOST_CHANNELS or shape[-1] == 0:
        return False
    if shape[-1] in (1, 3):
        return True
    alpha = "; drop an alpha channel with images[..., :3]" if shape[-1] == 4 else ""
    if not gray:
        raise ValueError(error + (alpha or _hint(shape, shape[-1], "images")))
    raise ValueError(
        f"{error}: a last axis of length {shape[-1]} may hold channels or be the width; write "
        f"channel_axis=-1 for {shape[-1]} channels, channel_axis=None for gray images so narrow{alpha}"
        + ("; write channel_axis=-3 if the channels come first" if shape[-3] in (1, 3) else "")
    )


def _hint(shape: tuple[int, ...], n_channels: int, name: str) -> str:
    if n_channels == 4:
        return f"; drop an alpha channel with {name}[..., :3]"
    if n_channels == 2:
        return f"; take {name}[..., 0] of gray images with an alpha channel"
    if len(shape) > 2 and shape[-1] == 1:
        return f"; write np.repeat({name}, 3, axis=-1) to take gray for a colour"
    if shape[-3:-2] == (3,):
        return "; write channel_axis=-3, or move the channels last with np.moveaxis(images, -3, -1)"
    return f"; one or three channels are taken, not {n_channels}" if n_channels > 1 else ""

"""Pixels as features, with or without equalization."""

import math
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_out, as_pixels, one_of, to_caller_array
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat.exposure import equalize as equalize_channels
from imfeat.exposure import equalize_clahe, equalize_value

Equalization: TypeAlias = Literal[None, "value", "torchvision", "opencv", "clahe"]
EQUALIZATIONS: tuple[Equalization, ...] = get_args(Equalization)


@accepts(late=True)
def raw_pixels(images: Images, *, equalize: Equalization = None, channel_axis: ChannelAxis = "auto") -> Array:
    """Return the pixels of each image as one vector.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats in [0, 1].
    equalize : {"value", "torchvision", "opencv", "clahe", None}
        Histogram equalization that is applied first: `equalize_value`, `equalize` with this
        convention, which treats each channel by itself, or `equalize_clahe`.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.

    Returns
    -------
    array of shape (..., height * width * n_channels), float32
        In [0, 1], rows first, the channels of a pixel side by side.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or ``equalize`` is none of the above.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> imfeat.raw_pixels(np.array([[0, 51], [102, 255]], np.uint8))
    array([0. , 0.2, 0.4, 1. ], dtype=float32)
    """
    one_of(equalize, "equalize", EQUALIZATIONS)
    pixels = as_pixels(
        images, any_number=True, gpu=True, channel_axis=channel_axis, unit=equalize is None, words="kept"
    )
    batch = pixels.batch
    if equalize == "value":
        batch = equalize_value(batch)
    elif equalize == "clahe":
        batch = equalize_clahe(batch, channel_axis=-1)
    elif equalize is not None:
        batch = equalize_channels(batch, convention=equalize, channel_axis=-1)
    shape = *pixels.leading, math.prod(batch.shape[1:])
    if not isinstance(batch, np.ndarray):
        return _on_gpu(batch, as_out(None, shape, np.float32, pixels.batch))
    vectors = batch.reshape(shape)
    white = np.iinfo(vectors.dtype).max if vectors.dtype.kind in "ui" else 1
    return vectors / np.float32(white) if white != 1 else vectors.astype(np.float32)


def _on_gpu(batch: Array, out: Array) -> Array:
    """Write the pixels of images to vectors on their GPU, where a row of pixels is a patch."""
    n_images, height, width, n_channels = batch.shape
    shape = n_images, height, 1, width * n_channels
    white = np.float32(np.iinfo(batch.dtype).max if batch.dtype.kind in "ui" else 1)
    backend_of(batch).patches.dense_patches(batch.reshape(shape), 1, 1, white, out.reshape(shape))
    return to_caller_array(out)

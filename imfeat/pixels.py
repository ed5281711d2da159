"""Pixels as features, with or without equalization."""

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import Pixels, as_out, as_pixels, one_of, to_caller_array
from imfeat._device import is_on_gpu
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat.color import white_of
from imfeat.exposure import equalize as equalize_channels
from imfeat.exposure import equalize_clahe, equalize_value

EQUALIZATIONS = (None, "value", "torchvision", "opencv", "clahe")


@accepts()
def raw_pixels(images: Images, *, equalize: str | None = None, channel_axis: ChannelAxis = "auto") -> Array:
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
    >>> raw_pixels(np.array([[0, 51], [102, 255]], np.uint8))
    array([0. , 0.2, 0.4, 1. ], dtype=float32)
    """
    one_of(equalize, "equalize", EQUALIZATIONS)
    pixels = as_pixels(
        images,
        any_number=True,
        gpu=True,
        channel_axis=channel_axis,
        unit=equalize is None,
        words="unit" if is_on_gpu(images) else "kept",
    )
    batch = pixels.batch
    if equalize == "value":
        batch = equalize_value(batch)
    elif equalize == "clahe":
        batch = equalize_clahe(batch, channel_axis=-1)
    elif equalize is not None:
        batch = equalize_channels(batch, convention=equalize, channel_axis=-1)
    if not isinstance(batch, np.ndarray):
        return _vectors_on_gpu(batch, pixels)
    vectors = batch.reshape(*pixels.leading, int(np.prod(batch.shape[1:])))
    white = np.iinfo(vectors.dtype).max if vectors.dtype.kind in "ui" else 1
    return vectors / np.float32(white) if white != 1 else vectors.astype(np.float32)


def _vectors_on_gpu(batch: Array, pixels: Pixels) -> Array:
    """Return a batch on a GPU as vectors in [0, 1]: its patches of one pixel."""
    out = as_out(None, (*pixels.leading, int(np.prod(batch.shape[1:]))), np.float32, pixels.batch)
    white = np.float32(white_of(batch))
    backend_of(batch).patches.dense_patches(batch, 1, 1, white, out.reshape(*batch.shape))
    return to_caller_array(out)

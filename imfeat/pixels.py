"""Pixels as features, with or without equalization."""

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_batch, as_images, one_of
from imfeat.exposure import equalize as equalize_channels
from imfeat.exposure import equalize_clahe, equalize_value

EQUALIZATIONS = (None, "value", "torchvision", "opencv", "clahe")


def raw_pixels(images: Array, *, equalize: str | None = None) -> Array:
    """Return the pixels of each image as one vector.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or float32 or float64 in [0, 1].
    equalize : {"value", "torchvision", "opencv", "clahe", None}
        Histogram equalization that is applied first: `equalize_value`, `equalize` with this
        convention, which treats each channel by itself, or `equalize_clahe`.

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
    images = as_images(images)
    if equalize == "value":
        images = equalize_value(images)
    elif equalize == "clahe":
        images = equalize_clahe(images)
    elif equalize is not None:
        images = equalize_channels(images, convention=equalize)
    leading, batch = as_batch(images)
    vectors = batch.reshape(*leading, int(np.prod(batch.shape[1:])))
    return vectors / np.float32(255) if vectors.dtype == np.uint8 else vectors.astype(np.float32)

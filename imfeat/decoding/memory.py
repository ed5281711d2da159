"""Images in memory as arrays of bytes: those of NumPy, Pillow and PyTorch."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from imfeat._device import library_of
from imfeat._dtypes import factor_hint
from imfeat._inputs import as_host_array
from imfeat.decoding.decode import Decode, Fit, decode, fitted
from imfeat.decoding.metadata import orientation_of, upright
from imfeat.decoding.rgb import rgb_of_picture
from imfeat.decoding.size import ORIGINAL

WHITE = 255
IMAGE_KEYS = "image", "img", "jpg", "jpeg", "png", "webp"  # as in data sets of Hugging Face and WebDataset


def image_in(item: Any) -> Any:
    """Return the image of a dict with a key for it, or of a tuple or list that begins with it."""
    if isinstance(item, Mapping):
        keys = [key for key in IMAGE_KEYS if key in item]
        if not keys:
            raise TypeError(
                f"items that are dicts must have the key 'image', got {', '.join(map(str, item))}"
            )
        image = item[keys[0]]
        is_undecoded = isinstance(image, Mapping) and isinstance(image.get("bytes"), bytes)
        return image["bytes"] if is_undecoded else image
    if isinstance(item, tuple | list) and item and not isinstance(item[0], int | float):
        return item[0]
    return item


def size_of_image(image: Any) -> tuple[int, int]:
    """Return height and width of an image, its path or the bytes of its file, upright."""
    content = Path(image).read_bytes() if isinstance(image, str | os.PathLike) else image
    pixels = decode(content, ORIGINAL, "crop") if isinstance(content, bytes) else bytes_of_image(content)
    height, width = pixels.shape[:2]
    return height, width


def fitted_image(image: Any, size: tuple[int, int], fit: Fit, how: Decode = "exact") -> npt.NDArray[np.uint8]:
    """Scale an image, its path or the bytes of its file to RGB (height, width, 3); ``how`` as in `decode`."""
    if isinstance(image, str | os.PathLike):
        image = Path(image).read_bytes()
    if isinstance(image, bytes):
        return decode(image, size, fit, how)
    return fitted(bytes_of_image(image), size, fit)


def bytes_of_image(image: Any) -> npt.NDArray[np.uint8]:
    """Return an array or tensor, or an image of Pillow, as uint8 (height, width[, 3]).

    Arrays have their channels last, tensors first; floats in [0, 1] are rounded to 8 bits.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or its shape, dtype or range is another.
    """
    if isinstance(image, Image.Image):
        return np.asarray(upright(rgb_of_picture(image), orientation_of(image)))
    if not hasattr(image, "shape") or not hasattr(image, "dtype"):
        kind = type(image).__name__
        raise TypeError(
            f"an image must be an array, a tensor, an image of Pillow, a path or bytes, got {kind}"
        )
    array = np.asarray(as_host_array(image, "an image"))
    if library_of(image) == "torch" and array.ndim == 3:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if (array.ndim != 2 and not (array.ndim == 3 and array.shape[-1] == 3)) or not array.size:
        raise ValueError(f"an array must have the shape (height, width[, 1 or 3]), got {array.shape}")
    return np.ascontiguousarray(array if array.dtype == np.uint8 else _rounded(array))


def _rounded(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype.kind != "f":
        raise TypeError(f"an array must be uint8, or floats in [0, 1], got {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError("an array of floats must be finite, got NaN or infinity")
    if array.min() < 0 or array.max() > 1:
        raise ValueError(
            f"floats must be in [0, 1], got {array.min():g} to {array.max():g}; {factor_hint(array, 'it')}"
        )
    rounded: npt.NDArray[np.uint8] = np.rint(array * array.dtype.type(WHITE)).astype(np.uint8)
    return rounded

"""Images of sources to arrays, with a row about each and the reason of a failure."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.decoding import MAX_BYTES, decode_or_reason, reason_of
from imfeat.sources import Item


@dataclass(frozen=True)
class Row:
    """An image in a table of features.

    Attributes
    ----------
    path : str
    n_bytes : int or None
        Size of the file; None if it could not be read.
    sha256 : str or None
        Checksum of its bytes.
    error : str or None
        Reason why the image has no features.
    """

    path: str
    n_bytes: int | None
    sha256: str | None
    error: str | None


def read_image(item: Item, size: tuple[int, int], fit: str, how: str = "exact") -> tuple[Row, Any]:
    """Return the row of an image, and its pixels (height, width, 3) uint8, or None."""
    try:
        content = item.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        return Row(item.name, None, None, reason_of(error)), None
    pixels = decode_or_reason(content, size, fit, how)
    digest = hashlib.sha256(content).hexdigest()
    if isinstance(pixels, str):
        return Row(item.name, len(content), digest, pixels), None
    return Row(item.name, len(content), digest, None), pixels


def read_images(
    items: list[Item], size: tuple[int, int], fit: str, how: str = "exact"
) -> tuple[list[Row], Array, list[int]]:
    """Return rows, the pixels (n, height, width, 3) of the images that were decoded, and their indices."""
    images = np.empty((len(items), *size, 3), np.uint8)
    rows: list[Row] = []
    decoded: list[int] = []
    for i, item in enumerate(items):
        row, pixels = read_image(item, size, fit, how)
        rows.append(row)
        if pixels is not None:
            images[len(decoded)] = pixels
            decoded.append(i)
    return rows, images[: len(decoded)], decoded

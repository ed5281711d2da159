"""Bytes of image files to arrays, within limits, with a reason where that fails."""

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.datasets.decode import MAX_BYTES, decode_or_reason
from imfeat.extract.sources import Item

START_OF_JPEG, START_OF_SCAN = b"\xff\xd8", b"\xff\xda"
MOST_SCANS = 500  # of a JPEG: each passes over all pixels, and a small file can hold many


@dataclass(frozen=True)
class Row:
    """What is known of an image beside its features.

    Attributes
    ----------
    path : str
    n_bytes : int or None
        Size of the file; None if it couldn't be read.
    sha256 : str or None
        Checksum of its bytes.
    error : str or None
        Why there are no features.
    """

    path: str
    n_bytes: int | None
    sha256: str | None
    error: str | None


def read_image(item: Item, size: tuple[int, int], fit: str) -> tuple[Row, Any]:
    """Return what is known of an image, and its pixels (height, width, 3) uint8, or None."""
    try:
        content = item.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Row(item.name, None, None, f"{type(error).__name__}: {reason}"), None
    pixels: Any
    n_scans = content.count(START_OF_SCAN) if content.startswith(START_OF_JPEG) else 0
    if n_scans > MOST_SCANS:
        pixels = f"ValueError: {n_scans:,} scans, more than {MOST_SCANS}"
    else:
        pixels = decode_or_reason(io.BytesIO(content), size, fit)
    error_text = pixels if isinstance(pixels, str) else None
    row = Row(item.name, len(content), hashlib.sha256(content).hexdigest(), error_text)
    return row, None if error_text else pixels


def read_images(items: list[Item], size: tuple[int, int], fit: str) -> tuple[list[Row], Array, list[int]]:
    """Return rows, the pixels (n, height, width, 3) of those that could be decoded, and which these are."""
    images = np.empty((len(items), *size, 3), np.uint8)
    rows: list[Row] = []
    good: list[int] = []
    for i, item in enumerate(items):
        row, pixels = read_image(item, size, fit)
        rows.append(row)
        if pixels is not None:
            images[len(good)] = pixels
            good.append(i)
    return rows, images[: len(good)], good

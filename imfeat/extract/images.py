"""Images of sources to arrays, with a row about each and the reason of a failure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from imfeat._backend import Array
from imfeat.decoding import MAX_BYTES, ImageSize, decode_or_reason, reason_of
from imfeat.sources import Item

IMAGES_AT_ONCE = 32  # decoded, and described while they are in the cache
PIXELS_AT_ONCE = 1 << 22  # of images of their own size; a larger one is decoded and described alone

Group: TypeAlias = tuple[list[int], Array]  # indices of images of one size, and their pixels


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


def read_image(item: Item, size: ImageSize, fit: str, how: str = "exact") -> tuple[Row, Any]:
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


def read_batches(
    items: list[Item], size: ImageSize, fit: str, how: str = "exact"
) -> Iterator[tuple[list[Row], list[Group]]]:
    """Yield the rows of some images, in order, and the pixels (n, height, width, 3) of those of equal size.

    A bounded number of pixels is decoded at a time.
    """
    if isinstance(size, str):
        yield from _read_own_sizes(items, size, fit, how)
        return
    for first in range(0, len(items), IMAGES_AT_ONCE):
        rows, images, decoded = read_images(items[first : first + IMAGES_AT_ONCE], size, fit, how)
        yield rows, [([first + i for i in decoded], images)] if decoded else []


def _read_own_sizes(
    items: list[Item], size: ImageSize, fit: str, how: str
) -> Iterator[tuple[list[Row], list[Group]]]:
    rows: list[Row] = []
    waiting: list[tuple[int, Array]] = []
    n_pixels = 0
    for i, item in enumerate(items):
        row, pixels = read_image(item, size, fit, how)
        n_more = 0 if pixels is None else pixels.shape[0] * pixels.shape[1]
        if rows and (len(rows) == IMAGES_AT_ONCE or n_pixels + n_more > PIXELS_AT_ONCE):
            yield rows, _groups(waiting)
            rows, waiting, n_pixels = [], [], 0
        rows.append(row)
        if pixels is not None:
            waiting.append((i, pixels))
            n_pixels += n_more
    yield rows, _groups(waiting)


def _groups(images: list[tuple[int, Array]]) -> list[Group]:
    """Return images of equal size together."""
    by_size: dict[tuple[int, ...], list[tuple[int, Array]]] = {}
    for i, pixels in images:
        by_size.setdefault(pixels.shape, []).append((i, pixels))
    return [
        (
            [i for i, _ in group],
            np.stack([x for _, x in group]) if len(group) > 1 else group[0][1][np.newaxis],
        )
        for group in by_size.values()
    ]

"""Images of sources to arrays, with a row about each and the reason of a failure."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
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


_threads: ThreadPoolExecutor | None = None


def decode_in_threads(n_threads: int) -> None:
    """Let `read_images` decode in this number of threads, in this process; in the calling one by default."""
    global _threads
    _threads = ThreadPoolExecutor(n_threads, thread_name_prefix="imfeat-decode") if n_threads > 1 else None


def read_images(
    items: list[Item], size: tuple[int, int], fit: str, how: str = "exact"
) -> tuple[list[Row], Array, list[int]]:
    """Return rows, the pixels (n, height, width, 3) of the images that were decoded, and their indices."""
    images = np.empty((len(items), *size, 3), np.uint8)
    rows: list[Row] = []
    decoded: list[int] = []
    # What must be read in order is read in the calling thread.
    contents = (_content_or_reason(item) if item.is_read_in_order else None for item in items)
    apply = map if _threads is None else _threads.map
    results = apply(lambda item, content: read_image(item, size, fit, how, content), items, contents)
    for i, (row, pixels) in enumerate(results):
        rows.append(row)
        if pixels is not None:
            images[len(decoded)] = pixels
            decoded.append(i)
    return rows, images[: len(decoded)], decoded


def read_image(
    item: Item, size: tuple[int, int], fit: str, how: str = "exact", content: bytes | str | None = None
) -> tuple[Row, Any]:
    """Return the row of an image, and its pixels (height, width, 3) uint8, or None.

    The ``content`` is what was read of it already, or the reason why that failed.
    """
    content = _content_or_reason(item) if content is None else content
    if isinstance(content, str):
        return Row(item.name, None, None, content), None
    pixels = decode_or_reason(content, size, fit, how)
    digest = hashlib.sha256(content).hexdigest()
    if isinstance(pixels, str):
        return Row(item.name, len(content), digest, pixels), None
    return Row(item.name, len(content), digest, None), pixels


def _content_or_reason(item: Item) -> bytes | str:
    try:
        return item.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        return reason_of(error)

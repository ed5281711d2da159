"""Images of sources to arrays, with a row about each and the reason of a failure."""

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from imfeat._backend import Array
from imfeat._device import Device
from imfeat.decoding import MAX_BYTES, Decode, Fit, ImageSize, decode_or_reason, reason_of
from imfeat.sources import Item

IMAGES_AT_ONCE = 32  # decoded, and described while they are in the cache
IMAGES_ON_GPU = 256  # as launches cost time, and many threads decode
PIXELS_ON_GPU = 1 << 24  # of more than IMAGES_AT_ONCE images
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


Batch: TypeAlias = tuple[list[Row], list[Group]]
T = TypeVar("T")

_threads: ThreadPoolExecutor | None = None
_n_threads = 1


def decode_in_threads(n_threads: int) -> None:
    """Let images be decoded in this number of threads, in this process; in the calling one by default."""
    global _threads, _n_threads
    _n_threads = n_threads
    _threads = ThreadPoolExecutor(n_threads, thread_name_prefix="imfeat-decode") if n_threads > 1 else None


def read_images(
    items: list[Item], size: tuple[int, int], fit: Fit, how: Decode = "exact"
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
    item: Item, size: ImageSize, fit: Fit, how: Decode = "exact", content: bytes | str | None = None
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


def read_batches(
    items: list[Item], size: ImageSize, fit: Fit, how: Decode = "exact", device: Device = "cpu"
) -> Iterator[Batch]:
    """Yield the rows of some images, in order, and the pixels (n, height, width, 3) of those of equal size.

    A bounded number of pixels is decoded at a time, more of them for a GPU.
    """
    if isinstance(size, str):
        yield from _read_own_sizes(items, size, fit, how)
        return
    n = IMAGES_AT_ONCE
    if device == "cuda":
        n = max(n, min(IMAGES_ON_GPU, PIXELS_ON_GPU // (size[0] * size[1])))
    for first in range(0, len(items), n):
        rows, images, decoded = read_images(items[first : first + n], size, fit, how)
        yield rows, [([first + i for i in decoded], images)] if decoded else []


def ahead(batches: Iterator[T]) -> Iterator[T]:
    """Yield batches; while the caller works on one, a thread makes the next."""
    with ThreadPoolExecutor(1, thread_name_prefix="imfeat-ahead") as thread:
        following = thread.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = thread.submit(next, batches, None)
            yield batch


def _read_own_sizes(items: list[Item], size: ImageSize, fit: Fit, how: Decode) -> Iterator[Batch]:
    rows: list[Row] = []
    waiting: list[tuple[int, Array]] = []
    n_pixels = 0
    for i, (row, pixels) in enumerate(_read_each(items, size, fit, how)):
        n_more = 0 if pixels is None else pixels.shape[0] * pixels.shape[1]
        if rows and (len(rows) == IMAGES_AT_ONCE or n_pixels + n_more > PIXELS_AT_ONCE):
            yield rows, _groups(waiting)
            rows, waiting, n_pixels = [], [], 0
        rows.append(row)
        if pixels is not None:
            waiting.append((i, pixels))
            n_pixels += n_more
    yield rows, _groups(waiting)


def _read_each(items: list[Item], size: ImageSize, fit: Fit, how: Decode) -> Iterator[tuple[Row, Any]]:
    """Yield the row and the pixels of each image, in order; each thread decodes one ahead."""
    if _threads is None:
        yield from (read_image(item, size, fit, how) for item in items)
        return
    running: deque[Future[tuple[Row, Any]]] = deque()
    for item in items:
        content = _content_or_reason(item) if item.is_read_in_order else None
        running.append(_threads.submit(read_image, item, size, fit, how, content))
        if len(running) == _n_threads:
            yield running.popleft().result()
    yield from (future.result() for future in running)


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

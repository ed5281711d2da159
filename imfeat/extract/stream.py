"""Features of images that a program has in memory, batch by batch."""

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, one_of
from imfeat._device import Device, check_usable
from imfeat._environment import usable_cores
from imfeat.decoding import FITS, Fit, as_pair
from imfeat.decoding.memory import fitted_image, image_in
from imfeat.extract.features import build, compute, describe, learned
from imfeat.extract.gpu import check_columns
from imfeat.extract.plan import computed_on

BATCHES_AHEAD = 2  # of each thread

T = TypeVar("T")


def transform(
    images: Iterable[Any],
    features: str | Sequence[str],
    *,
    batch_size: int = 32,
    size: int | tuple[int, int] = 64,
    fit: Fit = "crop",
    n_threads: int | None = None,
    device: Device = "cpu",
) -> Iterator[dict[str, Array]]:
    """Compute features of images from any iterable, in threads, and yield them in order.

    Parameters
    ----------
    images : iterable
        Images one by one: arrays (height, width, 3) or (height, width), images of Pillow, tensors of PyTorch
        (channels, height, width), paths, or the bytes of image files.  An item may also be a batch of arrays
        or tensors, a dict with the key ``"image"``, or a tuple that begins with the image: a
        ``datasets.Dataset`` of Hugging Face, and a ``Dataset`` or a ``DataLoader`` of PyTorch will do.
        Arrays are uint8, or floats in [0, 1], which are rounded to 8 bits.
    features : str or sequence of str
        Recipes of `imfeat.recipes`, as ``"hog(cell_size=16), color"``, and files that `codebook` wrote.
    batch_size : int
        Number of images whose features are yielded together.
    size : int or (height, width)
        Size that images are scaled to, in pixels.
    fit : {"crop", "stretch"}
        Fitting of an image of another shape to ``size``, as in `imfeat.datasets.load`.
    n_threads : int, optional
        Number of threads; by default one per core.
    device : {"cpu", "cuda"}
        Device that features are computed on: the current GPU in the calling thread, while others decode.

    Yields
    ------
    dict of str to array of shape (n, n_features), float32
        Features by column, named as by `run`, of ``batch_size`` images; of fewer at the end.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown, a feature must be learned first or is not computed on a GPU that was asked
        for, or an item is no image; the error names its number.
    CudaUnavailableError
        If CUDA was asked for and can't be used; the error says why.

    See Also
    --------
    run : Features of files to a folder; images that can't be read are rows with an error there.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> photos = (np.full((90, 120, 3), value, np.uint8) for value in range(70))
    >>> [batch["color"].shape for batch in imfeat.extract.transform(photos, "color")]
    [(32, 512), (32, 512), (6, 512)]
    """
    one_of(fit, "fit", FITS)
    pair = as_pair(size)
    batch_size = as_count(batch_size, "batch_size")
    n_threads = usable_cores() if n_threads is None else as_count(n_threads, "n_threads")
    columns = describe(features, pair)
    if unlearned := list(learned(columns, Path())):
        names = ", ".join(unlearned)
        raise ValueError(f"{names} must be learned first: give a file that imfeat.extract.codebook wrote")
    if computed_on(device):
        check_columns(columns)
        check_usable("device='cuda'")
    extractors = {name: column.extract for name, column in build(columns, pair, Path(), device).items()}
    describe_images = functools.partial(compute, extractors, device=device)
    decode = functools.partial(_decoded, size=pair, fit=fit)
    batches = iter(functools.partial(_take, _numbered(images), batch_size), [])
    if device == "cuda":
        return map(describe_images, _in_order(batches, decode, n_threads))
    return _in_order(batches, lambda batch: describe_images(decode(batch)), n_threads)


def _take(items: Iterator[tuple[int, Any]], n: int) -> list[tuple[int, Any]]:
    return list(itertools.islice(items, n))


def _in_order(batches: Iterator[Any], task: Callable[[Any], T], n_threads: int) -> Iterator[T]:
    """Yield the results of a task for each batch in order, which threads compute some batches ahead."""
    running: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="imfeat-extract")
    try:
        for batch in batches:
            running.append(pool.submit(task, batch))
            if len(running) >= BATCHES_AHEAD * n_threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _decoded(batch: list[tuple[int, Any]], size: tuple[int, int], fit: Fit) -> Array:
    images = np.empty((len(batch), *size, 3), np.uint8)
    for i, (number, item) in enumerate(batch):
        try:
            images[i] = fitted_image(item, size, fit)
        except Exception as error:
            error.add_note(f"in image {number} of the iterable")
            raise
    return images


def _numbered(items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yield images with their numbers, those of batches one by one."""
    return enumerate(image for item in items for image in _images_of(item))


def _images_of(item: Any) -> Iterable[Any]:
    image = image_in(item)
    return list(image) if getattr(image, "ndim", 0) == 4 else [image]

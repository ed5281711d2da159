"""A size for the images of a folder, by their shorter sides and their number."""

import contextlib
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from imfeat.datasets.cifar10 import find_cifar10
from imfeat.decoding import MAX_BYTES
from imfeat.sources import find

SIDES = (32, 64, 96, 128)
MOST_BYTES = 1 << 31  # of the pixels of all images in float32
MOST_OPENED = 200


def suggest_size(source: str | os.PathLike[str] | Mapping[str, Iterable[Any]]) -> tuple[int, str] | None:
    """Return a side in pixels that suits the images of a source, and the reason.

    Parameters
    ----------
    source : str, path or mapping
        As for `load`.

    Returns
    -------
    (int, str) or None
        None for a source whose images have a size of their own, and one without images that can be opened.

    Notes
    -----
    The median of the shorter sides, of up to 200 images that are evenly spread over the source, rounded down
    to 32, 64, 96 or 128; smaller, down to 32, if the pixels of all images took more than 2 GiB in float32.
    """
    if isinstance(source, Mapping):
        return None
    path = Path(source).expanduser()
    if not path.exists() or path.name.lower().endswith(".npz") or find_cifar10(path):
        return None
    items = list(find(os.fspath(path)))
    sides = []
    for item in items[:: max(1, -(-len(items) // MOST_OPENED))]:
        # what can't be opened is skipped with a reason when it is decoded
        with contextlib.suppress(Exception), Image.open(io.BytesIO(item.read(MAX_BYTES))) as image:
            sides.append(min(image.size))
    if not sides:
        return None
    middle = median(sides)
    fitting = [side for side in SIDES if side <= middle] or [SIDES[0]]
    affordable = [side for side in fitting if 12 * side**2 * len(items) <= MOST_BYTES] or [SIDES[0]]
    reason = f"the median of the shorter sides is {middle:g}"
    if affordable[-1] < fitting[-1]:
        reason += f", and {len(items):,} larger images would take more than {MOST_BYTES >> 30} GiB"
    return affordable[-1], reason

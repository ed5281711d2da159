"""Sizes that images are scaled to: one for all images, or one that depends on the size of each."""

import re
from typing import TypeAlias

import numpy as np

DEFAULT_SIZE = 64
ORIGINAL = "original"
LONGEST = re.compile(r"max-([1-9][0-9]*)")

Pair: TypeAlias = tuple[int, int]  # height and width in pixels
ImageSize: TypeAlias = Pair | str


def as_pair(size: int | tuple[int, int] | None) -> Pair:
    """Return height and width in pixels for one number, a pair, or None for the default."""
    sides = np.atleast_1d(DEFAULT_SIZE if size is None else size)
    if sides.dtype.kind not in "iu" or sides.shape not in ((1,), (2,)) or sides.min() < 1:
        raise ValueError(f"size must be a number of pixels or a pair (height, width), got {size!r}")
    return int(sides[0]), int(sides[-1])


def as_size(size: int | tuple[int, int] | str) -> ImageSize:
    """Return height and width in pixels, or ``"original"`` or ``"max-N"`` as it is."""
    if not isinstance(size, str):
        return as_pair(size)
    if size != ORIGINAL and not LONGEST.fullmatch(size):
        raise ValueError(
            "size must be a number of pixels, a pair (height, width), 'original', or 'max-N' for a longer "
            f"side of at most N pixels, got {size!r}"
        )
    return size


def longest_side(size: str) -> int | None:
    """Return N of ``"max-N"``, None of ``"original"``."""
    match = LONGEST.fullmatch(size)
    return None if match is None else int(match[1])


def target_of(size: ImageSize, height: int, width: int) -> Pair:
    """Return height and width that an upright image is scaled to.

    Of ``"max-N"`` a longer side above N pixels becomes N, and the other is scaled by as much, rounded, to at
    least 1 pixel.
    """
    if not isinstance(size, str):
        return size
    longest = longest_side(size)
    larger = max(height, width)
    if longest is None or larger <= longest:
        return height, width
    new_height, new_width = (
        max(1, (2 * side * longest + larger) // (2 * larger)) for side in (height, width)
    )
    return new_height, new_width

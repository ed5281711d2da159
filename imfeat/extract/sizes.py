"""Sizes of the images of a run as settings keep them, and sizes that stand for images of their own size."""

from imfeat._recipe import TYPICAL_SIZE
from imfeat.decoding import ImageSize, longest_side

TRIAL_SIDE = 512  # of images that options are tried on


def as_setting(size: ImageSize) -> list[int] | str:
    """Return a size as settings keep it."""
    return size if isinstance(size, str) else list(size)


def tuning_size(size: ImageSize) -> tuple[int, int]:
    """Return height and width of the images that the options of recipes are tuned to."""
    if not isinstance(size, str):
        return size
    longest = longest_side(size)
    return TYPICAL_SIZE if longest is None else (longest, longest)


def trial_size(size: ImageSize) -> tuple[int, int]:
    """Return height and width of images that options must suit."""
    if not isinstance(size, str):
        return size
    side = min(longest_side(size) or TRIAL_SIDE, TRIAL_SIDE)
    return side, side

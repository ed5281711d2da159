"""The features that can be extracted: some by name, others by a file of what was learned for them."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from imfeat._backend import Array
from imfeat._files import sha256
from imfeat.extract.models import load_model
from imfeat.extract.store import COLUMNS
from imfeat.histogram import color_histogram
from imfeat.hog import hog, hog_uoctti

SMALL = 64  # pixels a side, below which cells are of 4 pixels instead of 8

Extractor: TypeAlias = Callable[[Array], Array]


def raw(images: Array) -> Array:
    """Return the pixels of images as vectors in [0, 1]."""
    return images.reshape(len(images), -1) / np.float32(255)


def uoctti(images: Array, cell_size: int) -> Array:
    """Return the mean of the UoCTTI HoG of each image and its mirror image."""
    both = [hog_uoctti(x, cell_size=cell_size) for x in (images, np.ascontiguousarray(images[:, :, ::-1]))]
    return ((both[0] + both[1]) / 2).reshape(len(images), -1)


def by_name(size: tuple[int, int]) -> dict[str, Extractor]:
    """Return what computes each feature that has a name, for images of (height, width) pixels."""
    cell_size = 4 if min(size) < SMALL else 8
    return {
        "raw": raw,
        "color": functools.partial(color_histogram, bins=(8, 4, 4), grid=(2, 2), norm="hellinger"),
        "hog": functools.partial(hog, cell_size=cell_size, interpolation="trilinear"),
        "uoctti": functools.partial(uoctti, cell_size=cell_size),
    }


def describe(wanted: Sequence[str], size: tuple[int, int]) -> dict[str, str]:
    """Return, for each feature, what its numbers depend on: its name, or the checksum of its file.

    Raises
    ------
    ValueError
        If there is no such feature, or none is wanted.
    """
    known = by_name(size)
    found = {}
    for feature in wanted:
        if feature in known:
            found[feature] = feature
        elif Path(feature).is_file():
            found[os.fspath(Path(feature).resolve())] = sha256(Path(feature))
        else:
            raise ValueError(
                f"no feature {feature!r}: expected {', '.join(known)}, or a file that imfeat codebook wrote"
            )
    if not found:
        raise ValueError("features must be at least one, got none")
    names = [*COLUMNS, *map(column_of, found)]
    if len(set(names)) < len(names):
        raise ValueError(
            f"features and columns must have names of their own, got {', '.join(names)}; rename a file"
        )
    return found


def column_of(feature: str) -> str:
    """Return the name of the column of a feature: its own, or that of its file."""
    return Path(feature).stem


def build(described: dict[str, str], size: tuple[int, int]) -> dict[str, Extractor]:
    """Return what computes each feature, by the names of their columns."""
    known, found = by_name(size), {}
    for feature in described:
        if feature in known:
            found[feature] = known[feature]
        else:
            found[column_of(feature)] = _of_model(load_model(feature), size, feature)
    return found


def _of_model(model: Any, size: tuple[int, int], path: str) -> Extractor:
    if getattr(model, "image_shape_", None) != (*size, 3):
        raise ValueError(
            f"{path} describes images of the shape {getattr(model, 'image_shape_', None)}, not {(*size, 3)}: "
            "give the size that it was learned with"
        )
    transform: Extractor = model.transform
    return transform

"""Data sets of image files in folders, archives and Parquet files.

1. Find the files, and read a class and a subset (training, validation, test) from the path of each.
2. Decode them.
3. Where the source has no subsets, draw the test set from the images that could be read.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from imfeat._check import Seed
from imfeat.datasets._labels import LAYOUTS, Found, labels_of_paths, parts_below
from imfeat.datasets._tables import labels_of_tables
from imfeat.datasets._types import DataSet, ImageSet
from imfeat.decoding import decode_all
from imfeat.decoding.decode import Pixels, Skipped
from imfeat.sources import find

KINDS_IN_ARCHIVES = ("tar", "packed", "sparse", "zip")

Array: TypeAlias = npt.NDArray[Any]


def load_folder(
    root: Path,
    size: tuple[int, int] = (64, 64),
    fit: str = "crop",
    decode: str = "exact",
    test_size: float = 0.2,
    rng: Seed = 0,
) -> DataSet:
    """Decode the images in ``train/<class>`` and ``test/<class>``, or in ``<class>``, below a folder.

    See `imfeat.datasets.load`.
    """
    left_out: list[tuple[str, str]] = []
    items = list(find(os.fspath(root), leave_out=lambda name, reason: left_out.append((name, reason))))
    is_of_tables = bool(items) and all(item.kind == "parquet" for item in items)
    found = labels_of_tables(root, items) if is_of_tables else labels_of_paths(root, items, tuple(left_out))
    classes = sorted(
        {label for label, subset in zip(found.labels, found.subsets, strict=True) if subset != "test"}
    )
    _check_classes(root, found, classes)
    train = _read(root, _select(found, ("", "train", "validation")), classes, size, fit, decode)
    train, test = (
        (train, _read(root, _select(found, ("test",)), classes, size, fit, decode))
        if "test" in found.subsets
        else _split(root, train, test_size, np.random.default_rng(rng))
    )
    skipped = (*found.skipped, *train.skipped)
    train = replace(train, skipped=skipped, left_out=tuple(left_out))
    _check_readable(root, train, test)
    return DataSet(train, test)


def _check_classes(root: Path, found: Found, classes: Sequence[str]) -> None:
    unknown = sorted(set(found.labels).difference(classes))
    if unknown:
        raise ValueError(f"test/ holds classes that train/ lacks: {', '.join(unknown)}")
    if len(classes) < 2:
        raise ValueError(f"{root} holds one class, {classes[0]!r}, and two are needed; {LAYOUTS}")


def _select(found: Found, subsets: Iterable[str]) -> Found:
    """Return the files of some subsets; those of the validation set come after those of the training set."""
    kept = [k for subset in subsets for k, other in enumerate(found.subsets) if other == subset]
    return Found(
        [found.items[k] for k in kept], [found.labels[k] for k in kept], [found.subsets[k] for k in kept]
    )


def _read(
    root: Path, found: Found, classes: Sequence[str], size: tuple[int, int], fit: str, decode: str
) -> ImageSet:
    """Decode files, and put the images in the order of their classes and names."""
    images, kept, skipped = decode_all(found.items, size, fit, decode)
    index_of = {name: index for index, name in enumerate(classes)}
    labels = np.array([index_of[found.labels[k]] for k in kept], np.int64)
    # Files of a folder are sorted by name, and validation comes after training; members of archives are not.
    names = [found.items[k].name.split("/") if found.items[k].kind in KINDS_IN_ARCHIVES else [] for k in kept]
    is_validation = [found.subsets[k] == "validation" for k in kept]
    order = sorted(range(len(kept)), key=lambda j: (labels[j], is_validation[j], names[j]))
    if order != list(range(len(kept))):
        images, labels = images[order], labels[order]
    paths = tuple("/".join(parts_below(root, found.items[kept[j]])) for j in order)
    return ImageSet(images, labels, tuple(classes), skipped, paths=paths)


def _split(
    root: Path, data: ImageSet, test_size: float, rng: np.random.Generator
) -> tuple[ImageSet, ImageSet]:
    """Draw the given share of each class for testing, at least one image and never all."""
    drawn = np.zeros(len(data), bool)
    for index, name in enumerate(data.class_names):
        of_class = np.flatnonzero(data.labels == index)
        _check_readable(root, data, None, index)
        if len(of_class) < 2:
            raise ValueError(
                f"class {name!r} holds one file that can be read: add another, or make train/ and test/"
            )
        n_test = min(max(round(len(of_class) * test_size), 1), len(of_class) - 1)
        drawn[of_class[rng.permutation(len(of_class))[:n_test]]] = True
    paths = np.array(data.paths, object)
    test = ImageSet(data.images[drawn], data.labels[drawn], data.class_names, paths=tuple(paths[drawn]))
    images = _compact(data.images, np.flatnonzero(~drawn))
    train = replace(data, images=images, labels=data.labels[~drawn], paths=tuple(paths[~drawn]))
    return train, test


def _compact(images: Pixels, kept: Array) -> Pixels:
    """Move images to the front of their array, which a copy of all would double."""
    for to, at in enumerate(kept):
        images[to] = images[at]
    return images[: len(kept)]


def _check_readable(root: Path, train: ImageSet, test: ImageSet | None, index: int | None = None) -> None:
    """Raise ValueError if a class has no image for training, or there is none for testing."""
    skipped: Skipped = train.skipped + (test.skipped if test is not None else ())
    first = f" The first: {skipped[0][0]} ({skipped[0][1]})" if skipped else ""
    if test is not None and not len(test):
        raise ValueError(f"no image for testing in {root} could be read.{first}")
    counts = np.bincount(train.labels, minlength=len(train.class_names))
    empty = (
        np.flatnonzero(counts == 0)
        if index is None
        else np.flatnonzero(counts[index : index + 1] == 0) + index
    )
    if len(empty):
        name = train.class_names[int(empty[0])]
        raise ValueError(f"no image for training of class {name!r} in {root} could be read.{first}")

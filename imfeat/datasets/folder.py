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
from imfeat.decoding import Decode, Fit, decode_all
from imfeat.decoding.decode import Pixels, Skipped
from imfeat.sources import find

KINDS_IN_ARCHIVES = ("tar", "packed", "sparse", "zip")

Array: TypeAlias = npt.NDArray[Any]


def load_folder(
    root: Path,
    size: tuple[int, int] = (64, 64),
    fit: Fit = "crop",
    decode: Decode = "exact",
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
    test = None
    if "test" in found.subsets:
        test = _read(root, _select(found, ("test",)), classes, size, fit, decode)
    skipped = (*found.skipped, *train.skipped)
    train, test, left_classes = _without_lonely_classes(root, train, test, skipped)
    if test is None:
        train, test = _split(train, test_size, np.random.default_rng(rng))
    train = replace(train, skipped=(*skipped, *left_classes), left_out=tuple(left_out))
    if not len(test):
        raise ValueError(
            f"no image for testing in {root} could be read.{_first(train.skipped + test.skipped)}"
        )
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
    root: Path, found: Found, classes: Sequence[str], size: tuple[int, int], fit: Fit, decode: Decode
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


def _without_lonely_classes(
    root: Path, train: ImageSet, test: ImageSet | None, skipped: Skipped
) -> tuple[ImageSet, ImageSet | None, Skipped]:
    """Leave out classes with too few images that can be read: one to learn from, and one to test with.

    Returns the images of the other classes, and the reasons.
    """
    n_least = 2 if test is None else 1
    counts = np.bincount(train.labels, minlength=len(train.class_names))
    reasons = {0: "no image for training can be read", 1: "a single image"}
    lonely = {name: int(n) for name, n in zip(train.class_names, counts, strict=True) if n < n_least}
    if not lonely:
        return train, test, ()
    if len(counts) - len(lonely) < 2:
        few = ", ".join(f"{name!r} ({n})" for name, n in lonely.items())
        raise ValueError(
            f"two classes need {n_least} image{'s' * (n_least > 1)} for training that can be read; in {root} "
            f"there are too few of {few}.{_first(skipped)}"
        )
    kept = np.flatnonzero(counts >= n_least)
    left = tuple((f"class {name!r}", f"{reasons[n]}, left out") for name, n in lonely.items())
    return _of_classes(train, kept), None if test is None else _of_classes(test, kept), left


def _of_classes(data: ImageSet, classes: Array) -> ImageSet:
    """Return the images of some classes, which are numbered anew."""
    kept = _kept(data, np.flatnonzero(np.isin(data.labels, classes)))
    names = tuple(data.class_names[index] for index in classes)
    return replace(kept, labels=np.searchsorted(classes, kept.labels), class_names=names)


def _kept(data: ImageSet, rows: Array) -> ImageSet:
    """Return some of the images, in the memory of all of them."""
    paths = tuple(data.paths[row] for row in rows) if data.paths else ()
    positions = None if data.positions is None else data.positions[rows]
    images = _compact(data.images, rows)
    return replace(data, images=images, labels=data.labels[rows], paths=paths, positions=positions)


def _split(data: ImageSet, test_size: float, rng: np.random.Generator) -> tuple[ImageSet, ImageSet]:
    """Draw the given share of each class for testing, at least one image and never all."""
    drawn = np.zeros(len(data), bool)
    for index in range(len(data.class_names)):
        of_class = np.flatnonzero(data.labels == index)
        n_test = min(max(round(len(of_class) * test_size), 1), len(of_class) - 1)
        drawn[of_class[rng.permutation(len(of_class))[:n_test]]] = True
    rows = np.flatnonzero(drawn)
    others = np.flatnonzero(~drawn)
    numbered = replace(data, positions=np.arange(len(data)))
    test = numbered.at(rows)
    train = _kept(numbered, others)
    return train, test


def _compact(images: Pixels, kept: Array) -> Pixels:
    """Move images to the front of their array, which a copy of all would double."""
    for to, at in enumerate(kept):
        images[to] = images[at]
    return images[: len(kept)]


def _first(skipped: Skipped) -> str:
    return f" The first: {skipped[0][0]} ({skipped[0][1]})" if skipped else ""

"""Data sets in folders of image files, one folder per class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from imfeat._check import Seed
from imfeat.datasets._types import DataSet, ImageSet
from imfeat.decoding import decode_all

HIDDEN_BY_WINDOWS = ("thumbs.db", "desktop.ini")
LAYOUTS = "expected <class>/<image files>, or train/<class>/<image files> and test/<class>/<image files>"

Files: TypeAlias = Mapping[str, Sequence[Path]]  # of each class


def load_folder(
    root: Path,
    size: tuple[int, int] = (64, 64),
    fit: str = "crop",
    test_size: float = 0.2,
    rng: Seed = 0,
) -> DataSet:
    """Decode the images in ``train/<class>`` and ``test/<class>``, or in ``<class>``, below a folder.

    See `imfeat.datasets.load`.
    """
    if _is_split(root):
        train, test = find_images(root / "train"), find_images(root / "test")
        _check_same_classes(train, test)
    else:
        train, test = split_files(find_images(root), test_size, np.random.default_rng(rng))
    if len(train) < 2:
        raise ValueError(f"{root} holds one class, {next(iter(train))!r}, and two are needed; {LAYOUTS}")
    data = DataSet(*(_read(files, tuple(train), size, fit) for files in (train, test)))
    _check_readable(root, data)
    return data


def find_images(folder: Path) -> Files:
    """Return the files of each class, sorted by name; hidden files are not among them."""
    classes = [path for path in _visible(folder) if path.is_dir()]
    if not classes:
        raise ValueError(f"{folder} holds no folders; {LAYOUTS}")
    files_of = {path.name: _visible(path) for path in classes}
    for name, files in files_of.items():
        if not files:
            raise ValueError(f"the folder of class {name!r}, {folder / name}, is empty: fill or remove it")
    return files_of


def split_files(files_of: Files, test_size: float, rng: np.random.Generator) -> tuple[Files, Files]:
    """Draw the given share of each class for testing, at least one file and never all."""
    train, test = {}, {}
    for name, files in files_of.items():
        if len(files) < 2:
            raise ValueError(f"class {name!r} holds one file: add another, or make train/ and test/ folders")
        n_test = min(max(round(len(files) * test_size), 1), len(files) - 1)
        drawn = set(rng.permutation(len(files))[:n_test].tolist())
        train[name] = [path for i, path in enumerate(files) if i not in drawn]
        test[name] = [files[i] for i in sorted(drawn)]
    return train, test


def _is_split(root: Path) -> bool:
    subsets = [name for name in ("train", "test") if (root / name).is_dir()]
    # a lone folder of that name may be a class, of locomotives say, unless it holds folders
    if len(subsets) == 1 and any(path.is_dir() for path in _visible(root / subsets[0])):
        raise ValueError(f"{root} holds {subsets[0]}/ alone; {LAYOUTS}")
    return len(subsets) == 2


def _visible(folder: Path) -> list[Path]:
    # sorted, as the order in which a file system lists its files is its own
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name.lower() not in HIDDEN_BY_WINDOWS
    )


def _check_same_classes(train: Files, test: Files) -> None:
    unknown = sorted(test.keys() - train.keys())
    if unknown:
        raise ValueError(f"test/ holds classes that train/ lacks: {', '.join(unknown)}")


def _read(files: Files, class_names: tuple[str, ...], size: tuple[int, int], fit: str) -> ImageSet:
    paths = [path for name in files for path in files[name]]
    images, kept, skipped = decode_all(paths, size, fit)
    labels = np.repeat([class_names.index(name) for name in files], [len(files[name]) for name in files])
    return ImageSet(images, labels[kept].astype(np.int64), class_names, skipped)


def _check_readable(root: Path, data: DataSet) -> None:
    skipped = data.train.skipped + data.test.skipped
    first = f" The first: {skipped[0][0]} ({skipped[0][1]})" if skipped else ""
    if not len(data.test):
        raise ValueError(f"no image for testing in {root} could be read.{first}")
    counts = np.bincount(data.train.labels, minlength=len(data.train.class_names))
    if not counts.all():
        name = data.train.class_names[int(counts.argmin())]
        raise ValueError(f"no image for training of class {name!r} in {root} could be read.{first}")

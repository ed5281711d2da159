"""Classes and subsets of image files, from their paths and from tables beside them."""

import csv
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from imfeat.decoding.decode import Skipped
from imfeat.sources import Item, shown

LAYOUTS = (
    "expected <class>/<image files>, or train/<class>/<image files> and test/<class>/<image files>, or val/"
)
SUBSETS = {
    "train": ("train", "training", "trainset", "train_set", "training_set", "final_training"),
    "validation": ("val", "valid", "validation", "valset", "val_set", "validation_set", "dev"),
    "test": ("test", "testing", "testset", "test_set", "testing_set", "final_test"),
}
SUBSET_OF = {name: subset for subset, names in SUBSETS.items() for name in names}
LABEL_COLUMNS = (
    *(
        "label",
        "labels",
        "fine_label",
        "class",
        "classid",
        "class_id",
        "class_name",
        "category",
        "target",
        "cls",
    ),
)

FILE_COLUMNS = ("filename", "file_name", "file", "path", "image", "image_path", "image_id", "id")

Parts: TypeAlias = tuple[str, ...]  # of a path
Paths: TypeAlias = Mapping[Item, Parts]


@dataclass
class Found:
    """Files of images with their classes.

    Attributes
    ----------
    items : list of Item
    labels : list of str
        Class of each.
    subsets : list of str
        ``"train"``, ``"validation"`` or ``"test"``, or ``""`` where the source is not split.
    skipped : tuple of (name, reason)
        Images without a class.
    unlabelled : list of Item
        Test images without a class so far.
    """

    items: list[Item] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    subsets: list[str] = field(default_factory=list)
    skipped: Skipped = ()
    unlabelled: list[Item] = field(default_factory=list)

    def add(self, item: Item, label: str, subset: str) -> None:
        """Append an image."""
        self.items.append(item)
        self.labels.append(label)
        self.subsets.append(subset)

    def skip(self, item: Item, reason: str) -> None:
        """Append an image without a class."""
        self.skipped += ((item.name, reason),)


def labels_of_paths(root: Path, items: Sequence[Item], left_out: Skipped) -> Found:
    """Read classes and subsets from names of folders; of test images without folders, from tables.

    Raises
    ------
    ValueError
        If there are no folders of classes, or a subset is alone.
    """
    above, paths = _below_common_folders({item: parts_below(root, item) for item in items}, SUBSET_OF)
    base = root.joinpath(*above)
    found = Found()
    subsets = _subsets(base, paths)
    if not subsets:
        _add(found, base, paths, "")
    of_subset = {
        name: {item: parts[1:] for item, parts in paths.items() if parts[0] == name} for name in subsets
    }
    for name in sorted(subsets, key=lambda name: list(SUBSETS).index(subsets[name])):
        classes = found.labels if subsets[name] != "train" else ()
        inner, of_classes = _below_common_folders(of_subset[name], classes, are_classes=not classes)
        _add(found, base.joinpath(name, *inner), of_classes, subsets[name])
    if not found.items:
        raise ValueError(f"{root} holds no folders; {LAYOUTS}")
    if subsets:
        for item in paths.keys() - set().union(*of_subset.values()):
            found.skip(item, f"not in {' or '.join(f'{name}/' for name in subsets)}")
        _label_by_tables(found, [name for name, _ in left_out if name.lower().endswith(".csv")])
        take_validation_for_test(base, found)
    return found


def parts_below(root: Path, item: Item) -> Parts:
    """Return the parts of the path of an image below a source."""
    name = item.name.removeprefix(shown(os.fspath(root))).replace(os.sep, "/")
    return tuple(part for part in name.split("/") if part not in ("", ".", "..")) or (root.name,)


def _below_common_folders(
    paths: Paths, stop: Collection[str], *, are_classes: bool = True
) -> tuple[Parts, Paths]:
    """Return the folders that hold all others, and paths below them; not those of classes or subsets.

    ``are_classes`` says whether a lone folder, of images alone, is that of a class.
    """
    above: Parts = ()
    while True:
        folders = {parts[0] for parts in paths.values() if len(parts) > 1}
        is_deeper = not are_classes or any(len(parts) > 2 for parts in paths.values())
        if len(folders) != 1 or not is_deeper or folders & set(stop) or folders.pop().lower() in stop:
            return above, paths
        above = (*above, next(parts[0] for parts in paths.values() if len(parts) > 1))
        paths = {item: parts[1:] if len(parts) > 1 else parts for item, parts in paths.items()}


def _subsets(base: Path, paths: Paths) -> dict[str, str]:
    """Return which folders are those of subsets, empty if the images are not split."""
    names = {parts[0] for parts in paths.values() if len(parts) > 1}
    subsets = {name: SUBSET_OF[name.lower()] for name in sorted(names) if name.lower() in SUBSET_OF}
    if "train" in subsets.values() and len(set(subsets.values())) > 1:
        return subsets
    for name, subset in subsets.items():
        # A folder of that name may be a class, of locomotives say, unless it holds folders.
        if subset != "validation" and any(parts[0] == name and len(parts) > 2 for parts in paths.values()):
            raise ValueError(f"{base} holds {name}/ alone; {LAYOUTS}")
    return {}


def _add(found: Found, folder: Path, paths: Paths, subset: str) -> None:
    """Add the images below the folders of classes in a folder."""
    for item, parts in paths.items():
        if len(parts) > 1:
            found.add(item, parts[0], subset)
        elif subset == "test":
            found.unlabelled.append(item)
        else:
            found.skip(item, "not in the folder of a class")
    classes = {parts[0] for parts in paths.values() if len(parts) > 1}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        is_class = path.name not in classes and path.is_dir() and not path.name.startswith(".")
        if is_class and not any(names for _, _, names in os.walk(path)):
            found.skipped += ((os.fspath(path), "an empty folder, left out"),)


def _label_by_tables(found: Found, tables: Sequence[str]) -> None:
    """Add the test images without a folder of their class that a table names."""
    if not found.unlabelled:
        return
    label_of: dict[str, str] = {}
    for path in tables:
        if os.path.isfile(path):
            label_of = _read_table(path) | label_of
    classes = set(found.labels)
    by_number = {int(name): name for name in classes if name.isdecimal()}
    for item in found.unlabelled:
        label = label_of.get(item.name.rpartition("/")[2])
        if label is None:
            found.skip(item, "not in the folder of a class, and no .csv with labels names it")
        else:
            number = by_number.get(int(label)) if label.isdecimal() else None
            found.add(item, label if label in classes or number is None else number, "test")


def _read_table(path: str) -> dict[str, str]:
    """Return the label of each file name in a table with a header, empty if there are none."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline()
        delimiter = max(";,\t", key=first.count)
        names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        label = next((name for name in names if name.lower() in LABEL_COLUMNS), None)
        key = next((name for name in names if name.lower() in FILE_COLUMNS), None)
        if label is None or key is None:
            return {}
        rows = csv.DictReader(file, names, delimiter=delimiter)
        return {
            row[key].replace("\\", "/").rpartition("/")[2]: row[label].strip()
            for row in rows
            if row[key] and row[label]
        }


def take_validation_for_test(base: Path, found: Found) -> None:
    """Take the validation images for testing where there are no others with a class."""
    if "test" in found.subsets:
        return
    if "validation" not in found.subsets:
        raise ValueError(
            f"the images for testing in {base} have no classes: they are not in folders of classes, and no "
            f".csv with labels names them; {LAYOUTS}"
        )
    found.subsets = ["test" if subset == "validation" else subset for subset in found.subsets]

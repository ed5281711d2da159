"""Classes and subsets of images in Parquet files, as data sets of Hugging Face have them."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imfeat.datasets._labels import LABEL_COLUMNS, SUBSET_OF, Found, take_validation_for_test
from imfeat.sources import Item, field_of

METADATA = b"huggingface"


def labels_of_tables(root: Path, items: Sequence[Item]) -> Found:
    """Read classes from a column of labels, and subsets from names of files, as ``train-00000.parquet``.

    Raises
    ------
    ValueError
        If a file has no column of labels.
    """
    found = Found()
    paths = {item.location[0]: _subset(root, item.location[0]) for item in items}
    is_split = "train" in paths.values() and len(set(paths.values())) > 1
    for path, of_path in itertools.groupby(items, key=lambda item: item.location[0]):
        labels = _labels(path)
        for item in of_path:
            _, group, row, _ = item.location
            label = labels[group][row]
            if label is None:
                found.skip(item, "no label")
            else:
                found.add(item, label, paths[path] if is_split else "")
    if is_split:
        take_validation_for_test(root, found)
    return found


def _subset(root: Path, path: str) -> str:
    """Return the subset that the name of a file or of its folders below a source begins with."""
    below = Path(path).relative_to(root).parts if root.is_dir() else (root.name,)
    words = (re.split(r"[-_.\d]", part.lower())[0] for part in below)
    return next((SUBSET_OF[word] for word in words if word in SUBSET_OF), "")


def _labels(path: str) -> list[list[str | None]]:
    """Return the names of the classes of each row of each row group."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        names_of = _class_names(schema.metadata or {})
        candidates = [*LABEL_COLUMNS, *names_of]
        column = next((name for name in candidates if name in schema.names), None)
        if column is None:
            raise ValueError(
                f"{path} has no column of labels, called {', '.join(LABEL_COLUMNS)}; it has "
                f"{', '.join(schema.names)}"
            )
        groups = (file.read_row_group(k, columns=[column]) for k in range(file.num_row_groups))
        values = [field_of(table.combine_chunks(), column).to_pylist() for table in groups]
    return [[_name(value, names_of.get(column)) for value in of_group] for of_group in values]


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Return the names of the classes of each column of labels that Hugging Face's metadata describe."""
    try:
        features = json.loads(metadata.get(METADATA, b"{}"))["info"]["features"]
        return {
            name: list(about["names"])
            for name, about in features.items()
            if about.get("_type") == "ClassLabel"
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _name(value: Any, names: list[str] | None) -> str | None:
    """Return the name of a class; None for null and -1, which are images without one."""
    if value is None or (not isinstance(value, str) and value < 0):
        return None
    return names[value] if names is not None and not isinstance(value, str) else str(value)

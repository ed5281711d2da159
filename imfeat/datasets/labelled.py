"""Data sets of other libraries: iterables of labelled images, for training and for testing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from imfeat._inputs import as_host_array
from imfeat.datasets._labels import LABEL_COLUMNS
from imfeat.datasets._types import DataSet, ImageSet
from imfeat.decoding import Fit
from imfeat.decoding.decode import Pixels
from imfeat.decoding.memory import fitted_image, image_in, size_of_image

TEST_SETS = "test", "validation", "valid", "val"  # the first that is there


def load_labelled(sources: Mapping[str, Iterable[Any]], size: tuple[int, int] | None, fit: Fit) -> DataSet:
    """Read a training set and a test set from iterables, which are named as in a ``DatasetDict``.

    See `imfeat.datasets.load`.
    """
    tests = [name for name in TEST_SETS if name in sources]
    if "train" not in sources or not tests:
        got = ", ".join(map(repr, sources)) or "none"
        raise ValueError(f"data sets must be called 'train' and 'test' (or 'validation'), got {got}")
    train, train_labels = _read(sources["train"], "train", size, fit)
    test, test_labels = _read(sources[tests[0]], tests[0], train.shape[1:3], fit)
    names = _class_names(sources["train"])
    classes: Sequence[Any] = sorted(set(train_labels)) if names is None else range(len(names))
    if unknown := sorted(set(test_labels).union(train_labels).difference(classes)):
        raise ValueError(f"labels must be those of the training set, got {', '.join(map(repr, unknown))}")
    index_of = {label: index for index, label in enumerate(classes)}
    class_names = tuple(map(str, classes if names is None else names))
    return DataSet(
        ImageSet(train, np.array([index_of[label] for label in train_labels], np.int64), class_names),
        ImageSet(test, np.array([index_of[label] for label in test_labels], np.int64), class_names),
    )


def _read(
    source: Iterable[Any], name: str, size: tuple[int, int] | None, fit: Fit
) -> tuple[Pixels, list[Any]]:
    """Return images of one size, by default that of the first, and their labels."""
    images: list[Pixels] = []
    labels = []
    for number, item in enumerate(source):
        try:
            image = image_in(item)
            if size is None:
                size = size_of_image(image)
            images.append(fitted_image(image, size, fit))
            labels.append(_label_in(item))
        except Exception as error:
            error.add_note(f"in image {number} of {name!r}")
            raise
    if not images:
        raise ValueError(f"{name!r} holds no images")
    return np.stack(images), labels


def _label_in(item: Any) -> int | str:
    if isinstance(item, Mapping):
        keys = [key for key in LABEL_COLUMNS if key in item]
        label = item[keys[0]] if keys else None
    else:
        label = item[1] if isinstance(item, tuple | list) and len(item) > 1 else None
    if isinstance(label, str):
        return label
    array = np.asarray(as_host_array(label, "a label"))
    if array.size != 1 or array.dtype.kind not in "iub":
        raise TypeError(
            "an item must have a label, an integer or a string, as the second of a tuple or under the key "
            f"'label', got {label!r}"
        )
    return int(array.reshape(()))


def _class_names(source: Any) -> Sequence[str] | None:
    """Return the names of classes that a data set of Hugging Face or torchvision has, or None."""
    columns = getattr(source, "features", None)
    if isinstance(columns, Mapping):
        named = [columns[key] for key in LABEL_COLUMNS if hasattr(columns.get(key), "names")]
        return list(named[0].names) if named else None
    names = getattr(source, "classes", None)
    return list(names) if isinstance(names, list | tuple) else None

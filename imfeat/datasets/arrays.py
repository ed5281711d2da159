"""Data sets in ``.npz`` files."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from imfeat.datasets._types import DataSet, ImageSet

NAMES = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL = "class_names"

Array: TypeAlias = npt.NDArray[Any]


def load_arrays(path: Path) -> DataSet:
    """Read ``x_train``, ``y_train``, ``x_test``, ``y_test`` and, if it is there, ``class_names``.

    See `imfeat.datasets.load`.
    """
    arrays = _read(path)
    labels = {name: _as_labels(arrays[name], name) for name in ("y_train", "y_test")}
    classes = _classes(labels["y_train"], arrays.get(OPTIONAL))
    class_names = tuple(str(name) for name in arrays.get(OPTIONAL, classes))

    def image_set(x: str, y: str) -> ImageSet:
        return ImageSet(_as_images(arrays[x], x), _as_indices(labels[y], classes, y), class_names)

    return DataSet(image_set("x_train", "y_train"), image_set("x_test", "y_test"))


def _read(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:  # np.load given a path would leave a damaged file open
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files if name in (*NAMES, OPTIONAL)}
        except Exception as error:  # damaged bytes raise a dozen types, down to tokenize.TokenError
            raise ValueError(f"{path} is not a sound .npz file of plain arrays: {error}") from error
    missing = [name for name in NAMES if name not in arrays]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}; expected {', '.join(NAMES)} [, {OPTIONAL}]")
    return arrays


def _as_images(images: Array, name: str) -> npt.NDArray[np.uint8]:
    if images.dtype != np.uint8:
        raise ValueError(f"{name} must be uint8 (0 to 255), got {images.dtype}; scale and round it first")
    is_gray = images.ndim == 3
    if not is_gray and not (images.ndim == 4 and images.shape[-1] == 3):
        raise ValueError(f"{name} must have the shape (n, height, width[, 3]), got {images.shape}")
    if not images.size:
        raise ValueError(f"{name} is empty: its shape is {images.shape}")
    return np.repeat(images[..., np.newaxis], 3, axis=-1) if is_gray else images


def _as_labels(labels: Array, name: str) -> Array:
    if labels.dtype.kind not in "iuU":
        raise ValueError(f"{name} must hold integers or strings, got {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras has them
        return labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"{name} must have the shape (n,), got {labels.shape}")
    return labels


def _classes(y_train: Array, class_names: Array | None) -> Array:
    """Return the labels that can occur, each at the place of its index."""
    present = np.unique(y_train)
    if len(present) < 2:
        raise ValueError(f"y_train holds {len(present)} classes, and at least two are needed")
    if class_names is None:
        return present
    if class_names.ndim != 1 or class_names.dtype.kind != "U":
        raise ValueError(f"{OPTIONAL} must be a row of strings, got {class_names.dtype} {class_names.shape}")
    return class_names if y_train.dtype.kind == "U" else np.arange(len(class_names))


def _as_indices(labels: Array, classes: Array, name: str) -> npt.NDArray[np.int64]:
    index_of = {label: index for index, label in enumerate(classes.tolist())}
    unknown = sorted({str(label) for label in labels.tolist() if label not in index_of})
    if unknown:
        raise ValueError(
            f"{name} holds labels that are not among the {len(index_of)} classes of y_train "
            f"or {OPTIONAL}: {', '.join(unknown[:5])}"
        )
    return np.array([index_of[label] for label in labels.tolist()], np.int64)

"""Data sets in ``.npz`` files."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from imfeat.datasets._types import DataSet, ImageSet

NAMES = ("x_train", "y_train", "x_test", "y_test")
OF_MEDMNIST = ("train_images", "train_labels", "test_images", "test_labels")
VALIDATION = ("val_images", "val_labels")  # of MedMNIST
OPTIONAL = "class_names"

Array: TypeAlias = npt.NDArray[Any]


def load_arrays(path: Path) -> DataSet:
    """Read ``x_train``, ``y_train``, ``x_test``, ``y_test`` and, if it is there, ``class_names``.

    See `imfeat.datasets.load`.
    """
    arrays = _read(path)
    is_of_medmnist = not set(NAMES) & arrays.keys() and set(OF_MEDMNIST) & arrays.keys()
    names = OF_MEDMNIST if is_of_medmnist else NAMES
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}; expected {', '.join(NAMES)} [, {OPTIONAL}], or as in "
            f"MedMNIST {', '.join(OF_MEDMNIST)} [, {', '.join(VALIDATION)}]"
        )
    x_train, y_train, x_test, y_test = names
    with_validation = is_of_medmnist and set(VALIDATION) <= arrays.keys()
    labels = {
        name: _as_labels(arrays[name], name) for name in arrays if name in (*names[1::2], VALIDATION[1])
    }
    names_of_classes = _as_text(arrays[OPTIONAL]) if OPTIONAL in arrays else None
    classes = _classes(labels[y_train], names_of_classes, y_train)
    class_names = tuple(str(name) for name in (classes if names_of_classes is None else names_of_classes))

    def image_set(x: str, y: str) -> ImageSet:
        return ImageSet(_as_images(arrays[x], x), _as_indices(labels[y], classes, y, y_train), class_names)

    train = image_set(x_train, y_train)
    if with_validation:
        train = _joined(train, image_set(*VALIDATION))
    return DataSet(train, image_set(x_test, y_test))


def _joined(train: ImageSet, validation: ImageSet) -> ImageSet:
    if train.images.shape[1:] != validation.images.shape[1:]:
        raise ValueError(
            f"{VALIDATION[0]} has images of {validation.images.shape[1:3]}, {OF_MEDMNIST[0]} not"
        )
    images = np.concatenate([train.images, validation.images])
    return ImageSet(images, np.concatenate([train.labels, validation.labels]), train.class_names)


def _read(path: Path) -> dict[str, Array]:
    known = (*NAMES, *OF_MEDMNIST, *VALIDATION, OPTIONAL)
    with path.open("rb") as file:  # np.load given a path would leave a damaged file open
        try:
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files if name in known}
        except Exception as error:  # damaged bytes raise a dozen types, down to tokenize.TokenError
            raise ValueError(f"{path} is not a sound .npz file of plain arrays: {error}") from error


def _as_images(images: Array, name: str) -> npt.NDArray[np.uint8]:
    if images.dtype != np.uint8:
        raise ValueError(f"{name} must be uint8 (0 to 255), got {images.dtype}; scale and round it first")
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    is_gray = images.ndim == 3
    if not is_gray and not (images.ndim == 4 and images.shape[-1] == 3):
        raise ValueError(f"{name} must have the shape (n, height, width[, 1 or 3]), got {images.shape}")
    if not images.size:
        raise ValueError(f"{name} is empty: its shape is {images.shape}")
    return np.repeat(images[..., np.newaxis], 3, axis=-1) if is_gray else images


def _as_labels(labels: Array, name: str) -> Array:
    labels = _as_text(labels)
    if labels.dtype.kind not in "biuU":
        raise ValueError(f"{name} must hold integers or strings, got {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras has them
        return labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"{name} must have the shape (n,), got {labels.shape}")
    return labels


def _as_text(array: Array) -> Array:
    """Return an array of bytes in UTF-8 as one of strings."""
    return np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array


def _classes(y_train: Array, class_names: Array | None, name: str) -> Array:
    """Return the labels that can occur, each at the place of its index."""
    present = np.unique(y_train)
    if len(present) < 2:
        raise ValueError(f"{name} holds {len(present)} classes, and at least two are needed")
    if class_names is None:
        return present
    if class_names.ndim != 1 or class_names.dtype.kind != "U":
        raise ValueError(f"{OPTIONAL} must be a row of strings, got {class_names.dtype} {class_names.shape}")
    return class_names if y_train.dtype.kind == "U" else np.arange(len(class_names))


def _as_indices(labels: Array, classes: Array, name: str, of_train: str) -> npt.NDArray[np.int64]:
    index_of = {label: index for index, label in enumerate(classes.tolist())}
    unknown = sorted({str(label) for label in labels.tolist() if label not in index_of})
    if unknown:
        raise ValueError(
            f"{name} holds labels that are not among the {len(index_of)} classes of {of_train} "
            f"or {OPTIONAL}: {', '.join(unknown[:5])}"
        )
    return np.array([index_of[label] for label in labels.tolist()], np.int64)

"""Containers of data sets: training and test images with labels."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imfeat.decoding.decode import Skipped


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images and their labels.

    Attributes
    ----------
    images : array of shape (n_images, height, width, 3), uint8
        RGB pixels.
    labels : array of shape (n_images,), int64
        Indices into ``class_names``.
    class_names : tuple of str
    skipped : tuple of (path, reason)
        The files that should have been among the images and could not be read.
    left_out : tuple of (path, reason)
        The files of the source that are clearly not images, such as hidden files and ``.json``; all of them
        are with the training set.
    paths : tuple of str
        The file of each image, below the source; empty if the images are not in files.
    positions : array of shape (n_images,), int64, or None
        Where the test images were drawn from the images of a source: the positions of these images among all
        of them, which are in the order of their classes and names.

    Raises
    ------
    TypeError, ValueError
        If the arrays have other shapes or dtypes, differ in length, or a label has no name.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((3, 32, 32, 3), np.uint8)
    >>> photos = imfeat.datasets.ImageSet(images, np.array([0, 1, 1]), ("cat", "dog"))
    >>> len(photos)
    3
    >>> [photos.class_names[label] for label in photos.labels]
    ['cat', 'dog', 'dog']
    >>> photos.at(np.array([0, 2])).labels
    array([0, 1])
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    skipped: Skipped = ()
    left_out: Skipped = ()
    paths: tuple[str, ...] = ()
    positions: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check_images(self.images)
        _check_labels(self.labels, len(self.images), len(self.class_names))
        if len(self.paths) not in (0, len(self.images)):
            raise ValueError(f"{len(self.images)} images need a path each, or none, got {len(self.paths)}")

    def __len__(self) -> int:
        return len(self.images)

    def at(self, rows: npt.NDArray[np.int64]) -> "ImageSet":
        """Return the images of some indices, without what was skipped and left out."""
        paths = tuple(self.paths[row] for row in rows) if self.paths else ()
        positions = None if self.positions is None else self.positions[rows]
        return ImageSet(
            self.images[rows], self.labels[rows], self.class_names, paths=paths, positions=positions
        )

    @cached_property
    def is_gray(self) -> bool:
        """Whether all three channels of all images are equal."""
        return are_gray(self.images)

    def __repr__(self) -> str:
        n, height, width, _ = self.images.shape
        skipped = f", {len(self.skipped)} files skipped" if self.skipped else ""
        return f"<ImageSet: {n} images of {height} x {width}, {len(self.class_names)} classes{skipped}>"


class DataSet(NamedTuple):
    """A training set and a test set; ``train, test = load(...)`` unpacks them.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> images = np.zeros((3, 32, 32, 3), np.uint8)
    >>> photos = imfeat.datasets.ImageSet(images, np.array([0, 1, 1]), ("cat", "dog"))
    >>> data = imfeat.datasets.DataSet(train=photos.at(np.array([0, 1])), test=photos.at(np.array([2])))
    >>> len(data.train), len(data.test)
    (2, 1)
    """

    train: ImageSet
    test: ImageSet


def are_gray(images: npt.NDArray[np.uint8]) -> bool:
    """Test whether all channels of images (n, height, width, n_channels) are equal."""
    parts = images[:1], images[1:]  # one image tells most often
    return all(bool((part[..., :1] == part).all()) for part in parts)


def _check_images(images: npt.NDArray[np.uint8]) -> None:
    if images.dtype != np.uint8:
        raise TypeError(f"images must be uint8 (0 to 255), got {images.dtype}")
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"images must have the shape (n_images, height, width, 3), got {images.shape}")


def _check_labels(labels: npt.NDArray[np.int64], n_images: int, n_classes: int) -> None:
    if labels.dtype != np.int64:
        raise TypeError(f"labels must be int64, got {labels.dtype}")
    if labels.shape != (n_images,):
        raise ValueError(f"{n_images} images need labels of shape ({n_images},), got {labels.shape}")
    if n_images and not 0 <= labels.min() <= labels.max() < n_classes:
        raise ValueError(
            f"labels must lie in 0 to {n_classes - 1}, one for each class name, "
            f"got {labels.min()} to {labels.max()}"
        )

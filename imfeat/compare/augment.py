"""Augmentation: training images are flipped and shifted at random, anew in each epoch, and described then."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from imfeat._backend import Array
from imfeat.compare.tables import IMAGES_AT_ONCE, CodedTable, HalfTable

AUGMENTATIONS = ("flip", "shift")
LARGEST_SHIFT = 8  # a shift is at most 1 / 8 of a side, 4 pixels of 32


class PicturedTable:
    """A table of features with the images that they describe, and the transformer that describes them."""

    def __init__(self, table: Any, images: Array, transformer: Any) -> None:
        self.table = table
        self.images = images
        self.transformer = transformer
        self.shape = table.shape

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: Any) -> Array:
        features: Array = self.table[rows]
        return features


def augmented(images: Array, augment: str, rng: np.random.Generator) -> Array:
    """Return images (n, height, width, ...), each flipped with probability 1/2 and shifted, in a new array.

    A shift is by up to 1 / 8 of a side in each direction, at least 1 pixel; pixels at the border are repeated
    where the image leaves a gap.
    """
    out = images.copy()
    if "flip" in augment:
        flipped = rng.random(len(images)) < 0.5
        out[flipped] = out[flipped, :, ::-1]
    if "shift" in augment:
        n, height, width = images.shape[:3]
        most_y = max(1, height // LARGEST_SHIFT)
        most_x = max(1, width // LARGEST_SHIFT)
        y = np.clip(np.arange(height) + rng.integers(-most_y, most_y + 1, (n, 1)), 0, height - 1)
        x = np.clip(np.arange(width) + rng.integers(-most_x, most_x + 1, (n, 1)), 0, width - 1)
        out = out[np.arange(n)[:, None, None], y[:, :, None], x[:, None, :]]
    return out


class AugmentTrainer:
    """A trainer whose classifier learns from augmented images, which are described batch by batch.

    Parameters
    ----------
    build : function of a strength, a number of images and a seed
        Returns a classifier with ``fit_rows``.
    features : PicturedTable
    labels : array of shape (n,)
    rows : array of int
        Images to learn from.
    seed : int
    augment : str
        Names in `AUGMENTATIONS`, joined by ``+``.
    """

    def __init__(
        self,
        build: Callable[[float, int, int], Any],
        features: PicturedTable,
        labels: Array,
        rows: Array,
        seed: int,
        augment: str,
    ) -> None:
        self._arguments = build, features, labels
        self._how = seed, augment
        self.rows = rows
        self._mean, self._scale = _mean_and_scale(features)

    def train(self, strength: float) -> tuple[Any, bool | None]:
        """Return a model, and whether it met its stopping rule; None if it has none."""
        build, features, labels = self._arguments
        seed, augment = self._how
        rows = self.rows
        rng = np.random.default_rng(seed)

        def describe(batch: Array) -> Array:
            images = augmented(features.images[rows[batch]], augment, rng)
            described: Array = features.transformer.transform(images) - self._mean
            described *= self._scale
            return described.astype(np.float32, copy=False)

        model = build(strength, len(rows), seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the record tells
            model.fit_rows(describe, labels[rows], features.shape[1])
        return model, getattr(model, "converged_", None)

    def with_all_rows(self) -> "AugmentTrainer":
        """Return a trainer on all rows of the table."""
        build, features, labels = self._arguments
        return AugmentTrainer(build, features, labels, np.arange(len(labels)), *self._how)


def _mean_and_scale(features: PicturedTable) -> tuple[Array | float, Array | float]:
    """Return the mean and the reciprocal deviation by which the features of the table are standardized."""
    table = features.table
    if isinstance(table, CodedTable):
        return 0.0, 1 / table.scale
    if isinstance(table, HalfTable):
        return table.mean, 1 / table.scale
    scaler = StandardScaler()
    for first in range(0, len(table), IMAGES_AT_ONCE):
        scaler.partial_fit(features.transformer.transform(features.images[first : first + IMAGES_AT_ONCE]))
    return scaler.mean_.astype(np.float32), (1 / scaler.scale_).astype(np.float32)

"""The standardized features of many images: in memory, and where they are large in half of it."""

from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from imfeat._backend import Array

MOST_BYTES = 1 << 30  # of features in float32; of more, three digits are kept
IMAGES_AT_ONCE = 1000
ROWS_AT_ONCE = 2048


class HalfTable:
    """Features (n, n_features) in float16, standardized and in float32 where rows are read.

    ``table[rows]`` is an array for a slice or an array of indices; there is nothing else to it.
    """

    def __init__(self, values: Array, mean: Array, scale: Array) -> None:
        self.values, self.mean, self.scale = values, mean, scale
        self.shape = values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Array:
        out: Array = self.values[rows].astype(np.float32)
        out -= self.mean
        out /= self.scale
        return out


Table = Array | HalfTable


def standardized_tables(transformer: Any, train: Array, test: Array) -> tuple[Table, Table]:
    """Learn features from training images; return those of training and test images.

    They are standardized by the training images.
    """
    transformer.fit(train)
    n_features = transformer.transform(train[:1]).shape[1]
    if 4 * n_features * (len(train) + len(test)) > MOST_BYTES:
        halves = [_halves(transformer, images, n_features) for images in (train, test)]
        mean, scale = _mean_and_scale(halves[0])
        return HalfTable(halves[0], mean, scale), HalfTable(halves[1], mean, scale)
    known, new = transformer.transform(train), transformer.transform(test)
    scaler = StandardScaler(copy=False).fit(known)
    return scaler.transform(known), scaler.transform(new)


def _halves(transformer: Any, images: Array, n_features: int) -> Array:
    out = np.empty((len(images), n_features), np.float16)
    for first in range(0, len(images), IMAGES_AT_ONCE):
        some = slice(first, first + IMAGES_AT_ONCE)
        out[some] = transformer.transform(images[some])
    return out


def _mean_and_scale(values: Array) -> tuple[Array, Array]:
    shift = values[:ROWS_AT_ONCE].astype(np.float32).mean(0)
    sums, squares = np.zeros((2, values.shape[1]))
    for first in range(0, len(values), ROWS_AT_ONCE):
        part = values[first : first + ROWS_AT_ONCE].astype(np.float32) - shift
        sums += part.sum(0, dtype=np.float64)
        squares += np.einsum("nd,nd->d", part, part)
    mean = sums / len(values)
    deviation = np.sqrt(np.maximum(squares / len(values) - mean**2, 0))
    constant = deviation <= 1e-6 * np.abs(mean + shift)
    return (mean + shift).astype(np.float32), np.where(constant, 1, deviation).astype(np.float32)

"""Learning in the space that training images span, where there are fewer images than features.

Orthonormal directions Q (n_features, n) that span the features X of n images give coordinates Z = X Q with
the same products and distances.  Weights w on coordinates are the weights Q w on features, of the same norm.
Weights outside of the span cost a penalty on their squares and change no score of a training image, so linear
classifiers and networks with such a penalty have the same optimum.  Training takes n numbers an image.
"""

import copy
import functools
from typing import Any

import numpy as np
import scipy.linalg  # type: ignore[import-untyped]

from imfeat._backend import Array
from imfeat.compare.linear_model import LinearModel
from imfeat.compare.tables import Table, columns_of, slices_of
from imfeat.learn._threads import blas_threads, paying_threads
from imfeat.learn.network import Layer, Network

MOST_IMAGES = 5_000  # for more, the directions take longer than they save
MOST_VALUES = 1 << 28  # of features
SMALLEST = 1e-8  # share of the largest square of the features that a direction has


class SpanTable:
    """Coordinates (n, n_coordinates) of features in the space that they span.

    ``table[rows]`` returns an array for a slice or an array of indices.
    """

    def __init__(self, table: Table) -> None:
        self.fan_in = table.shape[1]
        with blas_threads(paying_threads(self.fan_in)):
            self.directions = directions_of(table)
            self.coordinates = np.concatenate([table[rows] @ self.directions for rows in slices_of(table)])
        self.shape = self.coordinates.shape

    def __len__(self) -> int:
        return len(self.coordinates)

    def __getitem__(self, rows: Any) -> Array:
        coordinates: Array = self.coordinates[rows]
        return coordinates

    def expand(self, model: Any) -> Any:
        """Return a classifier of features, given one of coordinates."""
        if isinstance(model, LinearModel):
            return LinearModel(self.directions @ model.weights, model.intercepts)
        expanded = copy.copy(model)
        expanded.n_features_in_ = self.fan_in
        if network := getattr(model, "network_", None):
            first, *others = network.layers
            layer = Layer(self.directions @ first.weights, first.biases, first.activation)
            expanded.network_ = Network([layer, *others])
        else:
            expanded.coef_ = model.coef_ @ self.directions.T
        return expanded


def directions_of(table: Table) -> Array:
    """Return orthonormal directions (n_features, n_coordinates) that span features (n, n_features).

    They are at random angles, so that all coordinates have about the same variance, as standardized features.
    """
    products = np.zeros((len(table), len(table)))
    for columns in columns_of(table):
        wide = columns.astype(np.float64)
        products += wide @ wide.T
    with blas_threads(paying_threads(len(table))):
        squares, vectors = scipy.linalg.eigh(products, check_finite=False)
    spans = squares > SMALLEST * squares[-1]
    n = int(np.count_nonzero(spans))
    rotation = _rotation(n)
    shares = (vectors[:, spans] / np.sqrt(squares[spans]) @ rotation).astype(np.float32)
    directions: Array = np.concatenate([columns.T @ shares for columns in columns_of(table)])
    # A step of Newton's iteration for the nearest orthonormal directions, after rounding in float32.
    correction: Array = 1.5 * np.eye(n, dtype=np.float32) - 0.5 * (directions.T @ directions)
    return directions @ correction


@functools.lru_cache(2)
def _rotation(n: int) -> Array:
    """Return a random rotation (n, n), the same at each call, as all features of the same images need."""
    rotation: Array = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0]
    return rotation


def pays(table: Table) -> bool:
    """Test whether there are fewer images than features, and not too many of either."""
    n, n_features = table.shape
    return bool(n < n_features and n <= MOST_IMAGES and n * n_features <= MOST_VALUES)

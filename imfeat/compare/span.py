"""Learning in the space that training images span, where there are fewer images than features.

Orthonormal directions Q (n_features, n) that span the features X of n images give coordinates Z = X Q with
the same products and distances.  Weights w on coordinates are the weights Q w on features, of the same norm.
Weights outside of the span cost a penalty on their squares and change no score of a training image, so linear
classifiers and networks with such a penalty have the same optimum.  Training takes n numbers an image.
"""

import copy
from typing import Any

import numpy as np
import scipy.linalg  # type: ignore[import-untyped]

from imfeat._backend import Array
from imfeat.compare.linear_model import LinearModel
from imfeat.compare.tables import Table
from imfeat.learn.network import Layer, Network

MOST_IMAGES = 5_000  # for more, the directions take longer than they save
MOST_VALUES = 1 << 28  # of features, which are in memory three times


class SpanTable:
    """Coordinates (n, n_coordinates) of features in the space that they span.

    ``table[rows]`` returns an array for a slice or an array of indices.
    """

    def __init__(self, table: Table) -> None:
        self.fan_in = table.shape[1]
        directions, triangle = scipy.linalg.qr(table[:].T, mode="economic", check_finite=False)
        # At random angles, all coordinates have about the same variance, as standardized features have.
        n = directions.shape[1]
        rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0].astype(np.float32)
        self.directions = directions @ rotation
        self.coordinates = np.ascontiguousarray(triangle.T @ rotation)
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


def pays(table: Table) -> bool:
    """Test whether there are fewer images than features, and not too many of either."""
    n, n_features = table.shape
    return bool(n < n_features and n <= MOST_IMAGES and n * n_features <= MOST_VALUES)

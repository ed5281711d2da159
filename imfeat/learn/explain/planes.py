"""Models of two features as pictures of a plane: decision regions, and points warped by a layer."""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count
from imfeat.learn.network import Network

POINTS_AT_ONCE = 1 << 16


def decision_regions(model: Any, points: Array, *, n: int = 200) -> tuple[Array, Array, Array]:
    """Return the class that a model predicts at every point of a grid around points of a plane.

    Parameters
    ----------
    model : classifier of two features
    points : array of shape (m, 2)
        The grid extends beyond them by a tenth of their range.
    n : int
        Number of grid lines in each direction.

    Returns
    -------
    x, y : arrays of shape (n,)
    classes : array of shape (n, n)
        ``classes[i, j]`` is the class of the point ``(x[j], y[i])``, as `contourf` and `pcolormesh` take it.

    Raises
    ------
    ValueError
        If the points don't lie in a plane.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])
    >>> model = imfeat.learn.LinearClassifier().fit(X, [0, 0, 1, 1])
    >>> x, y, classes = imfeat.learn.decision_regions(model, X, n=4)
    >>> classes
    array([[0, 0, 1, 1],
           [0, 0, 1, 1],
           [0, 0, 1, 1],
           [0, 0, 1, 1]])
    """
    points = np.asarray(points, np.float64)
    n = as_count(n, "n", least=2)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points must have the shape (m, 2), got {points.shape}")
    low, high = points.min(0), points.max(0)
    margin = np.where(high > low, (high - low) / 10, 1)
    x, y = np.linspace(low - margin, high + margin, n).T
    grid = np.stack([np.tile(x, n), np.repeat(y, n)], 1)
    batches = np.split(grid, range(POINTS_AT_ONCE, n * n, POINTS_AT_ONCE))
    return x, y, np.concatenate([model.predict(batch) for batch in batches]).reshape(n, n)


def feature_warp(model: Any, points: Array, *, layer: int = 1) -> Array:
    """Return the outputs of a hidden layer of a network for points.

    Parameters
    ----------
    model : MLPClassifier or Network
    points : array of shape (..., n_features)
        For example the grid lines of a plane, (n_lines, n_points, 2).
    layer : int
        Layer whose outputs are returned, counted from 1.

    Returns
    -------
    array of shape (..., n_units), dtype of the network

    Raises
    ------
    ValueError
        If there is no such layer, or the network takes another number of features.

    Examples
    --------
    A layer with ReLU folds the plane: negative coordinates become 0:

    >>> import imfeat
    >>> import numpy as np
    >>> layer = imfeat.learn.Layer(np.eye(2), np.zeros(2), "relu")
    >>> network = imfeat.learn.Network([layer, imfeat.learn.Layer(np.eye(2), np.zeros(2))])
    >>> imfeat.learn.feature_warp(network, np.array([[1.0, 2.0], [-1.0, 2.0]]))
    array([[1., 2.],
           [0., 2.]])
    """
    network: Network = getattr(model, "network_", model)
    layer = as_count(layer, "layer")
    weights = network.layers[0].weights
    points = np.asarray(points, weights.dtype)
    if layer > len(network.layers) or points.shape[-1] != len(weights):
        raise ValueError(
            f"layer must be at most {len(network.layers)}, and points (..., {len(weights)}), got {layer} and "
            f"{points.shape}"
        )
    outputs = network.apply(points.reshape(-1, points.shape[-1]), n_layers=layer)
    return outputs.reshape(*points.shape[:-1], -1)

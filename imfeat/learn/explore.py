"""Looking into models: slices of a loss, templates, regions of decisions, and how a layer warps a plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, one_of
from imfeat.learn.losses import LOSSES
from imfeat.learn.network import Layer, Network

VALUES_AT_ONCE = 1 << 16  # points of a plane


def loss_slice(
    network: Network,
    x: Array,
    labels: Array,
    amounts: Array,
    *,
    direction: Sequence[Array] | None = None,
    loss: str = "softmax",
    rng: np.random.Generator | int | None = None,
) -> Array:
    """Return the loss along a line through the parameters of a network.

    Parameters
    ----------
    network : Network
        Where the line passes at amount 0: `MLPClassifier` and `LinearClassifier` have theirs in
        ``network_``, and `Network.random` makes others.
    x : array of shape (n, n_features)
    labels : array of shape (n,), int
        0 to ``n_outputs - 1``.
    amounts : array of shape (m,)
        How far to go along the direction.
    direction : sequence of arrays of the shapes of ``network.parameters``, optional
        By default a random one of length 1.
    loss : str
        See `LinearClassifier`; without a penalty.
    rng : Generator or seed
        Of the random direction.

    Returns
    -------
    array of shape (m,), float64

    Raises
    ------
    ValueError
        If the direction has other shapes than the parameters.

    References
    ----------
    .. [1] I. Goodfellow, O. Vinyals, A. Saxe, "Qualitatively characterizing neural network optimization
       problems", ICLR 2015.  :doi:`10.48550/arXiv.1412.6544`
    """
    one_of(loss, "loss", tuple(LOSSES))
    start = [np.asarray(array, np.float64) for array in network.parameters]
    if direction is None:
        drawn = [np.random.default_rng(rng).normal(size=array.size) for array in start]
        length = np.sqrt(sum(float(part @ part) for part in drawn))
        direction = [part.reshape(array.shape) / length for part, array in zip(drawn, start, strict=True)]
    if [np.shape(array) for array in direction] != [array.shape for array in start]:
        raise ValueError(
            f"direction must have the shapes {[array.shape for array in start]} of the parameters, got "
            f"{[np.shape(array) for array in direction]}"
        )
    x, values = np.asarray(x, np.float64), []
    for amount in np.asarray(amounts, np.float64):
        moved = [array + amount * step for array, step in zip(start, direction, strict=True)]
        layers = zip(moved[::2], moved[1::2], network.layers, strict=True)
        there = Network([Layer(weights, biases, layer.activation) for weights, biases, layer in layers])
        values.append(LOSSES[loss](there.apply(x), np.asarray(labels), None)[0])
    return np.array(values)


def is_convex_along(amounts: Array, values: Array, *, tolerance: float = 1e-9) -> bool:
    """Tell whether a slice of a function is convex: whether no value lies above a chord.

    Parameters
    ----------
    amounts : array of shape (m,)
        Rising.
    values : array of shape (m,)
        Of the function there, as from `loss_slice`.
    tolerance : float
        How far above a chord, as a share of the range of the values, a value may lie for rounding.

    Returns
    -------
    bool
        True is what the slice shows; it proves nothing of what lies between the amounts, or off the line.

    Raises
    ------
    ValueError
        If there are fewer than three amounts, or they don't rise.
    """
    t, f = np.asarray(amounts, np.float64), np.asarray(values, np.float64)
    if t.ndim != 1 or t.shape != f.shape or len(t) < 3 or not (np.diff(t) > 0).all():
        raise ValueError("amounts must be three or more rising numbers, with a value each")
    share = (t[1:-1] - t[:-2]) / (t[2:] - t[:-2])
    chords = (1 - share) * f[:-2] + share * f[2:]  # between neighbours: if these hold, all chords do
    return bool((f[1:-1] <= chords + tolerance * np.ptp(f)).all())


def templates(model: Any, image_shape: tuple[int, ...]) -> Array:
    """Return the weights of the first layer as images, one a class of a linear model, or one a hidden unit.

    Parameters
    ----------
    model : LinearClassifier, RidgeClassifier, LinearSVM, MLPClassifier or Network
        That learned from pixels.
    image_shape : tuple of int
        (height, width) or (height, width, 3).

    Returns
    -------
    array of shape (n, \\*image_shape), float32 in [0, 1]
        0.5 is a weight of 0; the largest of a template is 0 or 1.

    Raises
    ------
    ValueError
        If the weights are not those of such images.
    """
    network = getattr(model, "network_", model)
    weights = np.asarray(network.layers[0].weights.T if isinstance(network, Network) else model.coef_)
    if weights.shape[1] != np.prod(image_shape):
        raise ValueError(
            f"image_shape must have {weights.shape[1]} values, as the model has weights, got {image_shape}"
        )
    largest = np.abs(weights).max(1, keepdims=True)
    pictures = 0.5 + weights / np.where(largest > 0, 2 * largest, 1)
    return pictures.astype(np.float32).reshape(-1, *image_shape)


def decision_regions(model: Any, points: Array, *, n: int = 200) -> tuple[Array, Array, Array]:
    """Return which class a model finds at every point of a plane around given ones.

    Parameters
    ----------
    model : classifier of two features
    points : array of shape (m, 2)
        The grid reaches a tenth beyond them.
    n : int
        Grid lines in each direction.

    Returns
    -------
    x, y : arrays of shape (n,)
    classes : array of shape (n, n)
        ``classes[i, j]`` is that of the point ``(x[j], y[i])``, as `contourf` and `pcolormesh` take it.

    Raises
    ------
    ValueError
        If the points don't lie in a plane.
    """
    points, n = np.asarray(points, np.float64), as_count(n, "n", least=2)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"points must have the shape (m, 2), got {points.shape}")
    low, high = points.min(0), points.max(0)
    margin = np.where(high > low, (high - low) / 10, 1)
    x, y = np.linspace(low - margin, high + margin, n).T
    grid = np.stack([np.tile(x, n), np.repeat(y, n)], 1)
    found = [model.predict(grid[first : first + VALUES_AT_ONCE]) for first in range(0, n * n, VALUES_AT_ONCE)]
    return x, y, np.concatenate(found).reshape(n, n)


def feature_warp(model: Any, points: Array, *, layer: int = 1) -> Array:
    """Return where the hidden layers of a network send points.

    Parameters
    ----------
    model : MLPClassifier or Network
    points : array of shape (..., n_features)
        For example the grid lines of a plane, (n_lines, n_points, 2).
    layer : int
        Out of which layer to read, from 1.

    Returns
    -------
    array of shape (..., n_units), dtype of the network

    Raises
    ------
    ValueError
        If there is no such layer, or it takes another number of features.
    """
    network: Network = getattr(model, "network_", model)
    layer = as_count(layer, "layer")
    first = network.layers[0].weights
    points = np.asarray(points, first.dtype)
    if layer > len(network.layers) or points.shape[-1] != len(first):
        raise ValueError(
            f"layer must be at most {len(network.layers)}, and points (..., {len(first)}), got {layer} and "
            f"{points.shape}"
        )
    out = network.apply(points.reshape(-1, points.shape[-1]), n_layers=layer)
    return out.reshape(*points.shape[:-1], -1)

"""Slices of the loss along a line through the parameters of a network."""

from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array
from imfeat._check import one_of
from imfeat.learn.losses import LOSSES, LossName
from imfeat.learn.network import Layer, Network


def loss_slice(
    network: Network,
    x: Array,
    labels: Array,
    amounts: Array,
    *,
    direction: Sequence[Array] | None = None,
    loss: LossName = "softmax",
    rng: np.random.Generator | int | None = None,
) -> Array:
    """Return the loss along a line through the parameters of a network.

    Parameters
    ----------
    network : Network
        Network at amount 0: ``network_`` of an `MLPClassifier` or a `LinearClassifier`, or one by
        `Network.random`.
    x : array of shape (n, n_features)
    labels : array of shape (n,), int
        0 to ``n_outputs - 1``.
    amounts : array of shape (m,)
        Distances along the direction.
    direction : sequence of arrays of the shapes of ``network.parameters``, optional
        By default a random one of length 1.
    loss : {"softmax", "hinge", "squared_hinge", "crammer_singer", "squared_error"}
        Name of a loss of `LinearClassifier`; the penalty is left out.
    rng : Generator or seed
        Source of the random direction.

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

    Examples
    --------
    The loss of a linear model is convex along every line:

    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])
    >>> y = np.array([0, 0, 1, 1])
    >>> network = imfeat.learn.LinearClassifier().fit(X, y).network_
    >>> amounts = np.linspace(-2, 2, 21)
    >>> losses = imfeat.learn.loss_slice(network, X, y, amounts, rng=0)
    >>> losses.shape, imfeat.learn.is_convex_along(amounts, losses, tolerance=1e-4)
    ((21,), True)
    """
    one_of(loss, "loss", tuple(LOSSES))
    start = [np.asarray(array, np.float64) for array in network.parameters]
    if direction is None:
        direction = _random_direction(start, rng)
    if [np.shape(array) for array in direction] != [array.shape for array in start]:
        raise ValueError(
            f"direction must have the shapes {[array.shape for array in start]} of the parameters, got "
            f"{[np.shape(array) for array in direction]}"
        )
    x = np.asarray(x, np.float64)
    values = []
    for amount in np.asarray(amounts, np.float64):
        moved = [array + amount * step for array, step in zip(start, direction, strict=True)]
        layers = zip(moved[::2], moved[1::2], network.layers, strict=True)
        shifted = Network([Layer(weights, biases, layer.activation) for weights, biases, layer in layers])
        values.append(LOSSES[loss](shifted.apply(x), np.asarray(labels), None)[0])
    return np.array(values)


def _random_direction(parameters: Sequence[Array], rng: np.random.Generator | int | None) -> list[Array]:
    """Return arrays of the shapes of the parameters, of length 1 together."""
    normal = [np.random.default_rng(rng).normal(size=array.size) for array in parameters]
    length = np.sqrt(sum(float(vector @ vector) for vector in normal))
    return [vector.reshape(array.shape) / length for vector, array in zip(normal, parameters, strict=True)]


def is_convex_along(amounts: Array, values: Array, *, tolerance: float = 1e-9) -> bool:
    """Test whether a slice of a function is convex: whether no value lies above a chord.

    Parameters
    ----------
    amounts : array of shape (m,)
        In rising order.
    values : array of shape (m,)
        Values of the function at these amounts, as from `loss_slice`.
    tolerance : float
        Distance above a chord, as a share of the range of the values, that is allowed for rounding.

    Returns
    -------
    bool
        True proves nothing about points between the amounts, or off the line.

    Raises
    ------
    ValueError
        If there are fewer than three amounts, or they don't rise.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> x = np.linspace(-3, 3, 61)
    >>> imfeat.learn.is_convex_along(x, x**2), imfeat.learn.is_convex_along(x, np.cos(x))
    (True, False)
    """
    t = np.asarray(amounts, np.float64)
    f = np.asarray(values, np.float64)
    if t.ndim != 1 or t.shape != f.shape or len(t) < 3 or not (np.diff(t) > 0).all():
        raise ValueError("amounts must be three or more rising numbers, with a value each")
    share = (t[1:-1] - t[:-2]) / (t[2:] - t[:-2])
    chords = (1 - share) * f[:-2] + share * f[2:]  # chords between neighbours imply all others
    return bool((f[1:-1] <= chords + tolerance * np.ptp(f)).all())

"""Going down the loss of a network: a batch after the other, or all images at once by L-BFGS.

What is minimized is the mean of the loss over the images, plus a penalty on the weights, not on the
biases: strength / 2 times the sum of their squares ("l2"), or strength times the sum of their
absolute values ("l1").
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from imfeat._backend import Array
from imfeat.learn.losses import LOSSES, PENALTIES, shrink
from imfeat.learn.network import Network
from imfeat.learn.optimizers import Optimizer
from imfeat.learn.precondition import MOST_FEATURES, Coordinates

Rows = Callable[[Array], Array]

CURVATURE = {"squared_hinge": 2.0, "squared_error": 2.0}  # of a loss by a score; of softmax 1 / n_classes
GROWTH = 1e6  # of the loss, beyond which there is no way back
ROWS_AT_ONCE = 512  # of a full batch: few enough for the cache to hold them for the second product


@dataclass(frozen=True)
class Objective:
    """What is minimized.

    Attributes
    ----------
    loss : str
        A name in `LOSSES`.
    penalty : str or None
        A name in `PENALTIES`.
    strength : float
        Of the penalty.
    """

    loss: str = "softmax"
    penalty: str | None = None
    strength: float = 0.0

    def decays(self, network: Network) -> list[float]:
        """Return the weight decay of each array of parameters that is the gradient of an L2 penalty."""
        strength = self.strength if self.penalty == "l2" else 0.0
        return [strength, 0.0] * len(network.layers)

    def penalties(self, network: Network) -> float:
        """Return the penalty of the weights of a network."""
        if self.penalty is None or not self.strength:
            return 0.0
        return sum(PENALTIES[self.penalty](layer.weights, self.strength)[0] for layer in network.layers)


def rows_of(features: Array) -> Rows:
    """Return a function that reads rows (n, n_features), into memory that it uses again if it must copy."""
    room = np.empty((0, features.shape[1]), features.dtype)

    def rows(indices: Array) -> Array:
        nonlocal room
        if indices[-1] - indices[0] == len(indices) - 1 and (np.diff(indices) == 1).all():
            return features[indices[0] : indices[-1] + 1]
        if len(room) < len(indices):
            room = np.empty((len(indices), features.shape[1]), features.dtype)
        # "clip" spares a copy; all indices are inside
        return np.take(features, indices, axis=0, out=room[: len(indices)], mode="clip")

    return rows


def run_epoch(
    network: Network,
    optimizer: Optimizer,
    objective: Objective,
    rows: Rows,
    labels: Array,
    weights: Array | None,
    batches: Sequence[Array],
) -> tuple[float, float]:
    """Take a step for each batch of images.

    Parameters
    ----------
    network, optimizer, objective
    rows : function
        ``rows(indices)`` are features (n, n_features); they may be overwritten by the next call.
    labels : array of shape (n_images,), int
    weights : array of shape (n_images,), optional
        Of the images.
    batches : sequence of arrays of int
        Indices of images.

    Returns
    -------
    loss, accuracy : float
        Means over the images, each as it was before the step of its batch, the penalty included.

    Raises
    ------
    FloatingPointError
        If the loss becomes infinite or NaN, or a million times what it was for the first batch.
    """
    loss = LOSSES[objective.loss]
    total, n_right, n_images, first = 0.0, 0, 0, None
    for batch in batches:
        wanted = labels[batch]
        scores = network.forward(rows(batch))
        n_right += int(np.count_nonzero(scores.argmax(1) == wanted))
        value, gradient = loss(scores, wanted, None if weights is None else weights[batch])
        first = value if first is None else first
        if not value <= GROWTH * max(1.0, first):
            raise FloatingPointError(
                f"the loss became {value:g}: learning_rate={optimizer.learning_rate:g} is too large for "
                "these features; make it smaller, or standardize the features"
            )
        network.backward(gradient)
        optimizer.step(network.parameters, network.gradients)
        if objective.penalty == "l1":
            for layer in network.layers:
                shrink(layer.weights, optimizer.learning_rate * objective.strength)
        total += len(batch) * value
        n_images += len(batch)
    return total / n_images + objective.penalties(network), n_right / n_images


def full_gradient(
    network: Network, objective: Objective, rows: Rows, labels: Array, weights: Array | None
) -> tuple[float, list[Array]]:
    """Return the mean loss of all images, without penalty, and its gradients in float64."""
    n = len(labels)
    total, sums = 0.0, [np.zeros(array.shape) for array in network.parameters]
    for first in range(0, n, ROWS_AT_ONCE):
        part = np.arange(first, min(first + ROWS_AT_ONCE, n))
        scores = network.forward(rows(part))
        value, gradient = LOSSES[objective.loss](
            scores, labels[part], None if weights is None else weights[part]
        )
        network.backward(gradient)
        share = len(part) / n
        total += share * value
        for add_to, array in zip(sums, network.gradients, strict=True):
            add_to += np.multiply(array, share, dtype=np.float64)
    return total, sums


def minimize(
    network: Network,
    objective: Objective,
    rows: Rows,
    labels: Array,
    weights: Array | None,
    *,
    n_iterations: int,
    tolerance: float,
) -> tuple[list[float], bool]:
    """Minimize by L-BFGS, all images at a time.

    Parameters
    ----------
    network, objective, rows, labels, weights
        As for `run_epoch`.
    n_iterations : int
        At most.
    tolerance : float
        It ends when no element of the gradient is larger.

    Returns
    -------
    losses : list of float
        After each iteration, the penalty included.
    converged : bool

    Notes
    -----
    An L1 penalty has no derivative at 0, but every weight is a difference of two that are not
    negative, whose sum takes the place of its absolute value.  Within such bounds, L-BFGS-B sets
    weights to exactly 0.
    """
    if objective.penalty == "l1" and objective.strength > 0:
        return _minimize_l1(network, objective, rows, labels, weights, n_iterations, tolerance)
    first = network.layers[0].weights
    coordinates = None
    if len(network.layers) == 1 and len(first) <= MOST_FEATURES:
        factor = CURVATURE.get(objective.loss, 1 / first.shape[1])
        strength = objective.strength if objective.penalty == "l2" else 0.0
        coordinates = Coordinates(rows, len(labels), len(first), factor, strength)
    steepest = np.inf  # element of the gradient with respect to the parameters, where it was computed last

    def evaluate(point: Array) -> tuple[float, Array]:
        nonlocal steepest
        if coordinates is None:
            _assign(network, point)
        else:
            for array, value in zip(network.parameters, coordinates.parameters(point), strict=True):
                array[...] = value
        loss, gradients = full_gradient(network, objective, rows, labels, weights)
        for layer, gradient in zip(network.layers, gradients[::2], strict=True):
            if objective.penalty is not None and objective.strength:
                penalty, slope = PENALTIES[objective.penalty](layer.weights, objective.strength)
                loss += penalty
                gradient += slope
        steepest = max(float(np.abs(gradient).max()) for gradient in gradients)
        return loss, _flat(gradients) if coordinates is None else coordinates.slope(gradients)

    start = _flat(network.parameters) if coordinates is None else coordinates.point(*network.parameters)
    losses, found = _lbfgs(evaluate, start, n_iterations, lambda: steepest <= tolerance)
    evaluate(found)
    return losses, steepest <= tolerance


def _minimize_l1(
    network: Network,
    objective: Objective,
    rows: Rows,
    labels: Array,
    weights: Array | None,
    n_iterations: int,
    tolerance: float,
) -> tuple[list[float], bool]:
    parameters = network.parameters
    penalized = np.concatenate([np.full(p.size, k % 2 == 0) for k, p in enumerate(parameters)])
    strengths = objective.strength * np.concatenate([penalized, penalized])
    half, steepest = len(penalized), np.inf

    def evaluate(point: Array) -> tuple[float, Array]:
        nonlocal steepest
        _assign(network, point[:half] - point[half:])
        loss, gradients = full_gradient(network, objective, rows, labels, weights)
        slope = _flat(gradients)
        slope = np.concatenate([slope, -slope]) + strengths
        steepest = float(np.abs(np.where(point > 0, slope, np.minimum(slope, 0))).max())
        return loss + float(strengths @ point), slope

    start = _flat(parameters)
    start = np.concatenate([np.maximum(start, 0), np.maximum(-start, 0)])
    bounds = [(0, None)] * len(start)
    losses, found = _lbfgs(evaluate, start, n_iterations, lambda: steepest <= tolerance, bounds)
    evaluate(found)
    return losses, steepest <= tolerance


def _lbfgs(
    evaluate: Callable[[Array], tuple[float, Array]],
    start: Array,
    n_iterations: int,
    is_flat: Callable[[], bool],
    bounds: list[tuple[int, None]] | None = None,
) -> tuple[list[float], Array]:
    """Return the losses after each of SciPy's iterations, and where it ended."""
    from scipy.optimize import minimize as scipy_minimize  # type: ignore[import-untyped]

    losses: list[float] = []

    def note(intermediate_result: Any) -> None:
        losses.append(float(intermediate_result.fun))
        if is_flat():
            raise StopIteration

    options = {"maxiter": n_iterations, "maxfun": 2 * n_iterations + 20, "gtol": 0, "ftol": 0}
    with one_thread_in_scipy():
        found = scipy_minimize(
            evaluate, start, jac=True, method="L-BFGS-B", bounds=bounds, callback=note, options=options
        )
    return losses or [float(found.fun)], found.x


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64)


def _assign(network: Network, position: Array) -> None:
    first = 0
    for array in network.parameters:
        array[...] = position[first : first + array.size].reshape(array.shape)
        first += array.size


@contextmanager
def one_thread_in_scipy() -> Iterator[None]:
    """Keep the BLAS that SciPy brings from competing with the one that NumPy brings.

    The wheels have a copy each, whose idle threads go on spinning for a while: an optimizer in
    SciPy that alternates with products in NumPy becomes several times slower.
    """
    controller = ThreadpoolController()
    paths = [library.filepath for library in controller.lib_controllers if library.user_api == "blas"]
    of_scipy = [path for path in paths if any(part.startswith("scipy") for part in Path(path).parts[:-1])]
    with controller.select(filepath=of_scipy).limit(limits=1):
        yield

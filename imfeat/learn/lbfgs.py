"""L-BFGS for the objective of a network, over all images at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.learn._threads import controller
from imfeat.learn.descent import Images, Objective, full_gradient
from imfeat.learn.losses import PENALTIES
from imfeat.learn.network import Network
from imfeat.learn.precondition import MOST_FEATURES, Coordinates

# Second derivatives of losses with respect to a score; 1 / n_classes for softmax.
CURVATURE = {"squared_hinge": 2.0, "squared_error": 2.0}


def minimize(
    network: Network,
    objective: Objective,
    images: Images,
    *,
    n_iterations: int,
    tolerance: float,
) -> tuple[list[float], bool]:
    """Minimize the objective of a network by L-BFGS, over all images at a time.

    Parameters
    ----------
    network, objective, images
        As for `run_epoch`.
    n_iterations : int
        Maximum number of iterations.
    tolerance : float
        Iterations end when no element of the gradient is larger.

    Returns
    -------
    losses : list of float
        Loss after each iteration, the penalty included.
    converged : bool

    Notes
    -----
    An L1 penalty has no derivative at 0.  Each weight is therefore written as the difference of two
    nonnegative numbers, whose sum replaces its absolute value.  With these bounds, L-BFGS-B sets
    weights to exactly 0.
    """
    if objective.penalty == "l1" and objective.strength > 0:
        return _minimize_l1(network, objective, images, n_iterations, tolerance)
    n_features, n_outputs = network.layers[0].weights.shape
    coordinates = None
    if len(network.layers) == 1 and n_features <= MOST_FEATURES:
        factor = CURVATURE.get(objective.loss, 1 / n_outputs)
        strength = objective.strength if objective.penalty == "l2" else 0.0
        coordinates = Coordinates(
            images.rows, len(images.labels), n_features, factor, strength, images.weights
        )
    max_slope = np.inf  # largest element of the last gradient with respect to the parameters

    def evaluate(point: Array) -> tuple[float, Array]:
        nonlocal max_slope
        if coordinates is None:
            _assign(network, point)
        else:
            for array, value in zip(network.parameters, coordinates.parameters(point), strict=True):
                array[...] = value
        loss, gradients = full_gradient(network, objective, images)
        for layer, gradient in zip(network.layers, gradients[::2], strict=True):
            if objective.penalty is not None and objective.strength:
                penalty, slope = PENALTIES[objective.penalty](layer.weights, objective.strength)
                loss += penalty
                gradient += slope
        max_slope = max(float(np.abs(gradient).max()) for gradient in gradients)
        return loss, _flat(gradients) if coordinates is None else coordinates.slope(gradients)

    start = _flat(network.parameters) if coordinates is None else coordinates.point(*network.parameters)
    losses, minimum = _lbfgs(evaluate, start, n_iterations, lambda: max_slope <= tolerance)
    evaluate(minimum)
    return losses, max_slope <= tolerance


def _minimize_l1(
    network: Network,
    objective: Objective,
    images: Images,
    n_iterations: int,
    tolerance: float,
) -> tuple[list[float], bool]:
    parameters = network.parameters
    penalized = np.concatenate([np.full(p.size, k % 2 == 0) for k, p in enumerate(parameters)])
    strengths = objective.strength * np.concatenate([penalized, penalized])
    half = len(penalized)
    max_slope = np.inf

    def evaluate(point: Array) -> tuple[float, Array]:
        nonlocal max_slope
        _assign(network, point[:half] - point[half:])
        loss, gradients = full_gradient(network, objective, images)
        slope = _flat(gradients)
        slope = np.concatenate([slope, -slope]) + strengths
        max_slope = float(np.abs(np.where(point > 0, slope, np.minimum(slope, 0))).max())
        return loss + float(strengths @ point), slope

    start = _flat(parameters)
    start = np.concatenate([np.maximum(start, 0), np.maximum(-start, 0)])
    bounds = [(0, None)] * len(start)
    losses, minimum = _lbfgs(evaluate, start, n_iterations, lambda: max_slope <= tolerance, bounds)
    evaluate(minimum)
    return losses, max_slope <= tolerance


def _lbfgs(
    evaluate: Callable[[Array], tuple[float, Array]],
    start: Array,
    n_iterations: int,
    is_flat: Callable[[], bool],
    bounds: list[tuple[int, None]] | None = None,
) -> tuple[list[float], Array]:
    """Return the loss after each of SciPy's iterations, and the final point."""
    from scipy.optimize import minimize as scipy_minimize  # type: ignore[import-untyped]

    losses: list[float] = []

    def record(intermediate_result: Any) -> None:
        losses.append(float(intermediate_result.fun))
        if is_flat():
            raise StopIteration

    options = {"maxiter": n_iterations, "maxfun": 2 * n_iterations + 20, "gtol": 0, "ftol": 0}
    with one_thread_in_scipy():
        result = scipy_minimize(
            evaluate, start, jac=True, method="L-BFGS-B", bounds=bounds, callback=record, options=options
        )
    return losses or [float(result.fun)], result.x


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([array.reshape(-1) for array in arrays]).astype(np.float64)


def _assign(network: Network, point: Array) -> None:
    first = 0
    for array in network.parameters:
        array[...] = point[first : first + array.size].reshape(array.shape)
        first += array.size


@contextmanager
def one_thread_in_scipy() -> Iterator[None]:
    """Limit the BLAS of SciPy to one thread, so that it doesn't compete with the BLAS of NumPy.

    The wheels of NumPy and SciPy contain a copy of BLAS each, whose idle threads spin for a while.  An
    optimizer in SciPy that alternates with products in NumPy becomes several times slower.
    """
    paths = [library.filepath for library in controller().lib_controllers if library.user_api == "blas"]
    scipy_paths = [
        path for path in paths if any(folder.startswith("scipy") for folder in Path(path).parts[:-1])
    ]
    with controller().select(filepath=scipy_paths).limit(limits=1):
        yield

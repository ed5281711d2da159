"""Gradients by differences, to check those by formulas: df/dx_k = (f(x + h e_k) - f(x - h e_k)) / 2h."""

from collections.abc import Callable
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_number

STEP = 1e-5


def numeric_gradient(function: Callable[[Array], float], x: Any, *, step: float = STEP) -> Array:
    """Return the gradient of a function of an array, by central differences.

    Parameters
    ----------
    function : function of an array like ``x`` that returns a number
        It is called twice for each element.
    x : array
        Where; it is taken as float64, and not changed.
    step : float
        How far to either side.

    Returns
    -------
    array of float64, shape of ``x``
        Off by the order of ``step`` squared, and of 1e-16 / ``step``.

    Raises
    ------
    ValueError
        If the step is not positive.
    """
    step = as_number(step, "step", above=0)
    point = np.array(x, np.float64)
    gradient = np.empty_like(point)
    for k in np.ndindex(point.shape):
        here = point[k]
        point[k] = here + step
        after = function(point)
        point[k] = here - step
        before = function(point)
        point[k] = here
        gradient[k] = (after - before) / (2 * step)
    return gradient


def check_gradient(function: Callable[[Array], float], gradient: Any, x: Any, *, step: float = STEP) -> float:
    """Return how far a gradient is from the one by central differences, as a share of its size.

    Parameters
    ----------
    function, x, step
        As for `numeric_gradient`; the function has to compute in float64.
    gradient : array, shape of ``x``
        Of the function at ``x``, by a formula.

    Returns
    -------
    float
        The largest difference, divided by the largest element: below 1e-6 if the formula is right
        and the function is smooth between ``x - step`` and ``x + step``, of order 1 if it is wrong.

    Raises
    ------
    ValueError
        If the gradient has another shape than ``x``.
    """
    given, numeric = np.asarray(gradient, np.float64), numeric_gradient(function, x, step=step)
    if given.shape != numeric.shape:
        raise ValueError(f"gradient must have the shape {numeric.shape} of x, got {given.shape}")
    size = max(float(np.abs(part).max(initial=0)) for part in (given, numeric))
    return float(np.abs(given - numeric).max(initial=0)) / size if size else 0.0

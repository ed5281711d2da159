"""Numerical gradients by central differences, df/dx_k = (f(x + h e_k) - f(x - h e_k)) / 2h."""

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
        Point of the gradient, converted to float64 and not changed.
    step : float
        Distance to the points on either side.

    Returns
    -------
    array of float64, shape of ``x``
        The error is of the order of ``step`` squared plus 1e-16 / ``step``.

    Raises
    ------
    ValueError
        If the step is not positive.

    Examples
    --------
    The gradient of the sum of squares is 2 x:

    >>> import imfeat
    >>> import numpy as np
    >>> imfeat.learn.numeric_gradient(lambda x: np.sum(x**2), [1, -3]).round(4)
    array([ 2., -6.])
    """
    step = as_number(step, "step", above=0)
    point = np.array(x, np.float64)
    gradient = np.empty_like(point)
    for k in np.ndindex(point.shape):
        center = point[k]
        point[k] = center + step
        after = function(point)
        point[k] = center - step
        before = function(point)
        point[k] = center
        gradient[k] = (after - before) / (2 * step)
    return gradient


def check_gradient(function: Callable[[Array], float], gradient: Any, x: Any, *, step: float = STEP) -> float:
    """Return the relative error of a gradient, compared with central differences.

    Parameters
    ----------
    function, x, step
        As for `numeric_gradient`; the function has to compute in float64.
    gradient : array, shape of ``x``
        Gradient of the function at ``x``, by a formula.

    Returns
    -------
    float
        Largest difference, divided by the largest element.  It is below 1e-6 if the formula is right
        and the function is smooth between ``x - step`` and ``x + step``, and of order 1 if it is wrong.

    Raises
    ------
    ValueError
        If the gradient has another shape than ``x``.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> x = np.array([1.0, -3.0])
    >>> imfeat.learn.check_gradient(lambda x: np.sum(x**2), 2 * x, x) < 1e-6
    True
    >>> round(imfeat.learn.check_gradient(lambda x: np.sum(x**2), x, x), 2)  # a wrong formula
    0.5
    """
    analytic = np.asarray(gradient, np.float64)
    numeric = numeric_gradient(function, x, step=step)
    if analytic.shape != numeric.shape:
        raise ValueError(f"gradient must have the shape {numeric.shape} of x, got {analytic.shape}")
    largest = max(float(np.abs(array).max(initial=0)) for array in (analytic, numeric))
    return float(np.abs(analytic - numeric).max(initial=0)) / largest if largest else 0.0

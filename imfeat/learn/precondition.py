"""Coordinates in which the loss of a linear classifier is nearly as steep in all directions.

The second derivative of a loss with respect to the weights of a class is, times a factor that depends
on the scores, the covariance C of the features; for softmax regression that factor times C bounds it [1]_.
With L L^T = factor C + strength I, and V = L^T W, it is about 1 in all directions, and L-BFGS needs tens of
steps instead of hundreds.  The features are taken less their means m, which the biases make up for.

References
----------
.. [1] D. Boehning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical
   Mathematics 44, 1992.  :doi:`10.1007/BF00048682`
"""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.learn._cholesky import add_products

MOST_FEATURES = 8192  # beyond, the covariance costs more than it saves
ROWS_AT_ONCE = 4096
JITTER = 1e-5  # of the mean variance, for features that depend on each other


class Coordinates:
    """V and the biases for features less their means, instead of weights W (d, k) and biases (k,).

    Parameters
    ----------
    rows : function
        ``rows(indices)`` are features (n, d), float32.
    n, d : int
        Images and features.
    factor : float
        Of the covariance.
    strength : float
        Of an L2 penalty.
    """

    def __init__(self, rows: Any, n: int, d: int, factor: float, strength: float) -> None:
        matrix, sums = np.zeros((d, d), np.float32), np.zeros(d)
        shift = rows(np.arange(min(n, ROWS_AT_ONCE))).mean(
            0
        )  # near the mean, so that no digits are lost to it
        for first in range(0, n, ROWS_AT_ONCE):
            x = rows(np.arange(first, min(first + ROWS_AT_ONCE, n))) - shift
            add_products(matrix, x.T)
            sums += x.sum(0, dtype=np.float64)
        mean = (sums / n).astype(np.float32)
        matrix *= factor / n
        matrix -= factor * np.outer(mean, mean)
        diagonal = np.einsum("ii->i", matrix)
        diagonal += strength + JITTER * max(float(diagonal.mean()), 1e-30)
        self.mean = shift + mean
        # the upper triangle is what add_products writes
        self.lower = np.linalg.cholesky(matrix, upper=True).T

    def parameters(self, point: Array) -> list[Array]:
        """Return weights and biases at a point in these coordinates."""
        from scipy.linalg import solve_triangular  # type: ignore[import-untyped]

        v, biases = self._split(point)
        weights = solve_triangular(self.lower, v, lower=True, trans=1, check_finite=False)
        return [weights, biases - self.mean @ weights]

    def slope(self, gradients: list[Array]) -> Array:
        """Return the gradient in these coordinates for that with respect to weights and biases."""
        from scipy.linalg import solve_triangular

        of_weights, of_biases = gradients
        of_weights = (of_weights - np.outer(self.mean, of_biases)).astype(np.float32)
        of_v = solve_triangular(self.lower, of_weights, lower=True, check_finite=False)
        return np.concatenate([of_v.reshape(-1), of_biases]).astype(np.float64)

    def point(self, weights: Array, biases: Array) -> Array:
        """Return where weights and biases lie in these coordinates."""
        v = self.lower.T @ weights
        return np.concatenate([v.reshape(-1), biases + self.mean @ weights]).astype(np.float64)

    def _split(self, point: Array) -> tuple[Array, Array]:
        d = len(self.mean)
        k = len(point) // (d + 1)
        return point[: d * k].reshape(d, k).astype(np.float32), point[d * k :].astype(np.float32)

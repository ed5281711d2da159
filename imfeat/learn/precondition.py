"""Preconditioning: coordinates in which the curvature of the loss of a linear classifier is about 1.

The second derivative of a loss with respect to the weights of a class is the covariance C of the
features times a factor that depends on the scores.  For softmax regression, a constant factor times C is
an upper bound [1]_.  With L L^T = factor C + strength I, and V = L^T W, the curvature with respect to V is
about 1 in all directions, and L-BFGS needs tens of steps instead of hundreds.  The means m of the
features are subtracted, and the biases are changed accordingly.

References
----------
.. [1] D. Boehning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical
   Mathematics 44, 1992.  :doi:`10.1007/BF00048682`
"""

from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.learn._cholesky import add_products
from imfeat.learn._device_table import DeviceTable

MOST_FEATURES = 8192  # beyond this number, the covariance costs more than it saves
ROWS_AT_ONCE = 4096
JITTER = 1e-5  # share of the mean variance, for features that depend on each other


class Coordinates:
    """Points of V and biases for centered features, in place of weights W (d, k) and biases (k,).

    Parameters
    ----------
    rows : function
        ``rows(indices)`` returns features (n, d), float32.
    n, d : int
        Number of images, and of features.
    factor : float
        Factor of the covariance.
    strength : float
        Strength of an L2 penalty.
    weights : array of shape (n,), optional
        Weights of the images, of mean 1.
    """

    def __init__(
        self,
        rows: Any,
        n: int,
        d: int,
        factor: float,
        strength: float,
        weights: Array | None = None,
    ) -> None:
        matrix = np.zeros((d, d), np.float32)
        sums = np.zeros(d)
        table = rows(np.arange(min(n, ROWS_AT_ONCE)))
        # near the mean, which limits cancellation
        shift = (table.mean() if isinstance(table, DeviceTable) else table.mean(0)).astype(np.float32)
        for first in range(0, n, ROWS_AT_ONCE):
            batch = np.arange(first, min(first + ROWS_AT_ONCE, n))
            x = rows(batch)
            if isinstance(x, DeviceTable):
                of_batch, products = x.sums(shift, None if weights is None else weights[batch])
                sums += of_batch
                matrix += np.triu(products)
                continue
            x = x - shift
            if weights is None:
                sums += x.sum(0, dtype=np.float64)
            else:
                sums += weights[batch].astype(np.float64) @ x
                x *= np.sqrt(weights[batch])[:, None]
            add_products(matrix, x.T)
        mean = (sums / n).astype(np.float32)
        matrix *= factor / n
        matrix -= factor * np.outer(mean, mean)
        diagonal = np.einsum("ii->i", matrix)
        diagonal += strength + JITTER * max(float(diagonal.mean()), 1e-30)
        self.mean = shift + mean
        # add_products writes the upper triangle
        self.lower = np.linalg.cholesky(matrix, upper=True).T

    def parameters(self, point: Array) -> list[Array]:
        """Return the weights and biases of a point in these coordinates."""
        from scipy.linalg import solve_triangular  # type: ignore[import-untyped]

        v, biases = self._split(point)
        weights = solve_triangular(self.lower, v, lower=True, trans=1, check_finite=False)
        return [weights, biases - self.mean @ weights]

    def slope(self, gradients: list[Array]) -> Array:
        """Return the gradient in these coordinates, given those with respect to weights and biases."""
        from scipy.linalg import solve_triangular

        weight_gradient, bias_gradient = gradients
        centered = (weight_gradient - np.outer(self.mean, bias_gradient)).astype(np.float32)
        v_gradient = solve_triangular(self.lower, centered, lower=True, check_finite=False)
        return np.concatenate([v_gradient.reshape(-1), bias_gradient]).astype(np.float64)

    def point(self, weights: Array, biases: Array) -> Array:
        """Return the point of weights and biases in these coordinates."""
        v = self.lower.T @ weights
        return np.concatenate([v.reshape(-1), biases + self.mean @ weights]).astype(np.float64)

    def _split(self, point: Array) -> tuple[Array, Array]:
        d = len(self.mean)
        k = len(point) // (d + 1)
        return point[: d * k].reshape(d, k).astype(np.float32), point[d * k :].astype(np.float32)

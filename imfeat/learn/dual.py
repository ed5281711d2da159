"""Ridge regression on more features than images: by the products of images instead of features.

The weights that minimize |X W - Y|^2 + strength |W|^2 are a sum over images, W = X^T A, where

    A = (X X^T + strength I)^-1 Y.

X X^T is a sum over features: it is added up some features at a time, and they need not exist together.
"""

import mmap
from typing import Self

import numpy as np

from imfeat._backend import Array
from imfeat.learn._cholesky import add_products, factorize, substitute


class RidgeProducts:
    """What ridge regression has to know of images: their products, however many features there are.

    Parameters
    ----------
    n_images : int

    Notes
    -----
    It holds one matrix (n_images, n_images) of float32.  The products lie in its upper triangle, and
    `solve` works in the lower one.  An intercept is the mean of the targets, which is best if each
    feature has mean 0.
    """

    def __init__(self, n_images: int) -> None:
        self.matrix = _zeros(n_images)
        self.diagonal = np.zeros(n_images)
        self._factor: tuple[float, int] = (0.0, 0)  # of which strength, of how many images

    def add(self, features: Array) -> Self:
        """Add features, an array of shape (n_images, n), to those before."""
        x = np.asarray(features, np.float32)
        add_products(self.matrix, x)
        self.diagonal += np.einsum("nd,nd->n", x, x)
        self._factor = 0.0, 0
        return self

    def solve(self, strength: float, targets: Array) -> tuple[Array, Array, Array]:
        """Learn from the first images.

        Parameters
        ----------
        strength : float
        targets : array of shape (n, n_classes), float
            For the first ``n`` images, at most all.

        Returns
        -------
        shares : array of shape (n, n_classes), float32
            The weights are X^T shares, with X the features (n, n_features) of these images.
        intercepts : array of shape (n_classes,), float32
        scores : array of shape (n, n_classes), float32
            What the weights and intercepts make of these images.

        Raises
        ------
        ValueError
            If images depend on each other, and the strength is too small to make up for it.
        """
        self._factorize(strength, len(targets))
        intercepts = targets.mean(0, dtype=np.float64).astype(np.float32)
        rest = (targets - intercepts).astype(np.float32)
        shares = substitute(self.matrix, rest)
        return shares, intercepts, rest - np.float32(strength) * shares + intercepts

    def solve_squared_hinge(
        self, strength: float, signs: Array, n_iterations: int = 10
    ) -> tuple[Array, Array, Array]:
        """Minimize ``sum max(0, 1 - y (x W + b))^2 + strength |W|^2`` over the first images.

        Parameters and what is returned are as for `solve`, with ``signs`` +1 and -1.

        Notes
        -----
        An image beyond the margin costs nothing, as if its target were its score.  So targets are
        set to y max(1, y f), and ridge regression is solved for them, again and again, with the
        factor of the first time, and with Nesterov's momentum.
        """
        shares, intercepts, scores = self.solve(strength, signs)
        ahead = scores
        for iteration in range(n_iterations):
            before = scores
            shares, intercepts, scores = self.solve(strength, signs * np.maximum(signs * ahead, 1))
            ahead = scores + np.float32(iteration / (iteration + 3)) * (scores - before)
        return shares, intercepts, scores

    def scores(self, shares: Array, intercepts: Array, first: int) -> Array:
        """Return the scores (n, n_classes) of the images from ``first`` on, by shares of those before."""
        known: Array = self.matrix[: len(shares), first:].T @ shares
        return known + intercepts

    def _factorize(self, strength: float, n_images: int) -> None:
        """Write the factor for the first images into the lower triangle, or what is missing of it."""
        if self._factor == (strength, n_images):
            return
        first = self._factor[1] if self._factor[0] == strength and self._factor[1] < n_images else 0
        diagonal = (self.diagonal + strength).astype(np.float32)
        try:
            factorize(self.matrix, diagonal, first, n_images)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"strength must be larger for images that depend on each other, got {strength}"
            ) from error
        self._factor = strength, n_images


def _zeros(n: int) -> Array:
    """Return zeros (n, n), of which only those take memory that are ever written.

    Huge pages reach across the diagonal, so the lower triangle would be there before it is needed.
    """
    memory = mmap.mmap(-1, max(1, 4 * n * n))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32, n * n).reshape(n, n)

"""Ridge regression on more features than images, by the products of images instead of features.

The weights that minimize |X W - Y|^2 + strength |W|^2 are a sum over images, W = X^T A, where

    A = (X X^T + strength I)^-1 Y.

X X^T is a sum over features.  It is accumulated over groups of features, which need not exist together.
"""

import mmap
from typing import Self

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_number
from imfeat.learn._cholesky import add_products, factorize, substitute
from imfeat.learn._squared_hinge import Solution, hinge_targets, iterate


class RidgeProducts:
    """Products of images that ridge regression is solved from, for any number of features.

    Parameters
    ----------
    n_images : int

    Notes
    -----
    It keeps one matrix (n_images, n_images) of float32.  The products lie in its upper triangle, and
    `solve` works in the lower one.  The intercept is the mean of the targets, which is optimal for
    features of mean 0.
    """

    def __init__(self, n_images: int) -> None:
        self.matrix = _lazy_zeros(n_images)
        self.diagonal = np.zeros(n_images)
        self._factor: tuple[float, int] = (0.0, 0)  # strength and number of images of the current factor

    def add(self, features: Array) -> Self:
        """Add further features, an array of shape (n_images, n); return itself."""
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
            Targets of the first ``n`` images.

        Returns
        -------
        shares : array of shape (n, n_classes), float32
            The weights are X^T shares, with X the features (n, n_features) of these images.
        intercepts : array of shape (n_classes,), float32
        scores : array of shape (n, n_classes), float32
            Scores of these images by the weights and intercepts.

        Raises
        ------
        ValueError
            If images depend on each other, and the strength is too small to make up for it.
        """
        self._factorize(as_number(strength, "strength", least=0), len(targets))
        intercepts = targets.mean(0, dtype=np.float64).astype(np.float32)
        centered = (targets - intercepts).astype(np.float32)
        shares = substitute(self.matrix, centered)
        return shares, intercepts, centered - np.float32(strength) * shares + intercepts

    def solve_squared_hinge(
        self, strength: float, signs: Array, n_iterations: int = 10
    ) -> tuple[Array, Array, Array]:
        """Minimize ``sum max(0, 1 - y (x W + b))^2 + strength |W|^2`` over the first images.

        The parameters and results are those of `solve`, with ``signs`` +1 and -1 as targets, and those
        of `RidgeSums.solve_squared_hinge`.
        """

        def refit(solution: Solution) -> Solution:
            return self.solve(strength, hinge_targets(signs, solution[2]))

        shares, intercepts, scores = iterate(self.solve(strength, signs), refit, n_iterations)
        return shares, intercepts, scores

    def scores(self, shares: Array, intercepts: Array, first: int) -> Array:
        """Return the scores (n, n_classes) of the images from ``first`` on, by shares of those before."""
        scores: Array = self.matrix[: len(shares), first:].T @ shares
        return scores + intercepts

    def _factorize(self, strength: float, n_images: int) -> None:
        """Write the missing rows of the factor for the first images into the lower triangle."""
        if self._factor == (strength, n_images):
            return
        factor_strength, n_rows = self._factor
        first = n_rows if factor_strength == strength and n_rows < n_images else 0
        diagonal = (self.diagonal + strength).astype(np.float32)
        try:
            factorize(self.matrix, diagonal, first, n_images)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"strength must be larger for images that depend on each other, got {strength}"
            ) from error
        self._factor = strength, n_images


def _lazy_zeros(n: int) -> Array:
    """Return zeros (n, n) whose pages take memory only once they are written.

    Huge pages are disabled: they would reach across the diagonal and allocate the lower triangle before
    it is needed.
    """
    memory = mmap.mmap(-1, max(1, 4 * n * n))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32, n * n).reshape(n, n)

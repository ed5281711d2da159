"""Ridge regression on more features than images, by the products of images instead of features.

The weights that minimize |X W - Y|^2 + strength |W|^2 are a sum over images, W = X^T A, where

    A = (X X^T + strength I)^-1 Y.

X X^T is a sum over features.  It is accumulated over groups of features, which need not exist together.  With
the kernel exp(-gamma |x - y|^2), whose squared distances are sums of products, it is replaced block by block.
"""

import mmap
from typing import Any, Self

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_number
from imfeat.learn._cholesky import add_products, blocks, factorize, substitute, unchanged
from imfeat.learn._squared_hinge import Solution, hinge_targets, iterate
from imfeat.learn._threads import with_paying_threads


class RidgeProducts:
    """Products of pairs of images, from which ridge regression is solved in its dual form.

    Parameters
    ----------
    n_images : int

    Notes
    -----
    It keeps one matrix (n_images, n_images) of float32.  The products lie in its upper triangle, and
    `solve` works in the lower one.  The intercept is by default the mean of the targets, which is
    optimal for features of mean 0.

    Examples
    --------
    Four images of one feature, and their targets:

    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[-2], [-2], [2], [2]])
    >>> targets = np.array([[1, -1], [1, -1], [-1, 1], [-1, 1]])
    >>> products = imfeat.learn.RidgeProducts(n_images=4).add(X)
    >>> shares, intercepts, scores = products.solve(16, targets)
    >>> (X.T @ shares).round(2)  # the weights
    array([[-0.25,  0.25]])
    """

    def __init__(self, n_images: int) -> None:
        self.matrix = _lazy_zeros(n_images)
        self.diagonal = np.zeros(n_images)
        self._factor: tuple[Any, int] = (None, 0)  # strength and gamma, and number of images, of the factor

    @with_paying_threads
    def add(self, features: Array) -> Self:
        """Add further features, an array of shape (n_images, n); return itself."""
        x = np.asarray(features, np.float32)
        add_products(self.matrix, x)
        self.diagonal += np.einsum("nd,nd->n", x, x)
        self._factor = None, 0
        return self

    def mean_squared_distance(self) -> float:
        """Return the mean squared distance between two images, an image and itself included."""
        n = len(self.matrix)
        total = self.diagonal.sum()
        for block in blocks(0, n):
            total += 2 * np.triu(self.matrix[block, block], 1).sum(dtype=np.float64)
            total += 2 * self.matrix[block, block.stop :].sum(dtype=np.float64)
        return float(2 * (self.diagonal.mean() - total / n**2))

    @with_paying_threads
    def solve(
        self,
        strength: float,
        targets: Array,
        *,
        gamma: float | None = None,
        sample_weight: Array | None = None,
        centered: bool = True,
    ) -> tuple[Array, Array, Array]:
        """Learn from the first images.

        Parameters
        ----------
        strength : float
        targets : array of shape (n, n_classes), float
            Targets of the first ``n`` images.
        gamma : float, optional
            Coefficient of the kernel ``exp(-gamma |x - y|^2)``.  Without it, the kernel is the product of x
            and y.
        sample_weight : array of shape (n,), optional
            Weights above 0, factors of the squared errors.
        centered : bool
            Whether the features of these images have mean 0, so that the optimal intercept is the mean of the
            targets.  With False, the optimal intercept is computed.

        Returns
        -------
        shares : array of shape (n, n_classes), float32
            The weights are X^T shares, with X the features (n, n_features) of these images.  With ``gamma``,
            the scores are sums of shares times kernels.
        intercepts : array of shape (n_classes,), float32
        scores : array of shape (n, n_classes), float32
            Scores of these images by the weights and intercepts.

        Raises
        ------
        ValueError
            If images depend on each other, and the strength is too small to make up for it.
        """
        strength = as_number(strength, "strength", least=0)
        self._factorize(strength, gamma, len(targets), sample_weight)
        intercepts = np.average(targets.astype(np.float64), 0, sample_weight).astype(np.float32)
        errors = (targets - intercepts).astype(np.float32)
        if centered:
            shares = substitute(self.matrix, errors)
        else:  # shares that sum to 0: those of the errors, less a multiple of those of equal errors
            both = substitute(self.matrix, np.column_stack([errors, np.ones(len(errors), np.float32)]))
            sums = both.sum(0, dtype=np.float64)
            steps = (sums[:-1] / sums[-1]).astype(np.float32)
            shares = both[:, :-1] - both[:, -1:] * steps
            intercepts, errors = intercepts + steps, errors - steps
        penalties = strength if sample_weight is None else (strength / sample_weight)[:, None]
        return shares, intercepts, errors - np.asarray(penalties, np.float32) * shares + intercepts

    @with_paying_threads
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

    @with_paying_threads
    def scores(self, shares: Array, intercepts: Array, first: int, *, gamma: float | None = None) -> Array:
        """Return the scores (n, n_classes) of the images from ``first`` on, by shares of those before."""
        if gamma is None:
            scores: Array = self.matrix[: len(shares), first:].T @ shares
            return scores + intercepts
        scores = np.zeros((len(self.matrix) - first, shares.shape[1]), np.float32)
        for rows in blocks(0, len(shares)):
            products = self.matrix[rows, first:].copy()
            kernels = as_kernels(products, self.diagonal[rows], self.diagonal[first:], gamma)
            scores += kernels.T @ shares[rows]
        return scores + intercepts

    def _factorize(
        self, strength: float, gamma: float | None, n_images: int, sample_weight: Array | None
    ) -> None:
        """Write the missing rows of the factor for the first images into the lower triangle."""
        key = (strength, gamma) if sample_weight is None else None
        if key is not None and self._factor == (key, n_images):
            return
        factor_key, n_rows = self._factor
        first = n_rows if key is not None and factor_key == key and n_rows < n_images else 0
        own = self.diagonal if gamma is None else np.zeros(len(self.diagonal))
        diagonal = own[:n_images] + (strength if sample_weight is None else strength / sample_weight)

        def kernels(rows: slice, cols: slice, block: Array) -> Array:
            as_kernels(block, self.diagonal[rows], self.diagonal[cols], float(gamma or 0))
            if rows == cols:
                np.fill_diagonal(block, 1)
            return block

        self._factor = None, 0
        entries = unchanged if gamma is None else kernels
        try:
            factorize(self.matrix, diagonal.astype(np.float32), first, n_images, entries)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"strength must be larger for images that depend on each other, got {strength}"
            ) from error
        self._factor = key, n_images


def as_kernels(products: Array, row_squares: Array, col_squares: Array, gamma: float) -> Array:
    """Turn products (n, m) of vectors into their kernels exp(-gamma |x - y|^2), in place.

    ``row_squares`` (n,) and ``col_squares`` (m,) are the products of the vectors with themselves.
    """
    dtype = products.dtype
    products *= 2
    products -= row_squares.astype(dtype)[:, None]
    products -= col_squares.astype(dtype)
    np.minimum(products, 0, out=products)
    products *= dtype.type(gamma)
    return np.exp(products, out=products)


def _lazy_zeros(n: int) -> Array:
    """Return zeros (n, n) whose pages take memory only once they are written.

    Huge pages are disabled: they would reach across the diagonal and allocate the lower triangle before
    it is needed.
    """
    memory = mmap.mmap(-1, max(1, 4 * n * n))
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float32, n * n).reshape(n, n)

"""Sums over images that ridge regression on the classes is solved from, in closed form.

With X the features less their means, and Y = +1 for the class of an image and -1 for the others,
also less their means, the weights that minimize |X W - Y|^2 + strength |W|^2 are

    W = (X^T X + strength I)^-1 X^T Y.

X^T X is a sum over images, each times its weight.  It is accumulated in batches and serves all strengths.
"""

from collections.abc import Callable, Iterable
from typing import Self

import numpy as np
import numpy.typing as npt

from imfeat._backend import Array
from imfeat._check import as_number
from imfeat.learn._cholesky import add_products, blocks, factorize, substitute
from imfeat.learn._device_table import DeviceTable
from imfeat.learn._squared_hinge import Solution, hinge_targets, iterate
from imfeat.learn._threads import with_paying_threads
from imfeat.learn._weights import as_weights

Batches = Callable[[], Iterable[tuple[Array, ...]]]

ROWS_AT_ONCE = 4096


class RidgeSums:
    """Sums over images, from which ridge regression is solved.

    Parameters
    ----------
    n_features, n_classes : int
    dtype : float32 or float64
        Dtype of the products of features.  Use float64 for sums that are merged from many parts.

    Notes
    -----
    The size doesn't depend on the number of images: one matrix (n_features, n_features).  The sums lie
    in its upper triangle, and `solve` works in the lower one, so that images can be added, and the
    sums solved, again and again.

    Examples
    --------
    Images are added batch by batch; the sums are solved for any number of strengths:

    >>> import imfeat
    >>> import numpy as np
    >>> sums = imfeat.learn.RidgeSums(n_features=2, n_classes=2)
    >>> X = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])
    >>> sums = sums.add(X[:2], np.array([0, 0])).add(X[2:], np.array([1, 1]))
    >>> for strength in (0, 16):
    ...     weights, intercepts = sums.solve(strength)
    ...     print(weights[0].round(2))
    [-0.5  0.5]
    [-0.25  0.25]
    """

    def __init__(self, n_features: int, n_classes: int, *, dtype: npt.DTypeLike = np.float32) -> None:
        self.matrix = np.zeros((n_features, n_features), dtype)
        self.diagonal = np.zeros(n_features, dtype)
        self.products = np.zeros((n_features, n_classes))
        self.n_images: float = 0
        self.sums = np.zeros(n_features)
        self.counts = np.zeros(n_classes)
        self._shift = np.zeros(n_features, dtype)

    @with_paying_threads
    def add(self, features: Array, labels: Array, sample_weight: Array | None = None) -> Self:
        """Add images; return itself.

        Parameters
        ----------
        features : array of shape (n, n_features)
        labels : array of shape (n,), int
            0 to ``n_classes - 1``.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0, as what an image counts in the sums; ``n_images`` is their sum.
        """
        weights = as_weights(sample_weight, len(labels))
        for first in range(0, len(labels), ROWS_AT_ONCE):
            batch = slice(first, first + ROWS_AT_ONCE)
            batch_weights = None if weights is None else weights[batch]
            if isinstance(features, DeviceTable):
                self._add_on_device(features[batch], labels[batch], batch_weights)
                continue
            self._add_batch(np.asarray(features[batch], self.matrix.dtype), labels[batch], batch_weights)
        return self

    def _add_batch(self, x: Array, labels: Array, weights: Array | None) -> None:
        if not self.n_images:  # a shift near the mean, which limits cancellation
            self._shift = x.mean(0, dtype=np.float64).astype(x.dtype)
        x = x - self._shift
        targets = np.zeros((len(x), len(self.counts)), x.dtype)
        targets[np.arange(len(x)), labels] = 1 if weights is None else weights
        self.products += x.T @ targets
        if weights is None:
            self.sums += x.sum(0, dtype=np.float64)
            self.counts += targets.sum(0, dtype=np.float64)
            self.n_images += len(x)
        else:
            self.sums += weights @ x
            self.counts += np.bincount(labels, weights, minlength=len(self.counts))
            self.n_images += float(weights.sum())
            x *= np.sqrt(weights)[:, None].astype(x.dtype)
        add_products(self.matrix, x.T)
        self.diagonal += np.einsum("nd,nd->d", x, x)

    def _add_on_device(self, x: DeviceTable, labels: Array, weights: Array | None) -> None:
        if not self.n_images:
            self._shift = x.mean().astype(self.matrix.dtype)
        counts = np.ones(len(x)) if weights is None else weights
        targets = np.zeros((len(x), len(self.counts)), x.dtype)
        targets[np.arange(len(x)), labels] = counts
        totals = targets.sum(0, dtype=np.float64)
        self.products += x.T @ targets - np.outer(self._shift, totals)
        sums, products = x.sums(self._shift, weights)
        self.sums += sums
        self.counts += totals
        self.n_images += len(x) if weights is None else float(weights.sum())
        self.matrix += np.triu(products)
        self.diagonal += np.einsum("ii->i", products)

    def merge(self, other: "RidgeSums") -> Self:
        """Add the sums over other images; return itself.

        Parameters
        ----------
        other : RidgeSums
            Sums over as many features and classes; not changed.

        Notes
        -----
        Each object sums features less a shift of its own.  With d the difference of the shifts, s the
        sums and n the number of the other images, their products change by s d^T + d s^T + n d d^T.
        """
        if not self.n_images:
            self._shift = other._shift
        offset = other._shift.astype(np.float64) - self._shift
        shifted_sums = other.sums + other.n_images * offset
        for block in blocks(0, len(self.matrix)):
            columns = slice(block.start, None)
            block_row = self.matrix[block, columns]
            block_row += other.matrix[block, columns]
            block_row += np.outer(offset[block], other.sums[columns])
            block_row += np.outer(shifted_sums[block], offset[columns])
        self.diagonal += other.diagonal + offset * (other.sums + shifted_sums)
        self.products += other.products + np.outer(offset, other.counts)
        self.sums += shifted_sums
        self.counts += other.counts
        self.n_images += other.n_images
        return self

    @with_paying_threads
    def solve(self, strength: float) -> tuple[Array, Array]:
        """Return weights (n_features, n_classes) and intercepts (n_classes,), in the dtype of the sums.

        Raises
        ------
        ValueError
            If features depend on each other, and the strength is too small to make up for it.
        """
        as_number(strength, "strength", least=0)
        self._factorize(strength)
        return self._solve_for(2 * self.products - self.sums[:, None], 2 * self.counts - self.n_images)

    @with_paying_threads
    def solve_squared_hinge(
        self, strength: float, batches: Batches, n_iterations: int = 10
    ) -> tuple[Array, Array]:
        """Return weights and intercepts that minimize ``sum max(0, 1 - y (x W + b))^2 + strength |W|^2``.

        Parameters
        ----------
        strength : float
        batches : function without arguments
            Yields the features (n, n_features) and labels (n,) that were added, in batches, and their
            weights (n,) if they had any.
        n_iterations : int
            Passes over the batches.

        Notes
        -----
        The loss is minimized by ridge regressions for changing targets, see `imfeat.learn._squared_hinge`.
        """

        def refit(solution: Solution) -> Solution:
            coef, intercepts = solution
            products = np.zeros_like(self.products)
            totals = np.zeros_like(self.counts)
            for x, labels, *weights in batches():
                signs = np.where(labels[:, None] == np.arange(len(totals)), np.float32(1), np.float32(-1))
                targets = hinge_targets(signs, x @ coef + intercepts)
                if weights:
                    targets *= weights[0][:, None]
                totals += targets.sum(0, dtype=np.float64)
                products += x.T @ targets - np.outer(self._shift, targets.sum(0))
            return self._solve_for(products, totals)

        weights, intercepts = iterate(self.solve(strength), refit, n_iterations)
        return weights, intercepts

    def _solve_for(self, products: Array, totals: Array) -> tuple[Array, Array]:
        """Return weights and intercepts for sums of features times targets, and of targets."""
        mean = self.sums / self.n_images
        centered = (products - np.outer(mean, totals)).astype(self.matrix.dtype)
        weights = substitute(self.matrix, centered)
        intercepts = totals / self.n_images - (mean + self._shift) @ weights
        return weights, intercepts.astype(self.matrix.dtype)

    def _factorize(self, strength: float) -> None:
        """Write the factor of the covariance plus the strength into the lower triangle."""
        dtype = self.matrix.dtype
        sums = self.sums.astype(dtype)
        mean = (self.sums / self.n_images).astype(dtype)
        diagonal = self.diagonal + dtype.type(strength)

        def entries(rows: slice, cols: slice, block: Array) -> Array:
            block -= np.outer(mean[rows], sums[cols])
            return block

        try:
            factorize(self.matrix, diagonal, 0, len(self.matrix), entries)
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"strength must be larger for features that depend on each other, got {strength}"
            ) from error

"""Scores of test images by classifiers that were solved from products of images."""

from dataclasses import dataclass

import numpy as np

from imfeat._backend import Array
from imfeat.compare.tables import ROWS_AT_ONCE, OrderedTable, Table, columns_of, slices_of
from imfeat.learn.dual import as_kernels


@dataclass(frozen=True, eq=False)
class Solution:
    """A classifier from products of images: its parameters, shares of images, and scores."""

    strength: float
    gamma: float | None
    validation: Array
    shares: Array
    intercepts: Array
    train: Array
    tune_seconds: float
    train_seconds: float


class TestScores:
    """Scores of the test images, accumulated over groups of features."""

    def __init__(self, solutions: dict[str, Solution], squares: Array, scale: float, n_test: int) -> None:
        self._solutions = solutions
        self._linear = [name for name, solution in solutions.items() if solution.gamma is None]
        self._kernels = [name for name in solutions if name not in self._linear]
        self._scale = scale
        self._squares = squares
        self._test_squares = np.zeros(n_test)
        if self._linear:
            self._shares = np.concatenate([solutions[name].shares for name in self._linear], 1)
            self._scores = np.zeros((n_test, self._shares.shape[1]), np.float32)
        if self._kernels:
            self._products = np.zeros((n_test, len(squares)), np.float32)

    def add(self, train: Table | OrderedTable, test: Table) -> None:
        """Add a group of features of the training and the test images."""
        if self._linear:
            weights = np.zeros((train.shape[1], self._shares.shape[1]), np.float32)
            for rows in slices_of(train):
                weights += train[rows].T @ self._shares[rows]
            for rows in slices_of(test):
                self._scores[rows] += test[rows] @ weights
        if self._kernels:
            for x, y in zip(columns_of(train), columns_of(test), strict=True):
                self._test_squares += np.einsum("nd,nd->n", y, y)
                for first in range(0, len(y), ROWS_AT_ONCE):
                    rows = slice(first, first + ROWS_AT_ONCE)
                    self._products[rows] += y[rows] @ x.T

    def scores(self) -> dict[str, Array]:
        """Return the scores (n_test, n_classes) of each classifier."""
        found = {}
        if self._linear:
            parts = np.split(self._scores, len(self._linear), axis=1)
            found = dict(zip(self._linear, parts, strict=True))
        for name in self._kernels:
            solution = self._solutions[name]
            gamma = (solution.gamma or 0) / self._scale
            found[name] = np.empty((len(self._products), solution.shares.shape[1]), np.float32)
            for first in range(0, len(self._products), ROWS_AT_ONCE):
                rows = slice(first, first + ROWS_AT_ONCE)
                products = self._products[rows].copy()
                kernels = as_kernels(products, self._test_squares[rows], self._squares, gamma)
                found[name][rows] = kernels @ solution.shares
        return {name: found[name] + solution.intercepts for name, solution in self._solutions.items()}

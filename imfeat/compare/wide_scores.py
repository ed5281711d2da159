"""Scores of test images by classifiers that were solved from products of images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from imfeat._backend import Array
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.linear_model import LinearModel
from imfeat.compare.pipelines import estimator_of, pipeline_of
from imfeat.compare.tables import (
    ROWS_AT_ONCE,
    Table,
    Tables,
    columns_of,
    scaler_of_groups,
    side_by_side,
    slices_of,
)
from imfeat.learn import KernelRidgeClassifier
from imfeat.learn.dual import as_kernels

MOST_BYTES = 4_000_000_000  # of the training features that a model with a kernel holds


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
        self._weights: list[Array] = []
        self._scalers: list[Any] = []
        self._held: (
            list[Table] | None
        ) = []  # training features, for models with a kernel that are not too large
        if self._linear:
            self._shares = np.concatenate([solutions[name].shares for name in self._linear], 1)
            self._scores = np.zeros((n_test, self._shares.shape[1]), np.float32)
        if self._kernels:
            self._products = np.zeros((n_test, len(squares)), np.float32)

    def add(self, tables: Tables) -> None:
        """Add a group of features of the training and the test images."""
        train = tables.train
        test = tables.test
        self._scalers.append(tables.scaler)
        if self._linear:
            weights = np.zeros((train.shape[1], self._shares.shape[1]), np.float32)
            for rows in slices_of(train):
                weights += train[rows].T @ self._shares[rows]
            for rows in slices_of(test):
                self._scores[rows] += test[rows] @ weights
            self._weights.append(weights)
        if self._kernels:
            self._hold(train)
            for x, y in zip(columns_of(train), columns_of(test), strict=True):
                self._test_squares += np.einsum("nd,nd->n", y, y)
                for first in range(0, len(y), ROWS_AT_ONCE):
                    rows = slice(first, first + ROWS_AT_ONCE)
                    self._products[rows] += y[rows] @ x.T

    def _hold(self, train: Table) -> None:
        if self._held is not None:
            self._held.append(train)
            if 4 * sum(table.shape[0] * table.shape[1] for table in self._held) > MOST_BYTES:
                self._held = None

    def pipelines(self, transformer: Any, classes: Array) -> dict[str, Pipeline]:
        """Return the pipelines of classifiers, given the transformer of all groups.

        Those with a kernel hold the features of all training images, and have none if these are too many.
        """
        pipelines = {}
        scaler = scaler_of_groups(self._scalers)
        if self._kernels and self._held is not None:
            features = side_by_side(self._held)
            for name in self._kernels:
                estimator = self._kernel_estimator(self._solutions[name], features, classes)
                pipelines[name] = pipeline_of(transformer, scaler, estimator)
        if not self._linear:
            return pipelines
        parts = np.split(np.concatenate(self._weights), len(self._linear), axis=1)
        for name, weights in zip(self._linear, parts, strict=True):
            solution = self._solutions[name]
            model = LinearModel(weights, solution.intercepts)
            estimator = estimator_of(model, classes, solution.strength, classifier_of(name).loss)
            pipelines[name] = pipeline_of(transformer, scaler, estimator)
        return pipelines

    def _kernel_estimator(self, solution: Solution, features: Array, classes: Array) -> KernelRidgeClassifier:
        gamma = solution.gamma or 0.0
        estimator = KernelRidgeClassifier(gamma, strength=solution.strength)
        estimator.classes_ = classes
        estimator.X_fit_ = features
        estimator.dual_coef_ = solution.shares
        estimator.intercept_ = solution.intercepts
        estimator.gamma_ = gamma / self._scale
        estimator.n_features_in_ = features.shape[1]
        return estimator

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

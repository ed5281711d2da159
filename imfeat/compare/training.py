"""Training on a table of features, and the scores, accuracy and size of trained models."""

import pickle
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from imfeat._backend import Array
from imfeat.compare.linear_model import LinearModel
from imfeat.compare.span import SpanTable
from imfeat.compare.tables import ROWS_AT_ONCE, Table, slices_of
from imfeat.learn import RidgeProducts, RidgeSums
from imfeat.models import logits_of

Batches = Callable[[], Iterator[tuple[Array, Array]]]
SolveSums = Callable[[RidgeSums, float, Batches], tuple[Array, Array]]
SolveProducts = Callable[[RidgeProducts, float, Array, float | None], tuple[Array, Array, Array]]


class Trainer(Protocol):
    """Training of a classifier on some rows of a table, with any strength."""

    def train(self, strength: float) -> tuple[Any, bool | None]:
        """Return a model, and whether it met its stopping rule; None if it has none."""
        ...

    def with_all_rows(self) -> "Trainer":
        """Return a trainer on all rows of the table.  This one may not be used any more."""
        ...


@dataclass(eq=False)
class RefitTrainer:
    """A trainer that builds a classifier, and fits it, for each strength."""

    build: Callable[[float, int, int], Any]
    features: Table
    labels: Array
    rows: Array
    seed: int

    def train(self, strength: float) -> tuple[Any, bool | None]:
        """Return a model, and whether it met its stopping rule; None if it has none."""
        features = self.features
        rows = self.rows
        model = self.build(strength, len(rows), self.seed)
        if isinstance(features, SpanTable):
            model._fan_in = features.fan_in
            features = features.coordinates
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the record tells
            if hasattr(model, "fit_rows") and not isinstance(features, np.ndarray):
                model.fit_rows(lambda batch: features[rows[batch]], self.labels[rows], features.shape[1])
            else:
                model.fit(features[:] if len(rows) == len(features) else features[rows], self.labels[rows])
        return model, getattr(model, "converged_", None)

    def with_all_rows(self) -> "RefitTrainer":
        """Return a trainer on all rows of the table."""
        rows = np.arange(len(self.labels))
        return RefitTrainer(self.build, self.features, self.labels, rows, self.seed)


class SumsTrainer:
    """A trainer that sums over the rows once, and solves these sums for each strength."""

    def __init__(self, solve: SolveSums, features: Table, labels: Array, rows: Array) -> None:
        self._solve = solve
        self._features = features
        self._classes, self._labels = np.unique(labels, return_inverse=True)
        self._rows = rows
        self.sums = RidgeSums(features.shape[1], len(self._classes))
        self._add(rows)

    def train(self, strength: float) -> tuple["LinearModel", None]:
        """Return a model, and None."""
        weights, intercepts = self._solve(self.sums, strength, lambda: self._batches(self._rows))
        return LinearModel(weights, intercepts), None

    def with_all_rows(self) -> "SumsTrainer":
        """Add the other rows of the table, and return itself."""
        all_rows = np.arange(len(self._labels))
        self._add(np.setdiff1d(all_rows, self._rows))
        self._rows = all_rows
        return self

    def _add(self, rows: Array) -> None:
        for features, labels in self._batches(rows):
            self.sums.add(features, labels)

    def _batches(self, rows: Array) -> Iterator[tuple[Array, Array]]:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            batch = rows[first : first + ROWS_AT_ONCE]
            yield self._features[batch], self._labels[batch]


def scores_of(model: Any, features: Table, rows: Array | None = None) -> Array:
    """Return the scores (n, n_classes) of a model for the rows, by default all, of a table."""
    batches = slices_of(features) if rows is None else np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE))
    scores: Array = np.concatenate([logits_of(model, features[batch]) for batch in batches])
    return scores


def accuracy(scores: Array, labels: Array, classes: Array) -> float:
    """Return the share of images whose class has the highest score."""
    return float((classes[scores.argmax(1)] == labels).mean())


def size_of(model: Any) -> int:
    """Return the number of bytes of the parameters of a model, or of its pickle."""
    if network := getattr(model, "network_", None):
        return int(sum(array.nbytes for array in network.parameters))
    if hasattr(model, "coef_"):
        return int(model.coef_.nbytes + 4 * len(model.coef_))
    return len(pickle.dumps(model))

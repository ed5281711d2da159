"""Cross-validation: each image is tested once, by models that learned from the other folds.

Folds are stretches of the images of each class, in the order of their files, since neighbours are often
pictures of the same thing.  The predictions of all folds together make a cell.  The models that are kept
learn from all images, with a strength that is chosen on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.compare.cells import Cell, Record, mean, mean_weights
from imfeat.compare.statistics import macro_averages
from imfeat.compare.workspace import Workspace
from imfeat.datasets import DataSet, ImageSet
from imfeat.models.calibration import expected_calibration_error, softmax

N_FOLDS = 5
FEW_IMAGES = 500  # fewer are cross-validated by default
REFIT = "all-images"  # the part of the store with the models that are kept
MEANS = ("train_accuracy", "feature_seconds", "tune_seconds", "train_seconds")
SUMS = ("predict_seconds", "test_feature_seconds")


def number_of_folds(folds: int | None, data: DataSet, *, others: Sequence[str]) -> int:
    """Return the number of folds, 0 for none.

    Parameters
    ----------
    folds : int or None
        What the caller asks for; None for the default.
    data : DataSet
    others : sequence of str
        Options that cross-validation can't be combined with, as far as they were given.

    Raises
    ------
    ValueError
        If there can't be so many.
    """
    n_images = len(data.train) + len(data.test)
    is_drawn = data.train.positions is not None
    if folds is None:
        if others or not is_drawn or n_images >= FEW_IMAGES:
            return 0
        folds = N_FOLDS
    elif isinstance(folds, bool) or not isinstance(folds, int) or folds < 0 or folds == 1:
        raise ValueError(f"folds must be 0 or at least 2, got {folds!r}")
    elif not folds:
        return 0
    elif not is_drawn:
        raise ValueError(
            "folds are for a folder without test images of its own; this source says what to test on"
        )
    elif others:
        raise ValueError(f"folds can't be combined with {' and '.join(others)}; give folds=0 for one split")
    labels = np.concatenate([data.train.labels, data.test.labels])
    return min(folds, int(np.bincount(labels).max()))


def join(data: DataSet) -> ImageSet:
    """Return training and test images together, in the order of the source."""
    train, test = data
    assert train.positions is not None
    assert test.positions is not None
    order = np.argsort(np.concatenate([train.positions, test.positions]))
    both = ImageSet(
        np.concatenate([train.images, test.images]),
        np.concatenate([train.labels, test.labels]),
        train.class_names,
        paths=train.paths + test.paths,
    )
    return replace(both.at(order), skipped=train.skipped, left_out=train.left_out)


def fold_numbers(labels: Array, n_folds: int) -> Array:
    """Return the fold of each image: stretches of each class, as equal in size as possible."""
    folds = np.empty(len(labels), np.int64)
    first = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks = np.arange(len(members))
        # Classes begin at different folds, so that the folds of many small classes are of equal sizes.
        folds[members] = (ranks * n_folds // len(members) + first) % n_folds
        first += len(members)
    return folds


@dataclass(frozen=True, eq=False)
class Folds:
    """The folds of the images of a workspace.

    Attributes
    ----------
    workspace : Workspace
        Of all images, which are both its training and its test set.
    numbers : array of shape (n,), int
        The fold of each image.
    """

    workspace: Workspace
    numbers: Array

    @property
    def names(self) -> list[str]:
        """The names of the parts of the store."""
        n_folds = int(self.numbers.max()) + 1
        return [f"fold-{k + 1}-of-{n_folds}" for k in range(n_folds)]

    def part(self, k: int) -> Workspace:
        """Return the workspace that tests on a fold."""
        images = self.workspace.data.train
        is_test = self.numbers == k
        workspace = self.workspace.other(
            self.names[k],
            images.at(np.flatnonzero(~is_test)),
            images.at(np.flatnonzero(is_test)),
            with_scores=True,
        )
        workspace.explains = k == 0  # the pictures of one fold stand for all
        return workspace

    def n_train(self, k: int) -> int:
        """Return the number of images that a fold does not test."""
        return int(np.count_nonzero(self.numbers != k))

    def refit(self, pooled: Sequence[Cell]) -> Workspace:
        """Return the workspace that learns from all images, and keeps models with the accuracies of folds."""
        images = self.workspace.data.train
        reported = {(cell.record.feature, cell.record.classifier): cell.record for cell in reversed(pooled)}
        few = images.at(np.arange(1))  # the test set, of which nothing is reported
        models = self.workspace.models
        return self.workspace.other(REFIT, images, few, models=models, reported=reported)

    def pool(self, cells: Sequence[Sequence[Cell]]) -> tuple[Cell, ...]:
        """Return the cells of all folds together, given those of each fold in the same order."""
        return tuple(
            self.workspace.store.put(self._pooled(of_folds)) for of_folds in zip(*cells, strict=True)
        )

    def _pooled(self, cells: Sequence[Cell]) -> Cell:
        labels = self.workspace.data.train.labels
        n_tests = np.bincount(self.numbers)
        predicted = np.empty(len(labels), np.int32)
        margins = np.empty(len(labels), np.float32)
        probabilities = np.empty((len(labels), 2), np.float32)
        for k, cell in enumerate(cells):
            probabilities[self.numbers == k] = cell.probabilities
            predicted[self.numbers == k] = cell.predicted
            margins[self.numbers == k] = cell.margins
        records = [cell.record for cell in cells]
        middle = sorted(records, key=lambda record: record.strength)[len(records) // 2]
        balanced, f1 = macro_averages(labels, predicted)
        times: dict[str, Any] = {name: mean(records, name) for name in MEANS}
        times |= {name: len(records) * mean(records, name) for name in SUMS}
        validation = [record.validation_accuracy for record in records]
        record = replace(
            middle,
            test_accuracy=float((predicted == labels).mean()),
            validation_accuracy=float(np.average(validation, weights=len(labels) - n_tests)),
            converged=_all(records),
            balanced_accuracy=balanced,
            macro_f1=f1,
            calibration_error=self._calibration_error(cells),
            weights=mean_weights(records),
            **times,
        )
        first = cells[0]
        return replace(
            first, record=record, predicted=predicted, margins=margins, probabilities=probabilities, scores={}
        )

    def _calibration_error(self, cells: Sequence[Cell]) -> float | None:
        """Return the expected calibration error of the probabilities of all folds together."""
        classes = self.workspace.classes
        if any(cell.scores["test"].shape[1] != len(classes) for cell in cells):
            return None
        labels = self.workspace.data.train.labels
        probabilities = [softmax(cell.scores["test"], cell.record.temperature) for cell in cells]
        truth = [np.searchsorted(classes, labels[self.numbers == k]) for k in range(len(cells))]
        return expected_calibration_error(np.concatenate(probabilities), np.concatenate(truth))


def folds_in_words(n_folds: int, n_images: int) -> str:
    """Return a sentence about what accuracies of folds are, and what their intervals are not."""
    return (
        f"Each of the {n_images:,} images is tested once, by models that learned from the other "
        f"{n_folds - 1} of {n_folds} folds. Models of different folds share most of their training images, "
        "so intervals and p-values, which take the tests for independent, are somewhat too small (Bengio and "
        "Grandvalet 2004). The model that is kept has learned from all images."
    )


def _all(records: Sequence[Record]) -> bool | None:
    converged = [record.converged for record in records]
    return None if None in converged else all(converged)

"""The choice of the strength of a regularization on validation images, in the same way for all classifiers.

The last tenth of each class of the training set (a fifth, if there are few images) is for validation.
Up to five strengths are tried, from the middle of a scale to stronger and weaker ones as long as the
validation accuracy rises.  Strengths are tried on at most 10,000 of the other images, drawn class by
class.  The classifier with the chosen strength then learns from all of the other images, so that
validation accuracies can be compared.  Classifiers in closed form always learn from all of them, as
further strengths cost little.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from imfeat._backend import Array
from imfeat.compare.classifiers import MOST_TRIED, classifier_of
from imfeat.compare.tables import Table
from imfeat.compare.training import Trainer, accuracy, scores_of
from imfeat.learn.ridge import split_last

MAX_TUNING_IMAGES = 10_000
VALIDATION_SHARE = 0.2  # of up to MAX_TUNING_IMAGES images
LARGE_VALIDATION_SHARE = 0.1  # of more images

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Choice:
    """A strength, its validation accuracy, and the seconds that its choice took.

    ``gamma`` is the width of a kernel, None for classifiers without one.  ``scores`` are those of the
    validation images.  ``trainer`` has learned from the training rows; it is None if the choice was made in
    an earlier run, or the trainer was used.  ``temperature`` is that of an earlier run, too.
    """

    strength: float
    validation_accuracy: float
    seconds: float
    scores: Array
    trainer: Trainer | None = None
    gamma: float | None = None
    temperature: float | None = None


def split(labels: Array) -> tuple[Array, Array]:
    """Return the indices of the images to learn from, and of the images to validate with.

    Raises
    ------
    ValueError
        If no class has enough images.
    """
    share = LARGE_VALIDATION_SHARE if len(labels) > MAX_TUNING_IMAGES else VALIDATION_SHARE
    train_rows, validation_rows = split_last(labels, share)
    if not len(validation_rows):
        raise ValueError("no class has two training images, one to learn from and one to validate with")
    return train_rows, validation_rows


def draw_rows(rows: Array, labels: Array, seed: int) -> Array:
    """Return all rows, or `MAX_TUNING_IMAGES` of them, drawn class by class."""
    share = MAX_TUNING_IMAGES / len(rows)
    if share >= 1:
        return rows
    rng = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(labels[rows]):
        members = rng.permutation(rows[labels[rows] == label])
        drawn.append(members[: max(1, round(len(members) * share))])
    return rng.permutation(np.concatenate(drawn))


def climb(strengths: tuple[T, ...], accuracy_of: Callable[[T], float], start: T | None = None) -> T:
    """Go from a strength to stronger or weaker ones as long as the accuracy rises.

    The first one is in the middle by default.  At most `MOST_TRIED` accuracies are asked for, each once.
    """
    accuracies: dict[int, float] = {}

    def accuracy_at(k: int) -> float:
        if k not in accuracies:
            accuracies[k] = accuracy_of(strengths[k])
        return accuracies[k]

    best = len(strengths) // 2 if start is None else strengths.index(start)
    for step in (-1, 1):
        while 0 <= (k := best + step) < len(strengths) and (k in accuracies or len(accuracies) < MOST_TRIED):
            if accuracy_at(k) <= accuracy_at(best):
                break
            best = k
    return strengths[best]


def choose(name: str, features: Table, labels: Array, seed: int) -> Choice:
    """Choose the strength of a classifier on a feature."""
    start = time.perf_counter()
    classifier = classifier_of(name)
    classes = np.unique(labels)
    train_rows, validation_rows = split(labels)
    tuning_rows = draw_rows(train_rows, labels, seed) if classifier.tunes_on_subset else train_rows
    trainer = classifier.trainer(features, labels, tuning_rows, seed)
    scores: dict[float, Array] = {}

    def train(strength: float) -> float:
        model, _ = trainer.train(strength)
        scores[strength] = scores_of(model, features, validation_rows)
        return accuracy(scores[strength], labels[validation_rows], classes)

    best = climb(classifier.strengths, train)
    if len(tuning_rows) < len(train_rows):
        trainer = classifier.trainer(features, labels, train_rows, seed)
        train(best)
    elif best not in scores:
        train(best)
    best_accuracy = accuracy(scores[best], labels[validation_rows], classes)
    return Choice(best, best_accuracy, time.perf_counter() - start, scores[best], trainer)

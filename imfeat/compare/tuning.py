"""How the strength of a regularization is chosen: by the validation part, in the same way for all.

The last tenth of each class of the training set (fifth, if there are few images) is for validation.
Up to five strengths are tried, from the middle of a scale to stronger and weaker ones as long as the
accuracy on the validation part rises.  Those tried learn from at most 10,000 of the other images, drawn
class by class; the one that is chosen then learns from all of them, for a validation accuracy that can be
compared.  Ridge regression, and the SVM that is solved by it, always learn from all of them, as they try
further strengths at no further cost.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat.compare.classifiers import (
    CLASSIFIERS,
    CLOSED_FORM,
    accuracy,
    climb,
    fit,
    ridge_sums,
    scores_of,
    solved_model,
)
from imfeat.compare.tables import Table
from imfeat.learn import RidgeSums
from imfeat.learn.ridge import split_last

MAX_TUNING_IMAGES = 10_000
VALIDATION_SHARE, LARGE_VALIDATION_SHARE = 0.2, 0.1  # of up to as many images, and of more


@dataclass(frozen=True, eq=False)
class Choice:
    """A strength, its accuracy on the validation part, and the seconds it took to find.

    ``scores`` are those of the validation part, ``sums`` those of ridge regression over the images
    that were learned from.
    """

    strength: float
    validation_accuracy: float
    seconds: float
    scores: Array
    sums: RidgeSums | None = None


def split(labels: Array) -> tuple[Array, Array]:
    """Return the indices of the images to learn from, and of those to validate with.

    Raises
    ------
    ValueError
        If no class has images enough.
    """
    share = LARGE_VALIDATION_SHARE if len(labels) > MAX_TUNING_IMAGES else VALIDATION_SHARE
    known, left = split_last(labels, share)
    if not len(left):
        raise ValueError("no class has two training images, one to learn from and one to validate with")
    return known, left


def some_of(rows: Array, labels: Array, seed: int) -> Array:
    """Return rows, or as many of them as tuning may take, class by class."""
    share = MAX_TUNING_IMAGES / len(rows)
    if share >= 1:
        return rows
    rng, parts = np.random.default_rng(seed), []
    for label in np.unique(labels[rows]):
        members = rng.permutation(rows[labels[rows] == label])
        parts.append(members[: max(1, round(len(members) * share))])
    return rng.permutation(np.concatenate(parts))


def choose(name: str, features: Table, labels: Array, seed: int) -> Choice:
    """Choose the strength of a classifier on a feature."""
    start = time.perf_counter()
    known, left = split(labels)
    classes, some = np.unique(labels), some_of(known, labels, seed)
    sums = ridge_sums(features, labels, known) if name in CLOSED_FORM else None
    scores: dict[float, Array] = {}

    def model_of(strength: float, rows: Array) -> Any:
        if sums is not None:
            return solved_model(name, sums, strength, features, labels, known)
        return fit(name, strength, features, labels, rows, seed)[0]

    def accuracy_of(strength: float) -> float:
        scores[strength] = scores_of(model_of(strength, some), features, left)
        return accuracy(scores[strength], labels[left], classes)

    best = climb(CLASSIFIERS[name].strengths, accuracy_of)
    if best not in scores or (sums is None and len(some) < len(known)):
        scores[best] = scores_of(model_of(best, known), features, left)
    found = accuracy(scores[best], labels[left], classes)
    return Choice(best, found, time.perf_counter() - start, scores[best], sums)

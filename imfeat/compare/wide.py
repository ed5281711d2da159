"""Linear classifiers on more features than images, in closed form, one part of the features at a time.

The features of ``a+b`` never exist together: the products of images are added up part by part, the
classifiers are found from those, and then each part is computed once more, for its weights.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.pipeline import FeatureUnion

from imfeat._backend import Array
from imfeat.compare.classifiers import CLASSIFIERS, accuracy, climb
from imfeat.compare.tables import Table, columns_of, slices_of, standardized_tables
from imfeat.datasets import DataSet
from imfeat.learn import RidgeProducts


@dataclass(frozen=True, eq=False)
class WideFit:
    """A classifier on wide features: what chose its strength, what it says, and the seconds it took."""

    strength: float
    validation: Array
    train: Array
    test: Array
    tune_seconds: float
    train_seconds: float
    predict_seconds: float


def parts_of(transformer: Any) -> list[Any]:
    """Return the transformers whose features are side by side."""
    if isinstance(transformer, FeatureUnion):
        return [part for _, part in transformer.transformer_list]
    return [transformer]


def fit_wide(
    transformer: Any,
    names: tuple[str, ...],
    strengths: dict[str, float],
    data: DataSet,
    known: Array,
    left: Array,
    announce: Callable[[str], None],
) -> tuple[dict[str, WideFit], float]:
    """Train classifiers in closed form on the features of a fitted transformer.

    Parameters
    ----------
    strengths : dict of str to float
        Of the classifiers whose strength is known; those of others are chosen.
    known, left : arrays of int
        The training images to learn from, and those to validate with, before all are learned from.

    Returns
    -------
    dict of str to WideFit, and the seconds that the features took.
    """
    start, order = time.perf_counter(), np.concatenate([known, left])
    images, labels = data.train.images[order], data.train.labels[order]
    classes, parts = np.unique(labels), parts_of(transformer)
    signs = np.where(labels[:, None] == classes, np.float32(1), np.float32(-1))
    products = RidgeProducts(len(labels))
    for i, part in enumerate(parts, 1):
        announce(f"products of images, part {i} of {len(parts)}")
        table, _, _ = standardized_tables(part, images, data.test.images[:1])
        for columns in columns_of(table):
            products.add(columns)
        del table, columns  # before there is another one, or the factor
    seconds = time.perf_counter() - start
    announce(f"strength of {', '.join(names)}")
    solutions = _solve(names, strengths, products, signs, labels, len(known))
    del products
    start = time.perf_counter()
    shares = np.concatenate([solution.shares for solution in solutions.values()], 1)
    scores = np.zeros((len(data.test.labels), shares.shape[1]), np.float32)
    for i, part in enumerate(parts, 1):
        announce(f"weights, part {i} of {len(parts)}")
        known_table, new_table, _ = standardized_tables(part, images, data.test.images)
        scores += _scores(known_table, new_table, shares)
    predict = time.perf_counter() - start
    back, fits = np.argsort(order), {}
    for name, test in zip(solutions, np.split(scores, len(solutions), axis=1), strict=True):
        s = solutions[name]
        seconds_of = s.tune_seconds, s.train_seconds, predict
        fits[name] = WideFit(s.strength, s.validation, s.train[back], test + s.intercepts, *seconds_of)
    return fits, seconds


@dataclass(frozen=True, eq=False)
class _Solution:
    strength: float
    validation: Array
    shares: Array
    intercepts: Array
    train: Array
    tune_seconds: float
    train_seconds: float


def _solve(
    names: tuple[str, ...],
    strengths: dict[str, float],
    products: RidgeProducts,
    signs: Array,
    labels: Array,
    n_known: int,
) -> dict[str, _Solution]:
    """Choose strengths on what comes after the known images, and learn from all."""
    start, classes = time.perf_counter(), np.unique(labels)
    found: dict[tuple[str, float], Array] = {}

    def found_by(name: str, strength: float) -> float:
        if (name, strength) not in found:
            for other in names:  # they share a factor
                shares, intercepts, _ = _solver(other, products)(strength, signs[:n_known])
                found[other, strength] = products.scores(shares, intercepts, n_known)
        return accuracy(found[name, strength], labels[n_known:], classes)

    chosen, solutions = {}, {}
    for name in names:
        tried = CLASSIFIERS[name].strengths
        chosen[name] = strengths[name] if name in strengths else climb(tried, partial(found_by, name))
        found_by(name, chosen[name])
    tuned = (time.perf_counter() - start) / len(names)
    for name, strength in chosen.items():
        start = time.perf_counter()
        solution = _solver(name, products)(strength, signs)
        validation = found[name, strength]
        solutions[name] = _Solution(strength, validation, *solution, tuned, time.perf_counter() - start)
    return solutions


def _solver(name: str, products: RidgeProducts) -> Callable[[float, Array], tuple[Array, Array, Array]]:
    return products.solve_squared_hinge if name == "l2svm" else products.solve


def _scores(train: Table, test: Table, shares: Array) -> Array:
    """Return the scores of test images, from the shares of training images in the weights."""
    weights = np.zeros((train.shape[1], shares.shape[1]), np.float32)
    for rows in slices_of(train):
        weights += train[rows].T @ shares[rows]
    return np.concatenate([test[rows] @ weights for rows in slices_of(test)])

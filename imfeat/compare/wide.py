"""Linear classifiers in closed form on more features than images, computed in groups of features.

The features of ``a+b`` never exist together:

1. The products of images are accumulated over the groups ``a`` and ``b``.
2. Strengths are chosen, and classifiers are solved, from these products.
3. Each group is computed again, for its weights and its share of the scores of the test images.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.pipeline import FeatureUnion

from imfeat._backend import Array
from imfeat.compare.classifiers import CLASSIFIERS
from imfeat.compare.tables import Table, columns_of, slices_of, standardized_tables
from imfeat.compare.training import accuracy
from imfeat.compare.tuning import climb
from imfeat.datasets import DataSet
from imfeat.learn import RidgeProducts


@dataclass(frozen=True, eq=False)
class WideFit:
    """A classifier on wide features: its strength, its scores, and the seconds it took."""

    strength: float
    validation: Array
    train: Array
    test: Array
    tune_seconds: float
    train_seconds: float
    predict_seconds: float


def members_of(transformer: Any) -> list[Any]:
    """Return the transformers of a union, or the transformer itself."""
    if isinstance(transformer, FeatureUnion):
        return [member for _, member in transformer.transformer_list]
    return [transformer]


def fit_wide(
    transformer: Any,
    names: tuple[str, ...],
    strengths: dict[str, float],
    data: DataSet,
    train_rows: Array,
    validation_rows: Array,
    announce: Callable[[str], None],
) -> tuple[dict[str, WideFit], float]:
    """Train classifiers in closed form on the features of a fitted transformer.

    Parameters
    ----------
    transformer : fitted transformer
    names : tuple of str
        Classifiers with ``solve_products``.
    strengths : dict of str to float
        Strengths that have been chosen before; those of the other classifiers are chosen.
    data : DataSet
    train_rows, validation_rows : arrays of int
        Training images to learn from, and to validate with, while strengths are chosen.  The classifiers
        then learn from both.
    announce : function of a str
        Called with a description of the next step.

    Returns
    -------
    dict of str to WideFit
        One for each classifier.
    float
        Seconds that the features took.
    """
    start = time.perf_counter()
    order = np.concatenate([train_rows, validation_rows])
    images = data.train.images[order]
    labels = data.train.labels[order]
    members = members_of(transformer)
    products = RidgeProducts(len(labels))
    for i, member in enumerate(members, 1):
        announce(f"products of images, part {i} of {len(members)}")
        table = standardized_tables(member, images, data.test.images[:1]).train
        for columns in columns_of(table):
            products.add(columns)
        del table, columns  # frees memory before the next table, or the factor
    seconds = time.perf_counter() - start
    announce(f"strength of {', '.join(names)}")
    solutions = _solve(names, strengths, products, labels, len(train_rows))
    del products
    start = time.perf_counter()
    shares = np.concatenate([solution.shares for solution in solutions.values()], 1)
    scores = np.zeros((len(data.test.labels), shares.shape[1]), np.float32)
    for i, member in enumerate(members, 1):
        announce(f"weights, part {i} of {len(members)}")
        tables = standardized_tables(member, images, data.test.images)
        scores += _scores(tables.train, tables.test, shares)
    predict_seconds = time.perf_counter() - start
    original_order = np.argsort(order)
    fits = {}
    for (name, s), test in zip(solutions.items(), np.split(scores, len(solutions), axis=1), strict=True):
        fits[name] = WideFit(
            strength=s.strength,
            validation=s.validation,
            train=s.train[original_order],
            test=test + s.intercepts,
            tune_seconds=s.tune_seconds,
            train_seconds=s.train_seconds,
            predict_seconds=predict_seconds,
        )
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
    labels: Array,
    n_train: int,
) -> dict[str, _Solution]:
    """Choose strengths on the images after the first ``n_train``, and learn from all images."""
    start = time.perf_counter()
    classes = np.unique(labels)
    signs = np.where(labels[:, None] == classes, np.float32(1), np.float32(-1))
    validation: dict[tuple[str, float], Array] = {}

    def solve(name: str, strength: float, n_images: int) -> tuple[Array, Array, Array]:
        solve_products = CLASSIFIERS[name].solve_products
        assert solve_products is not None
        return solve_products(products, strength, signs[:n_images])

    def validate(name: str, strength: float) -> float:
        if (name, strength) not in validation:
            for member in names:  # all classifiers share the factor of a strength
                shares, intercepts, _ = solve(member, strength, n_train)
                validation[member, strength] = products.scores(shares, intercepts, n_train)
        return accuracy(validation[name, strength], labels[n_train:], classes)

    chosen = dict(strengths)
    for name in names:
        if name not in chosen:
            chosen[name] = climb(CLASSIFIERS[name].strengths, partial(validate, name))
        validate(name, chosen[name])
    tune_seconds = (time.perf_counter() - start) / len(names)
    solutions = {}
    for name in names:
        start = time.perf_counter()
        shares, intercepts, train = solve(name, chosen[name], len(labels))
        solutions[name] = _Solution(
            strength=chosen[name],
            validation=validation[name, chosen[name]],
            shares=shares,
            intercepts=intercepts,
            train=train,
            tune_seconds=tune_seconds,
            train_seconds=time.perf_counter() - start,
        )
    return solutions


def _scores(train: Table, test: Table, shares: Array) -> Array:
    """Return the scores of test images, given the shares of training images in the weights."""
    weights = np.zeros((train.shape[1], shares.shape[1]), np.float32)
    for rows in slices_of(train):
        weights += train[rows].T @ shares[rows]
    return np.concatenate([test[rows] @ weights for rows in slices_of(test)])

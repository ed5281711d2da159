"""Classifiers in closed form by products of images: with kernels, and on more features than images.

The features of ``a+b`` never exist together:

1. The products of images are accumulated over the groups ``a`` and ``b``.
2. Strengths are chosen, and classifiers are solved, from these products.
3. Each group is computed again, for its weights and its share of the scores of the test images, or of their
   products with the training images.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline

from imfeat._backend import Array
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.methods import middle
from imfeat.compare.tables import OrderedTable, Tables, columns_of, standardized_tables
from imfeat.compare.training import accuracy
from imfeat.compare.tuning import climb, draw_rows
from imfeat.compare.wide_scores import Solution, TestScores
from imfeat.compare.workspace import FeatureTables
from imfeat.datasets import DataSet
from imfeat.learn import RidgeProducts

Member: TypeAlias = Callable[[Array, int], Tables]
Parameters: TypeAlias = tuple[float, float | None]  # a strength and the gamma of a kernel, relative
MOST_COLUMNS = 40_000  # features whose products with each other fit into memory


def has_many(n_features: int, n_train: int) -> bool:
    """Test whether there are more features than images, and too many to be in memory together."""
    return n_features > max(MOST_COLUMNS, n_train)


def is_by_products(name: str, n_features: int, n_train: int) -> bool:
    """Test whether a classifier is solved from products of images, as fewer images than features allow."""
    classifier = classifier_of(name)
    return classifier.needs_products or (classifier.solve_products is not None and n_train < n_features)


@dataclass(frozen=True, eq=False)
class WideFit:
    """A classifier from products of images: its parameters, its scores, and the seconds it took."""

    strength: float
    gamma: float | None
    validation: Array
    train: Array
    test: Array
    tune_seconds: float
    train_seconds: float
    predict_seconds: float
    pipeline: Pipeline | None


def members_of(transformer: Any) -> list[Any]:
    """Return the transformers of a union, or the transformer itself."""
    if isinstance(transformer, FeatureUnion):
        return [member for _, member in transformer.transformer_list]
    return [transformer]


def computed(member: Any, data: DataSet) -> Member:
    """Return a function that computes the tables of a fitted transformer."""

    def tables_of(order: Array, n_test: int) -> Tables:
        return standardized_tables(member, data.train.images[order], data.test.images[:n_test])

    return tables_of


def kept(tables: FeatureTables) -> Member:
    """Return a function that returns tables that are in memory."""

    def tables_of(order: Array, n_test: int) -> Tables:
        ordered = OrderedTable(tables.train, order)
        return Tables(ordered, tables.test, tables.test_seconds, tables.scaler)

    return tables_of


def fit_wide(
    transformer: Any,
    members: Sequence[Member],
    names: tuple[str, ...],
    chosen: dict[str, Parameters],
    data: DataSet,
    train_rows: Array,
    validation_rows: Array,
    announce: Callable[[str], None],
    seed: int = 0,
) -> tuple[dict[str, WideFit], float]:
    """Train classifiers in closed form on features side by side.

    Parameters
    ----------
    transformer : fitted transformer
        Of all features.
    members : sequence of function of indices of training images, and a number of test images
        Each returns the tables of some of the features for these images.
    names : tuple of str
        Classifiers with ``solve_products``.
    chosen : dict of str to (strength, gamma)
        Parameters that have been chosen before; those of the other classifiers are chosen.
    data : DataSet
    train_rows, validation_rows : arrays of int
        Training images to learn from, and to validate with, while strengths are chosen.  The classifiers
        then learn from both.
    announce : function of a str
        Called with a description of the next step.
    seed : int
        Draws the images with which parameters of kernels are chosen.

    Returns
    -------
    dict of str to WideFit
        One for each classifier.
    float
        Seconds that the products took, with features that are computed.
    """
    start = time.perf_counter()
    tuning_rows = train_rows
    if any(classifier_of(name).gammas for name in names):
        tuning_rows = draw_rows(train_rows, data.train.labels, seed)
        if len(tuning_rows) < len(train_rows):
            train_rows = np.concatenate([tuning_rows, np.setdiff1d(train_rows, tuning_rows)])
    order = np.concatenate([train_rows, validation_rows])
    labels = data.train.labels[order]
    products = RidgeProducts(len(labels))
    for i, member in enumerate(members, 1):
        announce(f"products of images, part {i} of {len(members)}")
        table = member(order, 1).train
        for columns in columns_of(table):
            products.add(columns)
        del table, columns  # frees memory before the next table, or the factor
    seconds = time.perf_counter() - start
    announce(f"strength of {', '.join(names)}")
    scale = products.mean_squared_distance() if any(classifier_of(name).gammas for name in names) else 1.0
    squares = products.diagonal
    solutions = _Solver(products, scale, labels, len(tuning_rows), len(train_rows)).solve(names, chosen)
    del products
    start = time.perf_counter()
    test = TestScores(solutions, squares, scale, len(data.test.labels))
    for i, member in enumerate(members, 1):
        announce(f"weights, part {i} of {len(members)}")
        test.add(member(order, len(data.test.labels)))
    test_scores = test.scores()
    pipelines = test.pipelines(transformer, np.unique(labels))
    predict_seconds = time.perf_counter() - start
    # validation scores are in the order of the validation images, whatever the order of the others
    original_order = np.argsort(order)
    fits = {}
    for name, s in solutions.items():
        fits[name] = WideFit(
            strength=s.strength,
            gamma=s.gamma,
            validation=s.validation,
            train=s.train[original_order],
            test=test_scores[name],
            tune_seconds=s.tune_seconds,
            train_seconds=s.train_seconds,
            predict_seconds=predict_seconds,
            pipeline=pipelines.get(name),
        )
    return fits, seconds


class _Solver:
    """Classifiers from products of images.

    Parameters of kernels are chosen with the first ``n_tuning`` images, others with ``n_train``.  ``scale``
    is the mean squared distance of images, which gammas are relative to.
    """

    def __init__(
        self, products: RidgeProducts, scale: float, labels: Array, n_tuning: int, n_train: int
    ) -> None:
        self.products = products
        self.scale = scale
        self.labels = labels
        self.n_tuning = n_tuning
        self.n_train = n_train
        self.classes = np.unique(labels)
        self.signs = np.where(labels[:, None] == self.classes, np.float32(1), np.float32(-1))
        self.validation: dict[tuple[str, Parameters, int], Array] = {}

    def solve(self, names: tuple[str, ...], chosen: dict[str, Parameters]) -> dict[str, Solution]:
        """Choose parameters on the images after the first ``n_train``, and learn from all images."""
        start = time.perf_counter()
        linear = tuple(name for name in names if not classifier_of(name).gammas)
        chosen = dict(chosen)
        for name in names:
            if name not in chosen:
                chosen[name] = self._choose(name, linear)
            self._validate(name, chosen[name], linear, self.n_train)
        tune_seconds = (time.perf_counter() - start) / len(names)
        solutions = {}
        for name in names:
            start = time.perf_counter()
            shares, intercepts, train = self._solution(name, chosen[name], len(self.labels))
            strength, gamma = chosen[name]
            solutions[name] = Solution(
                strength=strength,
                gamma=gamma,
                validation=self.validation[name, chosen[name], self.n_train],
                shares=shares,
                intercepts=intercepts,
                train=train,
                tune_seconds=tune_seconds,
                train_seconds=time.perf_counter() - start,
            )
        return solutions

    def _choose(self, name: str, linear: tuple[str, ...]) -> Parameters:
        """Return a strength, and for a kernel a gamma: one is chosen for the other, twice."""
        classifier = classifier_of(name)
        if not classifier.gammas:
            validate = partial(self._validate, name, linear=linear, n_images=self.n_train)
            return climb(tuple((strength, None) for strength in classifier.strengths), validate)

        def accuracy_of(parameters: Parameters) -> float:
            return self._validate_kernel(name, parameters, self.n_tuning)

        best: Parameters = middle(classifier.strengths), middle(classifier.gammas)
        for _ in range(2):
            best = climb(tuple((strength, best[1]) for strength in classifier.strengths), accuracy_of, best)
            best = climb(tuple((best[0], gamma) for gamma in classifier.gammas), accuracy_of, best)
        stronger = [strength for strength in reversed(classifier.strengths) if strength > best[0]]
        while stronger and not self._validate_kernel(name, best, self.n_train):
            best = stronger.pop(0), best[1]
        return best

    def _validate_kernel(self, name: str, parameters: Parameters, n_images: int) -> float:
        """Return the accuracy on the validation images, 0 if the strength is too small for float32."""
        try:
            return self._validate(name, parameters, (), n_images)
        except ValueError:
            return 0.0

    def _validate(self, name: str, parameters: Parameters, linear: tuple[str, ...], n_images: int) -> float:
        """Return the accuracy on the validation images of a classifier from the first images.

        Linear classifiers share the factor of a strength, and are validated together.
        """
        for member in linear if name in linear else (name,):
            if (member, parameters, n_images) not in self.validation:
                shares, intercepts, _ = self._solution(member, parameters, n_images)
                self.validation[member, parameters, n_images] = self.products.scores(
                    shares, intercepts, self.n_train, gamma=self._gamma(parameters)
                )
        scores = self.validation[name, parameters, n_images]
        return accuracy(scores, self.labels[self.n_train :], self.classes)

    def _solution(self, name: str, parameters: Parameters, n_images: int) -> tuple[Array, Array, Array]:
        solve_products = classifier_of(name).solve_products
        assert solve_products is not None
        gamma = self._gamma(parameters)
        return solve_products(self.products, parameters[0], self.signs[:n_images], gamma)

    def _gamma(self, parameters: Parameters) -> float | None:
        return None if parameters[1] is None else parameters[1] / self.scale

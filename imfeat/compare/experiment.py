"""The experiment: each feature with each classifier and each seed, by one protocol.

Features are standardized by the training images.  The strength of the regularization is chosen
once for a feature and a classifier, with the first seed, on a validation part of the training set
(tuning.py says how).  Then, for each seed, the classifier is trained on the whole training set and
meets the test set once, for the number that is reported.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat.compare.cache import Cache, code
from imfeat.compare.cells import SUMMED, Cell, Record, Store
from imfeat.compare.classifiers import (
    CLASSIFIERS,
    CLOSED_FORM,
    accuracy,
    fit,
    ridge_sums,
    scores_of,
    size_of,
    solved_model,
)
from imfeat.compare.tables import Table, bytes_of_row, standardized_tables
from imfeat.compare.tuning import Choice, choose, split
from imfeat.compare.wide import WideFit, fit_wide
from imfeat.datasets import DataSet
from imfeat.learn import templates
from imfeat.recipes import parse

MOST_COLUMNS = 40_000  # features up to which their own products fit into memory
MOST_TEMPLATES = 16
SMALL = {"n_words": 8, "n_patches": 1000, "n_components": 4, "n_descriptors": 1000}


@dataclass(frozen=True, eq=False)
class Learned:
    """A transformer that has learned from the training images, and the seconds that took."""

    transformer: Any
    n_features: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Features:
    """The standardized features of a data set, and the seconds they took: all, and of the test images."""

    train: Table
    test: Table
    seconds: float
    test_seconds: float


class Experiment:
    """What all cells share.

    Parameters
    ----------
    data : DataSet
    store : Store
        Cells that are done, and where to keep others.
    cache : Cache
        Of features.
    content : str
        A number for the content of the images, which features are found by in the cache.
    announce : function of a str
        Is told what is done next.
    """

    def __init__(
        self,
        data: DataSet,
        *,
        store: Store | None = None,
        cache: Cache | None = None,
        content: str = "",
        announce: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.data, self.content, self.announce = data, content, announce
        self.store, self.cache = store or Store(), cache or Cache()
        self.classes = np.unique(data.train.labels)
        self.kept: set[str] = set()  # features whose scores a fusion needs

    def run(
        self, features: tuple[str, ...], classifiers: tuple[str, ...], seeds: tuple[int, ...]
    ) -> Iterator[Cell]:
        """Yield a cell for each feature, seed and classifier; the parts of a fusion come before it."""
        self.kept = {part for feature in features for part in members_of(feature)}
        for feature in with_parts(features):
            if not (parts := members_of(feature)):
                yield from FeatureRun(self, feature, classifiers).cells(seeds)
                continue
            for seed, name in itertools.product(seeds, classifiers):
                done = self.store.get(feature, name, seed)
                yield done or self.store.put(
                    self.fuse(feature, [self._part(part, name, seed) for part in parts])
                )

    def fuse(self, feature: str, parts: list[Cell]) -> Cell:
        """Return the cell of the mean of the scores of several features."""
        records = [part.record for part in parts]
        scores = {
            name: np.mean([p.scores[name] for p in parts], 0) for name in ("train", "validation", "test")
        }
        labels = self.data.train.labels
        _, left = split(labels)
        record = replace(
            records[0],
            feature=feature,
            test_accuracy=accuracy(scores["test"], self.data.test.labels, self.classes),
            train_accuracy=accuracy(scores["train"], labels, self.classes),
            validation_accuracy=accuracy(scores["validation"], labels[left], self.classes),
            converged=None,
            **{name: sum(getattr(record, name) for record in records) for name in SUMMED},
        )
        return Cell(record, *self.found(scores["test"]))

    def found(self, scores: Array) -> tuple[Array, Array]:
        """Return the classes that are found for test images, and by how much against the right ones."""
        best = scores.argmax(1)
        right = np.searchsorted(self.classes, self.data.test.labels)
        right = np.minimum(right, len(self.classes) - 1)  # a class that was never seen has no score
        margins = scores.max(1) - np.take_along_axis(scores, right[:, None], 1)[:, 0]
        return self.classes[best].astype(np.int32), margins.astype(np.float32)

    def learn(self, feature: str, seed: int) -> Learned:
        """Return what a feature learns from the training images."""
        return self.cache.get(
            self._key("learned", feature, seed), lambda: learn_feature(feature, self.data, seed)
        )

    def compute(self, feature: str, seed: int, learned: Learned) -> Features:
        """Return the features of all images."""
        key = self._key("features", feature, seed)
        return self.cache.get(key, lambda: compute_features(feature, self.data, learned))

    def _part(self, feature: str, classifier: str, seed: int) -> Cell:
        cell = self.store.get(feature, classifier, seed)
        assert cell is not None, "the parts of a fusion come before it"
        return cell

    def _key(self, what: str, feature: str, seed: int) -> str | None:
        if not self.content or parse(feature).is_registered:  # whose code may change without a trace
            return None
        transformer = parse(feature).transformer(self.data.train.images.shape[1:3], seed)
        return " ".join([what, feature, self.content, code(), joblib.hash(transformer)])


class FeatureRun:
    """The cells of one feature: what is computed for one of them serves the others."""

    def __init__(self, experiment: Experiment, feature: str, classifiers: tuple[str, ...]) -> None:
        self.experiment, self.feature, self.classifiers = experiment, feature, classifiers
        self.learned: Learned | None = None
        self.computed: Features | None = None
        self.choices: dict[str, Choice] = {}

    def cells(self, seeds: tuple[int, ...]) -> Iterator[Cell]:
        """Yield a cell for each seed and classifier."""
        first: dict[str, Cell] = {}
        store = self.experiment.store
        for seed in seeds:
            if parse(self.feature).seeded:
                self.learned = self.computed = None  # so that no two of them fill the memory
            for name in self.classifiers:
                self.experiment.announce(f"{self.feature}, {name}, seed {seed}")
                cell = store.get(self.feature, name, seed)
                if (
                    cell is None
                    and name in first
                    and not (parse(self.feature).seeded or CLASSIFIERS[name].seeded)
                ):
                    same = first[name]  # the same model would come out
                    cell = store.put(replace(same, record=replace(same.record, seed=seed)))
                elif cell is None:
                    cell = self._compute_cell(name, seed)
                first.setdefault(name, cell)
                self.choices.setdefault(name, choice_of(cell))
                yield cell

    def _compute_cell(self, name: str, seed: int) -> Cell:
        experiment = self.experiment
        if self.learned is None:
            self.learned = experiment.learn(self.feature, seed)
        if wide := [other for other in self.classifiers if is_wide(self.learned, other, experiment.data)]:
            self._compute_wide([other for other in wide if self._is_missing(other, seed)], seed)
            if name in wide:
                return experiment._part(self.feature, name, seed)
        if self.computed is None:
            self.computed = experiment.compute(self.feature, seed, self.learned)
        labels = experiment.data.train.labels
        if name not in self.choices:
            self.choices[name] = choose(name, self.computed.train, labels, seed)
        choice = self.choices[name]
        cell = run_cell(experiment, self.feature, name, seed, self.computed, choice)
        self.choices[name] = replace(choice, sums=None)
        return experiment.store.put(cell)

    def _is_missing(self, name: str, seed: int) -> bool:
        return self.experiment.store.get(self.feature, name, seed) is None

    def _compute_wide(self, names: list[str], seed: int) -> None:
        """Put the cells of classifiers that are found from products of images into the store."""
        if not names:
            return
        experiment, learned = self.experiment, self.learned
        assert learned is not None
        strengths = {name: self.choices[name].strength for name in names if name in self.choices}
        known, left = split(experiment.data.train.labels)
        fits, seconds = fit_wide(
            learned.transformer,
            tuple(names),
            strengths,
            experiment.data,
            known,
            left,
            lambda what: experiment.announce(f"{self.feature}, {what}, seed {seed}"),
        )
        for name, found in fits.items():
            experiment.store.put(
                wide_cell(experiment, self.feature, name, seed, learned, found, seconds, left)
            )


def members_of(feature: str) -> tuple[str, ...]:
    """Return the features whose scores a fusion averages, none for other features."""
    return tuple(member.name for member in parse(feature).fused)


def with_parts(features: tuple[str, ...]) -> tuple[str, ...]:
    """Return features, each once, and before a fusion its parts."""
    return tuple(dict.fromkeys(part for name in features for part in (*members_of(name), name)))


def is_wide(learned: Learned, classifier: str, data: DataSet) -> bool:
    """Tell whether products of images are less than those of features, and enough for a classifier."""
    return classifier in CLOSED_FORM and learned.n_features > max(MOST_COLUMNS, len(data.train.labels))


def learn_feature(name: str, data: DataSet, seed: int) -> Learned:
    """Learn a feature from the training images."""
    images = data.train.images
    transformer = parse(name).transformer(images.shape[1:3], seed)
    as_small(transformer).fit_transform(images[:2])  # compiles, which nobody waits for a second time
    start = time.perf_counter()
    transformer.fit(images)
    n_features = transformer.transform(images[:1]).shape[1]
    return Learned(transformer, n_features, time.perf_counter() - start)


def compute_features(name: str, data: DataSet, learned: Learned) -> Features:
    """Compute a feature for all images, and standardize it."""
    start = time.perf_counter()
    images = data.train.images, data.test.images
    train, test, of_test = standardized_tables(learned.transformer, *images, coded=parse(name).coded)
    return Features(train, test, learned.seconds + time.perf_counter() - start, of_test)


def as_small(transformer: Any) -> Any:
    """Return a transformer with less to learn and to learn from, but otherwise the same."""
    small = {
        key: min(value, SMALL[key.split("__")[-1]])
        for key, value in transformer.get_params().items()
        if key.split("__")[-1] in SMALL
    }
    return clone(transformer).set_params(**small)


def choice_of(cell: Cell) -> Choice:
    """Return the choice that led to a cell."""
    r = cell.record
    scores = cell.scores.get("validation", np.empty((0, 0)))
    return Choice(r.strength, r.validation_accuracy, r.tune_seconds, scores)


def run_cell(
    experiment: Experiment, feature: str, name: str, seed: int, features: Features, choice: Choice
) -> Cell:
    """Train on the whole training set, and judge."""
    data, classes = experiment.data, experiment.classes
    start = time.perf_counter()
    labels, rows = data.train.labels, np.arange(len(data.train.labels))
    if choice.sums is not None:
        sums = ridge_sums(features.train, labels, split(labels)[1], choice.sums)
        model, converged = solved_model(name, sums, choice.strength, features.train, labels, rows), None
    else:
        model, converged = fit(name, choice.strength, features.train, labels, rows, seed)
    trained = time.perf_counter()
    test = scores_of(model, features.test)
    predicted = time.perf_counter()
    train = scores_of(model, features.train)
    record = Record(
        feature=feature,
        classifier=name,
        seed=seed,
        test_accuracy=accuracy(test, data.test.labels, classes),
        train_accuracy=accuracy(train, labels, classes),
        validation_accuracy=choice.validation_accuracy,
        strength=choice.strength,
        converged=converged,
        n_features=features.train.shape[1],
        feature_seconds=features.seconds,
        tune_seconds=choice.seconds,
        train_seconds=trained - start,
        predict_seconds=predicted - trained,
        test_feature_seconds=features.test_seconds,
        feature_bytes=bytes_of_row(features.train),
        model_bytes=size_of(model),
    )
    scores = {"train": train, "validation": choice.scores, "test": test} if feature in experiment.kept else {}
    history = getattr(model, "history_", {})
    pictures = pictures_of(model, data.train.images.shape[1:]) if parse(feature).is_pixels else None
    shown = {} if pictures is None else {"templates": pictures}
    return Cell(record, *experiment.found(test), history=history, scores=scores, **shown)


def wide_cell(
    experiment: Experiment,
    feature: str,
    name: str,
    seed: int,
    learned: Learned,
    found: WideFit,
    seconds: float,
    left: Array,
) -> Cell:
    """Return the cell of a classifier that was found from products of images."""
    data, classes, labels = experiment.data, experiment.classes, experiment.data.train.labels
    record = Record(
        feature=feature,
        classifier=name,
        seed=seed,
        test_accuracy=accuracy(found.test, data.test.labels, classes),
        train_accuracy=accuracy(found.train, labels, classes),
        validation_accuracy=accuracy(found.validation, labels[left], classes),
        strength=found.strength,
        converged=None,
        n_features=learned.n_features,
        feature_seconds=learned.seconds + seconds,
        tune_seconds=found.tune_seconds,
        train_seconds=found.train_seconds,
        predict_seconds=found.predict_seconds,
        feature_bytes=4 * learned.n_features,
        model_bytes=4 * (learned.n_features + 1) * len(classes),
    )
    return Cell(record, *experiment.found(found.test))


def pictures_of(model: Any, image_shape: tuple[int, ...]) -> Array | None:
    """Return the first-layer weights of a model as pictures, the largest first if there are many."""
    network = getattr(model, "network_", None)
    if network is None and not hasattr(model, "coef_"):
        return None
    weights = network.layers[0].weights.T if network else model.coef_
    pictures = templates(model, image_shape)
    if len(pictures) > MOST_TEMPLATES:
        pictures = pictures[np.argsort(-np.linalg.norm(weights, axis=1), kind="stable")[:MOST_TEMPLATES]]
    return np.round(255 * pictures).astype(np.uint8)

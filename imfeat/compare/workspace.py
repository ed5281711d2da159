"""The data, cells and cached features that the parts of an experiment share."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from sklearn.base import clone

from imfeat._backend import Array
from imfeat.compare.cache import Cache, code
from imfeat.compare.cells import Cell, Store
from imfeat.compare.tables import Table, standardized_tables
from imfeat.datasets import DataSet
from imfeat.recipes import parse

# Upper bounds of parameters for a first fit that only compiles.
SMALL = {"n_words": 8, "n_patches": 1000, "n_components": 4, "n_descriptors": 1000}


@dataclass(frozen=True, eq=False)
class FittedFeature:
    """A transformer fitted to the training images, and the seconds that took."""

    transformer: Any
    n_features: int
    seconds: float


@dataclass(frozen=True, eq=False)
class FeatureTables:
    """The standardized features of a data set, and the seconds for all images and for the test images."""

    train: Table
    test: Table
    seconds: float
    test_seconds: float


class Workspace:
    """The data of an experiment, its cells, and its features.

    Parameters
    ----------
    data : DataSet
    store : Store
        Cells that are done; others are added.
    cache : Cache
        Cache of features.
    content : str
        Hash of the images, a part of the keys of the cache; without it, nothing is cached.
    announce : function of a str
        Called with a description of the next step.
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
        self.data = data
        self.store = store or Store()
        self.announce = announce
        self.classes = np.unique(data.train.labels)
        self._cache = cache or Cache()
        self._content = content

    def fit_feature(self, feature: str, seed: int) -> FittedFeature:
        """Return a feature fitted to the training images, from the cache if it is there."""
        key = self._key("learned", feature, seed)
        return self._cache.get(key, lambda: fit_feature(feature, self.data, seed))

    def compute_tables(self, feature: str, seed: int, fitted: FittedFeature) -> FeatureTables:
        """Return the features of all images, from the cache if they are there."""
        key = self._key("features", feature, seed)
        return self._cache.get(key, lambda: compute_tables(feature, self.data, fitted))

    def cell_of(self, feature: str, classifier: str, seed: int) -> Cell:
        """Return a cell that is done."""
        cell = self.store.get(feature, classifier, seed)
        assert cell is not None, "cells are computed before they are used"
        return cell

    def predictions(self, scores: Array) -> tuple[Array, Array]:
        """Return the predicted classes of the test images, and their margins over the true classes."""
        predicted = scores.argmax(1)
        true = np.searchsorted(self.classes, self.data.test.labels)
        true = np.minimum(true, len(self.classes) - 1)  # a class without training images has no score
        margins = scores.max(1) - np.take_along_axis(scores, true[:, None], 1)[:, 0]
        return self.classes[predicted].astype(np.int32), margins.astype(np.float32)

    def _key(self, step: str, feature: str, seed: int) -> str | None:
        if not self._content or parse(feature).is_registered:  # the code of registered features is not hashed
            return None
        transformer = parse(feature).transformer(self.data.train.images.shape[1:3], seed)
        return " ".join([step, feature, self._content, code(), joblib.hash(transformer)])


def fit_feature(name: str, data: DataSet, seed: int) -> FittedFeature:
    """Fit a feature to the training images."""
    images = data.train.images
    transformer = parse(name).transformer(images.shape[1:3], seed)
    with_small_parameters(transformer).fit_transform(images[:2])  # compiles outside of the measured time
    start = time.perf_counter()
    transformer.fit(images)
    n_features = transformer.transform(images[:1]).shape[1]
    return FittedFeature(transformer, n_features, time.perf_counter() - start)


def compute_tables(name: str, data: DataSet, fitted: FittedFeature) -> FeatureTables:
    """Compute a feature for all images, and standardize it."""
    start = time.perf_counter()
    train, test, test_seconds = standardized_tables(
        fitted.transformer, data.train.images, data.test.images, coded=parse(name).coded
    )
    return FeatureTables(train, test, fitted.seconds + time.perf_counter() - start, test_seconds)


def with_small_parameters(transformer: Any) -> Any:
    """Return a copy of a transformer that is quick to fit."""
    reduced = {}
    for key, value in transformer.get_params().items():
        name = key.split("__")[-1]
        if name in SMALL:
            reduced[key] = min(value, SMALL[name])
    return clone(transformer).set_params(**reduced)

"""The data, cells and cached features that the parts of an experiment share."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np

from imfeat._backend import Array
from imfeat._device import Device, to_device
from imfeat._small import with_small_parameters
from imfeat.compare.cache import Cache, code
from imfeat.compare.cells import Cell, Pair, Record, Store
from imfeat.compare.kept import Models
from imfeat.compare.statistics import macro_averages
from imfeat.compare.tables import Table, standardized_tables
from imfeat.compare.tuning import split
from imfeat.datasets import DataSet, ImageSet
from imfeat.models.calibration import expected_calibration_error, fit_temperature, softmax
from imfeat.models.device import on_device
from imfeat.recipes import parse

BYTES_ON_GPU = 1 << 33  # of training images; a feature learns from more of them on the CPU


@dataclass(frozen=True, eq=False)
class FittedFeature:
    """A transformer fitted to the training images, and the seconds that took."""

    transformer: Any
    n_features: int
    seconds: float


@dataclass(frozen=True, eq=False)
class FeatureTables:
    """The standardized features of a data set, and the seconds for all images and for the test images.

    ``scaler`` standardizes features of other images.
    """

    train: Table
    test: Table
    seconds: float
    test_seconds: float
    scaler: Any


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
    models : Models, optional
        Keeps a model of each pair of a feature and a classifier, with the first seed.
    shifts : bool
        Whether cells are tested on changed test images, too.
    reported : mapping of (feature, classifier) to Record, optional
        Records with the accuracies that kept models are said to have, if not those on ``data.test``.
    with_scores : bool
        Whether all cells keep their scores.
    device : {"cpu", "cuda"}
        Device that features are computed on.
    """

    def __init__(
        self,
        data: DataSet,
        *,
        store: Store | None = None,
        cache: Cache | None = None,
        content: str = "",
        announce: Callable[[str], None] = lambda text: None,
        models: Models | None = None,
        shifts: bool = False,
        reported: Mapping[Pair, Record] | None = None,
        with_scores: bool = False,
        device: Device = "cpu",
    ) -> None:
        self.device = device
        self.data = data
        self.n_train = 0  # of the records: 0 for all images
        self.explains = True  # whether cells have pictures of what linear models look at
        self.models = models
        self.shifts = shifts
        self.with_scores = with_scores
        self._reported = reported
        self.store = store or Store()
        self.announce = announce
        self.classes = np.unique(data.train.labels)
        self._cache = cache or Cache()
        self._content = content

    def fit_feature(self, feature: str, seed: int) -> FittedFeature:
        """Return a feature fitted to the training images, from the cache if it is there."""
        key = self._key("learned", feature, seed)
        return self._cache.get(key, lambda: fit_feature(feature, self.data, seed, self.device))

    def compute_tables(self, feature: str, seed: int, fitted: FittedFeature) -> FeatureTables:
        """Return the features of all images, from the cache if they are there."""
        key = self._key("features", feature, seed)
        return self._cache.get(key, lambda: compute_tables(feature, self.data, fitted, self.device))

    def transformer_of(self, fitted: FittedFeature) -> Any:
        """Return the transformer of a feature, which computes on the device of the workspace."""
        return on_device(fitted.transformer, self.device)

    def cell_of(self, feature: str, classifier: str, seed: int) -> Cell:
        """Return a cell that is done."""
        cell = self.store.get(feature, classifier, seed)
        assert cell is not None, "cells are computed before they are used"
        return cell

    def keep(self, record: Record, pipeline: Any) -> None:
        """Keep the model of a record, if models are kept."""
        if self.models is None:
            return
        n_test = len(self.data.test)
        if self._reported is not None and (record.feature, record.classifier) in self._reported:
            measured = self._reported[record.feature, record.classifier]
            record = replace(
                measured,
                strength=record.strength,
                temperature=record.temperature,
                weights=record.weights,
            )
            n_test = len(self.data.train)
        self.models.put(record, pipeline, len(self.data.train), n_test)

    def leave_out(self, record: Record, reason: str) -> None:
        """Say why the model of a record is not kept, if models are kept."""
        if self.models is not None:
            self.models.leave_out((record.feature, record.classifier), reason)

    def has_model(self, feature: str, classifier: str, seed: int) -> bool:
        """Tell whether a model was kept."""
        return self.models is not None and self.models.has((feature, classifier), seed)

    def measured(
        self, record: Record, validation: Array, test: Array, temperature: float | None = None
    ) -> Record:
        """Return a record with a temperature, by scores of validation images, and what test scores tell."""
        if temperature is None:
            temperature = fit_temperature(validation, self.validation_columns())
        truth = np.searchsorted(self.classes, self.data.test.labels)
        error = expected_calibration_error(softmax(test, temperature), truth)
        averages = macro_averages(self.data.test.labels, self.classes[test.argmax(1)])
        record = replace(record, balanced_accuracy=averages[0], macro_f1=averages[1])
        return replace(record, temperature=temperature, calibration_error=error)

    def validation_columns(self) -> Array:
        """Return the columns of the scores of the true classes of the validation images."""
        labels = self.data.train.labels
        return np.searchsorted(self.classes, labels[split(labels)[1]])

    def part(self, n_train: int, seed: int) -> "Workspace":
        """Return a workspace with fewer training images, as many of each class; larger parts include smaller.

        Its models are not kept.
        """
        subset = self.data.train.at(nested_rows(self.data.train.labels, n_train, seed))
        store = self.store.part(part_name(n_train))
        content = self._content and f"{self._content}-{n_train}-{seed}"
        how: dict[str, Any] = {"store": store, "cache": self._cache, "content": content}
        how |= {"device": self.device}
        workspace = Workspace(DataSet(subset, self.data.test), **how, announce=self.announce)
        workspace.n_train = n_train
        workspace.explains = False
        return workspace

    def other(self, name: str, train: ImageSet, test: ImageSet, **options: Any) -> "Workspace":
        """Return a workspace of other images, whose cells are a part of the store.

        Its features are not cached, as it takes longer to write them than to compute most of them.
        """
        return Workspace(DataSet(train, test), store=self.store.part(name), device=self.device, **options)

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
        is_there = self.device != "cpu" and (step == "features" or parse(feature).learned)
        where = [self.device] if is_there else []
        return " ".join([step, *where, feature, self._content, code(), joblib.hash(transformer)])


def part_name(n_train: int) -> str:
    """Return the name of the part of the store with a number of training images."""
    return f"train-{n_train}"


def fit_feature(name: str, data: DataSet, seed: int, device: Device = "cpu") -> FittedFeature:
    """Fit a feature to the training images, which are copied to a GPU for what learns from them there."""
    images = data.train.images
    transformer = parse(name).transformer(images.shape[1:3], seed)
    fits_there = device == "cuda" and parse(name).learned and images.nbytes <= BYTES_ON_GPU
    few = images[:2]
    trial = with_small_parameters(transformer)  # compiles outside of the measured time
    trial.fit(to_device(few) if fits_there else few).transform(few)
    start = time.perf_counter()
    transformer.fit(to_device(images) if fits_there else images)
    n_features = transformer.transform(images[:1]).shape[1]
    return FittedFeature(transformer, n_features, time.perf_counter() - start)


def compute_tables(name: str, data: DataSet, fitted: FittedFeature, device: Device = "cpu") -> FeatureTables:
    """Compute a feature for all images, and standardize it."""
    transformer = on_device(fitted.transformer, device)
    if device != "cpu":
        transformer.transform(data.train.images[:2])  # loads kernels outside of the measured time
    start = time.perf_counter()
    tables = standardized_tables(transformer, data.train.images, data.test.images, coded=parse(name).coded)
    seconds = fitted.seconds + time.perf_counter() - start
    return FeatureTables(tables.train, tables.test, seconds, tables.test_seconds, tables.scaler)


def nested_rows(labels: Array, n: int, seed: int) -> Array:
    """Return ``n`` indices, as many of each class as there are; those for a smaller ``n`` are among them."""
    rng = np.random.default_rng(seed)
    ranks = np.empty(len(labels), np.int64)  # in a random order of the images of a class
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        ranks[members] = np.arange(len(members))
    return np.sort(np.lexsort((labels, ranks))[:n])

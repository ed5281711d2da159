"""The cells of one feature: training, tuning and test of all classifiers on it."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from imfeat._backend import Array
from imfeat.compare import shifts
from imfeat.compare.augment import PicturedTable
from imfeat.compare.cells import Cell, Record
from imfeat.compare.classifiers import classifier_of
from imfeat.compare.confidence import with_probabilities
from imfeat.compare.explained import explain
from imfeat.compare.linear_model import LinearModel
from imfeat.compare.pipelines import estimator_of, pipeline_of
from imfeat.compare.span import SpanTable, pays
from imfeat.compare.tables import bytes_of_row
from imfeat.compare.training import accuracy, scores_of, size_of
from imfeat.compare.tuning import Choice, choose, split
from imfeat.compare.wide import WideFit, computed, fit_wide, has_many, is_by_products, kept, members_of
from imfeat.compare.wide_scores import MOST_BYTES
from imfeat.compare.workspace import FeatureTables, FittedFeature, Workspace
from imfeat.datasets import DataSet
from imfeat.learn import templates
from imfeat.models.device import on_device
from imfeat.recipes import parse

MOST_TEMPLATES = 16


class FeatureRun:
    """The cells of one feature, which share its fit, its tables, and the choices of strengths.

    Parameters
    ----------
    workspace : Workspace
    feature : str
    classifiers : tuple of str
    with_scores : bool
        Whether cells keep their scores, for a fusion.
    """

    def __init__(
        self, workspace: Workspace, feature: str, classifiers: tuple[str, ...], *, with_scores: bool = False
    ) -> None:
        self.workspace = workspace
        self.feature = feature
        self.classifiers = classifiers
        self.with_scores = with_scores or workspace.with_scores
        self.fitted: FittedFeature | None = None
        self.tables: FeatureTables | None = None
        self.choices: dict[str, Choice] = {}
        self.wide_cells: dict[str, tuple[Cell, Pipeline | None]] = {}
        self.span: SpanTable | None = None
        self.span_seconds = 0.0

    def cells(self, seeds: tuple[int, ...]) -> Iterator[Cell]:
        """Yield a cell for each seed and classifier."""
        first_cells: dict[str, Cell] = {}
        for seed in seeds:
            if parse(self.feature).seeded:
                self.fitted = self.tables = self.span = None  # frees memory before the next are computed
            for cell in self._cells_of_seed(seed, first_cells, keeps=seed == seeds[0]):
                first_cells.setdefault(cell.record.classifier, cell)
                yield cell

    def _cells_of_seed(self, seed: int, first_cells: dict[str, Cell], *, keeps: bool) -> Iterator[Cell]:
        store = self.workspace.store
        computed: dict[str, tuple[Cell, Pipeline]] = {}  # cells that have not met changed images yet
        self._copy_fixed(seed, first_cells)
        for name in self.classifiers:
            self.workspace.announce(f"{self.feature}, {name}, seed {seed}")
            cell = store.get(self.feature, name, seed)
            if cell is None:
                cell, pipeline = self._compute_cell(name, seed)
                if pipeline is not None and keeps:
                    self.workspace.keep(cell.record, pipeline)
                    cell = self._explained(cell, pipeline)
                elif keeps:
                    self.workspace.leave_out(cell.record, too_large(cell.record))
                if pipeline is not None and self._meets_shifts(keeps=keeps):
                    computed[name] = cell, pipeline
                    self.choices.setdefault(name, choice_of(cell))
                    continue
                store.put(cell)
            self.choices.setdefault(name, choice_of(cell))
            yield cell
        yield from map(store.put, self._shifted(computed, seed))

    def _explained(self, cell: Cell, pipeline: Pipeline) -> Cell:
        """Return a cell with pictures of what a linear model has learned from all training images."""
        workspace = self.workspace
        if not workspace.explains or classifier_of(cell.record.classifier).kind != "linear":
            return cell
        return replace(cell, explained=explain(pipeline, workspace.data.train.images))

    def _copy_fixed(self, seed: int, first_cells: dict[str, Cell]) -> None:
        """Store the cells that are the same for all seeds."""
        if parse(self.feature).seeded:
            return
        store = self.workspace.store
        for name, first in first_cells.items():
            if not classifier_of(name).seeded and store.get(self.feature, name, seed) is None:
                store.put(replace(first, record=replace(first.record, seed=seed)))

    def _meets_shifts(self, *, keeps: bool) -> bool:
        """Tell whether cells are tested on changed images; of features that depend on the seed, the first."""
        return self.workspace.shifts and (keeps or not parse(self.feature).seeded)

    def _shifted(self, computed: dict[str, tuple[Cell, Pipeline]], seed: int) -> Iterator[Cell]:
        """Test cells on changed images, which share their features."""
        if not computed:
            return
        self.workspace.announce(f"{self.feature}, changed images, seed {seed}")
        test = self.workspace.data.test
        device = self.workspace.device
        pipelines = {name: on_device(pipeline, device) for name, (_, pipeline) in computed.items()}
        scores = shifts.scores_on(pipelines, test.images)
        for name, (cell, _) in computed.items():
            accuracies = shifts.accuracies(scores[name], test.labels, self.workspace.classes)
            kept = {**cell.scores, **scores[name]} if self.with_scores else {}
            yield replace(cell, record=replace(cell.record, shifts=accuracies), scores=kept)

    def _compute_cell(self, name: str, seed: int) -> tuple[Cell, Pipeline | None]:
        """Return a cell, and its pipeline if there is one."""
        workspace = self.workspace
        if self.fitted is None:
            self.fitted = workspace.fit_feature(self.feature, seed)
        n_train = len(workspace.data.train.labels)
        wide = [c for c in self.classifiers if is_by_products(c, self.fitted.n_features, n_train)]
        done = [c for c in wide if workspace.store.get(self.feature, c, seed) is not None]
        missing = tuple(c for c in wide if c not in (*done, *self.wide_cells))
        if missing:  # before the tables of other classifiers take memory
            self._compute_wide_cells(missing, self.fitted, seed)
        if name in wide:
            return self.wide_cells.pop(name)
        if self.tables is None:
            self.tables = workspace.compute_tables(self.feature, seed, self.fitted)
        if name not in self.choices:
            table = self._training_table(name, self.tables)
            self.choices[name] = choose(name, table, workspace.data.train.labels, seed)
        cell, pipeline = self._run_cell(name, seed, self.fitted, self.tables)
        self.choices[name] = replace(self.choices[name], trainer=None)
        return cell, pipeline

    def _training_table(self, name: str, tables: FeatureTables) -> Any:
        """Return the features of the training images in the form that a classifier learns from.

        Classifiers that augment images get these, too, and those that may learn in the space that the images
        span get coordinates in it, if it has fewer.
        """
        if classifier_of(name).in_span and pays(tables.train):
            if self.span is None:
                start = time.perf_counter()
                self.span = SpanTable(tables.train)
                self.span_seconds = time.perf_counter() - start
            return self.span
        if not classifier_of(name).augment:
            return tables.train
        assert self.fitted is not None
        transformer = self.workspace.transformer_of(self.fitted)
        return PicturedTable(tables.train, self.workspace.data.train.images, transformer)

    def _compute_wide_cells(self, names: tuple[str, ...], fitted: FittedFeature, seed: int) -> None:
        """Compute the cells of classifiers that are solved from products of images."""
        choices = {name: self.choices[name] for name in names if name in self.choices}
        chosen = {name: (choice.strength, choice.gamma) for name, choice in choices.items()}
        data = self.workspace.data
        train_rows, validation_rows = split(data.train.labels)
        if has_many(fitted.n_features, len(data.train.labels)) or parse(self.feature).coded:
            members = [computed(member, data) for member in members_of(self.workspace.transformer_of(fitted))]
        else:
            if self.tables is None:
                self.tables = self.workspace.compute_tables(self.feature, seed, fitted)
            members = [kept(self.tables)]
        fits, seconds = fit_wide(
            fitted.transformer,
            members,
            names,
            chosen,
            data,
            train_rows,
            validation_rows,
            lambda step: self.workspace.announce(f"{self.feature}, {step}, seed {seed}"),
            seed,
        )
        for name, wide_fit in fits.items():
            feature_seconds = fitted.seconds + seconds
            if self.tables is not None:  # the products are a part of the training
                wide_fit = replace(wide_fit, train_seconds=wide_fit.train_seconds + seconds)
                feature_seconds = self.tables.seconds
            cell = self._wide_cell(name, seed, fitted.n_features, feature_seconds, wide_fit, validation_rows)
            self.wide_cells[name] = cell, wide_fit.pipeline

    def _run_cell(
        self, name: str, seed: int, fitted: FittedFeature, tables: FeatureTables
    ) -> tuple[Cell, Pipeline]:
        """Train on the whole training set, and test."""
        data = self.workspace.data
        classes = self.workspace.classes
        labels = data.train.labels
        choice = self.choices[name]
        table = self._training_table(name, tables)
        start = time.perf_counter()
        if choice.trainer is not None:
            trainer = choice.trainer.with_all_rows()
        else:
            trainer = classifier_of(name).trainer(table, labels, np.arange(len(labels)), seed)
        model, converged = trainer.train(choice.strength)
        seconds = time.perf_counter() - start
        if isinstance(table, SpanTable):
            model = table.expand(model)
            seconds += self.span_seconds
        start = time.perf_counter()
        test = scores_of(model, tables.test)
        predict_seconds = time.perf_counter() - start
        train = scores_of(model, tables.train)
        record = Record(
            feature=self.feature,
            classifier=name,
            seed=seed,
            test_accuracy=accuracy(test, data.test.labels, classes),
            train_accuracy=accuracy(train, labels, classes),
            validation_accuracy=choice.validation_accuracy,
            strength=choice.strength,
            converged=converged,
            n_features=tables.train.shape[1],
            feature_seconds=tables.seconds,
            tune_seconds=choice.seconds,
            train_seconds=seconds,
            predict_seconds=predict_seconds,
            test_feature_seconds=tables.test_seconds,
            feature_bytes=bytes_of_row(tables.train),
            model_bytes=size_of(model),
            n_train=self.workspace.n_train,
        )
        record = self.workspace.measured(record, choice.scores, test, choice.temperature)
        cell = Cell(record, *self.workspace.predictions(test), history=getattr(model, "history_", {}))
        cell = with_probabilities(cell, test, classes, data.test.labels)
        if self.with_scores:
            cell = replace(cell, scores={"train": train, "validation": choice.scores, "test": test})
        cell = self._with_templates(cell, model)
        if isinstance(model, LinearModel):
            model = estimator_of(model, classes, choice.strength, classifier_of(name).loss)
        return cell, pipeline_of(fitted.transformer, tables.scaler, model)

    def _wide_cell(
        self,
        name: str,
        seed: int,
        n_features: int,
        feature_seconds: float,
        fit: WideFit,
        validation_rows: Array,
    ) -> Cell:
        """Return the cell of a classifier that was solved from products of images."""
        data = self.workspace.data
        classes = self.workspace.classes
        labels = data.train.labels
        record = Record(
            feature=self.feature,
            classifier=name,
            seed=seed,
            test_accuracy=accuracy(fit.test, data.test.labels, classes),
            train_accuracy=accuracy(fit.train, labels, classes),
            validation_accuracy=accuracy(fit.validation, labels[validation_rows], classes),
            strength=fit.strength,
            converged=None,
            n_features=n_features,
            feature_seconds=feature_seconds,
            tune_seconds=fit.tune_seconds,
            train_seconds=fit.train_seconds,
            predict_seconds=fit.predict_seconds,
            feature_bytes=4 * n_features,
            model_bytes=4 * (n_features + 1) * len(classes),
            gamma=fit.gamma,
            n_train=self.workspace.n_train,
        )
        record = self.workspace.measured(record, fit.validation, fit.test)
        if fit.gamma is not None:  # the features of all training images, and their shares
            record = replace(record, model_bytes=4 * len(labels) * (n_features + len(classes)))
        scores = {"train": fit.train, "validation": fit.validation, "test": fit.test}
        cell = Cell(record, *self.workspace.predictions(fit.test))
        cell = with_probabilities(cell, fit.test, classes, data.test.labels)
        if fit.pipeline is not None:
            cell = self._with_templates(cell, fit.pipeline[-1])
        return replace(cell, scores=scores) if self.with_scores else cell

    def _with_templates(self, cell: Cell, model: Any) -> Cell:
        """Return a cell with the weights of pixels as images."""
        images = template_images(model, self.workspace.data) if parse(self.feature).is_pixels else None
        return cell if images is None else replace(cell, templates=images)


def too_large(record: Record) -> str:
    """Return why a model with a kernel is not kept."""
    size = f"{record.model_bytes / 1e9:.1f} GB; at most {MOST_BYTES / 1e9:g} GB are kept"
    return f"it would hold the features of all training images, {size}"


def choice_of(cell: Cell) -> Choice:
    """Return the choice that led to a cell."""
    record = cell.record
    scores = cell.scores.get("validation", np.empty((0, 0)))
    chosen = record.strength, record.validation_accuracy, record.tune_seconds, scores
    return Choice(*chosen, gamma=record.gamma, temperature=record.temperature)


def template_images(model: Any, data: DataSet) -> Array | None:
    """Return the first-layer weights of a model as images, those of the largest norms if there are many."""
    network = getattr(model, "network_", None)
    if network is None and not hasattr(model, "coef_"):
        return None
    weights = network.layers[0].weights.T if network else model.coef_
    if len(weights) > MOST_TEMPLATES:
        largest = np.argsort(-np.einsum("uf,uf->u", weights, weights), kind="stable")[:MOST_TEMPLATES]
        weights = weights[largest]
    images = templates(LinearModel(weights.T, np.zeros(len(weights))), data.train.images.shape[1:])
    if data.train.is_gray:  # what equal channels are multiplied with is the sum of their weights
        sums = images.sum(-1, keepdims=True) - 1.5
        largest = np.abs(sums).max((1, 2, 3), keepdims=True)
        images = np.repeat(0.5 + sums / np.where(largest > 0, 2 * largest, 1), 3, axis=-1)
    return np.round(255 * images).astype(np.uint8)

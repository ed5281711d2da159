"""The experiment: each feature with each classifier and each seed, by one protocol.

1. The feature is fitted to the training images, and standardized by them.
2. The strength of the regularization is chosen once for a feature and a classifier, with the first seed,
   on validation images of the training set (see tuning.py).
3. For each seed, the classifier is trained on the whole training set.
4. It meets the test set once, for the accuracy that is reported.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from imfeat.compare import shifts
from imfeat.compare.cells import SUMMED, Cell, Record
from imfeat.compare.confidence import with_probabilities
from imfeat.compare.feature_run import FeatureRun
from imfeat.compare.training import accuracy
from imfeat.compare.tuning import split
from imfeat.compare.workspace import Workspace
from imfeat.learn._fusion import fit_weights
from imfeat.models import ScoreMean
from imfeat.recipes import parse


def run_cells(
    workspace: Workspace, features: tuple[str, ...], classifiers: tuple[str, ...], seeds: tuple[int, ...]
) -> Iterator[Cell]:
    """Yield a cell for each feature, seed and classifier, and those of its members before a fusion."""
    fused = {member for feature in features for member in members_of(feature)}
    for feature in with_members(features):
        if not (members := members_of(feature)):
            run = FeatureRun(workspace, feature, classifiers, with_scores=feature in fused)
            yield from run.cells(seeds)
            continue
        for seed, name in itertools.product(seeds, classifiers):
            cell = workspace.store.get(feature, name, seed)
            if cell is None:
                cells = [workspace.cell_of(member, name, seed) for member in members]
                cell = fuse(workspace, feature, cells)
                if seed == seeds[0]:
                    keep_fusion(workspace, cell.record, [member.record for member in cells])
                workspace.store.put(cell)
            yield cell


def keep_fusion(workspace: Workspace, record: Record, members: list[Record]) -> None:
    """Keep the model of a fusion, made of those of its members, if models are kept."""
    if (models := workspace.models) is None:
        return
    name = record.classifier
    pairs = [(member.feature, name) for member in members]
    if missing := [pair[0] for pair in pairs if not models.has(pair, record.seed)]:
        workspace.leave_out(record, f"that of {missing[0]} with {name} is not kept")
        return
    pipelines = [models.get(pair, record.seed).pipeline for pair in pairs]
    weights = tuple(record.weights.values())
    temperatures = tuple(member.temperature for member in members)
    workspace.keep(record, ScoreMean(pipelines, weights=weights, temperatures=temperatures))


def fuse(workspace: Workspace, feature: str, members: list[Cell]) -> Cell:
    """Return the cell of the weighted sum of the scores of several features, divided by their temperatures.

    The weights are chosen on the validation images, see `imfeat.learn._fusion`.
    """
    records = [member.record for member in members]
    names = [name for name in members[0].scores if all(name in member.scores for member in members)]
    logits = {name: [member.scores[name] / member.record.temperature for member in members] for name in names}
    weights = fit_weights(logits["validation"], workspace.validation_columns())
    scores = {name: np.tensordot(weights, np.stack(of_name), 1) for name, of_name in logits.items()}
    data = workspace.data
    classes = workspace.classes
    labels = data.train.labels
    _, validation_rows = split(labels)
    record = replace(
        records[0],
        feature=feature,
        test_accuracy=accuracy(scores["test"], data.test.labels, classes),
        train_accuracy=accuracy(scores["train"], labels, classes),
        validation_accuracy=accuracy(scores["validation"], labels[validation_rows], classes),
        converged=None,
        weights={r.feature: float(w) for r, w in zip(records, weights, strict=True)},
        shifts=shifts.accuracies(scores, data.test.labels, classes),
        **{name: sum(getattr(record, name) for record in records) for name in SUMMED},
    )
    record = workspace.measured(record, scores["validation"], scores["test"])
    cell = Cell(record, *workspace.predictions(scores["test"]))
    cell = with_probabilities(cell, scores["test"], classes, data.test.labels)
    return replace(cell, scores=scores) if workspace.with_scores else cell


def members_of(feature: str) -> tuple[str, ...]:
    """Return the features whose scores a fusion adds, none for other features."""
    return tuple(member.name for member in parse(feature).fused)


def with_members(features: tuple[str, ...]) -> tuple[str, ...]:
    """Return features, each once, and the members of a fusion before it."""
    return tuple(dict.fromkeys(part for name in features for part in (*members_of(name), name)))

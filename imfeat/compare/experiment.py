"""The experiment: each feature with each classifier and each seed, by one protocol.

Features are standardized by the training images.  The strength of the regularization is chosen
once for a feature and a classifier, with the first seed, on a validation part of the training
set.  Then, for each seed, the classifier is trained on the whole training set and meets the test
set once, for the number that is reported.

Ridge regression, and the SVM that is solved by it, need no second sums: they are solved for some
strengths on all training images but the last tenth of each class, which choose among the strengths
and are then added.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

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
from imfeat.compare.features import build_feature, is_coded, is_seeded, parts_of_fusion
from imfeat.compare.tables import CodedTable, HalfTable, Table, standardized_tables
from imfeat.compare.wide import fit_wide
from imfeat.datasets import DataSet
from imfeat.learn import RidgeSums
from imfeat.learn.ridge import split_last

MOST_COLUMNS = 40_000  # features up to which their own products fit into memory
MAX_TUNING_IMAGES = 10_000
VALIDATION_SHARE = 0.2
RIDGE_VALIDATION_SHARE = 0.1
SMALL = {"n_words": 8, "n_patches": 1000, "n_components": 4, "n_descriptors": 1000}


@dataclass(frozen=True)
class Record:
    """What one feature with one classifier and one seed came to.

    ``feature_seconds`` are those of the training and the test images; ``tune_seconds`` those of
    the choice of the strength, which all seeds share; ``train_seconds`` those of the training with
    that strength; ``predict_seconds`` those of the test images.  ``converged`` is None for what is
    trained for a fixed number of epochs.  Of a fusion the seconds and numbers are those of its parts
    together, and the strength is that of the first.
    """

    feature: str
    classifier: str
    seed: int
    test_accuracy: float
    train_accuracy: float
    validation_accuracy: float
    strength: float
    converged: bool | None
    n_features: int
    feature_seconds: float
    tune_seconds: float
    train_seconds: float
    predict_seconds: float


@dataclass(frozen=True)
class Choice:
    """A strength, its accuracy on the validation part, and the seconds it took to find.

    For ridge regression also the sums over the images that were not for validation, and those.
    """

    strength: float
    validation_accuracy: float
    seconds: float
    validation_scores: Array
    validation_labels: Array
    sums: RidgeSums | None = None
    left: Array | None = None


@dataclass(frozen=True, eq=False)
class Learned:
    """A transformer that has learned from the training images, and the seconds that took."""

    transformer: Any
    n_features: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Features:
    """The standardized features of a data set, and the seconds they took, learning included."""

    train: Table
    test: Table
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """A record, and the scores (n, n_classes) of training and test images."""

    record: Record
    choice: Choice
    train: Array
    test: Array


def run_cells(
    data: DataSet,
    features: tuple[str, ...],
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    announce: Callable[[str], None],
) -> Iterator[Record]:
    """Yield a record for each feature, seed and classifier.

    ``announce`` is told what is done next.  The parts of a fusion come before it.
    """
    outcomes: dict[tuple[str, str, int], Outcome] = {}
    for feature in with_parts(features):
        if parts := parts_of_fusion(feature):
            for seed, name in itertools.product(seeds, classifiers):
                yield fuse(feature, [outcomes[part, name, seed] for part in parts], data)
            continue
        for outcome in _run_feature(feature, data, classifiers, seeds, announce):
            record = outcome.record
            if any(feature in parts_of_fusion(other) for other in features):
                outcomes[feature, record.classifier, record.seed] = outcome
            yield record


def with_parts(features: tuple[str, ...]) -> tuple[str, ...]:
    """Return features, each once, and before a fusion its parts."""
    return tuple(dict.fromkeys(part for name in features for part in (*parts_of_fusion(name), name)))


def fuse(feature: str, parts: list[Outcome], data: DataSet) -> Record:
    """Return the record of the mean of the scores of several features."""
    labels, records, choices = data.train.labels, [p.record for p in parts], [p.choice for p in parts]
    classes = np.unique(labels)
    train, test = (np.mean([getattr(part, which) for part in parts], 0) for which in ("train", "test"))
    validation = np.mean([choice.validation_scores for choice in choices], 0)
    totals = {
        name: sum(getattr(record, name) for record in records)
        for name in ("n_features", "feature_seconds", "tune_seconds", "train_seconds", "predict_seconds")
    }
    return replace(
        records[0],
        feature=feature,
        test_accuracy=accuracy(test, data.test.labels, classes),
        train_accuracy=accuracy(train, labels, classes),
        validation_accuracy=accuracy(validation, choices[0].validation_labels, classes),
        converged=None,
        **totals,
    )


def _run_feature(
    feature: str,
    data: DataSet,
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    announce: Callable[[str], None],
) -> Iterator[Outcome]:
    learned: Learned | None = None
    computed: Features | None = None
    choices: dict[str, Choice] = {}
    first: dict[str, Outcome] = {}
    for seed in seeds:
        announce(f"{feature}, seed {seed}")
        if learned is None or is_seeded(feature):
            computed = None  # so that no two of them fill the memory
            learned = learn_feature(feature, data, seed)
            wide = names_of_wide(learned, classifiers, data)
            for outcome in run_wide(feature, wide, seed, learned, choices, data, announce) if wide else ():
                choices[outcome.record.classifier] = outcome.choice
                first.setdefault(outcome.record.classifier, outcome)
                yield outcome
        for name in classifiers:
            if name in wide:
                if first[name].record.seed != seed and not is_seeded(feature):
                    yield replace(first[name], record=replace(first[name].record, seed=seed))
                continue
            if computed is None:
                computed = compute_features(feature, data, seed, learned)
            announce(f"{feature}, {name}, seed {seed}")
            if name not in choices:
                choose = choose_in_closed_form if name in CLOSED_FORM else choose_strength
                choices[name] = choose(name, computed.train, data.train.labels, seed)
            if name in first and not (is_seeded(feature) or CLASSIFIERS[name].seeded):
                same = first[name]  # the same model would come out
                yield replace(same, record=replace(same.record, seed=seed))
                continue
            outcome = run_cell(feature, name, seed, computed, choices[name], data)
            choices[name] = outcome.choice
            first.setdefault(name, outcome)
            yield outcome


def learn_feature(name: str, data: DataSet, seed: int) -> Learned:
    """Learn a feature from the training images."""
    images = data.train.images
    transformer = build_feature(name, images.shape[1:3], seed)
    as_small(transformer).fit_transform(images[:2])  # compiles, which nobody waits for a second time
    start = time.perf_counter()
    transformer.fit(images)
    n_features = transformer.transform(images[:1]).shape[1]
    return Learned(transformer, n_features, time.perf_counter() - start)


def compute_features(name: str, data: DataSet, seed: int, learned: Learned | None = None) -> Features:
    """Compute a feature for all images, and standardize it; learn it before, if it isn't."""
    learned = learned or learn_feature(name, data, seed)
    start = time.perf_counter()
    options = learned.transformer, data.train.images, data.test.images
    train, test = standardized_tables(*options, coded=is_coded(name))
    return Features(train, test, learned.seconds + time.perf_counter() - start)


def names_of_wide(learned: Learned, classifiers: tuple[str, ...], data: DataSet) -> tuple[str, ...]:
    """Return the classifiers for which products of images are less than those of features."""
    if learned.n_features <= max(MOST_COLUMNS, len(data.train.labels)):
        return ()
    return tuple(name for name in classifiers if name in CLOSED_FORM)


def run_wide(
    feature: str,
    classifiers: tuple[str, ...],
    seed: int,
    learned: Learned,
    choices: dict[str, Choice],
    data: DataSet,
    announce: Callable[[str], None],
) -> Iterator[Outcome]:
    """Yield the outcomes of classifiers that are found from products of images."""
    labels, classes = data.train.labels, np.unique(data.train.labels)
    known, left = split_last(labels, RIDGE_VALIDATION_SHARE)
    strengths = {name: choice.strength for name, choice in choices.items()}
    fits, seconds = fit_wide(
        learned.transformer,
        classifiers,
        strengths,
        data,
        known,
        left,
        lambda what: announce(f"{feature}, {what}, seed {seed}"),
    )
    for name, found in fits.items():
        validation = accuracy(found.validation, labels[left], classes)
        choice = Choice(found.strength, validation, found.tune_seconds, found.validation, labels[left])
        record = Record(
            feature=feature,
            classifier=name,
            seed=seed,
            test_accuracy=accuracy(found.test, data.test.labels, classes),
            train_accuracy=accuracy(found.train, labels, classes),
            validation_accuracy=validation,
            strength=found.strength,
            converged=None,
            n_features=learned.n_features,
            feature_seconds=learned.seconds + seconds,
            tune_seconds=found.tune_seconds,
            train_seconds=found.train_seconds,
            predict_seconds=found.predict_seconds,
        )
        yield Outcome(record, choice, found.train, found.test)


def as_small(transformer: Any) -> Any:
    """Return a transformer with less to learn and to learn from, but otherwise the same."""
    small = {
        key: min(value, SMALL[key.split("__")[-1]])
        for key, value in transformer.get_params().items()
        if key.split("__")[-1] in SMALL
    }
    return clone(transformer).set_params(**small)


def run_cell(
    feature: str, classifier: str, seed: int, features: Features, choice: Choice, data: DataSet
) -> Outcome:
    """Train on the whole training set, and judge."""
    start = time.perf_counter()
    labels, classes = data.train.labels, np.unique(data.train.labels)
    if choice.sums is not None and choice.left is not None:
        sums, rows = ridge_sums(features.train, labels, choice.left, choice.sums), np.arange(len(labels))
        model = solved_model(classifier, sums, choice.strength, features.train, labels, rows)
        converged = None
    else:
        model, converged = fit(classifier, choice.strength, features.train, labels, seed)
    trained = time.perf_counter()
    test = scores_of(model, features.test)
    predicted = time.perf_counter()
    train = scores_of(model, features.train)
    record = Record(
        feature=feature,
        classifier=classifier,
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
    )
    return Outcome(record, replace(choice, sums=None, left=None), train, test)


def choose_strength(classifier: str, features: Table, labels: Array, seed: int) -> Choice:
    """Try the strengths of a classifier on a validation part of the training set."""
    start = time.perf_counter()
    training, validation = split_for_validation(labels, seed)
    if isinstance(features, CodedTable):
        known, new = features.take(training), features.take(validation)
    else:
        # Standardized once more, so that nothing of the validation part is in the scale.
        scaler = StandardScaler().fit(features[training])
        known, new = scaler.transform(features[training]), scaler.transform(features[validation])
    scores = {}
    for strength in CLASSIFIERS[classifier].strengths:
        model, _ = fit(classifier, strength, known, labels[training], seed)
        scores[strength] = scores_of(model, new)
    return best_choice(scores, labels[training], labels[validation], start)


def best_choice(scores: dict[float, Array], known: Array, labels: Array, start: float) -> Choice:
    """Return the strength that finds most labels; the first of several is the strongest."""
    classes = np.unique(known)
    accuracies = {strength: accuracy(found, labels, classes) for strength, found in scores.items()}
    best = max(accuracies, key=accuracies.__getitem__)
    return Choice(best, accuracies[best], time.perf_counter() - start, scores[best], labels)


def choose_in_closed_form(classifier: str, features: Table, labels: Array, seed: int) -> Choice:
    """Go from strength to stronger or weaker as long as the accuracy on the validation part rises."""
    start = time.perf_counter()
    known, left = split_last(labels, RIDGE_VALIDATION_SHARE)
    if not len(left):
        raise ValueError("no class has ten training images, one of which to validate with")
    sums, classes = ridge_sums(features, labels, known), np.unique(labels)
    new = features.take(left) if isinstance(features, HalfTable | CodedTable) else features[left]
    scores: dict[float, Array] = {}

    def found_by(strength: float) -> float:
        if strength not in scores:
            scores[strength] = scores_of(
                solved_model(classifier, sums, strength, features, labels, known), new
            )
        return accuracy(scores[strength], labels[left], classes)

    best = climb(CLASSIFIERS[classifier].strengths, found_by)
    found_by(best)
    only = {best: scores[best]}
    return replace(best_choice(only, labels, labels[left], start), sums=sums, left=left)


def split_for_validation(labels: Array, seed: int) -> tuple[Array, Array]:
    """Divide the training set, or as much of it as tuning may take, class by class.

    Returns
    -------
    training, validation : arrays of int
        Disjoint indices, each class with its share in both.

    Raises
    ------
    ValueError
        If no class has two images.
    """
    rng = np.random.default_rng(seed)
    share = min(1, MAX_TUNING_IMAGES / len(labels))
    training, validation = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        members = members[: max(2, round(len(members) * share))]
        n_validation = max(round(len(members) * VALIDATION_SHARE), 1) if len(members) > 1 else 0
        validation.append(members[:n_validation])
        training.append(members[n_validation:])
    if not sum(map(len, validation)):
        raise ValueError("no class has two training images, one to learn from and one to validate with")
    return rng.permutation(np.concatenate(training)), np.concatenate(validation)

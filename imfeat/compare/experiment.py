"""The experiment: each feature with each classifier and each seed, by one protocol.

Features are standardized by the training images.  The strength of the regularization is chosen
once for a feature and a classifier, with the first seed, on a validation part of the training
set.  Then, for each seed, the classifier is trained on the whole training set and meets the test
set once, for the number that is reported.

Ridge regression, and the SVM that is solved by it, need no second sums: they are solved for some
strengths on all training images but the last tenth of each class, which choose among the strengths
and are then added.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from imfeat._backend import Array
from imfeat.compare.classifiers import CLASSIFIERS, CLOSED_FORM, accuracy, fit, ridge_sums, solved_model
from imfeat.compare.features import build_feature, is_seeded
from imfeat.compare.tables import Table, standardized_tables
from imfeat.datasets import DataSet
from imfeat.learn import RidgeSums
from imfeat.learn.ridge import split_last

MAX_TUNING_IMAGES = 10_000
VALIDATION_SHARE = 0.2
RIDGE_VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Record:
    """What one feature with one classifier and one seed came to.

    ``feature_seconds`` are those of the training and the test images; ``tune_seconds`` those of
    the choice of the strength, which all seeds share; ``train_seconds`` those of the training with
    that strength; ``predict_seconds`` those of the test images.  ``converged`` is None for what is
    trained for a fixed number of epochs.
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
    sums: RidgeSums | None = None
    left: Array | None = None


@dataclass(frozen=True, eq=False)
class Features:
    """The standardized features of a data set, and the seconds they took, learning included."""

    train: Table
    test: Table
    seconds: float


def run_cells(
    data: DataSet,
    features: tuple[str, ...],
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    announce: Callable[[str], None],
) -> Iterator[Record]:
    """Yield a record for each feature, seed and classifier.

    ``announce`` is told what is done next.
    """
    for feature in features:
        yield from _run_feature(feature, data, classifiers, seeds, announce)


def _run_feature(
    feature: str,
    data: DataSet,
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    announce: Callable[[str], None],
) -> Iterator[Record]:
    computed: Features | None = None
    choices: dict[str, Choice] = {}
    first: dict[str, Record] = {}
    for seed in seeds:
        announce(f"{feature}, seed {seed}")
        if computed is None or is_seeded(feature):
            computed = None  # so that no two of them fill the memory
            computed = compute_features(feature, data, seed)
        for name in classifiers:
            announce(f"{feature}, {name}, seed {seed}")
            if name not in choices:
                choose = choose_in_closed_form if name in CLOSED_FORM else choose_strength
                choices[name] = choose(name, computed.train, data.train.labels, seed)
            if name in first and not (is_seeded(feature) or CLASSIFIERS[name].seeded):
                yield replace(first[name], seed=seed)  # the same model would come out
                continue
            record = run_cell(feature, name, seed, computed, choices[name], data)
            choices[name] = replace(choices[name], sums=None, left=None)
            first.setdefault(name, record)
            yield record


def compute_features(name: str, data: DataSet, seed: int) -> Features:
    """Learn a feature from the training images, compute it for all, and standardize it."""
    images = data.train.images
    transformer = build_feature(name, images.shape[1:3], seed)
    clone(transformer).fit_transform(images[:2])  # compiles, which nobody waits for a second time
    start = time.perf_counter()
    train, test = standardized_tables(transformer, images, data.test.images)
    return Features(train, test, time.perf_counter() - start)


def run_cell(
    feature: str, classifier: str, seed: int, features: Features, choice: Choice, data: DataSet
) -> Record:
    """Train on the whole training set, and judge."""
    start = time.perf_counter()
    labels = data.train.labels
    if choice.sums is not None and choice.left is not None:
        sums = ridge_sums(features.train, labels, choice.left, choice.sums)
        rows = np.arange(len(labels))
        model = solved_model(classifier, sums, choice.strength, features.train, labels, rows)
        converged = None
    else:
        model, converged = fit(classifier, choice.strength, features.train, labels, seed)
    trained = time.perf_counter()
    test_accuracy = accuracy(model, features.test, data.test.labels)
    predicted = time.perf_counter()
    return Record(
        feature=feature,
        classifier=classifier,
        seed=seed,
        test_accuracy=test_accuracy,
        train_accuracy=accuracy(model, features.train, labels),
        validation_accuracy=choice.validation_accuracy,
        strength=choice.strength,
        converged=converged,
        n_features=features.train.shape[1],
        feature_seconds=features.seconds,
        tune_seconds=choice.seconds,
        train_seconds=trained - start,
        predict_seconds=predicted - trained,
    )


def choose_strength(classifier: str, features: Table, labels: Array, seed: int) -> Choice:
    """Try the strengths of a classifier on a validation part of the training set."""
    start = time.perf_counter()
    training, validation = split_for_validation(labels, seed)
    # Standardized once more, so that nothing of the validation part is in the scale.
    scaler = StandardScaler().fit(features[training])
    known, new = scaler.transform(features[training]), scaler.transform(features[validation])
    scores = {}
    for strength in CLASSIFIERS[classifier].strengths:
        model, _ = fit(classifier, strength, known, labels[training], seed)
        scores[strength] = float(model.score(new, labels[validation]))
    best = max(scores, key=scores.__getitem__)  # the first of several is the strongest
    return Choice(best, scores[best], time.perf_counter() - start)


def choose_in_closed_form(classifier: str, features: Table, labels: Array, seed: int) -> Choice:
    """Go from strength to stronger or weaker as long as the accuracy on the validation part rises."""
    start = time.perf_counter()
    known, left = split_last(labels, RIDGE_VALIDATION_SHARE)
    if not len(left):
        raise ValueError("no class has ten training images, one of which to validate with")
    sums = ridge_sums(features, labels, known)
    scores: dict[float, float] = {}

    def score(strength: float) -> float:
        if strength not in scores:
            model = solved_model(classifier, sums, strength, features, labels, known)
            scores[strength] = accuracy(model, features[left], labels[left])
        return scores[strength]

    strengths = CLASSIFIERS[classifier].strengths
    best = len(strengths) // 2
    for step in (-1, 1):
        while 0 <= best + step < len(strengths) and score(strengths[best + step]) > score(strengths[best]):
            best += step
    strength = strengths[best]
    return Choice(strength, scores[strength], time.perf_counter() - start, sums, left)


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

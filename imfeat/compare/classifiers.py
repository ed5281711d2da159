"""The classifiers that are compared, by name.

All of them minimize the same thing, the sum of a loss over the images plus ``strength / 2`` times
the sum of the squared weights.  So a strength means the same for each of them, and, since a prior
on the weights doesn't depend on the number of images, one chosen on a part of the training set
suits the whole.
"""

import math
import pickle
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from imfeat._backend import Array
from imfeat.compare.tables import ROWS_AT_ONCE, Table, slices_of
from imfeat.learn import LinearClassifier, LinearSVM, MLPClassifier, RidgeSums

STRENGTHS = (30_000.0, 10_000.0, 3_000.0, 1_000.0, 300.0, 100.0, 30.0)
MOST_TRIED = 5  # of them, for each feature and classifier

# A fixed number of epochs, but on small training sets more of them, up to this many steps: few
# epochs of few images would leave a classifier half trained.
SVM_EPOCHS, SVM_STEPS, SVM_BATCH = 10, 50_000, 8
MLP_EPOCHS, MLP_STEPS, MLP_BATCH = 20, 400, 128


@dataclass(frozen=True)
class Classifier:
    """How to build a classifier, and what to try.

    Attributes
    ----------
    build : function of a strength, the number of images and a seed
        Returns a classifier with scikit-learn's ``fit``.
    strengths : tuple of float
        To choose among, strongest first.
    title : str
        What it is called in a sentence.
    seeded : bool
        Whether the seed matters.
    kind : str
        ``"linear"``, ``"mlp"`` or ``"other"``.
    """

    build: Callable[[float, int, int], Any]
    strengths: tuple[float, ...] = STRENGTHS
    title: str = ""
    seeded: bool = True
    kind: str = "linear"


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Scores x W + b, however W and b were found."""

    weights: Array
    intercepts: Array

    @property
    def coef_(self) -> Array:
        """The weights (n_classes, n_features)."""
        return self.weights.T

    def decision_function(self, features: Array) -> Array:
        """Return scores (n, n_classes)."""
        scores: Array = features @ self.weights + self.intercepts
        return scores


def _softmax(strength: float, n_images: int, seed: int) -> Any:
    return LinearClassifier(strength=strength / n_images, epochs=200, tol=1e-3)


def _svm(strength: float, n_images: int, seed: int) -> Any:
    epochs = max(SVM_EPOCHS, SVM_STEPS // n_images)
    return LinearSVM(strength=strength, epochs=epochs, batch_size=SVM_BATCH, random_state=seed)


def _ridge(strength: float, n_images: int, seed: int) -> Any:
    raise NotImplementedError("it is solved from sums, by solved_model")


def _mlp(hidden: tuple[int, ...], strength: float, n_images: int, seed: int) -> Any:
    steps = math.ceil(n_images / MLP_BATCH)
    return MLPClassifier(
        hidden,
        learning_rate=5e-4,
        schedule="cosine",
        batch_size=MLP_BATCH,
        epochs=max(MLP_EPOCHS, MLP_STEPS // steps),
        weight_decay=strength / n_images,
        random_state=seed,
    )


def _mlp1(strength: float, n_images: int, seed: int) -> Any:
    return _mlp((256,), strength, n_images, seed)


def _mlp2(strength: float, n_images: int, seed: int) -> Any:
    return _mlp((256, 256), strength, n_images, seed)


CLASSIFIERS = {
    "softmax": Classifier(_softmax, title="softmax regression", seeded=False),
    "svm": Classifier(_svm, title="a linear SVM"),
    "ridge": Classifier(_ridge, title="ridge regression", seeded=False),
    "l2svm": Classifier(_ridge, title="a linear SVM of squared hinge loss", seeded=False),
    "mlp": Classifier(_mlp1, title="an MLP of one hidden layer", kind="mlp"),
    "mlp2": Classifier(_mlp2, title="an MLP of two hidden layers", kind="mlp"),
}
CLOSED_FORM = ("ridge", "l2svm")  # from one matrix of sums, for any strength
GROUPS = {"linear": ("softmax", "svm", "ridge"), "mlps": ("mlp", "mlp2")}


def expand_groups(names: Iterable[str]) -> tuple[str, ...]:
    """Return classifiers, each once, for names of classifiers and groups."""
    return tuple(dict.fromkeys(member for name in names for member in GROUPS.get(name, (name,))))


def fit(
    name: str, strength: float, features: Table, labels: Array, rows: Array, seed: int
) -> tuple[Any, bool | None]:
    """Train a classifier on some rows of a table.

    Returns
    -------
    model : classifier
    converged : bool or None
        Whether it met its stopping rule; None if it has none.
    """
    if name in CLOSED_FORM:
        return solved_model(name, ridge_sums(features, labels, rows), strength, features, labels, rows), None
    model = CLASSIFIERS[name].build(strength, len(rows), seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is in the record
        if hasattr(model, "fit_rows") and not isinstance(features, np.ndarray):
            model.fit_rows(lambda part: features[rows[part]], labels[rows], features.shape[1])
        else:
            model.fit(features[:] if len(rows) == len(features) else features[rows], labels[rows])
    return model, getattr(model, "converged_", None)


def climb(strengths: tuple[float, ...], accuracy_of: Callable[[float], float]) -> float:
    """Go from the strength in the middle to stronger or weaker ones as long as the accuracy rises.

    It asks for at most `MOST_TRIED` accuracies, and for each once.
    """
    known: dict[int, float] = {}

    def tried(k: int) -> float:
        if k not in known:
            known[k] = accuracy_of(strengths[k])
        return known[k]

    best = len(strengths) // 2
    for step in (-1, 1):
        while 0 <= best + step < len(strengths) and (best + step in known or len(known) < MOST_TRIED):
            if tried(best + step) <= tried(best):
                break
            best += step
    return strengths[best]


def scores_of(model: Any, features: Table, rows: Array | None = None) -> Array:
    """Return the scores (n, n_classes) of a model for a table, or some rows of it."""
    if hasattr(model, "decision_function") or hasattr(model, "predict_proba"):
        score = getattr(model, "decision_function", None) or model.predict_proba
    else:
        score = lambda x: (model.predict(x)[:, None] == model.classes_).astype(np.float32)  # noqa: E731
    parts = slices_of(features) if rows is None else np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE))
    scores: Array = np.concatenate([score(features[part]) for part in parts])
    return np.stack([-scores, scores], 1) if scores.ndim == 1 else scores


def accuracy(scores: Array, labels: Array, classes: Array) -> float:
    """Return the share of images whose class has the highest score."""
    return float((classes[scores.argmax(1)] == labels).mean())


def size_of(model: Any) -> int:
    """Return the bytes of the parameters of a model, or of its copy on disk."""
    if network := getattr(model, "network_", None):
        return int(sum(array.nbytes for array in network.parameters))
    if hasattr(model, "coef_"):
        return int(model.coef_.nbytes + 4 * len(model.coef_))
    return len(pickle.dumps(model))


def ridge_sums(features: Table, labels: Array, rows: Array, sums: RidgeSums | None = None) -> RidgeSums:
    """Return the sums of ridge regression over some images, or add these to others."""
    classes = np.unique(labels)
    sums = sums or RidgeSums(features.shape[1], len(classes))
    for first in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[first : first + ROWS_AT_ONCE]
        sums.add(features[some], np.searchsorted(classes, labels[some]))
    return sums


def solved_model(
    name: str, sums: RidgeSums, strength: float, features: Table, labels: Array, rows: Array
) -> LinearModel:
    """Return the classifier that sums over some rows lead to."""
    classes = np.unique(labels)

    def batches() -> Iterator[tuple[Array, Array]]:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            yield features[some], np.searchsorted(classes, labels[some])

    if name == "l2svm":
        return LinearModel(*sums.solve_squared_hinge(strength, batches))
    return LinearModel(*sums.solve(strength))

"""The classifiers that are compared, by name.

All of them minimize the same thing, the sum of a loss over the images plus ``strength / 2`` times
the sum of the squared weights.  So a strength means the same for each of them, and, since a prior
on the weights doesn't depend on the number of images, one chosen on a part of the training set
suits the whole.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from imfeat._backend import Array
from imfeat.compare.tables import ROWS_AT_ONCE, CodedTable, HalfTable, Table, slices_of
from imfeat.learn import RidgeClassifier, RidgeSums
from imfeat.learn.svm import train_svm

# A fixed number of epochs, but on small training sets more of them, up to this many steps: few
# epochs of few images would leave a classifier half trained.
SVM_EPOCHS, SVM_STEPS = 10, 40_000
MLP_EPOCHS, MLP_STEPS = 20, 400
MLP_BATCH = 200
CODED_SVM_EPOCHS, CODED_SVM_BATCH = 50, 8


@dataclass(frozen=True)
class Classifier:
    """The strengths to try, strongest first, and how to build it.

    ``build`` takes a strength, the shape (n_images, n_features) of the training set and a seed.
    """

    strengths: tuple[float, ...]
    build: Callable[[float, tuple[int, int], int], Any]
    seeded: bool = True
    has_stopping_rule: bool = False  # otherwise it is trained for a fixed number of epochs


def _logistic(strength: float, shape: tuple[int, int], seed: int) -> Any:
    return LogisticRegression(C=1 / strength, tol=1e-3, max_iter=200)


def _svm(strength: float, shape: tuple[int, int], seed: int) -> Any:
    n_images, n_features = shape
    n_epochs = max(SVM_EPOCHS, SVM_STEPS // n_images)
    return SGDClassifier(
        alpha=strength / n_images,
        max_iter=n_epochs,
        tol=None,
        average=n_images * n_epochs // 2,  # the mean of the second half
        learning_rate="constant",
        eta0=3 / n_features,  # standardized, the square of an image's length is n_features
        n_jobs=-1,
        random_state=seed,
    )


def _mlp(strength: float, shape: tuple[int, int], seed: int) -> Any:
    n_images, _ = shape
    batch_size = min(MLP_BATCH, n_images)
    n_epochs = max(MLP_EPOCHS, MLP_STEPS // math.ceil(n_images / batch_size))
    return MLPClassifier(
        hidden_layer_sizes=(256,),
        alpha=strength * batch_size / n_images,  # scikit-learn divides it by the batch size
        batch_size=batch_size,
        learning_rate_init=3e-4,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        random_state=seed,
    )


def _ridge(strength: float, shape: tuple[int, int], seed: int) -> Any:
    return RidgeClassifier((strength,))


CLASSIFIERS = {
    "logistic": Classifier((10_000, 1_000, 100), _logistic, seeded=False, has_stopping_rule=True),
    "svm": Classifier((10_000, 1_000, 100), _svm),
    "ridge": Classifier((10_000, 3_000, 1_000, 300, 100, 30, 10), _ridge, seeded=False),
    "l2svm": Classifier((10_000, 3_000, 1_000, 300, 100, 30, 10), _ridge, seeded=False),
    "mlp": Classifier((300, 100, 30), _mlp),
}
CLOSED_FORM = ("ridge", "l2svm")  # from one matrix of sums, for any strength
GROUPS = {"linear": ("logistic", "svm")}


def expand_groups(names: Iterable[str]) -> tuple[str, ...]:
    """Return classifiers, each once, for names of classifiers and groups."""
    return tuple(dict.fromkeys(member for name in names for member in GROUPS.get(name, (name,))))


def fit(name: str, strength: float, features: Table, labels: Array, seed: int) -> tuple[Any, bool | None]:
    """Train a classifier.

    Returns
    -------
    model : scikit-learn classifier
    converged : bool or None
        Whether it met its stopping rule; None if it has none.
    """
    kind = CLASSIFIERS[name]
    if name in CLOSED_FORM:
        rows = np.arange(len(labels))
        return solved_model(name, ridge_sums(features, labels, rows), strength, features, labels, rows), None
    model = kind.build(strength, features.shape, seed)
    with warnings.catch_warnings(record=True) as caught, _one_thread_in_scipy():
        warnings.simplefilter("always", ConvergenceWarning)
        if name == "svm" and isinstance(features, CodedTable):
            model = _fit_svm(strength, features, labels, seed)
        elif name == "mlp" and isinstance(features, HalfTable | CodedTable):
            _fit_batch_by_batch(model, features, labels, seed)
        else:
            model.fit(features[:], labels)
    ours = [w for w in caught if issubclass(w.category, ConvergenceWarning)]
    for other in caught:
        if other not in ours:
            warnings.warn(other.message, stacklevel=2)
    return model, not ours if kind.has_stopping_rule else None


def climb(strengths: tuple[float, ...], accuracy_of: Callable[[float], float]) -> float:
    """Go from the strength in the middle to stronger or weaker ones as long as the accuracy rises."""
    best = len(strengths) // 2
    for step in (-1, 1):
        while 0 <= best + step < len(strengths) and accuracy_of(strengths[best + step]) > accuracy_of(
            strengths[best]
        ):
            best += step
    return strengths[best]


def scores_of(model: Any, features: Table) -> Array:
    """Return the scores (n, n_classes) of a model."""
    score = getattr(model, "decision_function", None) or model.predict_proba
    scores: Array = np.concatenate([score(features[part]) for part in slices_of(features)])
    return np.stack([-scores, scores], 1) if scores.ndim == 1 else scores


def accuracy(scores: Array, labels: Array, classes: Array) -> float:
    """Return the share of images whose class has the highest score."""
    return float((classes[scores.argmax(1)] == labels).mean())


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
) -> RidgeClassifier:
    """Return the classifier that sums over some rows lead to."""
    classes = np.unique(labels)

    def batches() -> Iterator[tuple[Array, Array]]:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[first : first + ROWS_AT_ONCE]
            yield features[some], np.searchsorted(classes, labels[some])

    if name == "l2svm":
        weights, intercepts = sums.solve_squared_hinge(strength, batches)
    else:
        weights, intercepts = sums.solve(strength)
    return _linear_model(weights, intercepts, classes)


def _linear_model(weights: Array, intercepts: Array, classes: Array) -> RidgeClassifier:
    """Return a classifier with given weights (n_features, n_classes), however they were found."""
    model = RidgeClassifier()
    model.coef_, model.intercept_, model.classes_ = np.ascontiguousarray(weights.T), intercepts, classes
    model.n_features_in_ = len(weights)
    return model


def _fit_svm(strength: float, features: CodedTable, labels: Array, seed: int) -> RidgeClassifier:
    classes, targets = np.unique(labels, return_inverse=True)
    weights, intercepts = train_svm(
        features.__getitem__,
        targets,
        strength=strength,
        epochs=CODED_SVM_EPOCHS,
        batch_size=CODED_SVM_BATCH,
        rng=np.random.default_rng(seed),
    )
    return _linear_model(weights, intercepts, classes)


def _fit_batch_by_batch(model: Any, features: HalfTable | CodedTable, labels: Array, seed: int) -> None:
    """Train an MLP as its own ``fit`` does, which would hold all features in float32 at once."""
    rng, classes = np.random.default_rng(seed), np.unique(labels)
    for _ in range(model.max_iter):
        order = rng.permutation(len(labels))
        for first in range(0, len(order), model.batch_size):
            batch = order[first : first + model.batch_size]
            model.partial_fit(features[batch], labels[batch], classes=classes)


@contextmanager
def _one_thread_in_scipy() -> Iterator[None]:
    """Keep the BLAS that SciPy brings from competing with the one that NumPy brings.

    The wheels have a copy each, whose idle threads go on spinning for a while: an optimizer in
    SciPy that alternates with products in NumPy becomes several times slower.
    """
    controller = ThreadpoolController()
    paths = [library.filepath for library in controller.lib_controllers if library.user_api == "blas"]
    of_scipy = [path for path in paths if any(part.startswith("scipy") for part in Path(path).parts[:-1])]
    with controller.select(filepath=of_scipy).limit(limits=1):
        yield

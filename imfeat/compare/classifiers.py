"""The table of classifiers that are compared, and the parser of the expressions that name them.

An expression is a name with options in Python's syntax, as ``mlp(hidden=(256, 128), activation='tanh')``.

Those that have a strength minimize the sum of a loss over the images plus ``strength / 2`` times the sum of
the squared weights (ridge regression and the squared hinge: plus ``strength`` times the sum, as
scikit-learn).
A strength therefore means the same for each of them.  As a prior on the weights doesn't depend on the number
of images, a strength that is chosen on a part of the training set suits all of it.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from imfeat._expressions import parse_calls, split_list
from imfeat._suggest import did_you_mean
from imfeat.compare.closed_form import ClosedFormClassifier, KernelClassifier
from imfeat.compare.methods import Classifier

AnyClassifier: TypeAlias = Classifier | ClosedFormClassifier | KernelClassifier

MOST_TRIED = 5  # strengths tried for each feature and classifier

# The number of epochs is fixed, but larger on small training sets, up to this number of steps: few
# epochs of few images would leave a classifier undertrained.
SVM_EPOCHS = 10
SVM_STEPS = 20_000
SVM_MOST_EPOCHS = 40
SVM_BATCH = 8
MLP_EPOCHS = 20
MLP_STEPS = 200
MLP_BATCH = 128
MLP_ITERATIONS = 200  # of L-BFGS
RATES = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.01}  # of other optimizers: 5e-4
NEIGHBORS = (100, 50, 20, 10, 5, 3, 1)
KERNEL_STRENGTHS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
GAMMAS = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125)


def _svm(options: Mapping[str, Any], n_images: int) -> dict[str, Any]:
    epochs = min(SVM_MOST_EPOCHS, SVM_STEPS // n_images)
    return {"epochs": max(SVM_EPOCHS, epochs), "batch_size": SVM_BATCH}


def _mlp(hidden: tuple[int, ...], options: Mapping[str, Any], n_images: int) -> dict[str, Any]:
    batch_size = options.get("batch_size", MLP_BATCH)
    optimizer = options.get("optimizer", "adam")
    steps = math.ceil(n_images / batch_size)
    return {
        "hidden": hidden,
        "learning_rate": RATES.get(optimizer, 5e-4),
        "schedule": "cosine",
        "batch_size": batch_size,
        "epochs": MLP_ITERATIONS if optimizer == "lbfgs" else max(MLP_EPOCHS, MLP_STEPS // steps),
        "n_iter_no_change": None,
    }


def _softmax(options: Mapping[str, Any], n_images: int) -> dict[str, Any]:
    return {"epochs": 200, "tol": 1e-3} if options.get("optimizer", "lbfgs") == "lbfgs" else {}


def _mean_decay(strength: float, n_images: int) -> float:
    return strength / n_images


def _inverse(strength: float, n_images: int) -> float:
    return 1 / strength if strength else math.inf


def _neighbors(n_neighbors: float, n_images: int) -> int:
    return min(int(n_neighbors), n_images)


def _mlp_row(name: str, title: str, hidden: tuple[int, ...]) -> Classifier:
    return Classifier(
        name=name,
        estimator="imfeat.learn.MLPClassifier",
        title=title,
        kind="mlp",
        seeded=True,
        parameter="weight_decay",
        value=_mean_decay,
        settings=partial(_mlp, hidden),
        may_augment=True,
        in_span=True,
    )


_TABLE: tuple[AnyClassifier, ...] = (
    Classifier(
        name="softmax",
        estimator="imfeat.learn.LinearClassifier",
        title="softmax regression",
        settings=_softmax,
        excluded=("loss",),
        in_span=True,
        seeded_by=("optimizer",),
    ),
    Classifier(
        name="svm",
        estimator="imfeat.learn.LinearSVM",
        title="a linear SVM",
        seeded=True,
        settings=_svm,
        in_span=True,
    ),
    ClosedFormClassifier(
        name="ridge",
        title="ridge regression",
        in_span=True,
        solve_sums=lambda sums, strength, batches: sums.solve(strength),
        solve_products=lambda products, strength, signs, gamma: products.solve(strength, signs),
        line=lambda strength: f"RidgeClassifier(({strength:g},))",
    ),
    ClosedFormClassifier(
        name="l2svm",
        title="a linear SVM of squared hinge loss",
        in_span=True,
        solve_sums=lambda sums, strength, batches: sums.solve_squared_hinge(strength, batches),
        solve_products=lambda products, strength, signs, gamma: products.solve_squared_hinge(strength, signs),
        line=lambda strength: f"LinearClassifier('squared_hinge', strength={2 * strength:g})",
        loss="squared_hinge",
    ),
    _mlp_row("mlp", "an MLP of one hidden layer", (256,)),
    _mlp_row("mlp2", "an MLP of two hidden layers", (256, 256)),
    KernelClassifier(
        name="kernel-ridge",
        title="ridge regression with a Gaussian kernel",
        kind="other",
        strengths=KERNEL_STRENGTHS,
        gammas=GAMMAS,
        solve_products=lambda products, strength, signs, gamma: products.solve(strength, signs, gamma=gamma),
    ),
    Classifier(
        name="knn",
        estimator="sklearn.neighbors.KNeighborsClassifier",
        title="nearest neighbours",
        kind="other",
        parameter="n_neighbors",
        value=_neighbors,
        strengths=NEIGHBORS,
    ),
    Classifier(
        name="logreg",
        estimator="sklearn.linear_model.LogisticRegression",
        title="scikit-learn's logistic regression",
        parameter="C",
        value=_inverse,
        settings=lambda options, n_images: {"max_iter": 200, "tol": 1e-3},
        in_span=True,
        seeded_by=("solver",),
    ),
    Classifier(
        name="hist-gradient-boosting",
        estimator="sklearn.ensemble.HistGradientBoostingClassifier",
        title="gradient boosting of trees on histograms",
        kind="other",
        parameter="learning_rate",
        strengths=(0.05, 0.1, 0.2),
        settings=lambda options, n_images: {"max_iter": 50, "max_leaf_nodes": 15, "early_stopping": False},
        seeded_by=("early_stopping", "max_features"),
    ),
)
CLASSIFIERS: dict[str, AnyClassifier] = {row.name: row for row in _TABLE}
GROUPS = {"linear": ("softmax", "svm", "ridge"), "mlps": ("mlp", "mlp2")}


def classifier_of(text: str) -> AnyClassifier:
    """Return the classifier that an expression names.

    Raises
    ------
    ValueError
        If the syntax is wrong, there is no such classifier, or it has no such option.

    Examples
    --------
    >>> classifier_of("mlp( hidden = (64,) )").name
    'mlp(hidden=(64,))'
    """
    if text in CLASSIFIERS:
        return CLASSIFIERS[text]
    calls = parse_calls(text, "classifier")
    if len(calls) > 1:
        raise ValueError(f"classifiers can't be joined by +, got {text!r}; separate them by commas")
    ((name, options),) = calls
    if name not in CLASSIFIERS:
        if name in GROUPS:
            raise ValueError(f"{name!r} is a group; give options to its members, {', '.join(GROUPS[name])}")
        names = *CLASSIFIERS, *GROUPS
        hint = did_you_mean(name, names)
        raise ValueError(f"unknown classifier {name!r}; choose among {', '.join(names)}{hint}")
    return CLASSIFIERS[name].with_options(options)


def parse_classifiers(classifiers: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names, in their usual spacing, of classifiers and groups, each once.

    Raises
    ------
    ValueError
        If there are none, or an expression is wrong.
    """
    text = classifiers if isinstance(classifiers, str) else ", ".join(map(str, classifiers))
    names = [item if item in GROUPS else classifier_of(item).name for item in split_list(text)]
    if not names:
        raise ValueError(f"no classifier given; choose among {', '.join((*CLASSIFIERS, *GROUPS))}")
    return tuple(dict.fromkeys(names))


def expand_groups(names: Iterable[str]) -> tuple[str, ...]:
    """Return classifiers, each once, for names of classifiers and groups."""
    return tuple(dict.fromkeys(member for name in names for member in GROUPS.get(name, (name,))))


def check(name: str) -> None:
    """Raise ValueError if options of a classifier have values that it refuses, by a fit to few numbers."""
    classifier = classifier_of(name)
    if name in CLASSIFIERS:
        return
    if isinstance(classifier, ClosedFormClassifier):
        return
    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    try:
        model = classifier.build(classifier.strengths[0], len(x), 0)
        if isinstance(getattr(model, "class_weight", None), dict):
            model.set_params(class_weight=None)  # of classes that these images don't have
        lengths = {option: getattr(model, option, None) for option in ("epochs", "max_iter")}
        few = {option: 1 for option, value in lengths.items() if isinstance(value, int) and value > 1}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_params(**few).fit(x, np.arange(len(x)) % 2)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"classifier {name!r}: {error}") from error

"""Softmax regression, ridge regression and linear SVMs, for `benchmarks.learners`.

scikit-learn-intelex takes part where it is installed.
"""

import importlib
import importlib.util
import tracemalloc

import numpy as np
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from benchmarks import timing
from imfeat.learn import LinearClassifier, LinearSVM, RidgeSums

STRENGTH = 1e-3  # of softmax regression, for the mean loss
STRENGTHS = (1000.0, 300.0, 100.0, 30.0, 10.0)
INTELEX = "scikit-learn-intelex"
HAS_INTELEX = importlib.util.find_spec("sklearnex") is not None
SVM_IMAGES, SVM_C = 5000, 1e-4


def intelex(module):
    return importlib.import_module(f"sklearnex.{module}")


def set_threads(n):
    if HAS_INTELEX:
        importlib.import_module("daal4py").daalinit(n)


def rows(x, y, wide, n_threads):
    """Return the records of all learners on pixels, and of ridge regression on more features."""
    ridge = timing.row("ridge, 5 strengths", n_threads, ridge_calls(wide, y), 1)
    return [softmax_row(x, y, n_threads), ridge, svm_row(x[:SVM_IMAGES], y[:SVM_IMAGES], n_threads)]


def softmax_row(x, y, n_threads):
    """Time softmax regression, the peers' with a tolerance that leaves them at the larger loss."""
    options = {"C": 1 / (STRENGTH * len(x)), "tol": 1e-3, "max_iter": 300}
    models = {
        "imfeat": LinearClassifier(strength=STRENGTH * len(x), tol=1e-3, epochs=300),
        "scikit-learn": LogisticRegression(**options),
    }
    if HAS_INTELEX:
        models[INTELEX] = intelex("linear_model").LogisticRegression(**options)
    found = timing.row("softmax regression", n_threads, fits(models, x, y), 1)
    return found | {"losses": {name: loss_of(model, x, y) for name, model in models.items()}}


def fits(models, x, y):
    return {name: lambda model=model: model.fit(x, y) for name, model in models.items()}


def loss_of(model, x, y):
    scores = x @ model.coef_.T.astype(np.float32) + model.intercept_
    penalty = STRENGTH / 2 * float((model.coef_.astype(float) ** 2).sum())
    return penalty - float(log_softmax(scores.astype(float), 1)[np.arange(len(y)), y].mean())


def ridge_calls(x, y):
    signs = np.where(y[:, None] == np.unique(y), 1, -1).astype(np.float32)

    def one_by_one():
        for strength in STRENGTHS:
            RidgeClassifier(strength, solver="cholesky").fit(x, y)

    def one_by_one_of_intelex():
        for strength in STRENGTHS:
            intelex("linear_model").Ridge(strength).fit(x, signs)

    # RidgeClassifierCV takes six times as long
    calls = {"imfeat": lambda: solve_all(x, y), "scikit-learn": one_by_one}
    return calls | ({INTELEX: one_by_one_of_intelex} if HAS_INTELEX else {})


def solve_all(x, y):
    sums = RidgeSums(x.shape[1], len(np.unique(y))).add(x, y)
    return [sums.solve(strength) for strength in STRENGTHS]


def ridge_bytes(x, y):
    """Return the most bytes that ridge regression held beside its input."""
    tracemalloc.start()
    solve_all(x, y)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def svm_row(x, y, n_threads):
    """Time linear SVMs: of squared hinge, but for intelex, which takes pairs of classes and hinge."""
    models = {"imfeat": LinearSVM(strength=1 / SVM_C, random_state=0), "scikit-learn": LinearSVC(C=SVM_C)}
    if HAS_INTELEX:
        models[INTELEX] = intelex("svm").SVC(kernel="linear", C=SVM_C)
    found = timing.row(f"linear SVM, {len(x):,} images", n_threads, fits(models, x, y), 1)
    return found | {
        "accuracies": {name: float((model.predict(x) == y).mean()) for name, model in models.items()}
    }

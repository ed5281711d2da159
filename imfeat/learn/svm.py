"""Linear support vector machines, one class against all others, by stochastic gradient descent.

With y = +1 for the class of an image and -1 for the others, minimize for each class

    strength / 2 |w|^2 + sum max(0, 1 - y (x.w + b))

over all images.  A step looks at a few images, so features may stay compressed until then.
"""

from collections.abc import Callable
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_count, as_number
from imfeat.learn._tables import as_table
from imfeat.quantizer import ProductQuantizer

ROWS_AT_ONCE = 64  # of features that are decoded
SNAPSHOTS = 16  # of each epoch of the second half, whose mean the weights are
FIRST_STEP = 4  # in units of one that would move an image of mean length from score 0 to 1

Rows = Callable[[Array], Array]


class LinearSVM(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear SVM on features, or on the codes of a product quantizer.

    Parameters
    ----------
    quantizer : ProductQuantizer, optional
        What the codes were made with; they are decoded a few at a time, so that training takes
        little more memory than they do.  Without it, the classifier learns from features.
    strength : float
        Of the penalty on the squares of the weights.
    epochs : int
        Passes over the images.
    batch_size : int
        Images a step.
    random_state : int, numpy.random.RandomState or None
        Where the order of the images comes from.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float32
    intercept_ : array of shape (n_classes,), float32
    n_features_in_ : int

    Notes
    -----
    Steps fall off as 1 / (1 + t / t0), and the weights are the mean of those of the second half.

    References
    ----------
    .. [1] L. Bottou, "Large-scale machine learning with stochastic gradient descent", COMPSTAT
       2010.  :doi:`10.1007/978-3-7908-2604-3_16`
    .. [2] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`
    """

    def __init__(
        self,
        quantizer: ProductQuantizer | None = None,
        *,
        strength: float = 1.0,
        epochs: int = 50,
        batch_size: int = 8,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.quantizer = quantizer
        self.strength = strength
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from features (n, n_features) or codes (n, n_groups), and labels (n,); return itself."""
        X, y = as_table(self, X, y, dtype=np.float32 if self.quantizer is None else np.uint8)
        return self.fit_rows(lambda rows: self._decoded(X[rows]), y, X.shape[1])

    def fit_rows(self, rows: Rows, y: Array, n_features: int) -> Self:
        """Learn from features that a function returns; see `LinearClassifier.fit_rows`."""
        self.n_features_in_ = n_features
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, got one class, {self.classes_[0]!r}")
        weights, self.intercept_ = train_svm(
            rows,
            labels,
            strength=as_number(self.strength, "strength", above=0),
            epochs=as_count(self.epochs, "epochs"),
            batch_size=as_count(self.batch_size, "batch_size"),
            rng=np.random.default_rng(check_random_state(self.random_state).randint(1 << 31)),
        )
        self.coef_ = np.ascontiguousarray(weights.T)
        return self

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, of two classes, (n,) for the second.

        They are float32; of features in float64 they are computed in it, and float64.
        """
        check_is_fitted(self)
        X = as_table(self, X, dtype=FLOATS if self.quantizer is None else np.uint8, reset=False)
        parts = [X[first : first + ROWS_AT_ONCE] for first in range(0, len(X), ROWS_AT_ONCE)]
        scores: Array = np.concatenate([self._decoded(part) @ self.coef_.T for part in parts])
        scores += self.intercept_
        return scores[:, 1] if len(self.classes_) == 2 else scores

    def predict(self, X: Array) -> Array:
        """Return the class of each image."""
        scores = self.decision_function(X)
        found: Array = self.classes_[scores.argmax(1) if scores.ndim == 2 else (scores > 0).astype(int)]
        return found

    def _decoded(self, X: Array) -> Array:
        return X if self.quantizer is None else self.quantizer.decode(X)


def train_svm(
    rows: Rows,
    labels: Array,
    *,
    strength: float,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return weights (n_features, n_classes) and intercepts (n_classes,).

    ``rows(indices)`` are the features (n, n_features) float32 of some images; ``labels`` are 0 to
    ``n_classes - 1``.
    """
    n, classes = len(labels), np.arange(labels.max() + 1)
    some = rows(rng.integers(n, size=min(n, ROWS_AT_ONCE)))
    center = some.mean(0)  # steps are taken as if images were seen from here: it is nearer to all than 0
    square = 1 + float(((some - center) ** 2).sum(dtype=np.float64)) / len(some)
    weights = np.zeros((some.shape[1], len(classes)), np.float32)
    intercepts = np.where(2 * np.bincount(labels) > n, 1.0, -1.0)  # the best ones for weights of 0
    mean, mean_intercepts, taken = np.zeros_like(weights), np.zeros(len(classes)), 0
    decay, step, scale = strength / n, 0, 1.0  # the weights are scale * weights
    every = max(1, -(-n // batch_size) // SNAPSHOTS)
    for epoch in range(epochs):
        order = rng.permutation(n)
        for first in range(0, n, batch_size):
            batch = order[first : first + batch_size]
            x, signs = rows(batch) - center, np.where(labels[batch, None] == classes, 1, -1)
            rate = 1 / (square / FIRST_STEP + decay * (step + 1))
            scores = scale * (x @ weights) + intercepts
            pull = signs * (signs * scores < 1) / len(batch)
            scale *= 1 - rate * decay
            weights += x.T @ (pull * (rate / scale)).astype(np.float32)
            intercepts += rate * pull.sum(0)
            step += 1
            if 2 * epoch >= epochs and step % every == 0:
                taken += 1
                mean += (scale * weights - mean) / taken
                mean_intercepts += (intercepts - mean_intercepts) / taken
    return mean, (mean_intercepts - center @ mean).astype(np.float32)

"""Rosenblatt's perceptron: a threshold, and a rule that learns from mistakes.

A unit puts out h = 1 where x.w + b > 0, else 0.  Where it should have put out t,

    w += rate (t - h) x,    b += rate (t - h).

There is one unit a class, which should put out 1 for the images of its class.
"""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import as_count, as_number
from imfeat.learn._tables import as_table


class Perceptron(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Threshold units, one a class, that learn by Rosenblatt's rule, an image at a time.

    Parameters
    ----------
    learning_rate : float
    epochs : int
        Passes over the images, at most; it ends after one without a mistake, and, where no hyperplane
        separates a class, goes on to the last.
    random_state : int, numpy.random.RandomState or None
        Where the order of the images comes from.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float64
    intercept_ : array of shape (n_classes,), float64
    n_mistakes_ : list of int
        Wrong outputs in each epoch.
    n_iter_ : int
    n_features_in_ : int

    References
    ----------
    .. [1] F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization
       in the brain", Psychological Review 65, 1958.  :doi:`10.1037/h0042519`
    """

    def __init__(
        self,
        *,
        learning_rate: float = 1.0,
        epochs: int = 100,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from features (n, n_features) and labels (n,); return itself."""
        X, y = as_table(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, got one class, {self.classes_[0]!r}")
        rate = as_number(self.learning_rate, "learning_rate", above=0)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        targets = (labels[:, None] == np.arange(len(self.classes_))).astype(np.float64)
        self.coef_, self.intercept_ = np.zeros((len(self.classes_), X.shape[1])), np.zeros(len(self.classes_))
        self.n_mistakes_: list[int] = []
        for _ in range(as_count(self.epochs, "epochs")):
            n_mistakes = 0
            for i in rng.permutation(len(X)):
                error = targets[i] - (self.coef_ @ X[i] + self.intercept_ > 0)
                if error.any():
                    self.coef_ += rate * np.outer(error, X[i])
                    self.intercept_ += rate * error
                    n_mistakes += int(np.count_nonzero(error))
            self.n_mistakes_.append(n_mistakes)
            if not n_mistakes:
                break
        self.n_iter_ = len(self.n_mistakes_)
        return self

    def decision_function(self, X: Array) -> Array:
        """Return what the thresholds see (n, n_classes), or, of two classes, (n,) second less first."""
        check_is_fitted(self)
        scores: Array = as_table(self, X, dtype=np.float64, reset=False) @ self.coef_.T + self.intercept_
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Array) -> Array:
        """Return the class of each of the features (n, n_features): that of the highest x.w + b."""
        scores = self.decision_function(X)
        found: Array = self.classes_[scores.argmax(1) if scores.ndim == 2 else (scores > 0).astype(int)]
        return found

"""Rosenblatt's perceptron: threshold units that learn from mistakes.

The output of a unit is h = 1 where x.w + b > 0, else 0.  For a target t, it learns by

    w += rate (t - h) x,    b += rate (t - h).

Each class has one unit, whose target is 1 for the images of the class.  The weight of an image is a factor
of the rate.
"""

from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import as_count, as_flag, as_number
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._tables import as_table
from imfeat.learn._weights import repeat_images, without_zeros


class Perceptron(ScoreClassifier):
    """Threshold units, one per class, that learn by Rosenblatt's rule, one image at a time.

    Parameters
    ----------
    learning_rate : float
    epochs : int
        Maximum number of passes over the images.  Training ends after a pass without a mistake; if no
        hyperplane separates a class, it takes all passes.
    warm_start : bool
        Whether `fit` goes on from the weights of the last fit, which must have had the same classes.
    random_state : int, numpy.random.RandomState or None
        Source of the order of the images.

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

    Examples
    --------
    The logical and of two inputs:

    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> model = imfeat.learn.Perceptron(random_state=0).fit(X, [0, 0, 0, 1])
    >>> model.predict(X)
    array([0, 0, 0, 1])
    >>> model.n_mistakes_[-1]
    0
    """

    def __init__(
        self,
        *,
        learning_rate: float = 1.0,
        epochs: int = 100,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn from features; return itself.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Features.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0.  Images of weight 0 are left out.  A pass stops at each other image
            once, and the step is as many times as long.

        Raises
        ------
        TypeError, ValueError
            If the features, the labels, the weights or a parameter are not as described.
        """
        continues = as_flag(self.warm_start, "warm_start") and hasattr(self, "coef_")
        X, y = as_table(self, X, y, dtype=np.float64, reset=not continues)
        X, y, weights = repeat_images(X, y, sample_weight)
        counted, weights = without_zeros(weights, len(y))
        if counted is not None:
            X, y = X[counted], y[counted]
        labels = self._encode_labels(y, continues=continues)
        factors = np.ones(len(X)) if weights is None else weights / weights.mean()
        rates = (as_number(self.learning_rate, "learning_rate", above=0) * factors).tolist()
        rng = self._make_rng()
        targets = (labels[:, None] == np.arange(len(self.classes_))).astype(np.float64)
        if not continues:
            self.coef_ = np.zeros((len(self.classes_), X.shape[1]))
            self.intercept_ = np.zeros(len(self.classes_))
        self.n_mistakes_: list[int] = []
        for _ in range(as_count(self.epochs, "epochs")):
            n_mistakes = 0
            for i in rng.permutation(len(X)):
                error = targets[i] - (self.coef_ @ X[i] + self.intercept_ > 0)
                if error.any():
                    self.coef_ += rates[i] * np.outer(error, X[i])
                    self.intercept_ += rates[i] * error
                    n_mistakes += int(np.count_nonzero(error))
            self.n_mistakes_.append(n_mistakes)
            if not n_mistakes:
                break
        self.n_iter_ = len(self.n_mistakes_)
        return self

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        scores: Array = as_table(self, X, dtype=np.float64, reset=False) @ self.coef_.T + self.intercept_
        return scores

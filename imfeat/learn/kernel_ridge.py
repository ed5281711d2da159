"""The classifier by ridge regression on the classes with a Gaussian kernel.

With the kernel k(x, y) = exp(-gamma |x - y|^2 / m), where m is the mean squared distance between training
images, the score of x is

    f(x) = b + sum_i k(x, x_i) a_i,    a = (K + strength I)^-1 (Y - b),

which minimizes sum_i (f(x_i) - y_i)^2 + strength |f|^2 with the norm of the kernel.  b is the mean of Y.
"""

from typing import Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_number
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._tables import as_table
from imfeat.learn._weights import repeat_images, without_zeros
from imfeat.learn.dual import RidgeProducts, as_kernels

ROWS_AT_ONCE = 1024


class KernelRidgeClassifier(ScoreClassifier):
    """Least squares on the classes with a Gaussian (RBF) kernel, in closed form.

    Parameters
    ----------
    gamma : float
        The kernel of two images is exp(-gamma) at the mean squared distance between training images, whatever
        the number and the scale of their features.
    strength : float
        Strength of the penalty, for the sum of the squared errors of all images, each times its weight.
        Values of the kernel are at most 1.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    X_fit_ : array of shape (n, n_features), float32
        Features of the training images.
    dual_coef_ : array of shape (n, n_classes), float32
        Their shares in the scores.
    intercept_ : array of shape (n_classes,), float32
    gamma_ : float
        ``gamma`` divided by the mean squared distance.
    n_features_in_ : int

    Notes
    -----
    Features are used as they are.  Put a `StandardScaler` before the classifier, as distances treat all
    features alike.  `fit` keeps one matrix (n, n) of float32 beside the features, 10 GB for 50,000 images,
    and factorizes it in place; `predict` compares an image with all training images.

    References
    ----------
    .. [1] C. Saunders, A. Gammerman, V. Vovk, "Ridge regression learning algorithm in dual variables", ICML
       1998.

    Examples
    --------
    Exclusive or, which no linear classifier learns:

    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    >>> model = imfeat.learn.KernelRidgeClassifier().fit(X, [0, 0, 1, 1])
    >>> model.predict(X)
    array([0, 0, 1, 1])
    """

    _has_opposite_scores = True

    def __init__(self, gamma: float = 0.5, *, strength: float = 0.01) -> None:
        self.gamma = gamma
        self.strength = strength

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn from features; return itself.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Features.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0, factors of the squared errors of the images.  A weight of 2 counts
            as an image twice, and one of 0 as none.

        Raises
        ------
        TypeError, ValueError
            If the features, the labels, the weights or a parameter are not as described.
        """
        X, y = as_table(self, X, y, dtype=np.float32)
        X, y, weights = repeat_images(X, y, sample_weight)
        counted, weights = without_zeros(weights, len(y))
        if counted is not None:
            X, y = X[counted], y[counted]
        labels = self._encode_labels(y)
        gamma = as_number(self.gamma, "gamma", above=0)
        strength = as_number(self.strength, "strength", above=0)
        center, distance = _center_and_distance(X, weights)
        products = RidgeProducts(len(X)).add(X - center)
        signs = np.where(labels[:, None] == np.arange(len(self.classes_)), np.float32(1), np.float32(-1))
        self.gamma_ = gamma / distance
        self.dual_coef_, self.intercept_, _ = products.solve(
            strength, signs, gamma=self.gamma_, sample_weight=weights
        )
        self.X_fit_ = X
        return self

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        X = as_table(self, X, dtype=FLOATS, reset=False)
        center = self.X_fit_.mean(0)  # shorter vectors have smaller errors of rounding
        known = (self.X_fit_ - center).astype(X.dtype)
        known_squares = np.einsum("nd,nd->n", known, known)
        scores = np.empty((len(X), len(self.classes_)), X.dtype)
        for first in range(0, len(X), ROWS_AT_ONCE):
            x = X[first : first + ROWS_AT_ONCE] - center
            kernels = as_kernels(x @ known.T, np.einsum("nd,nd->n", x, x), known_squares, self.gamma_)
            scores[first : first + ROWS_AT_ONCE] = kernels @ self.dual_coef_ + self.intercept_
        return scores


def _center_and_distance(X: Array, weights: Array | None) -> tuple[Array, float]:
    """Return the mean (d,) float32 of features, and their mean squared distance, 1 if all are equal."""
    mean = np.average(X, 0, weights) if weights is not None else X.mean(0, dtype=np.float64)
    center = mean.astype(np.float32)
    squares = np.array([np.square(row - center).sum(dtype=np.float64) for row in X])
    return center, float(2 * np.average(squares, weights=weights)) or 1.0

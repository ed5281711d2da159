"""Ridge regression on the classes, in closed form.

With X the features less their means, and Y = +1 for the class of an image and -1 for the others,
also less their means, the weights that minimize |X W - Y|^2 + strength |W|^2 are

    W = (X^T X + strength I)^-1 X^T Y.

X^T X is a sum over images: it is added up a batch at a time and serves all strengths.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_number
from imfeat.learn._cholesky import add_products, factorize, substitute
from imfeat.learn._tables import as_table

Batches = Callable[[], Iterable[tuple[Array, Array]]]

ROWS_AT_ONCE = 4096


class RidgeSums:
    """What ridge regression has to know of features and labels: sums, whatever the number of images.

    Parameters
    ----------
    n_features, n_classes : int

    Notes
    -----
    It holds one matrix (n_features, n_features) of float32.  The sums lie in its upper triangle, and
    `solve` works in the lower one, so that they can be added to, and solved again.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        self.matrix = np.zeros((n_features, n_features), np.float32)
        self.diagonal = np.zeros(n_features, np.float32)
        self.products = np.zeros((n_features, n_classes))
        self._shift = np.zeros(n_features, np.float32)
        self.n_images, self.sums, self.counts = 0, np.zeros(n_features), np.zeros(n_classes)

    def add(self, features: Array, labels: Array) -> Self:
        """Add images.

        Parameters
        ----------
        features : array of shape (n, n_features)
        labels : array of shape (n,), int
            0 to ``n_classes - 1``.
        """
        for first in range(0, len(labels), ROWS_AT_ONCE):
            some = slice(first, first + ROWS_AT_ONCE)
            self._add(np.asarray(features[some], np.float32), labels[some])
        return self

    def _add(self, x: Array, labels: Array) -> None:
        if not self.n_images:  # near the mean, so that no digits are lost to it
            self._shift = x.mean(0, dtype=np.float64).astype(np.float32)
        x = x - self._shift
        add_products(self.matrix, x.T)
        self.diagonal += np.einsum("nd,nd->d", x, x)
        targets = np.zeros((len(x), len(self.counts)), np.float32)
        targets[np.arange(len(x)), labels] = 1
        self.products += x.T @ targets
        self.sums += x.sum(0, dtype=np.float64)
        self.counts += targets.sum(0, dtype=np.float64)
        self.n_images += len(x)

    def solve(self, strength: float) -> tuple[Array, Array]:
        """Return weights (n_features, n_classes) and intercepts (n_classes,), float32.

        Raises
        ------
        ValueError
            If features depend on each other, and the strength is too small to make up for it.
        """
        self._factorize(strength)
        return self._solve_for(2 * self.products - self.sums[:, None], 2 * self.counts - self.n_images)

    def solve_squared_hinge(
        self, strength: float, batches: Batches, n_iterations: int = 10
    ) -> tuple[Array, Array]:
        """Return weights and intercepts that minimize ``sum max(0, 1 - y (x W + b))^2 + strength |W|^2``.

        Parameters
        ----------
        strength : float
        batches : function without arguments
            Yields the features (n, n_features) and labels (n,) that were added, in parts.
        n_iterations : int
            Passes over them.

        Notes
        -----
        An image beyond the margin costs nothing, as if its target were its score.  So targets are
        set to y max(1, y f), and ridge regression is solved for them, again and again, with the
        factors of the first time, and with Nesterov's momentum.
        """
        weights, intercepts = before = self.solve(strength)
        ahead = before
        for iteration in range(n_iterations):
            products, totals = np.zeros_like(self.products), np.zeros_like(self.counts)
            for x, labels in batches():
                scores = x @ ahead[0] + ahead[1]
                signs = np.where(labels[:, None] == np.arange(len(totals)), np.float32(1), np.float32(-1))
                targets = signs * np.maximum(signs * scores, 1)
                totals += targets.sum(0, dtype=np.float64)
                products += x.T @ targets - np.outer(self._shift, targets.sum(0))
            weights, intercepts = self._solve_for(products, totals)
            momentum = np.float32(iteration / (iteration + 3))
            ahead = (
                weights + momentum * (weights - before[0]),
                intercepts + momentum * (intercepts - before[1]),
            )
            before = weights, intercepts
        return weights, intercepts

    def _solve_for(self, products: Array, totals: Array) -> tuple[Array, Array]:
        """Return weights and intercepts for sums of features times targets, and of targets."""
        mean = self.sums / self.n_images
        weights = substitute(self.matrix, (products - np.outer(mean, totals)).astype(np.float32))
        intercepts = totals / self.n_images - (mean + self._shift) @ weights
        return weights, intercepts.astype(np.float32)

    def _factorize(self, strength: float) -> None:
        """Write the factor of the covariance plus the strength into the lower triangle."""
        scaled = self.sums.astype(np.float32)
        mean = (self.sums / self.n_images).astype(np.float32)
        try:
            factorize(
                self.matrix,
                self.diagonal + np.float32(strength),
                0,
                len(self.matrix),
                lambda rows, cols: np.outer(mean[rows], scaled[cols]),
            )
        except np.linalg.LinAlgError as error:
            raise ValueError(
                f"strength must be larger for features that depend on each other, got {strength}"
            ) from error


class RidgeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Least squares on the classes, with a penalty on the squares of the weights.

    Parameters
    ----------
    strengths : sequence of float
        Of the penalty; of several, the one that is best on the validation part.
    validation_share : float
        Share of the images, the last ones of each class, that the strength is chosen on; then
        they are learned from, too.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float32
    intercept_ : array of shape (n_classes,), float32
    strength_ : float
    validation_scores_ : dict of float to float
        The accuracy of each strength on the validation part; empty for a single strength.
    n_features_in_ : int

    Notes
    -----
    Features are used as they are; put a `StandardScaler` before it, as the penalty treats all
    weights alike.  It computes in float32, and keeps one matrix (n_features, n_features).

    References
    ----------
    .. [1] A. E. Hoerl, R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal
       problems", Technometrics 12, 1970.  :doi:`10.1080/00401706.1970.10488634`
    """

    def __init__(
        self, strengths: Sequence[float] = (1000, 300, 100, 30, 10, 3, 1), *, validation_share: float = 0.1
    ) -> None:
        self.strengths = strengths
        self.validation_share = validation_share

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from features (n, n_features) and labels (n,); return itself."""
        X, y = as_table(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, got one class, {self.classes_[0]!r}")
        strengths = [as_number(strength, "strengths", above=0) for strength in self.strengths]
        known, new = split_last(labels, self.validation_share if len(strengths) > 1 else 0)
        sums = RidgeSums(X.shape[1], len(self.classes_)).add(X[known], labels[known])
        self.validation_scores_ = {}
        for strength in strengths if len(new) else ():
            weights, intercepts = sums.solve(strength)
            found = (X[new] @ weights + intercepts).argmax(1)
            self.validation_scores_[strength] = float((found == labels[new]).mean())
        scores = self.validation_scores_
        self.strength_ = max(scores, key=scores.__getitem__) if scores else strengths[0]
        weights, self.intercept_ = sums.add(X[new], labels[new]).solve(self.strength_)
        self.coef_ = np.ascontiguousarray(weights.T)
        return self

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, of two classes, (n,) for the second.

        They are float32; of features in float64 they are computed in it, and float64.
        """
        check_is_fitted(self)
        X = as_table(self, X, dtype=FLOATS, reset=False)
        scores: Array = X @ self.coef_.T + self.intercept_
        return scores[:, 1] if len(self.classes_) == 2 else scores

    def predict(self, X: Array) -> Array:
        """Return the class of each of the features (n, n_features)."""
        scores = self.decision_function(X)
        found: Array = self.classes_[scores.argmax(1) if scores.ndim == 2 else (scores > 0).astype(int)]
        return found


def split_last(labels: Array, share: float) -> tuple[Array, Array]:
    """Return the indices of the images to learn from, and of the last ones of each class.

    At least one image of each class is learned from.
    """
    places = np.zeros(len(labels))  # among the images of its class, counted from the last
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[members[::-1]] = np.arange(len(members)) / len(members)
    is_last = places < share
    for label in np.unique(labels):
        is_last[np.flatnonzero(labels == label)[0]] = False
    return np.flatnonzero(~is_last), np.flatnonzero(is_last)

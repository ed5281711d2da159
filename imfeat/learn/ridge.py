"""The classifier by ridge regression on the classes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat._check import FLOATS, as_number, as_numbers
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._tables import as_table
from imfeat.learn._weights import repeat_images, without_zeros
from imfeat.learn.dual import RidgeProducts
from imfeat.learn.ridge_sums import RidgeSums

COLUMNS_AT_ONCE = 2048


class RidgeClassifier(ScoreClassifier):
    """Least squares on the classes, with a penalty on the squares of the weights.

    Parameters
    ----------
    strengths : sequence of float
        Strengths of the penalty.  Of several, the one with the best accuracy on the validation images
        is used.
    validation_share : float
        Share of the images, the last ones of each class, on which the strength is chosen.  The final
        weights are learned from these images, too.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    coef_ : array of shape (n_classes, n_features), float32
    intercept_ : array of shape (n_classes,), float32
    strength_ : float
    validation_scores_ : dict of float to float
        Accuracy of each strength on the validation images; empty for a single strength.
    n_features_in_ : int

    Notes
    -----
    Features are used as they are.  Put a `StandardScaler` before the classifier, as the penalty treats
    all weights alike.  Computations are in float32 and keep one matrix (n_features, n_features).  With fewer
    images than features, the dual problem is solved on the host, with a matrix (n, n).  The objective
    is a sum, as scikit-learn's: weights of images that sum to 1, as those of AdaBoost, need ``strengths``
    that are smaller by the number of images.

    References
    ----------
    .. [1] A. E. Hoerl, R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal
       problems", Technometrics 12, 1970.  :doi:`10.1080/00401706.1970.10488634`

    Examples
    --------
    With a tiny penalty, the scores of the classes reach the targets -1 and 1:

    >>> import imfeat
    >>> import numpy as np
    >>> X = np.array([[0, 0], [0, 1], [4, 0], [4, 1]])
    >>> model = imfeat.learn.RidgeClassifier([1e-6]).fit(X, [0, 0, 1, 1])
    >>> model.decision_function(X).round(2)
    array([-1., -1.,  1.,  1.], dtype=float32)
    >>> model.predict([[1, 5], [3, 5]])
    array([0, 1])
    """

    _has_opposite_scores = True

    def __init__(
        self, strengths: Sequence[float] = (1000, 300, 100, 30, 10, 3, 1), *, validation_share: float = 0.1
    ) -> None:
        self.strengths = strengths
        self.validation_share = validation_share

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Learn from features; return itself.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Features; also an array of CuPy or PyTorch on a GPU, where its products are computed.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0, factors of the squared errors of the images, also in the accuracy
            on the validation images.  A weight of 2 counts as an image twice, and one of 0 as none.

        Raises
        ------
        TypeError, ValueError
            If the features, the labels, the weights or a parameter are not as described.
        """
        X, y = as_table(self, X, y, dtype=np.float32, on_gpu=True)
        X, y, weights = repeat_images(X, y, sample_weight)
        counted, weights = without_zeros(weights, len(y))
        if counted is not None:
            X, y = X[counted], y[counted]
        labels = self._encode_labels(y)
        strengths = as_numbers(self.strengths, "strengths", above=0)
        if not strengths:
            raise ValueError("strengths must be at least one number, got none")
        share = as_number(self.validation_share, "validation_share", least=0, below=1)
        train, validation = split_last(labels, share if len(strengths) > 1 else 0)

        images = _Images(X, labels, weights, len(self.classes_), train, validation)
        by_images = isinstance(X, np.ndarray) and len(labels) < X.shape[1]
        solver = _ByImages(images) if by_images else _ByFeatures(images)
        accuracies: dict[float, float] = {}
        counts = None if weights is None else weights[validation]
        for strength in strengths if len(validation) else ():
            is_right = solver.validate(strength).argmax(1) == labels[validation]
            accuracies[strength] = float(np.average(is_right, weights=counts))
        best = max(accuracies, key=accuracies.__getitem__) if accuracies else strengths[0]
        self._take(*solver.solve(best), best, self.classes_)
        self.validation_scores_ = accuracies
        return self

    def fit_sums(self, sums: RidgeSums, strength: float, classes: Array) -> Self:
        """Learn from sums over images; return itself.

        Parameters
        ----------
        sums : RidgeSums
        strength : float
            Strength of the penalty; ``strengths`` are not used.
        classes : array of shape (n_classes,)
            Classes that the labels of the sums are indices of.
        """
        self._take(*sums.solve(strength), strength, classes)
        return self

    def _take(self, weights: Array, intercepts: Array, strength: float, classes: Array) -> None:
        self.classes_ = classes
        self.coef_ = np.ascontiguousarray(weights.T, np.float32)
        self.intercept_ = intercepts.astype(np.float32)
        self.strength_ = strength
        self.validation_scores_ = {}
        self.n_features_in_ = len(weights)

    def _scores(self, X: Array) -> Array:
        check_is_fitted(self)
        X = as_table(self, X, dtype=FLOATS, reset=False, on_gpu=True)
        scores: Array = X @ self.coef_.T + self.intercept_
        return scores


class _Images(NamedTuple):
    """Features, labels and weights of images, and the indices of those for training and for validation."""

    X: Array
    labels: Array
    weights: Array | None
    n_classes: int
    train: Array
    validation: Array


class _ByFeatures:
    """Ridge regression by products of features."""

    def __init__(self, images: _Images) -> None:
        self.images = images
        self.sums = RidgeSums(images.X.shape[1], images.n_classes)
        self._add(images.train)

    def _add(self, rows: Array) -> None:
        X, labels, weights, *_ = self.images
        self.sums.add(X[rows], labels[rows], None if weights is None else weights[rows])

    def validate(self, strength: float) -> Array:
        """Return the scores of the validation images by weights of the training images."""
        weights, intercepts = self.sums.solve(strength)
        scores: Array = self.images.X[self.images.validation] @ weights + intercepts
        return scores

    def solve(self, strength: float) -> tuple[Array, Array]:
        """Return weights and intercepts of all images."""
        if len(self.images.validation):
            self._add(self.images.validation)
        return self.sums.solve(strength)


class _ByImages:
    """Ridge regression by products of images, of which there are fewer than features."""

    def __init__(self, images: _Images) -> None:
        X, labels, weights, n_classes, train, validation = images
        self.rows = np.concatenate([train, validation])
        self.n_train = len(train)
        self.X, self.mean = X, X.mean(0, dtype=np.float64).astype(np.float32)
        self.weights = None if weights is None else weights[self.rows]
        self.signs = np.where(labels[self.rows, None] == np.arange(n_classes), np.float32(1), np.float32(-1))
        self.products = RidgeProducts(len(self.rows))
        for columns in self._columns():
            self.products.add(self._features(columns))

    def _columns(self) -> Iterator[slice]:
        for first in range(0, self.X.shape[1], COLUMNS_AT_ONCE):
            yield slice(first, first + COLUMNS_AT_ONCE)

    def _features(self, columns: slice) -> Array:
        """Return features less their means, which products of float32 need, the training images first."""
        return np.ascontiguousarray(self.X[self.rows, columns] - self.mean[columns])

    def _shares(self, strength: float, n: int) -> tuple[Array, Array]:
        weights = None if self.weights is None else self.weights[:n]
        shares, intercepts, _ = self.products.solve(
            strength, self.signs[:n], sample_weight=weights, centered=False
        )
        return shares, intercepts

    def validate(self, strength: float) -> Array:
        """Return the scores of the validation images by weights of the training images."""
        return self.products.scores(*self._shares(strength, self.n_train), self.n_train)

    def solve(self, strength: float) -> tuple[Array, Array]:
        """Return weights and intercepts of all images."""
        shares, intercepts = self._shares(strength, len(self.rows))
        weights = np.concatenate([self._features(columns).T @ shares for columns in self._columns()])
        return weights, intercepts - self.mean @ weights


def split_last(labels: Array, share: float) -> tuple[Array, Array]:
    """Return the indices of the training images, and of the last images of each class for validation.

    At least one image of each class is for training.
    """
    ranks = np.zeros(len(labels))  # among the images of the class, from its end, as a share of their number
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members[::-1]] = np.arange(len(members)) / len(members)
    is_validation = ranks < share
    for label in np.unique(labels):
        is_validation[np.flatnonzero(labels == label)[0]] = False
    return np.flatnonzero(~is_validation), np.flatnonzero(is_validation)

"""Late fusion: the mean of the scores of several classifiers."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from imfeat._backend import Array
from imfeat.learn._base import ScoreClassifier


class LateFusion(ScoreClassifier):
    """The weighted mean of the scores of several classifiers.

    Parameters
    ----------
    classifiers : sequence of classifiers
        With ``decision_function`` or ``predict_proba``; usually pipelines of a feature and a classifier.
    weights : sequence of float, optional
        One for each classifier; all the same by default.

    Attributes
    ----------
    classifiers_ : list of fitted classifiers
    classes_ : array of shape (n_classes,)

    Notes
    -----
    Scores are added as they are, so classifiers should be of one kind.

    References
    ----------
    .. [1] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`
    """

    def __init__(self, classifiers: Sequence[Any], *, weights: Sequence[float] | None = None) -> None:
        self.classifiers = classifiers
        self.weights = weights

    def fit(self, X: Array, y: Array) -> Self:
        """Fit each classifier to images and labels; return itself."""
        if not len(self.classifiers):
            raise ValueError("classifiers must be at least one, got none")
        if self.weights is not None and len(self.weights) != len(self.classifiers):
            raise ValueError(
                f"weights must be one for each classifier, {len(self.classifiers)}, got {len(self.weights)}"
            )
        self.classifiers_ = [clone(classifier).fit(X, y) for classifier in self.classifiers]
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, of two classes, (n,) for the second."""
        check_is_fitted(self)
        scores = [_scores(classifier, X) for classifier in self.classifiers_]
        mean: Array = np.average(scores, axis=0, weights=self.weights)
        return mean


def _scores(classifier: Any, X: Array) -> Array:
    if hasattr(classifier, "decision_function"):
        return np.asarray(classifier.decision_function(X))
    scores = np.asarray(classifier.predict_proba(X))
    return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

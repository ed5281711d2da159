"""Late fusion: the mean of the scores of several classifiers."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from imfeat._backend import Array
from imfeat._check import SEQUENCES, as_numbers
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._weights import as_weights, repeat_images, without_zeros
from imfeat.learn.ridge import RidgeClassifier


class LateFusion(ScoreClassifier):
    """The weighted mean of the scores of several classifiers.

    Parameters
    ----------
    classifiers : sequence of classifiers, optional
        With ``decision_function`` or ``predict_proba``; usually pipelines of a feature and a classifier.  By
        default ``RidgeClassifier()`` alone, which learns from tables of features.
    weights : sequence of float, optional
        One of at least 0 for each classifier, not all 0; all the same by default.

    Attributes
    ----------
    classifiers_ : list of fitted classifiers
    classes_ : array of shape (n_classes,)
    n_features_in_, feature_names_in_
        Those of the first classifier, if it has them.

    Notes
    -----
    Scores are added as they are, so classifiers should be of one kind.

    References
    ----------
    .. [1] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.zeros((10, 16, 16, 3), np.uint8)
    >>> images[5:] = [255, 0, 0]
    >>> labels = ["black"] * 5 + ["red"] * 5
    >>> color = make_pipeline(imfeat.ColorHistogram(), imfeat.learn.RidgeClassifier())
    >>> pixels = make_pipeline(imfeat.RawPixels(), imfeat.learn.RidgeClassifier())
    >>> model = imfeat.LateFusion([color, pixels], weights=[2, 1]).fit(images, labels)
    >>> model.predict(images[4:6]).tolist()
    ['black', 'red']
    """

    def __init__(
        self, classifiers: Sequence[Any] | None = None, *, weights: Sequence[float] | None = None
    ) -> None:
        self.classifiers = classifiers
        self.weights = weights

    def fit(self, X: Array, y: Array, sample_weight: Array | None = None) -> Self:
        """Fit each classifier; return itself.

        Parameters
        ----------
        X : array of shape (n, ...)
            Images, or what the classifiers take.
        y : array of shape (n,)
            Labels.
        sample_weight : array of shape (n,), optional
            Finite weights of at least 0, which all classifiers must take; pipelines pass them to their last
            step.  Images of weight 0 are left out, also where features are learned.

        Raises
        ------
        TypeError, ValueError
            If the classifiers or the weights are not as described.
        """
        classifiers = self._check_classifiers()
        X, y, weights = _counted(X, y, sample_weight)
        self.classifiers_ = [_fit(clone(classifier), X, y, weights) for classifier in classifiers]
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, of two classes, (n,) for the second."""
        check_is_fitted(self)
        scores = [_scores(classifier, X) for classifier in self.classifiers_]
        mean: Array = np.average(scores, axis=0, weights=self.weights)
        return mean

    @property
    def n_features_in_(self) -> int:
        """Number of features that the first classifier was fitted with."""
        n: int = self.classifiers_[0].n_features_in_
        return n

    @property
    def feature_names_in_(self) -> Array:
        """Names of the features that the first classifier was fitted with."""
        names: Array = self.classifiers_[0].feature_names_in_
        return names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        parts = self.classifiers if isinstance(self.classifiers, SEQUENCES) else ()
        inputs = [get_tags(part).input_tags for part in parts if hasattr(part, "__sklearn_tags__")]
        for name in ("sparse", "allow_nan"):
            setattr(tags.input_tags, name, bool(inputs) and all(getattr(part, name) for part in inputs))
        return tags

    def _check_classifiers(self) -> Sequence[Any]:
        """Return the classifiers, checked together with their weights."""
        if self.classifiers is None:
            classifiers: Sequence[Any] = (RidgeClassifier(),)
        elif not isinstance(self.classifiers, SEQUENCES):
            raise TypeError(f"classifiers must be a sequence of classifiers, got {self.classifiers!r}")
        else:
            classifiers = self.classifiers
        if not len(classifiers):
            raise ValueError("classifiers must be at least one, got none")
        if self.weights is not None:
            weights = as_numbers(self.weights, "weights", least=0)
            if len(weights) != len(classifiers):
                raise ValueError(
                    f"weights must be one for each classifier, {len(classifiers)}, got {len(weights)}"
                )
            if not any(weights):
                raise ValueError("weights must be above 0 for a classifier, got 0 for all of them")
        return classifiers


def _counted(X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Array | None]:
    """Return images and labels of weights above 0, and their weights; see `repeat_images`."""
    if y is None:
        return X, y, None  # refused by the classifiers
    y = np.asarray(y)
    weights = None if sample_weight is None else as_weights(sample_weight, len(y))
    is_finite = y.dtype.kind != "f" or bool(np.isfinite(y).all())
    if type(X) is np.ndarray and X.ndim > 1 and y.shape == X.shape[:1] and is_finite:
        X, y, weights = repeat_images(X, y, weights)
    counted, weights = without_zeros(weights, len(y))
    return (X, y, weights) if counted is None else (_safe_indexing(X, counted), y[counted], weights)


def _fit(classifier: Any, X: Array, y: Array, weights: Array | None) -> Any:
    """Fit a classifier, with weights of the images if given."""
    if weights is None:
        return classifier.fit(X, y)
    parameter = _weight_parameter(classifier)
    if parameter is None:
        raise TypeError(
            f"sample_weight must be a parameter of the fit of all classifiers, not {classifier!r}"
        )
    return classifier.fit(X, y, **{parameter: weights})


def _weight_parameter(classifier: Any) -> str | None:
    """Return the name of the parameter of ``fit`` for weights of images, or None if there is none."""
    if isinstance(classifier, GridSearchCV | RandomizedSearchCV):
        return _weight_parameter(classifier.estimator)
    if isinstance(classifier, Pipeline):
        name, last = classifier.steps[-1]
        parameter = _weight_parameter(last)
        return None if parameter is None else f"{name}__{parameter}"
    return "sample_weight" if has_fit_parameter(classifier, "sample_weight") else None


def _scores(classifier: Any, X: Array) -> Array:
    if hasattr(classifier, "decision_function"):
        return np.asarray(classifier.decision_function(X))
    scores = np.asarray(classifier.predict_proba(X))
    return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

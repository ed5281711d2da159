"""Late fusion: the weighted mean of the scores of several classifiers."""

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from imfeat._backend import Array
from imfeat._check import SEQUENCES, as_number, one_of
from imfeat.learn._base import ScoreClassifier
from imfeat.learn._calibration import fit_temperature, logits_of
from imfeat.learn._fusion import as_fusion_weights, fit_weights, fuse
from imfeat.learn._weights import as_weights, repeat_images, without_zeros
from imfeat.learn.ridge import RidgeClassifier, split_last

Weights: TypeAlias = Literal["validation", "equal"]
WEIGHTS: tuple[Weights, ...] = get_args(Weights)


class LateFusion(ScoreClassifier):
    """The weighted mean of the scores of several classifiers.

    Parameters
    ----------
    classifiers : sequence of classifiers, optional
        With ``decision_function`` or ``predict_proba``; usually pipelines of a feature and a classifier.  By
        default ``RidgeClassifier()`` alone, which learns from tables of features.
    weights : {"validation", "equal"} or sequence of float
        ``"validation"``: chosen on validation images, with temperatures that scores are divided by.
        ``"equal"``, or one number of at least 0 for each classifier, not all 0: the mean of the scores as
        they are.
    validation_share : float
        Share of each class that ``weights="validation"`` validates with: its last images, of each class that
        has two or more.

    Attributes
    ----------
    classifiers_ : list of fitted classifiers
    weights_ : array of shape (n_classifiers,)
        Weights with the sum 1.
    temperatures_ : array of shape (n_classifiers,)
        Temperatures; 1 without validation.
    classes_ : array of shape (n_classes,)
    n_features_in_, feature_names_in_
        Those of the first classifier, if it has them.

    Notes
    -----
    With ``weights="validation"`` copies of the classifiers learn from the other images first.  Their scores z
    of the validation images are divided by temperatures T, see `imfeat.models.fit_temperature`, and the
    weights minimize the log loss of sum_m w_m z_m / T_m at a temperature of its own: the fusion is a
    logarithmic pool [2]_.  A classifier that is no better than chance gets weight 0 if another is, by a
    likelihood-ratio test at the level of 5 %.  If a single classifier is more accurate than the fusion, by
    McNemar's test at this level, it gets all weight.  The classifiers then learn from all images, so that
    `fit` takes about twice as long as with ``weights="equal"``.  Validation images count alike, whatever
    ``sample_weight`` says.

    With weights that are given, scores are added as they are, so that classifiers should be of one kind.

    References
    ----------
    .. [1] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`
    .. [2] C. Genest, J. V. Zidek, "Combining probability distributions: a critique and an annotated
       bibliography", Statistical Science 1, 1986.  :doi:`10.1214/ss/1177013825`

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
    >>> model = imfeat.LateFusion([color, pixels]).fit(images, labels)
    >>> model.predict(images[4:6]).tolist()
    ['black', 'red']
    >>> model.weights_.round(2)
    array([0.5, 0.5])
    """

    def __init__(
        self,
        classifiers: Sequence[Any] | None = None,
        *,
        weights: Weights | Sequence[float] = "validation",
        validation_share: float = 0.2,
    ) -> None:
        self.classifiers = classifiers
        self.weights = weights
        self.validation_share = validation_share

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
            If the classifiers or the weights are not as described, or no class has an image to validate with.
        """
        classifiers = self._check_classifiers()
        weights = self._check_weights(len(classifiers))
        X, y, sample_weight = _counted(X, y, sample_weight)
        self.classifiers_ = [_fit(clone(classifier), X, y, sample_weight) for classifier in classifiers]
        self.classes_ = np.unique(y)
        self.weights_ = np.ones(1) if weights is None else weights
        self.temperatures_ = np.ones(len(classifiers))
        if weights is None and len(classifiers) > 1:
            self._validate(X, y, sample_weight)
        return self

    def _validate(self, X: Any, y: Array, sample_weight: Array | None) -> None:
        """Set weights and temperatures by classifiers that learn from a part of the images."""
        train, validation = split_last(y, self.validation_share)
        if not len(validation):
            raise ValueError(
                f"no class has 1 / {self.validation_share:g} images, one of which to validate with; "
                "give more images or weights='equal'"
            )
        known, unknown = _safe_indexing(X, train), _safe_indexing(X, validation)
        of_known = None if sample_weight is None else sample_weight[train]
        labels = np.searchsorted(self.classes_, y[validation])
        logits = []
        for m, fitted in enumerate(self.classifiers_):
            scores = logits_of(_fit(clone(fitted), known, y[train], of_known), unknown)
            self.temperatures_[m] = fit_temperature(scores, labels)
            logits.append(scores / self.temperatures_[m])
        self.weights_ = fit_weights(logits, labels)

    def decision_function(self, X: Array) -> Array:
        """Return scores (n, n_classes), or, of two classes, (n,) for the second."""
        check_is_fitted(self)
        if self._is_validated:
            logits = fuse(self.classifiers_, X, self.weights_, self.temperatures_)
            return logits if logits.shape[1] > 2 else np.asarray(logits[:, 1] - logits[:, 0])
        scores = [_scores(classifier, X) for classifier in self.classifiers_]
        mean: Array = np.average(scores, axis=0, weights=self._check_weights(len(scores)))
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
        """Return the classifiers."""
        if self.classifiers is None:
            classifiers: Sequence[Any] = (RidgeClassifier(),)
        elif not isinstance(self.classifiers, SEQUENCES):
            raise TypeError(f"classifiers must be a sequence of classifiers, got {self.classifiers!r}")
        else:
            classifiers = self.classifiers
        if not len(classifiers):
            raise ValueError("classifiers must be at least one, got none")
        return classifiers

    def _check_weights(self, n_classifiers: int) -> Array | None:
        """Return the weights that are given, with the sum 1; None if they are to be chosen."""
        if isinstance(self.weights, str):
            one_of(self.weights, "weights", WEIGHTS)
        as_number(self.validation_share, "validation_share", above=0, below=1)
        if isinstance(self.weights, str) and self.weights == "validation":
            return None
        given = None if isinstance(self.weights, str) else self.weights
        return as_fusion_weights(given, n_classifiers)

    @property
    def _is_validated(self) -> bool:
        """Whether weights were chosen; not in files of earlier versions."""
        is_chosen = isinstance(self.weights, str) and self.weights == "validation"
        return is_chosen and len(self.classifiers_) > 1


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

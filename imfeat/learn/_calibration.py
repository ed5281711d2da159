"""Scores of classifiers as logits, and the temperature at which their softmax is calibrated."""

from typing import Any

import numpy as np
from scipy.optimize import brentq  # type: ignore[import-untyped]

from imfeat._backend import Array

LOWEST, HIGHEST = 1e-4, 1e4  # temperatures
TINY = 1e-12  # of a probability whose logarithm is a score


def logits_of(model: Any, features: Any) -> Array:
    """Return scores (n, n_classes) of a fitted classifier, float64, for `softmax`.

    Parameters
    ----------
    model : fitted classifier
    features : array or list
        What the classifier takes.

    Returns
    -------
    array of shape (n, n_classes), float64
        ``decision_function``; a score s of two classes becomes -s/2 and s/2, so that the softmax of scores
        is the sigmoid of s, or -s and s where these are the scores of the classes (`RidgeClassifier`,
        `LinearSVM` and `KernelRidgeClassifier` of `imfeat.learn`).  Of a classifier without it, the
        logarithm of ``predict_proba``, or, if there is neither, 1 for the class that ``predict`` returns and
        0 for the others.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0], [1], [2], [3]], [0, 0, 1, 1])
    >>> logits = imfeat.models.logits_of(model, [[0], [3]])
    >>> np.allclose(imfeat.models.softmax(logits), model.predict_proba([[0], [3]]))
    True
    """
    if hasattr(model, "decision_function"):
        scores = np.asarray(model.decision_function(features), np.float64)
        if scores.ndim == 2:
            return scores
        last = model.steps[-1][1] if hasattr(model, "steps") else model
        scores = scores if getattr(last, "_has_opposite_scores", False) else scores / 2
        return np.stack([-scores, scores], 1)
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(features), np.float64)
        logits: Array = np.log(np.maximum(probabilities, TINY))
        return logits
    hits: Array = np.asarray(model.predict(features))[:, None] == np.asarray(model.classes_)
    return np.asarray(hits, np.float64)


def softmax(logits: Array, temperature: float = 1.0) -> Array:
    """Return probabilities (n, n_classes), float64, of scores (n, n_classes) at a temperature.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> logits = np.log([[1, 3]])
    >>> imfeat.models.softmax(logits).round(2)
    array([[0.25, 0.75]])
    >>> imfeat.models.softmax(logits, temperature=2).round(2)  # nearer to each other
    array([[0.37, 0.63]])
    """
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(1, keepdims=True)
    return scaled


def fit_temperature(logits: Array, labels: Array, *, smooth: bool = True) -> float:
    """Return the temperature at which the softmax of scores has the least log loss [1]_.

    Parameters
    ----------
    logits : array of shape (n, n_classes)
        Scores of images that the classifier did not learn from; see `logits_of`.
    labels : array of shape (n,), int
        Columns of the true classes.
    smooth : bool
        Count one more image of each class with the scores of each image, n of them, so that targets are
        (n + 1) / (n + n_classes) for the true class, as Platt [2]_ does.  Without it, a few images that are
        all classified right make all probabilities 0 and 1.

    Returns
    -------
    float
        Between 0.0001 and 10,000, if the scores tell nothing.

    Raises
    ------
    ValueError
        If shapes don't fit, a label is no column, or a score is NaN or infinite.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.
       :doi:`10.48550/arXiv.1706.04599`
    .. [2] J. Platt, "Probabilistic outputs for support vector machines and comparisons to regularized
       likelihood methods", Advances in Large Margin Classifiers, 1999.

    Examples
    --------
    Three of four images are classified right, so that the best probability is 3/4:

    >>> import imfeat
    >>> import numpy as np
    >>> logits = np.array([[10.0, 0.0]] * 4)
    >>> temperature = imfeat.models.fit_temperature(logits, np.array([0, 0, 0, 1]), smooth=False)
    >>> imfeat.models.softmax(logits[:1], temperature).round(2)
    array([[0.75, 0.25]])
    """
    logits, labels = as_scores(logits, labels, "logits")
    true = np.take_along_axis(logits, labels[:, None], 1)[:, 0]
    if smooth:
        n, n_classes = logits.shape
        true = (n * true + logits.sum(1)) / (n + n_classes)

    def slope(log_temperature: float) -> float:
        """The derivative of the log loss, which is convex in 1 / T, by 1 / T."""
        expected = (softmax(logits, np.exp(log_temperature)) * logits).sum(1)
        return float((expected - true).mean())

    low, high = np.log(LOWEST), np.log(HIGHEST)
    if slope(low) <= 0:
        return LOWEST
    if slope(high) >= 0:
        return HIGHEST
    return float(np.exp(brentq(slope, low, high, xtol=1e-9)))


def as_scores(scores: Any, labels: Any, name: str) -> tuple[Array, Array]:
    """Return scores (n, n_classes) as float64 and labels (n,), columns of the scores, or raise ValueError."""
    scores = np.asarray(scores, np.float64)
    labels = np.asarray(labels)
    if scores.ndim != 2 or not len(scores) or labels.shape != scores.shape[:1]:
        raise ValueError(
            f"{name} must have the shape (n, n_classes) and labels (n,), got {scores.shape}, {labels.shape}"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(f"labels must be integers from 0 to {scores.shape[1] - 1}, columns of {name}")
    if not np.isfinite(scores).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return scores, labels.astype(np.intp)

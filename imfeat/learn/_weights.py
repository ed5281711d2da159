"""Weights of images and of classes.

A weight says how often an image counts.  Weights of 2 are repeated images, and weights of 0 missing ones.
"""

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from imfeat._backend import Array
from imfeat._check import as_number, one_of
from imfeat.learn._device_table import DeviceTable

SMALL = 128  # images up to which integer weights repeat images
COLUMNS = 8  # by which most rows are told apart


def as_weights(sample_weight: Any, n_images: int) -> Array | None:
    """Return weights (n_images,) as float64, or None.

    Raises
    ------
    TypeError
        If they are no numbers.
    ValueError
        If the shape doesn't fit, or a weight is NaN, infinite or negative, or all are zero.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "buif":
        raise TypeError(f"sample_weight must be numbers, got {weights.dtype}")
    if weights.shape != (n_images,):
        raise ValueError(
            f"sample_weight must have the shape ({n_images},), one for each image, got {weights.shape}"
        )
    weights = weights.astype(np.float64)
    refused = weights[~((weights >= 0) & (weights < np.inf))]
    if len(refused):
        raise ValueError(f"sample_weight must be finite and at least 0, got {refused[0]}")
    if not weights.any():
        raise ValueError("sample_weight must be above 0 for an image, got zero for all of them")
    return weights


def without_zeros(weights: Array | None, n_images: int) -> tuple[Array | None, Array | None]:
    """Return the indices of the images that count, or None if all do, and their weights."""
    if weights is None or weights.all():
        return None, weights
    indices = np.flatnonzero(weights)
    return indices, weights[indices]


def repeat_images(X: Array, y: Array, sample_weight: Any) -> tuple[Array, Array, Array | None]:
    """Return a small table with images repeated as their integer weights say, and other tables as they are.

    Parameters
    ----------
    X : array of shape (n, n_features)
    y : array of shape (n,)
    sample_weight : array of shape (n,), optional

    Returns
    -------
    X, y, sample_weight
        The weights are None where images were repeated.

    Notes
    -----
    Repeated images are brought into an order of their own, whether weights or the table repeat them.
    Fits with weights and with repeated images are thus equal to the last bit, although sums of floats,
    and the steps of stochastic training, depend on the order.
    """
    weights = as_weights(sample_weight, len(y))
    if isinstance(X, DeviceTable):
        return X, y, weights
    if weights is None and (len(y) > SMALL or _all_differ(X)):
        return X, y, None
    counts = np.ones(len(y)) if weights is None else weights
    if counts.sum() > SMALL or (counts % 1).any():
        return X, y, weights
    check_classification_targets(y)
    labels = np.unique(y, return_inverse=True)[1]
    order = np.repeat(np.arange(len(y)), counts.astype(int)).tolist()
    keys = {i: (labels[i], X[i].tobytes()) for i in order}
    if len(set(keys.values())) < len(order):
        order.sort(key=keys.__getitem__)
    elif weights is None:
        return X, y, None
    return X[order], y[order], None


def _all_differ(X: Array) -> bool:
    """Tell whether all rows differ in a few columns; False if they may be equal."""
    X = X.reshape(len(X), -1)
    columns = X[:, :: max(1, X.shape[1] // COLUMNS)]
    return len({row.tobytes() for row in columns}) == len(X)


def class_factors(
    class_weight: Any, classes: Array, labels: Array, weights: Array | None = None
) -> Array | None:
    """Return the factor (n_classes,) float32 of the loss of each class, or None if all are 1.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : array of shape (n_classes,)
    labels : array of shape (n,), int
        Indices of ``classes``.
    weights : array of shape (n,), optional
        Weights of the images, by which classes are balanced.
    """
    if class_weight is None:
        return None
    factors = np.ones(len(classes), np.float32)
    if isinstance(class_weight, dict):
        for value in class_weight.values():
            as_number(value, "class_weight", least=0)
        factors[:] = compute_class_weight(class_weight, classes=classes, y=classes[labels])
        return factors
    one_of(class_weight, "class_weight", ("balanced", None))
    counts = np.bincount(labels, weights, minlength=len(classes))
    present = np.flatnonzero(counts)
    factors[present] = counts.sum() / (len(present) * counts[present])
    return factors

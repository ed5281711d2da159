"""Losses of scores, and penalties of weights.

The loss of an image with the scores s and the class y is

    softmax           -log(exp(s_y) / sum_c exp(s_c))
    hinge             sum_c max(0, 1 - t_c s_c)
    crammer_singer    max(0, 1 + max_{c != y} s_c - s_y)
    squared_hinge     sum_c max(0, 1 - t_c s_c)^2
    squared_error     sum_c (s_c - t_c)^2

where t_c is +1 for c = y and -1 for the other classes.  The loss of several images is their mean.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from imfeat._backend import Array

LossName: TypeAlias = Literal["softmax", "hinge", "crammer_singer", "squared_hinge", "squared_error"]
PenaltyName: TypeAlias = Literal["l2", "l1"]
Loss = Callable[[Array, Array, Array | None], tuple[float, Array]]


def softmax(scores: Array, labels: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the mean cross-entropy of the softmax of scores, and its gradient.

    Parameters
    ----------
    scores : array of shape (n, n_classes), float32 or float64
    labels : array of shape (n,), int
        0 to ``n_classes - 1``.
    weights : array of shape (n,), optional
        Factor of the loss of each image, applied before the mean.

    Returns
    -------
    loss : float
    gradient : array of shape (n, n_classes), dtype of ``scores``
        Gradient of the mean loss with respect to the scores.
    """
    rows = np.arange(len(labels))
    shifted = scores - scores.max(1, keepdims=True)
    gradient = np.exp(shifted)
    totals = gradient.sum(1, keepdims=True)
    losses = np.log(totals[:, 0]) - shifted[rows, labels]
    gradient /= totals
    gradient[rows, labels] -= 1
    return _mean(losses, gradient, weights)


def hinge(scores: Array, labels: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the mean hinge loss of one class against all others, and its gradient; see `softmax`."""
    signs = _signs(scores, labels)
    slack = np.maximum(1 - signs * scores, 0)
    return _mean(slack.sum(1), -signs * (slack > 0), weights)


def squared_hinge(scores: Array, labels: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the mean squared hinge loss, one class against all others, and its gradient; see `softmax`."""
    signs = _signs(scores, labels)
    slack = np.maximum(1 - signs * scores, 0)
    return _mean((slack * slack).sum(1), -2 * signs * slack, weights)


def crammer_singer(scores: Array, labels: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the mean hinge loss of Crammer and Singer, and its gradient; see `softmax`.

    References
    ----------
    .. [1] K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based
       vector machines", JMLR 2, 2001.
    """
    rows = np.arange(len(labels))
    rival_scores = scores.copy()
    rival_scores[rows, labels] = -np.inf
    rivals = rival_scores.argmax(1)
    slack = np.maximum(1 + rival_scores[rows, rivals] - scores[rows, labels], 0)
    gradient = np.zeros_like(scores)
    gradient[rows, rivals] = slack > 0
    gradient[rows, labels] = -gradient[rows, rivals]
    return _mean(slack, gradient, weights)


def squared_error(scores: Array, labels: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the mean squared distance of scores from +1 and -1, and its gradient; see `softmax`."""
    errors = scores - _signs(scores, labels)
    return _mean((errors * errors).sum(1), 2 * errors, weights)


LOSSES: dict[LossName, Loss] = {
    "softmax": softmax,
    "hinge": hinge,
    "crammer_singer": crammer_singer,
    "squared_hinge": squared_hinge,
    "squared_error": squared_error,
}


def l2(weights: Array, strength: float) -> tuple[float, Array]:
    """Return strength / 2 times the sum of the squared weights ("ridge"), and its gradient."""
    flat = weights.reshape(-1)
    return strength / 2 * float(flat @ flat), strength * weights


def l1(weights: Array, strength: float) -> tuple[float, Array]:
    """Return strength times the sum of the absolute weights ("LASSO"), and a subgradient."""
    return strength * float(np.abs(weights).sum()), strength * np.sign(weights)


PENALTIES: dict[PenaltyName, Callable[[Array, float], tuple[float, Array]]] = {"l2": l2, "l1": l1}


def shrink(weights: Array, amount: float) -> None:
    """Move weights towards 0 by an amount, in place; smaller weights become 0.

    The result minimizes |v - w|^2 / 2 + amount |v|_1 over v.  A gradient step on a loss, followed by
    this one, is a proximal step on the loss with an L1 penalty.
    """
    weights -= np.clip(weights, -amount, amount)


def _signs(scores: Array, labels: Array) -> Array:
    signs = np.full_like(scores, -1)
    signs[np.arange(len(labels)), labels] = 1
    return signs


def _mean(losses: Array, gradient: Array, weights: Array | None) -> tuple[float, Array]:
    if weights is not None:
        losses = losses * weights
        gradient *= weights[:, None]
    gradient /= len(losses)
    return float(losses.mean(dtype=np.float64)), gradient

"""The weights of a late fusion, chosen on images that its members did not learn from.

The logits z_m of the members, which are scores of classifiers divided by their temperatures, are added
with weights w_m and divided by a temperature T:

    z = sum_m w_m z_m / T,    w_m >= 0,    sum_m w_m = 1

1. A member gets weight 0 if a likelihood-ratio test finds its probabilities no better than equal ones,
   unless this is so for all members, as with very few images.
2. The weights of the others and T minimize the log loss of softmax(z), which is convex in w_m / T.
3. The member with the least log loss gets all weight if the log loss of the fusion is larger.
4. The member with the highest accuracy gets all weight if its accuracy is higher by McNemar's test.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.special import chdtri  # type: ignore[import-untyped]

from imfeat._backend import Array
from imfeat._check import as_numbers
from imfeat.learn._calibration import as_scores, logits_of, softmax
from imfeat.learn._statistics import mcnemar
from imfeat.learn.lbfgs import one_thread_in_scipy

LEVEL = 0.05  # of significance
TOLERANCE = 1e-9  # of the log loss
SMALLEST = 1e-4  # share of the sum of the weights; smaller weights become 0


def fit_weights(logits: Sequence[Array], labels: Array) -> Array:
    """Return the weights of the members of a fusion.

    Parameters
    ----------
    logits : sequence of arrays of shape (n, n_classes)
        One for each member, of images that it did not learn from, at its temperature.
    labels : array of shape (n,), int
        Columns of the true classes.

    Returns
    -------
    array of shape (n_members,), float64
        At least 0, with the sum 1.

    Notes
    -----
    Targets are smoothed as in `imfeat.models.fit_temperature`.

    Examples
    --------
    The second member has no information:

    >>> import numpy as np
    >>> from imfeat.learn._fusion import fit_weights
    >>> labels = np.array([0, 1] * 10)
    >>> good, constant = np.eye(2)[labels], np.zeros((20, 2))
    >>> fit_weights([good, constant], labels)
    array([1., 0.])
    """
    loss = _LogLoss(np.stack([as_scores(member, labels, "logits")[0] for member in logits]), labels)
    singles = list(np.eye(len(logits)))
    losses = np.array([loss(single)[0] for single in singles])
    is_informed = 2 * loss.n_images * (loss(0 * singles[0])[0] - losses) > chdtri(1, LEVEL)
    weights = _minimize(loss, is_informed if is_informed.any() else ~is_informed)
    if not weights.any() or loss(weights)[0] > losses.min() + TOLERANCE:
        return singles[int(losses.argmin())]
    best = max(range(len(singles)), key=lambda m: (loss.hits(singles[m]).sum(), -losses[m]))
    fused, single = loss.hits(weights), loss.hits(singles[best])
    if fused.sum() < single.sum() and mcnemar(single, fused) < LEVEL:
        return singles[best]
    normalized: Array = weights / weights.sum()
    return normalized


def as_fusion_weights(weights: Any, n_members: int) -> Array:
    """Return weights with the sum 1, equal ones by default.

    Raises
    ------
    TypeError, ValueError
        If they are not numbers of at least 0, one for each member, or all are 0.
    """
    if weights is None:
        return np.full(n_members, 1 / n_members)
    checked = np.array(as_numbers(weights, "weights", least=0))
    if len(checked) != n_members:
        raise ValueError(f"weights must be one for each classifier, {n_members}, got {len(checked)}")
    if not checked.any():
        raise ValueError("weights must be above 0 for a classifier, got 0 for all of them")
    normalized: Array = checked / checked.sum()
    return normalized


def fuse(classifiers: Sequence[Any], X: Any, weights: Array, temperatures: Array) -> Array:
    """Return the weighted sum of the logits (n, n_classes) of classifiers, without those of weight 0."""
    members = zip(classifiers, weights, temperatures, strict=True)
    total: Array = sum(w / t * logits_of(classifier, X) for classifier, w, t in members if w)
    return total


class _LogLoss:
    """The mean log loss of a weighted sum of logits, and its gradient by the weights."""

    def __init__(self, logits: Array, labels: Array) -> None:
        _, n, n_classes = logits.shape
        of_true = np.take_along_axis(logits, labels[None, :, None], 2)[..., 0]
        self.logits = logits
        self.labels = labels
        self.n_images = n
        self.targets = ((n * of_true + logits.sum(2)) / (n + n_classes)).mean(1)

    def __call__(self, weights: Array) -> tuple[float, Array]:
        fused = np.tensordot(weights, self.logits, 1)
        probabilities = softmax(fused)
        largest = fused.max(1)
        normalizers = largest + np.log(np.exp(fused - largest[:, None]).sum(1))
        expected = np.einsum("mnk,nk->m", self.logits, probabilities) / len(fused)
        return float(normalizers.mean() - self.targets @ weights), expected - self.targets

    def hits(self, weights: Array) -> Array:
        """Return whether each image gets its true class."""
        is_hit: Array = np.tensordot(weights, self.logits, 1).argmax(1) == self.labels
        return is_hit


def _minimize(loss: _LogLoss, is_allowed: Array) -> Array:
    """Return the weights of the least loss, of any sum, 0 for members that are not allowed."""
    n_members = len(is_allowed)
    bounds = [(0, None if allowed else 0) for allowed in is_allowed]
    options = {"ftol": TOLERANCE, "gtol": TOLERANCE}
    with one_thread_in_scipy():
        result = minimize(loss, is_allowed / n_members, jac=True, bounds=bounds, options=options)
    return np.where(result.x < SMALLEST * result.x.sum(), 0, result.x)

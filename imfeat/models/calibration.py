"""Probabilities from the scores of a classifier, and how far they are from what happens.

Scores z of the classes become probabilities by

    p_k = exp(z_k / T) / sum_j exp(z_j / T)

with one temperature T for all, which leaves the order of the classes as it is.
"""

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count
from imfeat.learn._calibration import as_scores
from imfeat.learn._calibration import fit_temperature as fit_temperature
from imfeat.learn._calibration import logits_of as logits_of
from imfeat.learn._calibration import softmax as softmax


def expected_calibration_error(probabilities: Array, labels: Array, *, n_bins: int = 15) -> float:
    """Return how far the probabilities of the predicted classes are from their accuracy, on average [1]_.

    Images are put into bins by the probability p of the predicted class; the error is the mean over the
    images of \\|accuracy - mean p\\| of their bin.

    Parameters
    ----------
    probabilities : array of shape (n, n_classes)
    labels : array of shape (n,), int
        Columns of the true classes.
    n_bins : int
        Bins of equal width; a bin includes its upper end.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If shapes don't fit, a label is no column, or a probability is NaN, infinite or outside [0, 1].

    References
    ----------
    .. [1] M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
       binning", AAAI 2015.  :doi:`10.1609/aaai.v29i1.9602`

    Examples
    --------
    Two images get a probability of 0.8, and one of them is classified right:

    >>> import imfeat
    >>> import numpy as np
    >>> probabilities = np.array([[0.8, 0.2], [0.8, 0.2]])
    >>> round(imfeat.models.expected_calibration_error(probabilities, np.array([0, 1])), 2)
    0.3
    """
    probabilities, labels = as_scores(probabilities, labels, "probabilities")
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError("probabilities must be in [0, 1]")
    confidence = probabilities.max(1)
    hits = probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, as_count(n_bins, "n_bins") + 1)
    bins = np.searchsorted(edges[1:], confidence)
    gaps = np.bincount(bins, hits - confidence, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(labels))

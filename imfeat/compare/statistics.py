"""Confidence intervals of accuracies, and tests of their differences."""

import numpy as np

from imfeat._backend import Array
from imfeat.learn._statistics import mcnemar as mcnemar


def interval(accuracy: float, n_images: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an accuracy on a number of test images.

    The interval is for another draw of test images.  The effect of another seed is the standard deviation
    over seeds.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       J. Am. Stat. Assoc. 22, 1927.  :doi:`10.1080/01621459.1927.10502953`
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    bounds = binomtest(round(accuracy * n_images), n_images).proportion_ci(0.95, "wilson")
    return float(bounds.low), float(bounds.high)


def macro_averages(labels: Array, predicted: Array) -> tuple[float, float]:
    """Return the balanced accuracy, which is the mean recall of the classes, and the mean F1.

    Parameters
    ----------
    labels, predicted : arrays of shape (n,), int
        True and predicted classes.

    Notes
    -----
    The balanced accuracy is over the classes of ``labels``, and F1 over those of either, as in scikit-learn.
    """
    classes, numbers = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    true, found = numbers[: len(labels)], numbers[len(labels) :]
    n_true = np.bincount(true, minlength=len(classes))
    n_found = np.bincount(found, minlength=len(classes))
    n_right = np.bincount(true[true == found], minlength=len(classes))
    has_images = n_true > 0
    recall = float((n_right[has_images] / n_true[has_images]).mean())
    return recall, float((2 * n_right / (n_true + n_found)).mean())

"""How sure an accuracy is, and whether one is better than another."""

import numpy as np

from imfeat._backend import Array


def interval(accuracy: float, n_images: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an accuracy on so many test images.

    It says how much another draw of test images would change; what another seed changes is the
    spread over seeds.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       J. Am. Stat. Assoc. 22, 1927.  :doi:`10.1080/01621459.1927.10502953`
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    found = binomtest(round(accuracy * n_images), n_images).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)


def mcnemar(first: Array, second: Array) -> float:
    """Return the p-value of McNemar's exact test that two classifiers are equally often right.

    Parameters
    ----------
    first, second : arrays of shape (n,), bool
        Whether each of them is right about each of the same images.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
       percentages", Psychometrika 12, 1947.  :doi:`10.1007/BF02295996`
    """
    from scipy.stats import binomtest

    only_first, only_second = (int(np.count_nonzero(a & ~b)) for a, b in ((first, second), (second, first)))
    n = only_first + only_second
    return float(binomtest(only_first, n).pvalue) if n else 1.0

"""A test of the difference of two classifiers."""

import numpy as np

from imfeat._backend import Array


def mcnemar(first: Array, second: Array) -> float:
    """Return the p-value of McNemar's exact test that two classifiers are equally often correct.

    Parameters
    ----------
    first, second : arrays of shape (n,), bool
        Whether each classifier is correct about each of the same images.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
       percentages", Psychometrika 12, 1947.  :doi:`10.1007/BF02295996`
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    n_only_first = int(np.count_nonzero(first & ~second))
    n_different = int(np.count_nonzero(first != second))
    return float(binomtest(n_only_first, n_different).pvalue) if n_different else 1.0

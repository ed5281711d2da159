"""Comparison of histograms: distances and similarities of all pairs."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_out, as_vectors, count_outside, one_of, to_caller_array
from imfeat._inputs import accepts

Method: TypeAlias = Literal[
    "chi-square", "chi-square-alt", "intersection", "correlation", "bhattacharyya", "hellinger", "kl"
]
METHODS: tuple[Method, ...] = get_args(Method)


@accepts(lists=False)
def compare_histograms(first: Array, second: Array, *, method: Method = "chi-square") -> Array:
    """Compare each histogram of one set with each of another.

    Parameters
    ----------
    first : array of shape (n, n_bins) or (n_bins,)
        Histograms, or one; finite numbers that are not negative.
    second : array of shape (m, n_bins) or (n_bins,)
        Histograms to compare them with, or one.
    method : str
        ``"chi-square"``, ``"chi-square-alt"``, ``"intersection"``, ``"correlation"``, ``"bhattacharyya"`` or
        its other name ``"hellinger"``, or ``"kl"``; see Notes.

    Returns
    -------
    array of shape (n, m), (n,), (m,) or (), float32
        One number a pair; an axis is missing where a single histogram was given.

    Raises
    ------
    TypeError, ValueError
        If histograms are not as above or differ in their number of bins, or the method is unknown.

    Notes
    -----
    With x a histogram of ``first`` and y one of ``second``, sums are over bins:

    - ``"chi-square"``: sum of (x - y)^2 / x, where x > 0.
    - ``"chi-square-alt"``: twice the sum of (x - y)^2 / (x + y), where x + y > 0; symmetric.
    - ``"intersection"``: sum of min(x, y), a similarity.
    - ``"correlation"``: Pearson's coefficient, a similarity; 1 if a histogram is constant.
    - ``"bhattacharyya"`` = ``"hellinger"``: root of 1 - sum of sqrt(x y) / sqrt(sum of x, times sum of y).
    - ``"kl"``: sum of x log(x / y), where x > 0; empty bins of y count as 1e-10.

    Equal to ``cv2.compareHist`` of each pair, its conventions for empty bins included: numbers up to 2^-52
    count as 0.  All pairs are compared, as by ``scipy.spatial.distance.cdist``; the number for the pairs
    (first[i], second[i]) is the diagonal.

    References
    ----------
    .. [1] M. J. Swain, D. H. Ballard, "Color indexing", IJCV 7, 1991.
       :doi:`10.1007/BF00130487`
    .. [2] Y. Rubner, J. Puzicha, C. Tomasi, J. M. Buhmann, "Empirical evaluation of dissimilarity
       measures for color and texture", CVIU 84, 2001.  :doi:`10.1006/cviu.2001.0934`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> first = np.array([[1, 0, 0], [0, 0.5, 0.5]])
    >>> second = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5]])
    >>> imfeat.compare_histograms(first, second, method="intersection")
    array([[0.5, 0. ],
           [0.5, 1. ]], dtype=float32)
    """
    one_of(method, "method", METHODS)
    x, y = _as_histograms(first, "first"), _as_histograms(second, "second")
    if isinstance(x, np.ndarray) != isinstance(y, np.ndarray):
        raise TypeError("first and second must lie on the same device; copy one of them")
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"first and second must have as many bins, got {x.shape[-1]} and {y.shape[-1]}")
    out = as_out(None, (*x.shape[:-1], *y.shape[:-1]), np.float32, x)
    x, y = (array.reshape(-1, array.shape[-1]) for array in (x, y))
    pairs = out.reshape(len(x), len(y))
    kernels = backend_of(x).comparison
    if method in kernels.TERMS:
        kernels.sum_terms(x, y, kernels.TERMS[method], pairs)
    else:
        kernels.sum_products(x, y, kernels.MEASURES[method], pairs)
    return to_caller_array(out)


def _as_histograms(value: Any, name: str) -> Array:
    array = as_vectors(value, name=name, axes=None, gpu=True)
    if array.ndim > 2:
        raise ValueError(f"{name} must have the shape (n, n_bins) or (n_bins,), got {array.shape}")
    if count_outside(array, 0, np.inf):
        raise ValueError(f"{name} must not be negative, as counts and shares are not")
    return array

"""Scaling of features: signed square roots, L2 normalization and tf-idf weights."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import as_on_host, as_out, as_vectors, check_side, count_outside, to_caller_array, to_host
from imfeat._inputs import accepts
from imfeat._rows import table_in_library_of


@accepts(late=True)
def signed_sqrt(features: Array) -> Array:
    """Take the square root of each number, and keep its sign.

    Parameters
    ----------
    features : array of shape (..., n_features)
        Finite numbers.

    Returns
    -------
    array of the same shape, float32

    Raises
    ------
    TypeError, ValueError
        If ``features`` are not as above.

    References
    ----------
    .. [1] F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale image
       classification", ECCV 2010.  :doi:`10.1007/978-3-642-15561-1_11`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> imfeat.signed_sqrt(np.array([4, 0, -9]))
    array([ 2.,  0., -3.], dtype=float32)
    """
    values = as_vectors(features, name="features", axes=None, gpu=True)
    out = as_out(None, values.shape, np.float32, values)
    backend_of(values).scaling.signed_roots(values.reshape(-1), out.reshape(-1))
    return to_caller_array(out)


@accepts(late=True)
def l2_normalize(features: Array, *, axis: int = -1) -> Array:
    """Divide vectors by their lengths.

    Parameters
    ----------
    features : array of shape (..., n_features)
        Finite numbers.
    axis : int
        Axis along which vectors lie; on a GPU only the last one.

    Returns
    -------
    array of the same shape, float32
        Vectors of length 1; vectors of zeros, and shorter than 1e-12, stay 0.

    Raises
    ------
    TypeError, ValueError
        If ``features`` are not as above, or have no such axis.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> imfeat.l2_normalize(np.array([[3, 4], [0, 0]])).round(2)
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    values = as_vectors(features, name="features", axes=None, gpu=True)
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"axis must be one of the {values.ndim} axes of features, got {axis}")
    if axis % values.ndim != values.ndim - 1:
        return _divided_along(as_on_host(values, f"axis={axis}"), axis)
    out = as_out(None, values.shape, np.float32, values)
    d = values.shape[-1]
    backend_of(values).scaling.divide_by_lengths(values.reshape(-1, d), out.reshape(-1, d))
    return to_caller_array(out)


def _divided_along(values: Array, axis: int) -> Array:
    """Return vectors along another axis than the last one, divided by their lengths."""
    lengths = np.sqrt(np.square(values, dtype=np.float64).sum(axis, keepdims=True))
    shortest = backend_of(values).scaling.SHORTEST
    factors = np.where(lengths > shortest, 1 / np.maximum(lengths, shortest), 0)
    return np.asarray(values * factors, np.float32)


@accepts(lists=False)
def learn_idf(counts: Array) -> Array:
    """Learn the inverse document frequency of each visual word.

    Parameters
    ----------
    counts : array of shape (n_images, n_words)
        Counts of each word in each image, or shares; not negative.

    Returns
    -------
    array of shape (n_words,), float32
        ln((1 + n_images) / (1 + n)) + 1 for a word that occurs in n images, as in scikit-learn; on the device
        of the counts.

    Raises
    ------
    TypeError, ValueError
        If ``counts`` are not as above.

    References
    ----------
    .. [1] J. Sivic, A. Zisserman, "Video Google: a text retrieval approach to object matching in
       videos", ICCV 2003.  :doi:`10.1109/ICCV.2003.1238663`

    Examples
    --------
    The first word is in all 3 images; the second is in one, and has the weight ln(4 / 2) + 1:

    >>> import imfeat
    >>> import numpy as np
    >>> counts = np.array([[2, 0], [1, 5], [3, 0]])
    >>> imfeat.learn_idf(counts).round(2)
    array([1.  , 1.69], dtype=float32)
    """
    values = _as_counts(counts, axes=2, gpu=True)
    occurring = empty_on_device_of((values.shape[1],), np.uint32, values)
    backend_of(values).scaling.count_occurring(values, occurring)
    weights = (np.log((1 + len(values)) / (1 + to_host(occurring).astype(np.int64))) + 1).astype(np.float32)
    return table_in_library_of(weights, values)


@accepts(late=True)
def tf_idf(counts: Array, idf: Array) -> Array:
    """Weight counts of visual words by inverse document frequency.

    Parameters
    ----------
    counts : array of shape (..., n_words)
        Counts of each word, or shares; not negative.
    idf : array of shape (n_words,)
        Learned by `learn_idf` from training images.  A NumPy array, or one on the device of the counts.

    Returns
    -------
    array of the same shape as ``counts``, float32
        The products.  To compare images, divide by the lengths: ``l2_normalize(tf_idf(...))``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or they differ in the number of words.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> counts = np.array([[2, 0], [1, 5], [3, 0]])
    >>> idf = imfeat.learn_idf(counts)
    >>> imfeat.tf_idf(counts, idf).round(2)
    array([[2.  , 0.  ],
           [1.  , 8.47],
           [3.  , 0.  ]], dtype=float32)
    """
    weights = as_vectors(idf, name="idf", axes=1, gpu=True)
    values = _as_counts(counts, axes=None, length=len(weights), gpu=True)
    check_side(values, "counts", weights, "idf")
    out = as_out(None, values.shape, np.float32, values)
    rows = values.reshape(-1, len(weights)), weights
    backend_of(values).scaling.multiply_by_weights(*rows, out.reshape(-1, len(weights)))
    return to_caller_array(out)


def _as_counts(counts: Array, axes: int | None, length: int | None = None, *, gpu: bool = False) -> Array:
    values = as_vectors(counts, name="counts", axes=axes, length=length, gpu=gpu)
    if count_outside(values, 0, np.inf):
        raise ValueError(f"counts must not be negative, got {to_host(values).min():g}")
    return values

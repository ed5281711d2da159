"""Scaling features: powers, lengths, and how rare a word is."""

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_vectors

SHORTEST = 1e-12  # what is shorter is not made longer


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
    """
    values = as_vectors(features, name="features", axes=None)
    roots: Array = np.copysign(np.sqrt(np.abs(values)), values)
    return roots


def l2_normalize(features: Array, *, axis: int = -1) -> Array:
    """Divide vectors by their lengths.

    Parameters
    ----------
    features : array of shape (..., n_features)
        Finite numbers.
    axis : int
        Along which a vector lies.

    Returns
    -------
    array of the same shape, float32
        Vectors of length 1; vectors of zeros, and shorter than 1e-12, stay 0.

    Raises
    ------
    TypeError, ValueError
        If ``features`` are not as above, or have no such axis.
    """
    values = as_vectors(features, name="features", axes=None)
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"axis must be one of the {values.ndim} axes of features, got {axis}")
    lengths = np.sqrt(np.square(values, dtype=np.float64).sum(axis, keepdims=True))
    scaled: Array = (values * np.where(lengths > SHORTEST, 1 / np.maximum(lengths, SHORTEST), 0)).astype(
        np.float32
    )
    return scaled

"""Fisher vectors and vectors of locally aggregated descriptors (VLAD)."""

import math
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import (
    as_flag,
    as_groups,
    as_out,
    as_words,
    check_side,
    count_outside,
    one_of,
    to_caller_array,
)
from imfeat._inputs import accepts
from imfeat._nearest import nearest_words
from imfeat._sums import mixture_moments
from imfeat.mixture import Mixture, as_mixture

Convention: TypeAlias = Literal["vlfeat", "skimage", "sanchez2013"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
VladNorm: TypeAlias = Literal["intra", "l2", "sqrt", None]
VLAD_NORMS: tuple[VladNorm, ...] = get_args(VladNorm)
VALUES = 1 << 22  # number of float64 sums at a time
LARGEST = 1e38  # number of a result
RARE = 1e-6  # weight below which components are left out


@accepts(late=True)
def fisher_vector(
    descriptors: Array,
    mixture: Mixture,
    *,
    offsets: Array | None = None,
    improved: bool = False,
    convention: Convention = "vlfeat",
) -> Array:
    """Encode descriptors by the gradient of their likelihood under a mixture of Gaussians.

    Parameters
    ----------
    descriptors : array of shape (..., n, d)
        The n descriptors of an image; or (n, d), those of several images, one after the other (see
        ``offsets``).  Finite numbers; computed with as float32.
    mixture : Mixture
        See `learn_mixture`.
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).
    improved : bool
        Take signed square roots, then divide by the length of the vector [2]_.
    convention : {"vlfeat", "skimage", "sanchez2013"}
        Definition to follow; see Notes.

    Returns
    -------
    array of shape (..., n_numbers) or (n_images, n_numbers), float32
        ``n_numbers`` is 2 K d for K components, or K (2 d + 1) with weights.  Zeros for an image
        without descriptors.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if the mixture is of descriptors of another
        length, or if descriptors on the host are so far from the means that numbers overflow.

    Notes
    -----
    With posteriors q, weights w and t = (x - mean) / deviation, the averages over the n descriptors
    of q t / sqrt(w), number k d + j for dimension j of component k, and then in the same order of
    q (t^2 - 1) / sqrt(2 w).  The ``"sanchez2013"`` convention [1]_ has first the K averages of
    (q - w) / sqrt(w); the ``"skimage"`` convention too, and the opposite sign in the last part.
    Posteriors below 1e-6 count as 0, and components of a weight below 1e-6 give zeros, as in VLFeat.

    References
    ----------
    .. [1] J. Sanchez, F. Perronnin, T. Mensink, J. Verbeek, "Image classification with the Fisher
       vector: theory and practice", International Journal of Computer Vision 105, 2013.
       :doi:`10.1007/s11263-013-0636-x`
    .. [2] F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale image
       classification", ECCV 2010.  :doi:`10.1007/978-3-642-15561-1_11`

    Examples
    --------
    With one component of mean 0 and variance 1, the numbers are the means of x and of (x^2 - 1) / sqrt(2):

    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> mixture = imfeat.Mixture(np.array([1]), np.array([[0]]), np.array([[1]]))
    >>> imfeat.fisher_vector(np.array([[1], [3]]), mixture).round(2)
    array([2.  , 2.83], dtype=float32)

    A vector of a photograph has 2 K d numbers, here 2 x 16 x 128:

    >>> positions, descriptors = imfeat.dense_sift(skimage.data.astronaut(), step=16)
    >>> mixture = imfeat.learn_mixture(descriptors, 16, rng=0)
    >>> imfeat.fisher_vector(descriptors, mixture, improved=True).shape
    (4096,)
    """
    one_of(convention, "convention", CONVENTIONS)
    improved = as_flag(improved, "improved")
    n_components, d = as_mixture(mixture).means.shape
    vectors, bounds, leading = as_groups(descriptors, offsets, d, gpu=True)
    kernels = backend_of(vectors)
    n_numbers = n_components * (2 * d + (convention != "vlfeat"))
    out = as_out(None, (*leading, n_numbers), np.float32, vectors)
    rows = out.reshape(-1, n_numbers)
    scales, shares = _scales_and_shares(mixture.weights)
    factor = -math.sqrt(0.5) if convention == "skimage" else math.sqrt(0.5)
    at_once = max(1, VALUES // n_numbers)
    for first in range(0, len(rows), at_once):
        batch = slice(first, first + at_once)
        bounds_of_batch = bounds[first : first + at_once + 1]
        sums, _ = mixture_moments(vectors, bounds_of_batch, mixture.parameters)
        inputs = sums, np.diff(bounds_of_batch), scales, shares, factor
        kernels.fisher.likelihood_gradients(*inputs, rows[batch])
    if isinstance(out, np.ndarray) and count_outside(out, -LARGEST, LARGEST):
        raise ValueError(
            "descriptors are too far from the means for float32, in deviations of the mixture; scale them as "
            "those that the mixture was learned from"
        )
    if improved:
        values = out.reshape(-1)
        kernels.scaling.signed_roots(values, values)
        kernels.scaling.divide_by_lengths(rows, rows)
    return to_caller_array(out)


def _scales_and_shares(weights: Array) -> tuple[Array, Array]:
    """Return 1 / sqrt(weight) and sqrt(weight), 0 for rare components."""
    roots = np.sqrt(weights, dtype=np.float64)
    used = weights >= RARE
    return used / np.where(used, roots, 1), used * roots


@accepts(late=True)
def vlad(
    descriptors: Array, codebook: Array, *, offsets: Array | None = None, norm: VladNorm = "intra"
) -> Array:
    """Encode descriptors by the sums of their differences from the nearest visual words.

    Parameters
    ----------
    descriptors : array of shape (..., n, d)
        The n descriptors of an image; or (n, d), those of several images, one after the other (see
        ``offsets``).  Finite numbers; computed with as float32.
    codebook : array of shape (n_words, d)
        A NumPy array, or one on the device of the descriptors.
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).
    norm : {"intra", "l2", "sqrt", None}
        ``"l2"`` divides by the length of the vector; ``"intra"`` before that by the length of the
        part of each word [2]_; ``"sqrt"`` takes signed square roots before.  ``None`` keeps sums.

    Returns
    -------
    array of shape (..., n_words * d) or (n_images, n_words * d), float32
        Number k d + j for dimension j of word k.  Zeros for an image without descriptors.  Unless ``norm`` is
        None, the sum of a word is 0 if it is a rounding error, at most 2^-20 of the norm of the word, for
        example if all its descriptors equal the word.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if descriptors and words differ in length.

    References
    ----------
    .. [1] H. Jegou, M. Douze, C. Schmid, P. Perez, "Aggregating local descriptors into a compact
       image representation", CVPR 2010.  :doi:`10.1109/CVPR.2010.5540039`
    .. [2] R. Arandjelovic, A. Zisserman, "All about VLAD", CVPR 2013.
       :doi:`10.1109/CVPR.2013.207`

    Examples
    --------
    Differences of the first two descriptors to the first word, and of the third to the second word:

    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0, 0], [10, 0]])
    >>> descriptors = np.array([[1, 1], [2, 0], [9, 3]])
    >>> imfeat.vlad(descriptors, codebook, norm=None)
    array([ 3.,  1., -1.,  3.], dtype=float32)
    """
    one_of(norm, "norm", VLAD_NORMS)
    words = as_words(codebook, gpu=True)
    n_words, d = words.shape
    vectors, bounds, leading = as_groups(descriptors, offsets, d, gpu=True)
    check_side(vectors, "descriptors", words, "codebook")
    kernels = backend_of(vectors)
    out = as_out(None, (*leading, n_words * d), np.float32, vectors)
    assignments, _ = nearest_words(vectors, words)
    inputs = vectors, bounds, words, assignments
    kernels.residuals.sum_residuals(*inputs, out.reshape(-1, n_words, d))
    if norm is not None:
        kernels.residuals.clear_rounding(words, out.reshape(-1, n_words, d))
    if norm == "intra":
        by_word = out.reshape(-1, d)
        kernels.scaling.divide_by_lengths(by_word, by_word)
    elif norm == "sqrt":
        values = out.reshape(-1)
        kernels.scaling.signed_roots(values, values)
    if norm is not None:
        rows = out.reshape(-1, n_words * d)
        kernels.scaling.divide_by_lengths(rows, rows)
    return to_caller_array(out)

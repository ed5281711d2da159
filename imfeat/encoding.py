"""Encodings of the descriptors of an image by visual words: hard, soft and triangle."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    as_groups,
    as_number,
    as_out,
    as_words,
    check_side,
    one_of,
    to_caller_array,
    to_host,
)
from imfeat._inputs import accepts
from imfeat._nearest import nearest_words
from imfeat._norm import NORMS, Norm


@accepts(late=True)
def bag_of_words(
    descriptors: Array,
    codebook: Array,
    *,
    offsets: Array | None = None,
    norm: Norm = "l1",
) -> Array:
    """Count the visual words of each image.

    Parameters
    ----------
    descriptors : array of shape (..., n, d)
        The n descriptors of an image; or (n, d), those of several images, one after the other (see
        ``offsets``).  Finite numbers; computed with as float32.
    codebook : array of shape (n_words, d)
        A NumPy array, or one on the device of the descriptors.
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).
    norm : {"l1", "l2", "hellinger", None}
        Norm that the counts of an image are divided by, as in `color_histogram`.

    Returns
    -------
    array of shape (..., n_words) or (n_images, n_words), float32
        Zeros for an image without descriptors.  Counts of regions: `pool_regions`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if descriptors and words differ in length.

    References
    ----------
    .. [1] G. Csurka, C. R. Dance, L. Fan, J. Willamowski, C. Bray, "Visual categorization with
       bags of keypoints", ECCV workshop 2004.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0, 0], [10, 0]])
    >>> descriptors = np.array([[1, 1], [9, 3], [8, 0]])
    >>> imfeat.bag_of_words(descriptors, codebook, norm=None)
    array([1., 2.], dtype=float32)

    The descriptors of two images, the first of which has one:

    >>> imfeat.bag_of_words(descriptors, codebook, offsets=np.array([0, 1, 3]))
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    one_of(norm, "norm", NORMS)
    words, vectors, bounds, leading = _as_words_and_groups(descriptors, codebook, offsets)
    kernels = backend_of(vectors)
    assignments, _ = nearest_words(vectors, words)
    counts = empty_on_device_of((len(bounds) - 1, len(words)), np.uint32, vectors)
    kernels.groups.count_words(bounds, assignments, counts)
    out = as_out(None, (*leading, len(words)), np.float32, vectors)
    norms = kernels.histogram.NORMS
    kernels.histogram.normalize_counts(counts, norms[norm], out.reshape(-1, len(words)))
    return to_caller_array(out)


@accepts(late=True)
def soft_words(
    descriptors: Array, codebook: Array, *, sigma: float | None = None, offsets: Array | None = None
) -> Array:
    """Assign each descriptor to the visual words near it, by soft assignment.

    Parameters
    ----------
    descriptors : array of shape (..., n, d)
        The n descriptors of an image; or (n, d), those of several images, one after the other (see
        ``offsets``).  Finite numbers; computed with as float32.
    codebook : array of shape (n_words, d)
        A NumPy array, or one on the device of the descriptors.
    sigma : float, optional
        The distance over which shares fall; above 0.  By default half the median over words of the
        distance to the nearest other word.
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).

    Returns
    -------
    array of shape (..., n_words) or (n_images, n_words), float32
        The mean over descriptors of exp(-z^2 / (2 sigma^2)), z the distance to a word, divided by
        its sum over words: "codeword uncertainty" [1]_.  Sums to 1; zeros for an image without
        descriptors.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if descriptors and words differ in length.

    References
    ----------
    .. [1] J. C. van Gemert, J.-M. Geusebroek, C. J. Veenman, A. W. M. Smeulders, "Kernel codebooks
       for scene categorization", ECCV 2008.  :doi:`10.1007/978-3-540-88690-7_52`

    Examples
    --------
    A descriptor halfway between two words counts half for each:

    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0, 0], [10, 0]])
    >>> imfeat.soft_words(np.array([[5, 0]]), codebook)
    array([0.5, 0.5], dtype=float32)
    """
    words, vectors, bounds, leading = _as_words_and_groups(descriptors, codebook, offsets)
    words = to_host(words)
    sigma = _half_gap(words) if sigma is None else as_number(sigma, "sigma", above=0)
    weights = np.full(len(words), 1 / len(words), np.float32)
    variances = np.full(words.shape, max(sigma**2, float(np.finfo(np.float32).tiny)), np.float32)
    means = _means_for(vectors, leading, words)
    inputs = vectors, bounds, weights, words, variances
    backend_of(vectors).mixture.mean_posteriors(*inputs, means.reshape(-1, len(words)))
    return _as_result(means)


@accepts(late=True)
def triangle(descriptors: Array, codebook: Array, *, offsets: Array | None = None) -> Array:
    """Encode descriptors by the triangle activation of each visual word.

    Parameters
    ----------
    descriptors : array of shape (..., n, d)
        The n descriptors of an image; or (n, d), those of several images, one after the other (see
        ``offsets``).  Finite numbers; computed with as float32.
    codebook : array of shape (n_words, d)
        A NumPy array, or one on the device of the descriptors.
    offsets : integers of shape (n_images + 1,), optional
        Image i has the descriptors ``offsets[i]`` to ``offsets[i + 1] - 1`` of (n, d).

    Returns
    -------
    array of shape (..., n_words) or (n_images, n_words), float32
        The mean over descriptors of max(0, mean of z - z_k), z_k the distance to word k [1]_.
        Zeros for an image without descriptors.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if descriptors and words differ in length.

    References
    ----------
    .. [1] A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised
       feature learning", AISTATS 2011.

    Examples
    --------
    The distances to the words are 1 and 9, and their mean is 5:

    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0, 0], [10, 0]])
    >>> imfeat.triangle(np.array([[1, 0]]), codebook)
    array([4., 0.], dtype=float32)
    """
    words, vectors, bounds, leading = _as_words_and_groups(descriptors, codebook, offsets)
    means = _means_for(vectors, leading, words)
    backend_of(vectors).mixture.mean_triangles(vectors, bounds, words, means.reshape(-1, len(words)))
    return _as_result(means)


def _as_words_and_groups(
    descriptors: Array, codebook: Array, offsets: Array | None
) -> tuple[Array, Array, Array, tuple[int, ...]]:
    """Return words, descriptors (n, d) of all images, their bounds by image, and the leading axes."""
    words = as_words(codebook, gpu=True)
    vectors, bounds, leading = as_groups(descriptors, offsets, words.shape[1], gpu=True)
    check_side(vectors, "descriptors", words, "codebook")
    return words, vectors, bounds, leading


def _means_for(vectors: Array, leading: tuple[int, ...], words: Array) -> Array:
    """Return an array for means over descriptors: float64 on the host, where `_as_result` rounds them."""
    on_host = isinstance(vectors, np.ndarray)
    return as_out(None, (*leading, len(words)), np.float64 if on_host else np.float32, vectors)


def _as_result(means: Array) -> Array:
    return means.astype(np.float32) if isinstance(means, np.ndarray) else to_caller_array(means)


def _half_gap(words: Array) -> float:
    """Return half the median distance of a word from the nearest other word."""
    if len(words) == 1:
        return 1.0
    centered = words - words.mean(0, dtype=np.float64)
    squares = (centered**2).sum(1)
    nearest = np.empty(len(words))
    for k in range(0, len(words), 256):
        gaps = squares + squares[k : k + 256, None] - 2 * centered[k : k + 256] @ centered.T
        gaps[np.arange(len(gaps)), k + np.arange(len(gaps))] = np.inf
        nearest[k : k + 256] = gaps.min(1)
    half_gap = float(np.sqrt(np.maximum(np.median(nearest), 0)) / 2)
    if half_gap < 1e-6 * np.sqrt(squares.mean()):
        raise ValueError("most words of codebook occur twice, so sigma must be given")
    return half_gap

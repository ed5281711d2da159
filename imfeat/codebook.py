"""Codebooks: visual words by k-means, and the nearest word of each descriptor."""

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    Seed,
    as_count,
    as_flag,
    as_out,
    as_vectors,
    as_words,
    check_side,
    one_of,
    to_caller_array,
    to_host,
)
from imfeat._inputs import accepts
from imfeat._kmeans import STARTS, Batches, first_words, lloyd, lloyd_in_batches, unit_length
from imfeat._progress import iterations
from imfeat._rows import table_in_library_of
from imfeat._sums import InMemory, Start


@accepts(lists=False)
def learn_codebook(
    descriptors: Array,
    n_words: int,
    *,
    rng: Seed = None,
    n_iterations: int = 20,
    start: Start | Array | None = None,
    batch_size: int | None = None,
    spherical: bool = False,
    progress: bool = False,
) -> Array:
    """Cluster descriptors into visual words with k-means.

    Parameters
    ----------
    descriptors : array of shape (n, d)
        Finite numbers; computed with as float32.  With ``batch_size`` also a `numpy.memmap` that
        doesn't fit into memory.  An array on a GPU must be float32.
    n_words : int
        Number of words, at most n.
    rng : int or numpy.random.Generator, optional
        Seed or generator of random numbers; the same seed gives the same words.
    n_iterations : int
        Upper limit; the search ends before when no descriptor changes its word.  With
        ``batch_size`` the number of batches.
    start : {"k-means++", "k-means||", "random"} or array of shape (n_words, d), optional
        Method that chooses the first words among the descriptors, or the first words.  By default
        ``"k-means++"`` [1]_ for up to 256 words, and for more ``"k-means||"`` [2]_, which needs a
        few passes over the descriptors instead of one a word.
    batch_size : int, optional
        Move the words by this many descriptors at a time, drawn anew for each iteration [4]_, for
        descriptors that are too many to pass over several times.  The start comes from a batch, too.
    spherical : bool
        Divide descriptors and words by their lengths, so that what counts is the angle between them.
    progress : bool
        Show a progress bar.

    Returns
    -------
    array of shape (n_words, d), float32
        The codebook, on the device of the descriptors.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if there are more words than descriptors.

    Notes
    -----
    Lloyd's algorithm [3]_.  A word that loses all its descriptors moves to the descriptor that is
    farthest from its word.  Sums are float64 and their order is fixed, so results are the same for
    any number of threads.  Descriptors of length 0 stay as they are where ``spherical``.

    References
    ----------
    .. [1] D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    .. [2] B. Bahmani, B. Moseley, A. Vattani, R. Kumar, S. Vassilvitskii, "Scalable k-means++",
       VLDB 2012.  :doi:`10.14778/2180912.2180915`
    .. [3] S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information
       Theory 28, 1982.  :doi:`10.1109/TIT.1982.1056489`
    .. [4] D. Sculley, "Web-scale k-means clustering", WWW 2010.  :doi:`10.1145/1772690.1772862`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> descriptors = np.array([[0, 0], [0, 2], [10, 0], [10, 2]])  # two groups
    >>> imfeat.learn_codebook(descriptors, 2, rng=0)
    array([[10.,  1.],
           [ 0.,  1.]], dtype=float32)
    """
    n_words = as_count(n_words, "n_words")
    n_iterations = as_count(n_iterations, "n_iterations")
    spherical = as_flag(spherical, "spherical")
    rng = np.random.default_rng(rng)
    steps = iterations(n_iterations, "k-means", as_flag(progress, "progress"))
    if batch_size is None:
        source = vectors = as_vectors(descriptors, name="descriptors", gpu=True)
        limit = "the number of descriptors"
    else:
        batches = Batches(descriptors, as_count(batch_size, "batch_size"), rng)
        source = batches.descriptors
        vectors = batches.draw()
        limit = "the number of descriptors of a batch"
    if n_words > len(vectors):
        raise ValueError(f"n_words must be at most {limit}, {len(vectors)}, got {n_words}")
    vectors = unit_length(vectors) if spherical else vectors
    words = _start(vectors, n_words, start, rng)
    if batch_size is None:
        words = lloyd(InMemory(vectors, rng), words, steps, spherical=spherical)
    else:
        words = lloyd_in_batches(batches, words, steps, spherical=spherical)
    return table_in_library_of(words, source)


@accepts(late=True)
def assign(descriptors: Array, codebook: Array) -> Array:
    """Find the nearest visual word of each descriptor.

    Parameters
    ----------
    descriptors : array of shape (..., d)
        Finite numbers; computed with as float32.
    codebook : array of shape (n_words, d)
        A NumPy array, or one on the device of the descriptors.

    Returns
    -------
    array of shape (...), int32
        Indices of words in Euclidean distance, the lowest where several are equally near.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if the two differ in d.

    Notes
    -----
    Distances are computed in float32.  If the mean of the words is more than four times as far from the
    origin as the words are from their mean, on average, one of the words is subtracted from all vectors
    before.  The result is the nearest word in float64, unless the squared distances of two words differ by
    less than (d + 8) 2^-17 R^2, where R is the largest distance of the descriptor and the words from their
    mean.  This bound is for the worst case; typical errors are a hundred times smaller.  Distances of
    integers are exact while such squares are below 2^22.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> codebook = np.array([[0, 0], [10, 0]])
    >>> imfeat.assign(np.array([[1, 1], [9, 3], [5, 0]]), codebook)  # the last one is equally near to both
    array([0, 1, 0], dtype=int32)
    """
    words = as_words(codebook, gpu=True)
    vectors = as_vectors(descriptors, name="descriptors", length=words.shape[1], axes=None, gpu=True)
    check_side(vectors, "descriptors", words, "codebook")
    indices = as_out(None, vectors.shape[:-1], np.int32, vectors)
    flat = vectors.reshape(-1, words.shape[1])
    distances = empty_on_device_of((len(flat),), np.float32, vectors)
    backend_of(flat).nearest.assign(flat, words, indices.reshape(-1), distances)
    return to_caller_array(indices)


def _start(vectors: Array, n_words: int, start: Start | Array | None, rng: np.random.Generator) -> Array:
    """Return the first words, drawn among the vectors or given by the caller."""
    if start is None or isinstance(start, str):
        one_of(start, "start", (*STARTS, None))
        return first_words(vectors, n_words, start, rng)
    words = as_vectors(start, name="start", length=vectors.shape[1], gpu=True)
    check_side(vectors, "descriptors", words, "start")
    words = to_host(words)
    if len(words) != n_words:
        raise ValueError(f"start must have n_words={n_words} rows, got {len(words)}")
    return words

"""Codebooks: the visual words that stand for all descriptors."""

from collections.abc import Iterable

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_count, as_flag, as_vectors

Seed = int | np.random.Generator | None
ONCE = np.empty(0, np.int64)  # the weights of vectors of which each occurs once


def learn_codebook(
    descriptors: Array,
    n_words: int,
    *,
    rng: Seed = None,
    n_iterations: int = 20,
    start: Array | None = None,
    progress: bool = False,
) -> Array:
    """Cluster descriptors into visual words with k-means.

    Parameters
    ----------
    descriptors : array of shape (n, d)
        Finite numbers; computed with as float32.
    n_words : int
        At most n.
    rng : int or numpy.random.Generator, optional
        Where the randomness of the start comes from; the same seed gives the same words.
    n_iterations : int
        Upper limit; the search ends before when no descriptor changes its word.
    start : array of shape (n_words, d), optional
        Words to begin with, instead of those of k-means++.
    progress : bool
        Show a progress bar.

    Returns
    -------
    array of shape (n_words, d), float32
        The codebook.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if there are more words than descriptors.

    Notes
    -----
    Lloyd's algorithm from a k-means++ start [1]_.  A word that loses all its descriptors moves
    to the descriptor that is farthest from its word.  Sums are float64 and their order is fixed,
    so the number of threads changes nothing.

    References
    ----------
    .. [1] D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.
    .. [2] S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information
       Theory 28, 1982.  :doi:`10.1109/TIT.1982.1056489`
    """
    vectors = as_vectors(descriptors, name="descriptors")
    n_words = as_count(n_words, "n_words")
    n_iterations = as_count(n_iterations, "n_iterations")
    if n_words > len(vectors):
        raise ValueError(f"n_words must be at most the number of descriptors, {len(vectors)}, got {n_words}")
    if start is None:
        words = spread_words(vectors, n_words, rng)
    else:
        words = as_vectors(start, name="start", length=vectors.shape[1])
        if len(words) != n_words:
            raise ValueError(f"start must have n_words={n_words} rows, got {len(words)}")
    return lloyd(vectors, words, n_iterations, progress=as_flag(progress, "progress"))


def assign(descriptors: Array, codebook: Array) -> Array:
    """Find the nearest visual word of each descriptor.

    Parameters
    ----------
    descriptors : array of shape (..., d)
        Finite numbers; computed with as float32.
    codebook : array of shape (n_words, d)

    Returns
    -------
    array of shape (...), int32
        Indices of words in Euclidean distance, the lowest where several are equally near.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if the two differ in d.
    """
    words = as_vectors(codebook, name="codebook")
    vectors = as_vectors(descriptors, name="descriptors", length=words.shape[1], axes=None)
    if not len(words):
        raise ValueError("codebook must have at least one word, got none")
    return nearest_words(vectors.reshape(-1, words.shape[1]), words)[0].reshape(vectors.shape[:-1])


def nearest_words(vectors: Array, words: Array) -> tuple[Array, Array]:
    """Return, for checked arrays, the nearest words (n,) int32 and squared distances (n,) float32."""
    indices = np.empty(len(vectors), np.int32)
    distances = np.empty(len(vectors), np.float32)
    backend_of(vectors).nearest.assign(vectors, words, indices, distances)
    return indices, distances


def spread_words(vectors: Array, n_words: int, rng: Seed, weights: Array = ONCE) -> Array:
    """Draw words, each with a probability that grows as the squared distance from those before.

    ``weights`` (n,) int64 tell how often each of the checked vectors occurs; none, that all do once.
    """
    kernels, rng = backend_of(vectors), np.random.default_rng(rng)
    words = np.empty((n_words, vectors.shape[1]), np.float32)
    distances = np.full(len(vectors), np.inf, np.float32)
    reach = np.cumsum(weights) if len(weights) else np.arange(1, len(vectors) + 1)
    aim = float(rng.integers(reach[-1]))
    for k in range(n_words):
        words[k] = vectors[min(int(np.searchsorted(reach, aim, side="right")), len(vectors) - 1)]
        kernels.nearest.approach(vectors, words[k], distances)
        reach = np.cumsum(distances * weights if len(weights) else distances, dtype=np.float64)
        aim = rng.random() * reach[-1]
    return words


def lloyd(
    vectors: Array, words: Array, n_iterations: int, weights: Array = ONCE, *, progress: bool = False
) -> Array:
    """Move words to the means of the checked vectors that are nearest to them, until none moves."""
    kernels = backend_of(vectors)
    sums, counts = np.empty(words.shape), np.empty(len(words), np.int64)
    assignments = np.full(len(vectors), -1, np.int32)
    for _ in _with_bar(n_iterations, progress):
        before = assignments
        assignments, distances = nearest_words(vectors, words)
        if np.array_equal(assignments, before):
            break
        kernels.nearest.sum_by_word(vectors, weights, assignments, sums, counts)
        words = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
        empty = np.flatnonzero(counts == 0)
        if len(empty):
            words[empty] = vectors[np.argpartition(-distances, len(empty) - 1)[: len(empty)]]
    return words


def _with_bar(n_iterations: int, progress: bool) -> Iterable[int]:
    if not progress:
        return range(n_iterations)
    from rich.progress import track

    return track(range(n_iterations), "k-means")

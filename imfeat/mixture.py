"""Mixtures of Gaussians with diagonal covariances, by expectation maximization."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import Seed, as_count, as_flag, as_out, as_vectors, to_caller_array
from imfeat._inputs import accepts
from imfeat._kmeans import fit_words
from imfeat._progress import iterations
from imfeat._sums import Descriptors, InMemory, MixtureSums, Moments

TOLERANCE = 1e-5  # gain of the mean log-likelihood below which the iteration ends
FLOOR = 1e-4  # least variance of a component, relative to that of all descriptors
SMALLEST = 1e-12  # least variance
HARD = 1e-4  # variance, relative to that of all descriptors, at which posteriors are 0 or 1
N_WORD_ITERATIONS = 20  # of k-means, for the start


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    """A mixture of Gaussians with diagonal covariances.

    Parameters
    ----------
    weights : array of shape (n_components,)
        Not negative, and sum to 1.  A component of weight 0 is not used.
    means : array of shape (n_components, d)
    variances : array of shape (n_components, d)
        Above 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the shapes don't fit each other.

    Notes
    -----
    The arrays are kept as float32 and can't be written to.  A mixture of scikit-learn with
    ``covariance_type="diag"`` becomes one of imfeat with
    ``Mixture(peer.weights_, peer.means_, peer.covariances_)``.

    Examples
    --------
    Two components of weight 1/2 in one dimension, with means 0 and 10 and variances 1:

    >>> import imfeat
    >>> import numpy as np
    >>> mixture = imfeat.Mixture(np.array([0.5, 0.5]), np.array([[0], [10]]), np.array([[1], [1]]))
    >>> imfeat.posteriors(np.array([[0], [5]]), mixture).round(2)
    array([[1. , 0. ],
           [0.5, 0.5]], dtype=float32)
    """

    weights: Array
    means: Array
    variances: Array

    def __post_init__(self) -> None:
        means = as_vectors(self.means, name="means")
        variances = as_vectors(self.variances, name="variances", length=means.shape[1])
        weights = as_vectors(self.weights, name="weights", axes=None)
        if not weights.shape == means.shape[:1] == variances.shape[:1]:
            raise ValueError(
                f"weights, means and variances must have as many rows, got the shapes {weights.shape}, "
                f"{means.shape} and {variances.shape}"
            )
        if (weights < 0).any() or abs(weights.sum() - 1) > 1e-3:
            raise ValueError(f"weights must not be negative, and sum to 1, got a sum of {weights.sum():g}")
        if not (variances > 0).all():
            raise ValueError(f"variances must be above 0, got {variances.min():g}")
        for name, array in (("weights", weights), ("means", means), ("variances", variances)):
            object.__setattr__(self, name, array)

    @property
    def parameters(self) -> tuple[Array, Array, Array]:
        """Weights, means and variances."""
        return self.weights, self.means, self.variances

    def options(self) -> dict[str, Any]:
        """Return no options, as there are none."""
        return {}

    def to_arrays(self) -> dict[str, Array]:
        """Return the parameters by name, as files keep them."""
        return {"weights": self.weights, "means": self.means, "variances": self.variances}

    @classmethod
    def from_arrays(cls, options: dict[str, Any], arrays: dict[str, Array]) -> "Mixture":
        """Return the mixture of `to_arrays`."""
        return cls(**options, **arrays)

    def __repr__(self) -> str:
        return f"Mixture(n_components={len(self.means)}, d={self.means.shape[1]})"


@accepts(lists=False)
def learn_mixture(
    descriptors: Array,
    n_components: int,
    *,
    rng: Seed = None,
    n_iterations: int = 50,
    start: Mixture | None = None,
    progress: bool = False,
) -> Mixture:
    """Fit a mixture of Gaussians with diagonal covariances to descriptors.

    Parameters
    ----------
    descriptors : array of shape (n, d)
        Finite numbers; computed with as float32.  An array on a GPU must be float32.
    n_components : int
        Number of components, at most n.
    rng : int or numpy.random.Generator, optional
        Seed or generator of random numbers, for the start; the same seed gives the same mixture.
    n_iterations : int
        Upper limit; the search ends before when the mean log-likelihood of a descriptor grows by
        less than 1e-5.
    start : Mixture, optional
        Mixture to start from, instead of the clusters of `learn_codebook`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Mixture
        ``weights`` (n_components,), ``means`` and ``variances`` (n_components, d), float32 NumPy arrays,
        which go with descriptors on either device.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if there are more components than descriptors.

    Notes
    -----
    Expectation maximization [1]_.  Sums are float64 and their order is fixed, so results are the
    same for any number of threads.  Posteriors below 1e-6 count as 0.  A variance is at least 1e-4 times
    that of all descriptors in its dimension, and at least 1e-6 times the mean over dimensions of
    these.  Components without descriptors keep their means and variances and get the weight 0; with the
    default start there are none.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via
       the EM algorithm", Journal of the Royal Statistical Society B 39, 1977.
       :doi:`10.1111/j.2517-6161.1977.tb01600.x`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> descriptors = np.array([[1, 0], [1, 2], [9, 0], [9, 2]])  # two groups
    >>> mixture = imfeat.learn_mixture(descriptors, 2, rng=0)
    >>> mixture.weights.round(2)
    array([0.5, 0.5], dtype=float32)
    >>> mixture.means.round(2)
    array([[9., 1.],
           [1., 1.]], dtype=float32)
    """
    vectors = as_vectors(descriptors, name="descriptors", gpu=True)
    n_components = as_count(n_components, "n_components")
    n_iterations = as_count(n_iterations, "n_iterations")
    if n_components > len(vectors):
        raise ValueError(
            f"n_components must be at most the number of descriptors, {len(vectors)}, got {n_components}"
        )
    if start is not None and len(as_mixture(start, vectors.shape[1], name="start").weights) != n_components:
        raise ValueError(f"start must have n_components={n_components}, got {len(start.weights)}")
    steps = iterations(n_iterations, "mixture", as_flag(progress, "progress"))
    return fit_mixture(InMemory(vectors, np.random.default_rng(rng)), n_components, steps, start)


def fit_mixture(
    descriptors: Descriptors, n_components: int, steps: Iterable[object], start: Mixture | None = None
) -> Mixture:
    """Return the mixture of expectation maximization, by default from the clusters of k-means."""
    variances = np.maximum(descriptors.total(Moments, diagonal=True).covariance(), 0)
    floor = variance_floor(variances)
    mixture = start
    if mixture is None:
        words = fit_words(descriptors, n_components, range(N_WORD_ITERATIONS))
        hard = mixture_from_words(words, float(variances.mean()))
        mixture = m_step(hard, descriptors.total(MixtureSums, parameters=hard.parameters), floor)
    previous = -np.inf
    for _ in steps:
        sums = descriptors.total(MixtureSums, parameters=mixture.parameters)
        mixture = m_step(mixture, sums, floor)
        likelihood = sums.likelihood / sums.n
        if likelihood - previous < TOLERANCE:
            break
        previous = likelihood
    return mixture


@accepts(late=True)
def posteriors(descriptors: Array, mixture: Mixture) -> Array:
    """Compute the posterior probability of each component of a mixture for each descriptor.

    Parameters
    ----------
    descriptors : array of shape (..., d)
        Finite numbers; computed with as float32.
    mixture : Mixture

    Returns
    -------
    array of shape (..., n_components), float32
        In [0, 1]; those of a descriptor sum to 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if the two differ in d.

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> mixture = imfeat.Mixture(np.array([0.5, 0.5]), np.array([[0], [10]]), np.array([[1], [1]]))
    >>> imfeat.posteriors(np.array([[1], [5], [12]]), mixture).round(2)
    array([[1. , 0. ],
           [0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    """
    d = as_mixture(mixture).means.shape[1]
    vectors = as_vectors(descriptors, name="descriptors", length=d, axes=None, gpu=True)
    out = as_out(None, (*vectors.shape[:-1], len(mixture.weights)), np.float32, vectors)
    flat = vectors.reshape(-1, d)
    by_row = out.reshape(len(flat), len(mixture.weights))
    backend_of(flat).mixture.posteriors(flat, *mixture.parameters, by_row)
    return to_caller_array(out)


def as_mixture(mixture: Mixture, length: int | None = None, name: str = "mixture") -> Mixture:
    """Return a mixture, of descriptors of ``length`` if given."""
    if not isinstance(mixture, Mixture):
        raise TypeError(f"{name} must be a Mixture, got {type(mixture).__name__}; see learn_mixture")
    if length is not None and mixture.means.shape[1] != length:
        raise ValueError(f"{name} must be of descriptors of length {length}, got {mixture.means.shape[1]}")
    return mixture


def m_step(mixture: Mixture, sums: MixtureSums, floor: Array) -> Mixture:
    """Return the mixture of highest likelihood for sums under the posteriors of another."""
    mass = sums.sums[:, 0]
    d = mixture.means.shape[1]
    used = mass > 0
    shift, square = (sums.sums[used, 1:] / mass[used, None]).reshape(-1, 2, d).swapaxes(0, 1)
    means = mixture.means.astype(np.float64)
    variances = mixture.variances.astype(np.float64)
    means[used] += np.sqrt(variances[used]) * shift
    variances[used] *= square - shift**2
    return Mixture(mass / mass.sum(), means, np.maximum(variances, floor))


def variance_floor(variances: Array) -> Array:
    """Return the least variances (d,) of components, from the variances (d,) of all descriptors."""
    floor: Array = np.maximum(FLOOR * np.maximum(variances, 0.01 * variances.mean()), SMALLEST)
    return floor


def mixture_from_words(words: Array, variance: float) -> Mixture:
    """Return a mixture so narrow that each descriptor belongs to its nearest word."""
    variances = np.full(words.shape, max(HARD * variance, SMALLEST))
    return Mixture(np.full(len(words), 1 / len(words)), words, variances)

"""Mixtures of Gaussians that say how descriptors are distributed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import Seed, as_count, as_flag, as_out, as_vectors, given
from imfeat.codebook import learn_codebook

TOLERANCE = 1e-5  # of the mean log-likelihood: what more is gained by another step does not matter
FLOOR = 1e-4  # the least variance of a component, as a share of that of all descriptors
SMALLEST = 1e-12  # the least variance there is
HARD = 1e-4  # variances this small, as a share, make the nearest mean take all


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

    def __repr__(self) -> str:
        return f"Mixture(n_components={len(self.means)}, d={self.means.shape[1]})"


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
        Finite numbers; computed with as float32.
    n_components : int
        At most n.
    rng : int or numpy.random.Generator, optional
        Where the randomness of the start comes from; the same seed gives the same mixture.
    n_iterations : int
        Upper limit; the search ends before when the mean log-likelihood of a descriptor grows by
        less than 1e-5.
    start : Mixture, optional
        What to begin with, instead of the clusters that `learn_codebook` finds.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Mixture
        ``weights`` (n_components,), ``means`` and ``variances`` (n_components, d), float32.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, for example if there are more components than descriptors.

    Notes
    -----
    Expectation maximization [1]_.  Sums are float64 and their order is fixed, so the number of
    threads changes nothing.  Posteriors below 1e-6 count as 0.  A variance is at least 1e-4 times
    that of all descriptors in its dimension, and at least 1e-6 times the mean over dimensions of
    these.  A component that no descriptor has to do with gets the weight 0 and stays as it is;
    from the start that is learned, none does.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via
       the EM algorithm", Journal of the Royal Statistical Society B 39, 1977.
       :doi:`10.1111/j.2517-6161.1977.tb01600.x`
    """
    vectors = as_vectors(descriptors, name="descriptors")
    n_components, n_iterations = (
        as_count(n_components, "n_components"),
        as_count(n_iterations, "n_iterations"),
    )
    if n_components > len(vectors):
        raise ValueError(
            f"n_components must be at most the number of descriptors, {len(vectors)}, got {n_components}"
        )
    spread = _variances(vectors)
    floor = least_variances(spread)
    if start is None:
        mixture = _cluster(vectors, n_components, rng, float(spread.mean()), floor)
    else:
        mixture = as_mixture(start, vectors.shape[1], name="start")
        if len(mixture.weights) != n_components:
            raise ValueError(f"start must have n_components={n_components}, got {len(mixture.weights)}")
    before = -np.inf
    for _ in _with_bar(n_iterations, as_flag(progress, "progress")):
        sums, likelihoods = moments(vectors, np.array([0, len(vectors)]), mixture)
        mixture = maximize(mixture, sums[0], floor)
        likelihood = likelihoods[0] / len(vectors)
        if likelihood - before < TOLERANCE:
            break
        before = likelihood
    return mixture


def posteriors(descriptors: Array, mixture: Mixture) -> Array:
    """Compute how probable it is that each component of a mixture has made a descriptor.

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
    """
    d = as_mixture(mixture).means.shape[1]
    vectors = as_vectors(descriptors, name="descriptors", length=d, axes=None, gpu=True)
    out = as_out(None, (*vectors.shape[:-1], len(mixture.weights)), np.float32, vectors)
    flat = vectors.reshape(-1, d)
    arrays = mixture.weights, mixture.means, mixture.variances
    backend_of(flat).mixture.posteriors(flat, *arrays, out.reshape(len(flat), len(mixture.weights)))
    return given(out)


def as_mixture(mixture: Mixture, length: int | None = None, name: str = "mixture") -> Mixture:
    """Return a mixture, of descriptors of ``length`` if given."""
    if not isinstance(mixture, Mixture):
        raise TypeError(f"{name} must be a Mixture, got {type(mixture).__name__}; see learn_mixture")
    if length is not None and mixture.means.shape[1] != length:
        raise ValueError(f"{name} must be of descriptors of length {length}, got {mixture.means.shape[1]}")
    return mixture


def moments(vectors: Array, bounds: Array, mixture: Mixture) -> tuple[Array, Array]:
    """Return, for checked descriptors of images, sums (n_images, n_components, 1 + 2 d) and likelihoods.

    The sums are those of posteriors q, q t and q t^2, t the distance from the mean in deviations;
    the likelihoods (n_images,) sums of the logarithms of the densities.
    """
    n_components, d = mixture.means.shape
    sums, likelihoods = np.empty((len(bounds) - 1, n_components, 1 + 2 * d)), np.empty(len(bounds) - 1)
    arrays = mixture.weights, mixture.means, mixture.variances
    backend_of(vectors).mixture.moments(vectors, bounds, *arrays, sums, likelihoods)
    return sums, likelihoods


def maximize(mixture: Mixture, sums: Array, floor: Array) -> Mixture:
    """Return the mixture that fits best, given moments under the posteriors of another."""
    mass, d = sums[:, 0], mixture.means.shape[1]
    used = mass > 0
    shift, square = (sums[used, 1:] / mass[used, None]).reshape(-1, 2, d).swapaxes(0, 1)
    means, variances = mixture.means.astype(np.float64), mixture.variances.astype(np.float64)
    means[used] += np.sqrt(variances[used]) * shift
    variances[used] *= square - shift**2
    return Mixture(mass / mass.sum(), means, np.maximum(variances, floor))


def least_variances(spread: Array) -> Array:
    """Return the least variance (d,) of components, from the variances of all descriptors."""
    floor: Array = np.maximum(FLOOR * np.maximum(spread, 0.01 * spread.mean()), SMALLEST)
    return floor


def hard_mixture(words: Array, spread: float) -> Mixture:
    """Return a mixture so narrow that each descriptor belongs to its nearest word."""
    variances = np.full(words.shape, max(HARD * spread, SMALLEST))
    return Mixture(np.full(len(words), 1 / len(words)), words, variances)


def _cluster(vectors: Array, n_components: int, rng: Seed, spread: float, floor: Array) -> Mixture:
    """Return the weights, means and variances of the clusters of k-means."""
    nearest = hard_mixture(learn_codebook(vectors, n_components, rng=rng), spread)
    return maximize(nearest, moments(vectors, np.array([0, len(vectors)]), nearest)[0][0], floor)


def _variances(vectors: Array) -> Array:
    """Return the variance of each dimension: the moments about a mixture of one component."""
    center = vectors.mean(0, dtype=np.float64, keepdims=True)
    whole = Mixture(np.ones(1), center, np.ones_like(center))
    sums = moments(vectors, np.array([0, len(vectors)]), whole)[0][0, 0, 1:].reshape(2, -1)
    shift, square = sums / len(vectors)
    variances: Array = np.maximum(square - shift**2, 0)
    return variances


def _with_bar(n_iterations: int, progress: bool) -> Iterable[int]:
    if not progress:
        return range(n_iterations)
    from rich.progress import track

    return track(range(n_iterations), "mixture")

"""Transformers that make one vector of the local descriptors of an image."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import PCA

from imfeat._backend import Array
from imfeat._check import as_count
from imfeat._products import multiply
from imfeat.codebook import learn_codebook
from imfeat.estimators._base import ImageTransformer
from imfeat.estimators.local import DenseSIFT
from imfeat.fisher import fisher_vector, vlad
from imfeat.mixture import Mixture, learn_mixture
from imfeat.pooling import pool_regions
from imfeat.scaling import l2_normalize, signed_sqrt

VALUES_AT_ONCE = 1 << 23  # of descriptors
FOUR_REGIONS = ((1, 1), (3, 1))  # the whole image and three stripes


class LocalEncoder(ImageTransformer):
    """What the transformers below have in common: local descriptors, PCA, regions.

    A subclass says in ``_learn`` what is learned from descriptors, and in ``_encode_regions`` what
    becomes of those of some images.
    """

    learns = True

    local: Any
    n_pca: int | None
    grids: Sequence[tuple[int, int]]
    n_descriptors: int
    n_regions_: int

    def _fit(self, images: Array) -> None:
        rng = self._rng()
        self.local_ = clone(DenseSIFT() if self.local is None else self.local).fit(images[:1])
        descriptors = self._sample(images, as_count(self.n_descriptors, "n_descriptors"), rng)
        self.pca_ = None
        if self.n_pca is not None:
            with np.errstate(invalid="ignore"):  # the shares of the axes of a variance of 0
                self.pca_ = PCA(as_count(self.n_pca, "n_pca"), svd_solver="covariance_eigh").fit(descriptors)
            descriptors = self._reduce(descriptors)
        self._learn(descriptors, rng)
        self.n_regions_ = sum(math.prod(grid) for grid in self.grids)

    def _sample(self, images: Array, n: int, rng: np.random.Generator) -> Array:
        """Return about ``n`` descriptors, as many of each image."""
        n_places = len(self.local_.positions_)
        of_each = min(-(-n // len(images)), n_places)
        parts = []
        for some in self._batches(images):
            chosen = np.argsort(rng.random((len(some), n_places)), axis=1)[:, :of_each]
            parts.append(np.take_along_axis(self.local_.transform(some), chosen[..., None], 1))
        return np.concatenate(parts).reshape(-1, parts[0].shape[-1])

    def _batches(self, images: Array) -> list[Array]:
        at_once = max(1, VALUES_AT_ONCE // (128 * len(self.local_.positions_)))
        return [images[first : first + at_once] for first in range(0, len(images), at_once)]

    def _reduce(self, descriptors: Array) -> Array:
        """Return descriptors (n, d) on their principal axes."""
        if self.pca_ is None:
            return descriptors
        axes = self.pca_.components_
        out = multiply(descriptors, axes)
        out -= np.einsum("kd,d->k", axes, self.pca_.mean_, dtype=np.float64).astype(np.float32)
        return out

    def _encode(self, images: Array) -> Array:
        return np.concatenate([self._encode_at_once(part) for part in self._batches(images)])

    def _encode_at_once(self, images: Array) -> Array:
        descriptors = self.local_.transform(images)
        reduced = self._reduce(descriptors.reshape(-1, descriptors.shape[-1]))
        reduced = reduced.reshape(*descriptors.shape[:2], -1)
        encoded = self._encode_regions(reduced, self.local_.positions_, self.image_shape_[:2])
        return encoded.reshape(len(images), -1)

    def _learn(self, descriptors: Array, rng: np.random.Generator) -> None:
        raise NotImplementedError

    def _encode_regions(self, descriptors: Array, positions: Array, size: tuple[int, ...]) -> Array:
        """Return the vectors (n_images, n_regions, n_numbers) of descriptors (n_images, n, d)."""
        raise NotImplementedError


class FisherVector(LocalEncoder):
    """Improved Fisher vectors of the local descriptors of each image, region by region.

    Parameters
    ----------
    local : transformer of images to local descriptors, optional
        `DenseSIFT` or `LocalColor`; by default ``DenseSIFT()``.
    n_components : int
        Components of the mixture.
    n_pca : int or None
        Dimensions that descriptors are reduced to; with None they stay as they are.
    grids : sequence of (int, int)
        Rows and columns of regions; by default the whole image and three stripes, one above the
        other [2]_.
    n_descriptors : int
        To learn from.
    n_iterations : int
        Upper limit for the steps of expectation maximization.
    progress : bool
        Show a progress bar while the mixture is learned.
    random_state : int, numpy.random.RandomState or None
        Where the choice of descriptors and the start of the mixture come from.

    Attributes
    ----------
    local_ : fitted transformer
    pca_ : sklearn.decomposition.PCA or None
    mixture_ : imfeat.Mixture
    n_regions_ : int
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Numbers an image.

    See Also
    --------
    imfeat.fisher_vector, imfeat.pool_regions : The functions behind it.

    Notes
    -----
    The vector of each region is signed square roots, divided by their length [1]_.  Features are named
    by region, part, component and dimension, as ``fisher_r0_mean_k3_d5``.

    References
    ----------
    .. [1] F. Perronnin, J. Sanchez, T. Mensink, "Improving the Fisher kernel for large-scale image
       classification", ECCV 2010.  :doi:`10.1007/978-3-642-15561-1_11`
    .. [2] J. Sanchez, F. Perronnin, "High-dimensional signature compression for large-scale image
       classification", CVPR 2011.  :doi:`10.1109/CVPR.2011.5995504`
    """

    mixture_: Mixture

    def __init__(
        self,
        local: Any = None,
        *,
        n_components: int = 64,
        n_pca: int | None = 64,
        grids: Sequence[tuple[int, int]] = FOUR_REGIONS,
        n_descriptors: int = 200_000,
        n_iterations: int = 30,
        progress: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.local = local
        self.n_components = n_components
        self.n_pca = n_pca
        self.grids = grids
        self.n_descriptors = n_descriptors
        self.n_iterations = n_iterations
        self.progress = progress
        self.random_state = random_state

    def _learn(self, descriptors: Array, rng: np.random.Generator) -> None:
        self.mixture_ = learn_mixture(
            descriptors, self.n_components, rng=rng, n_iterations=self.n_iterations, progress=self.progress
        )

    def _encode_regions(self, descriptors: Array, positions: Array, size: tuple[int, ...]) -> Array:
        def encode(x: Array, offsets: Array) -> Array:
            return fisher_vector(x, self.mixture_, offsets=offsets)

        return l2_normalize(signed_sqrt(pool_regions(encode, descriptors, positions, size, grids=self.grids)))

    def _names(self) -> list[str]:
        shape = self.mixture_.means.shape
        parts = [f"{part}_k{k}_d{j}" for part in ("mean", "variance") for k, j in np.ndindex(shape)]
        return [f"fisher_r{r}_{part}" for r in range(self.n_regions_) for part in parts]


class VLAD(LocalEncoder):
    """Vectors of locally aggregated descriptors of each image, region by region.

    Parameters
    ----------
    local : transformer of images to local descriptors, optional
        `DenseSIFT` or `LocalColor`; by default ``DenseSIFT()``.
    n_words : int
        Length of the codebook.
    n_pca : int or None
        Dimensions that descriptors are reduced to; with None they stay as they are.
    grids : sequence of (int, int)
        Rows and columns of regions.
    n_descriptors : int
        To learn from.
    n_iterations : int
        Upper limit for k-means.
    progress : bool
        Show a progress bar while the words are learned.
    random_state : int, numpy.random.RandomState or None
        Where the choice of descriptors and the start of k-means come from.

    Attributes
    ----------
    local_ : fitted transformer
    pca_ : sklearn.decomposition.PCA or None
    codebook_ : array of shape (n_words, d), float32
    n_regions_ : int
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Numbers an image.

    See Also
    --------
    imfeat.vlad, imfeat.pool_regions : The functions behind it.

    Notes
    -----
    In the vector of each region the part of each word is divided by its length, then all of it [2]_.
    Features are named by region, word and dimension, as ``vlad_r0_w3_d5``.

    References
    ----------
    .. [1] H. Jegou, M. Douze, C. Schmid, P. Perez, "Aggregating local descriptors into a compact
       image representation", CVPR 2010.  :doi:`10.1109/CVPR.2010.5540039`
    .. [2] R. Arandjelovic, A. Zisserman, "All about VLAD", CVPR 2013.
       :doi:`10.1109/CVPR.2013.207`
    """

    codebook_: Array

    def __init__(
        self,
        local: Any = None,
        *,
        n_words: int = 64,
        n_pca: int | None = 64,
        grids: Sequence[tuple[int, int]] = FOUR_REGIONS,
        n_descriptors: int = 200_000,
        n_iterations: int = 20,
        progress: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.local = local
        self.n_words = n_words
        self.n_pca = n_pca
        self.grids = grids
        self.n_descriptors = n_descriptors
        self.n_iterations = n_iterations
        self.progress = progress
        self.random_state = random_state

    def _learn(self, descriptors: Array, rng: np.random.Generator) -> None:
        self.codebook_ = learn_codebook(
            descriptors, self.n_words, rng=rng, n_iterations=self.n_iterations, progress=self.progress
        )

    def _encode_regions(self, descriptors: Array, positions: Array, size: tuple[int, ...]) -> Array:
        def encode(x: Array, offsets: Array) -> Array:
            return vlad(x, self.codebook_, offsets=offsets, norm=None)

        sums = pool_regions(encode, descriptors, positions, size, grids=self.grids, pool="sum")
        parts = l2_normalize(sums.reshape(*sums.shape[:2], *self.codebook_.shape))
        return l2_normalize(parts.reshape(sums.shape))

    def _names(self) -> list[str]:
        parts = [f"w{k}_d{j}" for k, j in np.ndindex(self.codebook_.shape)]
        return [f"vlad_r{r}_{part}" for r in range(self.n_regions_) for part in parts]

"""The transformers of Fisher vectors and VLAD."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count
from imfeat._inputs import ChannelAxis
from imfeat._kmeans import fit_words
from imfeat._progress import iterations
from imfeat._sums import Descriptors
from imfeat.estimators._local import FOUR_REGIONS, LocalEncoder
from imfeat.fisher import fisher_vector, vlad
from imfeat.mixture import Mixture, fit_mixture
from imfeat.scaling import l2_normalize, signed_sqrt


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
    mirror : bool
        If True, the descriptors of an image and of its mirror image are encoded together, so that both have
        the same features.  Not suitable for letters and digits.
    n_descriptors : int
        To learn from.
    n_iterations : int
        Upper limit for the steps of expectation maximization.
    progress : bool
        Show a progress bar while the mixture is learned.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.dense_sift`.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice of descriptors and of the start of the mixture.

    Attributes
    ----------
    local_ : fitted transformer
    pca_ : object or None
        Projection to the principal axes, with ``mean_`` (d,) and ``components_`` (n_pca, d).
    mixture_ : imfeat.Mixture
    n_regions_ : int
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

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

    Examples
    --------
    Four regions, 2 numbers for each of 8 components and 16 dimensions:

    >>> import imfeat
    >>> import skimage.data
    >>> fisher = imfeat.FisherVector(imfeat.DenseSIFT(step=16), n_components=8, n_pca=16, random_state=0)
    >>> fisher.fit_transform([skimage.data.astronaut()]).shape
    (1, 1024)
    """

    learned: ClassVar[dict[str, type]] = {**LocalEncoder.pca, "mixture": Mixture}

    mixture_: Mixture

    pool = "mean"
    any_range = True

    def __init__(
        self,
        local: Any = None,
        *,
        n_components: int = 64,
        n_pca: int | None = 64,
        grids: Sequence[tuple[int, int]] = FOUR_REGIONS,
        mirror: bool = False,
        n_descriptors: int = 200_000,
        n_iterations: int = 30,
        progress: bool = False,
        channel_axis: ChannelAxis = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.local = local
        self.n_components = n_components
        self.n_pca = n_pca
        self.grids = grids
        self.mirror = mirror
        self.n_descriptors = n_descriptors
        self.n_iterations = n_iterations
        self.progress = progress
        self.channel_axis = channel_axis
        self.random_state = random_state

    def _learn_words(self, descriptors: Descriptors) -> None:
        steps = iterations(as_count(self.n_iterations, "n_iterations"), "mixture", self.progress)
        self.mixture_ = fit_mixture(descriptors, as_count(self.n_components, "n_components"), steps)

    def _encode_groups(self, descriptors: Array, offsets: Array) -> Array:
        return fisher_vector(descriptors, self.mixture_, offsets=offsets)

    def _normalized(self, pooled: Array) -> Array:
        return l2_normalize(signed_sqrt(pooled))

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
    mirror : bool
        If True, the descriptors of an image and of its mirror image are encoded together, so that both have
        the same features.  Not suitable for letters and digits.
    n_descriptors : int
        To learn from.
    n_iterations : int
        Upper limit for k-means.
    progress : bool
        Show a progress bar while the words are learned.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.dense_sift`.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice of descriptors and of the start of k-means.

    Attributes
    ----------
    local_ : fitted transformer
    pca_ : object or None
        Projection to the principal axes, with ``mean_`` (d,) and ``components_`` (n_pca, d).
    codebook_ : array of shape (n_words, d), float32
    n_regions_ : int
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

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

    Examples
    --------
    Four regions, a sum of 16 dimensions for each of 8 words:

    >>> import imfeat
    >>> import skimage.data
    >>> vlad = imfeat.VLAD(imfeat.DenseSIFT(step=16), n_words=8, n_pca=16, random_state=0)
    >>> vlad.fit_transform([skimage.data.astronaut()]).shape
    (1, 512)
    """

    learned: ClassVar[dict[str, type]] = {**LocalEncoder.pca, "codebook": np.ndarray}

    codebook_: Array

    pool = "sum"
    any_range = True

    def __init__(
        self,
        local: Any = None,
        *,
        n_words: int = 64,
        n_pca: int | None = 64,
        grids: Sequence[tuple[int, int]] = FOUR_REGIONS,
        mirror: bool = False,
        n_descriptors: int = 200_000,
        n_iterations: int = 20,
        progress: bool = False,
        channel_axis: ChannelAxis = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.local = local
        self.n_words = n_words
        self.n_pca = n_pca
        self.grids = grids
        self.mirror = mirror
        self.n_descriptors = n_descriptors
        self.n_iterations = n_iterations
        self.progress = progress
        self.channel_axis = channel_axis
        self.random_state = random_state

    def _learn_words(self, descriptors: Descriptors) -> None:
        steps = iterations(as_count(self.n_iterations, "n_iterations"), "k-means", self.progress)
        self.codebook_ = fit_words(descriptors, as_count(self.n_words, "n_words"), steps)

    def _encode_groups(self, descriptors: Array, offsets: Array) -> Array:
        return vlad(descriptors, self.codebook_, offsets=offsets, norm=None)

    def _normalized(self, pooled: Array) -> Array:
        parts = l2_normalize(pooled.reshape(*pooled.shape[:2], *self.codebook_.shape))
        return l2_normalize(parts.reshape(pooled.shape))

    def _names(self) -> list[str]:
        parts = [f"w{k}_d{j}" for k, j in np.ndindex(self.codebook_.shape)]
        return [f"vlad_r{r}_{part}" for r in range(self.n_regions_) for part in parts]

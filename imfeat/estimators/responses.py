"""The transformer of two layers of words: words of patches of the maps where words respond."""

import math
from typing import ClassVar

import numpy as np

from imfeat._backend import Array, empty_on_device_of
from imfeat._check import as_count, as_counts, as_flag
from imfeat._inputs import ChannelAxis
from imfeat._kmeans import fit_words
from imfeat._pca import PrincipalAxes
from imfeat._progress import iterations
from imfeat._rows import joined
from imfeat._sums import Descriptors, Moments
from imfeat.estimators._base import LearnedTransformer
from imfeat.fused import patch_features
from imfeat.patches import dense_patches, mirror_patches, mirrored, normalize_patches, sample_patches
from imfeat.responses import response_maps
from imfeat.scaling import signed_sqrt
from imfeat.whitening import Whitening

VALUES_AT_ONCE = 1 << 24  # of maps before their projection
MAP_CONTRAST = 0.1  # added to the variance of patches of maps, about 1


class TwoLayerPatches(LearnedTransformer):
    """Mean similarities of patches of response maps to visual words, region by region.

    The first layer computes maps of the responses of words to small patches of an image.  The second layer
    describes these maps as `PatchFeatures` describes images.  Neither layer learns from labels.

    Parameters
    ----------
    n_words : int
        Length of the codebook of the second layer.
    patch_size : int
        Side of a square patch of the maps.
    n_first_words : int
        Length of the codebook of the first layer.
    first_patch_size : int
        Side of a square patch of the images, in pixels.
    pool_size : int
        Side of the square windows of positions that the maps average.
    stride : int
        Positions from one window to the next.
    n_pca : int
        Number of principal axes that the maps are projected to; the number of channels of the second layer.
    grid : (int, int)
        Rows and columns of regions.
    overlap : float
        Share of its height or width that a region has in common with the next one.
    threshold : float
        Of both layers; see `imfeat.patch_features`.
    mirror : bool
        Average over each image and its mirror image.  Not for letters and digits.
    sqrt : bool
        Take square roots of the averages, as words that appear everywhere would count too much.
    epsilon : float
        Regularization of the whitening of the second layer; see `imfeat.Whitening`.
    n_patches : int
        Windows of images to learn both layers from; a window holds a patch of the maps.
    n_iterations : int
        Upper limit for k-means.
    progress : bool
        Show a progress bar while the words are learned.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.patch_features`.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice of windows and of the start of k-means.

    Attributes
    ----------
    first_codebook_ : array of shape (n_first_words, first_patch_size**2 * n_channels), float32
    first_whitening_ : imfeat.Whitening
    pca_ : object
        Projection to the principal axes, with ``mean_`` (d,) and ``components_`` (n_pca, d).
    codebook_ : array of shape (n_words, patch_size * patch_size * n_pca), float32
    whitening_ : imfeat.Whitening
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.response_maps : The first layer.
    imfeat.patch_features : The second layer.

    Notes
    -----
    Features are named by region, word and sign, as ``layers_r0_c1_w255_pos`` and ``layers_r0_c1_w255_neg``.

    References
    ----------
    .. [1] A. Coates, A. Y. Ng, "Selecting receptive fields in deep networks", NIPS 2011.
    .. [2] J. Mairal, P. Koniusz, Z. Harchaoui, C. Schmid, "Convolutional kernel networks", NIPS 2014.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()[:64, :64]
    >>> features = imfeat.TwoLayerPatches(
    ...     n_words=16, n_first_words=32, n_pca=16, n_patches=1000, random_state=0
    ... )
    >>> features.fit_transform([photo]).shape  # 3 x 3 regions, 2 x 16 numbers
    (1, 288)
    """

    learned: ClassVar[dict[str, type]] = {
        "first_whitening": Whitening,
        "first_codebook": np.ndarray,
        "pca": PrincipalAxes,
        "whitening": Whitening,
        "codebook": np.ndarray,
    }
    computes_on_gpu = True
    n_samples = "n_patches"
    any_number = True
    any_range = True

    first_codebook_: Array
    first_whitening_: Whitening
    pca_: PrincipalAxes
    codebook_: Array
    whitening_: Whitening

    def __init__(
        self,
        *,
        n_words: int = 800,
        patch_size: int = 2,
        n_first_words: int = 256,
        first_patch_size: int = 5,
        pool_size: int = 4,
        stride: int = 2,
        n_pca: int = 64,
        grid: tuple[int, int] = (3, 3),
        overlap: float = 0.6,
        threshold: float = 0.25,
        mirror: bool = True,
        sqrt: bool = True,
        epsilon: float = 2.0,
        n_patches: int = 200_000,
        n_iterations: int = 10,
        progress: bool = False,
        channel_axis: ChannelAxis = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_words = n_words
        self.patch_size = patch_size
        self.n_first_words = n_first_words
        self.first_patch_size = first_patch_size
        self.pool_size = pool_size
        self.stride = stride
        self.n_pca = n_pca
        self.grid = grid
        self.overlap = overlap
        self.threshold = threshold
        self.mirror = mirror
        self.sqrt = sqrt
        self.epsilon = epsilon
        self.n_patches = n_patches
        self.n_iterations = n_iterations
        self.progress = progress
        self.channel_axis = channel_axis
        self.random_state = random_state

    def draw(self, images: Array, n: int, rng: np.random.Generator) -> Array:
        """Return ``n`` windows of images, drawn at random, each as large as a patch of the maps sees."""
        return sample_patches(images, self._window_size(), n, rng=rng, channel_axis=-1)

    def _window_size(self) -> int:
        """Return the side of the window of an image that a patch of the maps depends on, in pixels."""
        names = "first_patch_size", "pool_size", "stride", "patch_size"
        first, pool_size, stride, second = (as_count(getattr(self, name), name) for name in names)
        return first + pool_size - 1 + stride * (second - 1)

    def _prepare(self, images: Array) -> None:
        size = self._window_size()
        height, width = images.shape[1:3]
        if size > min(height, width):
            raise ValueError(
                f"images must be at least {size} x {size} pixels for patches of {self.patch_size} x "
                f"{self.patch_size} on maps of patches of {self.first_patch_size} x {self.first_patch_size} "
                f"pixels, averaged over windows of {self.pool_size}; got {height} x {width}"
            )

    def _learn(self, descriptors: Descriptors) -> None:
        # 1. Whitening and words of patches, one of each window
        n_iterations = as_count(self.n_iterations, "n_iterations")
        patches = descriptors.map(self._first_patches)
        both = patches.map(self._with_mirror_images) if as_flag(self.mirror, "mirror") else patches
        self.first_whitening_ = Whitening().fit_sums(both.total(Moments))
        white = patches.map(self.first_whitening_.transform)
        steps = iterations(n_iterations, "k-means, first layer", self.progress)
        self.first_codebook_ = fit_words(white, as_count(self.n_first_words, "n_first_words"), steps)
        # 2. Principal axes of the maps
        moments = descriptors.map(self._corners_of_maps).total(Moments)
        self.pca_ = PrincipalAxes().fit_sums(moments, as_count(self.n_pca, "n_pca"))
        # 3. Whitening and words of patches of the maps
        patches = descriptors.map(self._patches_of_maps)
        self.whitening_ = Whitening(epsilon=self.epsilon).fit_sums(patches.total(Moments))
        white = patches.map(self.whitening_.transform)
        steps = iterations(n_iterations, "k-means, second layer", self.progress)
        self.codebook_ = fit_words(white, as_count(self.n_words, "n_words"), steps)

    def _first_patches(self, windows: Array) -> Array:
        """Return the normalized patches at the corners of windows (n, d)."""
        size = self.first_patch_size
        images = self._as_images(windows)
        corners = dense_patches(images, size, stride=images.shape[1], channel_axis=-1)
        return normalize_patches(corners.reshape(len(windows), -1))

    def _with_mirror_images(self, patches: Array) -> Array:
        return joined([patches, mirror_patches(patches, self.first_patch_size)])

    def _corners_of_maps(self, windows: Array) -> Array:
        """Return what the maps hold at the corners of windows (n, d)."""
        images = self._as_images(windows)
        size = self.first_patch_size + self.pool_size - 1
        corners = dense_patches(images, size, stride=images.shape[1], channel_axis=-1)
        maps = self._response_maps(corners.reshape(len(windows), size, size, -1))
        return maps.reshape(len(windows), -1)

    def _patches_of_maps(self, windows: Array) -> Array:
        """Return the normalized patches of the maps of windows (n, d)."""
        n = max(1, VALUES_AT_ONCE // (self.patch_size**2 * 2 * len(self.first_codebook_)))
        images = self._as_images(windows)
        maps = joined([self._maps(images[first : first + n]) for first in range(0, len(images), n)])
        return normalize_patches(maps.reshape(len(windows), -1), epsilon=MAP_CONTRAST)

    def _as_images(self, windows: Array) -> Array:
        size = self._window_size()
        return windows.reshape(len(windows), size, size, -1)

    def _response_maps(self, images: Array) -> Array:
        return response_maps(
            images,
            self.first_codebook_,
            self.first_whitening_,
            patch_size=self.first_patch_size,
            pool_size=self.pool_size,
            stride=self.stride,
            threshold=self.threshold,
            channel_axis=-1,
        )

    def _maps(self, images: Array) -> Array:
        """Return the projected maps (n_images, n_rows, n_cols, n_pca) of images."""
        return self.pca_.transform(self._response_maps(images))

    def _encode(self, images: Array) -> Array:
        shape = len(images), math.prod(as_counts(self.grid, "grid", 2)) * 2 * len(self.codebook_)
        features = empty_on_device_of(shape, np.float32, images)
        positions = math.prod(side // self.stride for side in images.shape[1:3])  # of windows, at most
        n = max(1, VALUES_AT_ONCE // max(1, positions * 2 * len(self.first_codebook_)))
        for first in range(0, len(images), n):
            self._encode_batch(images[first : first + n], features[first : first + n])
        return signed_sqrt(features) if as_flag(self.sqrt, "sqrt") else features

    def _encode_batch(self, images: Array, out: Array) -> None:
        patch_features(
            self._maps(images),
            self.codebook_,
            self.whitening_,
            patch_size=self.patch_size,
            grid=self.grid,
            overlap=self.overlap,
            threshold=self.threshold,
            mirror=self._maps(mirrored(images)) if self.mirror else False,
            epsilon=MAP_CONTRAST,
            channel_axis=-1,
            out=out,
        )

    def _names(self) -> list[str]:
        regions = np.ndindex(tuple(self.grid))
        n_words = len(self.codebook_)
        signs = "pos", "neg"
        return [f"layers_r{r}_c{c}_w{w}_{sign}" for r, c in regions for sign in signs for w in range(n_words)]

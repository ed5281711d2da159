"""The transformer of small patches: single-layer features of Coates, Lee and Ng."""

from typing import ClassVar

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, as_flag
from imfeat._inputs import ChannelAxis
from imfeat._kmeans import fit_words
from imfeat._progress import iterations
from imfeat._responses import Encoding
from imfeat._rows import joined
from imfeat._sums import Descriptors, Moments
from imfeat.estimators._base import LearnedTransformer
from imfeat.fused import SIGNS, patch_features
from imfeat.patches import mirror_patches, normalize_patches, sample_patches
from imfeat.scaling import signed_sqrt
from imfeat.whitening import Whitening


class PatchFeatures(LearnedTransformer):
    """Mean similarities of the patches of each image to visual words, region by region.

    Parameters
    ----------
    n_words : int
        Length of the codebook.
    patch_size : int
        Side of a square patch, in pixels.
    grid : (int, int)
        Rows and columns of regions.
    overlap : float
        Share of its height or width that a region has in common with the next one; see [2]_.
    encoding : {"threshold", "triangle"}
        See `imfeat.patch_features`.
    threshold : float
        For ``"threshold"``.
    mirror : bool
        Average over each image and its mirror image.  Not for letters and digits.
    sqrt : bool
        Take square roots of the averages, as words that appear everywhere would count too much.
    epsilon : float
        Regularization of the whitening; see `imfeat.Whitening`.
    n_patches : int
        Patches to learn whitening and words from.
    n_iterations : int
        Upper limit for k-means.
    progress : bool
        Show a progress bar while the words are learned.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.patch_features`.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice of patches and of the start of k-means.

    Attributes
    ----------
    codebook_ : array of shape (n_words, patch_size * patch_size * n_channels), float32
    whitening_ : imfeat.Whitening
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.patch_features : The function behind it.

    Notes
    -----
    Features are named by region, word and sign, as ``patches_r0_c1_w255_pos`` and
    ``patches_r0_c1_w255_neg``, or ``patches_r0_c1_w255`` for ``"triangle"``.

    References
    ----------
    .. [1] A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised
       feature learning", AISTATS 2011.
    .. [2] B. Recht, R. Roelofs, L. Schmidt, V. Shankar, "Do CIFAR-10 classifiers generalize to
       CIFAR-10?", 2018.  :doi:`10.48550/arXiv.1806.00451`

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()[:64, :64]
    >>> features = imfeat.PatchFeatures(n_words=16, n_patches=1000, random_state=0)
    >>> features.fit_transform([photo]).shape  # 3 x 3 regions, 2 x 16 numbers
    (1, 288)
    """

    learned: ClassVar[dict[str, type]] = {"whitening": Whitening, "codebook": np.ndarray}
    computes_on_gpu = True
    n_samples = "n_patches"
    any_number = True
    any_range = True

    codebook_: Array
    whitening_: Whitening

    def __init__(
        self,
        *,
        n_words: int = 800,
        patch_size: int = 6,
        grid: tuple[int, int] = (3, 3),
        overlap: float = 0.6,
        encoding: Encoding = "threshold",
        threshold: float = 0.25,
        mirror: bool = True,
        sqrt: bool = True,
        epsilon: float = 0.1,
        n_patches: int = 200_000,
        n_iterations: int = 10,
        progress: bool = False,
        channel_axis: ChannelAxis = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_words = n_words
        self.patch_size = patch_size
        self.grid = grid
        self.overlap = overlap
        self.encoding = encoding
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
        """Return ``n`` normalized patches of images, drawn at random."""
        return normalize_patches(sample_patches(images, self.patch_size, n, rng=rng, channel_axis=-1))

    def _learn(self, descriptors: Descriptors) -> None:
        both = descriptors.map(self._with_mirror_images) if as_flag(self.mirror, "mirror") else descriptors
        self.whitening_ = Whitening(epsilon=self.epsilon).fit_sums(both.total(Moments))
        steps = iterations(as_count(self.n_iterations, "n_iterations"), "k-means", self.progress)
        whitened = descriptors.map(self.whitening_.transform)
        self.codebook_ = fit_words(whitened, as_count(self.n_words, "n_words"), steps)

    def _with_mirror_images(self, patches: Array) -> Array:
        return joined([patches, mirror_patches(patches, self.patch_size)])

    def _encode(self, images: Array) -> Array:
        features = patch_features(
            images,
            self.codebook_,
            self.whitening_,
            patch_size=self.patch_size,
            grid=self.grid,
            overlap=self.overlap,
            encoding=self.encoding,
            threshold=self.threshold,
            mirror=self.mirror,
            channel_axis=-1,
        )
        return signed_sqrt(features) if as_flag(self.sqrt, "sqrt") else features

    def _names(self) -> list[str]:
        signs = ("_pos", "_neg") if SIGNS[self.encoding] == 2 else ("",)
        regions = np.ndindex(tuple(self.grid))
        n_words = len(self.codebook_)
        return [f"patches_r{r}_c{c}_w{w}{sign}" for r, c in regions for sign in signs for w in range(n_words)]

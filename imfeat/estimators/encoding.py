"""The transformer of bags of visual words."""

import functools
import math
from collections.abc import Callable
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_count, as_flag, as_out, one_of
from imfeat._inputs import ChannelAxis
from imfeat._kmeans import fit_words
from imfeat._norm import NORMS, Norm
from imfeat._progress import iterations
from imfeat._rows import joined
from imfeat._sums import Descriptors, Moments
from imfeat.encoding import bag_of_words, soft_words, triangle
from imfeat.estimators._base import LearnedTransformer
from imfeat.patches import dense_patches, normalize_patches, sample_patches
from imfeat.pooling import Pool, pool_regions
from imfeat.scaling import l2_normalize, signed_sqrt
from imfeat.whitening import Whitening

Encoding: TypeAlias = Literal["hard", "soft", "triangle"]
ENCODINGS: dict[Encoding, Callable[..., Array]] = {
    "hard": functools.partial(bag_of_words, norm=None),
    "soft": soft_words,
    "triangle": triangle,
}
BYTES_AT_ONCE = 1 << 24  # of patches; several arrays of this size exist at a time
BYTES_ON_GPU = 1 << 28


class BagOfVisualWords(LearnedTransformer):
    """Counts of visual words, learned from patches of the training images.

    Parameters
    ----------
    n_words : int
        Length of the codebook.
    patch_size : int
        Side of a square patch, in pixels.
    stride : int
        Pixels from one patch of an image to the next, in both directions.
    grid : (int, int)
        Rows and columns of regions, each with counts of its own.
    encoding : {"hard", "soft", "triangle"}
        Count the nearest word of each patch (`imfeat.bag_of_words`), or all words by how near they
        are (`imfeat.soft_words`, `imfeat.triangle`).
    norm : {"l1", "l2", "hellinger", None}
        Norm that the counts of each region are divided by; None keeps counts, or averages over patches
        for other encodings.
    n_patches : int
        Patches to learn the words from.
    whiten : bool
        Decorrelate the pixels of patches (ZCA), so that words aren't all smooth gradients.
    n_iterations : int
        Upper limit for k-means.
    progress : bool
        Show a progress bar while the words are learned.
    channel_axis : int, None or "auto"
        Axis of ``X`` that holds the channels; see `imfeat.dense_patches`.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice of patches and of the start of k-means.

    Attributes
    ----------
    codebook_ : array of shape (n_words, patch_size * patch_size * n_channels), float32
    whitening_ : imfeat.Whitening or None
    image_shape_ : tuple of int
        Shape of the images seen in `fit`.
    n_features_in_ : int
        Number of pixel values of an image.

    See Also
    --------
    imfeat.learn_codebook, imfeat.bag_of_words : The functions behind it.

    Notes
    -----
    Patches are normalized in brightness and contrast before anything else.  Features are named by
    region and word, as ``words_r0_c1_w255``.

    References
    ----------
    .. [1] A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised
       feature learning", AISTATS 2011.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()[:64, :64]
    >>> words = imfeat.BagOfVisualWords(n_words=16, n_patches=1000, grid=(2, 2), random_state=0).fit([photo])
    >>> words.codebook_.shape  # patches of 6 x 6 pixels of 3 channels
    (16, 108)
    >>> words.transform([photo]).shape
    (1, 64)
    """

    learned: ClassVar[dict[str, type]] = {"whitening": Whitening, "codebook": np.ndarray}
    n_samples = "n_patches"

    codebook_: Array
    whitening_: Whitening | None

    computes_on_gpu = True
    any_number = True
    any_range = True

    def __init__(
        self,
        *,
        n_words: int = 256,
        patch_size: int = 6,
        stride: int = 1,
        grid: tuple[int, int] = (1, 1),
        encoding: Encoding = "hard",
        norm: Norm = "l1",
        n_patches: int = 100_000,
        whiten: bool = True,
        n_iterations: int = 20,
        progress: bool = False,
        channel_axis: ChannelAxis = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_words = n_words
        self.patch_size = patch_size
        self.stride = stride
        self.grid = grid
        self.encoding = encoding
        self.norm = norm
        self.n_patches = n_patches
        self.whiten = whiten
        self.n_iterations = n_iterations
        self.progress = progress
        self.channel_axis = channel_axis
        self.random_state = random_state

    def draw(self, images: Array, n: int, rng: np.random.Generator) -> Array:
        """Return ``n`` normalized patches of images, drawn at random."""
        return normalize_patches(sample_patches(images, self.patch_size, n, rng=rng, channel_axis=-1))

    def _learn(self, descriptors: Descriptors) -> None:
        one_of(self.encoding, "encoding", tuple(ENCODINGS))
        self.whitening_ = None
        if as_flag(self.whiten, "whiten"):
            self.whitening_ = Whitening().fit_sums(descriptors.total(Moments))
            descriptors = descriptors.map(self.whitening_.transform)
        steps = iterations(as_count(self.n_iterations, "n_iterations"), "k-means", self.progress)
        self.codebook_ = fit_words(descriptors, as_count(self.n_words, "n_words"), steps)

    def _encode(self, images: Array) -> Array:
        """Encode images, some at a time, and large ones by bands of rows of patches."""
        height, width, n_channels = images.shape[1:]
        if min(height, width) < self.patch_size:
            raise ValueError(
                f"images of {height} x {width} pixels are smaller than a patch of "
                f"{self.patch_size} x {self.patch_size}; take smaller patches"
            )
        n_rows, n_cols = ((side - self.patch_size) // self.stride + 1 for side in (height, width))
        if not isinstance(images, np.ndarray):
            return self._encode_on_gpu(images, (n_rows, n_cols))
        bytes_a_row = 4 * self.patch_size**2 * n_channels * n_cols
        at_once = max(1, BYTES_AT_ONCE // max(1, bytes_a_row * n_rows))
        rows_at_once = max(1, BYTES_AT_ONCE // max(1, bytes_a_row))
        encoded = []
        for first in range(0, len(images), at_once):
            bands = [
                self._encode_band(images[first : first + at_once], row, rows_at_once, (n_rows, n_cols))
                for row in range(0, n_rows, rows_at_once)
            ]
            encoded.append(self._joined(bands))
        return _normalized(joined(encoded), self.norm).reshape(len(images), -1)

    def _encode_band(self, images: Array, row: int, n: int, size: tuple[int, int]) -> tuple[Array, Array]:
        """Return encodings (n_images, n_regions, n_words) of n rows of patches, and numbers of patches."""
        pixels = images[:, row * self.stride : (row + n - 1) * self.stride + self.patch_size]
        regions = *self._descriptors(pixels, row), size
        return self._pooled(*regions), pool_regions(_counts, *regions, grids=[self.grid], pool="sum")

    def _encode_on_gpu(self, images: Array, size: tuple[int, int]) -> Array:
        """Encode images, many at a time."""
        bytes_an_image = 4 * math.prod(size) * self.codebook_.shape[1]
        at_once = max(1, BYTES_ON_GPU // bytes_an_image)
        encoded = [
            self._pooled(*self._descriptors(images[first : first + at_once], 0), size)
            for first in range(0, len(images), at_once)
        ]
        return _normalized(joined(encoded), self.norm).reshape(len(images), -1)

    def _descriptors(self, images: Array, row: int) -> tuple[Array, Array]:
        """Return descriptors (n_images, n, d) of all patches, and positions (n, 2) from a row on."""
        patches = normalize_patches(
            dense_patches(images, self.patch_size, stride=self.stride, channel_axis=-1)
        )
        descriptors = self._whitened(patches)
        n_images, n_rows, n_cols, d = descriptors.shape
        positions = np.indices((n_rows, n_cols)).reshape(2, -1).T + np.array([row + 0.5, 0.5])
        return descriptors.reshape(n_images, -1, d), positions

    def _pooled(self, descriptors: Array, positions: Array, size: tuple[int, int]) -> Array:
        """Return encodings (n_images, n_regions, n_words) of regions."""
        encode = functools.partial(ENCODINGS[self.encoding], codebook=self.codebook_)
        pool: Pool = "sum" if self.encoding == "hard" else "mean"
        return pool_regions(encode, descriptors, positions, size, grids=[self.grid], pool=pool)

    def _joined(self, bands: list[tuple[Array, Array]]) -> Array:
        """Return the sum of bands, or their mean weighted by the numbers of patches."""
        if len(bands) == 1:
            return bands[0][0]
        weighs = self.encoding != "hard"
        total = sum(encoded.astype(np.float64) * (counts if weighs else 1) for encoded, counts in bands)
        if weighs:
            total = total / np.maximum(sum(counts for _, counts in bands), 1)
        return np.asarray(total, np.float32)

    def _whitened(self, patches: Array) -> Array:
        return patches if self.whitening_ is None else self.whitening_.transform(patches)

    def _names(self) -> list[str]:
        shape = *self.grid, len(self.codebook_)
        return [f"words_r{row}_c{col}_w{word}" for row, col, word in np.ndindex(shape)]


def _counts(descriptors: Array, offsets: Array) -> Array:
    """Return the number of descriptors of each group."""
    return np.diff(offsets)[:, None]


def _normalized(pooled: Array, norm: Norm) -> Array:
    """Return vectors (..., n_words) divided as counts are."""
    one_of(norm, "norm", NORMS)
    if norm in (None, "l2"):
        return pooled if norm is None else l2_normalize(pooled)
    shares = as_out(None, pooled.shape, np.float32, pooled)
    rows = shares.reshape(-1, pooled.shape[-1])
    kernels = backend_of(pooled).scaling
    kernels.divide_by_sums(pooled.reshape(rows.shape), rows)
    return signed_sqrt(shares) if norm == "hellinger" else shares

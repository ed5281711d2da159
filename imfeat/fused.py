"""Single-layer features of small patches, computed without storing the patches.

A normalized patch p becomes the whitened patch x = (p - m) W, and the response of word c is x.c:
one product of p with the filter W c.  A tile of patches at a time, responses are made sparse and
averaged over the cells of a grid.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from imfeat._backend import Array, backend_of, clear, empty_on_device_of
from imfeat._check import (
    as_count,
    as_counts,
    as_flag,
    as_number,
    as_out,
    as_pixels,
    as_vectors,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._products import multiply
from imfeat.color import white_of
from imfeat.patches import CONTRAST
from imfeat.whitening import Whitening

VALUES_AT_ONCE = 1 << 22  # number of values of patches and responses at a time
VALUES_ON_GPU = 1 << 26
Encoding: TypeAlias = Literal["threshold", "triangle"]
SIGNS: dict[Encoding, int] = {"threshold": 2, "triangle": 1}  # numbers per word and region
NEARLY = 1e-6  # rounding error of a position
SYMMETRIC = 1e-3  # largest difference of a whitening from its mirror image, relative to its largest value


@accepts(late=True)
def patch_features(
    images: Images,
    codebook: Array,
    whitening: Whitening,
    *,
    patch_size: int = 6,
    grid: tuple[int, int] = (3, 3),
    overlap: float = 0.0,
    encoding: Encoding = "threshold",
    threshold: float = 0.25,
    mirror: bool = True,
    epsilon: float = CONTRAST,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe images by the similarity of their patches to each word, region by region.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.
    codebook : array of shape (n_words, patch_size * patch_size * n_channels)
        Words among whitened patches.
    whitening : Whitening
        Fitted to normalized patches, and with ``mirror`` to their mirror images, too.
    patch_size : int
        Side of a square patch, in pixels; patches are taken at all positions.
    grid : (int, int)
        Rows and columns of regions.  Where positions can't be divided evenly, neighbouring regions
        share a row or a column of them.
    overlap : float
        Share of its height or width that a region has in common with the next one, in [0, 1).
    encoding : {"threshold", "triangle"}
        ``"threshold"`` [2]_: max(0, z - threshold) and max(0, -z - threshold), where z is the
        product of a whitened patch and a word of length 1.  ``"triangle"`` [1]_:
        max(0, mean of all distances - distance), a number for each word.
    threshold : float
        At least 0; for ``"threshold"``.
    mirror : bool
        Average over each image and its mirror image, for little more than the cost of one.
    epsilon : float
        For the contrast of patches; see `normalize_patches`.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., grid[0] * grid[1] * n_words), float32
        Averages, regions row by row; for ``"threshold"`` twice as long: in each region all words,
        then their negatives.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the sizes don't fit each other.

    Notes
    -----
    The result is that of `dense_patches`, `normalize_patches`, ``whitening.transform``, the
    encoding, and averages, one after the other.  Beside the result it needs less than 200 MB.

    References
    ----------
    .. [1] A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised
       feature learning", AISTATS 2011.
    .. [2] A. Coates, A. Y. Ng, "The importance of encoding versus training with sparse coding and
       vector quantization", ICML 2011.

    Examples
    --------
    >>> import imfeat
    >>> import skimage.data
    >>> photo = skimage.data.astronaut()[:64, :64]
    >>> patches = imfeat.normalize_patches(imfeat.sample_patches(photo, 6, 1000, rng=0))
    >>> whitening = imfeat.Whitening().fit(patches)
    >>> codebook = imfeat.learn_codebook(whitening.transform(patches), 16, rng=0)
    >>> imfeat.patch_features(photo, codebook, whitening, mirror=False).shape  # 3 x 3 regions, 2 x 16 numbers
    (288,)
    """
    leading, pixels, *_ = as_pixels(images, any_number=True, gpu=True, channel_axis=channel_axis, unit=False)
    patch_size = as_count(patch_size, "patch_size")
    epsilon = as_number(epsilon, "epsilon", above=0)
    words = as_vectors(codebook, name="codebook")
    one_of(encoding, "encoding", tuple(SIGNS))
    threshold = as_number(threshold, "threshold", least=0)
    _check_sizes(pixels.shape[1:], patch_size, words, whitening)
    bank = _bank(words, whitening, patch_size, encoding, mirror=as_flag(mirror, "mirror"))
    positions = tuple(side - patch_size + 1 for side in pixels.shape[1:3])
    cells = _cells(as_counts(grid, "grid", 2), positions, _as_overlap(overlap))
    shape = (*map(len, cells), SIGNS[encoding], len(words))
    out = as_out(out, (*leading, math.prod(shape)), np.float32, pixels)
    sums = out.reshape(len(pixels), *shape)
    clear(sums)
    kernels = backend_of(pixels).pooling
    tiles = _Tiles(bank, patch_size, np.float32(epsilon), pixels)
    for i, y in tiles.slices(positions, encoding):
        even, odd = tiles.parts(i, y)
        if encoding == "threshold":
            filters = bank.even, bank.odd, np.float32(threshold)
            kernels.pool_thresholds(even, odd, *filters, y.start, *cells, sums[i])
        else:
            responses = tiles.responses(even, odd)
            kernels.pool_triangles(*responses, bank.squares, y.start, *cells, sums[i])
    return to_caller_array(out)


@dataclass(frozen=True)
class _Bank:
    """The words as filters for normalized patches less the center, or for their even and odd parts.

    After the words ``even`` and ``odd`` of a triangle encoding hold filters that whiten.  ``left``
    and ``right`` are the places in a patch whose values make the parts.  Without mirror images the even part
    is twice the patch, and there is no odd one.
    """

    even: Array
    odd: Array
    squares: Array  # of the lengths of the words
    center: Array
    left: Array
    right: Array


def _bank(words: Array, whitening: Whitening, patch_size: int, encoding: Encoding, *, mirror: bool) -> _Bank:
    matrix = whitening.matrix_
    squares = np.einsum("kd,kd->k", words, words, dtype=np.float64)
    if encoding == "threshold":
        words = words / np.sqrt(np.where(squares > 0, squares, 1))[:, None]
    filters = multiply(words, matrix).T
    whitener = matrix if encoding == "triangle" else matrix[:, :0]
    even = np.concatenate([filters, whitener], 1) / 2
    odd = filters[:0, :0]
    pairs = np.tile(np.arange(len(filters), dtype=np.uint64), (2, 1))
    if mirror:
        _check_symmetric(whitening, patch_size)
        even, odd, pairs = _halves(filters, whitener, patch_size)
    parts = (np.ascontiguousarray(part, np.float32) for part in (even.T, odd.T, squares, whitening.mean_))
    return _Bank(*parts, *pairs)


def _check_symmetric(whitening: Whitening, patch_size: int) -> None:
    both = np.concatenate([whitening.matrix_, whitening.mean_[None]])
    d = both.shape[1]
    turned = np.arange(d).reshape(patch_size, patch_size, -1)[:, ::-1].ravel()
    if np.abs(both[np.append(turned, d)][:, turned] - both).max() > SYMMETRIC * np.abs(both).max():
        raise ValueError(
            "whitening must treat patches and their mirror images alike, unless mirror=False: fit "
            'Whitening("zca") to np.concatenate([patches, mirror_patches(patches, patch_size)])'
        )


def _halves(filters: Array, whitener: Array, patch_size: int) -> tuple[Array, Array, Array]:
    """Return filters of the even and of the odd parts of patches, and the places of the pairs.

    A patch is (e + o) / 2 on its left half, (e - o) / 2 on its right half and e / 2 in the middle.
    """
    places = np.arange(len(filters)).reshape(patch_size, patch_size, -1)
    halves = slice(0, patch_size // 2), slice(patch_size // 2, (patch_size + 1) // 2)
    turned = places[:, ::-1]
    left, right = (np.concatenate([p[:, half].ravel() for half in halves]) for p in (places, turned))
    n_pairs = places[:, halves[0]].size
    if whitener.size:
        # The whitened parts have equal values in both halves, but for the sign.
        twice = np.where(np.arange(len(left)) < n_pairs, np.sqrt(2), 1)
        filters_of_even = np.concatenate([filters, whitener[:, left] * twice], 1)
        filters_of_odd = np.concatenate([filters, whitener[:, left[:n_pairs]] * np.sqrt(2)], 1)
    else:
        filters_of_even = filters_of_odd = filters
    even = (filters_of_even[left] + filters_of_even[right]) / np.where(left == right, 4, 2)[:, None]
    odd = (filters_of_odd[left] - filters_of_odd[right])[:n_pairs] / 2
    return even, odd, np.stack([left, right]).astype(np.uint64)


class _Tiles:
    """Computes what there is between images and sums, in arrays that are used again for each tile."""

    def __init__(self, bank: _Bank, patch_size: int, epsilon: np.float32, images: Array) -> None:
        self.images = images
        self.bank = bank
        self.patch_size = patch_size
        self.epsilon = epsilon
        self.scratch: dict[str, Array] = {}

    def slices(self, positions: tuple[int, ...], encoding: Encoding) -> Iterator[tuple[slice, slice]]:
        """Yield slices of images and of rows of positions: several images, or some rows of one."""
        n_images = len(self.images)
        n_rows, n_cols = positions
        on_host = isinstance(self.images, np.ndarray)
        n_responses = 2 * len(self.bank.squares) if encoding == "triangle" or not on_host else 0
        values = (len(self.bank.center) + n_responses) * n_cols
        rows_at_once = max(1, (VALUES_AT_ONCE if on_host else VALUES_ON_GPU) // values)
        images_at_once = max(1, rows_at_once // n_rows)
        for i in range(0, n_images, images_at_once):
            for y in range(0, n_rows, rows_at_once):
                yield slice(i, min(i + images_at_once, n_images)), slice(y, min(y + rows_at_once, n_rows))

    def parts(self, i: slice, y: slice) -> tuple[Array, Array]:
        """Return the even and odd parts (n_images, n_rows, n_cols, d) of patches of images at rows."""
        bank = self.bank
        tile = self._tile(i, slice(y.start, y.stop + self.patch_size - 1))
        n_images, height, width, _ = tile.shape
        shape = n_images, height - self.patch_size + 1, width - self.patch_size + 1
        even = self._array("even", *shape, bank.even.shape[1])
        odd = self._array("odd", *shape, bank.odd.shape[1])
        options = self.patch_size, np.float32(white_of(tile)), self.epsilon, bank.center
        backend_of(tile).patches.mirror_parts(tile, *options, bank.left, bank.right, even, odd)
        return even, odd

    def _tile(self, i: slice, rows: slice) -> Array:
        """Return rows of images, contiguous; on a GPU rows are all of them, or of one image."""
        if isinstance(self.images, np.ndarray):
            tile = np.ascontiguousarray(self.images[i, rows])
            tile.setflags(write=False)
            return tile
        images = self.images[i]
        if len(images) > 1:
            return images
        shape = images.shape[1:]
        return images.reshape(shape)[rows].reshape(1, -1, *shape[1:])

    def responses(self, even: Array, odd: Array) -> tuple[Array, Array]:
        """Return the responses (n_images, n_rows, n_cols, n_filters) to both parts."""
        even_responses = self._array("to even", *even.shape[:-1], len(self.bank.even))
        odd_responses = self._array("to odd", *odd.shape[:-1], len(self.bank.odd))
        return multiply(even, self.bank.even, even_responses), multiply(odd, self.bank.odd, odd_responses)

    def _array(self, name: str, *shape: int) -> Array:
        size = math.prod(shape)
        if name not in self.scratch or self.scratch[name].size < size:
            self.scratch[name] = empty_on_device_of((size,), np.float32, self.images)
        return self.scratch[name][:size].reshape(shape)


def _check_sizes(shape: tuple[int, ...], patch_size: int, words: Array, whitening: Whitening) -> None:
    height, width, n_channels = shape
    if patch_size > min(height, width):
        raise ValueError(
            f"patch_size must be at most the size of the images, {height} x {width}, got {patch_size}"
        )
    d = patch_size * patch_size * n_channels
    if words.shape[1] != d or not len(words):
        raise ValueError(
            f"codebook must have words of length {patch_size} x {patch_size} x {n_channels} = {d}, "
            f"at least one, got {words.shape}"
        )
    if not hasattr(whitening, "matrix_") or len(whitening.mean_) != d:
        raise ValueError(f"whitening must be fitted with patches of length {d}, got {whitening!r}")


def _as_overlap(overlap: float) -> float:
    value = as_number(overlap, "overlap", least=0)
    if value >= 1:
        raise ValueError(f"overlap must be below 1, as regions would be the same, got {overlap}")
    return value


def _cells(grid: tuple[int, ...], positions: tuple[int, ...], overlap: float) -> tuple[Array, Array]:
    """Return where the rows and the columns of regions begin and end, the same from either side."""
    if any(k > n for k, n in zip(grid, positions, strict=True)):
        raise ValueError(
            f"grid must be at most {positions[0]} x {positions[1]}, the positions of patches, got {grid}"
        )
    bounds = []
    for k, n in zip(grid, positions, strict=True):
        size = n / (1 + (k - 1) * (1 - overlap))
        starts = size * (1 - overlap) * np.arange(k)
        ends = np.stack([np.floor(starts + NEARLY), np.ceil(starts + size - NEARLY)], 1)
        bounds.append(ends.astype(np.int64))
    return bounds[0], bounds[1]

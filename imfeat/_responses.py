"""The responses of words to the patches of images, a tile of patches at a time.

A normalized patch p becomes the whitened patch x = (p - m) W, and the response of word c is x.c:
one product of p with the filter W c.  Responses are made sparse and averaged over cells of an image, and
neither patches nor responses are stored.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._products import multiply
from imfeat.color import white_of
from imfeat.whitening import Whitening

VALUES_AT_ONCE = 1 << 22  # number of values of patches and responses at a time
VALUES_ON_GPU = 1 << 26
Encoding: TypeAlias = Literal["threshold", "triangle"]
Cells: TypeAlias = tuple[Array, Array]  # where the rows and the columns of cells begin and end
SYMMETRIC = 1e-3  # largest difference of a whitening from its mirror image, relative to its largest value


def add_responses(
    sources: Sequence[Array],
    words: Array,
    whitening: Whitening,
    cells: Cells,
    sums: Array,
    *,
    patch_size: int,
    encoding: Encoding,
    threshold: float,
    epsilon: float,
    mirror: bool,
) -> None:
    """Add encoded responses, averaged over cells and over sources, to sums.

    Parameters
    ----------
    sources : sequence of arrays (n_images, height, width, n_channels)
        Checked images of one shape, on one device, that `check_sizes` let pass.
    words : array of shape (n_words, patch_size * patch_size * n_channels)
    whitening : Whitening
    cells : pair of arrays (n, 2) int64
        Positions of patches where the rows and the columns of cells begin and end; cells may overlap.
    sums : array of shape (n_images, n_cell_rows, n_cell_cols, signs, n_words), float32
    patch_size, encoding, threshold, epsilon
        As for `imfeat.patch_features`.
    mirror : bool
        Whether to average over the mirror images of the sources, too.
    """
    share = 1 / len(sources)
    bank = _bank(words, whitening, patch_size, encoding, mirror=mirror, share=share)
    for source in sources:
        tiles = _Tiles(bank, patch_size, np.float32(epsilon), source)
        tiles.add(sums, cells, encoding, np.float32(threshold * share))


def positions_of(images: Array, patch_size: int) -> tuple[int, int]:
    """Return the numbers of rows and columns of positions of a patch."""
    height, width = images.shape[1:3]
    return height - patch_size + 1, width - patch_size + 1


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


def _bank(
    words: Array, whitening: Whitening, patch_size: int, encoding: Encoding, *, mirror: bool, share: float
) -> _Bank:
    """Return the filters of words, for encodings that are multiplied by a share."""
    matrix = whitening.matrix_ * np.float32(share)
    squares = np.einsum("kd,kd->k", words, words, dtype=np.float64)
    if encoding == "threshold":
        words = words / np.sqrt(np.where(squares > 0, squares, 1))[:, None]
    else:  # all distances are multiplied by the share
        words = words * np.float32(share)
        squares *= share * share
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

    def add(self, sums: Array, cells: Cells, encoding: Encoding, threshold: np.float32) -> None:
        """Add the averages of the cells of all images to sums."""
        kernels = backend_of(self.images).pooling
        for i, y in self.slices(positions_of(self.images, self.patch_size), encoding):
            even, odd = self.parts(i, y)
            if encoding == "threshold":
                filters = self.bank.even, self.bank.odd, threshold
                kernels.pool_thresholds(even, odd, *filters, y.start, *cells, sums[i])
            else:
                responses = self.responses(even, odd)
                kernels.pool_triangles(*responses, self.bank.squares, y.start, *cells, sums[i])

    def slices(self, positions: tuple[int, int], encoding: Encoding) -> Iterator[tuple[slice, slice]]:
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


def check_sizes(shape: tuple[int, ...], patch_size: int, words: Array, whitening: Whitening) -> None:
    """Refuse words or a whitening that don't fit the patches of images of a shape."""
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

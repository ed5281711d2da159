"""Single-layer features of small patches, computed without storing the patches."""

import math
from typing import Any

import numpy as np

from imfeat._backend import Array, clear
from imfeat._check import (
    as_count,
    as_counts,
    as_number,
    as_out,
    as_pixels,
    as_vectors,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._responses import Cells, Encoding, add_responses, check_sizes, positions_of
from imfeat.patches import CONTRAST
from imfeat.whitening import Whitening

SIGNS: dict[Encoding, int] = {"threshold": 2, "triangle": 1}  # numbers per word and region
NEARLY = 1e-6  # rounding error of a position


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
    mirror: bool | Images = True,
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
    mirror : bool or array of the shape of ``images``
        Average over each image and its mirror image, for little more than the cost of one.  An array holds
        what is averaged over instead of the mirror images, such as `response_maps` of these.
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
    sources = [pixels]
    is_flag = isinstance(mirror, bool | np.bool_)
    if not is_flag:
        sources.append(_as_mirror_images(mirror, pixels, channel_axis))
    check_sizes(pixels.shape[1:], patch_size, words, whitening)
    cells = _cells(as_counts(grid, "grid", 2), positions_of(pixels, patch_size), _as_overlap(overlap))
    shape = (*map(len, cells), SIGNS[encoding], len(words))
    out = as_out(out, (*leading, math.prod(shape)), np.float32, pixels)
    sums = out.reshape(len(pixels), *shape)
    clear(sums)
    options: dict[str, Any] = {"patch_size": patch_size, "encoding": encoding, "threshold": threshold}
    options |= {"epsilon": epsilon, "mirror": is_flag and bool(mirror)}
    add_responses(sources, words, whitening, cells, sums, **options)
    return to_caller_array(out)


def _as_mirror_images(mirror: Images, images: Array, channel_axis: ChannelAxis) -> Array:
    """Return what is averaged over beside images, checked."""
    options: dict[str, Any] = {"any_number": True, "gpu": True, "channel_axis": channel_axis, "unit": False}
    pixels = as_pixels(mirror, name="mirror", **options).batch
    if pixels.shape != images.shape or isinstance(pixels, np.ndarray) != isinstance(images, np.ndarray):
        raise ValueError(
            "mirror must be True, False, or an array of the shape of images, on their device; "
            f"got {pixels.shape} for {images.shape}"
        )
    return pixels


def _as_overlap(overlap: float) -> float:
    value = as_number(overlap, "overlap", least=0)
    if value >= 1:
        raise ValueError(f"overlap must be below 1, as regions would be the same, got {overlap}")
    return value


def _cells(grid: tuple[int, ...], positions: tuple[int, ...], overlap: float) -> Cells:
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

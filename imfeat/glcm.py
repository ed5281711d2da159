"""Gray-level co-occurrence: how often two levels are found at an offset, and Haralick's features."""

import functools
import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from imfeat._backend import Array, backend_of, cpu_kernels, empty_on_device_of
from imfeat._check import (
    SEQUENCES,
    Pixels,
    as_count,
    as_flag,
    as_numbers,
    as_out,
    as_pixels,
    count_outside,
    images_at_once,
    one_of,
    to_caller_array,
)
from imfeat._dtypes import LARGEST
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._planes import to_planes
from imfeat.color import gray_of
from imfeat.histogram import region_bounds

DISTANCES = (1,)
ANGLES = (0, math.pi / 4, math.pi / 2, 3 * math.pi / 4)
Property: TypeAlias = Literal[
    "contrast",
    "dissimilarity",
    "homogeneity",
    "ASM",
    "energy",
    "correlation",
    "mean",
    "variance",
    "std",
    "entropy",
    "joint_entropy",
    "sum_average",
    "sum_variance",
    "sum_entropy",
    "difference_variance",
    "difference_entropy",
    "imc1",
    "imc2",
]  # in the order of the kernels
HARALICK: tuple[Property, ...] = (
    *("ASM", "contrast", "correlation", "variance", "homogeneity", "sum_average", "sum_variance"),
    *("sum_entropy", "joint_entropy", "difference_variance", "difference_entropy", "imc1", "imc2"),
)
MOST_LEVELS = 256
PIXELS_AT_ONCE = 1 << 20  # whose levels are held at a time
COUNTS_AT_ONCE = 1 << 21  # of matrices
N_PRODUCTS = 1 << 12  # counts whose logarithm is looked up


@accepts(late=True)
def glcm(
    images: Images,
    *,
    distances: Sequence[float] = DISTANCES,
    angles: Sequence[float] = ANGLES,
    levels: int = 256,
    symmetric: bool = False,
    normed: bool = False,
    channel_axis: ChannelAxis = "auto",
) -> Array:
    """Count how often gray levels co-occur at each distance and angle.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, or gray uint16, int16 or bool, whose values are the levels, or floats in [0, 1], which are
        cut into levels of equal width.  Colour images are converted by `rgb_to_gray`.
    distances : sequence of float
        Distances of the pixels of a pair, at least 0.
    angles : sequence of float
        Angles in radians, from the right downwards.  The second pixel of a pair is
        ``round(sin(angle) * distance)`` rows below the first, and ``round(cos(angle) * distance)``
        columns to the right.
    levels : int
        Number of levels, at most 256; values of integers must be below it.
    symmetric : bool
        Count each pair in both orders.
    normed : bool
        Divide each matrix by its sum; a matrix without pairs stays 0.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.

    Returns
    -------
    array of shape (..., levels, levels, n_distances, n_angles), uint32, or float64 if ``normed``
        Entry (i, j) counts the pairs of a pixel of level i and the pixel of level j at the offset.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, have a value of ``levels`` or above, or an option is not one
        of those above.

    Notes
    -----
    Equal to ``skimage.feature.graycomatrix``.

    References
    ----------
    .. [1] R. M. Haralick, K. Shanmugam, I. Dinstein, "Textural features for image classification",
       IEEE Transactions on Systems, Man, and Cybernetics 3, 1973.
       :doi:`10.1109/TSMC.1973.4309314`

    Examples
    --------
    A pixel and its right neighbour are 0, 0 and 0, 1 in the first row, and twice 1, 1 in the second:

    >>> import imfeat
    >>> import numpy as np
    >>> image = np.array([[0, 0, 1], [1, 1, 1]], np.uint8)
    >>> imfeat.glcm(image, angles=(0,), levels=2)[..., 0, 0]
    array([[1, 1],
           [0, 2]], dtype=uint32)
    """
    pixels = as_pixels(images, gpu=True, clip=True, channel_axis=channel_axis, words="kept")
    n_levels = _as_levels(levels)
    offsets, n_angles = _as_offsets(distances, angles)
    both = as_flag(symmetric, "symmetric")
    shares = as_flag(normed, "normed")
    gray = _as_levels_of(pixels, n_levels)
    shape = n_levels, n_levels, len(offsets) // n_angles, n_angles
    counts = as_out(None, (*pixels.leading, *shape), np.uint32, pixels.batch)
    kernels = backend_of(gray).glcm
    matrices = counts.reshape(-1, 1, 1, n_levels, n_levels, len(offsets))
    kernels.count_pairs(gray, *region_bounds((1, 1), *gray.shape[1:]), offsets, matrices)
    if both:
        kernels.add_transposed(counts.reshape(-1, n_levels, n_levels, len(offsets)))
    if shares:
        sizes = np.maximum(gray.shape[1:] - abs(offsets), 0)  # of the areas of first pixels
        n_pairs = np.maximum(sizes.prod(1) * (1 + both), 1)
        rows = math.prod(counts.shape) // len(offsets), len(offsets)
        frequencies = as_out(None, counts.shape, np.float64, pixels.batch)
        kernels.to_shares(counts.reshape(rows), n_pairs, frequencies.reshape(rows))
        return to_caller_array(frequencies)
    return to_caller_array(counts)


@accepts(late=True)
def haralick(
    images: Images,
    *,
    distances: Sequence[float] = DISTANCES,
    angles: Sequence[float] = ANGLES,
    levels: int = 256,
    symmetric: bool = True,
    properties: Sequence[Property] = HARALICK,
    average: bool = True,
    grid: tuple[int, int] = (1, 1),
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe the texture of each image by properties of its co-occurrence matrices.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats in [0, 1].  Colour images are converted by `rgb_to_gray`.
    distances, angles : sequence of float
        Offsets of the pixels of a pair, as in `glcm`.
    levels : int
        Number of levels of equal width that the range of gray is cut into, at most 256: a value v of
        uint8 has the level ``v * levels // 256``.
    symmetric : bool
        Count each pair in both orders.
    properties : sequence of str
        Names of properties; see Notes.  By default the 13 of Haralick, in the order of mahotas.
    average : bool
        Average each property over the angles; otherwise each angle has properties of its own.
    grid : (int, int)
        Rows and columns of cells, each with properties of its own.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., n_features), float32
        Cells row by row; in each the distances, in these the angles unless ``average``, and in these
        the properties.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, an option is not one of those above, the grid has more rows
        or columns than the images pixels, or an offset leaves a cell without pairs.

    Notes
    -----
    With the share p(i, j) of each pair of levels, and p(i) of each level of first pixels:

    - ``"contrast"``, ``"dissimilarity"``, ``"homogeneity"``: the means of (i - j)^2, of abs(i - j), and of
      1 / (1 + (i - j)^2), the inverse difference moment.
    - ``"ASM"``, the sum of p(i, j)^2, and ``"energy"``, its square root.
    - ``"correlation"`` of the two levels, 1 if one of them is constant.
    - ``"mean"``, ``"variance"``, ``"std"`` of p(i).
    - ``"entropy"`` of p(i, j) in nats, ``"joint_entropy"`` in bits.
    - ``"sum_average"``, ``"sum_variance"``, ``"sum_entropy"``: mean, variance and entropy in bits of i + j.
    - ``"difference_entropy"`` in bits of abs(i - j); ``"difference_variance"``, the variance of its
      ``levels`` shares.
    - ``"imc1"``, ``"imc2"``, information measures of correlation: the mutual information I of the two
      levels as -I / max(H(i), H(j)), and as the square root of 1 - exp(-2 I), with I in bits.

    Equal within 1e-5 to ``skimage.feature.graycoprops``, which has the names ``"contrast"`` to
    ``"entropy"`` of this list but for ``"joint_entropy"``, and within 1e-4 to
    ``mahotas.features.haralick`` of images of these levels, the largest of which must be ``levels - 1``.

    References
    ----------
    .. [1] R. M. Haralick, K. Shanmugam, I. Dinstein, "Textural features for image classification",
       IEEE Transactions on Systems, Man, and Cybernetics 3, 1973.
       :doi:`10.1109/TSMC.1973.4309314`

    Examples
    --------
    >>> import imfeat
    >>> import numpy as np
    >>> import skimage.data
    >>> stripes = np.tile(np.array([0, 0, 255, 255], np.uint8), (4, 1))
    >>> imfeat.haralick(stripes, angles=(0,), levels=2, properties=("contrast", "ASM")).round(4)
    array([0.3333, 0.2778], dtype=float32)
    >>> imfeat.haralick(skimage.data.brick()).shape  # the 13 properties of Haralick
    (13,)
    """
    pixels = as_pixels(images, gpu=True, clip=True, channel_axis=channel_axis)
    n_levels = _as_levels(levels)
    offsets, n_angles = _as_offsets(distances, angles)
    both = as_flag(symmetric, "symmetric")
    chosen = _as_properties(properties)
    n_groups = len(offsets) // (n_angles if as_flag(average, "average") else 1)
    batch = pixels.batch
    rows, cols = region_bounds(grid, *pixels.size)
    _check_pairs(offsets, rows, cols)
    n_cells = (len(rows) - 1) * (len(cols) - 1)
    out = as_out(out, (*pixels.leading, n_cells * n_groups * len(chosen)), np.float32, batch)
    features = out.reshape(-1, n_groups, len(chosen))
    kernels = backend_of(batch).glcm
    matrix = n_levels, n_levels, len(offsets)
    at_once = _images_at_once(batch, n_cells * math.prod(matrix))
    counts = empty_on_device_of((at_once * n_cells, *matrix), np.uint32, batch)
    for first in range(0, len(batch), at_once):
        gray = _to_levels(gray_of(batch[first : first + at_once]), n_levels)
        matrices = counts[: len(gray) * n_cells]
        cells = matrices.reshape(len(gray), len(rows) - 1, len(cols) - 1, *matrix)
        kernels.count_pairs(gray, rows, cols, offsets, cells)
        if both:
            kernels.add_transposed(matrices)
        target = features[first * n_cells : (first + len(gray)) * n_cells]
        kernels.properties(matrices, _products(), chosen, target)
    return to_caller_array(out)


def _as_levels(levels: int) -> int:
    n_levels = as_count(levels, "levels")
    if n_levels > MOST_LEVELS:
        raise ValueError(f"levels must be at most {MOST_LEVELS}, got {n_levels}")
    return n_levels


def _as_levels_of(pixels: Pixels, n_levels: int) -> Array:
    """Return the levels (n_images, height, width) uint8 that images hold, or that floats are cut into."""
    if pixels.dtype == np.bool_ or pixels.dtype in LARGEST:
        if pixels.batch.shape[-1] != 1:
            raise TypeError(f"images of {pixels.dtype} must be gray; take rgb_to_gray(images)")
        gray = pixels.batch.reshape(pixels.batch.shape[:-1])
    else:
        gray = gray_of(pixels.batch)
        if gray.dtype != np.uint8:
            return _to_levels(gray, n_levels)
    if (gray.dtype != np.uint8 or n_levels < MOST_LEVELS) and _reaches(gray, n_levels):
        whole = 1 + LARGEST.get(pixels.dtype, 255)
        raise ValueError(
            f"images must have values below levels={n_levels}; cut them into levels with "
            f"(images.astype(int) * {n_levels} // {whole}).astype('uint8')"
            + ", or take levels=256"
            * (gray.dtype == np.uint8)
        )
    return gray if gray.dtype == np.uint8 else _low_bytes(gray)


def _low_bytes(words: Array) -> Array:
    """Return integers or floats below 256 as bytes, on their device."""
    if isinstance(words, np.ndarray):
        return words.astype(np.uint8)
    halves = words.reshape(-1, 1).view(np.uint8)  # the lower one first
    return to_planes(halves.reshape(1, -1, 2))[:1].reshape(words.shape)


def _reaches(gray: Array, n_levels: int) -> bool:
    if isinstance(gray, np.ndarray):
        return bool(gray.max(initial=0) >= n_levels)
    return count_outside(gray, 0, n_levels - 1) > 0


def _as_offsets(distances: Sequence[float], angles: Sequence[float]) -> tuple[Array, int]:
    """Return the offsets (n_distances * n_angles, 2) of pairs, and the number of angles."""
    if type(distances) is tuple and type(angles) is tuple:  # the usual case
        return _offsets_of(distances, angles)
    lengths = as_numbers(distances, "distances", least=0)
    return _offsets_of(lengths, as_numbers(angles, "angles"))


@functools.lru_cache(64, typed=True)  # True is no distance, although it equals 1
def _offsets_of(distances: tuple[float, ...], angles: tuple[float, ...]) -> tuple[Array, int]:
    lengths = as_numbers(distances, "distances", least=0)
    turns = as_numbers(angles, "angles")
    if not (lengths and turns):
        raise ValueError("distances and angles must have at least one number each")
    pairs = [(math.sin(angle) * d, math.cos(angle) * d) for d in lengths for angle in turns]
    return np.array([[_rounded(y), _rounded(x)] for y, x in pairs]), len(turns)


def _rounded(x: float) -> int:
    """Round to the nearest integer, halves away from 0, as scikit-image does: x + 1/2 is rounded too."""
    return math.trunc(x + math.copysign(0.5, x))


def _as_properties(names: Sequence[Property]) -> Array:
    """Return the indices that kernels have for properties."""
    if isinstance(names, str) or not isinstance(names, SEQUENCES) or not len(names):
        raise TypeError(f"properties must be a sequence of names, got {names!r}")
    choices = cpu_kernels().glcm.PROPERTIES
    for name in names:
        one_of(name, "properties", choices)
    return np.array([choices.index(name) for name in names])


def _check_pairs(offsets: Array, rows: Array, cols: Array) -> None:
    """Refuse offsets that leave a cell without pairs."""
    height, width = np.diff(rows).min(), np.diff(cols).min()
    for down, across in offsets:
        if abs(down) >= height or abs(across) >= width:
            raise ValueError(
                f"cells of {height} x {width} pixels have no pairs {abs(down)} rows and {abs(across)} "
                "columns apart; take smaller distances, or a grid of fewer cells"
            )


def _images_at_once(batch: Array, n_counts: int) -> int:
    most = COUNTS_AT_ONCE // n_counts * (1 if isinstance(batch, np.ndarray) else 64)
    return max(1, min(len(batch), images_at_once(batch, PIXELS_AT_ONCE), most))


def _to_levels(gray: Array, n_levels: int) -> Array:
    """Return the levels of gray images as bytes."""
    if gray.dtype == np.uint8 and n_levels == MOST_LEVELS:
        return gray
    kernels = backend_of(gray).glcm
    levels = empty_on_device_of(gray.shape, np.uint8, gray)
    to_levels = kernels.to_levels_bytes if gray.dtype == np.uint8 else kernels.to_levels
    to_levels(gray.reshape(-1), n_levels, levels.reshape(-1))
    return levels


@functools.cache
def _products() -> Array:
    """Return ``k * log(k)`` for small k."""
    k = np.arange(N_PRODUCTS)
    return k * np.log(np.maximum(k, 1))

"""Local binary patterns: which neighbours of a pixel are at least as bright, and how often."""

import functools
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import (
    Pixels,
    as_count,
    as_number,
    as_out,
    as_pixels,
    images_at_once,
    one_of,
    to_caller_array,
)
from imfeat._inputs import ChannelAxis, Images, accepts
from imfeat._norm import NORMS, Norm
from imfeat.color import gray_of, white_of
from imfeat.histogram import region_bounds

Method: TypeAlias = Literal["default", "ror", "uniform", "nri_uniform", "var"]
METHODS: tuple[Method, ...] = get_args(Method)
MOST_NEIGHBORS = 24
MOST_BITS = 16  # of the codes that histograms of "default" and "ror" have a bin each for
PIXELS_AT_ONCE = 1 << 20  # whose codes are held at a time
DIGITS = 5  # that scikit-image keeps of the positions of neighbours


@accepts(late=True)
def lbp(
    images: Images,
    *,
    n_neighbors: int = 8,
    radius: float = 1.0,
    method: Method = "uniform",
    grid: tuple[int, int] = (1, 1),
    norm: Norm = "l1",
    bins: int = 16,
    channel_axis: ChannelAxis = "auto",
    out: Array | None = None,
) -> Array:
    """Describe each image by histograms of its local binary patterns.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats in [0, 1].  Colour images are converted by `rgb_to_gray`.
    n_neighbors : int
        Number of neighbours, evenly spaced on a circle; at most 24, and 16 for ``"default"`` and
        ``"ror"``.
    radius : float
        Radius of the circle, in pixels.
    method : {"uniform", "default", "ror", "nri_uniform", "var"}
        Code of a pattern; see `lbp_codes`.
    grid : (int, int)
        Rows and columns of regions, each with a histogram of its own.
    norm : {"l1", "l2", "hellinger", None}
        Norm that each histogram is divided by, as in `color_histogram`.
    bins : int
        Number of bins for ``"var"``, of equal width over the standard deviation in [0, 1/2].
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.
    out : array of the shape and dtype of the result, optional
        Array to write the result into; it is also returned.

    Returns
    -------
    array of shape (..., grid[0] * grid[1] * n_bins), float32
        Regions row by row.  With P neighbours there are P + 2 bins for ``"uniform"``, 2**P for
        ``"default"``, one for each smallest rotation for ``"ror"`` (36 for 8 neighbours),
        P (P - 1) + 3 for ``"nri_uniform"``, and ``bins`` for ``"var"``.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, an option is not one of those above, or the grid has more rows
        or columns than the images pixels.

    Notes
    -----
    Counts are those of the codes of ``skimage.feature.local_binary_pattern``, exactly.

    References
    ----------
    .. [1] T. Ojala, M. Pietikainen, T. Maenpaa, "Multiresolution gray-scale and rotation
       invariant texture classification with local binary patterns", PAMI 24, 2002.
       :doi:`10.1109/TPAMI.2002.1017623`

    Examples
    --------
    In a black image all 8 neighbours are at least as bright as the pixel, so all pixels count in bin 8:

    >>> import imfeat
    >>> import numpy as np
    >>> imfeat.lbp(np.zeros((8, 8), np.uint8)).round(2)
    array([0., 0., 0., 0., 0., 0., 0., 0., 1., 0.], dtype=float32)
    """
    one_of(method, "method", METHODS)
    pixels = as_pixels(
        images,
        gpu=True,
        channel_axis=channel_axis,
        unit=method == "var",
        words="unit" if method == "var" else "values",
    )
    places, n_neighbors = _places(pixels, n_neighbors, radius)
    one_of(norm, "norm", NORMS)
    if method in ("default", "ror") and n_neighbors > MOST_BITS:
        raise ValueError(
            f"n_neighbors must be at most {MOST_BITS} for method={method!r}, got {n_neighbors}; "
            'take method="uniform"'
        )
    batch = pixels.batch
    rows, cols = region_bounds(grid, *pixels.size)
    n_regions = (len(rows) - 1) * (len(cols) - 1)
    table = _smallest_rotations(n_neighbors) if method == "ror" else np.empty(0, np.int64)
    n_bins = as_count(bins, "bins") if method == "var" else len(table) or _n_codes(method, n_neighbors)
    out = as_out(out, (*pixels.leading, n_regions * n_bins), np.float32, batch)
    kernels = backend_of(batch)
    at_once = images_at_once(batch, PIXELS_AT_ONCE)
    for first in range(0, len(batch), at_once):
        gray = gray_of(batch[first : first + at_once])
        codes = _bins_of_variances(gray, places, n_bins) if method == "var" else _codes(gray, places, method)
        if len(table):
            ranks = empty_on_device_of(codes.shape, np.uint32, codes)
            kernels.lbp.rank_codes(codes.reshape(-1), table, ranks.reshape(-1))
            codes = ranks
        counts = empty_on_device_of((len(gray), len(rows) - 1, len(cols) - 1, n_bins), np.uint32, gray)
        kernels.lbp.count_codes(codes, rows, cols, counts)
        histograms = out.reshape(-1, n_bins)[first * n_regions : (first + len(gray)) * n_regions]
        kernels.histogram.normalize_counts(
            counts.reshape(-1, n_bins), kernels.histogram.NORMS[norm], histograms
        )
    return to_caller_array(out)


@accepts(late=True)
def lbp_codes(
    images: Images,
    *,
    n_neighbors: int = 8,
    radius: float = 1.0,
    method: Method = "default",
    channel_axis: ChannelAxis = "auto",
) -> Array:
    """Compute the local binary pattern of each pixel.

    Parameters
    ----------
    images : array of shape (..., height, width, 3) or (..., height, width)
        uint8, uint16, int16, bool, or floats of any range.  Colour images are converted by `rgb_to_gray`.
    n_neighbors : int
        Number of neighbours, evenly spaced on a circle, counterclockwise from the right; at most 24.
    radius : float
        Radius of the circle, in pixels.  Neighbours between pixels are interpolated bilinearly, and
        pixels outside of the image are 0.
    method : {"default", "ror", "uniform", "nri_uniform", "var"}
        ``"default"``: bit k says whether neighbour k is at least as bright as the pixel.  ``"ror"``:
        the smallest rotation of these bits.  ``"uniform"``: the number of ones of patterns in which
        bits change at most twice, ``n_neighbors + 1`` for others.  ``"nri_uniform"``: a number for
        each of the former patterns, and the largest number for others.  ``"var"``: the variance of
        the neighbours.
    channel_axis : int, None or "auto"
        Axis that holds the channels, None for gray images; ``"auto"`` takes a last axis of length 3 or 1.

    Returns
    -------
    array of shape (..., height, width), uint32, or float32 for ``"var"``
        Variances are in the squared unit of ``images``.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not images, or an option is not one of those above.

    Notes
    -----
    Codes are those of ``skimage.feature.local_binary_pattern``, exactly, and variances within 1e-6; where
    the variance is 0, scikit-image has NaN.

    References
    ----------
    .. [1] T. Ojala, M. Pietikainen, T. Maenpaa, "Multiresolution gray-scale and rotation
       invariant texture classification with local binary patterns", PAMI 24, 2002.
       :doi:`10.1109/TPAMI.2002.1017623`

    Examples
    --------
    Of the four neighbours only the one above, bit 1, is at least as bright as the center:

    >>> import imfeat
    >>> import numpy as np
    >>> image = np.array([[9, 9, 0], [0, 5, 0], [0, 0, 0]], np.uint8)
    >>> imfeat.lbp_codes(image, n_neighbors=4)[1, 1]
    np.uint32(2)
    """
    one_of(method, "method", METHODS)
    pixels = as_pixels(images, gpu=True, channel_axis=channel_axis, unit=False, words="values")
    places, _ = _places(pixels, n_neighbors, radius)
    gray = gray_of(pixels.batch)
    dtype = np.float32 if method == "var" else np.uint32
    codes = as_out(None, (*pixels.leading, *pixels.size), dtype, pixels.batch)
    _compute(gray, places, method, codes.reshape(*gray.shape))
    return to_caller_array(codes)


Places = tuple[Array, Array, Array, Array]  # rows, row_shares, cols, col_shares, as kernels take them


def _places(pixels: Pixels, n_neighbors: int, radius: float) -> tuple[Places, int]:
    """Return where the neighbours of the pixels of images lie, and how many there are."""
    n_neighbors = as_count(n_neighbors, "n_neighbors")
    if n_neighbors > MOST_NEIGHBORS:
        raise ValueError(f"n_neighbors must be at most {MOST_NEIGHBORS}, got {n_neighbors}")
    radius = as_number(radius, "radius", above=0)
    return _places_of(n_neighbors, radius, *pixels.size), n_neighbors


@functools.lru_cache(64)
def _places_of(n_neighbors: int, radius: float, height: int, width: int) -> Places:
    angles = 2 * np.pi * np.arange(n_neighbors) / n_neighbors
    offsets = -radius * np.sin(angles), radius * np.cos(angles)
    places: list[Array] = []
    for offset, n in zip(offsets, (height, width), strict=True):
        offset = np.round(offset, DIGITS)
        coordinates = np.arange(n) + offset[:, None]  # whose rounding shares are taken with
        places += [np.floor(offset).astype(np.int64), coordinates - np.floor(coordinates)]
    return places[0], places[1], places[2], places[3]


def _n_codes(method: Method, n_neighbors: int) -> int:
    n_codes = {
        "default": 1 << n_neighbors,
        "uniform": n_neighbors + 2,
        "nri_uniform": n_neighbors * (n_neighbors - 1) + 3,
    }
    return n_codes[method]


@functools.lru_cache(16)
def _smallest_rotations(n_neighbors: int) -> Array:
    """Return the codes of "ror" in rising order."""
    codes = np.arange(2**n_neighbors)
    smallest = codes
    for _ in range(n_neighbors - 1):
        codes = (codes >> 1) | ((codes & 1) << (n_neighbors - 1))
        smallest = np.minimum(smallest, codes)
    return np.unique(smallest)


def _codes(gray: Array, places: Places, method: Method) -> Array:
    codes = empty_on_device_of(gray.shape, np.uint32, gray)
    _compute(gray, places, method, codes)
    return codes


def _compute(gray: Array, places: Places, method: Method, out: Array) -> None:
    """Compute codes, or variances for "var"."""
    kernels = backend_of(gray).lbp
    if method == "var":
        kernels.neighbor_variances(gray, *places, out)
    else:
        kernels.pattern_codes(gray, *places, kernels.METHODS[method], out)


def _bins_of_variances(gray: Array, places: Places, n_bins: int) -> Array:
    variances = empty_on_device_of(gray.shape, np.float32, gray)
    _compute(gray, places, "var", variances)
    bins = empty_on_device_of(gray.shape, np.uint32, gray)
    white = white_of(gray)
    kernel = backend_of(gray).lbp.bin_variances
    kernel(variances.reshape(-1), white, type(white)(n_bins), bins.reshape(-1))
    return bins

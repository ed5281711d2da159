"""Colour histograms: how much of each colour there is, and roughly where."""

import functools
import math
from collections.abc import Sequence

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_batch, as_count, as_counts, as_flag, as_images, as_mask, one_of
from imfeat._norm import NORMS, normalize_histograms
from imfeat.color import rgb_to_hsi, rgb_to_hsv

SPACES = ("rgb", "hsv", "hsi")
PIXELS_AT_ONCE = 1 << 18  # pixels in another colour space at a time


def color_histogram(
    images: Array,
    *,
    bins: int | Sequence[int] = 8,
    space: str = "hsv",
    joint: bool = True,
    grid: tuple[int, int] = (1, 1),
    norm: str | None = "l1",
    mask: Array | None = None,
) -> Array:
    """Describe each image by histograms of its colours.

    Parameters
    ----------
    images : array of shape (..., height, width, 3)
        RGB; uint8, or float32 or float64 in [0, 1].
    bins : int or three ints
        Equal bins over [0, 1] for each channel of the colour space, at most 256; half-open but
        for the last.
    space : {"hsv", "rgb", "hsi"}
        Colour space to count in.
    joint : bool
        Count triples of bins, ``bins ** 3`` numbers; otherwise each channel by itself,
        ``3 * bins`` numbers.
    grid : (int, int)
        Rows and columns of regions, each with histograms of its own.
    norm : {"l1", "l2", "hellinger", None}
        What each histogram is divided by: see Notes.
    mask : bool array of shape (..., height, width) or (height, width), optional
        Pixels to count.

    Returns
    -------
    array of shape (..., n_features), float32
        Regions row by row; in a joint histogram the bin of the third channel varies fastest.

    Raises
    ------
    TypeError, ValueError
        If ``images`` are not RGB images, an option is not one of those above, a joint histogram
        has more than 65,536 bins, or the grid has more rows or columns than the images pixels.

    Notes
    -----
    Each histogram (of a region, and of a channel unless ``joint``) is normalized by itself:
    ``"l1"`` gives shares, ``"l2"`` vectors of length 1, ``"hellinger"`` square roots of shares,
    whose dot product is the Bhattacharyya coefficient; ``None`` keeps counts.  A region without
    pixels gives zeros.  Counts are exact: those of `numpy.histogramdd`.

    References
    ----------
    .. [1] M. J. Swain, D. H. Ballard, "Color indexing", IJCV 7, 1991.
       :doi:`10.1007/BF00130487`
    """
    images = as_images(images, gray=False)
    n_bins = _as_bins(bins, as_flag(joint, "joint"))
    one_of(space, "space", SPACES)
    one_of(norm, "norm", NORMS)
    leading, batch = as_batch(images)
    rows, cols = region_bounds(grid, *batch.shape[1:3])
    if mask is None and joint and space == "hsv" and batch.dtype == np.uint8:
        counts = [_count_joint(batch, backend_of(batch).histogram.HSV, n_bins, rows, cols)]
    elif mask is None:
        counts = _count(_as_bytes(batch, n_bins, space), n_bins, joint, rows, cols)
    else:
        pixels = _as_bytes(batch, n_bins, space)
        counts = _count_masked(pixels, as_mask(mask, images), n_bins, joint, rows, cols)
    parts = [normalize_histograms(part, norm) for part in counts]
    histograms = parts[0] if joint else np.concatenate(parts, -1)
    return histograms.reshape(*leading, math.prod(histograms.shape[1:]))


def region_bounds(grid: tuple[int, int], height: int, width: int) -> tuple[Array, Array]:
    """Return where the rows and the columns of a grid of regions begin and end."""
    n_rows, n_cols = as_counts(grid, "grid", 2)
    return _region_bounds(n_rows, n_cols, height, width)


@functools.lru_cache(256)
def _region_bounds(n_rows: int, n_cols: int, height: int, width: int) -> tuple[Array, Array]:
    if n_rows > height or n_cols > width:
        raise ValueError(f"grid must fit the images of {height} x {width} pixels, got {n_rows} x {n_cols}")
    return np.arange(n_rows + 1) * height // n_rows, np.arange(n_cols + 1) * width // n_cols


def _as_bins(bins: int | Sequence[int], joint: bool) -> Array:
    counts = as_counts(bins, "bins", 3) if isinstance(bins, Sequence) else (as_count(bins, "bins"),) * 3
    if max(counts) > 256:
        raise ValueError(f"bins must be at most 256 a channel, got {bins}")
    if joint and math.prod(counts) > 1 << 16:
        raise ValueError(
            f"a joint histogram can have up to 65,536 bins, got {' x '.join(map(str, counts))}; "
            "take fewer, or joint=False"
        )
    return np.array(counts)


def _as_bytes(batch: Array, n_bins: Array, space: str) -> Array:
    """Return bytes that lie in the bins in which the pixels lie in the colour space."""
    if space == "rgb" and batch.dtype == np.uint8:
        return batch
    kernels = backend_of(batch)
    edges, smallest = np.ones((3, n_bins.max() + 1)), np.zeros((3, n_bins.max() + 1), np.uint8)
    for c, n in enumerate(n_bins):
        edges[c, : n + 1], smallest[c, :n] = np.linspace(0, 1, n + 1), _smallest_bytes(n)
    convert = {"rgb": lambda pixels: pixels, "hsv": rgb_to_hsv, "hsi": rgb_to_hsi}[space]
    out = np.empty(batch.shape, np.uint8)
    source, target = batch.reshape(1, -1, 3), out.reshape(-1)
    for first in range(0, source.shape[1], PIXELS_AT_ONCE):
        last = first + PIXELS_AT_ONCE
        values = convert(source[:, first:last]).reshape(-1)
        kernels.histogram.to_bytes(values, n_bins, edges, smallest, target[3 * first : 3 * last])
    return out


def _count(pixels: Array, n_bins: Array, joint: bool, rows: Array, cols: Array) -> list[Array]:
    """Return counts (n_images, n_rows, n_cols, n_bins): one array, or one for each channel."""
    if joint:
        return [_count_joint(pixels, backend_of(pixels).histogram.RGB, n_bins, rows, cols)]
    levels = np.empty((len(pixels), len(rows) - 1, len(cols) - 1, 3, 256), np.uint32)
    backend_of(pixels).histogram.channel_counts(pixels, rows, cols, levels)
    if (n_bins == 256).all():
        return [levels[..., c, :] for c in range(3)]
    return [np.add.reduceat(levels[..., c, :], _smallest_bytes(n_bins[c]), -1) for c in range(3)]


def _count_joint(pixels: Array, space: int, n_bins: Array, rows: Array, cols: Array) -> Array:
    counts = np.empty((len(pixels), len(rows) - 1, len(cols) - 1, math.prod(n_bins.tolist())), np.uint32)
    backend_of(pixels).histogram.joint_counts(pixels, space, n_bins, rows, cols, counts)
    return counts


def _smallest_bytes(n: int) -> Array:
    """Return the smallest byte of each of ``n`` bins."""
    return -(-255 * np.arange(n) // n)


def _count_masked(
    pixels: Array, mask: Array, n_bins: Array, joint: bool, rows: Array, cols: Array
) -> list[Array]:
    """Count the chosen pixels of each region as if they were an image of one row."""
    widths = [math.prod(n_bins.tolist())] if joint else n_bins.tolist()
    counts = [np.zeros((len(pixels), len(rows) - 1, len(cols) - 1, width), np.uint32) for width in widths]
    for i, r, c in np.ndindex(counts[0].shape[:3]):
        region = i, slice(rows[r], rows[r + 1]), slice(cols[c], cols[c + 1])
        chosen = pixels[region][mask[region]][None, None]
        if chosen.size:
            whole = np.array([0, 1]), np.array([0, chosen.shape[2]])
            for total, part in zip(counts, _count(chosen, n_bins, joint, *whole), strict=True):
                total[i, r, c] = part[0, 0, 0]
    return counts

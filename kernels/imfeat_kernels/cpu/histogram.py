"""Counting pixels in bins.

A byte v falls into bin floor(v * n_bins / 255) of n_bins, and 255 into the last one: n_bins equal
parts of [0, 255], half-open but for the last.  `to_bytes` turns other values into bytes of the same bin.

The histogram of a region takes these steps:

1. Gather the pixels of a tile.
2. Compute the indices of their bins.
3. Count the indices in several tables.
4. Add up the tables.
5. Normalize the counts.

The bodies are in ``_histogram.py``.
"""

import numpy as np

from imfeat_kernels.cpu import _histogram
from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu._histogram import CHANNELS, HSV, NO_NORM, RGB
from imfeat_kernels.cpu._histogram import NORMS as NORMS
from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import frozen, launch
from imfeat_kernels.tables import bytes_of_bins as bytes_of_bins

STRIP = 1 << 16  # pixels that are worth a thread
LANES = 256  # pixels side by side, channel by channel
SPACES = {"rgb": RGB, "hsv": HSV}


def to_bytes(values, n_bins, edges, bytes_of_bins, out):
    """Replace each value by a byte of its bin.

    Parameters
    ----------
    values : (3 n,) float32 or float64
        Three channels, interleaved.
    n_bins : (3,) int64
    edges : (3, m) float64
        Edges of the equal bins of each channel, those of `numpy.linspace`; values outside fall into the first
        or last bin.
    bytes_of_bins : (3, m) uint8
        The smallest byte of each bin.
    out : (3 n,) uint8
    """
    launch(_to_bytes, len(out) // 3, values, n_bins, edges, out, grain=STRIP // 4)


def joint_histograms(images, mask, space, n_bins, rows, cols, norm, out):
    """Count the colours of every region of every image.

    Parameters
    ----------
    images : (n_images, height, width, 3) uint8
    mask : (n_images, height, width) bool
        Pixels to count; a mask of size 0 counts all.
    space : int
        One of SPACES: RGB counts the bytes, HSV the results of `color.rgb_to_hsv`.
    n_bins : (3,) int64
        Bins a channel; their product is at most 65,536.
    rows, cols : (n_rows + 1,), (n_cols + 1,) int64
        Bounds of the rows and columns of regions.
    norm : int
        One of NORMS: NO_NORM keeps the counts, HELLINGER is the square root of L1.  Empty
        histograms stay 0.
    out : (n_images, n_rows, n_cols, n_bins[0] * n_bins[1] * n_bins[2]) float32
        Overwritten; the bin of the third channel varies fastest.
    """
    _by_strips(images, mask, rows, cols, space, n_bins, norm, out)


def channel_histograms(images, mask, n_bins, rows, cols, norm, out):
    """Count the bins of every channel of every region of every image.

    Parameters
    ----------
    images, mask, n_bins, rows, cols, norm
        As for `joint_histograms`.
    out : (n_images, n_rows, n_cols, n_bins[0] + n_bins[1] + n_bins[2]) float32
        Overwritten; one histogram a channel, each divided by its own norm.
    """
    _by_strips(images, mask, rows, cols, CHANNELS, n_bins, norm, out)


def normalize_counts(counts, norm, out):
    """Divide each histogram by its norm; empty ones stay 0.

    Parameters
    ----------
    counts : (n, n_bins) uint32 or int64
    norm : int
        One of NORMS; NO_NORM keeps the counts, HELLINGER is the square root of L1.
    out : (n, n_bins) float32
    """
    sizes = np.array([counts.shape[1]])
    grain = 1 + STRIP // (counts.shape[1] + 1)
    launch(_histogram.normalize_counts, len(out), counts, sizes, norm, out, grain=grain)


def _by_strips(images, mask, rows, cols, space, n_bins, norm, out):
    """Count by rows of regions, cut into strips if there are few regions for the threads."""
    mask = frozen(mask)
    n_pixels = images.size // 3
    n_items = len(images) * (len(rows) - 1)
    n_strips = min(n_pixels // STRIP, 4 * threads.n_threads) // max(n_items, 1) if n_pixels >= STRIP else 0
    if n_strips <= 1:
        grain = 1 + STRIP * n_items // (n_pixels + 1)
        launch(
            _histogram.histograms, n_items, images, mask, rows, cols, space, n_bins, norm, out, grain=grain
        )
        return
    steps = np.arange(n_strips) / n_strips
    fine = (rows[:-1, None] + steps * np.diff(rows)[:, None]).astype(np.int64).ravel()
    fine = np.append(fine, rows[-1])
    counts = np.empty((len(images), len(fine) - 1, *out.shape[2:]), np.uint32)
    launch(
        _histogram.histograms, n_items * n_strips, images, mask, fine, cols, space, n_bins, NO_NORM, counts
    )
    n_counts = out.shape[3]
    counts = counts.reshape(n_items, n_strips, -1).sum(1, dtype=np.uint32).reshape(-1, n_counts)
    sizes = n_bins if space == CHANNELS else np.array([n_counts])
    _histogram.normalize_counts(0, len(counts), counts, sizes, norm, out.reshape(-1, n_counts))


@njit(nogil=True, cache=True)
def _to_bytes(start, stop, values, n_bins, edges, out):
    channels, bytes_ = np.zeros((3, LANES), values.dtype), np.empty((3, LANES), np.uint8)
    for first in range(start, stop, LANES):
        n = min(LANES, stop - first)
        x, y = values[3 * first : 3 * (first + n)], out[3 * first : 3 * (first + n)]
        a, b, c = channels[0], channels[1], channels[2]
        for i in range(n):
            a[i], b[i], c[i] = x[3 * i], x[3 * i + 1], x[3 * i + 2]
        for channel in range(3):
            bins = np.float64(n_bins[channel])
            _bytes_of(channels[channel], bins, edges[channel], bytes_[channel])
        a, b, c = bytes_[0], bytes_[1], bytes_[2]
        for i in range(n):
            y[3 * i], y[3 * i + 1], y[3 * i + 2] = a[i], b[i], c[i]


@inner
def _bytes_of(values, n, edges, bytes_):
    """Find the bins of LANES values and the smallest byte of each; edges are those of `numpy.linspace`."""
    low = edges[0]
    step = (edges[int(n)] - low) / n
    density, share, last = 1 / step, 1 / n, n - 1.0
    for i in range(LANES):
        value = np.float64(values[i])
        b = np.float64(np.int32((value - low) * density))
        b = b if b > 0.0 else 0.0
        b = b if b < last else last
        # The quotient may have been rounded across an edge.
        less = b if value >= b * step + low else b - 1.0
        less = less if less > 0.0 else 0.0
        more = less if value < (less + 1.0) * step + low else less + 1.0
        b = more if more < last else last
        bytes_[i] = np.uint8(np.int32((255.0 * b + last + 0.5) * share))

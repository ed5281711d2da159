"""Weights of source pixels for the pixels of a resized axis, as Pillow computes them.

A pixel of the result has its center c in the source.  A filter, stretched by the scale if that is above 1,
weights the pixels around c; weights of a pixel add up to 1.
"""

import numpy as np

BITS = 22  # of weights in fixed point
# Pillow has these constants in float32; they add up to a little more than 1.
HAMMING = float(np.float32(0.54)), float(np.float32(0.46))


def _box(x):
    return ((x > -0.5) & (x <= 0.5)).astype(np.float64)


def _bilinear(x):
    return np.maximum(1 - np.abs(x), 0)


def _hamming(x):
    x = np.abs(x)
    window = HAMMING[0] + HAMMING[1] * np.cos(x * np.pi)
    return np.where(x < 1, np.where(x == 0, 1, _sinc(x) * window), 0)


def _bicubic(x):
    a = -0.5
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    return np.where(x < 1, near, np.where(x < 2, (((x - 5) * x + 8) * x - 4) * a, 0))


def _lanczos(x):
    return np.where((x >= -3) & (x < 3), _sinc(x) * _sinc(x / 3), 0)


def _sinc(x):
    angle = np.where(x == 0, 1e-300, x) * np.pi  # whose sinc is 1
    return np.sin(angle) / angle


FILTERS = {  # and the distance from which on they are 0
    "bilinear": (_bilinear, 1),
    "bicubic": (_bicubic, 2),
    "lanczos": (_lanczos, 3),
    "box": (_box, 0.5),
    "hamming": (_hamming, 1),
}


def axis_weights(size, start, stop, n_out, resample, dtype):
    """Return the source pixels of the pixels of a resized axis, and their weights.

    Parameters
    ----------
    size : int
        Pixels of the source.
    start, stop : float
        Part of the axis that is resized, 0 <= start < stop <= size; rounded to float32.
    n_out : int
        Pixels of the result.
    resample : str
        Key of FILTERS.
    dtype : type
        uint8 for weights of images of bytes, else of floats.

    Returns
    -------
    bounds : (n_out, 2) int64 array
        First source pixel and number of source pixels; the first and the last rise.
    weights : (n_out, n_taps) int32 or float64 array
        Weights of the source pixels, 0 after the last one; for bytes in units of 2^-22.
    """
    weigh, radius = FILTERS[resample]
    start, stop = np.float32(start), np.float32(stop)
    scale = float(stop - start) / n_out
    stretch = max(scale, 1.0)
    support = radius * stretch
    center = float(start) + (np.arange(n_out) + 0.5) * scale
    first = np.maximum((center - support + 0.5).astype(np.int64), 0)
    count = np.minimum((center + support + 0.5).astype(np.int64), size) - first
    taps = np.arange(count.max())[:, None]
    weights = weigh(((taps + first) - center + 0.5) * (1 / stretch))
    weights *= taps < count
    total = np.add.accumulate(weights)[-1]  # from the first to the last, as the bits depend on it
    weights /= total + (total == 0)
    if dtype == np.uint8:
        weights *= 1 << BITS
        weights += np.copysign(0.5, weights)
        weights = weights.astype(np.int32)
    if np.count_nonzero(weights) < count.sum():
        return _without_zeros(first, weights.T)
    return np.stack([first, count], 1), np.ascontiguousarray(weights.T)


def _without_zeros(first, weights):
    """Return bounds and weights without zeros in front of the first and after the last weight.

    Zeros stay where bounds would not rise: kernels go through the source once.
    """
    is_used = weights != 0
    start = first + is_used.argmax(1)
    stop = np.maximum(first + weights.shape[1] - is_used[:, ::-1].argmax(1), start + 1)
    start = np.minimum.accumulate(start[::-1])[::-1]
    count = np.maximum.accumulate(stop) - start
    taps = np.arange(count.max())
    source = (start - first)[:, None] + taps
    kept = np.take_along_axis(weights, np.minimum(source, weights.shape[1] - 1), 1)
    is_kept = (source < weights.shape[1]) & (taps < count[:, None])
    return np.stack([start, count], 1), np.where(is_kept, kept, weights.dtype.type(0))

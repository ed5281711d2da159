"""NumPy: counts with bincount, a batch of images at once."""

import numpy as np

from benchmarks.timing import each, each_counted

VERSION = np.__version__
BATCH_PIXELS = 1 << 15


def joint(images, n_threads):
    """Count a batch that stays in the cache at once: the image is part of the index of the bin."""

    def count(batch):
        bins = (batch >> 5).astype(np.intp)
        index = (bins[..., 0] * 8 + bins[..., 1]) * 8 + bins[..., 2]
        index += 512 * np.arange(len(batch))[:, None, None]
        return np.bincount(index.ravel(), minlength=512 * len(batch))

    n = max(1, BATCH_PIXELS // (images.shape[1] * images.shape[2]))
    batches = [images[i : i + n] for i in range(0, len(images), n)]
    if len(images) > 1:
        return each(count, batches, n_threads)
    return each_counted(lambda strip: count(strip[None]), images, n_threads)


def channels(images, n_threads):
    def count(image):
        return [np.bincount(image[..., c].ravel(), minlength=256) for c in (0, 1, 2)]

    return each_counted(count, images, n_threads)


def patches(images, n_threads):
    windows = np.lib.stride_tricks.sliding_window_view(images, (6, 6), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
    out = np.empty(windows.shape, np.float32)
    scale = np.float32(1 / 255)
    rows, results = ([row for image in array for row in image] for array in (windows, out))
    return each(lambda row, result: np.multiply(row, scale, out=result), rows, n_threads, results)


JOBS = {
    "color_histogram, rgb, 8x8x8": joint,
    "color_histogram, 256 a channel": channels,
    "dense_patches, 6x6, every pixel": patches,
}

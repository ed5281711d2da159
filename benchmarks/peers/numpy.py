"""NumPy: counts with bincount, a batch of images at once; products of vectors by tiles."""

import threading

import numpy as np

from benchmarks.encodings import learned_mixture, mixture, words
from benchmarks.timing import each, each_counted, fastest

VERSION = np.__version__


def instructions():
    """Return the sets that NumPy has code for, and uses: the processor may have others."""
    from numpy._core._multiarray_umath import __cpu_baseline__, __cpu_dispatch__, __cpu_features__

    return [name for name in (*__cpu_baseline__, *__cpu_dispatch__) if __cpu_features__[name]]


BATCH_PIXELS = 1 << 15
SEARCH_TILE, MIXTURE_TILE = 2048, 4096
FLOOR = np.float32(1e-4)  # of variances: imfeat has one, too


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


def all_patches(images, n_threads):
    """Convert the pixels first, then copy windows of floats; or both at once."""
    scale, scaled = np.float32(1 / 255), np.empty(images.shape, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (6, 6), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
    out = np.empty(windows.shape, np.float32)
    copy = each(
        np.copyto, [row for image in out for row in image], n_threads, [r for w in windows for r in w]
    )
    both = patches(images, n_threads)

    def convert_first():
        np.multiply(images, scale, out=scaled)
        copy()
        return out

    return fastest(convert_first, both)


def tiles_of(vectors, size):
    return [vectors[i : i + size] for i in range(0, len(vectors), size)]


def assign(vectors, n_threads):
    codebook, own = words(1024)(vectors), threading.local()
    twice = np.ascontiguousarray(-2 * codebook.T)
    squares, out = np.einsum("kd,kd->k", codebook, codebook), np.empty(len(vectors), np.int64)

    def search(tile, nearest):
        scores = np.matmul(tile, twice, out=room(own, "scores", len(tile), len(codebook)))
        scores += squares
        scores.argmin(1, out=nearest)

    run = each(search, tiles_of(vectors, SEARCH_TILE), n_threads, tiles_of(out, SEARCH_TILE))

    def search_all():
        run()
        return out

    return search_all


def room(own, name, n, width):
    """Return an array (n, width) of this thread, the same for each tile."""
    if not hasattr(own, name):
        setattr(own, name, np.empty((MIXTURE_TILE, width), np.float32))
    return getattr(own, name)[:n]


def moments_of(vectors, n_threads):
    """Return a function that gives the posteriors' sums, and theirs with vectors and with squares.

    Four products for each tile: of vectors and squares with the mixture, and with the posteriors.
    """
    own, d = threading.local(), vectors.shape[1]

    def tile_moments(tile, linear, quadratic, constant):
        n, k = len(tile), len(constant)
        squares = np.multiply(tile, tile, out=room(own, "squares", n, d))
        q = np.matmul(tile, linear, out=room(own, "q", n, k))
        q += np.matmul(squares, quadratic, out=room(own, "part", n, k))
        q += constant
        q -= q.max(1, keepdims=True)
        np.exp(q, out=q)
        q /= q.sum(1, keepdims=True)
        return q.sum(0), q.T @ tile, q.T @ squares

    tiles, chosen, now = tiles_of(vectors, MIXTURE_TILE), [], [None] * 3

    def moments(weights, means, variances):
        inverse = 1 / variances
        constant = np.log(weights) - 0.5 * (np.log(variances) + means**2 * inverse).sum(1)
        filters = np.ascontiguousarray((means * inverse).T), np.ascontiguousarray(-0.5 * inverse.T), constant
        now[:] = filters
        if not chosen:
            chosen.append(each(lambda tile: tile_moments(tile, *now), tiles, n_threads))
        found = chosen[0]()
        parts = found if len(tiles) > 1 else [found]
        return [sum(column) for column in zip(*flat(parts), strict=True)]

    return moments


def flat(parts):
    """Return the results of tiles, which come in a list for each thread or in one."""
    return [result for part in parts for result in part] if isinstance(parts[0], list) else parts


def learn_mixture(vectors, n_threads):
    start, moments = mixture(64)(vectors), moments_of(vectors, n_threads)

    def learn():
        weights, means, variances = start.weights, start.means, start.variances
        for _ in range(5):
            mass, sums, squares = moments(weights, means, variances)
            weights, means = mass / len(vectors), sums / mass[:, None]
            variances = np.maximum(squares / mass[:, None] - means**2, FLOOR)
        return weights, means, variances

    learn()
    return learn


def fisher_vector(k):
    def job(vectors, n_threads):
        mixture, moments = learned_mixture(k)(vectors), moments_of(vectors, n_threads)
        deviations, roots = np.sqrt(mixture.variances), np.sqrt(mixture.weights)[:, None] * len(vectors)

        def encode():
            mass, sums, squares = moments(mixture.weights, mixture.means, mixture.variances)
            mass = mass[:, None]
            first = (sums - mass * mixture.means) / (deviations * roots)
            second = (squares - 2 * sums * mixture.means + mass * mixture.means**2) / mixture.variances - mass
            return np.concatenate([first.ravel(), (second / (np.sqrt(np.float32(2)) * roots)).ravel()])

        encode()
        return encode

    return job


JOBS = {
    "color_histogram, rgb, 8x8x8": joint,
    "color_histogram, 256 a channel": channels,
    "dense_patches, 6x6, 1000 of 32x32": all_patches,
    "dense_patches, 6x6, 1 of 512x512": all_patches,
    "assign, 1024 words": assign,
    "learn_mixture, 64 components": learn_mixture,
    "fisher_vector, 64 components": fisher_vector(64),
    "fisher_vector, 256 components": fisher_vector(256),
}

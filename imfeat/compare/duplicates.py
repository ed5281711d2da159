"""Images of one part of a data set that are, or nearly are, in another part, too.

1. The difference hash of an image [1]_ tells for 8 x 8 places of a small gray image whether the pixel to the
   right is brighter.
2. Images whose hashes differ in a few places are compared by the correlation of their small gray images.

Scaling, compression and changes of brightness keep both.  Nearly flat images are compared by content.

References
----------
.. [1] C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010.
   https://www.phash.org/docs/pubs/thesis_zauner.pdf
"""

import hashlib

import numpy as np

from imfeat._backend import Array
from imfeat.color import rgb_to_gray
from imfeat.resize import resize

MOST_PLACES = 6  # of 64, in which the hashes of near-duplicates differ
LEAST_CORRELATION = 0.97
LEAST_DEVIATION = 4.0  # of the gray values of images with a hash
SIZE = (16, 18)  # of the small gray images
IMAGES_AT_ONCE = 2048
ROWS_AT_ONCE = 64


def find_duplicates(images: Array, parts: Array) -> tuple[Array, Array]:
    """Return pairs of images of different parts: those with the same pixels, and further ones nearly so.

    Parameters
    ----------
    images : array of shape (n, height, width, 3), uint8
    parts : array of shape (n,), int
        The part of each image.

    Returns
    -------
    same, similar : arrays of shape (n_pairs, 2), int64
        Indices of images, the smaller one first.
    """
    digests = np.array(
        [hashlib.blake2b(np.ascontiguousarray(i).data, digest_size=8).digest() for i in images]
    )
    same = _equal_pairs(digests.view(np.uint64).reshape(-1), parts)
    small = np.concatenate(
        [_small(images[k : k + IMAGES_AT_ONCE]) for k in range(0, len(images), IMAGES_AT_ONCE)]
    )
    candidates = _close_pairs(hashes_of(small), small.std((1, 2)) >= LEAST_DEVIATION, parts)
    flat = small.reshape(len(small), -1) - small.mean((1, 2))[:, None]
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    similar = [pair for pair in candidates if flat[pair[0]] @ flat[pair[1]] >= LEAST_CORRELATION]
    known = set(map(tuple, same.tolist()))
    others = [pair for pair in map(tuple, np.array(similar).tolist()) if pair not in known]
    return same, np.array(others, np.int64).reshape(-1, 2)


def hashes_of(small: Array) -> Array:
    """Return the difference hashes (n,), uint64, of gray images (n, 16, 18)."""
    n = len(small)
    means = small.reshape(n, 8, 2, 9, 2).mean((2, 4))
    bits = means[:, :, 1:] > means[:, :, :-1]
    hashes: Array = np.packbits(bits.reshape(n, 64), axis=1).view(np.uint64).reshape(-1)
    return hashes


def _small(images: Array) -> Array:
    """Return small gray images, float32."""
    return rgb_to_gray(resize(images, SIZE, channel_axis=-1)).astype(np.float32)


def _equal_pairs(keys: Array, parts: Array) -> Array:
    """Return pairs of equal keys in different parts; of several, each with the first of another part."""
    first: dict[int, list[int]] = {}
    pairs = []
    for index, key in enumerate(keys.tolist()):
        others = first.setdefault(key, [])
        match = next((other for other in others if parts[other] != parts[index]), None)
        if match is not None:
            pairs.append((match, index))
        if all(parts[other] != parts[index] for other in others):
            others.append(index)
    return np.array(pairs, np.int64).reshape(-1, 2)


def _close_pairs(hashes: Array, has_hash: Array, parts: Array) -> list[tuple[int, int]]:
    """Return pairs of close hashes in different parts."""
    rows = np.flatnonzero(has_hash)
    pairs = []
    numbers = np.unique(parts)
    for part in numbers[:-1] if len(numbers) > 1 else ():
        own = rows[parts[rows] == part]
        others = rows[parts[rows] > part]
        if len(own) > len(others):
            own, others = others, own
        for first in range(0, len(own), ROWS_AT_ONCE):
            block = own[first : first + ROWS_AT_ONCE]
            close = np.bitwise_count(hashes[block][:, None] ^ hashes[others]) <= MOST_PLACES
            for i, j in zip(*np.nonzero(close), strict=True):
                pair = sorted((int(block[i]), int(others[j])))
                pairs.append((pair[0], pair[1]))
    return pairs

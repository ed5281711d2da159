"""imfeat's own features step by step: each result of patches a whole array, and windows one by one."""

import numpy as np

import imfeat
from benchmarks.encodings import patch_words, whitening

VERSION = imfeat.__version__
CELLS = [slice(i * 27 // 3, (i + 1) * 27 // 3) for i in range(3)]  # 27 x 27 patches of 32 x 32 pixels
BATCH = 10


def patch_features(images, n_threads):
    """Describe a few images at a time, since responses to all patches would take gigabytes."""
    codebook, whiten = patch_words(), whitening("zca").transform
    squares = np.einsum("kd,kd->k", codebook, codebook)
    out = np.empty((len(images), 9 * len(codebook)), np.float32)

    def describe(part):
        patches = whiten(imfeat.normalize_patches(imfeat.dense_patches(images[part], 6)))
        z = np.matmul(patches, codebook.T)
        z *= -2
        z += squares
        z += np.einsum("...d,...d->...", patches, patches)[..., None]
        np.sqrt(np.maximum(z, 0, out=z), out=z)
        np.subtract(z.mean(-1, keepdims=True), z, out=z)
        np.maximum(z, 0, out=z)
        means = [z[:, rows, cols].mean((1, 2)) for rows in CELLS for cols in CELLS]
        np.concatenate(means, 1, out=out[part])

    def describe_all():
        for start in range(0, len(images), BATCH):
            describe(slice(start, start + BATCH))
        return out

    return describe_all


def hog_windows(images, n_threads):
    """Cut out each window."""
    corners = [(y, x) for y in range(0, images.shape[1] - 127, 8) for x in range(0, images.shape[2] - 63, 8)]

    def describe_all():
        return [
            imfeat.hog(image[y : y + 128, x : x + 64], interpolation="trilinear")
            for image in images
            for y, x in corners
        ]

    return describe_all


JOBS = {
    "patch_features, 800 words, triangle": patch_features,
    "hog_windows, 128x64, 4 of 512x512": hog_windows,
}

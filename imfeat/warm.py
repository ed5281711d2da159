"""Compiling ahead: every kernel for every type of image, so that no first call has to wait."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import imfeat
from imfeat._backend import Array

DTYPES = ("uint8", "float32", "float64")


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield calls, by name, that together compile every kernel; what is on disk is only loaded."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1, 600, 600, 3), dtype=np.uint8)  # enough for several threads
    for dtype in DTYPES:
        images = pixels[:, :64, :64] if dtype == "uint8" else (pixels[:, :64, :64] / 255).astype(dtype)
        yield from _calls_for(images, dtype)
    whole = np.ones(pixels.shape[:3], np.bool_)
    yield "color_histogram of a large image", lambda: imfeat.color_histogram(pixels)
    yield "equalize of a large image", lambda: imfeat.equalize(pixels, mask=whole)
    yield "quantize_colors, many colours", lambda: imfeat.quantize_colors(pixels, pixels[0, 0, :300])
    vectors = rng.random((300, 8), dtype=np.float32)
    yield "learn_codebook", lambda: imfeat.learn_codebook(vectors, 4, rng=0, n_iterations=2)
    yield "learn_codebook of many words", lambda: imfeat.learn_codebook(vectors, 5, rng=0, start="k-means||")
    quantizer = imfeat.ProductQuantizer(4, 2, n_iterations=1, rng=0).fit(vectors)
    yield "ProductQuantizer", lambda: quantizer.decode(quantizer.encode(vectors))
    yield "bag_of_words", lambda: imfeat.bag_of_words(vectors, vectors[:4])
    mixture = imfeat.Mixture(np.ones(1), vectors[:1], vectors[:1] + 1)
    yield "learn_mixture", lambda: imfeat.learn_mixture(vectors, 4, rng=0, n_iterations=2)
    yield "posteriors", lambda: imfeat.posteriors(vectors, mixture)
    yield "soft_words", lambda: imfeat.soft_words(vectors, vectors[:4])
    yield "triangle", lambda: imfeat.triangle(vectors, vectors[:4])
    yield "vlad", lambda: imfeat.vlad(vectors, vectors[:4])
    yield "fisher_vector", lambda: imfeat.fisher_vector(vectors, mixture)
    for name, optimizer in imfeat.learn.OPTIMIZERS.items():
        point = np.zeros(8, np.float32)
        yield f"learn.{name}", functools.partial(optimizer(0.1).step, [point], [point.copy()])


def _calls_for(images: Array, dtype: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    palette = np.ascontiguousarray(images[0, 0, :16])
    patches = imfeat.sample_patches(images, 4, 300, rng=0)
    whitening = imfeat.Whitening().fit(np.concatenate([patches, imfeat.mirror_patches(patches, 4)]))
    named: dict[str, Callable[[], Any]] = {
        "rgb_to_hsv": lambda: imfeat.rgb_to_hsv(images),
        "hsv_to_rgb": lambda: imfeat.hsv_to_rgb(images),
        "rgb_to_hsi": lambda: imfeat.rgb_to_hsi(images),
        "rgb_to_gray": lambda: imfeat.rgb_to_gray(images),
        "color_histogram": lambda: imfeat.color_histogram(images),
        "color_histogram in hsi": lambda: imfeat.color_histogram(images, space="hsi"),
        "learn_palette": lambda: imfeat.learn_palette(images, 4, rng=0, n_iterations=2),
        "quantize_colors": lambda: imfeat.quantize_colors(images, palette),
        "equalize": lambda: imfeat.equalize(images),
        "equalize_value": lambda: imfeat.equalize_value(images),
        "hog": lambda: imfeat.hog(images),
        "hog, trilinear": lambda: imfeat.hog(images, interpolation="trilinear"),
        "hog_uoctti": lambda: imfeat.hog_uoctti(images),
        "dense_sift": lambda: imfeat.dense_sift(images, scales=(1,)),
        "dense_sift, nothing smoothed": lambda: imfeat.dense_sift(images),
        "local_color": lambda: imfeat.local_color(images),
        "sample_patches": lambda: imfeat.sample_patches(images, 6, 50, rng=0),
        "dense_patches": lambda: imfeat.normalize_patches(imfeat.dense_patches(images, 6, stride=8)),
    }
    for encoding in ("threshold", "triangle"):
        named[f"patch_features, {encoding}"] = functools.partial(
            imfeat.patch_features, images, patches[:9], whitening, patch_size=4, encoding=encoding
        )
    if dtype == "uint8":
        named["rgb_to_hsv to uint8"] = lambda: imfeat.rgb_to_hsv(images, dtype="uint8")
        named["equalize_clahe"] = lambda: imfeat.equalize_clahe(images)
    for name, call in named.items():
        yield f"{name} of {dtype}", call

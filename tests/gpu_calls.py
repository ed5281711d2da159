"""Public calls that are computed on a GPU, with the differences allowed from the CPU.

Tests run them, and the kernels that they need for each dtype are what is compiled ahead: see `compile_all`.
"""

import contextlib

import numpy as np

import imfeat
from imfeat._pca import PrincipalAxes
from imfeat._sums import InMemory, Moments

FEATURES = {
    "rgb_to_hsv": (imfeat.rgb_to_hsv, 1e-6),
    "rgb_to_hsv bytes": (lambda images: imfeat.rgb_to_hsv(images, dtype="uint8"), 0),
    "rgb_to_hsi": (imfeat.rgb_to_hsi, 1e-6),
    "rgb_to_gray": (imfeat.rgb_to_gray, 0),
    "rgb_to_lab": (imfeat.rgb_to_lab, 1e-5),
    "rgb_to_ycbcr": (imfeat.rgb_to_ycbcr, 1e-6),
    "rgb_to_ycbcr bytes": (lambda images: imfeat.rgb_to_ycbcr(images, dtype="uint8"), 0),
    "ycbcr_to_rgb": (imfeat.ycbcr_to_rgb, 1e-6),
    "color_histogram": (imfeat.color_histogram, 1e-6),
    "color_histogram by channel": (lambda images: imfeat.color_histogram(images, joint=False), 1e-6),
    "color_histogram of HSI": (lambda images: imfeat.color_histogram(images, space="hsi", grid=(2, 2)), 1e-2),
    "color_histogram of Lab": (lambda images: imfeat.color_histogram(images, space="lab"), 1e-2),
    "color_histogram of gray": (lambda images: imfeat.color_histogram(images, space="gray", bins=17), 1e-6),
    "quantize_colors": (lambda images: imfeat.quantize_colors(images, imfeat.uniform_palette(3)), 0),
    "quantize_colors to many": (lambda images: imfeat.quantize_colors(images, imfeat.uniform_palette(7)), 0),
    "quantize_colors dithered": (
        lambda images: imfeat.quantize_colors(images, imfeat.uniform_palette(2), dither="floyd-steinberg"),
        0,
    ),
    "equalize": (imfeat.equalize, 0),
    "equalize_value": (imfeat.equalize_value, 0),
    "equalize_clahe": (lambda images: imfeat.equalize_clahe(images, tiles=(4, 8)), 0),
    "equalize_clahe continued": (lambda images: imfeat.equalize_clahe(images, tiles=(5, 3)), 0),
    "resize": (lambda images: imfeat.resize(images, (9, 20)), 0),
    "resize lanczos": (
        lambda images: imfeat.resize(images, (7, 40), resample="lanczos", box=(0.5, 1, 20, 24)),
        0,
    ),
    "match_histograms": (lambda images: imfeat.match_histograms(images, images), 0),
    "lbp": (lambda images: imfeat.lbp(images, grid=(2, 1)), 1e-6),
    "lbp of rotations": (lambda images: imfeat.lbp(images, method="ror"), 1e-6),
    "lbp of variances": (lambda images: imfeat.lbp(images, method="var"), 1e-6),
    "lbp_codes": (imfeat.lbp_codes, 0),
    "glcm": (lambda images: imfeat.glcm(images, symmetric=True), 0),
    "glcm of shares": (lambda images: imfeat.glcm(images, normed=True), 0),
    "hog": (imfeat.hog, 1e-5),
    "hog trilinear": (lambda images: imfeat.hog(images, interpolation="trilinear"), 1e-5),
    "hog options": (
        lambda images: imfeat.hog(
            images,
            cell_size=(6, 4),
            block_size=(1, 3),
            block_stride=(1, 0.5),
            interpolation="trilinear",
            sigma=5.0,
            clip=0.3,
            flatten=False,
        ),
        1e-5,
    ),
    "hog further apart": (lambda images: imfeat.hog(images, cell_size=4, block_stride=(2, 3)), 1e-5),
    "hog of roots": (lambda images: imfeat.hog(images, sqrt=True), 1e-5),
    "hog padded": (
        lambda images: imfeat.hog(images, padding=(8, 5), sqrt=True, interpolation="trilinear"),
        1e-5,
    ),
    "hog_windows": (lambda images: imfeat.hog_windows(images, (16, 16), 8), 1e-5),
    "hog_windows in passes": (
        lambda images: imfeat.hog_windows(images, (20, 18), (3, 4), padding=2, interpolation="trilinear"),
        1e-5,
    ),
    "hog_uoctti": (imfeat.hog_uoctti, 2e-4),
    "hog_uoctti variant": (
        lambda images: imfeat.hog_uoctti(images, orientations=5, bilinear=True, variant="dalal-triggs"),
        2e-4,
    ),
    "haralick": (lambda images: imfeat.haralick(images, levels=16, grid=(2, 2)), 1e-4),
    "dense_sift": (lambda images: imfeat.dense_sift(images)[1], 1e-5),
    "dense_sift scales": (lambda images: imfeat.dense_sift(images, scales=(1, 1.25))[1], 1e-4),
    "dense_sift opponent": (lambda images: imfeat.dense_sift(images, color="opponent")[1], 1e-4),
    "dense_sift hsv": (lambda images: imfeat.dense_sift(images, color="hsv")[1], 1e-4),
    "local_color": (lambda images: imfeat.local_color(images)[1], 1e-6),
    "raw_pixels": (imfeat.raw_pixels, 1e-7),
    "raw_pixels equalized": (lambda images: imfeat.raw_pixels(images, equalize="value"), 1e-7),
    "dense_patches": (lambda images: imfeat.dense_patches(images, 5, stride=3), 1e-6),
    "patch_features": (
        lambda images: imfeat.patch_features(images, *patch_words(images, 3), patch_size=3),
        1e-4,
    ),
    "patch_features triangle": (
        lambda images: imfeat.patch_features(
            images, *patch_words(images, 4), patch_size=4, grid=(2, 1), encoding="triangle", mirror=False
        ),
        1e-4,
    ),
    "patch_features of two images": (
        lambda images: imfeat.patch_features(
            images, *patch_words(images, 3), patch_size=3, encoding="triangle", mirror=images
        ),
        1e-4,
    ),
    "response_maps": (
        lambda images: imfeat.response_maps(images, *patch_words(images, 3), patch_size=3, pool_size=3),
        1e-4,
    ),
    "sample_patches": (lambda images: imfeat.sample_patches(images, 5, 20, rng=0), 1e-6),
    # a pixel between two colours of the palette may go to either, as sums are rounded in another order
    "PaletteHistogram": (
        lambda images: (
            imfeat.PaletteHistogram(n_colors=6, grid=(2, 1), n_pixels=500, random_state=0)
            .fit(images)
            .transform(images)
        ),
        0.02,
    ),
}


DTYPES = "uint8", "float32", "float64"
WORDS = "uint16", "int16"  # which equalize and equalize_value take

TWO_CHANNELS = {
    "color_histogram": (
        lambda images: imfeat.color_histogram(
            images, space=None, joint=False, bins=(6, 4), grid=(2, 1), channel_axis=-1
        ),
        1e-6,
    ),
    "color_histogram of equal bins": (
        lambda images: imfeat.color_histogram(images, space=None, joint=False, norm="l2", channel_axis=-1),
        1e-6,
    ),
    "equalize": (lambda images: imfeat.equalize(images, channel_axis=-1), 0),
    "match_histograms": (lambda images: imfeat.match_histograms(images, images, channel_axis=-1), 0),
}

LEVELS = {
    "glcm": (lambda images: imfeat.glcm(images, levels=200), 0),
    "raw_pixels": (imfeat.raw_pixels, 1e-7),
    "raw_pixels equalized": (lambda images: imfeat.raw_pixels(images, equalize="opencv"), 1e-7),
}  # of 16 bits

MASKED = {
    "color_histogram": imfeat.color_histogram,
    "color_histogram by channel": lambda images, mask: imfeat.color_histogram(images, mask=mask, joint=False),
    "equalize": imfeat.equalize,
    "equalize_value": imfeat.equalize_value,
    "hog": imfeat.hog,
    "hog trilinear": lambda images, mask: imfeat.hog(images, mask=mask, interpolation="trilinear"),
    "hog padded": lambda images, mask: imfeat.hog(images, mask=mask, padding=(8, 5)),
}

OFFSETS = [0, 20, 20, 50]
PARTS = [0, 50, 100, 100, 600]
POSITIONS = np.stack([np.arange(50) * 7 % 10, np.arange(50) * 11 % 20], 1)  # in no order of regions

DESCRIPTORS = {
    "assign": (imfeat.assign, 0),
    "bag_of_words": (imfeat.bag_of_words, 1e-6),
    "bag_of_words of images": (
        lambda x, words: imfeat.bag_of_words(x, words, offsets=OFFSETS, norm="hellinger"),
        1e-6,
    ),
    "soft_words": (lambda x, words: imfeat.soft_words(x, words, offsets=OFFSETS), 1e-5),
    "triangle": (imfeat.triangle, 1e-5),
    "triangle of images": (lambda x, words: imfeat.triangle(x, words, offsets=OFFSETS), 1e-5),
    "vlad": (imfeat.vlad, 1e-5),
    "vlad of images": (lambda x, words: imfeat.vlad(x, words, offsets=OFFSETS, norm="sqrt"), 1e-5),
    "vlad sums": (lambda x, words: imfeat.vlad(x, words, norm=None), 1e-5),
    "fisher_vector": (lambda x, words: imfeat.fisher_vector(x, mixture_of(words)), 1e-5),
    "fisher_vector improved": (
        lambda x, words: imfeat.fisher_vector(x, mixture_of(words), offsets=OFFSETS, improved=True),
        1e-4,  # roots of differences near 0
    ),
    "fisher_vector of scikit-image": (
        lambda x, words: imfeat.fisher_vector(x, mixture_of(words), offsets=OFFSETS, convention="skimage"),
        1e-5,
    ),
    "fisher_vector of weights": (
        lambda x, words: imfeat.fisher_vector(x, mixture_of(words), convention="sanchez2013"),
        1e-5,
    ),
    "pool_regions": (
        lambda x, words: imfeat.pool_regions(
            lambda group, offsets: imfeat.fisher_vector(group, mixture_of(words), offsets=offsets),
            x,
            POSITIONS,
            (10, 20),
            offsets=OFFSETS,
        ),
        1e-5,
    ),
    "pool_regions by sums": (
        lambda x, words: imfeat.pool_regions(
            lambda group, offsets: imfeat.bag_of_words(group, words, offsets=offsets, norm=None),
            x,
            POSITIONS,
            (10, 20),
            grids=[(2, 2)],
            pool="sum",
        ),
        1e-5,
    ),
    "l2_normalize": (lambda x, words: imfeat.l2_normalize(x), 1e-6),
    "signed_sqrt": (lambda x, words: imfeat.signed_sqrt(x), 1e-6),
    "tf_idf": (lambda x, words: imfeat.tf_idf(x, words[0]), 0),
    "Whitening": (lambda x, words: imfeat.Whitening().fit(words).transform(x), 1e-5),
    "principal axes": (
        lambda x, words: PrincipalAxes().fit_sums(Moments.of(words), 3).transform(x),
        1e-5,
    ),
    "mirror_patches": (lambda x, words: imfeat.mirror_patches(x, 4), 0),
    "posteriors": (lambda x, words: imfeat.posteriors(x, mixture_of(words)), 1e-4),
    "normalize_patches": (lambda x, words: imfeat.normalize_patches(x), 1e-5),
    "chi-square": (lambda x, words: imfeat.compare_histograms(x, x), 1e-5),
    "chi-square-alt": (lambda x, words: imfeat.compare_histograms(x, x, method="chi-square-alt"), 1e-5),
    "intersection": (lambda x, words: imfeat.compare_histograms(x, x, method="intersection"), 1e-5),
    "correlation": (lambda x, words: imfeat.compare_histograms(x, x, method="correlation"), 1e-5),
    "bhattacharyya": (lambda x, words: imfeat.compare_histograms(x, x, method="bhattacharyya"), 1e-5),
    "kl": (lambda x, words: imfeat.compare_histograms(x, x, method="kl"), 1e-5),
}

LEARNED = {
    "learn_codebook": (lambda x: imfeat.learn_codebook(x, 7, rng=0), 1e-5),
    "learn_codebook in rounds": (lambda x: imfeat.learn_codebook(x, 7, rng=0, start="k-means||"), 1e-5),
    "learn_codebook at random": (lambda x: imfeat.learn_codebook(x, 7, rng=0, start="random"), 1e-5),
    "learn_codebook from words": (lambda x: imfeat.learn_codebook(x, 7, start=np.eye(7, 16)), 1e-5),
    "learn_codebook by angles": (lambda x: imfeat.learn_codebook(x, 7, rng=0, spherical=True), 1e-5),
    "learn_codebook in batches": (lambda x: imfeat.learn_codebook(x, 7, rng=0, batch_size=100), 1e-5),
    "learn_mixture": (
        lambda x: np.concatenate([p.ravel() for p in imfeat.learn_mixture(x, 3, rng=0).parameters]),
        1e-4,
    ),
    "learn_mixture from a mixture": (
        lambda x: imfeat.learn_mixture(x, 3, start=mixture_of(np.eye(3, 16, dtype=np.float32))).means,
        1e-4,
    ),
    "Whitening.fit": (lambda x: imfeat.Whitening().fit(x).matrix_, 1e-4),
    "principal axes": (
        lambda x: PrincipalAxes().fit_sums(InMemory(x, None).total(Moments), 3).components_,
        1e-4,
    ),
    "ProductQuantizer.fit": (lambda x: quantizer_of(x).centroids_, 1e-5),
    "ProductQuantizer.encode": (lambda x: quantizer_of(x).encode(x), 0),
    "ProductQuantizer.distance_tables": (lambda x: quantizer_of(x).distance_tables(x), 1e-3),
    "ProductQuantizer.search": (lambda x: nearest_of(quantizer_of(x), x), 1e-3),
    "learn_idf": (lambda x: imfeat.learn_idf(imfeat.bag_of_words(x, np.eye(5, 16), offsets=PARTS)), 1e-6),
}


def quantizer_of(x):
    """Return a quantizer that was fitted to vectors."""
    return imfeat.ProductQuantizer(group_size=4, bits=3, n_parts=2, rng=0).fit(x)


def nearest_of(quantizer, x):
    """Return the distances to the nearest codes, which are equal on both devices where indices may not be."""
    return quantizer.search(x, quantizer.encode(x), k=12)[0]


def patch_words(images, patch_size):
    """Return a codebook and a whitening of patches of images."""
    d = patch_size**2 * (3 if images.shape[-1] == 3 else 1)
    patches = np.random.default_rng(0).normal(size=(200, d)).astype(np.float32)
    both = np.concatenate([patches, imfeat.mirror_patches(patches, patch_size)])
    return patches[:6], imfeat.Whitening().fit(both)


def clusters(rng):
    """Return descriptors around some centers."""
    centers = 4 * rng.normal(size=(9, 16))
    return (centers[rng.integers(9, size=600)] + rng.normal(size=(600, 16))).astype(np.float32)


def mixture_of(words):
    """Return a mixture whose means are words."""
    return imfeat.Mixture(np.full(len(words), 1 / len(words)), words, np.ones_like(words))


def nearly_flat(dtype):
    """Return an image whose values are so close that bins between them coincide."""
    steps = np.arange(10).repeat(80).reshape(20, 40)
    return (0.5 + steps * np.finfo(dtype).eps).astype(dtype)


def run_all(rng):
    """Run all calls, on images in colour and gray and of each dtype, where the CPU takes them."""
    pixels = rng.integers(0, 256, (2, 24, 32, 3), dtype=np.uint8)
    mask = imfeat.to_device(rng.random(pixels.shape[:3]) < 0.5)
    imfeat.hog(imfeat.to_device(pixels), mask=mask[:1].reshape(pixels.shape[1:3]))  # for all images
    for dtype in WORDS:
        words = (pixels.astype(np.int64) * 128).astype(dtype)
        for feature in (imfeat.equalize, imfeat.equalize_value):
            feature(imfeat.to_device(words), mask=mask)
        for feature, _ in LEVELS.values():
            feature(imfeat.to_device((pixels[..., 0] % 200).astype(dtype)))
    imfeat.equalize_clahe(imfeat.to_device(words[:1].astype(np.uint16)), tiles=(1, 3))
    for dtype in DTYPES[1:]:
        imfeat.equalize(imfeat.to_device(nearly_flat(dtype)))
    for dtype in DTYPES:
        colors = pixels if dtype == "uint8" else (pixels / 255).astype(dtype)
        for images in (colors, colors[..., 0].copy()):
            for feature, _ in FEATURES.values():
                with contextlib.suppress(TypeError, ValueError):  # not for gray images, or not of this dtype
                    feature(imfeat.to_device(images))
            for feature in MASKED.values():
                with contextlib.suppress(TypeError, ValueError):
                    feature(imfeat.to_device(images), mask=mask)
        two = imfeat.to_device(np.ascontiguousarray(colors[..., :2]))
        imfeat.equalize(two, channel_axis=-1, mask=mask)
        for feature, _ in TWO_CHANNELS.values():
            with contextlib.suppress(TypeError):  # not of this dtype
                feature(two)
        with contextlib.suppress(TypeError):
            imfeat.match_histograms(two, two[:1].reshape(two.shape[1:]), channel_axis=-1)
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    for call, _ in DESCRIPTORS.values():
        call(imfeat.to_device(x), words)
    for learn, _ in LEARNED.values():
        learn(imfeat.to_device(clusters(rng)))

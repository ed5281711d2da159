"""The jobs, and each library's best way to do them.

A peer may reuse its output, and takes many small images as one tall image where that is faster;
imfeat allocates its result at each call.  A slow peer is timed on fewer pixels, since its rate
does not depend on their number.
"""

import cv2
import numpy as np
import skimage.color
import skimage.exposure
import skimage.feature
import skimage.util
from PIL import Image, ImageOps
from sklearn.cluster import KMeans

import imfeat
from benchmarks.timing import Contestant, each

SLOW_PIXELS = 1 << 20  # what a slow peer is timed on
STRIP_ROWS = 128


def some(images):
    """Return as many whole images, or as much of one, as a slow peer is timed on."""
    n = max(1, SLOW_PIXELS // (images.shape[1] * images.shape[2]))
    return images[:n] if len(images) > 1 else np.ascontiguousarray(images[:, :1024, :1024])


def contestant(library, run, images):
    return Contestant(library, run, images.shape[0] * images.shape[1] * images.shape[2])


def slow(library, function, images, n_threads):
    images = some(images)
    return contestant(library, each(function, images, n_threads), images)


def tall(images):
    return images.reshape(-1, *images.shape[2:])


def hsv_floats(images, n_threads):
    picture = tall(images)
    out = np.empty(picture.shape, np.float32)
    strips = [
        slice(y, y + STRIP_ROWS * 512 // images.shape[2])
        for y in range(0, len(picture), STRIP_ROWS * 512 // images.shape[2])
    ]

    def convert(strip):
        scaled = np.multiply(picture[strip], np.float32(1 / 255), dtype=np.float32)
        cv2.cvtColor(scaled, cv2.COLOR_RGB2HSV, dst=out[strip])

    return [
        contestant("imfeat", lambda: imfeat.rgb_to_hsv(images), images),
        contestant("OpenCV", each(convert, strips, n_threads), images),
        slow("scikit-image", skimage.color.rgb2hsv, images, n_threads),
    ]


def hsv_bytes(images, n_threads):
    picture = tall(images)
    out = np.empty_like(picture)
    return [
        contestant("imfeat", lambda: imfeat.rgb_to_hsv(images, dtype="uint8"), images),
        contestant("OpenCV", lambda: cv2.cvtColor(picture, cv2.COLOR_RGB2HSV_FULL, dst=out), images),
        contestant(
            "Pillow", each(lambda i: np.asarray(Image.fromarray(i).convert("HSV")), images, n_threads), images
        ),
    ]


def opencv_joint(image):
    return cv2.calcHist([image], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3)


def joint_rgb(images, n_threads):
    return [
        contestant("imfeat", lambda: imfeat.color_histogram(images, space="rgb", norm=None), images),
        contestant("OpenCV", each(opencv_joint, images, n_threads), images),
        slow(
            "NumPy",
            lambda i: np.histogramdd(i.reshape(-1, 3), bins=8, range=[(0, 255)] * 3),
            images,
            n_threads,
        ),
    ]


def joint_hsv(images, n_threads):
    def opencv(image):
        return opencv_joint(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL))

    def scikit_image(image):
        return np.histogramdd(skimage.color.rgb2hsv(image).reshape(-1, 3), bins=8, range=[(0, 1)] * 3)

    return [
        contestant("imfeat", lambda: imfeat.color_histogram(images, norm=None), images),
        contestant("OpenCV", each(opencv, images, n_threads), images),
        slow("scikit-image", scikit_image, images, n_threads),
    ]


def channels(images, n_threads):
    def opencv(image):
        return [cv2.calcHist([image], [c], None, [256], [0, 256]) for c in range(3)]

    options = {"space": "rgb", "joint": False, "bins": 256, "norm": None}
    return [
        contestant("imfeat", lambda: imfeat.color_histogram(images, **options), images),
        contestant("OpenCV", each(opencv, images, n_threads), images),
        contestant("Pillow", each(lambda i: Image.fromarray(i).histogram(), images, n_threads), images),
    ]


def palette(images, n_threads):
    colors = imfeat.uniform_palette(4)
    swatch = Image.new("P", (1, 1))
    swatch.putpalette(colors.ravel().tolist())

    def pillow(image):
        return np.asarray(Image.fromarray(image).quantize(palette=swatch, dither=Image.Dither.NONE))

    return [
        contestant("imfeat", lambda: imfeat.quantize_colors(images, colors), images),
        contestant("Pillow (approximate)", each(pillow, images, n_threads), images),
    ]


def opencv_hog(images):
    height, width = (side // 8 * 8 for side in images.shape[1:3])
    descriptor = cv2.HOGDescriptor((width, height), (16, 16), (8, 8), (8, 8), 9)
    return lambda image: descriptor.compute(image, locations=[(0, 0)])


def hog(images, n_threads):
    gray = np.ascontiguousarray(images[..., 1])
    options = {"pixels_per_cell": (8, 8), "cells_per_block": (2, 2)}
    return [
        contestant("imfeat", lambda: imfeat.hog(gray), gray),
        contestant("OpenCV", each(opencv_hog(images), gray, n_threads), gray),
        slow("scikit-image", lambda i: skimage.feature.hog(i, **options), gray, n_threads),
    ]


def hog_trilinear(images, n_threads):
    gray = np.ascontiguousarray(images[..., 1])
    return [
        contestant("imfeat", lambda: imfeat.hog(gray, interpolation="trilinear"), gray),
        contestant("OpenCV", each(opencv_hog(images), gray, n_threads), gray),
    ]


def equalize_gray(images, n_threads):
    gray = np.ascontiguousarray(images[..., 1])
    out = np.empty_like(gray[0])
    opencv = (
        (lambda i: cv2.equalizeHist(i, dst=out)) if n_threads == 1 or len(gray) == 1 else cv2.equalizeHist
    )
    return [
        contestant("imfeat", lambda: imfeat.equalize(gray), gray),
        contestant("OpenCV", each(opencv, gray, n_threads), gray),
        contestant(
            "Pillow", each(lambda i: np.asarray(ImageOps.equalize(Image.fromarray(i))), gray, n_threads), gray
        ),
        slow("scikit-image", skimage.exposure.equalize_hist, gray, n_threads),
    ]


def equalize_rgb(images, n_threads):
    def opencv(image):
        return cv2.merge([cv2.equalizeHist(channel) for channel in cv2.split(image)])

    return [
        contestant("imfeat", lambda: imfeat.equalize(images), images),
        contestant("OpenCV", each(opencv, images, n_threads), images),
        contestant(
            "Pillow",
            each(lambda i: np.asarray(ImageOps.equalize(Image.fromarray(i))), images, n_threads),
            images,
        ),
    ]


def clahe(images, n_threads):
    gray = np.ascontiguousarray(images[..., 1])
    opencv = cv2.createCLAHE(2.0, (8, 8))
    return [
        contestant("imfeat", lambda: imfeat.equalize_clahe(gray), gray),
        contestant("OpenCV", lambda: [opencv.apply(image) for image in gray], gray),
        slow("scikit-image", skimage.exposure.equalize_adapthist, gray, n_threads),
    ]


def rgb_from_hsv(images, n_threads):
    hsv = imfeat.rgb_to_hsv(images)
    picture = tall(hsv) * np.float32([360, 1, 1])
    out = np.empty_like(picture)
    return [
        contestant("imfeat", lambda: imfeat.hsv_to_rgb(hsv), images),
        contestant("OpenCV", lambda: cv2.cvtColor(picture, cv2.COLOR_HSV2RGB, dst=out), images),
        slow("scikit-image", skimage.color.hsv2rgb, hsv, n_threads),
    ]


def gray(images, n_threads):
    picture = tall(images)
    out = np.empty(picture.shape[:2], np.uint8)
    return [
        contestant("imfeat", lambda: imfeat.rgb_to_gray(images), images),
        contestant("OpenCV", lambda: cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY, dst=out), images),
        contestant(
            "Pillow", each(lambda i: np.asarray(Image.fromarray(i).convert("L")), images, n_threads), images
        ),
        slow("scikit-image", skimage.color.rgb2gray, images, n_threads),
    ]


def equalize_value(images, n_threads):
    def opencv(image):
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
        hsv[..., 2] = cv2.equalizeHist(np.ascontiguousarray(hsv[..., 2]))
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)

    return [
        contestant("imfeat", lambda: imfeat.equalize_value(images), images),
        contestant("OpenCV (rounds hue)", each(opencv, images, n_threads), images),
    ]


def learned_palette(images, n_threads):
    images = some(images)
    pixels = images.reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0)

    def scikit_learn():
        KMeans(64, n_init=1, max_iter=10, tol=0, random_state=0).fit(pixels)

    return [
        contestant("imfeat", lambda: imfeat.learn_palette(images, 64, rng=0, n_iterations=10), images),
        contestant(
            "OpenCV", lambda: cv2.kmeans(pixels, 64, None, criteria, 1, cv2.KMEANS_PP_CENTERS), images
        ),
        contestant("scikit-learn", scikit_learn, images),
    ]


def patches(images, n_threads):
    images = some(images)

    def scikit_image(image):
        windows = skimage.util.view_as_windows(image, (6, 6, 3)).reshape(-1, 108)
        return np.multiply(windows, np.float32(1 / 255), dtype=np.float32)

    return [
        contestant("imfeat", lambda: imfeat.dense_patches(images, 6), images),
        contestant("scikit-image", each(scikit_image, images, n_threads), images),
    ]


def words(images, n_threads):
    images = images[:1000] if len(images) > 64 else some(images)
    descriptors = imfeat.dense_patches(images, 6, stride=4).reshape(-1, 108)
    codebook = np.ascontiguousarray(descriptors[:: max(1, len(descriptors) // 400)][:400])
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    model = KMeans(len(codebook), init=codebook, n_init=1, max_iter=1).fit(codebook)

    def opencv():
        found = [match.trainIdx for match in matcher.match(descriptors, codebook)]
        return np.bincount(found, minlength=len(codebook))

    return [
        contestant("imfeat", lambda: imfeat.bag_of_words(descriptors, codebook), images),
        contestant("OpenCV", opencv, images),
        contestant(
            "scikit-learn", lambda: np.bincount(model.predict(descriptors), minlength=len(codebook)), images
        ),
    ]


# name: (job, bytes that must move for each pixel)
JOBS = {
    "rgb_to_hsv, uint8 to float32": (hsv_floats, 15),
    "rgb_to_hsv, uint8 to uint8": (hsv_bytes, 6),
    "hsv_to_rgb, float32": (rgb_from_hsv, 24),
    "rgb_to_gray, uint8": (gray, 4),
    "color_histogram, rgb, 8x8x8": (joint_rgb, 3),
    "color_histogram, hsv, 8x8x8": (joint_hsv, 3),
    "color_histogram, 256 a channel": (channels, 3),
    "quantize_colors, 64 colours": (palette, 4),
    "learn_palette, 64 colours, 10 iterations": (learned_palette, 3),
    "hog": (hog, 1),
    "hog, trilinear": (hog_trilinear, 1),
    "equalize, gray": (equalize_gray, 2),
    "equalize, RGB": (equalize_rgb, 6),
    "equalize_value": (equalize_value, 6),
    "equalize_clahe": (clahe, 2),
    "dense_patches, 6x6, every pixel": (patches, 435),
    "bag_of_words, 400 words, every 4th pixel": (words, 27),
}

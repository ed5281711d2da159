"""OpenCV: results written into reused arrays; pixel by pixel, a batch is one picture of long rows."""

import functools
import threading

import cv2
import numpy as np

from benchmarks.inputs import codebook, sheet, shifted, strips, three_eighths
from benchmarks.peers import opencv_hog
from benchmarks.timing import each, each_counted, fastest

VERSION = cv2.__version__
APPROXIMATE = {
    "equalize_value",  # hue and saturation are rounded on the way through 8-bit HSV
    "rgb_to_lab, uint8 to float32",  # interpolated from a table, off by up to 0.4
    "color_histogram, lab, 8x8x8",
    "rgb_to_ycbcr, uint8 to uint8",  # in another order, and rounded otherwise
    "resize, bilinear, to 3/8",  # INTER_AREA is a box filter; INTER_LINEAR would skip pixels
}
set_threads = cv2.setNumThreads


def instructions():
    """Return what it has code for and may use; it marks the rest by a question mark."""
    return [name.strip("*") for name in cv2.getCPUFeaturesLine().split() if not name.endswith("?")]


def to_hsv_floats(images, n_threads):
    picture = sheet(images)
    out = np.empty(picture.shape, np.float32)
    scale = np.float32(1 / 255)

    def convert(strip, result):
        cv2.cvtColor(np.multiply(strip, scale, dtype=np.float32), cv2.COLOR_RGB2HSV, dst=result)

    def in_strips(n_pixels):
        return each(convert, strips(picture, n_pixels), n_threads, strips(out, n_pixels))

    return fastest(in_strips(1 << 14), in_strips(1 << 16))


def to_lab_floats(images, n_threads):
    picture = sheet(images)
    out = np.empty(picture.shape, np.float32)
    scale = np.float32(1 / 255)

    def convert(strip, result):
        cv2.cvtColor(np.multiply(strip, scale, dtype=np.float32), cv2.COLOR_RGB2LAB, dst=result)

    return each(convert, strips(picture, 1 << 14), n_threads, strips(out, 1 << 14))


def convert_whole(code, channels=3):
    """Return a job that is one call of ``cvtColor``, which has threads of its own."""

    def job(images, n_threads):
        picture = sheet(images)
        out = np.empty(picture.shape[: 2 + (channels > 1)], picture.dtype)
        return lambda: cv2.cvtColor(picture, code, dst=out)

    return job


def from_hsv_floats(images, n_threads):
    picture = sheet(images) * np.float32([360, 1, 1])  # OpenCV's hue is in degrees
    out = np.empty_like(picture)

    def convert(strip, result):
        cv2.cvtColor(strip, cv2.COLOR_HSV2RGB, dst=result)

    in_strips = each(convert, strips(picture), n_threads, strips(out))
    return fastest(functools.partial(convert, picture, out), in_strips)


def joint(image):
    return cv2.calcHist([image], [0, 1, 2], None, [8, 8, 8], [0, 256, 0, 256, 0, 256])


def channels(image):
    return [cv2.calcHist([image], [c], None, [256], [0, 256]) for c in (0, 1, 2)]


def count(function):
    return lambda images, n_threads: each_counted(function, images, n_threads)


def hsv_joint(images, n_threads):
    """Convert an image just before it is counted, or all images before all are counted."""
    whole, converted = sheet(images), np.empty_like(images)
    count_all = count(joint)(converted, n_threads)

    def all_at_once():
        cv2.cvtColor(whole, cv2.COLOR_RGB2HSV_FULL, dst=sheet(converted))
        return count_all()

    one_by_one = count(lambda image: joint(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)))
    return fastest(all_at_once, one_by_one(images, n_threads))


def lab_joint(images, n_threads):
    return each_counted(lambda image: joint(cv2.cvtColor(image, cv2.COLOR_RGB2LAB)), images, n_threads)


def compared(method):
    def job(first, n_threads):
        second = shifted(first)
        return lambda: np.array([[cv2.compareHist(x, y, method) for y in second] for x in first])

    return job


def learn_palette(images, n_threads):
    pixels = images.reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0)
    return lambda: cv2.kmeans(pixels, 64, None, criteria, 1, cv2.KMEANS_RANDOM_CENTERS)


def equalize_gray(images, n_threads):
    return each(cv2.equalizeHist, images, n_threads, np.empty_like(images))


def equalize_rgb(images, n_threads):
    def equalize(image, out):
        cv2.merge([cv2.equalizeHist(plane, dst=plane) for plane in cv2.split(image)], dst=out)

    return each(equalize, images, n_threads, np.empty_like(images))


def equalize_value(images, n_threads):
    def equalize(image, out):
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
        cv2.insertChannel(cv2.equalizeHist(cv2.extractChannel(hsv, 2)), hsv, 2)
        cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL, dst=out)

    return each(equalize, images, n_threads, np.empty_like(images))


def equalize_clahe(images, n_threads):
    own = threading.local()  # an object of CLAHE has buffers, so that two threads cannot share it

    def equalize(image, out):
        if not hasattr(own, "clahe"):
            own.clahe = cv2.createCLAHE(2.0, (8, 8))
        own.clahe.apply(image, out)

    return each(equalize, images, n_threads, np.empty_like(images))


def resize(images, n_threads):
    size = three_eighths(images)
    out = np.empty((len(images), *size, 3), np.uint8)

    def shrink(image, result):
        cv2.resize(image, size[::-1], dst=result, interpolation=cv2.INTER_AREA)

    return each(shrink, images, n_threads, out)


def bag_of_words(vectors, n_threads):
    words, matcher = codebook(vectors), cv2.BFMatcher(cv2.NORM_L2)
    return lambda: np.bincount([match.trainIdx for match in matcher.match(vectors, words)], minlength=400)


JOBS = {
    "rgb_to_hsv, uint8 to float32": to_hsv_floats,
    "rgb_to_hsv, uint8 to uint8": convert_whole(cv2.COLOR_RGB2HSV_FULL),
    "hsv_to_rgb, float32": from_hsv_floats,
    "hsv_to_rgb, uint8 to uint8": convert_whole(cv2.COLOR_HSV2RGB_FULL),
    "rgb_to_gray, uint8": convert_whole(cv2.COLOR_RGB2GRAY, channels=1),
    "rgb_to_lab, uint8 to float32": to_lab_floats,
    "rgb_to_ycbcr, uint8 to uint8": convert_whole(cv2.COLOR_RGB2YCrCb),
    "color_histogram, lab, 8x8x8": lab_joint,
    "compare_histograms, chi-square-alt, 200 with 2000": compared(cv2.HISTCMP_CHISQR_ALT),
    "compare_histograms, intersection, 200 with 2000": compared(cv2.HISTCMP_INTERSECT),
    "compare_histograms, hellinger, 200 with 2000": compared(cv2.HISTCMP_HELLINGER),
    "color_histogram, rgb, 8x8x8": count(joint),
    "color_histogram, hsv, 8x8x8": hsv_joint,
    "color_histogram, 256 a channel": count(channels),
    "learn_palette, 64 colours, 10 iterations": learn_palette,
    "resize, bilinear, to 3/8": resize,
    "equalize, gray": equalize_gray,
    "equalize, RGB": equalize_rgb,
    "equalize_value": equalize_value,
    "equalize_clahe": equalize_clahe,
    "equalize_clahe, uint16": equalize_clahe,
    "bag_of_words, 400 words, every 4th pixel": bag_of_words,
}
if hasattr(cv2, "HOGDescriptor"):  # which OpenCV 5 has left to opencv-contrib
    JOBS |= opencv_hog.JOBS

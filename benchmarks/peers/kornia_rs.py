"""kornia-rs: one image at a time, in Rust; its threads are set when its process starts."""

import importlib.metadata

import kornia_rs
import numpy as np
from kornia_rs import imgproc

from benchmarks.inputs import sheet, strips, three_eighths
from benchmarks.timing import each

VERSION = importlib.metadata.version("kornia_rs")
THREADS_VARIABLE = "RAYON_NUM_THREADS"
APPROXIMATE = {
    "equalize_clahe",  # off by one at some pixels
    "rgb_to_ycbcr, uint8 to uint8",  # in another order, and rounded otherwise
    "resize, Lanczos, to 3/8",  # in fewer bits; its bilinear filter skips pixels
}


def instructions():
    features = kornia_rs.cpu.cpu_features()
    return [name for name in ("avx2", "avx512f", "neon", "sve") if getattr(features, f"has_{name}")]


def to_hsv_floats(images, n_threads):
    """Convert to HSV in [0, 255]."""

    def convert(strip):
        return imgproc.hsv_from_rgb(strip.astype(np.float32))

    return each(convert, strips(sheet(images), 1 << 18), 1)


def from_hsv_floats(images, n_threads):
    picture = sheet(images) * np.float32(255)
    return lambda: imgproc.rgb_from_hsv(picture)


def to_lab_floats(images, n_threads):
    def convert(strip):
        return imgproc.lab_from_rgb(np.multiply(strip, np.float32(1 / 255), dtype=np.float32))

    return each(convert, strips(sheet(images), 1 << 18), 1)


def whole(convert):
    """Return a job that is one call for all pixels."""

    def job(images, n_threads):
        picture = sheet(images)
        return lambda: convert(picture)

    return job


def of_planes(function, *arguments):
    """Return a job that applies a function to each channel of each image."""

    def one(image):
        if image.ndim == 2:
            return function(image[..., None], *arguments)
        planes = [function(np.ascontiguousarray(image[..., c : c + 1]), *arguments) for c in (0, 1, 2)]
        return np.concatenate(planes, -1)

    return lambda images, n_threads: each(one, images, 1)


def channels(images, n_threads):
    def count(image):
        return [
            imgproc.compute_histogram(np.ascontiguousarray(image[..., c : c + 1]), 256) for c in (0, 1, 2)
        ]

    return each(count, images, 1)


def resize(images, n_threads):
    size = three_eighths(images)
    return each(lambda image: imgproc.resize(image, size, "lanczos", antialias=True), images, 1)


JOBS = {
    "rgb_to_hsv, uint8 to float32": to_hsv_floats,
    "hsv_to_rgb, float32": from_hsv_floats,
    "rgb_to_lab, uint8 to float32": to_lab_floats,
    "rgb_to_gray, uint8": whole(imgproc.gray_from_rgb),
    "rgb_to_ycbcr, uint8 to uint8": whole(imgproc.ycbcr_from_rgb),
    "color_histogram, 256 a channel": channels,
    "resize, Lanczos, to 3/8": resize,
    "equalize, gray": of_planes(imgproc.equalize_hist),
    "equalize, RGB": of_planes(imgproc.equalize_hist),
    "equalize_clahe": of_planes(imgproc.clahe, 2.0, (8, 8)),
}

"""Pillow: pixel by pixel, strips of a picture that stay in the cache; the way from and to arrays counts."""

import numpy as np
import PIL
from PIL import Image, ImageOps

from benchmarks.inputs import palette, sheet, strips, three_eighths
from benchmarks.timing import each, each_counted

VERSION = PIL.__version__
# They take the nearest colour to a rounded one.
APPROXIMATE = {"quantize_colors, 64 colours", "quantize_colors, 64 colours, dithered"}


def pixel_by_pixel(function):
    """Return a job that applies a function of an image to strips of one picture."""

    def job(images, n_threads):
        pieces = strips(sheet(images), 1 << 16)
        return each(lambda piece: np.asarray(function(Image.fromarray(piece))), pieces, n_threads)

    return job


def from_hsv(images, n_threads):
    def convert(piece):
        return np.asarray(
            Image.frombuffer("HSV", piece.shape[1::-1], piece, "raw", "HSV", 0, 1).convert("RGB")
        )

    return each(convert, strips(sheet(images), 1 << 16), n_threads)


def quantize(images, n_threads):
    swatch = Image.new("P", (1, 1))
    swatch.putpalette(palette().ravel().tolist())
    convert = pixel_by_pixel(lambda image: image.quantize(palette=swatch, dither=Image.Dither.NONE))
    return convert(images, n_threads)


def dithered(images, n_threads):
    swatch = Image.new("P", (1, 1))
    swatch.putpalette(palette().ravel().tolist())

    def quantize(image):
        picture = Image.fromarray(image)
        return np.asarray(picture.quantize(palette=swatch, dither=Image.Dither.FLOYDSTEINBERG))

    return each(quantize, images, n_threads)


def channels(images, n_threads):
    return each_counted(lambda image: Image.fromarray(image).histogram(), images, n_threads)


def equalize(images, n_threads):
    return each(lambda image: np.asarray(ImageOps.equalize(Image.fromarray(image))), images, n_threads)


def resize(method):
    def job(images, n_threads):
        size = three_eighths(images)[::-1]
        return each(lambda image: np.asarray(Image.fromarray(image).resize(size, method)), images, n_threads)

    return job


JOBS = {
    "rgb_to_hsv, uint8 to uint8": pixel_by_pixel(lambda image: image.convert("HSV")),
    "hsv_to_rgb, uint8 to uint8": from_hsv,
    "rgb_to_ycbcr, uint8 to uint8": pixel_by_pixel(lambda image: image.convert("YCbCr")),
    "rgb_to_gray, uint8": pixel_by_pixel(lambda image: image.convert("L")),
    "color_histogram, 256 a channel": channels,
    "quantize_colors, 64 colours": quantize,
    "quantize_colors, 64 colours, dithered": dithered,
    "resize, bilinear, to 3/8": resize(Image.Resampling.BILINEAR),
    "resize, Lanczos, to 3/8": resize(Image.Resampling.LANCZOS),
    "equalize, gray": equalize,
    "equalize, RGB": equalize,
}

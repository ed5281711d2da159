"""Conversions between colour spaces: a thread is a pixel."""

import numpy as np

from imfeat_kernels.cpu import _hsv
from imfeat_kernels.cpu import color as cpu
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch

larger, smaller = on_device(cpu.larger), on_device(cpu.smaller)
hexcone_hue, pillow_hue, turn = on_device(_hsv.hexcone_hue), on_device(cpu.pillow_hue), on_device(cpu.turn)
six_times, missing_red = on_device(_hsv.six_times), on_device(_hsv.missing_red)
missing_other = on_device(_hsv.missing_other)
f32, i32, u8 = np.float32, np.int32, np.uint8
RED, GREEN, BLUE = np.float32(0.2125), np.float32(0.7154), np.float32(0.0721)
ROOT_3 = np.float32(1.7320508)


def rgb_to_hsv(pixels, white, out):
    """Convert RGB to hue, saturation and value."""
    launch(_rgb_to_hsv, blocks_of(len(out) // 3), pixels, white, out)


def rgb_to_hsv_bytes(pixels, out):
    """Convert RGB to 8-bit hue, saturation and value with Pillow's rounding."""
    launch(_rgb_to_hsv_bytes, blocks_of(len(out) // 3), pixels, out)


def hsv_to_rgb(pixels, white, out):
    """Convert hue, saturation and value to RGB."""
    launch(_hsv_to_rgb, blocks_of(len(out) // 3), pixels, white, out)


def hsv_to_rgb_bytes(pixels, out):
    """Convert 8-bit hue, saturation and value to 8-bit RGB with Pillow's rounding."""
    launch(_hsv_to_rgb_bytes, blocks_of(len(out) // 3), pixels, out)


def rgb_to_hsi(pixels, white, out):
    """Convert RGB to hue, saturation and intensity."""
    launch(_rgb_to_hsi, blocks_of(len(out) // 3), pixels, white, out)


def rgb_to_gray(pixels, out):
    """Convert RGB in [0, 1] to luminance (Rec. 709)."""
    launch(_rgb_to_gray, blocks_of(len(out)), pixels, out)


def rgb_to_gray_bytes(pixels, out):
    """Convert 8-bit RGB to 8-bit luma (Rec. 601) with Pillow's rounding."""
    launch(_rgb_to_gray_bytes, blocks_of(len(out)), pixels, out)


# Constants are made of `unit`, a 1 of the type to compute in: with a literal it would be float64.


@cuda.jit
def _rgb_to_hsv(pixels, white, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        unit = white / white
        r, g, b = pixels[first] * unit, pixels[first + 1] * unit, pixels[first + 2] * unit
        high, low = larger(larger(r, g), b), smaller(smaller(r, g), b)
        out[first] = hexcone_hue(r, g, b, high, high - low, unit)
        out[first + 1] = (high - low) / (high if high > unit - unit else unit)
        out[first + 2] = high / white


@cuda.jit
def _rgb_to_hsv_bytes(pixels, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        r, g, b = f32(i32(pixels[first])), f32(i32(pixels[first + 1])), f32(i32(pixels[first + 2]))
        high, low = larger(larger(r, g), b), smaller(smaller(r, g), b)
        delta = high - low
        saturation = delta / (high if high > f32(0) else f32(1)) * f32(255)
        hue = pillow_hue(r, g, b, high, low)
        out[first] = u8(i32(hue)) if delta > f32(0) else u8(0)
        out[first + 1] = u8(i32(saturation))
        out[first + 2] = u8(i32(high))


@cuda.jit
def _hsv_to_rgb(pixels, white, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        unit = white / white
        sixths = six_times(pixels[first] * unit)
        value = pixels[first + 2] / white
        chroma = value * (pixels[first + 1] / white) / white
        out[first] = value - chroma * missing_red(sixths, white)
        out[first + 1] = value - chroma * missing_other(sixths, white + white, white)
        out[first + 2] = value - chroma * missing_other(sixths, white + white + white + white, white)


@cuda.jit
def _hsv_to_rgb_bytes(pixels, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        white, inverse = f32(255), f32(1 / 255)
        sixths, value = six_times(f32(i32(pixels[first]))), f32(i32(pixels[first + 2]))
        chroma = value * f32(i32(pixels[first + 1])) * inverse
        half = f32(0.5)  # no value lies half-way, so that this rounds to the nearest
        red = value - chroma * (missing_red(sixths, white) * inverse)
        green = value - chroma * (missing_other(sixths, f32(510), white) * inverse)
        blue = value - chroma * (missing_other(sixths, f32(1020), white) * inverse)
        out[first], out[first + 1], out[first + 2] = (
            u8(i32(red + half)),
            u8(i32(green + half)),
            u8(i32(blue + half)),
        )


@cuda.jit
def _rgb_to_hsi(pixels, white, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        unit = white / white
        three = unit + unit + unit
        none = unit - unit
        r, g, b = pixels[first] * unit, pixels[first + 1] * unit, pixels[first + 2] * unit
        total = r + g + b
        low = smaller(smaller(r, g), b)
        saturation = unit - three * low / (total if total > none else unit)
        out[first] = turn(f32((r - g) + (r - b)), f32(g - b) * ROOT_3)
        out[first + 1] = saturation if total > none and saturation > none else none
        out[first + 2] = total / (three * white)


@cuda.jit
def _rgb_to_gray(pixels, out):
    i = cuda.grid(1)
    if i < out.size:
        first = 3 * i
        out[i] = RED * f32(pixels[first]) + GREEN * f32(pixels[first + 1]) + BLUE * f32(pixels[first + 2])


@cuda.jit
def _rgb_to_gray_bytes(pixels, out):
    i = cuda.grid(1)
    if i < out.size:
        first = 3 * i
        r, g, b = i32(pixels[first]), i32(pixels[first + 1]), i32(pixels[first + 2])
        out[i] = u8((r * i32(19595) + g * i32(38470) + b * i32(7471) + i32(32768)) >> i32(16))

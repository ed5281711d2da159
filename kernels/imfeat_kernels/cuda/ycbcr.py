"""YCbCr of JPEG files: a thread is a pixel."""

import numpy as np

from imfeat_kernels.cpu import ycbcr as cpu
from imfeat_kernels.cpu.ycbcr import (
    BLUE,
    CB_G,
    CB_R,
    CR_B,
    CR_G,
    FROM_CB,
    FROM_CR,
    GREEN,
    GREEN_CB,
    GREEN_CR,
    HALF,
    ONE,
    RED,
    TO_CB,
    TO_CR,
    Y_B,
    Y_G,
    Y_R,
)
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch

within_unit, share, difference = on_device(cpu.within_unit), on_device(cpu.share), on_device(cpu.difference)
f32, i32, u8 = np.float32, np.int32, np.uint8


def rgb_to_ycbcr(pixels, white, out):
    """Convert RGB to luma and differences of colours."""
    launch(_rgb_to_ycbcr, blocks_of(out.size // 3), pixels, white, out)


def rgb_to_ycbcr_bytes(pixels, out):
    """Convert 8-bit RGB to 8-bit YCbCr with Pillow's rounding."""
    launch(_rgb_to_ycbcr_bytes, blocks_of(out.size // 3), pixels, out)


def ycbcr_to_rgb(pixels, white, center, out):
    """Convert luma and differences of colours to RGB."""
    launch(_ycbcr_to_rgb, blocks_of(out.size // 3), pixels, white, center, out)


@cuda.jit
def _rgb_to_ycbcr(pixels, white, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        factor = ONE / white
        r, g, b = f32(pixels[first]), f32(pixels[first + 1]), f32(pixels[first + 2])
        luma = (RED * r + GREEN * g + BLUE * b) * factor
        out[first] = within_unit(luma)
        out[first + 1] = within_unit(HALF + (b * factor - luma) * TO_CB)
        out[first + 2] = within_unit(HALF + (r * factor - luma) * TO_CR)


@cuda.jit
def _rgb_to_ycbcr_bytes(pixels, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        r, g, b = i32(pixels[first]), i32(pixels[first + 1]), i32(pixels[first + 2])
        out[first] = u8((share(r, Y_R) + share(g, Y_G) + share(b, Y_B)) >> i32(6))
        out[first + 1] = difference(b, r, CB_R, g, CB_G)
        out[first + 2] = difference(r, g, CR_G, b, CR_B)


@cuda.jit
def _ycbcr_to_rgb(pixels, white, center, out):
    first = 3 * cuda.grid(1)
    if first < out.size:
        factor = ONE / white
        luma = f32(pixels[first]) * factor
        cb, cr = (f32(pixels[first + 1]) - center) * factor, (f32(pixels[first + 2]) - center) * factor
        out[first] = within_unit(luma + FROM_CR * cr)
        out[first + 1] = within_unit(luma - GREEN_CB * cb - GREEN_CR * cr)
        out[first + 2] = within_unit(luma + FROM_CB * cb)

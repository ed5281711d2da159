"""Channels of images as planes: a thread is a pixel."""

import numpy as np

from imfeat_kernels.cpu import planes as cpu
from imfeat_kernels.cuda.common import place_of
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch

opponent = on_device(cpu.opponent)
f32, u32 = np.float32, np.uint32


def split(images, out):
    """Write each channel of each image to a plane."""
    launch(_split, blocks_of(out.size // 3), images, out)


def split_opponent(images, white, out):
    """Write the channels of the opponent colour space to planes."""
    launch(_split_opponent, blocks_of(out.size // 3), images, white, out)


@cuda.jit
def _split(images, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[2]:
        i, p = place_of(item, out.shape[2])
        for c in range(3):
            out[i, u32(c), p] = images[i, u32(3) * p + u32(c)]


@cuda.jit
def _split_opponent(images, white, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[2]:
        i, p = place_of(item, out.shape[2])
        first = u32(3) * p
        r, g, b = f32(images[i, first]), f32(images[i, first + u32(1)]), f32(images[i, first + u32(2)])
        values = opponent(r / white, g / white, b / white)
        out[i, u32(0), p], out[i, u32(1), p], out[i, u32(2), p] = values

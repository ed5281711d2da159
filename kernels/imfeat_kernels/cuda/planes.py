"""Channels of images as planes, and planes as channels: a thread is a pixel, or a value."""

import numpy as np

from imfeat_kernels.cpu import planes as cpu
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch

opponent = on_device(cpu.opponent)
f32, u32 = np.float32, np.uint32


def split(images, out):
    """Write each channel of each image to a plane."""
    launch(_split, blocks_of(out.shape[0] * out.shape[2]), images, out)


def join(planes, out):
    """Write planes to the channels of images: the inverse of `split`."""
    launch(_join, blocks_of(planes.shape[0] * planes.shape[2]), planes, out)


def repeat(rows, out):
    """Write each row several times in a row, as `numpy.repeat` does."""
    launch(_repeat, blocks_of(out.size), rows, len(out) // len(rows), out)


def split_opponent(images, white, out):
    """Write the channels of the opponent colour space to planes."""
    launch(_split_opponent, blocks_of(out.size // 3), images, white, out)


@cuda.jit
def _split(images, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[2]:
        i, p = place_of(item, out.shape[2])
        n_channels = u32(out.shape[1])
        for c in range(n_channels):
            out[i, u32(c), p] = images[i, n_channels * p + u32(c)]


@cuda.jit
def _join(planes, out):
    item = cuda.grid(1)
    if item < planes.shape[0] * planes.shape[2]:
        i, p = place_of(item, planes.shape[2])
        n_channels = u32(planes.shape[1])
        for c in range(n_channels):
            out[i, n_channels * p + u32(c)] = planes[i, u32(c), p]


@cuda.jit
def _repeat(rows, times, out):
    item = cuda.grid(1)
    if item < out.size:
        k, p = place_of(item, out.shape[1])
        row, _ = divided(k, times)
        out[k, p] = rows[row, p]


@cuda.jit
def _split_opponent(images, white, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[2]:
        i, p = place_of(item, out.shape[2])
        first = u32(3) * p
        r, g, b = f32(images[i, first]), f32(images[i, first + u32(1)]), f32(images[i, first + u32(2)])
        values = opponent(r / white, g / white, b / white)
        out[i, u32(0), p], out[i, u32(1), p], out[i, u32(2), p] = values

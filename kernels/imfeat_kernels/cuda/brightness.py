"""The largest channel of pixels, pixels scaled to a new one, and square roots: a thread is a pixel."""

import math

import numpy as np

from imfeat_kernels.cpu import brightness as cpu
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import blocks_of, launch

scaled = on_device(cpu.scaled)
f32, f64, i32 = np.float32, np.float64, np.int32
MAGIC = np.float64(1.5 * 2**52)  # larger doubles are integers


def largest_channel(images, out):
    """Find the largest channel of each pixel: V of HSV."""
    launch(_largest_channel, blocks_of(len(out)), images, out)


def scale_to_value(images, values, out):
    """Scale each pixel so that its largest channel becomes a new value; black becomes gray."""
    body = {1: _scale_bytes, 2: _scale_words}.get(images.dtype.itemsize, _scale_floats)
    launch(body, blocks_of(len(values)), images, values, out)


def square_roots(values, out):
    """Take the square roots of values."""
    body = _roots_of_bytes if values.dtype == np.uint8 else _roots_of_floats
    launch(body, blocks_of(len(out)), values, out)


@cuda.jit
def _largest_channel(images, out):
    i = cuda.grid(1)
    if i < out.size:
        a, b, c = images[i, 0], images[i, 1], images[i, 2]
        high = a if a > b else b
        out[i] = high if high > c else c


@cuda.jit
def _scale_bytes(images, values, out):
    i = cuda.grid(1)
    if i < values.size:
        r, g, b = f32(i32(images[i, 0])), f32(i32(images[i, 1])), f32(i32(images[i, 2]))
        high = r if r > g else g
        high = high if high > b else b
        value = f32(i32(values[i]))
        out[i, 0] = scaled(r, value, high)
        out[i, 1] = scaled(g, value, high)
        out[i, 2] = scaled(b, value, high)


@cuda.jit
def _roots_of_bytes(values, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.sqrt(f32(i32(values[i])))


@cuda.jit
def _roots_of_floats(values, out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = math.sqrt(values[i])


@cuda.jit
def _scale_words(images, values, out):
    i = cuda.grid(1)
    if i < values.size:
        a, b, c = i32(images[i, 0]), i32(images[i, 1]), i32(images[i, 2])
        high = a if a > b else b
        high = high if high > c else c
        value = i32(values[i])
        factor = f64(value) / f64(high if high > i32(0) else i32(1))
        out[i, 0] = _rounded_product(a, factor) if high > i32(0) else value
        out[i, 1] = _rounded_product(b, factor) if high > i32(0) else value
        out[i, 2] = _rounded_product(c, factor) if high > i32(0) else value


@cuda.jit(device=True)
def _rounded_product(channel, factor):
    return i32(cuda.fma(f64(channel), factor, f64(0)) + MAGIC - MAGIC)


@cuda.jit
def _scale_floats(images, values, out):
    i = cuda.grid(1)
    if i < values.size:
        a, b, c = images[i, 0], images[i, 1], images[i, 2]
        value = values[i]
        high = a if a > b else b
        high = high if high > c else c
        for k in range(3):
            out[i, k] = images[i, k] / high * value if high > value - value else value

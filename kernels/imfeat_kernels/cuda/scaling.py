"""Scaling of features: signed square roots, and rows divided by their lengths or sums, or weighted.

A block is a vector.
"""

import math

import numpy as np

from imfeat_kernels.cpu.scaling import SHORTEST
from imfeat_kernels.cuda.common import SMALL, divided, small_sum
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, clear, launch

f32, f64, u32 = np.float32, np.float64, np.uint32
ROWS = 256  # vectors in which a thread counts
DOUBLES = "_divide_by_lengths", "_divide_by_sums"  # sums of thousands of numbers are double by contract


def signed_roots(values, out):
    """Take the square root of each number, and keep its sign."""
    launch(_signed_roots, blocks_of(len(out)), values, out)


def divide_by_lengths(vectors, out):
    """Divide vectors by their lengths; those shorter than 1e-12 become 0."""
    launch(_divide_by_lengths, len(out), vectors, out, threads=SMALL)


def divide_by_sums(vectors, out):
    """Divide vectors of numbers that are not negative by their sums; those of a sum of 0 stay 0."""
    launch(_divide_by_sums, len(out), vectors, out, threads=SMALL)


def multiply_by_weights(vectors, weights, out):
    """Multiply each dimension by its weight."""
    launch(_multiply_by_weights, len(out), vectors, weights, out, threads=SMALL)


def count_occurring(vectors, out):
    """Count the vectors whose number is not 0, dimension by dimension."""
    clear(out)
    launch(_count_occurring, blocks_of(len(vectors), ROWS) * blocks_of(len(out)), vectors, out)


@cuda.jit
def _signed_roots(values, out):
    i = cuda.grid(1)
    if i < out.size:
        root = math.sqrt(abs(values[i]))
        out[i] = root if values[i] >= f32(0) else -root


@cuda.jit
def _divide_by_lengths(vectors, out):
    sums = cuda.shared.array(SMALL, f64)
    t, item = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x)
    d = u32(vectors.shape[1])
    total = f64(0)
    j = t
    while j < d:
        value = f64(vectors[item, j])
        total += value * value
        j = u32(j + u32(SMALL))
    sums[t] = total
    length = math.sqrt(small_sum(sums))
    factor = f64(1) / length if length > SHORTEST else f64(0)
    j = t
    while j < d:
        out[item, j] = f64(vectors[item, j]) * factor
        j = u32(j + u32(SMALL))


@cuda.jit
def _divide_by_sums(vectors, out):
    sums = cuda.shared.array(SMALL, f64)
    t, item = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x)
    d = u32(vectors.shape[1])
    total = f64(0)
    j = t
    while j < d:
        total += f64(vectors[item, j])
        j = u32(j + u32(SMALL))
    sums[t] = total
    divisor = f32(small_sum(sums))
    divisor = divisor if divisor > f32(0) else f32(1)
    j = t
    while j < d:
        out[item, j] = vectors[item, j] / divisor
        j = u32(j + u32(SMALL))


@cuda.jit
def _multiply_by_weights(vectors, weights, out):
    item, j = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    while j < u32(weights.size):
        out[item, j] = vectors[item, j] * weights[j]
        j = u32(j + u32(SMALL))


@cuda.jit
def _count_occurring(vectors, out):
    """Count in some vectors: a thread takes a dimension."""
    n_blocks, _ = divided(out.size + THREADS - 1, THREADS)
    strip, piece = divided(cuda.blockIdx.x, n_blocks)
    j = u32(piece * u32(THREADS) + u32(cuda.threadIdx.x))
    if j < u32(out.size):
        count = u32(0)
        i = u32(strip * u32(ROWS))
        end = min(u32(i + u32(ROWS)), u32(vectors.shape[0]))
        while i < end:
            if vectors[i, j] != f32(0):
                count = u32(count + u32(1))
            i = u32(i + u32(1))
        cuda.atomic.add(out, j, count)

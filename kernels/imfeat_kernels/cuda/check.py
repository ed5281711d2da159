"""Checks of the range of values, and values cut to a range."""

import numpy as np

from imfeat_kernels.cpu.check import CHUNK
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

u32 = np.uint32


def count_outside(values, low, high, out):
    """Count the values outside an interval; NaN lies outside every interval."""
    launch(_count_outside, len(out), values, low, high, out)


def clip(values, low, high, out):
    """Cut values to an interval."""
    launch(_clip, blocks_of(len(values)), values, low, high, out)


@cuda.jit
def _count_outside(values, low, high, out):
    """Count the values of a chunk: a block is a chunk."""
    total = cuda.shared.array(1, u32)
    if cuda.threadIdx.x == 0:
        total[0] = u32(0)
    cuda.syncthreads()
    count = u32(0)
    i = cuda.blockIdx.x * CHUNK + cuda.threadIdx.x
    end = min(values.size, (cuda.blockIdx.x + 1) * CHUNK)
    while i < end:
        value = values[i]
        if not (value >= low and value <= high):
            count += u32(1)
        i += THREADS
    if count > u32(0):
        cuda.atomic.add(total, 0, count)
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        out[cuda.blockIdx.x] = total[0]


@cuda.jit
def _clip(values, low, high, out):
    i = cuda.grid(1)
    if i < values.size:
        value = values[i] if values[i] > low else low
        out[i] = value if value < high else high

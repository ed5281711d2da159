"""Functions of single values, and of a block of threads, that several kernels use."""

import numpy as np

from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS

f32, i32, u32 = np.float32, np.int32, np.uint32
HALF_BLOCK = THREADS // 2
SMALL, HALF_SMALL = 64, 32  # threads of a small block
MAGIC = np.float32(12582912)  # 1.5 * 2^23: floats from here on are whole numbers


@cuda.jit(device=True)
def divided(a, b):
    """Return quotient and remainder of whole numbers from 0 to 2^32 - 1.

    Numba widens what is computed of them to 64 bits, and the division of those is a subroutine.
    """
    quotient = u32(u32(a) // u32(b))
    return quotient, u32(u32(a) - u32(quotient * u32(b)))


@cuda.jit(device=True)
def product(a, b):
    """Return a * b, rounded: what is added to it afterwards can't be fused with it."""
    return cuda.fma(a, b, f32(0))


@cuda.jit(device=True)
def rounded(x):
    """Return the nearest whole number of |x| < 2^22, of two the even one."""
    return i32((x + MAGIC) - MAGIC)


@cuda.jit(device=True)
def block_sum(values):
    """Return the sum of the THREADS values of an array in shared memory, which is overwritten.

    All threads of the block call it, after each has written its own value.
    """
    t, n = cuda.threadIdx.x, HALF_BLOCK
    cuda.syncthreads()
    while n > 0:
        if t < n:
            values[t] += values[t + n]
        cuda.syncthreads()
        n >>= 1
    total = values[0]
    cuda.syncthreads()
    return total


@cuda.jit(device=True)
def small_sum(values):
    """Return the sum of SMALL values, as `block_sum` does, of a block of as many threads."""
    t, n = cuda.threadIdx.x, HALF_SMALL
    cuda.syncthreads()
    while n > 0:
        if t < n:
            values[t] += values[t + n]
        cuda.syncthreads()
        n >>= 1
    total = values[0]
    cuda.syncthreads()
    return total


@cuda.jit(device=True)
def running_sums(values):
    """Replace THREADS values in shared memory by the sums of those up to each of them."""
    t, n = cuda.threadIdx.x, 1
    cuda.syncthreads()
    while n < THREADS:
        before = values[t - n] if t >= n else values[t] - values[t]
        cuda.syncthreads()
        values[t] += before
        cuda.syncthreads()
        n <<= 1

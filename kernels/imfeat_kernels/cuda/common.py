"""Functions of several kernels: of single values, of a block of threads, and sums over pieces."""

import numpy as np

from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch

f32, f64, i32, i64, u32 = np.float32, np.float64, np.int32, np.int64, np.uint32
HALF_BLOCK = THREADS // 2
SMALL, HALF_SMALL = 64, 32  # threads of a small block
SHARES = 16  # threads of an item, where a block of THREADS has several
LARGE = 1 << 32
MAGIC = np.float32(12582912)  # 1.5 * 2^23: larger floats are integers
DOUBLES = ("_add_pieces",)  # sums of hundreds of numbers are double by contract


@cuda.jit(device=True)
def divided(a, b):
    """Return quotient and remainder of integers from 0 to 2^32 - 1.

    Numba widens results to 64 bits, whose division is a subroutine.
    """
    quotient = u32(u32(a) // u32(b))
    return quotient, u32(u32(a) - u32(quotient * u32(b)))


@cuda.jit(device=True)
def place_of(item, n):
    """Return row and column of an item in rows of ``n``, for more items than `divided` takes, too.

    There are fewer than 2^32 rows.
    """
    if item < LARGE:
        return divided(item, n)
    row = i64(item) // i64(n)  # a subroutine, which kernels call once
    return u32(row), u32(i64(item) - row * i64(n))


@cuda.jit(device=True)
def product(a, b):
    """Return a * b, rounded, so that a following addition cannot be fused with it."""
    return cuda.fma(a, b, f32(0))


@cuda.jit(device=True)
def rounded(x):
    """Round |x| < 2^22 to the nearest integer, halves to the even one."""
    return i32((x + MAGIC) - MAGIC)


@cuda.jit(device=True)
def block_sum(values):
    """Return the sum of the THREADS values of an array in shared memory, which is overwritten.

    All threads of the block call it after writing their values.
    """
    t = cuda.threadIdx.x
    n = HALF_BLOCK
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
    """Return the sum of SMALL values, as `block_sum` does, for a block of SMALL threads."""
    t = cuda.threadIdx.x
    n = HALF_SMALL
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
def shared_sum(values, value):
    """Return the sum of a value of each of the SHARES threads of an item; all threads of the block call it.

    ``values`` are THREADS values in shared memory.
    """
    t = u32(cuda.threadIdx.x)
    values[t] = value
    cuda.syncthreads()
    first = u32(t & u32(THREADS - SHARES))
    total = f32(0)
    for k in range(SHARES):
        total += values[first + u32(k)]
    cuda.syncthreads()
    return total


@cuda.jit(device=True)
def running_sums(values):
    """Replace THREADS values in shared memory by their cumulative sums."""
    t = cuda.threadIdx.x
    n = 1
    cuda.syncthreads()
    while n < THREADS:
        before = values[t - n] if t >= n else values[t] - values[t]
        cuda.syncthreads()
        values[t] += before
        cuda.syncthreads()
        n <<= 1


def add_pieces(piece_sums, starts, out):
    """Add up the pieces of each group; ``starts`` are the first pieces of the groups."""
    ends = np.append(starts, len(piece_sums))
    flat = piece_sums.reshape(len(piece_sums), -1)
    launch(_add_pieces, blocks_of(out.size), flat, ends, out.reshape(len(out), -1))


def sum_groups(values, starts, pieces, out):
    """Sum the rows of each group, by the pieces of `split_groups`."""
    piece_sums = empty((len(pieces), values.shape[1]), np.float32, out)
    launch(_sum_columns, len(pieces), values, pieces, piece_sums)
    add_pieces(piece_sums, starts, out)


def average_groups(values, bounds, out):
    """Average the rows of each group; empty groups give 0."""
    starts, pieces = split_groups(bounds)
    sum_groups(values, starts, pieces, out)
    launch(_divide, blocks_of(out.size), np.maximum(np.diff(bounds), 1), out)


@cuda.jit
def _add_pieces(piece_sums, ends, out):
    """Add up pieces in float64, with an addition for hundreds of descriptors."""
    item = cuda.grid(1)
    if item < out.size:
        i, k = place_of(item, out.shape[1])
        total = f64(0)
        for piece in range(ends[i], ends[i + 1]):
            total += piece_sums[piece, k]
        out[i, k] = total


@cuda.jit
def _sum_columns(values, pieces, piece_sums):
    piece, k = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    while k < u32(values.shape[1]):
        total = f32(0)
        for i in range(u32(pieces[piece, 0]), u32(pieces[piece, 1])):
            total += values[i, k]
        piece_sums[piece, k] = total
        k = u32(k + u32(THREADS))


@cuda.jit
def _divide(counts, out):
    item = cuda.grid(1)
    if item < out.size:
        i, k = place_of(item, out.shape[1])
        out[i, k] /= counts[i]

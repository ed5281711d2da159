"""Sorting of the values of planes: a bitonic network, whose exchanges of near values are in shared memory.

Planes are continued by infinity to a power of two.  Lists of a size are merged to lists of twice the size,
every other one in descending order: values are exchanged with those half a list apart, then a quarter, and
so on.
"""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch

f32, u32 = np.float32, np.uint32
NEAR = 2 * THREADS  # values of a block


def sort_planes(planes, out):
    """Sort the values of each plane."""
    n_planes, n_pixels = planes.shape
    n = max(NEAR, 1 << (n_pixels - 1).bit_length())
    rows = empty((n_planes, n), planes.dtype, out)
    launch(_continue, n_planes * blocks_of(n), planes, rows)
    launch(_merge_near, n_planes * (n // NEAR), rows, u32(2), u32(NEAR))
    size = 2 * NEAR
    while size <= n:
        apart = size // 2
        while apart > THREADS:
            launch(_exchange, n_planes * (n // NEAR), rows, u32(size), u32(apart))
            apart //= 2
        launch(_merge_near, n_planes * (n // NEAR), rows, u32(size), u32(size))
        size *= 2
    launch(_continue, n_planes * blocks_of(n_pixels), rows, out)


@cuda.jit
def _continue(planes, out):
    """Copy planes to longer or shorter ones; a block is a piece of a plane."""
    n_blocks, _ = divided(cuda.gridDim.x, out.shape[0])
    row, piece = divided(cuda.blockIdx.x, n_blocks)
    i = u32(piece * u32(THREADS) + u32(cuda.threadIdx.x))
    if i < u32(out.shape[1]):
        out[row, i] = planes[row, i] if i < u32(planes.shape[1]) else f32(np.inf)


@cuda.jit
def _exchange(rows, size, apart):
    """Exchange values of lists that are some apart: a thread takes two."""
    n_blocks, _ = divided(cuda.gridDim.x, rows.shape[0])
    row, piece = divided(cuda.blockIdx.x, n_blocks)
    pair = u32(piece * u32(THREADS) + u32(cuda.threadIdx.x))
    low = u32(u32(2) * pair - u32(pair & u32(apart - u32(1))))
    high = u32(low + apart)
    first, second = rows[row, low], rows[row, high]
    is_descending = u32(low & size) != u32(0)
    if (first > second) != is_descending:
        rows[row, low], rows[row, high] = second, first


@cuda.jit
def _merge_near(rows, size, last):
    """Merge lists of a size, and of its doubles up to the last: a block takes NEAR values."""
    values = cuda.shared.array(NEAR, rows.dtype)
    t = u32(cuda.threadIdx.x)
    n_pieces, _ = divided(cuda.gridDim.x, rows.shape[0])
    row, piece = divided(cuda.blockIdx.x, n_pieces)
    start = u32(piece * u32(NEAR))
    values[t] = rows[row, u32(start + t)]
    values[u32(t + u32(THREADS))] = rows[row, u32(start + t + u32(THREADS))]
    while size <= last:
        apart = min(u32(size >> u32(1)), u32(THREADS))
        while apart > u32(0):
            cuda.syncthreads()
            low = u32(u32(2) * t - u32(t & u32(apart - u32(1))))
            high = u32(low + apart)
            first, second = values[low], values[high]
            is_descending = u32(u32(start + low) & size) != u32(0)
            if (first > second) != is_descending:
                values[low], values[high] = second, first
            apart = u32(apart >> u32(1))
        size = u32(size << u32(1))
    cuda.syncthreads()
    rows[row, u32(start + t)] = values[t]
    rows[row, u32(start + t + u32(THREADS))] = values[u32(t + u32(THREADS))]

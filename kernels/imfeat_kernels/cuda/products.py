"""Products of vectors and filters."""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SPAN, add_products, first_sum

f32, u32 = np.float32, np.uint32


def multiply_by_filters(vectors, center, filters, out):
    """Multiply each vector, less a center, by each filter."""
    n_blocks = -(-len(vectors) // SPAN) * -(-len(filters) // SPAN)
    launch(_multiply_by_filters, n_blocks, vectors, center, filters, out)


@cuda.jit
def _multiply_by_filters(vectors, center, filters, out):
    x = cuda.shared.array((DEPTH, ROW), f32)
    w = cuda.shared.array((DEPTH, ROW), f32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    n, n_filters = u32(out.shape[0]), u32(out.shape[1])
    across, _ = divided(n_filters + u32(SPAN - 1), SPAN)
    first, first_filter = divided(cuda.blockIdx.x, across)
    first, first_filter = first * u32(SPAN), first_filter * u32(SPAN)
    add_products(vectors, first, center, filters, first_filter, x, w, sums)
    row, column = first_sum(cuda.threadIdx.x)
    row, column = first + row, first_filter + column
    for a in range(ACROSS):
        for b in range(ACROSS):
            if row + u32(a) < n and column + u32(b) < n_filters:
                out[row + u32(a), column + u32(b)] = sums[a, b]

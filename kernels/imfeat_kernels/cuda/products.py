"""Products of many vectors and some filters."""

import numpy as np

from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch
from imfeat_kernels.cuda.tile import ACROSS, DEPTH, ROW, SIDE, SPAN, add_products

f32, u32 = np.float32, np.uint32


def multiply_by_filters(vectors, filters, out):
    """Multiply each vector by each filter."""
    n_blocks = -(-len(vectors) // SPAN) * -(-len(filters) // SPAN)
    launch(_multiply_by_filters, n_blocks, vectors, filters, out)


@cuda.jit
def _multiply_by_filters(vectors, filters, out):
    x, w = cuda.shared.array((DEPTH, ROW), f32), cuda.shared.array((DEPTH, ROW), f32)
    sums = cuda.local.array((ACROSS, ACROSS), f32)
    n, n_filters = u32(out.shape[0]), u32(out.shape[1])
    across = (n_filters + u32(SPAN - 1)) // u32(SPAN)
    t, item = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x)
    first, first_filter = item // across * u32(SPAN), item % across * u32(SPAN)
    add_products(vectors, first, filters, first_filter, x, w, sums)
    row, column = first + t // u32(SIDE) * u32(ACROSS), first_filter + t % u32(SIDE) * u32(ACROSS)
    for a in range(ACROSS):
        for b in range(ACROSS):
            if row + u32(a) < n and column + u32(b) < n_filters:
                out[row + u32(a), column + u32(b)] = sums[a, b]

"""Normalization of overlapping blocks of cells.

The values v of a block become v / (sum v), the square root of that, v / sqrt(sum v^2), or the latter
clipped and divided by its norm again, each with a constant against division by 0.

1. Compute the factors of many positions side by side, plane by plane.
2. Transpose the values, so that those of a row of a block are contiguous, as in the result.
3. Multiply the values of each block by its factors.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import scale_eight
from imfeat_kernels.cpu.launch import launch

NO_NORM, L1, L1_SQRT, L2, L2_HYS = range(5)
NORMS = {None: NO_NORM, "l1": L1, "l1-sqrt": L1_SQRT, "l2": L2, "l2-hys": L2_HYS}
STRIP = 1 << 12  # values of a strip, which stay in the nearest cache


def normalize_blocks(planes, block_size, stride, norm, constants, out):
    """Gather the values of every block and divide them by their norm.

    Parameters
    ----------
    planes : (n_planes, n_images, height, width) float32
        The values of each cell.
    block_size : (int, int)
        Rows and columns of cells of a block.
    stride : (int, int)
        Rows and columns of cells from one block to the next.
    norm : int
        One of NORMS; NO_NORM copies.
    constants : (4,) float32
        Added to the sum (of squares, for L2), to the norm, and to the second norm of L2_HYS, and the
        value where L2_HYS clips.
    out : (n_images, n_rows, n_cols, block_rows * block_cols * n_planes) float32
        For each block its cells, row by row.
    """
    n_planes, n_images, height, width = planes.shape
    rows_a_strip = max(1, STRIP // (n_planes * width))
    n_strips = -(-n_images * height // rows_a_strip)
    grain = 1 + (1 << 14) // STRIP
    sizes = block_size, stride
    launch(_normalize_blocks, n_strips, planes, *sizes, norm, constants, rows_a_strip, out, grain=grain)


@njit(nogil=True, cache=True, error_model="numpy")
def _normalize_blocks(start, stop, planes, block_size, stride, norm, constants, rows_a_strip, out):
    n_planes, n_images, height, width = planes.shape
    n_positions, n_rows, n_cols, n_values = n_images * height * width, *out.shape[1:]
    block_rows, block_cols = block_size
    limit = constants[3] if norm == L2_HYS else np.float32(np.inf)
    size = rows_a_strip * width
    reach = (block_rows - 1) * width + block_cols - 1  # from the first cell of a block to the last
    scratch = np.zeros((3, size + reach), np.float32)
    cells = np.zeros((size + reach) * n_planes, np.float32)
    values = planes.reshape(-1)
    result = out.reshape(-1)
    for item in range(start, stop):  # an item is a strip of rows of positions
        first = item * size
        n = min(size, n_positions - first)
        n_cells = min(n + reach, n_positions - first)
        # Factors are also computed where no block begins, which keeps the loops long.
        _block_factors(values, planes.shape, first, n, n_cells, block_size, norm, constants, scratch)
        _transpose(values, n_positions, first, n_cells, n_planes, cells)
        for row in range(first // width, (first + n) // width):
            i, r = row // height, row % height // stride[0]
            if r < n_rows and row % height % stride[0] == 0:
                for c in range(n_cols):
                    position = row * width + c * stride[1] - first
                    block = ((i * n_rows + r) * n_cols + c) * n_values
                    factor, again = scratch[1, position], scratch[2, position]
                    for y in range(block_rows):
                        _scale(
                            cells,
                            np.uint64((position + y * width) * n_planes),
                            np.uint64(block_cols * n_planes),
                            norm == L1_SQRT,
                            factor,
                            limit,
                            again,
                            result,
                            np.uint64(block + y * block_cols * n_planes),
                        )


@inner(error_model="numpy")
def _block_factors(values, shape, first, n, n_cells, block_size, norm, constants, scratch):
    """Compute the factor of each block (row 1), and the one after clipping (row 2)."""
    if norm == NO_NORM:
        for p in range(n):
            scratch[1, p], scratch[2, p] = 1, 1
        return
    n_planes, n_images, height, width = shape
    n_positions = n_images * height * width
    squared = norm == L2 or norm == L2_HYS
    for p in range(n_cells):
        scratch[0, p] = 0
    for b in range(n_planes):
        start = np.uint64(b * n_positions + first)
        for p in range(np.uint64(n_cells)):
            value = values[start + p]
            scratch[0, p] += value * value if squared else value
    for p in range(n):
        scratch[2, p] = constants[0]
    for y in range(block_size[0]):
        for x in range(block_size[1]):
            offset = np.uint64(y * width + x)
            for p in range(np.uint64(n)):
                scratch[2, p] += scratch[0, p + offset]
    for p in range(n):
        total = scratch[2, p]
        scratch[1, p] = np.float32(1) / ((np.sqrt(total) if squared else total) + constants[1])
    if norm == L2_HYS:
        _clipped_factors(values, shape, first, n, block_size, constants, scratch)
    else:
        for p in range(n):
            scratch[2, p] = 1


@inner(error_model="numpy")
def _clipped_factors(values, shape, first, n, block_size, constants, scratch):
    n_planes, n_images, height, width = shape
    n_positions = n_images * height * width
    clip = constants[3]
    for p in range(n):
        scratch[2, p] = constants[0]
    for b in range(n_planes):
        for y in range(block_size[0]):
            for x in range(block_size[1]):
                start = np.uint64(b * n_positions + first + y * width + x)
                for p in range(np.uint64(max(0, min(n, len(values) - int(start))))):
                    value = values[start + p] * scratch[1, p]
                    value = value if value < clip else clip
                    scratch[2, p] += value * value
    for p in range(n):
        scratch[2, p] = np.float32(1) / (np.sqrt(scratch[2, p]) + constants[2])


@inner
def _transpose(values, n_positions, first, n_cells, n_planes, cells):
    """Make the values of each cell contiguous."""
    stride = np.uint64(n_planes)
    for b in range(n_planes):
        start = np.uint64(b * n_positions + first)
        plane = np.uint64(b)
        for p in range(np.uint64(n_cells)):
            cells[p * stride + plane] = values[start + p]


@inner
def _scale(cells, first, n, rooted, factor, limit, again, out, start):
    """Scale n values, eight at a time; the last eight overlap the ones before."""
    eight = np.uint64(8)
    if rooted:
        for k in range(n):
            out[start + k] = np.sqrt(cells[first + k] * factor)
    elif n < eight:
        for k in range(n):
            value = cells[first + k] * factor
            out[start + k] = (value if value < limit else limit) * again
    else:
        last = n - eight
        for k in range(np.uint64(0), last, eight):
            scale_eight(cells, first + k, factor, limit, again, out, start + k)
        scale_eight(cells, first + last, factor, limit, again, out, start + last)

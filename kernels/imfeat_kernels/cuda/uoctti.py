"""Signed and unsigned oriented gradients and texture of cells, normalized four times (UoCTTI).

1. `_vote` sums the votes for a row of cells: a thread sums columns of pixels in its own bins.  Each pixel is
   read twice, for the two rows of cells that it votes for.
2. `_normalize` computes the energies around a cell, and normalizes it: a thread is a cell.
"""

import math

import numpy as np

from imfeat_kernels.cpu import uoctti as cpu
from imfeat_kernels.cpu.uoctti import C1, C2, C3, C4, FLOOR, S1, S2, S3, S4, SIGNED, TEXTURE, UNSIGNED
from imfeat_kernels.cuda.common import divided, place_of, product
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.hog import gradient
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch

clipped = on_device(cpu.clipped)
f32, i32, u32 = np.float32, np.int32, np.uint32
SUMS = SIGNED * THREADS  # sums in shared memory


def cell_features(images, cell_size, out):
    """Describe every cell by 18 signed and 9 unsigned directions and 4 values for texture."""
    n_images, n_rows, n_cols, _ = out.shape
    votes = empty((n_images, n_rows, n_cols, SIGNED), np.float32, out)
    # Cells of a block; pixels up to half a cell away vote for a cell.
    n_cells = max(1, (THREADS - 1) // cell_size - 1)
    white = np.float32(255 if images.dtype == np.uint8 else 1)
    n_blocks = n_images * n_rows * -(-n_cols // n_cells)
    launch(_vote, n_blocks, images, cell_size, n_cells, white, votes)
    launch(_normalize, blocks_of(n_images * n_rows * n_cols), votes, out)


@cuda.jit(device=True)
def _direction(dy, dx):
    """Return the direction of 18 with the largest product, as on the CPU."""
    up, across = abs(dy), abs(dx)
    g1, g2 = across * C1 + up * S1, across * C2 + up * S2
    g3, g4 = across * C3 + up * S3, across * C4 + up * S4
    k = i32(g1 > across) + i32(g2 > g1) + i32(g3 > g2) + i32(g4 > g3)
    if (dx < f32(0)) != (dy < f32(0)) and g4 > up * S4 - across * C4:
        k = i32(UNSIGNED) - k
    k = k + i32(UNSIGNED) if dy < f32(0) else k
    return i32(0) if k == i32(SIGNED) else k


@cuda.jit(device=True)
def weight_of(pixel, center, size):
    """Return the weight of a pixel for a cell: 1 at its center, 0 at the centers of its neighbours."""
    apart = abs(f32(pixel) + f32(0.5) - center) / size
    return f32(1) - apart if apart < f32(1) else f32(0)


@cuda.jit(device=True)
def _square(images, i, y, x, c):
    """Return the square of the gradient of a channel, exact for bytes."""
    dy, dx = gradient(images, i, y, x, c)
    return product(dx, dx) + product(dy, dy)


@cuda.jit(device=True)
def strongest_gradient(images, i, y, x):
    """Return the gradient of the strongest channel, of the first of several."""
    best = u32(0)
    n_channels = images.shape[3]
    if n_channels > 1:
        largest = _square(images, i, y, x, best)
        for c in range(1, n_channels):
            square = _square(images, i, y, x, u32(c))
            if square > largest:
                best = u32(c)
                largest = square
    return gradient(images, i, y, x, best)


@cuda.jit
def _vote(images, cell_size, n_cells, white, votes):
    sums = cuda.shared.array(SUMS, f32)
    t = i32(cuda.threadIdx.x)
    size = i32(cell_size)
    n_rows, n_cols = i32(votes.shape[1]), i32(votes.shape[2])
    height, width = i32(images.shape[1]), i32(images.shape[2])
    per_row, _ = divided(n_cols + i32(n_cells) - i32(1), n_cells)
    row, cell = divided(cuda.blockIdx.x, per_row)
    i, r = divided(row, n_rows)
    r = i32(r)
    cell = i32(cell) * i32(n_cells)
    n_here = min(i32(n_cells), n_cols - cell)
    n_threads = i32(THREADS)
    for k in range(SIGNED):
        sums[i32(k) * n_threads + t] = f32(0)
    top, left = r * size - ((size + i32(1)) >> i32(1)), cell * size - ((size + i32(1)) >> i32(1))
    span = (n_here + i32(1)) * size + i32(1)
    middle, center = (f32(r) + f32(0.5)) * f32(size), (f32(cell) + f32(0.5)) * f32(size)
    is_wide = span > n_threads  # then the block is a single cell, and columns are weighted at once
    column = t
    while column < span:
        x = left + column
        if x > i32(0) and x < width - i32(1):
            across = weight_of(x, center, f32(size)) if is_wide else f32(1)
            for y in range(max(top, i32(1)), min(top + i32(2) * size + i32(1), height - i32(1))):
                weight = weight_of(i32(y), middle, f32(size)) * across
                dy, dx = strongest_gradient(images, i, u32(y), u32(x))
                sums[_direction(dy, dx) * n_threads + t] += weight * math.sqrt(dy * dy + dx * dx)
        column += n_threads
    cuda.syncthreads()
    k = t
    while k < n_here * i32(SIGNED):
        c, b = divided(k, SIGNED)
        c = i32(c)
        b = i32(b)
        total = f32(0)
        first = i32(0) if is_wide else c * size
        center = (f32(cell + c) + f32(0.5)) * f32(size)
        for column in range(first, min(first + i32(2) * size + i32(1), n_threads)):
            across = f32(1) if is_wide else weight_of(left + i32(column), center, f32(size))
            total += across * sums[b * n_threads + i32(column)]
        votes[i, r, cell + c, b] = total / white
        k += n_threads


@cuda.jit(device=True)
def _energy(votes, i, r, c):
    """Return the energy of a cell; beyond the border, the cell at the border is repeated."""
    r = min(max(r, i32(0)), i32(votes.shape[1] - 1))
    c = min(max(c, i32(0)), i32(votes.shape[2] - 1))
    energy = f32(0)
    for k in range(UNSIGNED):
        both = votes[i, r, c, k] + votes[i, r, c, k + UNSIGNED]
        energy += both * both
    return energy


@cuda.jit(device=True)
def _factor(votes, i, r, c):
    """Return the factor of the corner of the cells r - 1, r and c - 1, c."""
    upper = _energy(votes, i, r - i32(1), c - i32(1)) + _energy(votes, i, r - i32(1), c)
    lower = _energy(votes, i, r, c - i32(1)) + _energy(votes, i, r, c)
    return f32(1) / math.sqrt(upper + lower + FLOOR)


@cuda.jit
def _normalize(votes, out):
    item = cuda.grid(1)
    n_rows, n_cols = out.shape[1], out.shape[2]
    if item < out.shape[0] * n_rows * n_cols:
        row, c = place_of(item, n_cols)
        i, r = divided(row, n_rows)
        r, c = i32(r), i32(c)
        f0, f1 = _factor(votes, i, r, c), _factor(votes, i, r, c + i32(1))
        f2, f3 = _factor(votes, i, r + i32(1), c), _factor(votes, i, r + i32(1), c + i32(1))
        t0, t1, t2, t3 = f32(0), f32(0), f32(0), f32(0)
        for k in range(SIGNED + UNSIGNED):
            value = votes[i, r, c, k if k < SIGNED else k - SIGNED]
            value = value + votes[i, r, c, k - UNSIGNED] if k >= SIGNED else value
            c0 = clipped(value * f0)
            c1 = clipped(value * f1)
            c2 = clipped(value * f2)
            c3 = clipped(value * f3)
            out[i, r, c, k] = (c0 + c1 + (c2 + c3)) * f32(0.5)
            if k >= SIGNED:
                t0, t1, t2, t3 = t0 + c0, t1 + c1, t2 + c2, t3 + c3
        out[i, r, c, 27], out[i, r, c, 28] = t0 * TEXTURE, t1 * TEXTURE
        out[i, r, c, 29], out[i, r, c, 30] = t2 * TEXTURE, t3 * TEXTURE

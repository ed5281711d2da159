"""Normalization of overlapping blocks of cells: threads compute factors, then write adjacent values."""

import math

import numpy as np

from imfeat_kernels.cpu.blocks import L1_SQRT, L2, L2_HYS, NO_NORM
from imfeat_kernels.cpu.blocks import NORMS as NORMS
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import launch

f32, u32 = np.float32, np.uint32
AT_ONCE = 128  # blocks of cells, and threads


def normalize_blocks(planes, block_size, stride, norm, constants, out):
    """Gather the values of every block, and divide them by their norm."""
    n_blocks = -(-out.shape[0] * out.shape[1] * out.shape[2] // AT_ONCE)
    numbers = np.array([block_size[1], *stride, norm], np.int32)
    launch(_normalize_blocks, n_blocks, planes, numbers, constants, out, threads=AT_ONCE)


@cuda.jit(device=True)
def _value(planes, i, r, c, block_cols, k):
    """Return value k of a block, whose cells are ordered by row and whose values by plane."""
    cell, plane = divided(k, planes.shape[0])
    y, x = divided(cell, block_cols)
    return planes[plane, i, r + y, c + x]


@cuda.jit(device=True)
def _place(item, n_rows, n_cols):
    """Return image, row and column of a block."""
    row, c = divided(item, n_cols)
    i, r = divided(row, n_rows)
    return i, r, c


@cuda.jit
def _normalize_blocks(planes, numbers, constants, out):
    factors = cuda.shared.array(AT_ONCE, f32)
    again = cuda.shared.array(AT_ONCE, f32)
    t = u32(cuda.threadIdx.x)
    block_cols = u32(numbers[0])
    down, across = u32(numbers[1]), u32(numbers[2])
    norm = numbers[3]
    clip = constants[3]
    first = u32(cuda.blockIdx.x) * u32(AT_ONCE)
    n_rows, n_cols, n_values = u32(out.shape[1]), u32(out.shape[2]), u32(out.shape[3])
    count = min(u32(AT_ONCE), u32(out.shape[0]) * n_rows * n_cols - first)
    if t < count:
        i, r, c = _place(first + t, n_rows, n_cols)
        squared = norm == L2 or norm == L2_HYS
        total = constants[0]
        for k in range(n_values):
            value = _value(planes, i, r * down, c * across, block_cols, u32(k))
            total += value * value if squared else value
        factor = f32(1) / ((math.sqrt(total) if squared else total) + constants[1])
        factors[t] = f32(1) if norm == NO_NORM else factor
        again[t] = f32(1)
        if norm == L2_HYS:
            total = constants[0]
            for k in range(n_values):
                value = min(_value(planes, i, r * down, c * across, block_cols, u32(k)) * factor, clip)
                total += value * value
            again[t] = f32(1) / (math.sqrt(total) + constants[2])
    cuda.syncthreads()
    k = t
    while k < count * n_values:
        item, column = divided(k, n_values)
        i, r, c = _place(first + item, n_rows, n_cols)
        value = _value(planes, i, r * down, c * across, block_cols, column) * factors[item]
        if norm == L2_HYS:
            value = min(value, clip) * again[item]
        out[i, r, c, column] = math.sqrt(value) if norm == L1_SQRT else value
        k = u32(k + u32(AT_ONCE))

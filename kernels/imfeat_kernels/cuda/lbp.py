"""Local binary patterns: a thread computes the code of a pixel."""

import math

import numpy as np

from imfeat_kernels.cpu import lbp
from imfeat_kernels.cpu.lbp import METHODS as METHODS
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, f64, i32, u32 = np.float32, np.float64, np.int32, np.uint32
ROR, UNIFORM, NRI_UNIFORM = lbp.ROR, lbp.UNIFORM, lbp.NRI_UNIFORM
DOUBLES = ("_pattern_codes", "_neighbor_variances")  # which agree with scikit-image only in float64
uniform_code = on_device(lbp.uniform_code)
nri_uniform_code = on_device(lbp.nri_uniform_code)


def pattern_codes(images, rows, row_shares, cols, col_shares, method, out):
    """Compute the code of the local binary pattern of each pixel."""
    places = rows, row_shares, cols, col_shares
    launch(_pattern_codes, blocks_of(out.size), images, *places, method, out)


def neighbor_variances(images, rows, row_shares, cols, col_shares, out):
    """Compute the variance of the neighbours of each pixel."""
    launch(_neighbor_variances, blocks_of(out.size), images, rows, row_shares, cols, col_shares, out)


def rank_codes(codes, table, out):
    """Replace each code by its index in a table of sorted codes."""
    launch(_rank_codes, blocks_of(len(out)), codes, table.astype(np.uint32), out)


def bin_variances(variances, white, n_bins, out):
    """Cut the standard deviation, from 0 to white / 2, into bins of equal width."""
    launch(_bin_variances, blocks_of(len(out)), variances, white, n_bins, out)


def count_codes(codes, rows, cols, out):
    """Count the codes of each region."""
    n_regions = (len(rows) - 1) * (len(cols) - 1)
    launch(_count_codes, len(codes) * n_regions, codes, rows, cols, out)


@cuda.jit
def _pattern_codes(images, rows, row_shares, cols, col_shares, method, out):
    item = cuda.grid(1)
    if item < out.size:
        row, x = place_of(item, images.shape[2])
        i, y = divided(row, images.shape[1])
        n = u32(rows.shape[0])
        bits = u32(0)
        for k in range(n):
            value = _neighbor(images, i, y, x, rows[k], row_shares[k, y], cols[k], col_shares[k, x])
            if value >= f64(images[i, y, x]):
                bits = u32(bits | u32(u32(1) << u32(k)))
        if method == ROR:
            bits = _rotated(bits, n)
        elif method == UNIFORM:
            bits = u32(uniform_code(bits, n))
        elif method == NRI_UNIFORM:
            bits = u32(nri_uniform_code(bits, n))
        out[i, y, x] = bits


@cuda.jit
def _neighbor_variances(images, rows, row_shares, cols, col_shares, out):
    item = cuda.grid(1)
    if item < out.size:
        row, x = place_of(item, images.shape[2])
        i, y = divided(row, images.shape[1])
        n = u32(rows.shape[0])
        total = f64(0)
        squares = f64(0)
        for k in range(n):
            value = _neighbor(images, i, y, x, rows[k], row_shares[k, y], cols[k], col_shares[k, x])
            total += value
            squares += _product(value, value)
        variance = (squares - _product(total, total) / f64(n)) / f64(n)
        out[i, y, x] = f32(max(variance, f64(0)))


@cuda.jit
def _rank_codes(codes, table, out):
    i = cuda.grid(1)
    if i < out.size:
        code = codes[i]
        first, last = u32(0), u32(table.size)
        while last - first > u32(1):
            middle = u32(u32(first + last) >> u32(1))
            if table[middle] <= code:
                first = middle
            else:
                last = middle
        out[i] = first


@cuda.jit
def _bin_variances(variances, white, n_bins, out):
    i = cuda.grid(1)
    if i < out.size:
        share = f32(2) * math.sqrt(variances[i]) / white
        out[i] = u32(min(share * n_bins, n_bins - f32(1)))


@cuda.jit(device=True)
def _neighbor(images, i, y, x, row, row_share, col, col_share):
    """Interpolate a neighbour of a pixel; pixels outside of the image are 0."""
    top = i32(y) + i32(row)
    left = i32(x) + i32(col)
    upper_left = _pixel(images, i, top, left)
    if row_share == 0 and col_share == 0:
        return upper_left
    near = f64(1) - col_share
    upper = _product(near, upper_left) + _product(col_share, _pixel(images, i, top, left + i32(1)))
    lower_left = _product(near, _pixel(images, i, top + i32(1), left))
    lower = lower_left + _product(col_share, _pixel(images, i, top + i32(1), left + i32(1)))
    return _product(f64(1) - row_share, upper) + _product(row_share, lower)


@cuda.jit(device=True)
def _pixel(images, i, y, x):
    inside = i32(0) <= y < i32(images.shape[1]) and i32(0) <= x < i32(images.shape[2])
    return f64(images[i, y, x]) if inside else f64(0)


@cuda.jit(device=True)
def _product(a, b):
    """Return a * b, rounded: a sum with it can't be fused."""
    return cuda.fma(a, b, f64(0))


@cuda.jit(device=True)
def _rotated(bits, n):
    """Return the smallest rotation of bits."""
    turned = bits
    for _ in range(n - u32(1)):
        turned = u32(u32(turned >> u32(1)) | u32(u32(turned & u32(1)) << u32(n - u32(1))))
        bits = min(bits, turned)
    return bits


@cuda.jit
def _count_codes(codes, rows, cols, out):
    """Count the codes of a region with the threads of a block."""
    n_cols = u32(cols.shape[0] - 1)
    image_row, c = divided(cuda.blockIdx.x, n_cols)
    i, r = divided(image_row, rows.shape[0] - 1)
    t = u32(cuda.threadIdx.x)
    k = t
    while k < u32(out.shape[3]):
        out[i, r, c, k] = u32(0)
        k = u32(k + u32(THREADS))
    cuda.syncthreads()
    height = u32(rows[r + u32(1)] - rows[r])
    width = u32(cols[c + u32(1)] - cols[c])
    k = t
    while k < u32(height * width):
        y, x = divided(k, width)
        code = u32(codes[i, u32(rows[r]) + y, u32(cols[c]) + x])
        cuda.atomic.add(out, (i, r, c, code), u32(1))
        k = u32(k + u32(THREADS))

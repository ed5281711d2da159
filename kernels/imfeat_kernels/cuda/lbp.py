"""Local binary patterns: a thread computes the code of a pixel."""

import math

import numpy as np

from imfeat_kernels.cpu import lbp
from imfeat_kernels.cpu.lbp import METHODS as METHODS
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda, on_device
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, f64, i32, i64, u32, u64 = np.float32, np.float64, np.int32, np.int64, np.uint32, np.uint64
ROR, UNIFORM, NRI_UNIFORM = lbp.ROR, lbp.UNIFORM, lbp.NRI_UNIFORM
DOUBLES = ("_pattern_codes", "_neighbor_variances")  # which agree with scikit-image only in float64
uniform_code = on_device(lbp.uniform_code)
nri_uniform_code = on_device(lbp.nri_uniform_code)


def pattern_codes(images, rows, row_shares, cols, col_shares, method, out):
    """Compute the code of the local binary pattern of each pixel."""
    inputs = images.reshape(-1), *_places(images, rows, row_shares, cols, col_shares)
    launch(_pattern_codes, blocks_of(out.size), *inputs, method, out.reshape(-1))


def neighbor_variances(images, rows, row_shares, cols, col_shares, out):
    """Compute the variance of the neighbours of each pixel."""
    inputs = images.reshape(-1), *_places(images, rows, row_shares, cols, col_shares)
    launch(_neighbor_variances, blocks_of(out.size), *inputs, out.reshape(-1))


def _places(images, rows, row_shares, cols, col_shares):
    """Return the size of an image, the place of each neighbour, down, across and in all, and the shares."""
    height, width = images.shape[1:]
    places = np.stack([rows, cols, rows * width + cols], 1).astype(np.int64)
    return np.array([height, width], np.int64), places, row_shares.reshape(-1), col_shares.reshape(-1)


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
def _pattern_codes(values, sizes, places, row_shares, col_shares, method, out):
    item = cuda.grid(1)
    if item < out.size:
        height, width = u32(sizes[0]), u32(sizes[1])
        row, x = place_of(item, width)
        _, y = divided(row, height)
        n = u32(places.shape[0])
        center = f64(values[u64(item)])
        bits = u32(0)
        k = u32(0)
        while k < n:
            down, across = row_shares[u32(k * height + y)], col_shares[u32(k * width + x)]
            value = _neighbor(values, item, height, width, y, x, places, k, down, across)
            bits = u32(bits | u32(u32(1) << k)) if value >= center else bits
            k = u32(k + u32(1))
        if method == ROR:
            bits = _rotated(bits, n)
        elif method == UNIFORM:
            bits = u32(uniform_code(bits, n))
        elif method == NRI_UNIFORM:
            bits = u32(nri_uniform_code(bits, n))
        out[u64(item)] = bits


@cuda.jit
def _neighbor_variances(values, sizes, places, row_shares, col_shares, out):
    item = cuda.grid(1)
    if item < out.size:
        height, width = u32(sizes[0]), u32(sizes[1])
        row, x = place_of(item, width)
        _, y = divided(row, height)
        n = u32(places.shape[0])
        total = f64(0)
        squares = f64(0)
        k = u32(0)
        while k < n:
            down, across = row_shares[u32(k * height + y)], col_shares[u32(k * width + x)]
            value = _neighbor(values, item, height, width, y, x, places, k, down, across)
            total += value
            squares += _product(value, value)
            k = u32(k + u32(1))
        variance = (squares - _product(total, total) / f64(n)) / f64(n)
        out[u64(item)] = f32(max(variance, f64(0)))


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
def _neighbor(values, item, height, width, y, x, places, k, row_share, col_share):
    """Interpolate a neighbour of a pixel; pixels outside of the image are 0."""
    top, left = u32(y + u32(places[k, 0])), u32(x + u32(places[k, 1]))  # above 2^31 where negative
    p = u64(item + places[k, 2])
    aligned = row_share == f64(0) and col_share == f64(0)
    upper_left, upper_right, lower_left, lower_right = f64(0), f64(0), f64(0), f64(0)
    if top < u32(height - u32(1)) and left < u32(width - u32(1)):
        upper_left = f64(values[p])
        if not aligned:
            upper_right, lower_left = f64(values[p + u64(1)]), f64(values[p + u64(width)])
            lower_right = f64(values[p + u64(width) + u64(1)])
    else:
        below, right = u32(top + u32(1)), u32(left + u32(1))
        upper_left = f64(values[p]) if top < height and left < width else f64(0)
        upper_right = f64(values[p + u64(1)]) if top < height and right < width else f64(0)
        lower_left = f64(values[p + u64(width)]) if below < height and left < width else f64(0)
        is_inside = below < height and right < width
        lower_right = f64(values[p + u64(width) + u64(1)]) if is_inside else f64(0)
    if aligned:
        return upper_left
    near = f64(1) - col_share
    upper = _product(near, upper_left) + _product(col_share, upper_right)
    lower = _product(near, lower_left) + _product(col_share, lower_right)
    return _product(f64(1) - row_share, upper) + _product(row_share, lower)


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

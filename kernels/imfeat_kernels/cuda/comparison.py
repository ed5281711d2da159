"""Sums of terms of two histograms, and of products: a thread is a pair, or has 4 by 4 pairs of a block."""

import math

import numpy as np

from imfeat_kernels.cpu.comparison import (
    BHATTACHARYYA,
    CHI_SQUARE,
    CHI_SQUARE_ALT,
    CORRELATION,
    NONE,
    NOTHING,
    RARE,
    SMALL,
)
from imfeat_kernels.cpu.comparison import MEASURES as MEASURES
from imfeat_kernels.cpu.comparison import TERMS as TERMS
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, empty, launch

f32, f64, i32, u32 = np.float32, np.float64, np.int32, np.uint32
DOUBLES = ("_centers", "_correlations", "_coefficients", "_divergences")  # whose sums cancel
RUN = 32  # bins that are added up before they are added to a sum of many
SIDE, ACROSS = 16, 4  # threads of a block along either side, pairs of a thread along either side
SPAN, DEPTH = 64, 8  # histograms of a block of either set, bins at a time
ROW = SPAN + 2  # so that threads that write a column have no bank conflicts


def sum_terms(first, second, term, out):
    """Compare each histogram of one set with each of another."""
    launch(_sum_terms, blocks_of(out.size), first, second, term, out)


def sum_products(first, second, measure, out):
    """Compare each histogram of one set with each of another, by sums of products in float64."""
    if measure == CORRELATION:
        centers = [empty((len(rows), 2), np.float64, out) for rows in (first, second)]
        for rows, of_rows in zip((first, second), centers, strict=True):
            launch(_centers, blocks_of(len(rows)), rows, of_rows)
        n_blocks = blocks_of(len(first), SPAN) * blocks_of(len(second), SPAN)
        launch(_correlations, n_blocks, first, second, *centers, out)
        return
    body = _coefficients if measure == BHATTACHARYYA else _divergences
    launch(body, blocks_of(out.size), first, second, out)


@cuda.jit
def _sum_terms(first, second, term, out):
    item = cuda.grid(1)
    if item < out.size:
        i, j = place_of(item, second.shape[0])
        total = f32(0)
        part = f32(0)
        count = i32(0)
        smallest = NOTHING if term == CHI_SQUARE else f32(0.5) * NOTHING
        for k in range(first.shape[1]):
            x, y = first[i, u32(k)], second[j, u32(k)]
            apart = x - y
            divisor = x if term == CHI_SQUARE else f32(0.5) * (x + y)
            value = apart * apart / divisor if divisor > smallest else f32(0)
            part += value if term <= CHI_SQUARE_ALT else min(x, y)
            count += i32(1)
            if count == i32(RUN):
                total += part
                part, count = f32(0), i32(0)
        out[i, j] = total + part


@cuda.jit
def _centers(rows, out):
    """Compute the mean of each histogram, and its sum of squared differences from it."""
    item = cuda.grid(1)
    if item < rows.shape[0]:
        i, n = u32(item), u32(rows.shape[1])
        total = f64(0)
        for k in range(n):
            total += rows[i, u32(k)]
        mean = total / f64(n)
        squares = f64(0)
        for k in range(n):
            apart = rows[i, u32(k)] - mean
            squares += apart * apart
        out[i, 0], out[i, 1] = mean, squares


@cuda.jit(device=True)
def _load(rows, centers, first, start, lines):
    """Copy DEPTH bins of SPAN histograms, less their means, zeros beyond the ends."""
    for k in range(0, SPAN * DEPTH, THREADS):
        row, j = divided(u32(cuda.threadIdx.x) + u32(k), DEPTH)
        inside = first + row < u32(rows.shape[0]) and start + j < u32(rows.shape[1])
        lines[j, row] = rows[first + row, start + j] - centers[first + row, 0] if inside else f64(0)


@cuda.jit
def _correlations(first, second, first_centers, second_centers, out):
    x = cuda.shared.array((DEPTH, ROW), f64)
    y = cuda.shared.array((DEPTH, ROW), f64)
    sums = cuda.local.array((ACROSS, ACROSS), f64)
    row, column = divided(cuda.threadIdx.x, SIDE)
    row, column = row * u32(ACROSS), column * u32(ACROSS)
    across, _ = divided(u32(out.shape[1]) + u32(SPAN - 1), SPAN)
    i, j = divided(cuda.blockIdx.x, across)
    i, j = i * u32(SPAN), j * u32(SPAN)
    for a in range(ACROSS):
        for b in range(ACROSS):
            sums[a, b] = f64(0)
    start = u32(0)
    while start < u32(first.shape[1]):
        _load(first, first_centers, i, start, x)
        _load(second, second_centers, j, start, y)
        cuda.syncthreads()
        for k in range(DEPTH):
            for a in range(ACROSS):
                value = x[k, row + u32(a)]
                for b in range(ACROSS):
                    sums[a, b] += value * y[k, column + u32(b)]
        cuda.syncthreads()
        start = u32(start + u32(DEPTH))
    for a in range(ACROSS):
        for b in range(ACROSS):
            p, q = u32(i + row + u32(a)), u32(j + column + u32(b))
            if p < u32(out.shape[0]) and q < u32(out.shape[1]):
                squares = first_centers[p, 1] * second_centers[q, 1]
                out[p, q] = f32(sums[a, b] / math.sqrt(squares)) if squares > NONE else f32(1)


@cuda.jit
def _coefficients(first, second, out):
    item = cuda.grid(1)
    if item < out.size:
        i, j = place_of(item, second.shape[0])
        x_sum, y_sum, both = f64(0), f64(0), f64(0)
        for k in range(first.shape[1]):
            x, y = f64(first[i, u32(k)]), f64(second[j, u32(k)])
            x_sum += x
            y_sum += y
            both += math.sqrt(x * y)
        sizes = x_sum * y_sum
        rest = f64(1) - both / math.sqrt(sizes if sizes > SMALL else f64(1))
        out[i, j] = f32(math.sqrt(rest if rest > f64(0) else f64(0)))


@cuda.jit
def _divergences(first, second, out):
    item = cuda.grid(1)
    if item < out.size:
        i, j = place_of(item, second.shape[0])
        total = f64(0)
        for k in range(first.shape[1]):
            x, y = f64(first[i, u32(k)]), f64(second[j, u32(k)])
            if x > NONE:
                total += x * math.log(x / (y if y > NONE else RARE))
        out[i, j] = f32(total)

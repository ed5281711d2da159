"""Sums of terms of two histograms, and of products: a thread is a pair."""

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
from imfeat_kernels.cuda.common import place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

f32, f64, i32, u32 = np.float32, np.float64, np.int32, np.uint32
DOUBLES = ("_correlations", "_coefficients", "_divergences")  # whose sums cancel
RUN = 32  # bins that are added up before they are added to a sum of many


def sum_terms(first, second, term, out):
    """Compare each histogram of one set with each of another."""
    launch(_sum_terms, blocks_of(out.size), first, second, term, out)


def sum_products(first, second, measure, out):
    """Compare each histogram of one set with each of another, by sums of products in float64."""
    bodies = {CORRELATION: _correlations, BHATTACHARYYA: _coefficients}
    launch(bodies.get(measure, _divergences), blocks_of(out.size), first, second, out)


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
def _correlations(first, second, out):
    item = cuda.grid(1)
    if item < out.size:
        i, j = place_of(item, second.shape[0])
        n = first.shape[1]
        x_mean, y_mean = f64(0), f64(0)
        for k in range(n):
            x_mean += first[i, u32(k)]
            y_mean += second[j, u32(k)]
        x_mean, y_mean = x_mean / f64(n), y_mean / f64(n)
        x_square, y_square, both = f64(0), f64(0), f64(0)
        for k in range(n):
            x, y = first[i, u32(k)] - x_mean, second[j, u32(k)] - y_mean
            x_square += x * x
            y_square += y * y
            both += x * y
        squares = x_square * y_square
        out[i, j] = f32(both / math.sqrt(squares)) if squares > NONE else f32(1)


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

"""Sums of terms of two histograms: a thread is a pair."""

import numpy as np

from imfeat_kernels.cpu.comparison import CHI_SQUARE, CHI_SQUARE_ALT, NOTHING
from imfeat_kernels.cpu.comparison import TERMS as TERMS
from imfeat_kernels.cuda.common import place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

f32, i32, u32 = np.float32, np.int32, np.uint32
RUN = 32  # bins that are added up before they are added to a sum of many


def sum_terms(first, second, term, out):
    """Compare each histogram of one set with each of another."""
    launch(_sum_terms, blocks_of(out.size), first, second, term, out)


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

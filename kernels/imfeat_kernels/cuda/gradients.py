"""Gradients of pixels, of the strongest channel."""

import math

import numpy as np

from imfeat_kernels.cpu import _hog as cpu
from imfeat_kernels.cuda.common import product
from imfeat_kernels.cuda.front import cuda

f32, u32, u64 = np.float32, np.uint32, np.uint64
SLACK = cpu.SLACK
SQUARES, MAGNITUDES, ALMOST = 0, 1, 2  # how gradients of channels are compared


@cuda.jit(device=True)
def _magnitude(dy, dx):
    """Return the correctly rounded magnitude, which tells equal from almost equal ones."""
    a, b = product(dy, dy), product(dx, dx)
    high = a + b
    low = (b - (high - a) if a > b else a - (high - b)) + cuda.fma(dy, dy, -a) + cuda.fma(dx, dx, -b)
    root = math.sqrt(high)
    return root + (cuda.fma(-root, root, high) + low) / (root + root) if root > f32(0) else root


@cuda.jit(device=True)
def _is_stronger(dy, dx, best_dy, best_dx, how):
    """Return whether a gradient is stronger than the best one, as on the CPU."""
    if how == MAGNITUDES:
        return _magnitude(dy, dx) > _magnitude(best_dy, best_dx)
    slack = SLACK if how == ALMOST else f32(1)
    return dy * dy + dx * dx > (best_dy * best_dy + best_dx * best_dx) * slack


@cuda.jit(device=True)
def _difference(values, before, after):
    return f32(values[u64(after)]) - f32(values[u64(before)])


@cuda.jit(device=True)
def strongest_difference(values, p, down, across, n_channels, how):
    """Return the gradient of the strongest channel of a pixel, the first of several.

    The pixels around are ``down`` and ``across`` values away; 0 gives a difference of 0.
    """
    above, below = u64(p - down), u64(p + down)
    left, right = u64(p - across), u64(p + across)
    dy, dx = _difference(values, above, below), _difference(values, left, right)
    if n_channels == u32(3):  # unrolled, so that offsets of channels are constants
        for c in range(1, 3):
            next_dy = _difference(values, above + u64(c), below + u64(c))
            next_dx = _difference(values, left + u64(c), right + u64(c))
            if _is_stronger(next_dy, next_dx, dy, dx, how):
                dy, dx = next_dy, next_dx
        return dy, dx
    c = u64(1)
    while c < u64(n_channels):
        next_dy = _difference(values, above + c, below + c)
        next_dx = _difference(values, left + c, right + c)
        if _is_stronger(next_dy, next_dx, dy, dx, how):
            dy, dx = next_dy, next_dx
        c = u64(c + u64(1))
    return dy, dx

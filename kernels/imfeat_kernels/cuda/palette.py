"""The nearest colour of a palette, exactly: a thread finds it for several pixels.  Counts of colours.

|p|^2 - 2 x.p is an integer below 2^24, which float32 holds exactly.
"""

import numpy as np

from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, clear, launch

f32, i32, u32 = np.float32, np.int32, np.uint32
PIXELS = 4  # pixels of a thread, which reads the palette once for all of them
CHUNK = THREADS  # colours in shared memory


def nearest_colors(pixels, palette, out):
    """Find the nearest colour of each pixel, the first of several."""
    launch(_nearest_colors, blocks_of(len(out), PIXELS * THREADS), pixels, palette, out)


def count_colors(pixels, out):
    """Count how often each colour occurs."""
    clear(out)
    launch(_count_colors, blocks_of(len(pixels) // 3), pixels, len(out), out.reshape(-1))


@cuda.jit
def _nearest_colors(pixels, palette, out):
    lines = cuda.shared.array((CHUNK, 4), f32)
    x = cuda.local.array((PIXELS, 3), f32)
    best, nearest = cuda.local.array(PIXELS, f32), cuda.local.array(PIXELS, i32)
    t = cuda.threadIdx.x
    n = palette.shape[0]
    start = cuda.blockIdx.x * (PIXELS * THREADS) + t
    for k in range(PIXELS):
        i = min(start + k * THREADS, out.size - 1)
        best[k], nearest[k] = f32(1 << 24), i32(0)
        for c in range(3):
            x[k, c] = f32(i32(pixels[3 * i + c]))
    first = 0
    while first < n:
        if first + t < n:
            square = i32(0)
            for c in range(3):
                value = i32(palette[first + t, c])
                square += value * value
                lines[t, c] = f32(i32(-2) * value)
            lines[t, 3] = f32(square)
        cuda.syncthreads()
        for j in range(min(CHUNK, n - first)):
            a, b, c, d = lines[j, 0], lines[j, 1], lines[j, 2], lines[j, 3]
            for k in range(PIXELS):
                score = cuda.fma(a, x[k, 0], cuda.fma(b, x[k, 1], cuda.fma(c, x[k, 2], d)))
                nearest[k] = i32(first + j) if score < best[k] else nearest[k]
                best[k] = score if score < best[k] else best[k]
        cuda.syncthreads()
        first += CHUNK
    for k in range(PIXELS):
        i = start + k * THREADS
        if i < out.size:
            out[i] = nearest[k]


@cuda.jit
def _count_colors(pixels, n_levels, out):
    first = 3 * cuda.grid(1)
    if first < pixels.size:
        n = u32(n_levels)
        index = u32(u32(pixels[first]) * n + u32(pixels[first + 1]))
        cuda.atomic.add(out, u32(index * n + u32(pixels[first + 2])), u32(1))

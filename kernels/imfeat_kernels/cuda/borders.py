"""Images continued beyond their borders: a thread is a pixel."""

import numpy as np

from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

i32, u32 = np.int32, np.uint32


def mirror(images, corner, out):
    """Copy images into larger ones, and continue them by mirror images, as `numpy.pad` with ``"reflect"``."""
    launch(_mirror, blocks_of(out.size // out.shape[3]), images, *corner, out)


@cuda.jit
def _mirror(images, top, left, out):
    item = cuda.grid(1)
    if item < out.shape[0] * out.shape[1] * out.shape[2]:
        row, x = place_of(item, out.shape[2])
        i, y = divided(row, out.shape[1])
        v = _mirrored(i32(i32(y) - i32(top)), u32(images.shape[1]))
        u = _mirrored(i32(i32(x) - i32(left)), u32(images.shape[2]))
        for c in range(out.shape[3]):
            out[i, y, x, u32(c)] = images[i, v, u, u32(c)]


@cuda.jit(device=True)
def _mirrored(k, n):
    """Return the index among n where the mirror images have the pixel k, which may be negative."""
    period = u32(u32(2) * n - u32(2)) if n > u32(1) else u32(1)
    _, k = divided(abs(k), period)
    return k if k < n else u32(period - k)

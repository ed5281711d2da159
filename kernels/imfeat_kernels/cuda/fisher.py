"""Fisher vectors, from the moments of descriptors under a mixture."""

import numpy as np

from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, launch

f32, u32 = np.float32, np.uint32


def likelihood_gradients(sums, counts, scales, shares, factor, out):
    """Turn moments of the descriptors of each image into gradients of their mean log-likelihood."""
    scales, shares, counts = (np.asarray(table, np.float32) for table in (scales, shares, counts))
    inputs = sums, counts, scales, shares, np.float32(factor)
    launch(_likelihood_gradients, len(out) * blocks_of(out.shape[1]), *inputs, out)


@cuda.jit
def _likelihood_gradients(sums, counts, scales, shares, factor, out):
    """Compute a number a thread: a block has some numbers of an image."""
    n_components, n_numbers = u32(scales.size), u32(out.shape[1])
    d = u32(sums.shape[2]) >> u32(1)
    size = n_components * d
    n_masses = n_numbers - (size << u32(1))
    n_chunks, _ = divided(n_numbers + u32(THREADS - 1), THREADS)
    i, chunk = divided(cuda.blockIdx.x, n_chunks)
    column = chunk * u32(THREADS) + u32(cuda.threadIdx.x)
    if column < n_numbers:
        count = counts[i] if counts[i] > f32(1) else f32(1)
        if column < n_masses:
            mass = f32(sums[i, column, 0]) * scales[column] / count
            out[i, column] = mass - shares[column] if counts[i] > f32(0) else f32(0)
        else:
            part, element = divided(column - n_masses, size)
            k, j = divided(element, d)
            if part == u32(0):
                out[i, column] = f32(sums[i, k, u32(1) + j]) * scales[k] / count
            else:  # of differences of large sums
                square = f32(sums[i, k, u32(1) + d + j] - sums[i, k, 0])
                out[i, column] = square * scales[k] / count * factor

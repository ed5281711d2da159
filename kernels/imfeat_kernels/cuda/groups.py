"""Groups of vectors, those of images or of regions: their order, counts, means and combinations."""

import numpy as np

from imfeat_kernels.cpu.launch import split_groups
from imfeat_kernels.cuda.common import SMALL, average_groups, divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, blocks_of, clear, launch

f32, u32 = np.float32, np.uint32


def gather_rows(rows, order, out):
    """Copy rows in another order, the same in each run of m rows."""
    launch(_gather_rows, len(out), rows, order, out, threads=SMALL)


def count_words(bounds, assignments, out):
    """Count the words of the descriptors of each group."""
    starts, pieces = split_groups(bounds)
    groups = np.repeat(np.arange(len(out)), np.diff(np.append(starts, len(pieces))))
    clear(out)
    launch(_count_words, len(pieces), np.column_stack([groups, pieces]), assignments, out)


def mean_vectors(vectors, bounds, out):
    """Average the vectors of each group."""
    average_groups(vectors, bounds, out)


def combine_groups(shares, vectors, out):
    """Add up weighted vectors of the groups of each image, for each region."""
    n_blocks = out.shape[0] * out.shape[1] * blocks_of(out.shape[2])
    launch(_combine_groups, n_blocks, shares, vectors, out)


@cuda.jit
def _gather_rows(rows, order, out):
    i, j = u32(cuda.blockIdx.x), u32(cuda.threadIdx.x)
    m = u32(order.size)
    run, k = divided(i, m)
    source = u32(run * m + u32(order[k]))
    while j < u32(out.shape[1]):
        out[i, j] = rows[source, j]
        j = u32(j + u32(SMALL))


@cuda.jit
def _count_words(pieces, assignments, out):
    """Count the words of a piece of a group: a block is a piece."""
    piece = u32(cuda.blockIdx.x)
    group, last = u32(pieces[piece, 0]), u32(pieces[piece, 2])
    i = u32(pieces[piece, 1]) + u32(cuda.threadIdx.x)
    while i < last:
        cuda.atomic.add(out, (group, u32(assignments[i])), u32(1))
        i = u32(i + u32(THREADS))


@cuda.jit
def _combine_groups(shares, vectors, out):
    n_chunks, _ = divided(u32(out.shape[2]) + u32(THREADS - 1), THREADS)
    item, chunk = divided(cuda.blockIdx.x, n_chunks)
    i, r = divided(item, out.shape[1])
    j = chunk * u32(THREADS) + u32(cuda.threadIdx.x)
    if j < u32(out.shape[2]):
        total = f32(0)
        for group in range(u32(vectors.shape[1])):
            total += shares[i, r, u32(group)] * vectors[i, u32(group), j]
        out[i, r, j] = total

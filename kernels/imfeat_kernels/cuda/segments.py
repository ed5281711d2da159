"""Vectors sorted by their words, some hundreds at a time, so that sums by word read each vector once.

A block sorts a piece: it counts the vectors of each word, sums the counts up, and finds the rank of each
vector among those of its word.  The order within a word is that of the vectors, so sums are the same in each
run.
"""

import numpy as np

from imfeat_kernels.cuda.common import running_sums
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, empty, launch, zeros

i32, u32 = np.int32, np.uint32
PIECE = 512  # vectors of a piece


def pieces_of(bounds):
    """Cut groups of vectors into pieces of up to `PIECE`.

    Returns
    -------
    starts : (n_groups,) int64 array
        Index of the first piece of each group.
    pieces : (n_pieces, 2) int64 array
        First vector of each piece, and the one after its last; an empty group has an empty piece.
    """
    n_pieces = np.maximum(-(-np.diff(bounds) // PIECE), 1)
    starts = np.cumsum(n_pieces) - n_pieces
    first = np.repeat(bounds[:-1], n_pieces) + PIECE * (
        np.arange(n_pieces.sum()) - np.repeat(starts, n_pieces)
    )
    return starts, np.stack([first, np.minimum(first + PIECE, np.repeat(bounds[1:], n_pieces))], 1)


def sort_by_word(assignments, pieces, n_words, like):
    """Sort the vectors of each piece by word, in the stream of ``like``.

    Returns
    -------
    order : (n,) uint32 array of the device
        From the first vector of a piece on, the places in the piece of its vectors, sorted by word.
    ends : (n_pieces, n_words + 1) uint32 array of the device
        Where the vectors of word k begin and end in the order of a piece: at k and k + 1.
    """
    order = empty((len(assignments),), np.uint32, like)
    ends = zeros((len(pieces), n_words + 1), np.uint32, like)
    launch(_sort_by_word, len(pieces), assignments, pieces, order, ends)
    return order, ends


@cuda.jit
def _sort_by_word(assignments, pieces, order, ends):
    words = cuda.shared.array(PIECE, i32)
    sums = cuda.shared.array(THREADS, u32)
    t, piece = u32(cuda.threadIdx.x), u32(cuda.blockIdx.x)
    first = pieces[piece, 0]
    n, n_words = u32(pieces[piece, 1] - first), u32(ends.shape[1] - 1)
    p = t
    while p < n:
        word = assignments[first + p]
        words[p] = word
        cuda.atomic.add(ends, (piece, u32(word + i32(1))), u32(1))
        p = u32(p + u32(THREADS))
    cuda.syncthreads()
    before = u32(0)
    k = u32(1)
    while k <= n_words:
        sums[t] = ends[piece, u32(k + t)] if k + t <= n_words else u32(0)
        running_sums(sums)
        if k + t <= n_words:
            ends[piece, u32(k + t)] = u32(before + sums[t])
        before = u32(before + sums[u32(THREADS - 1)])
        cuda.syncthreads()
        k = u32(k + u32(THREADS))
    p = t
    while p < n:
        word = words[p]
        place = ends[piece, u32(word)]
        q = u32(0)
        while q < p:
            place = u32(place + (u32(1) if words[q] == word else u32(0)))
            q = u32(q + u32(1))
        order[first + place] = p
        p = u32(p + u32(THREADS))

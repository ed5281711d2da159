"""Moments of descriptors under the posteriors of a mixture: a block has 64 components by 32 dimensions.

1. Copy some descriptors and their posteriors to shared memory.
2. Note for which warps a descriptor has posteriors that count.
3. Add its moments there: a thread has some components, whose sums stay in registers, and one dimension.
"""

import numpy as np

from imfeat_kernels.cpu._mixture import LEAST
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS

f32, u32 = np.float32, np.uint32
TOGETHER = 8  # components whose moments a thread sums, of one dimension
COLUMNS = 32  # dimensions of a block that sums moments: a warp has all
LINE = TOGETHER * THREADS // COLUMNS  # its components
ROWS = 8  # descriptors in its shared memory
SHARES = LINE * ROWS


@cuda.jit
def sum_moments(vectors, pieces, center, scales, shifts, scores, piece_sums):
    """Sum moments over a piece of an image: a block has LINE components by COLUMNS dimensions.

    The threads of a warp have the same components, and skip descriptors whose posteriors are all 0 there.
    """
    x = cuda.shared.array(THREADS, f32)
    q = cuda.shared.array(SHARES, f32)
    counted = cuda.shared.array(LINE, f32)
    scale, shift = cuda.local.array(TOGETHER, f32), cuda.local.array(TOGETHER, f32)
    plain, squared = cuda.local.array(TOGETHER, f32), cuda.local.array(TOGETHER, f32)
    n_components, d = u32(scales.shape[0]), u32(scales.shape[1])
    piece, line, first_column = _place(n_components, d)
    t = u32(cuda.threadIdx.x)
    ty, tx = divided(t, COLUMNS)
    ty, j = u32(ty * u32(TOGETHER)), u32(first_column + tx)
    for c in range(TOGETHER):
        k = min(u32(u32(line + ty) + u32(c)), u32(n_components - u32(1)))
        scale[c], shift[c] = scales[k, min(j, u32(d - u32(1)))], shifts[k, min(j, u32(d - u32(1)))]
        plain[c], squared[c] = f32(0), f32(0)
    mass = f32(0)
    start, stop = u32(pieces[piece, 0]), u32(pieces[piece, 1])
    while start < stop:
        _load_centered(vectors, start, stop, center, first_column, x)
        _load_shares(scores, start, stop, line, q)
        cuda.syncthreads()
        mass += _sum_shares(q, counted)
        cuda.syncthreads()
        _add_moments(x, q, counted, scale, shift, plain, squared)
        cuda.syncthreads()
        start = u32(start + u32(ROWS))
    for c in range(TOGETHER):
        k = u32(u32(line + ty) + u32(c))
        if k < n_components and j < d:
            piece_sums[piece, k, u32(1) + j], piece_sums[piece, k, u32(1) + d + j] = plain[c], squared[c]
    if t < u32(LINE) and line + t < n_components and first_column == u32(0):
        piece_sums[piece, u32(line + t), 0] = mass


@cuda.jit(device=True)
def _place(n_components, d):
    """Return the piece, the first component and the first dimension of a block."""
    across, _ = divided(d + u32(COLUMNS - 1), COLUMNS)
    n_lines, _ = divided(n_components + u32(LINE - 1), LINE)
    line, column = divided(cuda.blockIdx.x, across)
    piece, line = divided(line, n_lines)
    return piece, u32(line * u32(LINE)), u32(column * u32(COLUMNS))


@cuda.jit(device=True)
def _sum_shares(q, counted):
    """Return the sum of the posteriors of a component, and note for which warps those of a row count."""
    t = u32(cuda.threadIdx.x)
    mass, together = f32(0), f32(0)
    if t < u32(LINE):
        for row in range(ROWS):
            mass += q[u32(u32(LINE * row) + t)]
        for c in range(TOGETHER):
            together += q[u32(u32(TOGETHER) * t + u32(c))]
        counted[t] = together
    return mass


@cuda.jit(device=True)
def _add_moments(x, q, counted, scale, shift, plain, squared):
    """Add the moments of ROWS descriptors, except those without a posterior that counts for the warp."""
    warp, lane = divided(cuda.threadIdx.x, COLUMNS)
    row = u32(0)
    while row < u32(ROWS):
        shares = u32(u32(LINE) * row + u32(TOGETHER) * warp)
        if counted[u32(shares // u32(TOGETHER))] > f32(0):
            value = x[u32(u32(COLUMNS) * row + lane)]
            for c in range(TOGETHER):
                distance = cuda.fma(value, scale[c], shift[c])
                shared = q[u32(shares + u32(c))] * distance
                plain[c] += shared
                squared[c] += shared * distance
        row = u32(row + u32(1))


@cuda.jit(device=True)
def _load_centered(vectors, start, stop, center, first_column, x):
    """Copy COLUMNS dimensions of ROWS descriptors, less the center, zeros beyond the ends."""
    t = u32(cuda.threadIdx.x)
    row, column = divided(t, COLUMNS)
    i, j = u32(start + row), u32(first_column + column)
    x[t] = vectors[i, j] - center[j] if i < stop and j < u32(center.size) else f32(0)


@cuda.jit(device=True)
def _load_shares(scores, start, stop, line, q):
    """Copy the posteriors of LINE components and ROWS descriptors; those that don't count are 0."""
    t = u32(cuda.threadIdx.x)
    for part in range(SHARES // THREADS):
        place = u32(t + u32(part * THREADS))
        row, column = divided(place, LINE)
        i, k = u32(start + row), u32(line + column)
        share = scores[i, k] if i < stop and k < u32(scores.shape[1]) else f32(0)
        q[place] = share if share >= LEAST else f32(0)

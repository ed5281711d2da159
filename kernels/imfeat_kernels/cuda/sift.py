"""SIFT descriptors on a grid: a block describes neighbours in rows and columns, which share most pixels.

1. The votes of the pixels of a strip of rows are computed once, into shared memory.
2. Each row is summed across, for each column of descriptors, column of bins and direction.
3. These sums are added down: a thread owns one of the 128 numbers of a half of the descriptors.
4. The descriptors of a row are normalized together.
"""

import math

import numpy as np

from imfeat_kernels.cpu.sift import BINS, CLIP, LENGTH, NOTHING, A, B
from imfeat_kernels.cuda.common import divided
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import THREADS, launch
from imfeat_kernels.tables import bin_weights as bin_weights

f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64
PIXELS = 1540  # pixels whose votes lie in shared memory
VOTES = 2 * PIXELS
TOGETHER = 8  # descriptors of a block, across
ROWS = 4  # rows of descriptors of a thread; a block has twice as many
SUMS = 768  # sums across of a strip, for each direction
SLOTS = 9  # directions; the votes in the last one are for the first
DIRECTED_SUMS = SLOTS * SUMS
SHARES = LENGTH // TOGETHER  # threads that sum the squares of a descriptor
UNROLLED = 4  # weights, which are padded to a multiple
LINE = BINS * TOGETHER  # sums of a row of pixels, for each direction
AT_MOST = SUMS // LINE  # rows of pixels of a strip
HALF_BITS = 7  # of the index of a thread: LENGTH threads are a half of them
FACTORS = 2 * TOGETHER


def dense_sift(images, bin_size, step, spacing, offset, kernels, weights, grid, first, out):
    """Describe a grid of positions of every image."""
    span = (BINS + 1) * bin_size - 1
    most = PIXELS + 1 - UNROLLED
    if span > most:
        raise ValueError(f"on a GPU bins can have up to {(most + 1) // (BINS + 1)} pixels, got {bin_size}")
    together = next(n for n in (TOGETHER, 4, 2, 1) if n == 1 or span * (span + (n - 1) * step) <= most)
    n_groups = -(-grid[0] // (2 * ROWS if step < span else 1))
    rows = -(-grid[0] // n_groups)  # of descriptors of a block
    numbers = (
        *images.shape[1:],
        bin_size,
        step,
        offset,
        *grid,
        together,
        rows,
        out.shape[2],
        out.shape[1],
        first,
    )
    n_blocks = len(images) * n_groups * -(-grid[1] // together)
    inputs = images.reshape(-1), np.array(numbers, np.int32), kernels, weights
    launch(_dense_sift, n_blocks, *inputs, out.reshape(-1))


@cuda.jit(device=True)
def _turn(gx, gy):
    """Return the direction of a gradient in eighths of a turn, as VLFeat approximates it."""
    ax, ay = abs(gx), abs(gy)
    r = (ax - ay) / (ax + ay + NOTHING)
    turn = (A * r * r - B) * r + f32(1)
    turn = min(max(turn, f32(0)), f32(2))
    turn = f32(4) - turn if gx < f32(0) else turn
    return f32(8) - turn if gy < f32(0) else turn


@cuda.jit(device=True)
def _vote(pixels, start, height, width, y, x, votes, directions, p):
    """Store the two votes of a pixel, and where those for its first direction are summed.

    Differences are central, and one-sided at the border.
    """
    y = min(max(y, i32(0)), i32(height - i32(1)))
    x = min(max(x, i32(0)), i32(width - i32(1)))
    place = start + u64(u32(y * width + x))
    before, after = u64(x > i32(0)), u64(x < i32(width - i32(1)))
    above = u64(width) if y > i32(0) else u64(0)
    below = u64(width) if y < i32(height - i32(1)) else u64(0)
    gx = f32(pixels[place + after]) - f32(pixels[place - before])
    gy = f32(pixels[place + below]) - f32(pixels[place - above])
    gx = gx * f32(0.5) if before + after == u64(2) else gx
    gy = gy * f32(0.5) if above == below else gy
    turn = _turn(gx, gy)
    length = math.sqrt(gx * gx + gy * gy)
    k = i32(turn)
    more = (turn - f32(k)) * length
    votes[p] = length - more
    votes[p + u32(PIXELS)] = more
    directions[p] = u32(u32(k & i32(7)) * u32(SUMS))


@cuda.jit(device=True)
def _sum_across(kernels, across, first, votes, directions, sums, item):
    """Sum the votes of a row around a column of bins into 8 directions."""
    for q in range(SLOTS):
        sums[item + u32(q * SUMS)] = f32(0)
    p = u64(first)
    x = u64(0)
    n_weights = u64(kernels.shape[1])
    while x < n_weights:
        for k in range(UNROLLED):
            weight = kernels[u64(across), x + u64(k)]
            own = u64(u32(directions[p + u64(k)] + item))
            sums[own] += weight * votes[p + u64(k)]
            sums[own + u64(SUMS)] += weight * votes[p + u64(k + PIXELS)]
        p, x = u64(p + u64(UNROLLED)), u64(x + u64(UNROLLED))
    sums[item] += sums[item + u32(DIRECTED_SUMS - SUMS)]


@cuda.jit(device=True)
def _norm_factors(squares, shares, factors):
    """Compute 1 / norm of each descriptor of a row, 0 for a norm of 0, from the squares of its numbers."""
    t = u32(cuda.threadIdx.x)
    total = f32(0)
    for k in range(TOGETHER):
        total += squares[u32(TOGETHER) * t + u32(k)]
    shares[t] = total
    cuda.syncthreads()
    if t < u32(2 * TOGETHER):
        total = f32(0)
        for k in range(SHARES):
            total += shares[u32(SHARES) * t + u32(k)]
        factors[t] = f32(1) / math.sqrt(total) if total > NOTHING else f32(0)
    cuda.syncthreads()


@cuda.jit(device=True)
def _vote_strip(pixels, base, height, width, top, left, n_pixels, across, votes, directions):
    """Store the votes of the pixels of a strip of rows, ``across`` pixels each."""
    p = u32(cuda.threadIdx.x)
    y, x = divided(p, across)
    next_y, next_x = divided(THREADS, across)
    while p < n_pixels:
        _vote(pixels, base, height, width, i32(top + i32(y)), i32(left + i32(x)), votes, directions, p)
        p = u32(p + u32(THREADS))
        y, x = u32(y + next_y), u32(x + next_x)
        if x >= across:
            y, x = u32(y + u32(1)), u32(x - across)


@cuda.jit(device=True)
def _sum_down(kernels, down, top, start, count, reach, place, sums, values, r):
    """Add the sums of a strip to a row of descriptors; ``top`` is the first row of pixels of the bin."""
    y = max(start, top)
    end = min(i32(start + count), i32(top + reach))
    while y < end:
        weight = kernels[down, u32(y - top)]
        own = u64(u32(place + u32(y - start) * u32(LINE)))
        for d in range(TOGETHER):
            values[r, d] += weight * sums[own + u64(BINS * d)]
        y = i32(y + i32(1))


@cuda.jit(device=True)
def _store_row(values, r, weights, squares, shares, factors, out, place, between, n_here):
    """Normalize the descriptors of a row of each half of the threads, clip them, and normalize them again."""
    t = u32(cuda.threadIdx.x)
    q, half = t & u32(LENGTH - 1), t >> u32(HALF_BITS)
    own = half * u32(TOGETHER * LENGTH) + q
    first = half * u32(TOGETHER)
    for d in range(TOGETHER):
        values[r, d] *= weights[q]
        squares[own + u32(LENGTH * d)] = values[r, d] * values[r, d]
    cuda.syncthreads()
    _norm_factors(squares, shares, factors)
    for d in range(TOGETHER):
        values[r, d] = min(values[r, d] * factors[first + u32(d)], CLIP)
        squares[own + u32(LENGTH * d)] = values[r, d] * values[r, d]
    cuda.syncthreads()
    _norm_factors(squares, shares, factors)
    for d in range(TOGETHER):
        if i32(d) < n_here:
            out[place] = values[r, d] * factors[first + u32(d)]
        place = u64(place + between)
    cuda.syncthreads()


@cuda.jit
def _dense_sift(pixels, numbers, kernels, weights, out):
    votes = cuda.shared.array(VOTES, f32)
    directions = cuda.shared.array(PIXELS, u32)
    sums = cuda.shared.array(DIRECTED_SUMS, f32)
    shares = cuda.shared.array(THREADS, f32)
    factors = cuda.shared.array(FACTORS, f32)
    values = cuda.local.array((ROWS, TOGETHER), f32)
    t = u32(cuda.threadIdx.x)
    height, width, size, step, offset = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    n_rows, n_cols, together, rows = numbers[5], numbers[6], numbers[7], numbers[8]
    n_channels, n_descriptors, first = u32(numbers[9]), u64(numbers[10]), u32(numbers[11])
    per_row, _ = divided(n_cols + together - i32(1), together)
    per_column, _ = divided(n_rows + rows - i32(1), rows)
    row, c = divided(cuda.blockIdx.x, per_row)
    i, r0 = divided(row, per_column)
    r0, c = i32(r0) * rows, i32(c) * together
    base = u64(i) * u64(height) * u64(width)
    top, left = i32(offset + r0 * step - size + i32(1)), i32(offset + c * step - size + i32(1))
    own = kernels.shape[0] > 1
    q = t & u32(LENGTH - 1)
    j = i32(q >> u32(5))
    half = i32(t >> u32(HALF_BITS))
    down = u32(j) if own else u32(0)
    place = u32((q & u32(7)) * u32(SUMS) + ((q >> u32(3)) & u32(3)))
    reach = i32(2) * size - i32(1)
    across = u32(i32(BINS + 1) * size - i32(1) + (together - i32(1)) * step)
    here = min(rows, n_rows - r0)
    span = i32(i32(BINS + 1) * size - i32(1) + (here - i32(1)) * step)
    at_once, _ = divided(PIXELS + 1 - UNROLLED, across)
    at_once = min(i32(at_once), i32(AT_MOST))
    k = t
    while together < i32(TOGETHER) and k < u32(DIRECTED_SUMS):
        sums[k] = f32(0)
        k = u32(k + u32(THREADS))
    for r in range(ROWS):
        for d in range(TOGETHER):
            values[r, d] = f32(0)
    start = i32(0)
    while start < span:
        count = min(at_once, i32(span - start))
        n_pixels = u32(u32(count) * across + u32(UNROLLED - 1))
        _vote_strip(pixels, base, height, width, i32(top + start), left, n_pixels, across, votes, directions)
        cuda.syncthreads()
        item = t
        while item < u32(count * i32(LINE)):
            column, d = item & u32(3), (item >> u32(2)) & u32(7)
            if d < u32(together):
                pixel = u32((item >> u32(5)) * across + d * u32(step) + column * u32(size))
                _sum_across(kernels, column if own else u32(0), pixel, votes, directions, sums, item)
            item = u32(item + u32(THREADS))
        cuda.syncthreads()
        for r in range(ROWS):
            of_block = i32(half * i32(ROWS) + i32(r))
            if of_block < here:
                at = i32(of_block * step + j * size)
                _sum_down(kernels, down, at, start, count, reach, place, sums, values, r)
        cuda.syncthreads()
        start = i32(start + at_once)
    image, channel = divided(i, n_channels)
    between = u64(n_channels) * u64(LENGTH)
    for r in range(ROWS):
        if i32(r) < here:
            of_block = i32(half * i32(ROWS) + i32(r))
            n_here = min(together, n_cols - c) if of_block < here else i32(0)
            at = u64(image) * n_descriptors + u64(first + u32((r0 + of_block) * n_cols + c))
            at = (at * u64(n_channels) + u64(channel)) * u64(LENGTH) + u64(q)
            _store_row(values, r, weights, votes, shares, factors, out, at, between, n_here)

"""SIFT descriptors on a grid: directions of gradients in 4 x 4 bins around each position.

With the gradient g = |g| (cos a, sin a) of a pixel and u = 8 a / (2 pi), the pixel counts for
direction k with |g| max(0, 1 - |u - k|), where u - k is taken modulo 8, and for a bin with weights of
the distances from its center, down and across:

    h(k) = sum_yx  w(y - y_bin) w(x - x_bin) |g| max(0, 1 - |u - k|).

w is a triangle, times a Gaussian around the center of the descriptor in the exact mode.  A row of
descriptors takes these steps:

1. Compute the votes of the pixels of a row for two directions.
2. Lay out the votes by phase, those of pixels ``spacing`` apart side by side, so that one weight applies to
   a line of memory with the eight directions of all bins.
3. Sum across each bin.
4. Sum down each bin.
5. Gather the bins of a descriptor.
6. Normalize it, clip it, and normalize it again.

Rows of pixels and of bins are kept in rings, because descriptors share them.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import copy_eight
from imfeat_kernels.cpu.launch import frozen, launch
from imfeat_kernels.tables import bin_weights as bin_weights

PIXELS = 1 << 13  # pixels that are worth a thread
TILE = 128  # descriptors side by side: their rows stay in the second cache
AT_ONCE = 16  # descriptors that are normalized together
DIRECTIONS, BINS, LENGTH = 8, 4, 128
NOTHING = np.float32(1e-30)  # smaller divisors count as 0
CLIP = np.float32(0.2)
FREE = {"reassoc", "contract"}  # of sums of squares, so that they vectorize
# atan2(y, x) = pi/4 + A r^3 - B r with r = (x - y) / (x + y), within 0.007 for x, y > 0; as in VLFeat
A, B = np.float32(0.1821 * 4 / np.pi), np.float32(0.9675 * 4 / np.pi)


def dense_sift(images, bin_size, step, spacing, offset, kernels, weights, grid, first, out):
    """Describe a grid of positions of every image.

    Parameters
    ----------
    images : (n_images * n_channels, height, width) uint8, float32 or float64
        The channels of an image one after another.
    bin_size, step : int
        Distance between the bins of a descriptor, and between descriptors, in pixels.
    spacing : int
        Distance between the positions at which bins are computed, in pixels: ``step`` if each of the
        four has a kernel of its own; otherwise a divisor of ``step`` and ``bin_size``.
    offset : int
        Row and column of the center of the first bin.
    kernels : (4 or 1, 2 * bin_size - 1 or, filled with zeros, more: a multiple of 4) float32
        Weights of pixels across a bin, for each of the four bins or for all of them.
    weights : (128,) float32
        Factors of the sums before they are normalized.
    grid : (int, int)
        Rows and columns of descriptors.
    first : int
        Index in ``out`` of the first descriptor.
    out : (n_images, n, n_channels, 128) float32
        Overwritten from ``first`` on.
    """
    n_tiles = -(-grid[1] // TILE)
    n_items = len(images) * n_tiles * grid[0]
    grain = max(1, PIXELS // (min(grid[1], TILE) * step * step))
    sizes = bin_size, step, spacing, offset
    launch(_dense_sift, n_items, frozen(images), sizes, kernels, weights, grid, first, out, grain=grain)


@njit(nogil=True, cache=True)
def _dense_sift(start, stop, images, sizes, kernels, weights, grid, first, out):
    bin_size, step, spacing, offset = sizes
    n_rows, n_cols = grid
    height = images.shape[1]
    n_kinds = len(kernels)
    own = n_kinds > 1  # each of the four bins has a kernel of its own
    n_tiles = (n_cols + TILE - 1) // TILE
    across = min(n_cols, TILE)
    reach = (BINS - 1) * bin_size
    n_bins = across if own else ((across - 1) * step + reach) // spacing + 1
    line = padded(n_bins * DIRECTIONS)
    span = kernels.shape[1] + (reach if own else 0)
    phase = line + padded((span + spacing - 1) // spacing * DIRECTIONS)
    n_pixels = min(n_bins * spacing + span, phase // DIRECTIONS * spacing)
    pixels = np.zeros(phase * spacing, np.float32)
    width = images.shape[2] + 64
    votes = np.zeros((2, width), np.float32)
    directions = np.zeros((2, width), np.int32)
    ring = 2 * bin_size - 1 + (reach if own else 0)  # rows of pixels that are kept
    rows = np.zeros(ring * n_kinds * line, np.float32)
    n_kept = BINS if own else reach // spacing + 1  # rows of bins
    bins = np.zeros(n_kept * n_kinds * line, np.float32)
    lines = np.zeros(BINS, np.int64)
    starts = np.zeros(kernels.shape[1], np.uint64)
    values = np.zeros(AT_ONCE * LENGTH, np.float32)
    totals = np.zeros(AT_ONCE, np.float32)
    between = DIRECTIONS if own else step // spacing * DIRECTIONS  # of descriptors, in ``bins``
    apart = line if own else bin_size // spacing * DIRECTIONS  # of the bins of a descriptor
    next_row, next_bin = 0, 0
    for item in range(start, stop):  # an item is a row of descriptors, or a part of a wide one
        i, tile, r = item // (n_tiles * n_rows), item // n_rows % n_tiles, item % n_rows
        if item == start or r == 0:
            next_row, next_bin = 0, 0
        for j in range(BINS):
            # The rows of bins are those of this descriptor, or all that are ``spacing`` apart.
            last = r * BINS + j if own else (r * step + j * bin_size) // spacing
            next_bin = last if own or (j == 0 and next_bin < last) else next_bin
            while next_bin <= last:
                y = offset + (r * step + j * bin_size if own else next_bin * spacing)
                next_row = max(next_row, y - bin_size + 1, 0)
                while next_row <= min(y + bin_size - 1, height - 1):
                    left = offset + tile * TILE * step - bin_size + 1
                    _vote(images, i, next_row, left, n_pixels, votes, directions)
                    _lay_out(votes, directions, left, images.shape[2], n_pixels, spacing, phase, pixels)
                    slot = next_row % ring * n_kinds * line
                    _sum_across(pixels, kernels, bin_size, spacing, phase, line, slot, starts, rows)
                    next_row += 1
                slot = next_bin % n_kept * n_kinds * line
                top = y - bin_size + 1
                kind = j if own else 0
                _sum_down(rows, kernels, kind, top, height, ring, n_kinds * line, slot, starts, bins)
                next_bin += 1
            lines[j] = last % n_kept * n_kinds * line
        descriptor = first + r * n_cols + tile * TILE
        n_here = min(n_cols - tile * TILE, TILE)
        for c in range(0, n_here, AT_ONCE):
            n = min(n_here - c, AT_ONCE)
            for k in range(n):
                _gather(bins, lines, (c + k) * between, apart, k * LENGTH, values)
            _normalize(values, weights, totals, n, i, descriptor + c, out)


# Copies: _hog.padded and uoctti.padded.
@njit
def padded(n):
    """Return the next multiple of 64: a loop of that length has no remainder to do one by one."""
    return (n + 63) // 64 * 64


@inner(error_model="numpy")
def _vote(images, i, y, left, n_pixels, votes, directions):
    """Compute two directions and the votes for them of the pixels of a row.

    Differences are central, and one-sided at the border.
    """
    height, width = images.shape[1:]
    i = np.uint64(i)
    start = np.uint64(max(left, 0))
    stop = np.uint64(min(max(left + n_pixels, 1), width))
    up, here, down = np.uint64(max(y - 1, 0)), np.uint64(y), np.uint64(min(y + 1, height - 1))
    half, one = np.float32(0.5), np.float32(1)
    end = np.uint64(width - 1)
    down_share = half if 0 < y < height - 1 else one
    across, lower = votes[0], votes[1]
    low, high = directions[0], directions[1]
    for x in range(max(start, np.uint64(1)), min(stop, end)):
        across[x] = (
            np.float32(images[i, here, x + np.uint64(1)]) - np.float32(images[i, here, x - np.uint64(1)])
        ) * half
    if start == 0:
        across[0] = np.float32(images[i, here, np.uint64(1)]) - np.float32(images[i, here, np.uint64(0)])
    if stop == width:
        across[end] = np.float32(images[i, here, end]) - np.float32(images[i, here, end - np.uint64(1)])
    for x in range(start, stop):
        lower[x] = (np.float32(images[i, down, x]) - np.float32(images[i, up, x])) * down_share
    for x in range(start, stop):
        gx, gy = across[x], lower[x]
        ax, ay = abs(gx), abs(gy)
        r = (ax - ay) / (ax + ay + NOTHING)
        turn = (A * r * r - B) * r + one
        turn = turn if turn > 0 else np.float32(0)
        turn = turn if turn < 2 else np.float32(2)
        turn = np.float32(4) - turn if gx < 0 else turn
        turn = np.float32(8) - turn if gy < 0 else turn
        k = np.int32(turn)
        size = np.sqrt(gx * gx + gy * gy)
        more = (turn - np.float32(k)) * size
        across[x] = size - more
        lower[x] = more
        low[x], high[x] = k & np.int32(7), (k + np.int32(1)) & np.int32(7)


@inner
def _lay_out(votes, directions, left, width, n_pixels, spacing, phase, pixels):
    """Write the votes of pixels, ordered by phase; beyond the border, pixels at the border are repeated."""
    pixels[:] = 0
    across, lower = votes[0], votes[1]
    low, high = directions[0], directions[1]
    for first in range(spacing):
        base = np.uint64(first * phase)
        for p in range(first, n_pixels, spacing):
            x = np.uint64(min(max(left + p, 0), width - 1))
            pixels[base + np.uint64(low[x])] = across[x]
            pixels[base + np.uint64(high[x])] = lower[x]
            base += np.uint64(DIRECTIONS)


@inner(forceinline=True)
def _sum_across(pixels, kernels, bin_size, spacing, phase, line, slot, starts, rows):
    for kind in range(len(kernels)):
        for k in range(kernels.shape[1]):
            column = kind * bin_size + k
            starts[k] = column % spacing * phase + column // spacing * DIRECTIONS
        _sum(pixels, starts, kernels, kind, slot + kind * line, line, rows)


@inner(forceinline=True)
def _sum_down(rows, kernels, kind, top, height, ring, line, slot, starts, bins):
    for k in range(kernels.shape[1]):
        starts[k] = min(max(top + k, 0), height - 1) % ring * line
    _sum(rows, starts, kernels, kind, slot, line, bins)


@inner(fastmath={"contract"}, forceinline=True)
def _sum(source, starts, kernels, kind, slot, n, target):
    """Add weighted lines, four at a time; the first four overwrite the target."""
    slot, n = np.uint64(slot), np.uint64(n)
    for k in range(0, kernels.shape[1], 4):
        s0, s1, s2, s3 = starts[k], starts[k + 1], starts[k + 2], starts[k + 3]
        w0, w1, w2, w3 = kernels[kind, k], kernels[kind, k + 1], kernels[kind, k + 2], kernels[kind, k + 3]
        for e in range(n):
            before = target[slot + e] if k > 0 else np.float32(0)
            upper = w0 * source[s0 + e] + w1 * source[s1 + e]
            lower = w2 * source[s2 + e] + w3 * source[s3 + e]
            target[slot + e] = before + (upper + lower)


@inner
def _gather(bins, lines, column, apart, start, values):
    for j in range(BINS):
        for m in range(BINS):
            source = lines[j] + column + m * apart
            target = start + (j * BINS + m) * DIRECTIONS
            copy_eight(bins, source, values, target)


@inner(fastmath=FREE, error_model="numpy", forceinline=True)
def _normalize(values, weights, totals, n, i, descriptor, out):
    """Scale descriptors to a norm of 1, clip them, and scale again; several at once, to hide latencies."""
    for c in range(n):
        total = np.float32(0)
        start = np.uint64(c * LENGTH)
        for k in range(np.uint64(LENGTH)):
            value = values[start + k] * weights[k]
            values[start + k] = value
            total += value * value
        totals[c] = np.float32(1) / np.sqrt(total) if total > NOTHING else np.float32(0)
    for c in range(n):
        total = np.float32(0)
        start = np.uint64(c * LENGTH)
        factor = totals[c]
        for k in range(np.uint64(LENGTH)):
            value = values[start + k] * factor
            value = value if value < CLIP else CLIP
            values[start + k] = value
            total += value * value
        totals[c] = np.float32(1) / np.sqrt(total) if total > NOTHING else np.float32(0)
    image, channel = np.uint64(i // out.shape[2]), np.uint64(i % out.shape[2])
    for c in range(n):
        start = np.uint64(c * LENGTH)
        factor = totals[c]
        row = np.uint64(descriptor + c)
        for k in range(np.uint64(LENGTH)):
            out[image, row, channel, k] = values[start + k] * factor

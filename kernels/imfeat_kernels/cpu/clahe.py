"""Contrast-limited adaptive histogram equalization (CLAHE) of gray images.

1. `clahe_tables` counts the bytes of each tile,
2. cuts counts above the limit, and spreads the excess over all bins,
3. and turns the counts c up to a value into a lookup table: rint(c * 255 / n) for n pixels.
4. `clahe_blend` looks each pixel up in the tables of the four nearest tiles, and interpolates linearly.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.launch import frozen, launch

STRIP = 1 << 15  # pixels that are worth a thread
RUN = 1 << 13  # pixels that are counted at a time
BLOCK = 1 << 9  # entries of a table of 16 bits that are made at a time


def clahe_tables(images, clip, out):
    """Make contrast-limited lookup tables for the tiles of images.

    Parameters
    ----------
    images : (n_images, height, width) uint8 or uint16
        Height and width are multiples of the numbers of tiles.
    clip : int
        Count above which a bin is cut, and its excess spread over all bins.
    out : (n_images, n_rows, n_cols, 256 or 65536) of the dtype of images
    """
    n_tiles = out.shape[0] * out.shape[1] * out.shape[2]
    if images.dtype == np.uint16:
        launch(_clahe_tables_of_words, n_tiles, frozen(images), clip, out)
        return
    grain = 1 + STRIP * n_tiles // (images.size + 512 * n_tiles)  # a table is the work of 512 pixels
    launch(_clahe_tables, n_tiles, frozen(images), clip, out, grain=grain)


def clahe_blend(images, tables, tile_height, tile_width, out):
    """Look each pixel up in the tables of the four nearest tiles, and interpolate between the results.

    Parameters
    ----------
    images : (n_images, height, width) uint8 or uint16
    tables : (n_images, n_rows, n_cols, 256 or 65536) of the dtype of images
    tile_height, tile_width : int
        Size of a tile, in pixels.
    out : (n_images, height, width) of the dtype of images
    """
    grain = max(1, STRIP // (8 * images.shape[2]))
    sizes = np.array([tile_height, tile_width])
    blend = _clahe_blend if images.dtype == np.uint8 else _clahe_blend_of_words
    launch(blend, images.shape[0] * images.shape[1], frozen(images), tables, sizes, out, grain=grain)


@njit(nogil=True, cache=True)
def _clahe_tables(start, stop, images, clip, out):
    n_rows, n_cols = out.shape[1], out.shape[2]
    _, height, width = images.shape
    tile_height, tile_width = height // n_rows, width // n_cols
    scale = np.float32(255) / np.float32(tile_height * tile_width)
    x = images.reshape(-1)
    run = np.empty(RUN, np.uint8)
    counters = np.zeros(8 * 256, np.uint16)
    count, sums = np.empty(256, np.uint32), np.empty(256, np.int32)
    for item in range(start, stop):  # an item is a tile
        i, r, c = item // (n_rows * n_cols), item // n_cols % n_rows, item % n_cols
        first = (i * height + r * tile_height) * width + c * tile_width
        _count_tile(x, first, tile_height, tile_width, width, run, counters, count)
        if clip > 0:
            _clip_counts(count, np.uint32(clip))
        total = np.int32(0)
        for k in range(256):
            total += np.int32(count[k])
            sums[k] = total
        table = out[i, r, c]
        for k in range(256):
            value = np.rint(np.float32(sums[k]) * scale)
            table[k] = np.uint8(np.int32(value if value < 255 else np.float32(255)))


@inner
def _count_tile(x, first, height, width, stride, run, counters, count):
    """Count a tile; its rows are copied behind each other, because long runs are counted faster."""
    count[:] = 0
    if height * width < 256:  # too few pixels for more than one table
        for y in range(height):
            for k in range(first + y * stride, first + y * stride + width):
                count[x[k]] += np.uint32(1)
        return
    n = 0
    for y in range(height):
        for left in range(0, width, len(run)):
            size = min(len(run), width - left)
            if n + size > len(run):
                _count_run(run[:n], counters, count)
                n = 0
            start = first + y * stride + left
            for k in range(size):
                run[n + k] = x[start + k]
            n += size
    _count_run(run[:n], counters, count)


@inner
def _count_run(values, counters, count):
    """Count neighbouring bytes in different tables, and add these up: see `equalize`."""
    words = values[: len(values) // 8 * 8].view(np.uint64)
    for word in words:
        for j in range(8):
            byte = (word >> np.uint64(8 * j)) & np.uint64(255)
            counters[np.uint64(256 * j) + byte] += np.uint16(1)
    for i in range(8 * len(words), len(values)):
        counters[np.int64(values[i])] += np.uint16(1)
    for k in range(256):
        total = np.uint32(0)
        for j in range(8):
            total += np.uint32(counters[256 * j + k])
            counters[256 * j + k] = 0
        count[k] += total


@inner
def _clip_counts(count, clip):
    """Cut counts above clip, and spread the excess evenly, the remainder at even steps."""
    excess = np.uint32(0)
    for k in range(256):
        excess += count[k] - clip if count[k] > clip else np.uint32(0)
    each = np.uint32(excess >> np.uint32(8))
    remainder = excess & np.uint32(255)
    for k in range(256):
        count[k] = (count[k] if count[k] < clip else clip) + each
    step = max(256 // remainder, 1) if remainder else 256
    for k in range(remainder):
        count[k * step] += np.uint32(1)


@njit(nogil=True, cache=True)
def _clahe_blend(start, stop, images, tables, sizes, out):
    height, width = images.shape[1], images.shape[2]
    n_rows, n_cols = tables.shape[1], tables.shape[2]
    across = np.empty(width, np.float32)
    ends = np.zeros(n_cols + 1, np.int64)
    for x in range(width):
        before, across[x] = _tile_before(x, sizes[1])
        ends[before + 1 :] = x + 1
    packed = np.empty((n_cols + 1, 256), np.uint32)
    values = np.empty(width, np.uint32)
    packed_image, packed_row = -1, -1
    for item in range(start, stop):  # an item is a row of an image
        i, y = item // height, item % height
        before, along = _tile_before(y, sizes[0])
        if i != packed_image or before != packed_row:
            packed_image = i
            packed_row = before
            _pack_tables(tables[i, max(before, 0)], tables[i, min(before + 1, n_rows - 1)], packed)
        row = images[i, y]
        first = 0
        for c in range(n_cols + 1):
            for x in range(first, ends[c]):
                values[x] = packed[c, row[x]]
            first = ends[c]
        _blend_row(values, across, along, out[i, y])


@inner
def _pack_tables(above, below, packed):
    """Pack the four tables around each corner of tiles into one, for a single lookup."""
    n_cols = len(above)
    for c in range(n_cols + 1):
        left, right = max(c - 1, 0), min(c, n_cols - 1)
        for v in range(256):
            top = np.uint32(above[left, v]) | (np.uint32(above[right, v]) << np.uint32(8))
            bottom = np.uint32(below[left, v]) | (np.uint32(below[right, v]) << np.uint32(8))
            packed[c, v] = top | (bottom << np.uint32(16))


@inner
def _blend_row(values, across, along, out):
    byte = np.uint32(255)
    up = np.float32(1) - along
    for x in range(len(values)):
        four = values[x]
        right = across[x]
        left = np.float32(1) - right
        top = np.float32(np.int32(four & byte)) * left
        top += np.float32(np.int32((four >> np.uint32(8)) & byte)) * right
        bottom = np.float32(np.int32((four >> np.uint32(16)) & byte)) * left
        bottom += np.float32(np.int32(four >> np.uint32(24))) * right
        out[x] = np.uint8(np.int32(np.rint(top * up + bottom * along)))


@njit(nogil=True, cache=True)
def _clahe_tables_of_words(start, stop, images, clip, out):
    n_rows, n_cols, n_bins = out.shape[1:]
    _, height, width = images.shape
    tile_height, tile_width = height // n_rows, width // n_cols
    scale = np.float32(n_bins - 1) / np.float32(tile_height * tile_width)
    count, sums = np.zeros(n_bins, np.int32), np.empty(BLOCK, np.int32)
    clip = np.int32(clip)
    for item in range(start, stop):  # an item is a tile
        i, r, c = item // (n_rows * n_cols), item // n_cols % n_rows, item % n_cols
        excess = np.int32(0)
        for y in range(r * tile_height, (r + 1) * tile_height):
            for value in images[i, y, c * tile_width : (c + 1) * tile_width]:
                is_full = count[value] == clip
                count[value] += np.int32(not is_full)
                excess += np.int32(is_full)
        each = excess // np.int32(n_bins)
        remainder = excess - each * np.int32(n_bins)
        step = max(n_bins // remainder, 1) if remainder else n_bins
        for k in range(remainder):
            count[k * step] += np.int32(1)
        _make_table_of_words(count, each, scale, sums, out[i, r, c])


@inner
def _make_table_of_words(count, each, scale, sums, table):
    """Turn counts, and ``each`` more a bin, into a table, a block at a time; empty the counts."""
    largest = np.float32(len(table) - 1)
    total = np.int32(0)
    for first in range(0, len(table), BLOCK):
        block = count[first : first + BLOCK]
        for k in range(BLOCK):
            total += block[k] + each
            sums[k] = total
        block[:] = 0
        target = table[first : first + BLOCK]
        for k in range(BLOCK):
            value = np.rint(np.float32(sums[k]) * scale)
            target[k] = np.uint16(np.int32(value if value < largest else largest))


@njit(nogil=True, cache=True)
def _clahe_blend_of_words(start, stop, images, tables, sizes, out):
    height, width = images.shape[1], images.shape[2]
    n_rows, n_cols = tables.shape[1], tables.shape[2]
    before, across = np.empty(width, np.int64), np.empty(width, np.float32)
    for x in range(width):
        before[x], across[x] = _tile_before(x, sizes[1])
    for item in range(start, stop):  # an item is a row of an image
        i, y = item // height, item % height
        above, along = _tile_before(y, sizes[0])
        up = np.float32(1) - along
        upper, lower = tables[i, max(above, 0)], tables[i, min(above + 1, n_rows - 1)]
        for x in range(width):
            value = images[i, y, x]
            left, right = max(before[x], 0), min(before[x] + 1, n_cols - 1)
            share = across[x]
            rest = np.float32(1) - share
            top = np.float32(upper[left, value]) * rest + np.float32(upper[right, value]) * share
            bottom = np.float32(lower[left, value]) * rest + np.float32(lower[right, value]) * share
            out[i, y, x] = np.uint16(np.int32(np.rint(top * up + bottom * along)))


@njit
def _tile_before(pixel, size):
    """Return the tile whose center lies before a pixel, or -1, and the distance from it in tiles."""
    position = np.float32(pixel) * (np.float32(1) / np.float32(size)) - np.float32(0.5)
    before = int(np.floor(position))
    return before, np.float32(position - np.float32(before))

"""Histogram equalization: lookup tables from histograms, and pixels through lookup tables.

With counts h of n pixels, and c the cumulative counts, the tables map a value i to

    torchvision, Pillow:  min((s // 2 + c[i - 1]) // s, 255),  s = (n - h[last]) // 255
    OpenCV:               rint((c[i] - h[first]) * 255 / (n - h[first]))

where first and last are the lowest and highest value that occurs.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu import launch as threads
from imfeat_kernels.cpu.instruction import permute_bytes, permutes_bytes
from imfeat_kernels.cpu.launch import launch

STRIP = 1 << 15  # pixels that are worth a thread
ROUND = 24 * 2500  # bytes after which tables of 16 bits are emptied
TORCHVISION, OPENCV = range(2)
CONVENTIONS = {"torchvision": TORCHVISION, "opencv": OPENCV}


def equalize_bytes(images, mask, convention, out):
    """Equalize each channel of each image.

    Parameters
    ----------
    images : (n_images, n_pixels, n_channels) uint8
        1 or 3 channels.
    mask : (n_images, n_pixels) bool
        Pixels that make the histogram; all, if the mask is of no images.
    convention : int
        One of CONVENTIONS.
    out : (n_images, n_pixels, n_channels) uint8
    """
    n_images, n_pixels, n_channels = images.shape
    n_strips = min(n_pixels // STRIP, 4 * threads.n_threads // max(n_images, 1))
    if n_strips <= 1:
        launch(_equalize, n_images, images, mask, convention, out, grain=-(-STRIP // n_pixels))
        return
    counts = np.empty((n_images, n_strips, n_channels, 256), np.uint32)
    launch(_count_strips, n_images * n_strips, images, mask, counts)
    tables = np.empty((n_images, n_channels, 256), np.uint8)
    _make_tables(counts.sum(1, dtype=np.uint32), convention, tables)
    launch(_apply_strips, n_images * n_strips, images, tables, n_strips, out)


def largest_channel(images, out):
    """Find the largest channel of each pixel: V of HSV.

    Parameters
    ----------
    images : (n, 3) uint8, float32 or float64
    out : (n,) of the same dtype
    """
    launch(_largest_channel, len(out), images, out, grain=STRIP)


def scale_to_value(images, values, out):
    """Scale each pixel so that its largest channel becomes a new value; black becomes gray.

    Parameters
    ----------
    images : (n, 3) uint8, float32 or float64
    values : (n,) of the same dtype
        New largest channels.
    out : (n, 3) of the same dtype
        Overwritten; bytes are rounded to the nearest.
    """
    body = _scale_bytes if images.dtype == np.uint8 else _scale_floats
    launch(body, len(values), images, values, out, grain=STRIP)


def edge_counts(planes, edges, mask, out):
    """Count floats between 257 edges, plane by plane.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    edges : (n_planes, 257) of the same dtype
        Evenly spaced, from the smallest value counted to the largest.
    mask : (n_planes, n_pixels) bool
        Pixels to count.
    out : (n_planes, 256) int64
        Overwritten with counts; bins are half-open but for the last.
    """
    launch(_edge_counts, len(planes), planes, edges, mask, out)


def interpolate(planes, centers, heights, out):
    """Interpolate linearly between evenly spaced points, plane by plane, constant beyond the ends.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    centers, heights : (n_planes, 256) float64
        The points; the centers rise.
    out : (n_planes, n_pixels) of the dtype of the planes
    """
    launch(_interpolate, len(planes), planes, centers, heights, out)


def clahe_tables(images, clip, out):
    """Make contrast-limited lookup tables for the tiles of images.

    Parameters
    ----------
    images : (n_images, height, width) uint8
        Height and width are multiples of the numbers of tiles.
    clip : int
        Count above which a bin is cut, what is cut being spread over all bins.
    out : (n_images, n_rows, n_cols, 256) uint8
    """
    n_tiles = out.shape[0] * out.shape[1] * out.shape[2]
    grain = 1 + STRIP * n_tiles // (images.size + 512 * n_tiles)  # a table is the work of 512 pixels
    launch(_clahe_tables, n_tiles, images, clip, out, grain=grain)


def clahe_blend(images, tables, tile_height, tile_width, out):
    """Send each pixel through the tables of the four nearest tiles, and blend what comes out.

    Parameters
    ----------
    images : (n_images, height, width) uint8
    tables : (n_images, n_rows, n_cols, 256) uint8
    tile_height, tile_width : int
        In pixels.
    out : (n_images, height, width) uint8
    """
    grain = max(1, STRIP // (8 * images.shape[2]))
    sizes = np.array([tile_height, tile_width])
    launch(_clahe_blend, images.shape[0] * images.shape[1], images, tables, sizes, out, grain=grain)


@njit(nogil=True, cache=True)
def _equalize(start, stop, images, mask, convention, out):
    n_pixels, n_channels = images.shape[1:]
    counts = np.empty((n_channels, 256), np.uint32)
    tables, sums = np.empty((n_channels, 256), np.uint8), np.empty(256, np.int64)
    places = _places(n_channels)
    x, y = images.reshape(-1), out.reshape(-1)
    size = n_pixels * n_channels
    for i in range(start, stop):
        _count(x, mask, i, i * size, (i + 1) * size, places, counts)
        _make_table(counts, convention, sums, tables)
        _apply(x, i * size, (i + 1) * size, tables, y)


@njit(nogil=True, cache=True)
def _count_strips(start, stop, images, mask, counts):
    n_strips = counts.shape[1]
    n_pixels, n_channels = images.shape[1:]
    places, x = _places(n_channels), images.reshape(-1)
    for item in range(start, stop):  # an item is a strip of an image
        i, strip = item // n_strips, item % n_strips
        first, last = strip * n_pixels // n_strips, (strip + 1) * n_pixels // n_strips
        whole = i * n_pixels
        _count(
            x, mask, i, (whole + first) * n_channels, (whole + last) * n_channels, places, counts[i, strip]
        )


@njit(nogil=True, cache=True)
def _apply_strips(start, stop, images, tables, n_strips, out):
    n_pixels, n_channels = images.shape[1:]
    x, y = images.reshape(-1), out.reshape(-1)
    for item in range(start, stop):
        i, strip = item // n_strips, item % n_strips
        first = (i * n_pixels + strip * n_pixels // n_strips) * n_channels
        last = (i * n_pixels + (strip + 1) * n_pixels // n_strips) * n_channels
        _apply(x, first, last, tables[i], y)


@njit(nogil=True, cache=True)
def _make_tables(counts, convention, tables):
    sums = np.empty(256, np.int64)
    for i in range(len(counts)):
        _make_table(counts[i], convention, sums, tables[i])


@njit
def _places(n_channels):
    """Return tables for neighbours in turn: eight gray pixels, or four of three channels."""
    return np.zeros((8 if n_channels == 1 else 12) * 256, np.uint16)


@njit
def _count(x, mask, i, first, last, places, counts):
    """Count the values x[first:last] of image i, channel by channel."""
    counts[:] = 0
    n_channels = len(counts)
    if len(mask) == 0:
        for start in range(first, last, ROUND):
            _count_bytes(x[start : min(start + ROUND, last)], places)
            _empty(places, counts.reshape(-1))
        return
    offset = i * mask.shape[1] * n_channels
    for k in range((first - offset) // n_channels, (last - offset) // n_channels):
        if mask[i, k]:
            for c in range(n_channels):
                counts[c, x[offset + k * n_channels + c]] += np.uint32(1)


# Counting waits for memory where one address is counted twice in a row, so neighbours are counted
# in different tables.


@njit
def _count_bytes(values, places):
    """Count each byte in the table of its place, modulo the number of tables."""
    n_places = len(places) // 256
    n_words = len(values) // 8 if n_places == 8 else len(values) // 24 * 3
    words = values[: 8 * n_words].view(np.uint64)
    if n_places == 8:
        for k in range(n_words):
            _count_word(words[k], np.uint64(0), places)
    else:
        for k in range(0, n_words, 3):
            _count_word(words[k], np.uint64(0), places)
            _count_word(words[k + 1], np.uint64(8), places)
            _count_word(words[k + 2], np.uint64(4), places)
    for i in range(8 * n_words, len(values)):
        places[i % n_places * 256 + np.int64(values[i])] += np.uint16(1)


@njit
def _count_word(word, place, places):
    for j in range(8):
        byte = (word >> np.uint64(8 * j)) & np.uint64(255)
        places[(place + np.uint64(j)) % np.uint64(12) * np.uint64(256) + byte] += np.uint16(1)


@njit
def _empty(places, counts):
    """Add the tables to the counts, halving their number, and leave zeros."""
    n, none = len(places), np.uint16(0)
    while n > len(counts):
        n //= 2
        for k in range(n):
            places[k] += places[n + k]
            places[n + k] = none
    for k in range(n):
        counts[k] += np.uint32(places[k])
        places[k] = none


@njit
def _make_table(counts, convention, sums, tables):
    """Make a table for each channel; the identity where there is one value, or none."""
    for c in range(len(counts)):
        count, table = counts[c], tables[c]
        total = np.int64(0)
        for i in range(256):
            total += count[i]
            sums[i] = total
        if convention == OPENCV:
            _opencv_table(count, sums, table)
        else:
            _torchvision_table(count, sums, table)


@njit(error_model="numpy")
def _torchvision_table(count, sums, table):
    last = 255
    while last > 0 and count[last] == 0:
        last -= 1
    step = (sums[255] - count[last]) // 255
    if step == 0:
        _identity(table)
        return
    # (k + 1/2) / step is never close to a whole number, so rounding cannot take it across one.
    scale, half = 1.0 / step, 0.5 + step // 2
    for i in range(256):
        value = np.int32((half + np.float64(sums[i] - count[i])) * scale)
        table[i] = np.uint8(value if value < 255 else 255)


@njit(error_model="numpy")
def _opencv_table(count, sums, table):
    first = 0
    while first < 255 and count[first] == 0:
        first += 1
    lowest = np.int64(count[first])
    if sums[255] == lowest:
        _identity(table)
        return
    scale = np.float32(255) / np.float32(sums[255] - lowest)
    for i in range(256):
        above = sums[i] - lowest
        table[i] = np.uint8(np.rint(np.float32(above if above > 0 else 0) * scale))


@njit
def _identity(table):
    for i in range(256):
        table[i] = i


@njit
def _apply(x, first, last, tables, y):
    """Send the bytes x[first:last] through the tables of their channels."""
    n_channels = len(tables)
    if permutes_bytes():
        while last - first >= 64 * n_channels:
            permute_bytes(tables, x, first, y)
            first += 64 * n_channels
    for c in range(n_channels):
        table = tables[c]
        for k in range(first + c, last, n_channels):
            y[k] = table[x[k]]


@njit(nogil=True, cache=True)
def _largest_channel(start, stop, images, out):
    x, y = images[start:stop].reshape(-1), out[start:stop]
    for i in range(stop - start):
        high = x[3 * i] if x[3 * i] > x[3 * i + 1] else x[3 * i + 1]
        y[i] = high if high > x[3 * i + 2] else x[3 * i + 2]


@njit(nogil=True, cache=True, error_model="numpy")
def _scale_bytes(start, stop, images, values, out):
    x, y, v = images[start:stop].reshape(-1), out[start:stop].reshape(-1), values[start:stop]
    for i in range(stop - start):
        r, g, b, value = (
            np.float32(x[3 * i]),
            np.float32(x[3 * i + 1]),
            np.float32(x[3 * i + 2]),
            np.float32(v[i]),
        )
        high = r if r > g else g
        high = high if high > b else b
        y[3 * i] = scaled(r, value, high)
        y[3 * i + 1] = scaled(g, value, high)
        y[3 * i + 2] = scaled(b, value, high)


@njit(error_model="numpy")
def scaled(channel, value, high):
    """Return channel * value / high, rounded half up: a quotient of whole numbers, exact enough."""
    two = np.float32(2)
    share = (two * channel * value + high) / (two * high if high > 0 else np.float32(1))
    return np.uint8(np.int32(share if high > 0 else value))


@njit(nogil=True, cache=True, error_model="numpy")
def _scale_floats(start, stop, images, values, out):
    x, y, v = images[start:stop].reshape(-1), out[start:stop].reshape(-1), values[start:stop]
    for i in range(stop - start):
        high = max(x[3 * i], x[3 * i + 1], x[3 * i + 2])
        for c in range(3):
            y[3 * i + c] = x[3 * i + c] / high * v[i] if high > 0 else v[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _edge_counts(start, stop, planes, edges, mask, out):
    for item in range(start, stop):
        edge, count, plane, chosen = edges[item], out[item], planes[item], mask[item]
        count[:] = 0
        scale = 256 / (edge[256] - edge[0])
        for i in range(len(plane)):
            if chosen[i]:
                b = min(int((plane[i] - edge[0]) * scale), 255)
                if plane[i] < edge[b]:
                    b -= 1
                elif b < 255 and plane[i] >= edge[b + 1]:
                    b += 1
                count[b] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _interpolate(start, stop, planes, centers, heights, out):
    for item in range(start, stop):
        plane, center, height, y = planes[item], centers[item], heights[item], out[item]
        first, scale = center[0], 255 / (center[255] - center[0])
        for i in range(len(plane)):
            value = min(max(np.float64(plane[i]), center[0]), center[255])
            k = min(int((value - first) * scale), 254)
            k -= k > 0 and value < center[k]
            k += k < 254 and value >= center[k + 1]
            slope = (height[k + 1] - height[k]) / (center[k + 1] - center[k])
            y[i] = height[k] + (value - center[k]) * slope


@njit(nogil=True, cache=True)
def _clahe_tables(start, stop, images, clip, out):
    n_rows, n_cols = out.shape[1], out.shape[2]
    _, height, width = images.shape
    tile_height, tile_width = height // n_rows, width // n_cols
    scale = np.float32(255) / np.float32(tile_height * tile_width)
    x, places, run = images.reshape(-1), _places(1), np.empty(1 << 13, np.uint8)
    count, sums = np.empty(256, np.uint32), np.empty(256, np.int32)
    for item in range(start, stop):  # an item is a tile
        i, r, c = item // (n_rows * n_cols), item // n_cols % n_rows, item % n_cols
        first = (i * height + r * tile_height) * width + c * tile_width
        _count_tile(x, first, tile_height, tile_width, width, run, places, count)
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


@njit
def _count_tile(x, first, height, width, stride, run, places, count):
    """Count a tile, whose rows are laid one after the other in a run, which is counted fast."""
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
                _count_bytes(run[:n], places)
                _empty(places, count)
                n = 0
            start = first + y * stride + left
            for k in range(size):
                run[n + k] = x[start + k]
            n += size
    _count_bytes(run[:n], places)
    _empty(places, count)


@njit
def _clip_counts(count, clip):
    """Cut counts above clip, and spread what was cut evenly, the remainder at even steps."""
    excess = np.uint32(0)
    for k in range(256):
        excess += count[k] - clip if count[k] > clip else np.uint32(0)
    each, rest = np.uint32(excess >> np.uint32(8)), excess & np.uint32(255)
    for k in range(256):
        count[k] = (count[k] if count[k] < clip else clip) + each
    step = max(256 // rest, 1) if rest else 256
    for k in range(rest):
        count[k * step] += np.uint32(1)


@njit(nogil=True, cache=True)
def _clahe_blend(start, stop, images, tables, sizes, out):
    height, width = images.shape[1], images.shape[2]
    n_rows, n_cols = tables.shape[1], tables.shape[2]
    across, ends = np.empty(width, np.float32), np.zeros(n_cols + 1, np.int64)
    for x in range(width):
        before, across[x] = _place(x, sizes[1])
        ends[before + 1 :] = x + 1
    fours, four = np.empty((n_cols + 1, 256), np.uint32), np.empty(width, np.uint32)
    of_image, of_rows = -1, -1
    for item in range(start, stop):  # an item is a row of an image
        i, y = item // height, item % height
        before, along = _place(y, sizes[0])
        if i != of_image or before != of_rows:
            of_image, of_rows = i, before
            _pack_tables(tables[i, max(before, 0)], tables[i, min(before + 1, n_rows - 1)], fours)
        row, first = images[i, y], 0
        for c in range(n_cols + 1):
            for x in range(first, ends[c]):
                four[x] = fours[c, row[x]]
            first = ends[c]
        _blend_row(four, across, along, out[i, y])


@njit
def _pack_tables(above, below, fours):
    """Put the four tables around each point where tiles meet into one, which is looked up once."""
    n_cols = len(above)
    for c in range(n_cols + 1):
        left, right = max(c - 1, 0), min(c, n_cols - 1)
        for v in range(256):
            top = np.uint32(above[left, v]) | (np.uint32(above[right, v]) << np.uint32(8))
            bottom = np.uint32(below[left, v]) | (np.uint32(below[right, v]) << np.uint32(8))
            fours[c, v] = top | (bottom << np.uint32(16))


@njit
def _blend_row(four, across, along, out):
    byte, rest = np.uint32(255), np.float32(1) - along
    for x in range(len(four)):
        right, tables = across[x], four[x]
        left = np.float32(1) - right
        top = np.float32(np.int32(tables & byte)) * left
        top += np.float32(np.int32((tables >> np.uint32(8)) & byte)) * right
        bottom = np.float32(np.int32((tables >> np.uint32(16)) & byte)) * left
        bottom += np.float32(np.int32(tables >> np.uint32(24))) * right
        out[x] = np.uint8(np.int32(np.rint(top * rest + bottom * along)))


@njit
def _place(pixel, size):
    """Return the tile whose center lies before a pixel, or -1, and how far the pixel is behind it."""
    place = np.float32(pixel) * (np.float32(1) / np.float32(size)) - np.float32(0.5)
    before = int(np.floor(place))
    return before, np.float32(place - np.float32(before))

"""Histogram equalization: lookup tables from histograms, and pixels through lookup tables.

With counts h of n pixels, and c the cumulative counts, the tables map a value i to

    torchvision, Pillow:  min((s // 2 + c[i - 1]) // s, 255),  s = (n - h[last]) // 255
    OpenCV:               rint((c[i] - h[first]) * 255 / (n - h[first]))

where first and last are the lowest and highest value that occurs.
"""

import numpy as np
from numba import njit

from imfeat_kernels.cpu.launch import launch

STRIP = 1 << 15  # pixels that are worth a thread


def torchvision_tables(counts, out):
    """Make lookup tables as torchvision and Pillow do.

    Parameters
    ----------
    counts : (n, 256) uint32
        Histograms.
    out : (n, 256) uint8
        Overwritten; the identity where a histogram has one value, or too few pixels to spread.
    """
    launch(_torchvision_tables, len(out), counts, out, grain=256)


def opencv_tables(counts, out):
    """Make lookup tables as OpenCV does; parameters as for `torchvision_tables`."""
    launch(_opencv_tables, len(out), counts, out, grain=256)


def apply_tables(images, tables, out):
    """Send each pixel through the table of its image and channel.

    Parameters
    ----------
    images : (n_images, n_pixels, n_channels) uint8
    tables : (n_images, n_channels, 256) uint8
    out : (n_images, n_pixels, n_channels) uint8
    """
    n_images, n_pixels, _ = images.shape
    n_strips = -(-n_pixels // STRIP)
    launch(_apply_tables, n_images * n_strips, images, tables, n_strips, out, grain=-(-STRIP // n_pixels))


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
    launch(_clahe_tables, out.shape[0] * out.shape[1] * out.shape[2], images, clip, out)


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
def _torchvision_tables(start, stop, counts, out):
    for item in range(start, stop):
        count, table = counts[item], out[item]
        total, last = np.int64(0), 0
        for i in range(256):
            total += count[i]
            last = i if count[i] else last
        step = (total - count[last]) // 255
        before = np.int64(0)
        for i in range(256):
            table[i] = min((step // 2 + before) // step, 255) if step else i
            before += count[i]


@njit(nogil=True, cache=True)
def _opencv_tables(start, stop, counts, out):
    for item in range(start, stop):
        count, table = counts[item], out[item]
        first = 0
        while first < 255 and count[first] == 0:
            first += 1
        rest = np.int64(0)
        for i in range(first + 1, 256):
            rest += count[i]
        for i in range(256):  # where there is one value, or none, it stays
            table[i] = 0 if rest else i
        scale = np.float32(255) / np.float32(max(rest, 1))
        total = np.int64(0)
        for i in range(first + 1, 256):
            total += count[i]
            if rest:
                table[i] = np.uint8(np.rint(np.float32(total) * scale))


@njit(nogil=True, cache=True)
def _apply_tables(start, stop, images, tables, n_strips, out):
    n_pixels, n_channels = images.shape[1], images.shape[2]
    for item in range(start, stop):  # an item is a strip of an image
        i, strip = item // n_strips, item % n_strips
        first, last = strip * n_pixels // n_strips, (strip + 1) * n_pixels // n_strips
        x, y = images[i, first:last].reshape(-1), out[i, first:last].reshape(-1)
        if n_channels == 1:
            table = tables[i, 0]
            for k in range(len(x)):
                y[k] = table[x[k]]
        else:
            red, green, blue = tables[i, 0], tables[i, 1], tables[i, 2]
            for k in range(len(x) // 3):
                y[3 * k] = red[x[3 * k]]
                y[3 * k + 1] = green[x[3 * k + 1]]
                y[3 * k + 2] = blue[x[3 * k + 2]]


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
        r, g, b = np.int32(x[3 * i]), np.int32(x[3 * i + 1]), np.int32(x[3 * i + 2])
        high, value = max(r, g, b), np.int32(v[i])
        if high == 0:
            y[3 * i], y[3 * i + 1], y[3 * i + 2] = value, value, value
        else:
            y[3 * i] = (2 * r * value + high) // (2 * high)
            y[3 * i + 1] = (2 * g * value + high) // (2 * high)
            y[3 * i + 2] = (2 * b * value + high) // (2 * high)


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
    tile_height, tile_width = images.shape[1] // n_rows, images.shape[2] // n_cols
    scale = np.float32(255) / np.float32(tile_height * tile_width)
    count = np.empty(256, np.int64)
    for item in range(start, stop):  # an item is a tile
        i, r, c = item // (n_rows * n_cols), item // n_cols % n_rows, item % n_cols
        count[:] = 0
        for y in range(r * tile_height, (r + 1) * tile_height):
            for x in range(c * tile_width, (c + 1) * tile_width):
                count[images[i, y, x]] += 1
        if clip > 0:
            _clip_counts(count, clip)
        total = np.int64(0)
        for k in range(256):
            total += count[k]
            out[i, r, c, k] = np.uint8(min(np.rint(np.float32(total) * scale), np.float32(255)))


@njit
def _clip_counts(count, clip):
    """Cut counts above clip, and spread what was cut evenly, the remainder at even steps."""
    excess = 0
    for k in range(256):
        excess += max(count[k] - clip, 0)
        count[k] = min(count[k], clip) + 0
    each, rest = excess // 256, excess % 256
    step = max(256 // rest, 1) if rest else 256
    for k in range(256):
        count[k] += each
        if rest and k % step == 0 and k // step < rest:
            count[k] += 1


@njit(nogil=True, cache=True)
def _clahe_blend(start, stop, images, tables, sizes, out):
    height, width = images.shape[1], images.shape[2]
    n_rows, n_cols = tables.shape[1], tables.shape[2]
    left, right = np.empty(width, np.int64), np.empty(width, np.int64)
    across = np.empty(width, np.float32)
    for x in range(width):
        left[x], right[x], across[x] = _neighbours(x, sizes[1], n_cols)
    for item in range(start, stop):  # an item is a row of an image
        i, y = item // height, item % height
        up, down, along = _neighbours(y, sizes[0], n_rows)
        above, below, row, result = tables[i, up], tables[i, down], images[i, y], out[i, y]
        for x in range(width):
            value, a = row[x], across[x]
            b = np.float32(1) - a
            top = above[left[x], value] * b + above[right[x], value] * a
            bottom = below[left[x], value] * b + below[right[x], value] * a
            result[x] = np.uint8(np.rint(top * (np.float32(1) - along) + bottom * along))


@njit
def _neighbours(pixel, size, n_tiles):
    """Return the tiles whose centers lie around a pixel, and how far it is towards the second."""
    place = np.float32(pixel) * (np.float32(1) / np.float32(size)) - np.float32(0.5)
    before = int(np.floor(place))
    return max(before, 0), min(before + 1, n_tiles - 1), np.float32(place - np.float32(before))

"""Histogram equalization of floats.

1. `extremes` finds the smallest and the largest value, between which the caller lays edges of bins,
2. `edge_counts` counts the values between the edges,
3. the caller sums the counts up to heights,
4. and `interpolate` interpolates linearly between the heights at the centers of the bins.

`stretch` makes values whose bins would coincide fit for this.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

STRIP = 1 << 15  # values that are worth a thread


def extremes(planes, mask, out):
    """Find the smallest and the largest value of each plane.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    mask : (n_masks, n_pixels) bool
        Pixels to look at; as many planes in a row share a mask, and a mask of size 0 takes all.
    out : (n_planes, 2) of the dtype of the planes
        Infinity and its negative where a mask takes no pixel.
    """
    launch(_extremes, len(planes), frozen(planes), mask, out)


def stretch(values, low, high, out):
    """Map an interval to [0, 1], and what lies beyond it to its ends.

    Parameters
    ----------
    values : (n,) float32 or float64
    low, high : of the same dtype
        Ends of the interval, which differ.
    out : (n,) float64
    """
    launch(_stretch, len(out), frozen(values), low, high, out, grain=STRIP)


def edge_counts(planes, edges, mask, out):
    """Count floats between 257 edges, plane by plane.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    edges : (n_planes, 257) of the same dtype
        Evenly spaced, from the smallest value counted to the largest.
    mask : (n_masks, n_pixels) bool
        Pixels to count; as many planes in a row share a mask, and a mask of size 0 counts all.
    out : (n_planes, 256) int64
        Overwritten with counts; bins are half-open but for the last.
    """
    launch(_edge_counts, len(planes), frozen(planes), edges, mask, out)


def interpolate(planes, centers, heights, out):
    """Interpolate linearly between evenly spaced points, plane by plane; constant beyond the ends.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    centers, heights : (n_planes, 256) float64
        Points to interpolate between; the centers increase.
    out : (n_planes, n_pixels) float32 or float64
    """
    launch(_interpolate, len(planes), frozen(planes), centers, heights, out)


# Values are finite, so that minima and maxima may be taken in any order.
@njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _extremes(start, stop, planes, mask, out):
    for item in range(start, stop):
        plane = planes[item]
        first = 0
        if len(mask):
            chosen = mask[item * len(mask) // len(planes)]
            while first < len(plane) and not chosen[first]:
                first += 1
            if first == len(plane):
                out[item, 0], out[item, 1] = np.inf, -np.inf
                continue
        low, high = plane[first], plane[first]
        if len(mask):
            for i in range(first, len(plane)):
                value = plane[i] if chosen[i] else low
                low, high = min(value, low), max(value, high)
        else:
            for value in plane:
                low, high = min(value, low), max(value, high)
        out[item, 0], out[item, 1] = low, high


@njit(nogil=True, cache=True, error_model="numpy")
def _stretch(start, stop, values, low, high, out):
    first, last = np.float64(low), np.float64(high)
    for i in range(start, stop):
        share = (np.float64(values[i]) - first) / (last - first)
        out[i] = min(max(share, 0.0), 1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _edge_counts(start, stop, planes, edges, mask, out):
    for item in range(start, stop):
        edge, count, plane = edges[item], out[item], planes[item]
        chosen = mask[item * len(mask) // len(planes)] if len(mask) else mask.reshape(-1)
        count[:] = 0
        scale = 256 / (edge[256] - edge[0])
        for i in range(len(plane)):
            if len(chosen) == 0 or chosen[i]:
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
        first = center[0]
        scale = 255 / (center[255] - center[0])
        for i in range(len(plane)):
            value = min(max(np.float64(plane[i]), center[0]), center[255])
            k = min(int((value - first) * scale), 254)
            k -= k > 0 and value < center[k]
            k += k < 254 and value >= center[k + 1]
            slope = (height[k + 1] - height[k]) / (center[k + 1] - center[k])
            y[i] = height[k] + (value - center[k]) * slope

"""Histogram equalization of floats.

1. `extremes` finds the smallest and the largest value,
2. `lay_edges` lays the edges of bins between them,
3. `edge_counts` counts the values between the edges,
4. `cumulate` sums the counts up to heights,
5. and `interpolate` interpolates linearly between the heights at the centers of the bins.

`stretch` makes values whose bins would coincide fit for this.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import frozen, launch

STRIP = 1 << 15  # values that are worth a thread
LEAST_RANGE = 1e-300  # of values in float64: the number of bins by it must be finite
APART, COINCIDE, EMPTY = 0, 1, 2  # states of the edges of a plane


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


def lay_edges(extremes, edges, centers, states):
    """Lay the edges of 256 bins of `numpy.histogram` between the extremes of each plane.

    Parameters
    ----------
    extremes : (n_planes, 2) float32 or float64
    edges : (n_planes, 257) of the same dtype
    centers : (n_planes, 256) of the same dtype
        Those of the bins.
    states : (n_planes,) int64
        0 where edges and centers increase; 1 where they don't, since values are too close; and 2 where no
        pixel was looked at, and the edges are those of 0.
    """
    launch(_lay_edges, len(extremes), extremes, edges, centers, states, grain=64)


def cumulate(counts, out):
    """Sum the counts of bins up to shares of all.

    Parameters
    ----------
    counts : (n_planes, 256) int64
    out : (n_planes, 256) float32 or float64
        Shares of the pixels of a plane in a bin or below; 0 where none was counted.
    """
    launch(_cumulate, len(counts), counts, out, grain=64)


def edge_counts(planes, edges, mask, out):
    """Count floats between 257 edges, plane by plane.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    edges : (n_planes, 257) of the same dtype
        Evenly spaced, from the smallest value counted to the largest; values beyond them may be counted in
        any bin.
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
    centers : (n_planes, 256) of the dtype of the planes
        Points to interpolate between, which increase.
    heights : (n_planes, 256) float64
        What they become.  On a GPU of the dtype of the planes.
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
def _lay_edges(start, stop, extremes, edges, centers, states):
    kind = edges.dtype.type
    for item in range(start, stop):
        low, high = extremes[item, 0], extremes[item, 1]
        state = EMPTY if low > high else APART
        if state == EMPTY:
            low = high = kind(0)
        if low == high:
            low, high = low - kind(0.5), high + kind(0.5)
        edge, center = edges[item], centers[item]
        step = (high - low) / kind(256)
        for k in range(256):
            edge[k] = kind(k) * step + low
        edge[256] = high
        grow = np.float64(high - low) >= LEAST_RANGE
        for k in range(256):
            center[k] = (edge[k] + edge[k + 1]) / kind(2)
            grow = grow and edge[k] < edge[k + 1] and (k == 0 or center[k - 1] < center[k])
        states[item] = state if grow or state == EMPTY else COINCIDE


@njit(nogil=True, cache=True)
def _cumulate(start, stop, counts, out):
    for item in range(start, stop):
        total = max(counts[item].sum(), 1)
        upto = 0
        for k in range(256):
            upto += counts[item, k]
            out[item, k] = upto / total


@njit(nogil=True, cache=True, error_model="numpy")
def _edge_counts(start, stop, planes, edges, mask, out):
    for item in range(start, stop):
        edge, count, plane = edges[item], out[item], planes[item]
        chosen = mask[item * len(mask) // len(planes)] if len(mask) else mask.reshape(-1)
        count[:] = 0
        scale = 256 / (edge[256] - edge[0])
        for i in range(len(plane)):
            if len(chosen) == 0 or chosen[i]:
                b = max(min(int((plane[i] - edge[0]) * scale), 255), 0)
                if b > 0 and plane[i] < edge[b]:
                    b -= 1
                elif b < 255 and plane[i] >= edge[b + 1]:
                    b += 1
                count[b] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _interpolate(start, stop, planes, centers, heights, out):
    for item in range(start, stop):
        plane, center, height, y = planes[item], centers[item], heights[item], out[item]
        first, last = np.float64(center[0]), np.float64(center[255])
        scale = 255 / (last - first)
        for i in range(len(plane)):
            value = min(max(np.float64(plane[i]), first), last)
            k = min(int((value - first) * scale), 254)
            k -= k > 0 and value < center[k]
            k += k < 254 and value >= center[k + 1]
            left = np.float64(center[k])
            slope = (height[k + 1] - height[k]) / (np.float64(center[k + 1]) - left)
            y[i] = height[k] + (value - left) * slope

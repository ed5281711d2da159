"""Histogram equalization of floats.

1. `edge_counts` counts the values between the edges of bins,
2. the caller sums the counts up to heights,
3. and `interpolate` interpolates linearly between the heights at the centers of the bins.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch


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
    """Interpolate linearly between evenly spaced points, plane by plane; constant beyond the ends.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    centers, heights : (n_planes, 256) float64
        Points to interpolate between; the centers increase.
    out : (n_planes, n_pixels) of the dtype of the planes
    """
    launch(_interpolate, len(planes), planes, centers, heights, out)


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
        first = center[0]
        scale = 255 / (center[255] - center[0])
        for i in range(len(plane)):
            value = min(max(np.float64(plane[i]), center[0]), center[255])
            k = min(int((value - first) * scale), 254)
            k -= k > 0 and value < center[k]
            k += k < 254 and value >= center[k + 1]
            slope = (height[k + 1] - height[k]) / (center[k + 1] - center[k])
            y[i] = height[k] + (value - center[k]) * slope

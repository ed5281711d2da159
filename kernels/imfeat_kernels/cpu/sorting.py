"""Sorting of the values of planes, by NumPy, whose sort is vectorized and releases the GIL."""

from imfeat_kernels.cpu.launch import launch


def sort_planes(planes, out):
    """Sort the values of each plane.

    Parameters
    ----------
    planes : (n_planes, n_pixels) float32 or float64
    out : (n_planes, n_pixels) of the same dtype
        The values in ascending order.
    """
    launch(_sort_planes, len(out), planes, out)


def _sort_planes(start, stop, planes, out):
    out[start:stop] = planes[start:stop]
    out[start:stop].sort(axis=1)

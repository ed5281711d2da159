"""Groups of vectors, those of images or of regions: their order, counts, means and combinations."""

import numpy as np

from imfeat_kernels.cpu.compiling import njit
from imfeat_kernels.cpu.launch import launch, split_groups

VALUES = 1 << 16  # copied values that are worth a thread


def gather_rows(rows, order, out):
    """Copy rows in another order, the same in each run of m rows, or some rows.

    Parameters
    ----------
    rows : (n_runs * m, d) float32 or uint8
        Any number of rows if the result has m of them.
    order : (m,) int64
        Index in its run of each row of the result.
    out : (n_runs * m, d), dtype of ``rows``
    """
    launch(_gather_rows, len(out), rows, order, out, grain=max(1, VALUES // out.shape[1]))


def count_words(bounds, assignments, out):
    """Count the words of the descriptors of each group.

    Parameters
    ----------
    bounds : (n_groups + 1,) int64
        Group i has the descriptors ``bounds[i]`` to ``bounds[i + 1] - 1``.
    assignments : (n,) int32
        Index of the word of each descriptor.
    out : (n_groups, n_words) uint32
    """
    n_values = len(assignments) + out.size
    launch(_count_words, len(out), bounds, assignments, out, grain=1 + VALUES * len(out) // (n_values + 1))


def mean_vectors(vectors, bounds, out):
    """Average the vectors of each group.

    Parameters
    ----------
    vectors : (n, d) float32
    bounds : (n_groups + 1,) int64
        As for `count_words`.
    out : (n_groups, d) float32
        Overwritten; zeros for an empty group.
    """
    starts, pieces = split_groups(bounds)
    sums = np.empty((len(pieces), out.shape[1]))
    launch(_sum_pieces, len(pieces), vectors, pieces, sums)
    counts = np.maximum(np.diff(bounds), 1)[:, None]
    out[...] = np.add.reduceat(sums, starts, axis=0) / counts if len(out) else 0


def combine_groups(shares, vectors, out):
    """Add up weighted vectors of the groups of each image, for each region.

    Parameters
    ----------
    shares : (n_images, n_regions, n_groups) float32
        Weight of each group in each region.
    vectors : (n_images, n_groups, d) float32
        A vector a group.
    out : (n_images, n_regions, d) float32
    """
    grain = max(1, VALUES // (vectors.shape[1] * out.shape[2]))
    launch(_combine_groups, out.shape[0] * out.shape[1], shares, vectors, out, grain=grain)


@njit(nogil=True, cache=True)
def _gather_rows(start, stop, rows, order, out):
    m = len(order)
    for item in range(start, stop):
        row, copy = rows[item // m * m + order[item % m]], out[item]
        for j in range(len(copy)):
            copy[j] = row[j]


@njit(nogil=True, cache=True)
def _count_words(start, stop, bounds, assignments, out):
    for item in range(start, stop):
        counts = out[item]
        counts[:] = 0
        for i in range(bounds[item], bounds[item + 1]):
            counts[np.uint64(assignments[i])] += np.uint32(1)


@njit(nogil=True, cache=True)
def _sum_pieces(start, stop, vectors, pieces, sums):
    for item in range(start, stop):
        total = sums[item]
        total[:] = 0
        for i in range(pieces[item, 0], pieces[item, 1]):
            vector = vectors[i]
            for j in range(len(total)):
                total[j] += np.float64(vector[j])


@njit(nogil=True, cache=True)
def _combine_groups(start, stop, shares, vectors, out):
    n_regions, d = out.shape[1:]
    sums = np.empty(d)
    for item in range(start, stop):
        i, r = item // n_regions, item % n_regions
        sums[:] = 0
        for group in range(vectors.shape[1]):
            share = np.float64(shares[i, r, group])
            if share != 0:  # most groups lie in a few regions
                vector = vectors[i, group]
                for j in range(d):
                    sums[j] += share * np.float64(vector[j])
        for j in range(d):
            out[i, r, j] = sums[j]

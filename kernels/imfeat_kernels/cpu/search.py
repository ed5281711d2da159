"""Search among codes of a product quantizer, without decoding them.

The squared distance of a vector to a code is a sum over groups of dimensions, of a table's entry for each
byte of the code.  The tables of LANES vectors lie side by side, so that a byte stands for a row of them.

1. Add up the rows of a tile of codes, group by group.
2. Find the smallest distance of each vector in the tile.
3. Where it is among the nearest so far, look at each distance of the tile.
4. Merge the nearest codes of all chunks.
"""

import numpy as np

from imfeat_kernels.cpu.compiling import inner, njit
from imfeat_kernels.cpu.instruction import add_eight
from imfeat_kernels.cpu.launch import launch

CHUNK = 1 << 15  # codes of an item
TILE = 256  # codes whose distances are known before they are looked at
LANES = 8  # vectors side by side
FAR = np.float32(np.inf)


def distance_tables(vectors, centroids, out):
    """Compute the squared distances of each group of dimensions to its centroids.

    Parameters
    ----------
    vectors : (n, n_groups * group_size) float32
    centroids : (n_groups, group_size, n_centroids) float32
        Dimension by dimension.
    out : (n, n_groups, n_centroids) float32
    """
    grain = max(1, (1 << 17) // max(1, centroids.size))
    launch(_distance_tables, len(vectors), vectors, centroids, out, grain=grain)


def nearest_codes(tables, codes, distances, indices):
    """Find the nearest codes of each vector in each chunk of CHUNK codes.

    Parameters
    ----------
    tables : (n, n_groups, n_centroids) float32
        Results of `distance_tables`.
    codes : (n_codes, n_groups) uint8
    distances : (n, n_chunks, k) float32
        Overwritten with the smallest squared distances, in their order; infinity where there are fewer codes.
    indices : (n, n_chunks, k) int64
        Overwritten with their codes, of equal distances the lowest first; -1 where there are fewer.
    """
    n_blocks = -(-len(tables) // LANES)
    if len(tables) < 3:  # fewer than what a row of LANES is worth
        launch(_nearest_of_one, len(tables) * distances.shape[1], tables, codes, distances, indices)
    else:
        launch(_nearest_of_eight, n_blocks * distances.shape[1], tables, codes, distances, indices)


def merge_nearest(distances, indices, merged, places):
    """Merge the nearest codes of all chunks.

    Parameters
    ----------
    distances, indices : (n, n_chunks, k)
        Results of `nearest_codes`.
    merged : (n, k) float32
        Overwritten with the smallest squared distances, in their order.
    places : (n, k) int64
        Overwritten with their codes, of equal distances the lowest first.
    """
    launch(_merge_nearest, len(merged), distances, indices, merged, places, grain=64)


@njit(nogil=True, cache=True)
def _distance_tables(start, stop, vectors, centroids, out):
    n_groups, group_size, n_centroids = centroids.shape
    for i in range(start, stop):
        for g in range(n_groups):
            row = out[i, g]
            for k in range(n_centroids):
                row[k] = 0
            for j in range(group_size):
                value, centroid = vectors[i, g * group_size + j], centroids[g, j]
                for k in range(n_centroids):
                    row[k] += (value - centroid[k]) * (value - centroid[k])


@njit(nogil=True, cache=True)
def _nearest_of_one(start, stop, tables, codes, distances, indices):
    n_chunks = distances.shape[1]
    n_centroids = np.uint64(tables.shape[2])
    sums = np.empty(TILE, np.float32)
    for item in range(start, stop):  # an item is a vector and a chunk of codes
        i, chunk = item // n_chunks, item % n_chunks
        nearest, places = distances[i, chunk], indices[i, chunk]
        nearest[:] = FAR
        places[:] = -1
        table = tables[i].reshape(-1)
        last = min((chunk + 1) * CHUNK, len(codes))
        for first in range(chunk * CHUNK, last, TILE):
            tile = codes[first : min(first + TILE, last)]
            _add_entries(table, n_centroids, tile, sums)
            _take(sums, 0, 1, len(tile), first, nearest, places)


@inner
def _add_entries(table, n_centroids, tile, sums):
    """Add up the entries of each code, of four codes at a time."""
    one, n_groups = np.uint64(1), np.uint64(tile.shape[1])
    whole = np.uint64(len(tile) // 4 * 4)
    for c in range(np.uint64(0), whole, np.uint64(4)):
        first = second = third = fourth = np.float32(0)
        place = np.uint64(0)
        for g in range(n_groups):
            first += table[place + np.uint64(tile[c, g])]
            second += table[place + np.uint64(tile[c + one, g])]
            third += table[place + np.uint64(tile[c + one + one, g])]
            fourth += table[place + np.uint64(tile[c + one + one + one, g])]
            place += n_centroids
        sums[c], sums[c + one], sums[c + one + one], sums[c + one + one + one] = first, second, third, fourth
    for c in range(whole, np.uint64(len(tile))):
        total = np.float32(0)
        for g in range(n_groups):
            total += table[g * n_centroids + np.uint64(tile[c, g])]
        sums[c] = total


@njit(nogil=True, cache=True)
def _nearest_of_eight(start, stop, tables, codes, distances, indices):
    n, n_groups, n_centroids = tables.shape
    n_chunks = distances.shape[1]
    rows = np.zeros(n_groups * n_centroids * LANES, np.float32)
    sums = np.empty(TILE * LANES, np.float32)
    lowest = np.empty(8 * LANES, np.int32)
    block = -1
    for item in range(start, stop):  # an item is LANES vectors and a chunk of codes
        chunk = item % n_chunks
        if item // n_chunks != block:
            block = item // n_chunks
            _interleave(tables[block * LANES : (block + 1) * LANES], rows)
        vectors = range(block * LANES, min((block + 1) * LANES, n))
        for i in vectors:
            distances[i, chunk] = FAR
            indices[i, chunk] = -1
        last = min((chunk + 1) * CHUNK, len(codes))
        for first in range(chunk * CHUNK, last, TILE):
            tile = codes[first : min(first + TILE, last)]
            _add_rows(rows, n_centroids, tile, sums)
            _find_lowest(sums.view(np.int32), len(tile), lowest)
            for i in vectors:
                lane = i - block * LANES
                nearest = distances[i, chunk]
                if lowest[lane] <= _bits_of(nearest):
                    _take(sums, lane, LANES, len(tile), first, nearest, indices[i, chunk])


@inner
def _interleave(tables, rows):
    n, n_groups, n_centroids = tables.shape
    for lane in range(n):
        for g in range(n_groups):
            for k in range(n_centroids):
                rows[(g * n_centroids + k) * LANES + lane] = tables[lane, g, k]


@inner
def _add_rows(rows, n_centroids, tile, sums):
    for e in range(len(sums)):
        sums[e] = 0
    lanes = np.uint64(LANES)
    for g in range(np.uint64(tile.shape[1])):
        first = g * np.uint64(n_centroids)
        for c in range(np.uint64(len(tile))):
            add_eight(rows, (first + np.uint64(tile[c, g])) * lanes, sums, c * lanes)


@inner
def _find_lowest(bits, count, lowest):
    """Find the lowest of the first rows, lane by lane; floats >= 0 have the order of their bits."""
    width = len(lowest)
    for e in range(width):
        lowest[e] = bits[e % LANES]
    for start in range(0, count * LANES // width * width, width):
        for e in range(width):
            value = bits[start + e]
            lowest[e] = value if value < lowest[e] else lowest[e]
    for e in range(count * LANES // width * width, count * LANES):
        lowest[e % LANES] = min(lowest[e % LANES], bits[e])
    for e in range(LANES, width):
        lowest[e % LANES] = min(lowest[e % LANES], lowest[e])


@inner
def _bits_of(nearest):
    """Return the bits of the largest of the nearest distances."""
    return nearest[-1:].view(np.int32)[0]


@inner
def _take(sums, lane, step, count, first, nearest, places):
    """Insert distances that are smaller than the largest of the nearest ones, after equal ones."""
    for c in range(count):
        distance = sums[c * step + lane]
        if distance < nearest[-1]:
            k = len(nearest) - 1
            while k > 0 and nearest[k - 1] > distance:
                nearest[k], places[k] = nearest[k - 1], places[k - 1]
                k -= 1
            nearest[k], places[k] = distance, first + c


@njit(nogil=True, cache=True)
def _merge_nearest(start, stop, distances, indices, merged, places):
    n_chunks, last = distances.shape[1], merged.shape[1] - 1
    for i in range(start, stop):
        nearest, place = merged[i], places[i]
        nearest[:] = distances[i, 0]
        place[:] = indices[i, 0]
        for chunk in range(1, n_chunks):
            for c in range(last + 1):
                distance = distances[i, chunk, c]
                if not distance < nearest[last]:
                    break
                k = last
                while k > 0 and nearest[k - 1] > distance:
                    nearest[k], place[k] = nearest[k - 1], place[k - 1]
                    k -= 1
                nearest[k], place[k] = distance, indices[i, chunk, c]

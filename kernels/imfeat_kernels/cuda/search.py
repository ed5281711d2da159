"""Search among codes of a product quantizer: a thread takes a vector and a chunk of codes."""

import numpy as np

from imfeat_kernels.cpu.search import FAR
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

f32, i32, i64, u32 = np.float32, np.int32, np.int64, np.uint32
CHUNK = 1 << 12  # codes of a thread, at most


def distance_tables(vectors, centroids, out):
    """Compute the squared distances of each group of dimensions to its centroids."""
    launch(_distance_tables, blocks_of(out.size), vectors, centroids, out)


def nearest_codes(tables, codes, distances, indices):
    """Find the nearest codes of each vector in each chunk of codes, of about equal size."""
    n = len(distances) * distances.shape[1]
    launch(_nearest_codes, blocks_of(n), tables, codes, distances, indices)


def merge_nearest(distances, indices, merged, places):
    """Merge the nearest codes of all chunks."""
    launch(_merge_nearest, blocks_of(len(merged)), distances, indices, merged, places)


@cuda.jit
def _distance_tables(vectors, centroids, out):
    item = cuda.grid(1)
    if item < out.size:
        vector, k = place_of(item, out.shape[2])
        i, g = divided(vector, out.shape[1])
        size = u32(centroids.shape[1])
        total = f32(0)
        for j in range(size):
            apart = vectors[i, g * size + u32(j)] - centroids[g, u32(j), k]
            total += apart * apart
        out[i, g, k] = total


@cuda.jit
def _nearest_codes(tables, codes, distances, indices):
    item = cuda.grid(1)
    if item < distances.shape[0] * distances.shape[1]:
        i, chunk = place_of(item, distances.shape[1])
        last = u32(distances.shape[2] - 1)
        for k in range(distances.shape[2]):
            distances[i, chunk, u32(k)] = FAR
            indices[i, chunk, u32(k)] = i64(-1)
        size, _ = divided(codes.shape[0] + distances.shape[1] - 1, distances.shape[1])
        code = u32(chunk * size)
        end = min(u32(code + size), u32(codes.shape[0]))
        while code < end:
            total = f32(0)
            for g in range(codes.shape[1]):
                total += tables[i, u32(g), u32(codes[code, u32(g)])]
            if total < distances[i, chunk, last]:
                k = last
                while k > u32(0) and distances[i, chunk, u32(k - u32(1))] > total:
                    distances[i, chunk, k] = distances[i, chunk, u32(k - u32(1))]
                    indices[i, chunk, k] = indices[i, chunk, u32(k - u32(1))]
                    k = u32(k - u32(1))
                distances[i, chunk, k], indices[i, chunk, k] = total, i64(code)
            code = u32(code + u32(1))


@cuda.jit
def _merge_nearest(distances, indices, merged, places):
    """Insert the nearest codes of chunk by chunk, after equal ones: a thread takes a vector."""
    item = cuda.grid(1)
    if item < merged.shape[0]:
        i = u32(item)
        n = u32(merged.shape[1])
        last = u32(n - u32(1))
        for k in range(n):
            merged[i, u32(k)], places[i, u32(k)] = distances[i, 0, u32(k)], indices[i, 0, u32(k)]
        for chunk in range(1, distances.shape[1]):
            c = u32(0)
            while c < n and distances[i, u32(chunk), c] < merged[i, last]:
                distance, place = distances[i, u32(chunk), c], indices[i, u32(chunk), c]
                k = last
                while k > u32(0) and merged[i, u32(k - u32(1))] > distance:
                    merged[i, k], places[i, k] = merged[i, u32(k - u32(1))], places[i, u32(k - u32(1))]
                    k = u32(k - u32(1))
                merged[i, k], places[i, k] = distance, place
                c = u32(c + u32(1))

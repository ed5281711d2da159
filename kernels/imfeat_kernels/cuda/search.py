"""Search among codes of a product quantizer: a thread takes a vector and a chunk of codes."""

import numpy as np

from imfeat_kernels.cpu.search import CHUNK, FAR
from imfeat_kernels.cuda.common import divided, place_of
from imfeat_kernels.cuda.front import cuda
from imfeat_kernels.cuda.launch import blocks_of, launch

f32, i32, i64, u32 = np.float32, np.int32, np.int64, np.uint32


def distance_tables(vectors, centroids, out):
    """Compute the squared distances of each group of dimensions to its centroids."""
    launch(_distance_tables, blocks_of(out.size), vectors, centroids, out)


def nearest_codes(tables, codes, distances, indices):
    """Find the nearest codes of each vector in each chunk of CHUNK codes."""
    n = len(distances) * distances.shape[1]
    launch(_nearest_codes, blocks_of(n), tables, codes, distances, indices)


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
        code = u32(chunk * u32(CHUNK))
        end = min(u32(code + u32(CHUNK)), u32(codes.shape[0]))
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

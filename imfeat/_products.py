"""Products of vectors and filters by the kernels, without the threads of BLAS."""

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_out


def multiply(
    vectors: Array, filters: Array, out: Array | None = None, *, center: Array | None = None
) -> Array:
    """Return the products (..., n_filters) of vectors (..., d) and filters (n_filters, d), float32.

    ``center`` (d,) float32 is subtracted from the vectors first.  Vectors may be checked ones on a GPU.
    """
    filters = np.ascontiguousarray(filters, np.float32)
    if isinstance(vectors, np.ndarray):
        vectors = np.ascontiguousarray(vectors, np.float32)
    if out is None:
        out = as_out(None, (*vectors.shape[:-1], len(filters)), np.float32, vectors)
    if out.size:
        rows = vectors.reshape(-1, vectors.shape[-1])
        center = np.zeros(rows.shape[1]) if center is None else center
        backend_of(rows).products.multiply_by_filters(
            rows, np.array(center, np.float32), filters, out.reshape(len(rows), -1)
        )
    return out

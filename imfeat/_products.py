"""Products of vectors and filters by the kernels, without the threads of BLAS."""

import numpy as np

from imfeat._backend import Array, backend_of


def multiply(
    vectors: Array, filters: Array, out: Array | None = None, *, center: Array | None = None
) -> Array:
    """Return the products (..., n_filters) of vectors (..., d) and filters (n_filters, d), float32.

    ``center`` (d,) float32 is subtracted from the vectors first.
    """
    vectors, filters = (np.ascontiguousarray(x, np.float32) for x in (vectors, filters))
    if out is None:
        out = np.empty((*vectors.shape[:-1], len(filters)), np.float32)
    if out.size:
        rows = vectors.reshape(-1, vectors.shape[-1])
        center = np.zeros(rows.shape[1]) if center is None else center
        backend_of(rows).products.multiply_by_filters(
            rows, np.array(center, np.float32), filters, out.reshape(len(rows), -1)
        )
    return out

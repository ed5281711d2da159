"""How counts become features."""

import math

import numpy as np

from imfeat._backend import Array, backend_of

NORMS = (None, "l1", "l2", "hellinger")


def normalize_histograms(counts: Array, norm: str | None) -> Array:
    """Return histograms (..., n_bins) as float32, each divided by its own norm.

    ``None`` keeps the counts; ``"l1"`` gives shares that sum to 1, ``"l2"`` a vector of length 1,
    ``"hellinger"`` the square roots of the shares, also of length 1.  Empty histograms stay 0.
    """
    if norm is None:
        return counts.astype(np.float32)
    kernels = backend_of(counts)
    code = {
        "l1": kernels.histogram.L1,
        "l2": kernels.histogram.L2,
        "hellinger": kernels.histogram.HELLINGER,
    }[norm]
    out = np.empty((math.prod(counts.shape[:-1]), counts.shape[-1]), np.float32)
    kernels.histogram.normalize_counts(counts.reshape(out.shape), code, out)
    return out.reshape(counts.shape)

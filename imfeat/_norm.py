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
    out = np.empty((math.prod(counts.shape[:-1]), counts.shape[-1]), np.float32)
    backend_of(counts).histogram.normalize_counts(counts.reshape(out.shape), norm_code(norm, counts), out)
    return out.reshape(counts.shape)


def norm_code(norm: str | None, array: Array) -> int:
    """Return what kernels call a norm."""
    kernels = backend_of(array).histogram
    codes: dict[str | None, int] = {
        None: 0,
        "l1": kernels.L1,
        "l2": kernels.L2,
        "hellinger": kernels.HELLINGER,
    }
    return codes[norm]

"""How counts become features."""

import numpy as np

from imfeat._backend import Array

NORMS = (None, "l1", "l2", "hellinger")


def normalize_histograms(counts: Array, norm: str | None) -> Array:
    """Return histograms (..., n_bins) as float32, each divided by its own norm.

    ``None`` keeps the counts; ``"l1"`` gives shares that sum to 1, ``"l2"`` a vector of length 1,
    ``"hellinger"`` the square roots of the shares, also of length 1.  Empty histograms stay 0.
    """
    if norm is None:
        return counts.astype(np.float32)
    values = counts.astype(np.float64)
    if norm == "l2":
        size = np.sqrt((values * values).sum(-1, keepdims=True))
    else:
        size = values.sum(-1, keepdims=True)
    values /= np.where(size > 0, size, 1)
    return (np.sqrt(values) if norm == "hellinger" else values).astype(np.float32)

"""Normalization of counts."""

import math
from typing import Literal, TypeAlias, get_args

import numpy as np

from imfeat._backend import Array, backend_of
from imfeat._check import as_out

Norm: TypeAlias = Literal[None, "l1", "l2", "hellinger"]
NORMS: tuple[Norm, ...] = get_args(Norm)


def normalize_histograms(counts: Array, norm: Norm) -> Array:
    """Return histograms (..., n_bins) as float32, each divided by its own norm, on the device of the counts.

    ``None`` keeps the counts; ``"l1"`` gives shares that sum to 1, ``"l2"`` a vector of length 1,
    ``"hellinger"`` the square roots of the shares, also of length 1.  Empty histograms stay 0.
    """
    out = as_out(None, (math.prod(counts.shape[:-1]), counts.shape[-1]), np.float32, counts)
    kernels = backend_of(counts).histogram
    kernels.normalize_counts(counts.reshape(out.shape), kernels.NORMS[norm], out)
    return out.reshape(counts.shape)

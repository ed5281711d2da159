"""Fits with few words to images of noise: they check options, compile kernels and count features quickly."""

from typing import Any

import numpy as np
from sklearn.base import clone

from imfeat._backend import Array

MOST = {"n_words": 8, "n_patches": 1000, "n_components": 4, "n_descriptors": 1000}
FIRST_WORDS = "n_first_words"  # which need as many patches


def with_small_parameters(transformer: Any) -> Any:
    """Return a copy of a transformer that is quick to fit."""
    parameters = transformer.get_params()
    reduced = {}
    for key, value in parameters.items():
        member, _, name = key.rpartition("__")
        if name not in MOST or not isinstance(value, int):
            continue
        n_first = parameters.get(f"{member}__{FIRST_WORDS}" if member else FIRST_WORDS)
        needed = n_first if name == "n_patches" and isinstance(n_first, int) else 0
        reduced[key] = min(value, max(MOST[name], needed))
    return clone(transformer).set_params(**reduced)


def noise_of(size: tuple[int, int]) -> Array:
    """Return two images of noise of (height, width) pixels."""
    return np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)

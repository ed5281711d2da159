"""Rows of vectors on the host or a GPU: joined, averaged by group, and in arrays of the caller's library."""

import math

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of
from imfeat._check import as_groups, as_out, to_caller_array

AS_IT_IS = np.zeros(1, np.int64)  # order of rows


def joined(parts: list[Array]) -> Array:
    """Return arrays one below the other, on their device, where they are float32."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    out = empty_on_device_of((sum(map(len, parts)), *parts[0].shape[1:]), np.float32, parts[0])
    first = 0
    for part in parts:
        _copy(part, out[first : first + len(part)])
        first += len(part)
    return out


def in_library_of(features: Array, like: Array) -> Array:
    """Return float32 features as an array of the library that holds another array on a GPU."""
    if to_caller_array(like) is like:
        return features
    out = as_out(None, features.shape, np.float32, like)
    _copy(features, out)
    return to_caller_array(out)


def means_of_groups(descriptors: Array, offsets: Array) -> Array:
    """Return the mean (n_groups, d) of each group of descriptors (n, d), 0 for an empty one."""
    d = descriptors.shape[-1]
    vectors, bounds, _ = as_groups(descriptors, offsets, d, gpu=True)
    out = as_out(None, (len(bounds) - 1, d), np.float32, vectors)
    backend_of(vectors).groups.mean_vectors(vectors, bounds, out)
    return to_caller_array(out)


def _copy(rows: Array, out: Array) -> None:
    d = math.prod(rows.shape[1:])
    backend_of(rows).groups.gather_rows(rows.reshape(-1, d), AS_IT_IS, out.reshape(-1, d))

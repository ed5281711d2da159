"""Rows of vectors on the host or a GPU: chosen, joined, averaged, and in arrays of the caller's library."""

import math

import numpy as np

from imfeat._backend import Array, backend_of, empty_on_device_of, fill
from imfeat._check import as_groups, as_out, to_caller_array, to_host

AS_IT_IS = np.zeros(1, np.int64)  # order of rows
AVERAGED = 1024  # vectors that are averaged in float32, where all are averaged on a GPU


def rows_at(rows: Array, indices: Array) -> Array:
    """Return rows (m, d) of an array (n, d) by their indices (m,), on its device."""
    if isinstance(rows, np.ndarray):
        return rows[indices]
    out = empty_on_device_of((len(indices), rows.shape[1]), rows.dtype, rows)
    backend_of(rows).groups.gather_rows(rows, indices.astype(np.int64), out)
    return out


def joined(parts: list[Array]) -> Array:
    """Return arrays of one dtype one below the other, on their device."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    out = empty_on_device_of((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype, parts[0])
    first = 0
    for part in parts:
        _copy(part, out[first : first + len(part)])
        first += len(part)
    return out


def in_library_of(features: Array, like: Array) -> Array:
    """Return features as an array of the library that holds another array on a GPU."""
    if to_caller_array(like) is like:
        return features
    out = as_out(None, features.shape, features.dtype, like)
    _copy(features, out)
    return to_caller_array(out)


def table_in_library_of(table: Array, like: Array) -> Array:
    """Return a table of the host, copied to the GPU if another array lies there, as one of its library."""
    if isinstance(like, np.ndarray):
        return table
    out = as_out(None, table.shape, table.dtype, like)
    fill(out, table)
    return to_caller_array(out)


def mean_of(vectors: Array) -> Array:
    """Return the mean (d,) of vectors (n, d) as float64 of the host, 0 if there are none."""
    n, d = vectors.shape
    if not n:
        return np.zeros(d)
    if isinstance(vectors, np.ndarray):
        mean: Array = vectors.mean(0, dtype=np.float64)
        return mean
    bounds = np.append(np.arange(0, n, AVERAGED), n)
    means = empty_on_device_of((len(bounds) - 1, d), np.float32, vectors)
    backend_of(vectors).groups.mean_vectors(vectors, bounds, means)
    return np.average(to_host(means), axis=0, weights=np.diff(bounds))


def mean_of_two(first: Array, second: Array) -> Array:
    """Return the mean of two float32 arrays of one shape, on their device."""
    if isinstance(first, np.ndarray):
        mean: Array = (first + second) / np.float32(2)
        return mean
    halves = joined([first.reshape(1, -1), second.reshape(1, -1)])
    out = as_out(None, first.shape, np.float32, first)
    shares = np.full((1, 1, 2), 0.5, np.float32)
    backend_of(first).groups.combine_groups(shares, halves.reshape(1, 2, -1), out.reshape(1, 1, -1))
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
    rows, out = rows.reshape(-1, d), out.reshape(-1, d)
    if rows.dtype != np.float32:
        rows, out = rows.view(np.uint8), out.view(np.uint8)
    backend_of(rows).groups.gather_rows(rows, AS_IT_IS, out)

"""The task of a worker: one shard, from the bytes of its images to files."""

import dataclasses
import functools
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from imfeat._backend import Array, set_num_threads
from imfeat.extract.features import Column, build, compute
from imfeat.extract.images import Row, ahead, decode_in_threads, read_batches
from imfeat.extract.plan import Plan
from imfeat.extract.ragged import Ragged
from imfeat.extract.store import find_receipt, write_shard


def extract_shard(folder: str, shard: int) -> dict[str, Any]:
    """Compute a shard of a plan, unless it is done, and return its receipt.

    Any number of calls, also concurrent ones, write the same files.
    """
    plan = Plan(Path(folder))
    if (receipt := find_receipt(plan.folder, shard, plan.key, verify=True)) is not None:
        return receipt
    columns = _columns(plan.key, folder)
    extractors = {name: column.extract for name, column in columns.items()}
    items = plan.items(shard)
    rows: list[Row] = []
    features = {name: _empty(column, len(items)) for name, column in columns.items()}
    for batch_rows, groups in ahead(read_batches(items, plan.size, plan.settings["fit"], plan.decode)):
        rows += batch_rows
        for indices, images in groups:
            try:
                values = compute(extractors, images)
            except ValueError as error:
                if not isinstance(plan.size, str):
                    raise
                for i in indices:  # images that are too small
                    rows[i] = dataclasses.replace(rows[i], error=f"ValueError: {error}")
                continue
            for name, column in columns.items():
                _put(features[name], indices, values[name], column, images.shape[1:])
    return write_shard(plan.folder, shard, plan.key, rows, features, plan.settings["format"])


def _empty(column: Column, n_images: int) -> Array | Ragged:
    """Return the features of a shard, of which none is computed."""
    if column.n_features is None:
        return Ragged(n_images)
    return np.full((n_images, column.n_features), np.nan, np.float32)


def _put(
    features: Array | Ragged, indices: list[int], values: Array, column: Column, image_shape: tuple[int, ...]
) -> None:
    """Write the values (n, n_features) of images of one shape into the features of a shard."""
    if not isinstance(features, Ragged):
        features[indices] = values
        return
    assert column.grid_shape is not None
    height, width, n_channels = image_shape
    shape = column.grid_shape((height, width, n_channels))
    for i, vector in zip(indices, values, strict=True):
        features.put(i, vector, shape)


@functools.lru_cache(1)
def _columns(key: str, folder: str) -> dict[str, Column]:
    """Return what computes the columns of a plan, cached by its key."""
    plan = Plan(Path(folder))
    return build(plan.settings["features"], plan.size, Path(folder))


def begin_worker(parent: int, n_threads: int) -> None:
    """Limit this process to its share of the cores, often one, and end it when its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which waits for running tasks
    set_num_threads(n_threads)
    decode_in_threads(n_threads)
    threadpool_limits(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # A killed parent can't stop its workers, which would wait for ever and hold its lock.
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)

"""The tasks of a worker: one shard or several, from the bytes of their images to files."""

import dataclasses
import functools
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from imfeat._backend import Array, set_num_threads
from imfeat.extract.features import Column, build, compute
from imfeat.extract.images import Batch, Row, ahead, decode_in_threads, read_batches
from imfeat.extract.plan import Plan
from imfeat.extract.ragged import Ragged
from imfeat.extract.store import find_receipt, write_shard
from imfeat.sources import Item


def extract_shard(folder: str, shard: int) -> dict[str, Any]:
    """Compute a shard of a plan, unless it is done, and return its receipt.

    Any number of calls, also concurrent ones, write the same files.
    """
    plan = Plan(Path(folder))
    if (receipt := find_receipt(plan.folder, shard, plan.key, verify=True)) is not None:
        return receipt
    items = plan.items(shard)
    rows, features = _compute(plan, len(items), ahead(_batches(plan, items)))
    return _write(plan, shard, rows, features)


def extract_shards(folder: str, shards: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Compute shards of a plan as `extract_shard`, without a gap between them, and return their receipts.

    While a batch of images is described, a thread decodes the next one, also of the next shard, and another
    thread writes the shard before.
    """
    plan = Plan(Path(folder))
    receipts = {shard: find_receipt(plan.folder, shard, plan.key, verify=True) for shard in shards}
    missing = {shard: plan.items(shard) for shard in shards if receipts[shard] is None}
    decoded = ahead((shard, batch) for shard, items in missing.items() for batch in _batches(plan, items))
    writing: dict[int, Future[dict[str, Any]]] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="imfeat-write") as thread:
        for shard, batches in itertools.groupby(decoded, key=lambda pair: pair[0]):
            described = _compute(plan, len(missing[shard]), (batch for _, batch in batches))
            wait(writing.values())  # so that the features of two shards are in memory at most
            writing[shard] = thread.submit(_write, plan, shard, *described)
    receipts |= {shard: future.result() for shard, future in writing.items()}
    return {shard: receipt for shard, receipt in receipts.items() if receipt is not None}


def _batches(plan: Plan, items: list[Item]) -> Iterator[Batch]:
    return read_batches(items, plan.size, plan.settings["fit"], plan.decode, plan.device)


def _compute(
    plan: Plan, n_images: int, batches: Iterable[Batch]
) -> tuple[list[Row], dict[str, Array | Ragged]]:
    """Return the rows and the features of the images of a shard."""
    columns = _columns(plan.key, str(plan.folder))
    extractors = {name: column.extract for name, column in columns.items()}
    rows: list[Row] = []
    features = {name: _empty(column, n_images) for name, column in columns.items()}
    for batch_rows, groups in batches:
        rows += batch_rows
        for indices, images in groups:
            try:
                values = compute(extractors, images, plan.device)
            except ValueError as error:
                if not isinstance(plan.size, str):
                    raise
                for i in indices:  # images that are too small
                    rows[i] = dataclasses.replace(rows[i], error=f"ValueError: {error}")
                continue
            for name, column in columns.items():
                _put(features[name], indices, values[name], column, images.shape[1:])
    return rows, features


def _write(plan: Plan, shard: int, rows: list[Row], features: dict[str, Array | Ragged]) -> dict[str, Any]:
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
    return build(plan.settings["features"], plan.size, Path(folder), plan.device)


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

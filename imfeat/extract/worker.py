"""The task of a worker: one shard, from the bytes of its images to files."""

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
from imfeat.extract.features import Extractor, build
from imfeat.extract.images import decode_in_threads, read_images
from imfeat.extract.plan import Plan
from imfeat.extract.store import find_receipt, write_shard

IMAGES_AT_ONCE = 32  # decoded, and described while they are in the cache


def extract_shard(folder: str, shard: int) -> dict[str, Any]:
    """Compute a shard of a plan, unless it is done, and return its receipt.

    Any number of calls, also concurrent ones, write the same files.
    """
    plan = Plan(Path(folder))
    if (receipt := find_receipt(plan.folder, shard, plan.key, verify=True)) is not None:
        return receipt
    settings = plan.settings
    size = tuple(settings["size"])
    extractors = _extractors(plan.key, folder)
    items = plan.items(shard)
    rows = []
    of_blank = compute(extractors, np.zeros((1, *size, 3), np.uint8))
    features = {name: np.full((len(items), x.shape[1]), np.nan, np.float32) for name, x in of_blank.items()}
    for first in range(0, len(items), IMAGES_AT_ONCE):
        batch = items[first : first + IMAGES_AT_ONCE]
        batch_rows, images, decoded = read_images(batch, size, settings["fit"], plan.decode)
        rows += batch_rows
        if decoded:
            for name, values in compute(extractors, images).items():
                features[name][first + np.array(decoded)] = values
    return write_shard(plan.folder, shard, plan.key, rows, features, settings["format"])


def compute(extractors: dict[str, Extractor], images: Array) -> dict[str, Array]:
    """Return each feature (n, n_features) of images."""
    return {name: extract(images) for name, extract in extractors.items()}


@functools.lru_cache(1)
def _extractors(key: str, folder: str) -> dict[str, Extractor]:
    """Return the functions that compute the columns of a plan, cached by its key."""
    settings = Plan(Path(folder)).settings
    return build(settings["features"], tuple(settings["size"]), Path(folder))


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

"""Fits to extracted features: product quantizers and ridge classifiers."""

import functools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from imfeat._backend import Array
from imfeat._check import as_number
from imfeat.extract.open import Features
from imfeat.extract.open import open as open_features
from imfeat.extract.schedule import Scheduler, find_scheduler, in_order
from imfeat.extract.shards import Shards
from imfeat.learn import RidgeClassifier, RidgeSums
from imfeat.quantizer import ProductQuantizer

STARTS_PER_CENTROID = 20  # vectors to choose the first centroids from


def learn_quantizer(
    out: str | os.PathLike[str],
    feature: str,
    *,
    group_size: int = 8,
    bits: int = 8,
    n_iterations: int = 10,
    seed: int = 0,
    scheduler: str = "local",
    n_workers: int | None = None,
) -> ProductQuantizer:
    """Learn to compress a feature that was extracted.

    Parameters
    ----------
    out : str or path
        A folder that `run` wrote.
    feature : str
        Column whose length ``group_size`` divides.
    group_size, bits, n_iterations
        As of `imfeat.ProductQuantizer`.
    seed : int
        Draws the first centroids.
    scheduler, n_workers
        As in `run`; neither changes a byte of the result.

    Returns
    -------
    ProductQuantizer
        `save_model` writes it to a file.

    Raises
    ------
    FileNotFoundError, KeyError, ValueError
        If there is no such feature, its length is no multiple of ``group_size`` or depends on the image, or
        there are too few images.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     _ = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
    ...     quantizer = imfeat.extract.learn_quantizer(f"{folder}/out", "color", bits=1, n_workers=1)
    ...     quantizer.encode(imfeat.extract.open(f"{folder}/out")["color"]).shape  # 1/8 of 512 numbers
    (2, 64)
    """
    model = ProductQuantizer(group_size, bits, n_iterations=n_iterations)
    features = open_features(out)
    feature = features.column(feature)
    if (length := features.length(feature)) % group_size:
        raise ValueError(f"feature {feature!r} has {length} numbers, no multiple of {group_size}")
    load = functools.partial(_load, str(features.folder.resolve()), feature)
    shards = Shards(load, features.n_shards, find_scheduler(scheduler, n_workers), seed)
    n_centroids = 2**bits
    drawn = shards.sample(STARTS_PER_CENTROID * n_centroids)
    if len(drawn) < n_centroids:
        raise ValueError(f"{len(drawn)} images are too few to learn 2**bits = {n_centroids} centroids from")
    order = shards.rng.permutation(len(drawn))[:n_centroids]
    start = drawn[order].reshape(n_centroids, -1, group_size).transpose(1, 0, 2)
    return model.fit_sums(shards, np.ascontiguousarray(start))


def learn_ridge(
    out: str | os.PathLike[str],
    feature: str,
    labels: Array,
    *,
    strength: float = 1.0,
    scheduler: str = "local",
    n_workers: int | None = None,
) -> RidgeClassifier:
    """Learn a ridge classifier of images whose features were extracted.

    Parameters
    ----------
    out : str or path
        A folder that `run` wrote.
    feature : str
    labels : array of shape (n_images,)
        Labels of all images, in the order of `Features.rows`; those of images with errors are ignored.
    strength : float
        Strength of the penalty on the sum of squared weights; above 0.
    scheduler, n_workers
        As in `run`; neither changes a byte of the result.

    Returns
    -------
    RidgeClassifier
        Fitted with this strength, from sums in float64.

    Raises
    ------
    FileNotFoundError, KeyError, ValueError
        If there is no such feature, its length depends on the image, or there is not a label for each image,
        or one class.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     features = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
    ...     labels = np.array(["black", "red"])
    ...     model = imfeat.extract.learn_ridge(f"{folder}/out", "color", labels, n_workers=1)
    ...     model.predict(features["color"]).tolist()
    ['black', 'red']
    """
    features = open_features(out)
    feature = features.column(feature)
    features.length(feature)
    labels = np.asarray(labels)
    if labels.shape != (len(features),):
        raise ValueError(f"labels must be {len(features)}, one for each image, got the shape {labels.shape}")
    model = RidgeClassifier((as_number(strength, "strength", above=0),))
    classes, indices = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"labels must be of at least two classes, got {classes[0]!r} alone")
    workers = find_scheduler(scheduler, n_workers)
    path = features.folder.resolve() / f".labels.{uuid.uuid4().hex}.npy"  # each worker reads its rows
    np.save(path, indices.astype(np.int64))
    try:
        task = functools.partial(_sum_targets, str(path), feature, len(classes))
        sums = functools.reduce(RidgeSums.merge, _results(workers, task, features))
    finally:
        path.unlink()
    with threadpool_limits(1):  # as in _sum_targets
        return model.fit_sums(sums, strength, classes)


def _results(workers: Scheduler, task: Callable[[int], Any], features: Features) -> Iterator[Any]:
    return (result for _, result in in_order(workers.run(task, range(features.n_shards))))


def _rows(folder: str, feature: str, shard: int) -> tuple[Array, Array]:
    """Return the features of the images of a shard that could be read, and which these are."""
    rows = np.asarray(open_features(folder).shard(feature, shard))
    good = ~np.isnan(rows[:, 0])
    return np.ascontiguousarray(rows[good]), good


def _load(folder: str, feature: str, shard: int) -> Array:
    return _rows(folder, feature, shard)[0]


def _sum_targets(labels: str, feature: str, n_classes: int, shard: int) -> RidgeSums:
    """Return the sums over the features of a shard and their labels, read from a file of all labels."""
    folder = Path(labels).parent
    rows, good = _rows(str(folder), feature, shard)
    first = sum(open_features(folder).shard_sizes[:shard])
    shard_labels = np.load(labels, mmap_mode="r")[first : first + len(good)]
    sums = RidgeSums(rows.shape[1], n_classes, dtype=np.float64)
    with threadpool_limits(1):  # the order of sums must not depend on the number of threads
        return sums.add(rows, shard_labels[good])

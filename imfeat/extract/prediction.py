"""Classes of any number of image files, by a model, in one table.

1. Predict shard by shard, into a folder beside the table.
2. Join the shards, in their order, and remove the folder.

An interrupted call is continued by the next one.
"""

import collections
import functools
import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count
from imfeat._device import Device
from imfeat._extras import how_to_install
from imfeat._files import complete, locked, make_folder, remove_unfinished, sha256
from imfeat.extract.gpu import process_of, tasks_of
from imfeat.extract.images import Row, ahead, read_batches
from imfeat.extract.plan import Plan, computed_on, decoded
from imfeat.extract.prediction_table import FORMATS, RANKS, Values, join_parts, read_rows, write_part
from imfeat.extract.schedule import find_scheduler, with_bar
from imfeat.extract.store import find_receipt, write_receipt
from imfeat.models.device import computes_on_gpu, on_device
from imfeat.models.files import load_model
from imfeat.sources import absolute


@dataclass(frozen=True)
class Predictions:
    """The table that `predict` wrote, and how many images it has.

    Attributes
    ----------
    path : Path
        Table with a row for each image: ``path``, ``class``, ``probability``, the next two classes and their
        probabilities (``second``, ``second_probability``, ``third``, ``third_probability``; empty if there
        are fewer classes), and ``error``, the reason why an image has no class.
    n_images, n_errors : int
    counts : dict of str to int
        Number of images of each class that was predicted, the most frequent one first.
    left_out : dict of str to int
        Number of files that are clearly not images, by reason.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> images[1] = [255, 0, 0]
    >>> pipeline = make_pipeline(imfeat.ColorHistogram(), imfeat.learn.LinearClassifier())
    >>> model = imfeat.ImageClassifier(pipeline.fit(images, ["black", "red"]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     imfeat.save_model(f"{folder}/model.safetensors", model)
    ...     predictions = imfeat.extract.predict(
    ...         f"{folder}/model.safetensors", f"{folder}/*.png", f"{folder}/classes.csv", n_workers=1
    ...     )
    ...     predictions.path.read_text(encoding="utf-8").splitlines()[0]
    'path,class,probability,second,second_probability,third,third_probability,error'
    >>> predictions.n_images, predictions.n_errors, predictions.counts
    (2, 0, {'black': 1, 'red': 1})
    """

    path: Path
    n_images: int
    n_errors: int
    counts: dict[str, int]
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.n_images

    def errors(self) -> Iterator[dict[str, Any]]:
        """Yield path and error of the images that could not be read."""
        for row in read_rows(self.path) if self.n_errors else ():
            if row["error"]:
                yield {"path": row["path"], "error": row["error"]}


def predict(
    model: str | os.PathLike[str],
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    shard_size: int = 100,
    column: str | None = None,
    scheduler: str = "local",
    n_workers: int | None = None,
    device: Device = "cpu",
    progress: bool = False,
) -> Predictions:
    """Predict the classes of image files, however many, and write them to a table.

    Parameters
    ----------
    model : str or path
        File of a classifier of images, which `imfeat compare`, `imfeat train` or `imfeat.save_model` wrote.
    source : str or path
        As in `run`.
    out : str or path
        Table to write, ``.csv`` or ``.parquet``.  Until it is complete a folder of this name with ``.parts``
        at the end keeps the shards that are done, and the next call continues with it.
    shard_size : int
        Number of images at a time, and computed again after an interruption.
    column, scheduler, n_workers, progress
        As in `run`.
    device : {"cpu", "cuda"}
        Device that features are computed on, as in `run`; classes are predicted from them on the CPU.

    Returns
    -------
    Predictions

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file or source, the source holds no image, the file holds no classifier of images,
        its features are not computed on a GPU that was asked for, or the parts in the folder are of another
        model, source or device.
    CudaUnavailableError
        If CUDA was asked for and can't be used; the error says why.
    FileExistsError
        If the table exists.
    BlockingIOError
        If another call writes the same table.
    OSError, RuntimeError
        As in `run`.

    Notes
    -----
    Images are decoded and scaled as the model was trained.  The table is byte-identical for any number of
    workers and interruptions.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sklearn.pipeline import make_pipeline
    >>> images = np.zeros((2, 32, 32, 3), np.uint8)
    >>> images[1] = [255, 0, 0]
    >>> pipeline = make_pipeline(imfeat.ColorHistogram(), imfeat.learn.LinearClassifier())
    >>> model = imfeat.ImageClassifier(pipeline.fit(images, ["black", "red"]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     imfeat.save_model(f"{folder}/model.safetensors", model)
    ...     predictions = imfeat.extract.predict(
    ...         f"{folder}/model.safetensors", f"{folder}/*.png", f"{folder}/classes.csv", n_workers=1
    ...     )
    >>> predictions.n_images, predictions.counts
    (2, {'black': 1, 'red': 1})
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise ValueError(f"out must end in {' or '.join(FORMATS)}, got {out.name!r}")
    if FORMATS[out.suffix] == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"pyarrow missing: {how_to_install('extract')}")
    folder = Path(f"{out}.parts")
    if out.exists() and not folder.exists():
        raise FileExistsError(f"{out} exists; remove it, or choose another name")
    path = Path(model).resolve()
    height, width = classifier_in(path).image_shape[:2]  # this compiles kernels, once for all workers
    settings = {
        "source": absolute(source),
        "model": str(path),
        "sha256": sha256(path),
        "size": [height, width],
        "fit": classifier_in(path).fitting,
        "format": FORMATS[out.suffix],
        "shard_size": as_count(shard_size, "shard_size"),
        "column": column,
        **decoded(classifier_in(path).decode, (height, width)),
        **computed_on(device),
    }
    if device == "cuda" and not computes_on_gpu(classifier_in(path)):
        raise ValueError(f"the features of {path} are not computed on a GPU: take device='cpu'")
    workers = find_scheduler(scheduler, n_workers)
    process = process_of(settings, workers)
    for name in ("plan", "receipts", "shards"):
        make_folder(folder / name)
    with locked(folder):
        remove_unfinished(folder)
        plan = Plan.open_or_make(folder, settings)
        task = functools.partial(predict_shard, str(folder.resolve()))
        with tasks_of(process, workers) as tasks:
            results = tasks.run(task, range(plan.n_shards))
            for _ in with_bar(results, plan.n_images, progress, "images", lambda receipt: receipt["n_rows"]):
                pass
        predictions = _join(plan, out)
    shutil.rmtree(folder)
    return predictions


@functools.lru_cache(1)
def classifier_in(path: Path) -> Any:
    """Return the classifier of images in a file."""
    from imfeat.models.classifier import ImageClassifier

    model = load_model(path)
    if isinstance(model, ImageClassifier):
        return model
    if not hasattr(model, "classes_") or not hasattr(model, "steps"):
        raise ValueError(f"{path} holds a {type(model).__name__}, not a classifier of images")
    return ImageClassifier(model)


def predict_shard(folder: str, shard: int) -> dict[str, Any]:
    """Predict the classes of a shard of a plan, unless that is done, and return its receipt."""
    plan = Plan(Path(folder))
    if (receipt := find_receipt(plan.folder, shard, plan.key, verify=True)) is not None:
        return receipt
    settings = plan.settings
    path = Path(settings["model"])
    if sha256(path) != settings["sha256"]:
        raise ValueError(f"{path} has changed since the run was begun")
    model = on_device(classifier_in(path), plan.device)
    items = plan.items(shard)
    rows: list[Row] = []
    probabilities = np.full((len(items), len(model.classes_)), np.nan)
    batches = read_batches(items, plan.size, settings["fit"], plan.decode, plan.device)
    for batch_rows, groups in ahead(batches):
        rows += batch_rows
        for indices, images in groups:
            probabilities[indices] = model.predict_proba(images)
    names = model.classes_
    values = _values(rows, probabilities, [str(name) for name in names])
    file = plan.folder / "shards" / f"{shard:06}.{settings['format']}"
    with complete(file) as unfinished:
        write_part(unfinished, values, settings["format"])
    counts = collections.Counter(name for name in values["class"] if name is not None)
    return write_receipt(plan.folder, shard, plan.key, rows, [file], counts=dict(sorted(counts.items())))


def _values(rows: list[Row], probabilities: Array, names: list[str]) -> Values:
    """Return the columns of some images; those that could not be read have no class."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, : len(RANKS)]
    ranked = np.take_along_axis(probabilities, order, 1).astype(np.float32)
    failed = [row.error is not None for row in rows]
    values: Values = {"path": [row.path for row in rows]}
    for rank, (name, probability) in enumerate(RANKS):
        is_absent = rank >= order.shape[1]
        values[name], values[probability] = [], []
        for i, has_failed in enumerate(failed):
            is_empty = has_failed or is_absent
            values[name].append(None if is_empty else names[order[i, rank]])
            values[probability].append(None if is_empty else float(ranked[i, rank]))
    return values | {"error": [row.error for row in rows]}


def _join(plan: Plan, out: Path) -> Predictions:
    """Write the table of all shards, and return what is in it."""
    counts: collections.Counter[str] = collections.Counter()
    n_errors = 0
    paths = []
    for shard in range(plan.n_shards):
        receipt = find_receipt(plan.folder, shard, plan.key)
        if receipt is None:
            raise OSError(f"shard {shard} changed while others were computed; call again to compute it again")
        n_errors += receipt["n_errors"]
        counts.update(receipt["counts"])
        paths += [plan.folder / "shards" / name for name in receipt["files"]]
    with complete(out) as unfinished:
        join_parts(paths, unfinished, plan.settings["format"])
    return Predictions(out, plan.n_images, n_errors, dict(counts.most_common()), plan.left_out)

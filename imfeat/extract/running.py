"""A run: a folder of results that is begun, interrupted, gone on with, and finished."""

import functools
import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._check import as_count, as_flag, one_of
from imfeat._environment import EXTRACT_PACKAGES, versions
from imfeat._files import locked, remove_unfinished, whole, write_json
from imfeat.datasets import FITS, as_pair
from imfeat.extract.features import build, describe
from imfeat.extract.opening import Features
from imfeat.extract.opening import open as open_features
from imfeat.extract.plan import Plan
from imfeat.extract.schedule import Cluster, Processes, Scheduler
from imfeat.extract.sources import find
from imfeat.extract.store import FORMATS, find_receipt
from imfeat.extract.work import compute, extract_shard


def run(
    source: str | os.PathLike[str],
    features: Sequence[str],
    out: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] = 64,
    fit: str = "crop",
    format: str = "parquet",
    shard_size: int = 100,
    column: str | None = None,
    scheduler: str = "local",
    n_workers: int | None = None,
    resume: bool = False,
    progress: bool = False,
) -> Features:
    """Compute features of image files, shard by shard, into a folder.

    Parameters
    ----------
    source : str or path
        A folder with all folders below it, a glob, a list of paths (.txt), a Parquet file with paths or
        bytes, or a tar of images.
    features : sequence of str
        ``"raw"``, ``"color"``, ``"hog"``, ``"uoctti"``, as in `imfeat.compare`, or the path of a file that
        `learn` wrote.
    out : str or path
        A folder, made if there is none.
    size : int or (height, width)
        What images are scaled to, in pixels.
    fit : {"crop", "stretch"}
        How an image of another shape becomes one of ``size``, as in `imfeat.datasets.load`.
    format : {"parquet", "npy"}
        A Parquet file a shard, with a column of fixed-size lists a feature; or an array a shard and feature.
    shard_size : int
        Images in a shard: what is in memory, and computed again after an interruption.
    column : str, optional
        Of a Parquet source, with paths or bytes.
    scheduler : str
        ``"local"``, or the address of the scheduler of a Dask cluster whose workers see the same files.
    n_workers : int, optional
        Local processes; one a core if not given.
    resume : bool
        Go on with the run in ``out``, of the same settings.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Features
        As `open` returns them.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such source, it holds no image, or an option has no such value.
    FileExistsError
        If ``out`` holds a run already, and ``resume`` is False.
    BlockingIOError
        If another run writes to ``out``.
    OSError, RuntimeError
        If results can't be written, or workers die; what is finished stays, and ``resume`` goes on.

    Notes
    -----
    An image that can't be read is a row with an error and without features, never the end of the run. Which
    worker computes a shard, how many there are and how often they were interrupted changes no byte.
    """
    settings = _settings(source, features, size, fit, format, shard_size, column)
    begun = (Path(out) / "plan.json").exists()
    if begun and not as_flag(resume, "resume"):
        raise FileExistsError(f"{out} holds a run already: go on with it (resume), or choose another folder")
    if resume and not begun:
        raise FileNotFoundError(f"{out} holds no run to resume")
    return _complete(Path(out), settings, find_scheduler(scheduler, n_workers), progress)


def resume(
    out: str | os.PathLike[str],
    *,
    scheduler: str = "local",
    n_workers: int | None = None,
    progress: bool = False,
) -> Features:
    """Go on with the run in a folder, with its own settings; see `run`."""
    settings = Plan(Path(out)).settings
    described = describe(list(settings["features"]), tuple(settings["size"]))
    settings = settings | {"features": described, "versions": versions(EXTRACT_PACKAGES)}
    return _complete(Path(out), settings, find_scheduler(scheduler, n_workers), progress)


def _complete(folder: Path, settings: dict[str, Any], workers: Scheduler, progress: bool) -> Features:
    """Do what is left of a run."""
    needs = ["filelock", *(["pyarrow"] if settings["format"] == "parquet" else [])]
    if missing := [name for name in needs if importlib.util.find_spec(name) is None]:
        raise ImportError(f"{' and '.join(missing)} missing: pip install 'imfeat[extract]'")
    extractors = build(settings["features"], tuple(settings["size"]))
    # compiles what workers need, and finds options that don't suit the size before anything is written
    lengths = compute(extractors, np.zeros((1, *settings["size"], 3), np.uint8))
    for part in ("plan", "receipts", "shards"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with locked(folder):
        remove_unfinished(folder)
        plan = plan_of(folder, settings)
        task = functools.partial(extract_shard, str(folder.resolve()))
        for _ in shown(workers.run(task, range(plan.n_shards)), plan, progress):
            pass
        _finish(plan, {name: values.shape[1] for name, values in lengths.items()})
    return open_features(folder)


def find_scheduler(scheduler: str, n_workers: int | None) -> Scheduler:
    """Return what runs shards: local processes, or the cluster at an address."""
    if scheduler == "local":
        return Processes(None if n_workers is None else as_count(n_workers, "n_workers"))
    if "://" not in scheduler:
        raise ValueError(f"scheduler must be 'local' or an address as tcp://host:8786, got {scheduler!r}")
    return Cluster(scheduler)


def _settings(
    source: str | os.PathLike[str],
    features: Sequence[str],
    size: int | tuple[int, int],
    fit: str,
    format: str,
    shard_size: int,
    column: str | None,
) -> dict[str, Any]:
    """Return, checked, all that results depend on."""
    one_of(fit, "fit", FITS)
    one_of(format, "format", FORMATS)
    pair = as_pair(size)
    return {
        "source": os.path.abspath(os.path.expanduser(os.fspath(source))),
        "features": describe(features, pair),
        "size": list(pair),
        "fit": fit,
        "format": format,
        "shard_size": as_count(shard_size, "shard_size"),
        "column": column,
        "versions": versions(EXTRACT_PACKAGES),
    }


def plan_of(folder: Path, settings: dict[str, Any]) -> Plan:
    """Return the plan in a folder, which must be of the same settings, or make one."""
    if (folder / "plan.json").exists():
        plan = Plan(folder)
        plan.check_same(settings)
        return plan
    items = find(settings["source"], settings["column"])
    return Plan.make(folder, settings, items, settings["shard_size"])


def shown(
    results: Iterator[tuple[int, Any]], plan: Plan, progress: bool, what: str = "shards"
) -> Iterator[tuple[int, Any]]:
    """Yield what a scheduler yields, with a progress bar if one is wanted."""
    if not progress:
        yield from results
        return
    from rich.progress import track

    yield from track(results, what, total=plan.n_shards)


def _finish(plan: Plan, columns: dict[str, int]) -> None:
    """Write the manifest: the receipts of all shards, then what the run is."""
    remove_unfinished(plan.folder)  # what workers that died have left
    n_errors = 0
    with whole(plan.folder / "manifest.jsonl") as unfinished, open(unfinished, "w", encoding="ascii") as file:
        for shard in range(plan.n_shards):
            receipt = find_receipt(plan.folder, shard, plan.key)
            if receipt is None:
                raise OSError(f"shard {shard} changed while others were computed; resume to compute it again")
            n_errors += receipt["n_errors"]
            file.write(json.dumps(receipt) + "\n")
    counts = {"n_images": plan.n_images, "n_errors": n_errors, "n_shards": plan.n_shards}
    write_json(plan.folder / "manifest.json", {"settings": plan.settings, "features": columns, **counts})

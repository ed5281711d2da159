"""Runs: folders of results that are begun, interrupted, resumed and finished."""

import functools
import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._check import as_count, as_flag, one_of
from imfeat._device import Device
from imfeat._extras import how_to_install
from imfeat._files import complete, locked, make_folder, remove_unfinished, sha256, write_json
from imfeat.decoding import FITS, Decode, Fit, as_size
from imfeat.decoding.decode import fitted
from imfeat.extract.features import build, describe, learned
from imfeat.extract.fit import fit_model
from imfeat.extract.gpu import check_columns, process_of, tasks_of
from imfeat.extract.open import Features
from imfeat.extract.open import open as open_features
from imfeat.extract.plan import Plan, computed_on, decoded
from imfeat.extract.schedule import Scheduler, find_scheduler, with_bar
from imfeat.extract.sizes import as_setting
from imfeat.extract.store import FORMATS, Format, find_receipt
from imfeat.extract.worker import extract_shard
from imfeat.sources import absolute


def run(
    source: str | os.PathLike[str],
    features: str | Sequence[str],
    out: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | str = 64,
    fit: Fit = "crop",
    decode: Decode = "exact",
    format: Format = "parquet",
    shard_size: int = 100,
    column: str | None = None,
    scheduler: str = "local",
    n_workers: int | None = None,
    device: Device = "cpu",
    resume: bool = False,
    progress: bool = False,
) -> Features:
    """Compute features of image files, shard by shard, into a folder.

    Parameters
    ----------
    source : str or path
        A folder with all folders below it, a glob, a list of paths (.txt), a Parquet file with paths or
        bytes, or an archive of images: a tar (also .tar.gz, .tar.bz2 and .tar.xz) or a zip.
    features : str or sequence of str
        Recipes of `imfeat.recipes`, as ``"hog(cell_size=16), color"``, and files that `codebook` wrote.
        Recipes that learn, as ``"words"``, are learned first, from the same images.
    out : str or path
        Folder of the run, made if there is none.
    size : int, (height, width), "original" or "max-N"
        Size that images are scaled to, in pixels; or a size of their own: ``"original"`` leaves them as they
        are, and ``"max-512"`` scales those whose longer side is above 512 pixels to 512.  See Notes.
    fit : {"crop", "stretch"}
        Fitting of an image of another shape to (height, width), as in `imfeat.datasets.load`; of no effect on
        images of their own size.
    decode : {"exact", "fast"}
        Decoding of JPEGs: with the pixels of Pillow, or at the smallest of 1/8, 1/4, 1/2 and 1 of their size
        that covers ``size``, which takes less time and changes pixels.  Not with ``size="original"``.
    format : {"parquet", "npy"}
        A Parquet file per shard, with a column of lists per feature; or an array per shard and feature.
    shard_size : int
        Number of images whose features are in memory at a time, and computed again after an interruption.
    column : str, optional
        Column of a Parquet source, with paths or bytes, or a field of one, as ``"image.bytes"``.
    scheduler : str
        ``"local"``, or the address of the scheduler of a Dask cluster whose workers see the same files.
    n_workers : int, optional
        Number of local processes, or with ``device="cuda"`` of threads that decode; by default one per core.
    device : {"cpu", "cuda"}
        Device that features are computed on.  On a GPU one process computes them, with the driver of this
        machine, while its threads decode the next images.  Features that learn are learned there, too.
    resume : bool
        Continue the run in ``out``, which must have the same settings, or begin it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Features
        As `open` returns them.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such source, it holds no image, or a feature or an option is unknown or does not suit
        images of this size or is not computed on a GPU that was asked for.
    CudaUnavailableError
        If CUDA was asked for and can't be used; the error says why.
    FileExistsError
        If ``out`` holds a run already, and ``resume`` is False.
    BlockingIOError
        If another run writes to ``out``.
    OSError, RuntimeError
        If results can't be written, or workers die; finished shards stay, and ``resume`` continues.

    Notes
    -----
    An image that can't be read is a row with an error and without features, never the end of the run.
    Files that are clearly not images, such as hidden files and sidecars (``.json``, ``.txt``, ...), have no
    row: they are counted in ``manifest.json`` and named in ``left_out.jsonl``.

    Of images of their own size, features of fixed length (histograms, textures, encodings) are columns as
    always.  HoG, UoCTTI and pixels have more numbers for larger images: they are lists of any length, beside
    a column of their shapes, ``"hog_shape"`` with (n_rows, n_cols, n_channels), and `Features` returns arrays
    of these shapes.  They can't be part of a sum of features.  The options of tuned recipes are those for
    images of 224 x 224 pixels, or N x N.  An image smaller than a feature needs is a row with an error.

    Results are byte-identical for any number of workers and interruptions.  Those of a GPU differ from those
    of the CPU by rounding.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     features = imfeat.extract.run(f"{folder}/*.png", "color, hog", f"{folder}/out", n_workers=1)
    ...     print(features)
    ...     features["color"].shape
    <Features: 2 images, 0 with errors; color (512), hog (1764)>
    (2, 512)
    """
    settings = _settings(source, features, size, fit, decode, format, shard_size, column, device)
    begun = (Path(out) / "plan.json").exists()
    if begun and not as_flag(resume, "resume"):
        raise FileExistsError(f"{out} holds a run already: resume it, or choose another folder")
    return _complete(Path(out), settings, find_scheduler(scheduler, n_workers), progress)


def resume(
    out: str | os.PathLike[str],
    *,
    scheduler: str = "local",
    n_workers: int | None = None,
    progress: bool = False,
) -> Features:
    """Continue the run in a folder with its own settings.

    Parameters
    ----------
    out : str or path
        Folder of the run.
    scheduler, n_workers, progress
        As in `run`.

    Returns
    -------
    Features

    Raises
    ------
    FileNotFoundError, ValueError, CudaUnavailableError, BlockingIOError, OSError, RuntimeError
        As in `run`.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     _ = imfeat.extract.run(f"{folder}/*.png", "color", f"{folder}/out", n_workers=1)
    ...     features = imfeat.extract.resume(f"{folder}/out", n_workers=1)  # computes only what is missing
    ...     len(features)
    2
    """
    plan = Plan(Path(out))
    settings = plan.settings
    features = [column["feature"] for column in settings["features"].values()]
    settings = settings | {"features": describe(features, plan.size), **decoded(plan.decode, plan.size)}
    return _complete(Path(out), settings, find_scheduler(scheduler, n_workers), progress)


def _complete(folder: Path, settings: dict[str, Any], workers: Scheduler, progress: bool) -> Features:
    """Compute the shards of a run that are not finished, after what they depend on was learned."""
    needs = ["filelock", *(["pyarrow"] if settings["format"] == "parquet" else [])]
    if missing := [name for name in needs if importlib.util.find_spec(name) is None]:
        raise ImportError(f"{' and '.join(missing)} missing: {how_to_install('extract')}")
    on_gpu = process_of(settings, workers)
    if settings["format"] == "parquet":
        import pyarrow.parquet  # noqa: F401  # before processes are forked, which then share it
    for name in ("plan", "receipts", "shards", "models"):
        make_folder(folder / name)
    with locked(folder):
        remove_unfinished(folder)
        plan = Plan.open_or_make(folder, settings)
        with tasks_of(on_gpu, workers) as tasks:
            for feature, path in learned(settings["features"], folder).values():
                if not path.exists():
                    fit_model(settings, feature, path, tasks, progress)
        # This also compiles the kernels that workers need, or loads them once for all.
        columns = build(settings["features"], plan.size, folder)
        fitted(np.zeros((2, 2, 3), np.uint8), (1, 1), settings["fit"])
        if on_gpu is None:
            task = functools.partial(extract_shard, str(folder.resolve()))
            results = workers.run(task, range(plan.n_shards))
        else:
            results = on_gpu.extract(plan)
        for _ in with_bar(results, plan.n_images, progress, "images", lambda receipt: receipt["n_rows"]):
            pass
        _finish(plan, {name: column.n_features for name, column in columns.items()})
    return open_features(folder)


def _settings(
    source: str | os.PathLike[str],
    features: str | Sequence[str],
    size: int | tuple[int, int] | str,
    fit: Fit,
    decode: Decode,
    format: Format,
    shard_size: int,
    column: str | None,
    device: Device,
) -> dict[str, Any]:
    """Return all that results depend on, checked."""
    one_of(fit, "fit", FITS)
    one_of(format, "format", FORMATS)
    checked_size = as_size(size)
    of_device = computed_on(device)
    columns = describe(features, checked_size)
    if of_device:
        check_columns(columns)
    return {
        "source": absolute(source),
        "features": columns,
        "size": as_setting(checked_size),
        "fit": fit,
        "format": format,
        "shard_size": as_count(shard_size, "shard_size"),
        "column": column,
        **decoded(decode, checked_size),
        **of_device,
    }


def _finish(plan: Plan, columns: dict[str, int | None]) -> None:
    """Write the manifest: the receipts of all shards, then the settings and counts of the run."""
    remove_unfinished(plan.folder)  # left by workers that died
    n_errors = 0
    with (
        complete(plan.folder / "manifest.jsonl") as unfinished,
        open(unfinished, "w", encoding="ascii") as file,
    ):
        for shard in range(plan.n_shards):
            receipt = find_receipt(plan.folder, shard, plan.key)
            if receipt is None:
                raise OSError(f"shard {shard} changed while others were computed; resume to compute it again")
            n_errors += receipt["n_errors"]
            file.write(json.dumps(receipt) + "\n")
    counts = {"n_images": plan.n_images, "n_errors": n_errors, "n_shards": plan.n_shards}
    left_out = {"n_left_out": sum(plan.left_out.values()), "left_out": plan.left_out}
    models = {
        name: sha256(path) for name, (_, path) in learned(plan.settings["features"], plan.folder).items()
    }
    manifest = {"settings": plan.settings, "features": columns, "models": models, **counts, **left_out}
    write_json(plan.folder / "manifest.json", manifest)

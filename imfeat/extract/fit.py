"""Fits over images in any number of files, as passes over shards.

1. Draw descriptors of each shard, once, and write them.
2. Sum over shards, in their order, what the fit asks for (imfeat/_sums.py), and write each sum.
3. Write what was learned to one file.

An interrupted fit continues with the pass it was in.
"""

import functools
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, one_of, to_host
from imfeat._device import Device, to_device
from imfeat._files import complete, locked, make_folder, remove_unfinished
from imfeat.decoding import FITS, Decode, Fit, ImageSize, as_size
from imfeat.extract.gpu import process_of, tasks_of
from imfeat.extract.images import read_batches
from imfeat.extract.plan import Plan, computed_on, decoded
from imfeat.extract.schedule import Scheduler, find_scheduler, with_bar
from imfeat.extract.shards import Shards
from imfeat.extract.sizes import as_setting, trial_size, tuning_size
from imfeat.models.files import save_model
from imfeat.recipes import check_on_gpu, parse
from imfeat.sources import absolute

# Settings of a run, too.
OF_IMAGES = ("source", "size", "fit", "shard_size", "column", "versions", "decode", "device")


def codebook(
    source: str | os.PathLike[str],
    feature: str,
    out: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | str = 64,
    fit: Fit = "crop",
    decode: Decode = "exact",
    per_image: int = 50,
    seed: int = 0,
    shard_size: int = 100,
    column: str | None = None,
    scheduler: str = "local",
    n_workers: int | None = None,
    device: Device = "cpu",
    progress: bool = False,
) -> Any:
    """Learn the words, mixture or palette of a feature from any number of images, and write it to a file.

    Parameters
    ----------
    source, size, fit, decode, shard_size, column, scheduler, n_workers, progress
        As in `run`.
    feature : str
        A recipe that learns: ``"words"``, ``"soft-words"``, ``"triangle"``, ``"patches-WORDS"``, ``"vlad"``,
        ``"fisher-sift"``, ``"fisher-color"`` or ``"palette"``; with options, ``"words(n_words=100)"``.
    out : str or path
        File for `run` and `load_model`.  During the fit a folder of this name with ``.work`` at the end keeps
        the passes that are done, and the next call continues with it.
    per_image : int
        Descriptors to draw from each image.
    seed : int
        Seed of all random choices.
    device : {"cpu", "cuda"}
        Device that descriptors are drawn and summed on; a GPU serves one process, whose threads decode.

    Returns
    -------
    fitted transformer
        Transformer of `imfeat.estimators`; it is also in the file.  Learned with ``size="original"`` or
        ``"max-N"``, it has no ``image_shape_``, and describes RGB images of all sizes.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such source or feature, it is not computed on a GPU that was asked for, or there are
        fewer descriptors than words.
    CudaUnavailableError
        If CUDA was asked for and can't be used; the error says why.
    OSError, RuntimeError
        As in `run`.

    Notes
    -----
    Sums are float64 and added in the order of the shards, so the file is byte-identical for any number of
    workers and interruptions.  What a GPU learns differs from what the CPU does by rounding.

    Examples
    --------
    >>> import tempfile
    >>> import imfeat
    >>> import numpy as np
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (80, 60), "black").save(f"{folder}/0.png")
    ...     Image.new("RGB", (80, 60), "red").save(f"{folder}/1.png")
    ...     path = f"{folder}/palette.safetensors"
    ...     palette = imfeat.extract.codebook(f"{folder}/*.png", "palette(n_colors=2)", path, n_workers=1)
    ...     features = imfeat.extract.run(f"{folder}/*.png", path, f"{folder}/out", n_workers=1)
    ...     features.names  # 2 x 2 regions of 2 colors
    {'palette': 8}
    >>> np.sort(palette.palette_, axis=0)
    array([[  0,   0,   0],
           [255,   0,   0]], dtype=uint8)
    """
    one_of(fit, "fit", FITS)
    checked_size = as_size(size)
    parse(feature).check(trial_size(checked_size))
    of_device = computed_on(device)
    if of_device:
        check_on_gpu([parse(feature)])
    settings = {
        "source": absolute(source),
        "size": as_setting(checked_size),
        "fit": fit,
        "shard_size": as_count(shard_size, "shard_size"),
        "column": column,
        **decoded(decode, checked_size),
        **of_device,
    }
    workers = find_scheduler(scheduler, n_workers)
    with tasks_of(process_of(settings, workers), workers) as tasks:
        return fit_model(settings, feature, Path(out), tasks, progress, per_image=per_image, seed=seed)


def fit_model(
    settings: dict[str, Any],
    feature: str,
    out: Path,
    workers: Scheduler,
    progress: bool,
    *,
    per_image: int = 50,
    seed: int = 0,
) -> Any:
    """Learn a feature from the images of a run's settings, write it to a file, and return the transformer."""
    parsed = parse(feature)
    if not parsed.learned or len(parsed.terms) > 1:
        raise ValueError(f"feature {feature!r} learns neither words nor a mixture nor a palette")
    settings = {
        **{name: settings[name] for name in OF_IMAGES if name in settings},
        "feature": parsed.name,
        "per_image": as_count(per_image, "per_image"),
        "seed": seed,
    }
    folder = Path(f"{out}.work")
    make_folder(folder / "descriptors")
    with locked(folder):
        remove_unfinished(folder)
        plan = Plan.open_or_make(folder, settings)
        model = _transformer(plan).fit_sums(draw(plan, workers, progress), _image_shape(plan.size))
        save_model(out, model)
    shutil.rmtree(folder)
    return model


def draw(plan: Plan, workers: Scheduler, progress: bool) -> Shards:
    """Draw the descriptors of each shard of a plan, and return them."""
    folder = str(plan.folder.resolve())
    task = functools.partial(draw_descriptors, folder)
    for _ in with_bar(workers.run(task, range(plan.n_shards)), plan.n_shards, progress, "descriptors"):
        pass
    load = functools.partial(load_descriptors, folder, plan.device)
    seed = plan.settings["seed"]
    return Shards(load, plan.n_shards, workers, seed, stream=(1,), folder=plan.folder, progress=progress)


def draw_descriptors(folder: str, shard: int) -> None:
    """Write descriptors of the images of a shard, unless that is done."""
    path = _descriptors(folder, shard)
    if path.exists():
        return
    plan = Plan(Path(folder))
    settings = plan.settings
    model = _transformer(plan)
    blank = model.prepare(_image_shape(plan.size))
    rng = np.random.default_rng(np.random.SeedSequence(settings["seed"], spawn_key=(shard,)))
    drawn = []
    for _, groups in read_batches(plan.items(shard), plan.size, settings["fit"], plan.decode):
        for _, images in groups:
            try:
                there = to_device(images) if plan.device == "cuda" else images
                drawn.append(to_host(model.draw(there, settings["per_image"] * len(images), rng)))
            except ValueError:  # images that are too small
                if not isinstance(plan.size, str):
                    raise
    descriptors = np.concatenate(drawn) if drawn else model.draw(blank, 1, rng)[:0]
    with complete(path) as unfinished, open(unfinished, "wb") as file:
        np.save(file, descriptors, allow_pickle=False)


def load_descriptors(folder: str, device: Device, shard: int) -> Array:
    """Return the descriptors (n, d) of a shard, on a device."""
    descriptors: Array = np.load(_descriptors(folder, shard), allow_pickle=False)
    return to_device(descriptors) if device == "cuda" else descriptors


def _descriptors(folder: str, shard: int) -> Path:
    return Path(folder, "descriptors", f"{shard:06}.npy")


def _transformer(plan: Plan) -> Any:
    return parse(plan.settings["feature"]).transformer(tuning_size(plan.size), plan.settings["seed"])


def _image_shape(size: ImageSize) -> tuple[int, ...] | None:
    """Return the shape of all images, None if they have sizes of their own."""
    return None if isinstance(size, str) else (*size, 3)

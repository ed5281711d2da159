"""What features learn from images, as passes over shards: whitening or PCA, then words or a mixture.

Descriptors of each shard are drawn and written once.  Each pass sums over shards, in their order, and what it
comes to is written before the next one begins: an interrupted run goes on with the pass it was in.
"""

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import as_count, one_of
from imfeat._environment import EXTRACT_PACKAGES, versions
from imfeat._files import locked, remove_unfinished, whole
from imfeat._kmeans import spread_words
from imfeat._products import multiply
from imfeat.datasets import FITS, as_pair
from imfeat.extract.images import read_images
from imfeat.extract.models import fill, save_model
from imfeat.extract.plan import Plan
from imfeat.extract.running import find_scheduler, plan_of, shown
from imfeat.extract.schedule import Scheduler, in_order
from imfeat.extract.sums import MixtureSums, Moments, WordSums
from imfeat.extract.work import IMAGES_AT_ONCE
from imfeat.mixture import TOLERANCE, Mixture, hard_mixture, least_variances, maximize, moments
from imfeat.patches import Whitening, mirror_patches, normalize_patches, sample_patches

STARTS = 50  # vectors a word, from which the first words are drawn
LEAST_STARTS = 10_000
PASSES = {
    "draw_descriptors": "descriptors",
    "sum_moments": "mean and covariance",
    "draw_starts": "first words",
    "sum_words": "k-means",
    "sum_mixture": "mixture",
}


def learn(
    source: str | os.PathLike[str],
    feature: str,
    out: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] = 64,
    fit: str = "crop",
    per_image: int = 50,
    seed: int = 0,
    shard_size: int = 100,
    column: str | None = None,
    scheduler: str = "local",
    n_workers: int | None = None,
    progress: bool = False,
) -> Any:
    """Learn what a feature needs, from images however many, and write it to a file.

    Parameters
    ----------
    source, size, fit, shard_size, column, scheduler, n_workers, progress
        As in `run`.
    feature : str
        One of those of `imfeat.compare` that learn words or mixtures: ``"words"``, ``"soft-words"``,
        ``"triangle"``, ``"patches-WORDS"``, ``"vlad"``, ``"fisher-sift"`` and ``"fisher-color"``, also with
        ``-COMPONENTS``.
    out : str or path
        A file, for `run` and `load_model`; usually ends in ``.npz``.  While it is learned, a folder of this
        name with ``.work`` at the end keeps what is done, and the next call goes on with it.
    per_image : int
        Descriptors that are drawn of each image.
    seed : int
        What is drawn depends on it, and on nothing else.

    Returns
    -------
    fitted transformer
        Of `imfeat.estimators`; also in the file.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such source or feature, or there are fewer descriptors than words.
    OSError, RuntimeError
        As in `run`.

    Notes
    -----
    Sums are float64 and added in the order of the shards, so that neither the number of workers nor an
    interruption changes a byte.
    """
    from imfeat.compare.features import build_feature, is_feature

    pair = as_pair(size)
    if not is_feature(feature):
        raise ValueError(f"no feature {feature!r}; see imfeat compare --list")
    one_of(fit, "fit", FITS)
    model = build_feature(feature, pair, seed)
    if not (hasattr(model, "local") or hasattr(model, "patch_size")):
        raise ValueError(f"feature {feature!r} learns neither words nor a mixture")
    settings = {
        "source": os.path.abspath(os.path.expanduser(os.fspath(source))),
        "feature": feature,
        "size": list(pair),
        "fit": fit,
        "per_image": as_count(per_image, "per_image"),
        "seed": seed,
        "shard_size": as_count(shard_size, "shard_size"),
        "column": column,
        "versions": versions(EXTRACT_PACKAGES),
    }
    folder = Path(f"{os.fspath(out)}.work")
    (folder / "descriptors").mkdir(parents=True, exist_ok=True)
    with locked(folder):
        remove_unfinished(folder)
        plan = plan_of(folder, settings)
        fitted = _Fit(plan, find_scheduler(scheduler, n_workers), progress).fit(model)
        save_model(out, fitted)
    shutil.rmtree(folder)
    return fitted


class _Fit:
    """The passes over the shards of a plan."""

    def __init__(self, plan: Plan, workers: Scheduler, progress: bool) -> None:
        self.plan, self.workers, self.progress = plan, workers, progress
        self.folder = str(plan.folder.resolve())

    def fit(self, model: Any) -> Any:
        """Learn what a transformer learns, and return it."""
        seed = self.plan.settings["seed"]
        for _ in self._results(functools.partial(draw_descriptors, self.folder)):
            pass
        local = hasattr(model, "local")
        found = self._kept(
            "moments", functools.partial(self._moments, mirrored=getattr(model, "mirror", False))
        )
        sums = Moments(int(found["n"]), found["mean"], found["scatter"])
        whitening = pca = None
        if local:
            pca = sums.principal_axes(min(model.n_pca or len(sums.mean), len(sums.mean)))
            mean, matrix = pca[0], pca[1]
            spread = np.einsum("kd,de,ke->k", matrix.astype(float), sums.covariance(), matrix.astype(float))
        else:
            options = {"epsilon": model.epsilon} if hasattr(model, "epsilon") else {}
            whitening = Whitening(**options).fit_moments(sums.mean, sums.covariance())
            mean, matrix, spread = whitening.mean_, whitening.matrix_.T, np.ones(len(sums.mean))
        self._write("map", mean=mean, matrix=np.ascontiguousarray(matrix))
        is_mixture = hasattr(model, "n_components")
        n_words = model.n_components if is_mixture else model.n_words
        words = self._words(n_words, seed, 20 if is_mixture else model.n_iterations)
        learned = self._mixture(words, spread, model.n_iterations) if is_mixture else words
        shape = (*self.plan.settings["size"], 3)
        return fill(model, shape, whitening=whitening, pca=pca, learned=learned)

    def _moments(self, *, mirrored: bool) -> dict[str, Any]:
        found = self._sum(functools.partial(sum_moments, self.folder, mirrored))
        return {"n": found.n, "mean": found.mean, "scatter": found.scatter}

    def _words(self, n_words: int, seed: int, n_iterations: int) -> Array:
        words: Array = self._kept("words-0", lambda: {"words": self._first_words(n_words, seed)})["words"]
        for step in range(1, n_iterations + 1):
            before = words
            task = functools.partial(sum_words, self.folder, f"words-{step - 1}")
            words = self._kept(f"words-{step}", functools.partial(self._moved, task, before))["words"]
            if np.array_equal(words, before):
                break
        return words

    def _moved(self, task: functools.partial[WordSums], before: Array) -> dict[str, Array]:
        return {"words": self._sum(task).words(before)}

    def _first_words(self, n_words: int, seed: int) -> Array:
        n = max(STARTS * n_words, LEAST_STARTS)
        task = functools.partial(draw_starts, self.folder, -(-n // self.plan.n_shards), seed)
        drawn = np.concatenate([vectors for _, vectors in self._results(task)])
        if len(drawn) < n_words:
            raise ValueError(f"{len(drawn)} descriptors are too few for {n_words} words: raise per_image")
        return spread_words(drawn, n_words, np.random.default_rng(seed))

    def _mixture(self, words: Array, spread: Array, n_iterations: int) -> Mixture:
        floor = least_variances(spread)
        mixture, before = hard_mixture(words, float(spread.mean())), -np.inf
        for step in range(n_iterations + 1):  # the first makes a mixture of the words
            self._write(f"mixture-{step}", **vars(mixture))
            task = functools.partial(sum_mixture, self.folder, f"mixture-{step}")
            found = self._kept(f"sums-{step}", functools.partial(self._mixture_sums, task))
            mixture = maximize(mixture, found["sums"], floor)
            likelihood = float(found["likelihood"]) / int(found["n"])
            if step and likelihood - before < TOLERANCE:
                break
            before = likelihood
        return mixture

    def _mixture_sums(self, task: functools.partial[MixtureSums]) -> dict[str, Any]:
        return dict(vars(self._sum(task)))

    def _results(self, task: functools.partial[Any]) -> Iterator[tuple[int, Any]]:
        results = self.workers.run(task, range(self.plan.n_shards))
        return in_order(shown(results, self.plan, self.progress, PASSES[task.func.__name__]))

    def _sum(self, task: functools.partial[Any]) -> Any:
        total = None
        for _, found in self._results(task):
            total = found if total is None else total.add(found)
        return total

    def _kept(self, name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what was written under a name, or compute and write it."""
        if not Path(self.folder, f"{name}.npz").exists():
            self._write(name, **compute())
        return read_state(self.folder, name)

    def _write(self, name: str, **arrays: Any) -> None:
        with whole(Path(self.folder, f"{name}.npz")) as unfinished, open(unfinished, "wb") as file:
            np.savez(file, **arrays)


def read_state(folder: str, name: str) -> dict[str, Any]:
    """Return the arrays of a pass."""
    with np.load(Path(folder, f"{name}.npz"), allow_pickle=False) as file:
        return dict(file)


def draw_descriptors(folder: str, shard: int) -> None:
    """Write some descriptors of each image of a shard, unless that is done."""
    from imfeat.compare.features import build_feature

    path = Path(folder, "descriptors", f"{shard:06}.npy")
    if path.exists():
        return
    plan = Plan(Path(folder))
    size, seed = tuple(plan.settings["size"]), plan.settings["seed"]
    model = build_feature(plan.settings["feature"], size, seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(shard,)))
    items, parts = plan.items(shard), []
    for first in range(0, len(items), IMAGES_AT_ONCE):
        _, images, _ = read_images(items[first : first + IMAGES_AT_ONCE], size, plan.settings["fit"])
        if len(images):
            parts.append(_drawn(model, images, plan.settings["per_image"], rng))
    drawn = np.concatenate(parts) if parts else _drawn(model, np.zeros((1, *size, 3), np.uint8), 1, rng)[:0]
    with whole(path) as unfinished, open(unfinished, "wb") as file:
        np.save(file, drawn, allow_pickle=False)


def _drawn(model: Any, images: Array, per_image: int, rng: np.random.Generator) -> Array:
    """Return descriptors of images: normalized patches, or local descriptors."""
    if not hasattr(model, "local"):
        patches = sample_patches(images, model.patch_size, per_image * len(images), rng=rng)
        return normalize_patches(patches)
    found = model.local.fit_transform(images)
    chosen = np.argsort(rng.random(found.shape[:2]), axis=1)[:, :per_image]
    drawn: Array = np.take_along_axis(found, chosen[..., None], 1).reshape(-1, found.shape[-1])
    return drawn


def sum_moments(folder: str, mirrored: bool, shard: int) -> Moments:
    """Return the moments of the descriptors of a shard, and of their mirror images."""
    drawn = _descriptors(folder, shard)
    if mirrored:
        side = round((drawn.shape[1] / 3) ** 0.5)
        drawn = np.concatenate([drawn, mirror_patches(drawn, side)])
    return Moments.of(drawn)


def draw_starts(folder: str, n: int, seed: int, shard: int) -> Array:
    """Return some mapped descriptors of a shard, of which the first words are drawn."""
    vectors = _mapped(folder, shard)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(shard, 1)))
    drawn: Array = vectors[np.sort(rng.permutation(len(vectors))[:n])]
    return drawn


def sum_words(folder: str, state: str, shard: int) -> WordSums:
    """Return the sums of the descriptors of a shard by their nearest words."""
    return WordSums.of(_mapped(folder, shard), read_state(folder, state)["words"])


def sum_mixture(folder: str, state: str, shard: int) -> MixtureSums:
    """Return the moments of the descriptors of a shard under a mixture."""
    vectors = _mapped(folder, shard)
    sums, likelihoods = moments(vectors, np.array([0, len(vectors)]), Mixture(**read_state(folder, state)))
    return MixtureSums(sums[0], float(likelihoods[0]), len(vectors))


def _descriptors(folder: str, shard: int) -> Array:
    drawn: Array = np.load(Path(folder, "descriptors", f"{shard:06}.npy"), allow_pickle=False)
    return drawn


def _mapped(folder: str, shard: int) -> Array:
    """Return the whitened or projected descriptors of a shard."""
    found = read_state(folder, "map")
    return multiply(_descriptors(folder, shard) - found["mean"], found["matrix"])

"""Descriptors in shards, which workers sum over."""

import copy
import functools
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._check import to_host
from imfeat._files import complete
from imfeat._rows import rows_at
from imfeat._sums import Start
from imfeat.extract.schedule import Scheduler, in_order, with_bar

Transforms = tuple[Callable[[Array], Array], ...]


class Shards:
    """Descriptors in shards, as `imfeat._sums.Descriptors`.

    Parameters
    ----------
    load : function of the number of a shard
        Returns its descriptors (n, d); it is called by workers.
    n_shards : int
    workers : Scheduler
    seed : int
    stream : tuple of int
        Tells the random draws of `sample` from other draws with the same seed.
    folder : Path, optional
        Folder that keeps the result of each pass.
    progress : bool
    """

    start: Start | None = "k-means++"

    def __init__(
        self,
        load: Callable[[int], Array],
        n_shards: int,
        workers: Scheduler,
        seed: int,
        *,
        stream: tuple[int, ...] = (),
        folder: Path | None = None,
        progress: bool = False,
    ) -> None:
        self.load = load
        self.n_shards = n_shards
        self.workers = workers
        self.seed = seed
        self.stream = stream
        self.folder = folder
        self.progress = progress
        self.rng = np.random.default_rng(seed)
        self._passes = itertools.count()
        self._transforms: Transforms = ()

    def map(self, transform: Callable[[Array], Array]) -> "Shards":
        """Return the same descriptors, mapped."""
        mapped = copy.copy(self)  # which counts the same passes
        mapped._transforms = (*self._transforms, transform)
        return mapped

    def total(self, kind: Any, **state: Any) -> Any:
        """Return the sum of ``kind.of(descriptors, **state)`` over all shards, in their order."""

        def add_up() -> dict[str, Any]:
            task = functools.partial(sum_shard, self.load, self._transforms, kind, state)
            return dict(vars(functools.reduce(kind.add, self._results(task, kind.title))))

        return kind(**self._kept(add_up))

    def sample(self, n: int) -> Array:
        """Return about ``n`` descriptors, as many of each shard, drawn at random."""

        def concatenate() -> dict[str, Any]:
            n_per_shard = -(-n // self.n_shards)
            draws = n_per_shard, self.seed, self.stream
            task = functools.partial(sample_shard, self.load, self._transforms, *draws)
            return {"vectors": np.concatenate(list(self._results(task, "start")))}

        vectors: Array = self._kept(concatenate)["vectors"]
        return vectors

    def _results(self, task: Callable[[int], Any], title: str) -> Iterator[Any]:
        results = self.workers.run(task, range(self.n_shards))
        bar = with_bar(results, self.n_shards, self.progress, title)
        return (result for _, result in in_order(bar))

    def _kept(self, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the arrays of a pass, from its file if it is done."""
        number = next(self._passes)
        if self.folder is None:
            return compute()
        path = self.folder / f"pass-{number:04}.npz"
        if not path.exists():
            arrays = compute()
            with complete(path) as unfinished, open(unfinished, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
        with np.load(path, allow_pickle=False) as file:
            return {name: array if array.ndim else array.item() for name, array in file.items()}


def sum_shard(
    load: Callable[[int], Array], transforms: Transforms, kind: Any, state: dict[str, Any], shard: int
) -> Any:
    """Return ``kind.of(descriptors, **state)`` for the mapped descriptors of a shard."""
    return kind.of(_mapped(load, transforms, shard), **state)


def sample_shard(
    load: Callable[[int], Array],
    transforms: Transforms,
    n: int,
    seed: int,
    stream: tuple[int, ...],
    shard: int,
) -> Array:
    """Return at most ``n`` of the mapped descriptors of a shard."""
    vectors = _mapped(load, transforms, shard)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(shard, *stream)))
    return to_host(rows_at(vectors, np.sort(rng.permutation(len(vectors))[:n])))


def _mapped(load: Callable[[int], Array], transforms: Transforms, shard: int) -> Array:
    vectors = load(shard)
    for transform in transforms:
        vectors = transform(vectors)
    return vectors

"""The run of an experiment's cells, which shows what is running and about how long the rest takes.

A terminal or a notebook shows a bar.  Without one, the logger ``imfeat.compare`` gets a line for each cell.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
from rich.text import Text

from imfeat._progress import console, has_terminal
from imfeat.compare.answer import ranked
from imfeat.compare.cells import Cell, Record
from imfeat.compare.costs import Sizes, cost_of
from imfeat.compare.experiment import run_cells, with_members
from imfeat.compare.folds import REFIT, Folds
from imfeat.compare.preparation import strengths
from imfeat.compare.workspace import Workspace, part_name

LOGGER = logging.getLogger("imfeat.compare")
PRIOR_SECONDS = 3.0  # of work that the guess of the speed, made before the run, counts for

Costs: TypeAlias = Mapping[tuple[str, str, int], float]  # by feature, classifier and seed


@dataclass(frozen=True)
class Stage:
    """Cells that learn from the same images.

    Attributes
    ----------
    workspace : function without arguments
        Returns the workspace; called when the stage begins.
    features, classifiers : tuple of str
    seeds : tuple of int
    part : str
        Name of a part of the store, empty for all images.
    n_train, n_test : int
        Numbers of images to learn from and to test.
    """

    workspace: Callable[[], Workspace]
    features: tuple[str, ...]
    classifiers: tuple[str, ...]
    seeds: tuple[int, ...]
    part: str
    n_train: int
    n_test: int


def run_all(
    workspace: Workspace,
    features: tuple[str, ...],
    classifiers: tuple[str, ...],
    seeds: tuple[int, ...],
    train_sizes: tuple[int, ...],
) -> tuple[tuple[Cell, ...], tuple[Record, ...]]:
    """Return the cells with all training images, and the records with fewer, each seed with its own."""
    n_all = len(workspace.data.train)
    n_test = len(workspace.data.test)
    stages = [Stage(lambda: workspace, features, classifiers, seeds, "", n_all, n_test)]
    for n_train, seed in itertools.product(train_sizes, seeds):
        part = partial(workspace.part, n_train, seed)
        stages.append(Stage(part, features, classifiers, (seed,), part_name(n_train), n_train, n_test))
    (_, cells), *parts = run_stages(workspace, stages)
    return tuple(cells), tuple(cell.record for _, of_part in parts for cell in of_part)


def run_folds(
    folds: Folds, features: tuple[str, ...], classifiers: tuple[str, ...], seeds: tuple[int, ...], keep: str
) -> tuple[Cell, ...]:
    """Return the cells of all folds together, and keep models that learn from all images."""
    n_all = len(folds.workspace.data.train)
    counts = [folds.n_train(k) for k in range(len(folds.names))]
    stages = [
        Stage(partial(folds.part, k), features, classifiers, seeds, name, counts[k], n_all - counts[k])
        for k, name in enumerate(folds.names)
    ]
    cells = folds.pool([of_fold for _, of_fold in run_stages(folds.workspace, stages)])
    if keep == "all":
        refits = [(features, classifiers)]
    else:
        refits = [((feature,), (classifier,)) for feature, classifier in ranked(cells)]
    for of_features, of_classifiers in refits:
        refit = Stage(partial(folds.refit, cells), of_features, of_classifiers, seeds[:1], REFIT, n_all, 1)
        list(run_stages(folds.workspace, [refit]))
        if folds.workspace.has_model(of_features[-1], of_classifiers[-1], seeds[0]):
            break
    return cells


def run_stages(main: Workspace, stages: Sequence[Stage]) -> Iterator[tuple[Stage, list[Cell]]]:
    """Yield each stage with its cells.

    Parameters
    ----------
    main : Workspace
        That of all images, whose store has all cells that are done.
    stages : sequence of Stage
    """
    costs = [_costs(main, stage) for stage in stages]
    monitor = Monitor([cost for of_stage in costs for cost in of_stage.values()])
    with _shown(monitor):
        for stage, of_stage in zip(stages, costs, strict=True):
            workspace = stage.workspace()
            workspace.announce = partial(monitor.announce, part=stage.part)
            cells = []
            for cell in run_cells(workspace, stage.features, stage.classifiers, stage.seeds):
                record = cell.record
                monitor.advance(record, of_stage[record.feature, record.classifier, record.seed], stage.part)
                cells.append(cell)
            yield stage, cells


def _costs(main: Workspace, stage: Stage) -> Costs:
    """Return about how many seconds each cell of a stage takes, 0 for those that are done."""
    store = main.store.part(stage.part)
    of_shifts = strengths(main.data, shifts=main.shifts and not stage.part)
    n_changed = stage.n_test * sum(map(len, of_shifts.values()))
    shape = main.data.train.images.shape[1:3]
    sizes = Sizes(stage.n_train, stage.n_test, shape, len(main.classes), n_changed)
    costs = {}
    for feature, seed in itertools.product(with_members(stage.features), stage.seeds):
        missing: list[str] = []
        for name in stage.classifiers:
            costs[feature, name, seed] = 0.0
            if store.get(feature, name, seed) is None:
                first = seed == stage.seeds[0]
                cost = cost_of(feature, name, sizes, earlier=missing, is_first_seed=first)
                costs[feature, name, seed] = cost
                missing.append(name)
    return costs


class Monitor:
    """Counts cells, and tells about how many seconds the others take.

    Parameters
    ----------
    costs : sequence of float
        Seconds that cells were guessed to take before the run, 0 for those that are done.
    """

    def __init__(self, costs: Sequence[float]) -> None:
        self.n_cells = len(costs)
        self.n_done = 0
        self.description = ""
        self._left = sum(costs)
        self._guessed = 0.0
        self._spent = 0.0
        self._since = time.perf_counter()
        self.advanced: Callable[[], None] = lambda: None

    def announce(self, text: str, part: str) -> None:
        """Take the description of what is running."""
        self.description = f"{text}, {part}" if part else text

    def advance(self, record: Record, cost: float, part: str) -> None:
        """Count a cell that was guessed to take so many seconds, and log it if there is no bar."""
        now = time.perf_counter()
        seconds = now - self._since
        self._since = now
        self.n_done += 1
        self._left -= cost
        if cost:
            self._guessed += cost
            self._spent += seconds
        self.advanced()
        if has_bar():
            return
        LOGGER.info(
            "%d of %d: %s, %s, seed %d%s: test accuracy %.3f, %.1f s; %s",
            self.n_done,
            self.n_cells,
            record.feature,
            record.classifier,
            record.seed,
            f", {part}" if part else "",
            record.test_accuracy,
            seconds,
            self.text(),
        )

    def seconds_left(self) -> float:
        """Return about how many seconds are left."""
        speed = (self._spent + PRIOR_SECONDS) / (self._guessed + PRIOR_SECONDS)
        left = max(self._left, 0.0) * speed
        return max(left - (time.perf_counter() - self._since), 0.1 * left)

    def text(self) -> str:
        """Return about how long the rest takes, in words."""
        return "done" if self.n_done == self.n_cells else f"about {duration(self.seconds_left())} left"


def duration(seconds: float) -> str:
    """Return seconds as text.

    Examples
    --------
    >>> duration(0.2), duration(75), duration(100), duration(3000), duration(9000)
    ('1 s', '75 s', '1.7 min', '50 min', '2.5 h')
    """
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            value = seconds / size
            return f"{value:.1f} {unit}" if value < 9.5 else f"{value:.0f} {unit}"
    return f"{max(1, round(seconds))} s"


class _LeftColumn(ProgressColumn):
    """The time left, by a monitor."""

    def __init__(self, monitor: Monitor) -> None:
        super().__init__()
        self._monitor = monitor

    def render(self, task: Task) -> Text:
        return Text(self._monitor.text())


class _RunningColumn(_LeftColumn):
    """What is running."""

    def render(self, task: Task) -> Text:
        return Text(self._monitor.description)


def has_bar() -> bool:
    """Return whether a bar can be shown."""
    return console().is_terminal or has_terminal()


@contextmanager
def _shown(monitor: Monitor) -> Iterator[None]:
    """Show a bar, if there is a terminal or a notebook; otherwise log how much there is to do."""
    if not has_bar():
        LOGGER.info("%d cells; %s", monitor.n_cells, monitor.text())
        yield
        return
    columns = (_RunningColumn(monitor), BarColumn(), MofNCompleteColumn(), _LeftColumn(monitor))
    with Progress(*columns, console=console(), transient=True) as progress:
        task = progress.add_task("", total=monitor.n_cells)
        monitor.advanced = lambda: progress.update(task, completed=monitor.n_done)
        yield

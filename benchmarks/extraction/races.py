"""The jobs, their contestants, and what imfeat should reach beside its peers."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.extraction import commands, peers

EXACT, FAST = "imfeat extract, HoG and color", "the same, --decode fast"
PILLOW, SIMPLEJPEG, SLOW = "pillow", "simplejpeg", "scikit_image"
CORES = (1, 2)
ALONE = (EXACT, FAST, PILLOW, SIMPLEJPEG)  # also on one core


@dataclass(frozen=True)
class Job:
    """Images at a size, the contestants, and the smallest ratios of (contestant, base)."""

    title: str
    size: int
    n_images: int
    source: Path
    contestants: tuple[str, ...]
    goals: dict[tuple[str, str], float]


def jobs(sources):
    """Return the jobs on sources, by name, each with its number of images."""
    others = tuple(name for name in peers.installed() if name not in (PILLOW, SIMPLEJPEG))
    quick = tuple(name for name in others if name != SLOW)
    text = {name: f"{n:,}" for name, (_, n) in sources.items()}
    every = {
        "flowers": (
            f"{text['flowers']} flowers in 17 folders, at 128 x 128",
            128,
            (*ALONE, *others),
            {(EXACT, PILLOW): 1.0, (EXACT, SIMPLEJPEG): 0.8, (FAST, PILLOW): 1.6},
        ),
        "photographs": (
            f"{text['photographs']} photographs of 12 megapixels, at 224 x 224",
            224,
            (*ALONE, *quick),
            {(EXACT, PILLOW): 2.0, (FAST, PILLOW): 8.0},
        ),
        "tar": (
            f"a tar of {text['tar']} JPEGs of 256 x 256, at 128 x 128",
            128,
            (*ALONE, *quick),
            {(EXACT, PILLOW): 1.0},
        ),
        "few": (f"{text['few']} flowers, at 128 x 128: start-up", 128, (EXACT, PILLOW), {}),
    }
    return {
        name: Job(title, size, sources[name][1], sources[name][0], contestants, goals)
        for name, (title, size, contestants, goals) in every.items()
    }


def command_of(name: str, job: Job, folder: Path) -> list[str]:
    if name in (EXACT, FAST):
        how = ("--decode", "fast") if name == FAST else ()
        return commands.extract(job.source, folder, job.size, *how)
    return commands.peer(name, job.source, folder, job.size)


def run(job: Job, repeats: int, tell: Callable[[str], None]) -> list[dict]:
    """Time the contestants in turn, round by round; return their medians at each number of cores."""
    found: dict[tuple[str, int], list[dict]] = {}
    tell(f"{job.title}: fills caches")
    with tempfile.TemporaryDirectory() as folder:  # of kernels
        commands.measured(command_of(EXACT, job, Path(folder)), Path(folder), CORES[-1])
    for turn in range(repeats):
        for n_cores in CORES:
            for name in job.contestants:
                if (name == SLOW and turn != 0) or (name not in ALONE and n_cores != CORES[-1]):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    run = commands.measured(command_of(name, job, Path(folder)), Path(folder), n_cores)
                tell(f"{job.title}, round {turn}, {n_cores} cores, {name}: {run['seconds']:.2f} s")
                found.setdefault((name, n_cores), []).append(run)
    return [
        {"job": job.title, "name": name, "cores": n_cores, "images_per_s": job.n_images / middle["seconds"]}
        | {"runs": len(runs)}
        | middle
        for (name, n_cores), runs in found.items()
        for middle in [commands.summary(runs)]
    ]


def judge(job: Job, rows: list[dict]) -> list[dict]:
    """Return the ratio of each goal at each number of cores."""
    rates = {(row["name"], row["cores"]): row["images_per_s"] for row in rows}
    return [
        {"job": job.title, "name": name, "base": base, "cores": n_cores, "least": least}
        | {"ratio": rates[name, n_cores] / rates[base, n_cores]}
        for (name, base), least in job.goals.items()
        for n_cores in CORES
    ]

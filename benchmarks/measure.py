"""Measure with one instruction set, in a process of its own: what `python -m benchmarks` starts for each.

``python -m benchmarks.measure SETTINGS`` takes JSON and prints a JSON object a line: first what the numbers
depend on, then each row of a table as it is done.
"""

import json
import sys
import tempfile
from pathlib import Path

import rich.console
import rich.progress

from benchmarks import (
    cold,
    contestants,
    floors,
    images,
    instructions,
    memory,
    races,
    report,
    single,
)
from benchmarks.worker import answers_only

# First calls and memory depend on the job less than on what it imports and compiles: a few of each kind.
COLD = ("rgb_to_hsv, uint8 to float32", "color_histogram, rgb, 8x8x8", "hog", "equalize, gray")


def main():
    answers, settings = answers_only(), json.loads(sys.argv[1])
    short, counts, level = settings["short"], settings["threads"], settings["level"]
    found, missing = contestants.find(settings["opencv5"])
    bandwidths = {n: floors.copy_bandwidth(n, 1 << (20 if short else 28)) for n in counts}
    about = report.environment(found, missing)
    said, exceeding = instructions.reports(found)
    facts = {
        "level": level,
        "environment": instructions.limits(level, settings["machine"]),
        "reports": said,
        "exceeding": exceeding if level == "avx2" else [],
        "copy_gigabytes_per_second": {str(n): rate / 1e9 for n, rate in bandwidths.items()},
    }
    print(json.dumps({"about": about, "set": facts}), file=answers, flush=True)
    with rich.progress.Progress(console=rich.console.Console(stderr=True)) as progress:
        for name, rows, total in stages(settings, found, bandwidths):
            for row in progress.track(rows, total=total, description=f"{level}: {name}"):
                line = {"table": name, "row": row | {"instructions": level}}
                print(json.dumps(line), file=answers, flush=True)
    for entry in found.values():
        entry.close()


def stages(settings, found, bandwidths):
    """Yield (name, rows to come, how many) of each table that is wanted."""
    names, fixed, tables = settings["jobs"], settings["fixed"], settings["tables"]
    short, counts, repeats = settings["short"], settings["threads"], settings["repeats"]
    if "races" in tables:
        sizes = images.SHORT_SIZES if short else images.SIZES
        sizes = {size: sizes[size] for size in settings["sizes"] or sizes}
        races_to_come = races.rows(names, sizes, counts, found, repeats, bandwidths)
        yield "races", races_to_come, races.n_rows(names, sizes, counts)
    if "encodings" in tables:
        races_to_come = races.fixed_rows(fixed, short, counts, found, repeats, bandwidths)
        yield "encodings", races_to_come, len(fixed) * len(counts)
    if "single" in tables:
        yield "single", single.rows(names, found, repeats if short else 5 * repeats), len(names)
    if "memory" in tables:
        few = names[:1] if short else names
        shape = (2, 48, 64) if short else (64, 512, 512)
        numbers = memory.FUSED_NUMBERS[: 1 if short else None] if memory.FUSED in fixed else ()
        rows = memory.rows(few, found, shape, numbers, counts[-1])
        yield "memory", rows, len(few) + len(numbers)
    if "cold" in tables:
        few = [name for name in names if name in COLD] or names
        few = few[: 1 if short else None]
        yield "first calls", first_calls(few), len(few)
        yield "cold", cold_start(short), 1


def first_calls(names):
    with cold.workplace() as folder:
        yield from cold.first_calls(names, folder)


def cold_start(short):
    with tempfile.TemporaryDirectory() as folder:
        warm_all = None if short else cold.warm_all(Path(folder))
        yield cold.measure_import(1 if short else 5) | {"warm_all": warm_all}


if __name__ == "__main__":
    main()

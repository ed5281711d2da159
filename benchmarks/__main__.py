"""Run the benchmarks: ``python -m benchmarks``; README.md beside this file says with which packages."""

import itertools
import re
import tempfile
from pathlib import Path

import click
import rich.console
import rich.progress

from benchmarks import cold, contestants, goals, images, jobs, memory, races, report, single, timing

RESULTS = Path(__file__).parent / "results"
TABLES = ("races", "encodings", "single", "cold", "memory")


@click.command()
@click.option("--jobs", "wanted", multiple=True, help="Only jobs whose name contains this; may be repeated.")
@click.option("--tables", default=",".join(TABLES), show_default=True, help="Only these tables.")
@click.option("--threads", default="1,2", show_default=True, help="Numbers of threads.")
@click.option("--repeats", default=9, show_default=True, help="Runs of each contestant that count.")
@click.option("--opencv5", help="A Python that has OpenCV 5, to race beside the one that is installed here.")
@click.option("--short", is_flag=True, help="Small images and one run, to see that all of it runs.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(wanted, tables, threads, repeats, opencv5, short, out):
    """Time every feature against its peers, side by side, and write a table."""
    counts = [int(n) for n in threads.split(",")]
    names, fixed = (
        [name for name in table if not wanted or any(part in name for part in wanted)]
        for table in (jobs.ALL, jobs.FIXED)
    )
    found, missing = contestants.find(opencv5)
    bandwidths = {n: timing.copy_bandwidth(n, n_bytes=1 << (20 if short else 28)) for n in counts}
    about = report.environment(bandwidths, found, missing)
    about["command"] = command_line(wanted, tables, threads, repeats, opencv5, short)
    about["repeats"] = 1 if short else repeats
    if "cold" in tables:
        about["cold"] = cold_start(short)
    slug = re.sub(r"[^a-z0-9]+", "-", about["machine"].lower()).strip("-")
    results = {}
    with rich.progress.Progress(console=rich.console.Console(stderr=True)) as progress:
        for name, rows, total in stages(tables, names, fixed, counts, found, bandwidths, repeats, short):
            results[name] = list(progress.track(rows, total=total, description=name))
            goals.add_speedups(results.get("races", []) + results.get("encodings", []))
            # Written after each stage, so that a failure in the last does not cost the first.
            page, data = report.write(out, slug, about, results)
    click.echo(f"{page.read_text()}\nwritten to {page} and {data}")


def command_line(wanted, tables, threads, repeats, opencv5, short):
    """Return the command that makes these results, without paths of this machine."""
    command = f"python -m benchmarks --threads {threads} --repeats {repeats}"
    command += "".join(f' --jobs "{part}"' for part in wanted)
    command += f" --tables {tables}" * (tables != ",".join(TABLES))
    return command + " --opencv5 PYTHON" * bool(opencv5) + " --short" * short


def stages(tables, names, fixed, counts, found, bandwidths, repeats, short):
    """Yield (name, rows to come, how many) of each table that is wanted."""
    repeats = 1 if short else repeats
    if "races" in tables:
        sizes = images.SHORT_SIZES if short else images.SIZES
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
        rows = itertools.chain(
            memory.rows(few, found, shape, counts[-1]), memory.fused_rows(found, numbers, counts[-1])
        )
        yield "memory", rows, len(few) + len(numbers)
    if "cold" in tables:
        few = names[:1] if short else names
        yield "first calls", first_calls(few), len(few)


def first_calls(names):
    with cold.workplace() as folder:
        yield from cold.first_calls(names, folder)


def cold_start(short):
    with tempfile.TemporaryDirectory() as folder:
        warm_all = None if short else cold.warm_all(Path(folder))
        return cold.measure_import(1 if short else 5) | {"warm_all": warm_all}


if __name__ == "__main__":
    main()

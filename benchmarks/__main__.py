"""Run the benchmarks: ``python -m benchmarks``; README.md beside this file says with which packages."""

import json
import re
import subprocess
import sys
from pathlib import Path

import click

from benchmarks import check, goals, instructions, jobs, report
from benchmarks.worker import ROOT

RESULTS = Path(__file__).parent / "results"
TABLES = ("races", "encodings", "single", "cold", "memory")
ONCE = {"cold", "memory"}  # of the first instruction set only


@click.command()
@click.option("--jobs", "wanted", multiple=True, help="Only jobs whose name contains this; may be repeated.")
@click.option("--tables", default=",".join(TABLES), show_default=True, help="Only these tables.")
@click.option("--threads", default="1,2", show_default=True, help="Numbers of threads.")
@click.option("--repeats", default=5, show_default=True, help="Runs of each contestant that count.")
@click.option("--instructions", "sets", default="native", show_default=True, help="Or avx2, or native,avx2.")
@click.option("--opencv5", help="A Python that has OpenCV 5, to race beside the one that is installed here.")
@click.option("--short", is_flag=True, help="Small images and one run, to see that all of it runs.")
@click.option("--check", "only_check", is_flag=True, help="Compare a few rows with the page; 1 if one fell.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(wanted, tables, threads, repeats, sets, opencv5, short, only_check, out):
    """Time every feature against its peers, side by side, and write a table."""
    machine = instructions.level_of_machine()
    try:
        levels = instructions.levels(sets.split(","), machine)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--instructions") from None
    settings = {
        "jobs": chosen(jobs.ALL, wanted),
        "fixed": chosen(jobs.FIXED, wanted),
        "tables": tables.split(","),
        "threads": [int(n) for n in threads.split(",")],
        "repeats": 1 if short else repeats,
        "sizes": None,
        "opencv5": opencv5,
        "short": short,
        "machine": machine,
    }
    if only_check:
        about, results = collect(settings | check.SETTINGS, levels, lambda about, results: None)
        sys.exit(check.compare(about, results, out))
    command = command_line(wanted, tables, threads, repeats, sets, opencv5, short)

    def write(about, results):
        slug = re.sub(r"[^a-z0-9]+", "-", f"{about['machine']} {machine}".lower()).strip("-")
        about |= {"command": command, "repeats": settings["repeats"], "machine_level": machine}
        paths.append(report.write(out, slug, about, results))

    paths = []
    collect(settings, levels, write)
    page, data, chart = paths[-1]
    click.echo(f"{page.read_text()}\nwritten to {page}, {data} and {chart}")


def chosen(table, wanted):
    return [name for name in table if not wanted or any(part in name for part in wanted)]


def collect(settings, levels, write):
    """Measure each level in a process of its own; return what the numbers depend on, and all tables.

    ``write`` is called with them after each table, and at the end, however it comes.
    """
    about, results, last = {}, {}, None
    try:
        for i, level in enumerate(levels):
            tables = [table for table in settings["tables"] if i == 0 or table not in ONCE]
            for line in measure(settings | {"tables": tables, "level": level}):
                if "about" in line:
                    about = about or line["about"] | {"sets": []}
                    about["sets"].append(line["set"])
                    continue
                if last not in (None, line["table"]):
                    finish(about, results, write)
                last = line["table"]
                results.setdefault(last, []).append(line["row"])
    finally:
        if results:
            finish(about, results, write)
    return about, results


def finish(about, results, write):
    goals.add_speedups(results.get("races", []) + results.get("encodings", []))
    write(about, results)


def measure(settings):
    """Yield what a process that measures one level says."""
    command = [sys.executable, "-m", "benchmarks.measure", json.dumps(settings)]
    env = instructions.environment(settings["level"], settings["machine"])
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise click.ClickException(f"measuring with {settings['level']} ended with {process.returncode}")


def command_line(wanted, tables, threads, repeats, sets, opencv5, short):
    """Return the command that makes these results, without paths of this machine."""
    command = f"python -m benchmarks --threads {threads} --repeats {repeats} --instructions {sets}"
    command += "".join(f' --jobs "{part}"' for part in wanted)
    command += f" --tables {tables}" * (tables != ",".join(TABLES))
    return command + " --opencv5 PYTHON" * bool(opencv5) + " --short" * short


if __name__ == "__main__":
    main()

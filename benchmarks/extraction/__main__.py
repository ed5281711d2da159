"""Time whole commands from image files to tables: ``python -m benchmarks.extraction --data FOLDER``.

FOLDER holds JPEGs, from which the sources are made: folders, photographs of 12 megapixels, and a tar.  Each
contestant is a process that is timed from its start to its end.
"""

import json
import os
import tempfile
from pathlib import Path

import click

import imfeat
from benchmarks import report
from benchmarks.__main__ import RESULTS
from benchmarks.extraction import commands, inputs, passes, peers, races
from benchmarks.extraction.page import page
from benchmarks.instructions import TITLES, level_of_machine
from imfeat._files import read_json

N_FEW = 5


@click.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, path_type=Path), help="A folder of JPEGs."
)
@click.option("--repeats", default=3, show_default=True, help="Rounds, in each of which all take their turn.")
@click.option(
    "--images",
    "counts",
    default="1000,10000,100000",
    show_default=True,
    help="Numbers of images whose memory is measured.",
)
@click.option(
    "--jobs",
    "chosen",
    default="flowers,photographs,few,tar",
    show_default=True,
    help="May be empty, for memory alone.",
)
@click.option(
    "--sources", "kept", type=click.Path(path_type=Path), help="Folder to keep sources in, for later runs."
)
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(data, repeats, counts, chosen, kept, out):
    """Time whole commands, and measure their memory.

    Jobs that are not chosen keep their results of before.
    """
    paths = inputs.paths_of(data)
    about = environment() | {"images": len(paths), "repeats": repeats, "load": [os.getloadavg()[0]]}
    about["bytes_an_image"] = sum(path.stat().st_size for path in paths) / len(paths)
    before = read_json(out / "extraction.json") or {"races": [], "goals": [], "memory": []}
    if before["races"]:
        about["calls"] = f", the last of several calls with `--jobs`, here {chosen or 'memory alone'}"
    else:
        about["calls"] = ""
    result = before | {"about": about, "passes": passes.measured()}
    with tempfile.TemporaryDirectory() as folder:
        (kept or Path(folder)).mkdir(parents=True, exist_ok=True)
        every = races.jobs(sources(paths, kept or Path(folder), filter(None, chosen.split(","))))
        titles = [job.title for job in every.values()]
        if counts:
            many(paths, N_FEW, Path(folder))  # fills caches of kernels
            result["memory"] = [many(paths, n, Path(folder)) for n in map(int, counts.split(","))]
        if not chosen:
            write(result, out)
        for job in (every[name] for name in filter(None, chosen.split(","))):
            rows = races.run(job, repeats, lambda line: click.echo(line, err=True))
            for table, of_job in (("races", rows), ("goals", races.judge(job, rows))):
                result[table] = [row for row in result[table] if row["job"] != job.title] + of_job
                result[table].sort(key=lambda row: titles.index(row["job"]))
            about["load"].append(os.getloadavg()[0])
            write(result, out)
    click.echo(page(result))


def write(result, out):
    """Write what was measured so far."""
    out.mkdir(parents=True, exist_ok=True)
    Path(out, "extraction.json").write_text(json.dumps(result, indent=1) + "\n")
    Path(out, "extraction.md").write_text(page(result))


def sources(paths, folder, chosen):
    """Make the sources of jobs, unless they are in the folder, and return each with its number of images."""
    made = {
        "flowers": (folder / "flowers", len(paths)),
        "photographs": (folder / "photographs", inputs.N_PHOTOGRAPHS),
        "tar": (folder / "00000.tar", inputs.N_SMALL),
        "few": (folder / "few", N_FEW),
    }
    makers = {
        "flowers": lambda path: inputs.class_folders(paths, path),
        "photographs": lambda path: inputs.photographs(paths, path),
        "tar": lambda path: inputs.shard_of_tar(paths, path),
        "few": lambda path: inputs.class_folders(paths[:: len(paths) // N_FEW][:N_FEW], path),
    }
    for name in chosen:
        if not made[name][0].exists():
            makers[name](made[name][0])
    return made


def many(paths, n, folder):
    """Return what a run over n images takes, most of them again and again."""
    source = inputs.repeated(paths, folder, n)
    with tempfile.TemporaryDirectory() as out:
        command = commands.extract(source, Path(out), 128, "--decode", "fast")
        run = commands.measured(command, Path(out), races.CORES[-1])
    return {"images": n, "images_per_s": n / run["seconds"], **run}


def environment():
    class Entry:
        version = imfeat.__version__

    about = report.environment({"imfeat": Entry}, ())
    about["versions"] |= peers.installed()
    about["instructions"] = TITLES[level_of_machine()]
    about["command"] = "python -m benchmarks.extraction --data FOLDER"
    return about


if __name__ == "__main__":
    main()

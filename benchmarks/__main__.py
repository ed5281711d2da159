"""Run the benchmarks: ``python -m benchmarks``."""

import re
from pathlib import Path

import click
import cv2
import rich.progress

import imfeat
from benchmarks import images, jobs, report, timing

RESULTS = Path(__file__).parent / "results"


@click.command()
@click.option("--jobs", "wanted", default="", help="Only jobs whose name contains this.")
@click.option("--threads", default="1,2", show_default=True, help="Numbers of threads.")
@click.option("--repeats", default=9, show_default=True, help="Runs of each contestant that count.")
@click.option("--short", is_flag=True, help="Small images and one run, to see that all of it runs.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(wanted, threads, repeats, short, out):
    """Time every feature against its peers, side by side, and write a table."""
    counts = [int(n) for n in threads.split(",")]
    bandwidths = {n: timing.copy_bandwidth(n, n_bytes=1 << (20 if short else 28)) for n in counts}
    sizes = images.SHORT_SIZES if short else images.SIZES
    names = [name for name in jobs.JOBS if wanted in name]
    rows = []
    with rich.progress.Progress(transient=True) as progress:
        task = progress.add_task("benchmarks", total=len(sizes) * len(names) * len(counts))
        for size, shape in sizes.items():
            batch = images.cut(*shape)
            for name in names:
                for n_threads in counts:
                    progress.update(task, description=f"{name}, {size}, {n_threads} thread(s)")
                    rows.append(one(name, size, batch, n_threads, 1 if short else repeats, bandwidths))
                    progress.advance(task)
    rows.sort(key=lambda row: list(jobs.JOBS).index(row["job"]))
    about = report.environment(bandwidths)
    slug = re.sub(r"[^a-z0-9]+", "-", about["machine"].lower()).strip("-")
    command = f"python -m benchmarks --threads {threads} --repeats {repeats}" + " --short" * short
    page, data = report.write(out, slug, command, about, rows)
    click.echo(f"{page.read_text()}\nwritten to {page} and {data}")


def one(name, size, batch, n_threads, repeats, bandwidths):
    """Race the contestants of a job on images, all with the same number of threads."""
    job, n_bytes = jobs.JOBS[name]
    imfeat.set_num_threads(n_threads)
    cv2.setNumThreads(n_threads)
    rates = timing.race(job(batch, n_threads), repeats)
    return report.row(name, size, n_threads, rates, n_bytes, bandwidths[n_threads])


if __name__ == "__main__":
    main()

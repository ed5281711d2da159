"""The command line: `imfeat compare` and `imfeat info`."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

import imfeat

if TYPE_CHECKING:
    from imfeat.compare import Result


class _Failure(click.ClickException):
    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(imfeat.__version__, prog_name="imfeat")
def main() -> None:
    """Classical image features, and an honest comparison of what they are worth."""


@main.command()
@click.option(
    "--data", default="photos", show_default=True, help="photos, cifar10, a folder or an .npz file."
)
@click.option(
    "--features",
    default="raw,equalized,color,hog,hog+color,words",
    show_default=True,
    help="Which features, separated by commas: also uoctti, patches-800 (any number of words), "
    "patches-800-8x8 (patches of another size), features joined by +, fisher-sift, fisher-color, and fusion "
    "of these two (or with 256 components, fusion-256).",
)
@click.option(
    "--classifiers",
    default="linear,mlp",
    show_default=True,
    help="Which of logistic, svm, ridge, l2svm and mlp, separated by commas; linear is the first two.",
)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="How many seeds.")
@click.option("--size", type=click.IntRange(min=1), help="Side of the images of a folder, in pixels.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results.  [default: runs/DATA-TIME]"
)
def compare(
    data: str, features: str, classifiers: str, seeds: int, size: int | None, out: Path | None
) -> None:
    """Train every classifier on every feature of a data set.

    Prints accuracies and times, and writes them as results.json, results.md and accuracy.png.
    """
    from imfeat.compare import run

    try:
        result = run(
            data, features=_names(features), classifiers=_names(classifiers), n_seeds=seeds, size=size
        )
        # Printed before it is written, so that a full disk costs nobody the work of an hour.
        _print(result)
        out = out or Path("runs", f"{result.settings['source']}-{datetime.now():%Y%m%d-%H%M%S}")
        result.write(out)
    except (OSError, ValueError) as error:
        raise _Failure(str(error)) from error
    click.echo(f"Written to {out}")


@main.command()
@click.option("--warm", is_flag=True, help="Also compile every kernel, so that no first call waits.")
def info(warm: bool) -> None:
    """Print versions, threads, and whether CUDA is usable."""
    from imfeat.compare import environment

    facts = environment.versions() | environment.machine() | {"CUDA": environment.cuda_status()}
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:{width}}  {value}")
    if warm:
        from rich.progress import track

        from imfeat import warm as ahead

        for _, call in track(list(ahead.calls()), "Compiling kernels"):
            call()
        click.echo("Every kernel is compiled and cached.")


def _print(result: "Result") -> None:
    from rich.console import Console

    from imfeat.compare import report

    console = Console()
    console.print(report.as_table(result))
    for line in report.skipped_lines(result):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]

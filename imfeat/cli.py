"""The command line: `imfeat compare` and `imfeat info`."""

from datetime import datetime
from pathlib import Path

import click

import imfeat


class _WrongCall(click.ClickException):
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
    help="Which features, separated by commas.",
)
@click.option(
    "--classifiers",
    default="linear,mlp",
    show_default=True,
    help="Which of logistic, svm and mlp, separated by commas; linear is the first two.",
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
    from rich.console import Console

    from imfeat.compare import report, run

    try:
        result = run(
            data, features=_names(features), classifiers=_names(classifiers), n_seeds=seeds, size=size
        )
    except (OSError, ValueError) as error:
        raise _WrongCall(str(error)) from error
    out = out or Path("runs", f"{result.settings['source']}-{datetime.now():%Y%m%d-%H%M%S}")
    result.write(out)
    console = Console()
    console.print(report.as_table(result))
    for line in report.skipped_lines(result):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"Written to {out}", markup=False, highlight=False, soft_wrap=True)


@main.command()
def info() -> None:
    """Print versions, threads, and whether CUDA is usable."""
    from imfeat.compare import environment

    facts = environment.versions() | environment.machine() | {"CUDA": environment.cuda_status()}
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:{width}}  {value}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]

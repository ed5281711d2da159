"""Options, messages and errors that commands share."""

import gc
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from imfeat._progress import compilations_shown
from imfeat.recipes import RECIPES

if TYPE_CHECKING:
    from imfeat.extract import Features, Predictions

Command = TypeVar("Command", bound=Callable[..., Any])

SHOWN_ERRORS = 5  # reasons
FEATURES_HELP = (
    f"Features, separated by commas: {', '.join(RECIPES)}; with options, as in hog(cell_size=16), a number "
    "of words or components, as in patches-800-8x8 or fusion-256, and several joined by +. compare and train "
    "add the scores of classifiers on several features, as in fusion(hog+color, words)."
)


def examples(*lines: str) -> str:
    """Return the end of the help of a command: commands as one writes them."""
    return "\b\nExamples:\n" + "\n".join(f"  imfeat {line}" for line in lines)


decode_option = click.option(
    "--decode",
    default="exact",
    show_default=True,
    type=click.Choice(["exact", "fast"]),
    help="Decode JPEGs to the pixels of Pillow, or at the smallest scale that covers --size.",
)


fit_option = click.option(
    "--fit",
    default="crop",
    show_default=True,
    type=click.Choice(["crop", "stretch"]),
    help="Scale images of another shape and crop them around the center, or stretch them.",
)


def _device_option(text: str) -> Callable[[Command], Command]:
    devices = click.Choice(["cpu", "cuda"])
    return click.option("--device", default="cpu", show_default=True, type=devices, help=text)


extract_device_option = _device_option(
    "Compute features on the CPU, or on a GPU, in one process with --workers threads that decode."
)
features_device_option = _device_option(
    "Compute features on the CPU or on a GPU; classifiers are trained on the CPU."
)


def _as_size(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """Return a number of pixels, or the name of a size that depends on each image."""
    if re.fullmatch(r"[1-9][0-9]*", value):
        return int(value)
    if not re.fullmatch(r"original|max-[1-9][0-9]*", value):
        raise click.BadParameter(f"{value!r} is neither a number of pixels nor original nor max-N")
    return value


class Failure(click.ClickException):
    exit_code = 2


def source_options(command: Any) -> Any:
    """Add the options of commands that read images from disk, and scale them."""
    return _with_options(
        run_options(command),
        click.option(
            "--size",
            default="64",
            show_default=True,
            callback=_as_size,
            metavar="PIXELS|original|max-N",
            help="Side of the scaled images; original: unchanged; max-512: the longer side at most 512.",
        ),
        fit_option,
        decode_option,
    )


def run_options(command: Any) -> Any:
    """Add the options of commands that work on shards of images."""
    return _with_options(
        command,
        click.option(
            "--shard-size",
            default=100,
            show_default=True,
            type=click.IntRange(min=1),
            help="Images of a shard, which is computed and written at once.",
        ),
        click.option(
            "--column", help="Column of a Parquet file with paths or bytes, or a field, as image.bytes."
        ),
        click.option(
            "--scheduler",
            default="local",
            show_default=True,
            help="local, or the address tcp://... of a Dask cluster.",
        ),
        click.option(
            "--workers",
            "n_workers",
            type=click.IntRange(min=1),
            help="Number of processes.  [default: cores]",
        ),
    )


def _with_options(command: Any, *options: Any) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import what runs need without looking for garbage, which takes a seventh of the time of a short run.

    Objects of modules stay, and are left out of later searches, also in processes that are forked.
    """
    gc.disable()
    try:
        from imfeat._backend import cpu_kernels
        from imfeat.extract import run as run

        cpu_kernels()
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def told(interrupted: str) -> Iterator[None]:
    """Turn what users and machines get wrong into one line, and tell what is compiled."""
    try:
        with compilations_shown():
            yield
    except KeyboardInterrupt:
        raise Failure(interrupted) from None
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise Failure(str(error)) from error
    except KeyError as error:
        raise Failure(error.args[0]) from error


def tell(features: "Features", seconds: float, is_new: bool) -> None:
    """Print what a run has computed, what it could not read and why, and how to open the results."""
    print_counts(features, seconds, is_new)
    columns = ", ".join(
        f"{name} ({'by size' if n is None else f'{n:,} numbers'})" for name, n in features.names.items()
    )
    click.echo(f"Written to {features.folder / 'shards'}: {columns}")
    click.echo(
        f"Open them in Python: import imfeat; features = imfeat.extract.open({str(features.folder)!r})"
    )


def print_counts(
    results: "Features | Predictions", seconds: float, is_new: bool, *, of_table: bool = False
) -> None:
    """Print the number of images, the rate of a run that was not resumed, and errors by reason."""
    rate = f" in {seconds:,.1f} s: {len(results) / seconds:,.0f} images/s" if is_new else ""
    click.echo(f"{len(results):,} images, {results.n_errors:,} with errors{rate}")
    _print_errors(results.errors())
    if results.left_out:
        counts = ", ".join(f"{n:,} {reason}" for reason, n in results.left_out.items())
        names = "" if of_table else "  left_out.jsonl names them."
        click.echo(f"Files that are clearly not images were left out: {counts}.{names}")


def _print_errors(rows: Iterable[dict[str, Any]]) -> None:
    """Print the most frequent reasons of errors, each with its first image and the number of others.

    Reasons that differ in numbers alone count as one.
    """
    first: dict[str, dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    for row in rows:
        reason = re.sub(r"\d+", "0", row["error"])
        first.setdefault(reason, row)
        counts[reason] += 1
    for reason, n in counts.most_common(SHOWN_ERRORS):
        others = f" and {n - 1:,} more" if n > 1 else ""
        click.echo(f"  {first[reason]['path']}{others}: {first[reason]['error']}")
    if len(counts) > SHOWN_ERRORS:
        click.echo(f"  and {len(counts) - SHOWN_ERRORS:,} more reasons: errors() in Python")

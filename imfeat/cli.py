"""The command line: `imfeat compare`, `extract`, `codebook`, `encode`, `selfcheck` and `info`."""

import gc
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

import imfeat
from imfeat._progress import compilations_shown, console
from imfeat.recipes import COMPARED, EXTRACTED, LEARNED, RECIPES

if TYPE_CHECKING:
    from imfeat.compare import Result
    from imfeat.extract import Features

SHOWN_ERRORS = 5  # reasons
FEATURES_HELP = (
    f"Features, separated by commas: {', '.join(RECIPES)}; with options, as in hog(cell_size=16), a number "
    "of words or components, as in patches-800-8x8 or fusion-256, and several joined by +."
)
COMPARE_SETTINGS = ("data", "features", "classifiers", "seeds", "size", "decode", "out", "cache")


_decode_option = click.option(
    "--decode",
    default="exact",
    show_default=True,
    type=click.Choice(["exact", "fast"]),
    help="JPEGs with the pixels of Pillow, or at the smallest scale that covers --size.",
)


def _as_size(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """Return a number of pixels, or the name of a size that depends on each image."""
    if re.fullmatch(r"[1-9][0-9]*", value):
        return int(value)
    if not re.fullmatch(r"original|max-[1-9][0-9]*", value):
        raise click.BadParameter(f"{value!r} is neither a number of pixels nor original nor max-N")
    return value


class _Failure(click.ClickException):
    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(imfeat.__version__, prog_name="imfeat")
def main() -> None:
    """Classical image features, and an honest comparison of what they are worth."""


def _read_config(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Take the settings of a file for defaults, so that flags win."""
    if value is None:
        return
    import tomllib

    try:
        settings = tomllib.loads(value.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _Failure(f"can't read {value}: {error}") from error
    if unknown := [name for name in settings if name not in COMPARE_SETTINGS]:
        raise _Failure(f"unknown setting {unknown[0]!r} in {value}; there are {', '.join(COMPARE_SETTINGS)}")
    lists = {name: ",".join(map(str, part)) for name, part in settings.items() if isinstance(part, list)}
    context.default_map = {**(context.default_map or {}), **settings, **lists}


def _list_names(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Print the features, classifiers and sources of data, and exit."""
    if not value:
        return
    from imfeat import recipes
    from imfeat.compare.classifiers import CLASSIFIERS, GROUPS

    click.echo("features, with options as in hog(cell_size=16), and several side by side as in hog+color:")
    for name, title, expression in recipes.listing():
        click.echo(f"  {name:18}{title}\n{'':20}{expression}")
    classifiers = [(name, kind.title) for name, kind in CLASSIFIERS.items()]
    classifiers += [(name, " and ".join(members)) for name, members in GROUPS.items()]
    sources = [
        ("photos", "patches of ten pictures, no download"),
        ("cifar10", "CIFAR-10, downloaded once"),
    ]
    sources += [
        ("a folder", "of images, a folder per class, also in a tar or zip, or of CIFAR-10"),
        ("a Parquet file", "of images and labels, or a folder of them, as of Hugging Face"),
        ("an .npz file", "of arrays"),
    ]
    for title, rows in (("classifiers", classifiers), ("data", sources)):
        click.echo(f"{title}:")
        for name, description in rows:
            click.echo(f"  {name:18}{description}".rstrip())
    context.exit()


@main.command()
@click.option(
    "--data",
    default="photos",
    show_default=True,
    help="photos, cifar10, a folder, an archive, a Parquet file or an .npz file.",
)
@click.option(
    "--features",
    default=",".join(COMPARED),
    show_default=True,
    help=FEATURES_HELP,
)
@click.option(
    "--classifiers",
    default="linear,mlp",
    show_default=True,
    help="Which of softmax, svm, ridge, l2svm, mlp and mlp2, separated by commas; linear is the first three, "
    "mlps the last two.",
)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="How many seeds.")
@click.option("--size", type=click.IntRange(min=1), help="Side of the images of a folder, in pixels.")
@_decode_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results.  [default: runs/DATA-TIME]"
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Go on with the run in this folder; with --data, or begin it.",
)
@click.option(
    "--cache/--no-cache", default=True, help="Keep features on disk for other runs.  [default: cache]"
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_read_config,
    help="A TOML file with any of these settings; flags win.",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_names,
    help="Name the features, the classifiers and the sources of data, and exit.",
)
def compare(
    data: str,
    features: str,
    classifiers: str,
    seeds: int,
    size: int | None,
    decode: str,
    out: Path | None,
    resume: Path | None,
    cache: bool,
) -> None:
    """Train every classifier on every feature of a data set.

    Prints accuracies, times and what they come to in words, and writes them as results.json, results.md and
    report.html.  Each cell is kept in the same folder as soon as it is done, so that --resume can go on.
    """
    import imfeat.compare as experiment

    source = Path(data).resolve().name if Path(data).exists() else data
    folder = resume or out or Path("runs", f"{source}-{datetime.now():%Y%m%d-%H%M%S}")
    try:
        is_default = click.get_current_context().get_parameter_source("data") == ParameterSource.DEFAULT
        with compilations_shown():
            if resume is not None and is_default:
                result = experiment.resume(folder, cache=cache)
            else:
                names: dict[str, Any] = {"features": features, "classifiers": _names(classifiers)}
                how: dict[str, Any] = {"size": size, "decode": decode, "folder": folder, "cache": cache}
                result = experiment.run(data, **names, n_seeds=seeds, **how)
        # Printed before it is written, so that results survive a full disk.
        _print(result)
        result.write(folder)
    except KeyboardInterrupt:
        raise _Failure(f"interrupted; go on with: imfeat compare --resume {folder}") from None
    except (OSError, ValueError) as error:
        raise _Failure(str(error)) from error
    click.echo(f"Written to {folder}")


def _source_options(command: Any) -> Any:
    """Add the options of commands that read images from disk."""
    options = (
        click.option(
            "--size",
            default="64",
            show_default=True,
            callback=_as_size,
            metavar="PIXELS|original|max-N",
            help="Side in pixels; original: each image as it is; max-512: its longer side at most 512.",
        ),
        click.option("--fit", default="crop", show_default=True, type=click.Choice(["crop", "stretch"])),
        _decode_option,
        click.option(
            "--shard-size",
            default=100,
            show_default=True,
            type=click.IntRange(min=1),
            help="Images at a time.",
        ),
        click.option("--column", help="Of a Parquet file, with paths or bytes; of a field, image.bytes."),
        click.option(
            "--scheduler", default="local", show_default=True, help="local, or tcp://... of a Dask cluster."
        ),
        click.option(
            "--workers", "n_workers", type=click.IntRange(min=1), help="Processes.  [default: cores]"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@click.argument("source", required=False)
@click.option(
    "--features",
    default=",".join(EXTRACTED),
    show_default=True,
    help=f"{FEATURES_HELP}  Also files that imfeat codebook wrote.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--format", default="parquet", show_default=True, type=click.Choice(["parquet", "npy"]))
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the run in --out, or begin it; without SOURCE, with its settings.",
)
@_source_options
def extract(source: str | None, features: str, out: Path, resume: bool, **options: Any) -> None:
    """Compute features of the images in SOURCE, however many.

    SOURCE is a folder (with all folders below it), a glob, a list of paths (.txt), a Parquet file with paths
    or bytes, or a tar or zip of images.  An image that can't be read is a row with an error.
    """
    begin = time.monotonic()
    with _quick_imports():
        from imfeat import extract as files

    is_new = not (out / "plan.json").exists()
    with _told(f"interrupted; go on with: imfeat extract --out {out} --resume"):
        if resume and source is None:
            of_workers = {name: options[name] for name in ("scheduler", "n_workers")}
            result = files.resume(out, progress=True, **of_workers)
        elif source is None:
            raise ValueError(
                "SOURCE is missing: imfeat extract SOURCE --out FOLDER, or --out FOLDER --resume"
            )
        else:
            result = files.run(source, features, out, resume=resume, progress=True, **options)
    _tell(result, time.monotonic() - begin, is_new)


@main.command("codebook")
@click.argument("source")
@click.option(
    "--feature",
    default="words",
    show_default=True,
    help=f"One of {', '.join(LEARNED)}, with options as in words(n_words=100).",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Model file, .safetensors.")
@click.option(
    "--quantize", metavar="FEATURE", help="SOURCE is a folder of imfeat extract: compress this feature."
)
@click.option("--per-image", default=50, show_default=True, type=click.IntRange(min=1), help="Descriptors.")
@click.option("--seed", default=0, show_default=True, type=int)
@_source_options
def codebook_command(source: str, quantize: str | None, **options: Any) -> None:
    """Learn the words or the mixture of a feature from the images in SOURCE, or a product quantizer.

    Writes a file that imfeat encode and imfeat extract take.  Called again after an interruption, it goes on.
    """
    with _quick_imports():
        from imfeat.extract import codebook, learn_quantizer, save_model

    with _told("interrupted; go on with the same command"):
        if quantize is None:
            codebook(source, progress=True, **options)
        else:
            of_workers = {name: options[name] for name in ("seed", "scheduler", "n_workers")}
            save_model(options["out"], learn_quantizer(source, quantize, **of_workers))
    click.echo(f"Written to {options['out']}")


@main.command()
@click.argument("source")
@click.argument("model", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--format", default="parquet", show_default=True, type=click.Choice(["parquet", "npy"]))
@_source_options
def encode(source: str, model: str, out: Path, **options: Any) -> None:
    """Describe the images in SOURCE by what imfeat codebook learned, in the file MODEL."""
    begin = time.monotonic()
    with _quick_imports():
        from imfeat.extract import run

    with _told(f"interrupted; go on with: imfeat extract --out {out} --resume"):
        result = run(source, [model], out, progress=True, **options)
    _tell(result, time.monotonic() - begin, True)


@contextmanager
def _quick_imports() -> Iterator[None]:
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
def _told(interrupted: str) -> Iterator[None]:
    """Turn what users and machines get wrong into one line, and tell what is compiled."""
    try:
        with compilations_shown():
            yield
    except KeyboardInterrupt:
        raise _Failure(interrupted) from None
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise _Failure(str(error)) from error
    except KeyError as error:
        raise _Failure(error.args[0]) from error


def _tell(features: "Features", seconds: float, is_new: bool) -> None:
    """Print what a run has computed, what it could not read and why, and how to open the results."""
    rate = f" in {seconds:,.1f} s: {len(features) / seconds:,.0f} images/s" if is_new else ""
    click.echo(f"{len(features):,} images, {features.n_errors:,} with errors{rate}")
    _print_errors(features.errors())
    if features.left_out:
        counts = ", ".join(f"{n:,} {reason}" for reason, n in features.left_out.items())
        click.echo(f"Files that are clearly no images were left out: {counts}.  left_out.jsonl names them.")
    columns = ", ".join(
        f"{name} ({'by size' if n is None else f'{n:,} numbers'})" for name, n in features.names.items()
    )
    click.echo(f"Written to {features.folder / 'shards'}: {columns}")
    click.echo(
        f"Open them in Python: import imfeat; features = imfeat.extract.open({str(features.folder)!r})"
    )


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


@main.command()
@click.option("--warm", is_flag=True, help="Also compile every kernel, so that no first call waits.")
def info(warm: bool) -> None:
    """Print versions, threads, and whether CUDA is usable."""
    from imfeat._environment import COMPARE_PACKAGES, versions
    from imfeat.compare import environment

    facts = versions(COMPARE_PACKAGES) | environment.machine() | {"CUDA": environment.cuda_status()}
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:{width}}  {value}")
    if warm:
        _compile_all()


def _compile_all() -> None:
    """Compile every kernel, and print the seconds of each."""
    from rich.progress import Progress

    from imfeat import warm

    seconds: dict[str, float] = {}
    with Progress(console=console(), transient=True, disable=not console().is_terminal) as progress:
        task = progress.add_task("Compiling kernels")
        for n_done, n_groups, of_kernels in warm.compile_all():
            progress.update(task, completed=n_done, total=n_groups)
            for name, n in of_kernels.items():
                seconds[name] = seconds.get(name, 0) + n
    for name in sorted(seconds, key=lambda name: -seconds[name]):
        click.echo(f"{seconds[name]:7.1f} s  {name}")
    click.echo("Every kernel is compiled and cached.")


@main.command()
@click.option("--pixels", default=1 << 24, show_default=True, type=click.IntRange(min=1), help="How many.")
def selfcheck(pixels: int) -> None:
    """Compare every CUDA kernel with the CPU, and time it.

    Prints one report, which is worth sending to the authors: they have no GPU.
    """
    from imfeat import CudaUnavailableError
    from imfeat import selfcheck as checks

    rows = []
    try:
        for line in checks.headings():
            click.echo(line)
        for row in checks.check(checks.noise(pixels)):
            rows.append(row)
            click.echo(row)
        for line in checks.peers(checks.noise(pixels)):
            click.echo(line)
    except CudaUnavailableError as error:
        raise _Failure(str(error)) from error
    if n_wrong := sum(row.off > row.tolerance for row in rows):
        raise _Failure(f"{n_wrong} of {len(rows)} calls gave something else than the CPU")
    click.echo(f"All {len(rows)} calls gave what the CPU gives.")


def _print(result: "Result") -> None:
    from rich.console import Console

    from imfeat.compare import report

    console = Console()
    console.print(report.as_table(result))
    for line in (*result.answer, *report.skipped_lines(result)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]

"""`imfeat compare`."""

import textwrap
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from imfeat._progress import compilations_shown, lines_shown
from imfeat.cli.shared import FEATURES_HELP, Failure, decode_option, examples, features_device_option
from imfeat.recipes import COMPARED

if TYPE_CHECKING:
    from imfeat.compare import Result

INDENT = 26 * " "
COMPARE_SETTINGS = (
    *("data", "features", "classifiers", "seeds", "size", "decode", "train_sizes", "shifts", "folds", "keep"),
    *("device", "out", "cache"),
)


def _read_config(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Take the settings of a file for defaults, so that flags win."""
    if value is None:
        return
    import tomllib

    try:
        settings = tomllib.loads(value.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Failure(f"can't read {value}: {error}") from error
    if unknown := [name for name in settings if name not in COMPARE_SETTINGS]:
        raise Failure(f"unknown setting {unknown[0]!r} in {value}; there are {', '.join(COMPARE_SETTINGS)}")
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
    click.echo("fusions of the scores of classifiers on any features, as in fusion(hog+color, patches-800)")
    click.echo("classifiers, with options as in mlp(hidden=(256, 128)):")
    for name, classifier in CLASSIFIERS.items():
        options = textwrap.fill(
            ", ".join(classifier.option_names()), 100, initial_indent=INDENT, subsequent_indent=INDENT
        )
        click.echo(f"  {name:24}{classifier.title}\n{options}")
    for name, members in GROUPS.items():
        click.echo(f"  {name:24}{', '.join(members)}")
    sources = [
        ("photos", "patches of ten pictures of scikit-image, without a download"),
        ("cifar10", "CIFAR-10, downloaded once"),
    ]
    sources += [
        ("a folder", "of images, a folder per class, also in a tar or zip, or of CIFAR-10"),
        ("a Parquet file", "of images and labels, or a folder of them, as of Hugging Face"),
        ("an .npz file", "of arrays"),
    ]
    click.echo("data:")
    for name, description in sources:
        click.echo(f"  {name:18}{description}".rstrip())
    context.exit()


@click.command(
    "compare",
    epilog=examples(
        "compare",
        "compare --data photos --out runs/photos",
        "compare --data photos --features 'hog(cell_size=4)+color, patches-800' --classifiers ridge,mlp",
        "compare --train-sizes 50,200,1000 --shifts",
        "compare --resume runs/photos",
        "compare --list",
    ),
)
@click.option(
    "--data",
    default="photos",
    show_default=True,
    help="Labelled images: photos, cifar10, a folder, an archive, a Parquet file or an .npz file.",
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
    help="Classifiers, separated by commas: softmax, svm, ridge, l2svm, mlp, mlp2, kernel-ridge, knn, logreg "
    "and hist-gradient-boosting; linear is the first three, mlps are both MLPs.  With options, as in "
    "mlp(hidden=(256, 128)); --list names them.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Number of seeds.  [default: 3, or 1 with folds]")
@click.option(
    "--size",
    type=click.IntRange(min=1),
    help="Side of the scaled images of a folder, in pixels.  [default: 32, 64, 96 or 128, by the images]",
)
@decode_option
@click.option(
    "--train-sizes",
    default="",
    metavar="N,N,...",
    help="Also train with these numbers of training images, as 50,200,1000.",
)
@click.option(
    "--shifts", is_flag=True, help="Also test with other light, noise, blur, rotation, occlusion and more."
)
@click.option(
    "--folds",
    type=click.IntRange(min=0),
    help="Number of folds of a cross-validation; 0 for one split.  [default: 5 for a folder of fewer than "
    "500 images without test/, else 0]",
)
@click.option(
    "--keep",
    default="best",
    show_default=True,
    type=click.Choice(["best", "all"]),
    help="Models to keep: that of the row that is best on the validation images, or of all rows.",
)
@features_device_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the results.  [default: runs/DATA-TIME]"
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Resume the run in this folder; with --data, start it if there is none.",
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
    help="A TOML file with any of these settings; options on the command line take precedence.",
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_names,
    help="List features, classifiers and sources of data, and exit.",
)
def compare_command(
    data: str,
    features: str,
    classifiers: str,
    seeds: int | None,
    size: int | None,
    decode: str,
    train_sizes: str,
    shifts: bool,
    folds: int | None,
    keep: str,
    device: str,
    out: Path | None,
    resume: Path | None,
    cache: bool,
) -> None:
    """Train every classifier on every feature of a data set.

    Prints accuracies, times and an answer in words, and writes them as results.json, results.md and
    report.html.  Each cell is written to the same folder when it is done, so that --resume can continue.
    """
    import imfeat.compare as experiment
    from imfeat import CudaUnavailableError

    source = Path(data).resolve().name if Path(data).exists() else data
    folder = resume or out or Path("runs", f"{source}-{datetime.now():%Y%m%d-%H%M%S}")
    try:
        is_default = click.get_current_context().get_parameter_source("data") == ParameterSource.DEFAULT
        with compilations_shown(), lines_shown():
            if resume is not None and is_default:
                result = experiment.resume(folder, cache=cache)
            else:
                names: dict[str, Any] = {"features": features, "classifiers": classifiers}
                how: dict[str, Any] = {"size": size, "decode": decode, "folder": folder, "cache": cache}
                how |= {"train_sizes": _sizes(train_sizes), "shifts": shifts, "folds": folds, "keep": keep}
                how |= {"device": device}
                result = experiment.run(data, **names, n_seeds=seeds, **how)
        # Printed before it is written, so that results survive a full disk.
        _print(result)
        result.write(folder)
    except KeyboardInterrupt:
        raise Failure(f"interrupted; continue with: imfeat compare --resume {folder}") from None
    except (OSError, ValueError, CudaUnavailableError) as error:
        raise Failure(str(error)) from error
    click.echo(f"Written to {folder}")
    if (model := folder / "model.safetensors").exists():
        click.echo(f"Classify other images with: imfeat predict {model} IMAGES --out FILE.csv")


def _print(result: "Result") -> None:
    from rich.console import Console

    from imfeat.compare import report

    console = Console()
    console.print(report.as_table(result))
    for line in (*result.answer, *report.warning_lines(result), *report.skipped_lines(result)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _sizes(text: str) -> list[int | str]:
    """Return numbers of training images, and "all"."""
    try:
        return [name if name == "all" else int(name) for name in _names(text)]
    except ValueError:
        problem = f"{text!r} is no list of numbers, as 50,200,all"
        raise click.BadParameter(problem, param_hint="--train-sizes") from None

"""`imfeat train` and `predict`."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imfeat._progress import console, has_terminal
from imfeat.cli.shared import (
    decode_option,
    examples,
    extract_device_option,
    features_device_option,
    fit_option,
    print_counts,
    quick_imports,
    run_options,
    told,
)
from imfeat.recipes import RECIPES

if TYPE_CHECKING:
    from imfeat.extract import Predictions

SHOWN_CLASSES = 10


@click.command(
    "train",
    epilog=examples(
        "train photos --feature hog+color --classifier softmax --out model.safetensors",
        "train photos --feature words --classifier 'mlp(hidden=(256,))' --size 64 --out model.safetensors",
    ),
)
@click.argument("source")
@click.option(
    "--feature", required=True, help=f"One of {', '.join(RECIPES)}, or a sum of them, as hog+color."
)
@click.option(
    "--classifier",
    default="softmax",
    show_default=True,
    help="A classifier of imfeat compare --list, with options as in mlp(hidden=(256, 128)).",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Model file, .safetensors.")
@click.option("--size", type=click.IntRange(min=1), help="Side of the images of a folder, in pixels.")
@fit_option
@decode_option
@click.option(
    "--strength", type=float, help="Strength of the regularization.  [default: chosen on validation images]"
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of random numbers."
)
@features_device_option
def train_command(out: Path, **options: Any) -> None:
    """Train one classifier on one feature of the labelled images in SOURCE, and write it to a file.

    SOURCE is what imfeat compare takes for --data.  Accuracy is measured on the test images of SOURCE, or on
    a fifth of each class, which is not used for training.
    """
    begin = time.monotonic()
    with quick_imports():
        import imfeat
    status = console().status("") if has_terminal() else None
    with told("interrupted"), status or contextlib.nullcontext():
        announce = (lambda step: None) if status is None else status.update
        model = imfeat.train(**options, out=out, announce=announce)
    about = model.about or {}
    click.echo(f"{model!r}")
    click.echo(
        f"Trained on {about['n_train']:,} images with strength {about['strength']:g} in "
        f"{time.monotonic() - begin:,.1f} s; calibration error {about['calibration_error']:.1%}"
    )
    if about["n_skipped"]:
        click.echo(f"{about['n_skipped']:,} files could not be read, and were skipped")
    click.echo(f"Written to {out}; use it: imfeat predict {out} SOURCE --out FILE")


@click.command(
    "predict",
    epilog=examples(
        "predict model.safetensors photos --out classes.csv",
        "predict runs/photos/model.safetensors 'new/*.jpg' --out classes.parquet",
    ),
)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("source")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Table to write, .csv or .parquet."
)
@extract_device_option
@run_options
def predict_command(model: Path, source: str, out: Path, **options: Any) -> None:
    """Predict the classes of any number of images in SOURCE by a MODEL of imfeat compare or train.

    SOURCE is what imfeat extract takes.  The table has a row for each image: its path, class and
    probability, the next two classes, and an error if it can't be read.  After an interruption the same
    command continues.
    """
    begin = time.monotonic()
    with quick_imports():
        from imfeat.extract import predict
    is_new = not Path(f"{out}.parts").exists()
    with told("interrupted; continue with the same command"):
        predictions = predict(model, source, out, progress=True, **options)
    print_counts(predictions, time.monotonic() - begin, is_new, of_table=True)
    _print_classes(predictions)
    library = "read_parquet" if out.suffix == ".parquet" else "read_csv"
    click.echo(f"Written to {out}")
    click.echo(f"Open it in Python: import pandas; predictions = pandas.{library}({str(out)!r})")


def _print_classes(predictions: "Predictions") -> None:
    """Print the shares of the most frequent classes."""
    n = sum(predictions.counts.values())
    shares = [f"{name} {count / n:.1%}" for name, count in predictions.counts.items()]
    if not shares:
        return
    others = f" and {len(shares) - SHOWN_CLASSES:,} more" if len(shares) > SHOWN_CLASSES else ""
    click.echo(f"Classes: {', '.join(shares[:SHOWN_CLASSES])}{others}")

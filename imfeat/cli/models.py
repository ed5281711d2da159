"""`imfeat predict`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imfeat.cli.shared import print_counts, quick_imports, run_options, told

if TYPE_CHECKING:
    from imfeat.extract import Predictions

SHOWN_CLASSES = 10


@click.command("predict")
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("source")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Table to write, .csv or .parquet."
)
@run_options
def predict_command(model: Path, source: str, out: Path, **options: Any) -> None:
    """Predict the classes of the images in SOURCE, however many, by a MODEL of imfeat compare or train.

    SOURCE is what imfeat extract takes.  The table has a row for each image: its path, class and
    probability, the next two classes, and, if it can't be read, the error.  Called again after an
    interruption, it goes on.
    """
    begin = time.monotonic()
    with quick_imports():
        from imfeat.extract import predict
    is_new = not Path(f"{out}.parts").exists()
    with told("interrupted; go on with the same command"):
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

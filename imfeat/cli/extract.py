"""`imfeat extract`, `codebook` and `encode`."""

import time
from pathlib import Path
from typing import Any

import click

from imfeat.cli.shared import (
    FEATURES_HELP,
    examples,
    extract_device_option,
    quick_imports,
    source_options,
    tell,
    told,
)
from imfeat.recipes import EXTRACTED, LEARNED


@click.command(
    "extract",
    epilog=examples(
        "extract photos --out features",
        "extract photos --features 'hog(cell_size=16), color' --size 128 --out features",
        "extract photos.tar --features lbp --size max-512 --decode fast --out features",
        "extract --out features --resume",
    ),
)
@click.argument("source", required=False)
@click.option(
    "--features",
    default=",".join(EXTRACTED),
    show_default=True,
    help=f"{FEATURES_HELP}  Files that imfeat codebook wrote are features, too.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--format", default="parquet", show_default=True, type=click.Choice(["parquet", "npy"]))
@click.option(
    "--resume",
    is_flag=True,
    help="Resume the run in --out, or start it; without SOURCE, with the settings of the run.",
)
@extract_device_option
@source_options
def extract_command(source: str | None, features: str, out: Path, resume: bool, **options: Any) -> None:
    """Compute features of any number of images in SOURCE.

    SOURCE is a folder (with its subfolders), a glob, a list of paths (.txt), a Parquet file with paths
    or bytes, or a tar or zip of images.  An image that can't be read is a row with an error.
    """
    begin = time.monotonic()
    with quick_imports():
        from imfeat import extract as files

    is_new = not (out / "plan.json").exists()
    with told(f"interrupted; continue with: imfeat extract --out {out} --resume"):
        if resume and source is None:
            of_workers = {name: options[name] for name in ("scheduler", "n_workers")}
            result = files.resume(out, progress=True, **of_workers)
        elif source is None:
            raise ValueError(
                "SOURCE is missing: imfeat extract SOURCE --out FOLDER, or --out FOLDER --resume"
            )
        else:
            result = files.run(source, features, out, resume=resume, progress=True, **options)
    tell(result, time.monotonic() - begin, is_new)


@click.command(
    "codebook",
    epilog=examples(
        "codebook photos --feature 'words(n_words=200)' --size 128 --out words.safetensors",
        "codebook photos --feature fisher-sift --size max-512 --out fisher.safetensors",
        "codebook features --quantize hog --out quantizer.safetensors",
    ),
)
@click.argument("source")
@click.option(
    "--feature",
    default="words",
    show_default=True,
    help=f"One of {', '.join(LEARNED)}, with options as in words(n_words=100).",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Model file, .safetensors.")
@click.option(
    "--quantize",
    metavar="FEATURE",
    help="Learn a product quantizer of this feature; SOURCE is a folder of imfeat extract.",
)
@click.option(
    "--per-image",
    default=50,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of descriptors of each image.",
)
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of random numbers.")
@extract_device_option
@source_options
def codebook_command(source: str, quantize: str | None, **options: Any) -> None:
    """Learn the words, mixture or palette of a feature from the images in SOURCE, or a product quantizer.

    Writes a file for imfeat encode and imfeat extract.  After an interruption the same command continues.
    """
    with quick_imports():
        from imfeat.extract import codebook, learn_quantizer, save_model

    with told("interrupted; continue with the same command"):
        if quantize is None:
            codebook(source, progress=True, **options)
        elif options["device"] != "cpu":
            raise ValueError("--quantize learns on the CPU: leave --device out")
        else:
            of_workers = {name: options[name] for name in ("seed", "scheduler", "n_workers")}
            save_model(options["out"], learn_quantizer(source, quantize, **of_workers))
    click.echo(f"Written to {options['out']}")


@click.command("encode", epilog=examples("encode photos words.safetensors --size 128 --out words"))
@click.argument("source")
@click.argument("model", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--format", default="parquet", show_default=True, type=click.Choice(["parquet", "npy"]))
@extract_device_option
@source_options
def encode_command(source: str, model: str, out: Path, **options: Any) -> None:
    """Compute the feature that imfeat codebook learned, in the file MODEL, of the images in SOURCE."""
    begin = time.monotonic()
    with quick_imports():
        from imfeat.extract import run

    with told(f"interrupted; continue with: imfeat extract --out {out} --resume"):
        result = run(source, [model], out, progress=True, **options)
    tell(result, time.monotonic() - begin, True)

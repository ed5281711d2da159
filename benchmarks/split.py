"""Split a folder of classes, as that of Caltech-101, at random: ``python -m benchmarks.split FOLDER OUT``."""

import random
import shutil
from pathlib import Path

import click

BACKGROUND = "BACKGROUND_Google"  # no class of objects


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--train", default=30, show_default=True, help="Images of each class for training.")
@click.option("--test", default=50, show_default=True, help="Images of each class for testing, at most.")
@click.option("--seed", default=0, show_default=True)
def main(folder, out, train, test, seed):
    """Copy images of each class in FOLDER to OUT/train and OUT/test."""
    rng = random.Random(seed)
    for source in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != BACKGROUND):
        files = sorted(source.iterdir())
        rng.shuffle(files)
        for part, chosen in (("train", files[:train]), ("test", files[train : train + test])):
            target = out / part / source.name
            target.mkdir(parents=True, exist_ok=True)
            for file in chosen:
                shutil.copy(file, target / file.name)


if __name__ == "__main__":
    main()

"""What each ingredient of patch features adds: ``python -m benchmarks.ablation --data FOLDER``.

Ridge regression on the first 10,000 training images of CIFAR-10 (``FOLDER`` is its binary version), and the
accuracy on the last 5,000 training images, from which nothing is learned or chosen: the strength is chosen
on the last tenth of the images that it learns from.  The test images are not used.  A row adds one
ingredient to the row above.
"""

import datetime
import json
import resource
import time
from pathlib import Path

import click
import numpy as np
from sklearn.preprocessing import StandardScaler

import imfeat
from benchmarks.__main__ import RESULTS
from benchmarks.report import machine
from imfeat import recipes
from imfeat.learn import KernelRidgeClassifier, RidgeClassifier

PLAIN = "n_words=400, mirror=False, sqrt=False, overlap=0.0"
BOTH = "patches-800+two-layer-800"
STEPS = {
    "400 words, nearest word": "words(whiten=False, grid=(3, 3), stride=1, norm='l1')",
    "whitened patches": "words(grid=(3, 3), stride=1, norm='l1')",
    "triangle encoding": f"patches({PLAIN}, encoding='triangle')",
    "threshold encoding, two polarities": f"patches({PLAIN})",
    "square roots": "patches(n_words=400, mirror=False, overlap=0.0)",
    "mean with the mirror image": "patches(n_words=400, overlap=0.0)",
    "overlapping regions": "patches(n_words=400)",
    "800 words": "patches-800",
    "800 words of a second layer beside": BOTH,
    "400 words of 8 x 8 patches beside": f"{BOTH}+patches-400-8x8",
    "HoG beside": f"{BOTH}+patches-400-8x8+mirrored-uoctti",
    "colour beside": f"{BOTH}+patches-400-8x8+mirrored-uoctti+tuned-color",
}
KERNEL = "Gaussian kernel"
GAMMAS, STRENGTHS = (0.125, 0.25, 0.5), (0.003, 0.01, 0.03)
N_TRAIN, N_HELD_OUT, SEED = 10_000, 5_000, 0


def describe(name, train, held_out, seed):
    """Return the standardized features of both parts, and the seconds that they took."""
    start = time.perf_counter()
    transformer = recipes.parse(name).transformer(train.images.shape[1:3], seed)
    parts = [transformer.fit_transform(train.images, train.labels), transformer.transform(held_out.images)]
    scaler = StandardScaler(copy=False).fit(parts[0])
    return [scaler.transform(part) for part in parts], time.perf_counter() - start


def kernel_accuracy(parts, train, held_out):
    """Return the accuracy of kernel ridge, with width and strength chosen on a tenth of the images."""
    n = len(train.labels) - len(train.labels) // 10
    tried = {
        (gamma, strength): KernelRidgeClassifier(gamma, strength=strength)
        .fit(parts[0][:n], train.labels[:n])
        .score(parts[0][n:], train.labels[n:])
        for gamma in GAMMAS
        for strength in STRENGTHS
    }
    gamma, strength = max(tried, key=tried.get)
    model = KernelRidgeClassifier(gamma, strength=strength).fit(parts[0], train.labels)
    return model.score(parts[1], held_out.labels)


def measure(train, held_out, seed):
    """Yield a row a step."""
    described = {}
    for title, expression in STEPS.items():
        names = expression.split("+")
        for name in names:
            if name not in described:
                described[name] = describe(name, train, held_out, seed)
        parts = [np.hstack([described[name][0][k] for name in names]) for k in range(2)]
        seconds = sum(described[name][1] for name in names)
        described = {name: described[name] for name in names}  # later steps keep or replace these
        start = time.perf_counter()
        accuracy = RidgeClassifier().fit(parts[0], train.labels).score(parts[1], held_out.labels)
        yield row_of(title, expression, parts, accuracy, seconds, time.perf_counter() - start)
    start = time.perf_counter()
    accuracy = kernel_accuracy(parts, train, held_out)
    yield row_of(KERNEL, expression, parts, accuracy, seconds, time.perf_counter() - start)


def row_of(title, expression, parts, accuracy, feature_seconds, train_seconds):
    return {
        "step": title,
        "features": expression,
        "length": parts[0].shape[1],
        "accuracy": accuracy,
        "feature_seconds": feature_seconds,
        "train_seconds": train_seconds,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def page(found):
    """Return the table as Markdown."""
    about = found["about"]
    facts = f"{about['processor']}, imfeat {about['imfeat']}, seed {about['seed']}, {about['date']}"
    lines = [
        "# What each ingredient adds",
        f"\n`{about['command']}`; {facts}.",
        f"\nRidge regression on {about['n_train']:,} training images of CIFAR-10, accuracy on",
        f"{about['n_held_out']:,} other ones (standard error about 0.6 points). Seconds are those of the",
        "features of all these images, and of training.\n",
        "| ingredient | accuracy | added, points | numbers | features s | training s | peak GB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    before = None
    for row in found["rows"]:
        added = "" if before is None else f"{100 * (row['accuracy'] - before):+.1f}"
        before = row["accuracy"]
        seconds = f"{row['feature_seconds']:.0f} | {row['train_seconds']:.0f}"
        cells = f"{before:.3f} | {added} | {row['length']:,} | {seconds} | {row['peak_gb']:.1f}"
        lines.append(f"| {row['step']} | {cells} |")
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True), help="CIFAR-10, its binary version.")
@click.option("--images", default=N_TRAIN, show_default=True, help="Number of training images.")
@click.option("--seed", default=SEED, show_default=True)
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(data, images, seed, out):
    """Measure what each ingredient adds, and write ablation.json and ablation.md."""
    every = imfeat.datasets.load(data).train
    train = every.at(np.arange(images))
    held_out = every.at(np.arange(len(every) - N_HELD_OUT, len(every)))
    rows = []
    for row in measure(train, held_out, seed):
        rows.append(row)
        seconds = f"{row['feature_seconds']:6.0f} s  {row['train_seconds']:5.0f} s"
        click.echo(f"{row['accuracy']:.3f}  {seconds}  {row['step']}")
    options = f" --images {images} --seed {seed}" if (images, seed) != (N_TRAIN, SEED) else ""
    about = {
        "command": f"python -m benchmarks.ablation --data FOLDER{options}",
        "processor": machine(),
        "imfeat": imfeat.__version__,
        "seed": seed,
        "date": f"{datetime.date.today()}",
        "n_train": images,
        "n_held_out": N_HELD_OUT,
    }
    found = {"about": about, "rows": rows}
    (out / "ablation.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "ablation.md").write_text(page(found))


if __name__ == "__main__":
    main()

"""What the winner of the ImageNet challenge of 2011 costs, and what its compression costs.

``python -m benchmarks.winner --data FOLDER`` takes a folder of images, one folder a class.  The
pipeline: dense SIFT and colour at four scales, PCA to 64 dimensions, Fisher vectors of the whole
image and of three stripes, product quantization, a linear SVM by SGD, and the sum of the scores.
"""

import json
import time
from pathlib import Path

import click
import numpy as np

import imfeat
from benchmarks import report
from benchmarks.__main__ import RESULTS
from imfeat.learn import LinearSVM
from imfeat.recipes import parse

CHANNELS = ("sift", "color")
STRENGTH = 0.1  # of the SVM, for vectors of length 2; it hardly matters


@click.command()
@click.option("--data", required=True, help="A folder of images, one folder a class.")
@click.option("--size", default=224, show_default=True, help="Side of the images, in pixels.")
@click.option("--components", default="64,256", show_default=True, help="To train and test with.")
@click.option("--full", default=1024, show_default=True, help="Components at full size.")
@click.option("--images", "n_images", default=300, show_default=True, help="Images at full size.")
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(data, size, components, full, n_images, out):
    """Measure the pipeline at full size on some images, and what compression costs in accuracy."""
    train, test = imfeat.datasets.load(data, size=size)
    about = report.environment({}, {"imfeat": imfeat_version()}, {})
    about["command"] = f"python -m benchmarks.winner --size {size} --components {components} --full {full}"
    about |= {"images": n_images, "n_train": len(train), "n_test": len(test)}
    rows = [full_size(channel, full, train.images[:n_images]) for channel in CHANNELS]
    accuracies = []
    for k in map(int, components.split(",")):
        accuracies += accuracy_rows(k, train, test)
    found = {"about": about, "full_size": rows, "accuracies": accuracies}
    text = page(found)
    out.mkdir(parents=True, exist_ok=True)
    Path(out, "winner.json").write_text(json.dumps(found, indent=1) + "\n")
    Path(out, "winner.md").write_text(text)
    click.echo(text)


def imfeat_version():
    class Entry:
        version = imfeat.__version__

    return Entry


def timed(call):
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def full_size(channel, n_components, images):
    """Return what one channel costs at full size: seconds, numbers and bytes an image."""
    transformer = parse(f"fisher-{channel}-{n_components}").transformer(images.shape[1:3])
    _, fit = timed(lambda: transformer.fit(images))
    _, describe = timed(lambda: [transformer.local_.transform(part) for part in transformer._batches(images)])
    features, encode = timed(lambda: transformer.transform(images))
    quantizer, learn = timed(lambda: imfeat.ProductQuantizer(n_parts=4, rng=0).fit(features))
    codes, compress = timed(lambda: quantizer.encode(features))
    decoded, decompress = timed(lambda: quantizer.decode(codes[:32]))
    return {
        "channel": channel,
        "components": n_components,
        "descriptors": len(transformer.local_.positions_),
        "numbers": features.shape[1],
        "bytes": codes.shape[1],
        "ratio": features.nbytes / codes.nbytes,
        "seconds_fit": fit,
        "seconds_learn_quantizer": learn,
        "seconds_describe": describe / len(images),
        "seconds_encode": (encode - describe) / len(images),
        "seconds_compress": compress / len(images),
        "seconds_decompress": decompress / len(decoded),
    }


def accuracy_rows(n_components, train, test):
    """Return the accuracy of each channel and of both, from features and from codes."""
    scores, rows = {"features": [], "codes": []}, []
    for channel in CHANNELS:
        transformer = parse(f"fisher-{channel}-{n_components}").transformer(train.images.shape[1:3])
        known, new = transformer.fit(train.images).transform(train.images), transformer.transform(test.images)
        quantizer = imfeat.ProductQuantizer(n_parts=4, rng=0).fit(known)
        options = {"strength": STRENGTH, "random_state": 0}
        plain = LinearSVM(**options).fit(known, train.labels)
        coded = LinearSVM(quantizer, **options).fit(quantizer.encode(known), train.labels)
        scores["features"].append(plain.decision_function(new))
        scores["codes"].append(coded.decision_function(quantizer.encode(new)))
    for name, pick in (*zip(CHANNELS, ([0], [1]), strict=True), ("both", [0, 1])):
        found = {kind: np.sum([parts[i] for i in pick], 0).argmax(1) for kind, parts in scores.items()}
        accuracies = {kind: float((part == test.labels).mean()) for kind, part in found.items()}
        rows.append({"components": n_components, "channel": name} | accuracies)
    return rows


def page(found):
    about = found["about"]
    lines = [
        f"# The pipeline of 2011 on {about['n_train']} + {about['n_test']} images",
        f"`{about['command']}`; {about['machine']}, imfeat {about['versions']['imfeat']}, {about['date']}.",
        "## What an image costs at full size\n",
        "| channel | components | descriptors | numbers | bytes | ratio | describe ms | encode ms | "
        "compress ms | decompress ms |",
        "| --- |" + " ---: |" * 9,
    ]
    for row in found["full_size"]:
        ms = [
            f"{1e3 * row[f'seconds_{name}']:.1f}" for name in ("describe", "encode", "compress", "decompress")
        ]
        counts = [f"{row[name]:,}" for name in ("components", "descriptors", "numbers", "bytes")]
        lines.append("| " + " | ".join([row["channel"], *counts, f"{row['ratio']:.0f}", *ms]) + " |")
    lines += ["\n## What compression costs\n", "| components | channel | features | codes | cost |"]
    lines.append("| ---: | --- |" + " ---: |" * 3)
    for row in found["accuracies"]:
        cost = f"{100 * (row['features'] - row['codes']):+.1f} points"
        numbers = f"{row['features']:.3f} | {row['codes']:.3f} | {cost}"
        lines.append(f"| {row['components']} | {row['channel']} | {numbers} |")
    return "\n".join(lines[:2]) + "\n\n" + "\n".join(lines[2:]) + "\n"


if __name__ == "__main__":
    main()

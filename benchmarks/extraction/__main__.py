"""Images on disk to features on disk: whole commands, side by side, and the memory that many images take.

``python -m benchmarks.extraction --data FOLDER`` takes a folder of JPEGs.  Each contestant is a process of
its own that uses two cores, from its start to its end: `imfeat extract`, scikit-image in joblib, and Pillow
that decodes and scales and does nothing else.
"""

import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import psutil

import imfeat
from benchmarks import report
from benchmarks.__main__ import RESULTS
from imfeat._sums import MixtureSums, Moments, WordSums

SIZE, FEATURES, N_PROCESSES = 224, "dalal-triggs,tuned-color", 2
EVERY = 0.05  # seconds between two looks at memory

DECODE = """
import sys, glob, numpy as np
from multiprocessing import Pool
from PIL import Image, ImageOps

def decode(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (SIZE, SIZE), Image.Resampling.BILINEAR)).mean()

if __name__ == "__main__":
    paths = sorted(glob.glob(sys.argv[1] + "/**/*.jpg", recursive=True))
    with Pool(N_PROCESSES) as pool:
        assert len(pool.map(decode, paths, chunksize=32)) == len(paths)
"""

SCIKIT_IMAGE = """
import sys, glob, numpy as np
from joblib import Parallel, delayed
from skimage.color import rgb2hsv
from skimage.feature import hog
from skimage.io import imread
from skimage.transform import resize

def describe(path):
    image = imread(path)
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    image = resize(image[top : top + side, left : left + side], (SIZE, SIZE))
    gradients = hog(image, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=-1)
    hsv, parts = rgb2hsv(image), []
    for rows in np.split(hsv, 2):
        for part in np.split(rows, 2, axis=1):
            counts, _ = np.histogramdd(part.reshape(-1, 3), bins=(8, 4, 4), range=[(0, 1)] * 3)
            parts.append(np.sqrt(counts.ravel() / counts.sum()))
    return gradients.astype(np.float32), np.concatenate(parts).astype(np.float32)

if __name__ == "__main__":
    paths = sorted(glob.glob(sys.argv[1] + "/**/*.jpg", recursive=True))
    found = Parallel(n_jobs=N_PROCESSES)(delayed(describe)(path) for path in paths)
    for name, features in zip(("hog", "color"), zip(*found)):
        np.save(f"{sys.argv[2]}/{name}.npy", np.stack(features))
"""


def filled(code):
    return code.replace("SIZE", str(SIZE)).replace("N_PROCESSES", str(N_PROCESSES))


def commands(data, folder):
    """Return the command of each contestant, which writes to a folder."""
    extract = [sys.executable, "-c", "from imfeat.cli import main; main()", "extract", str(data), "--out"]
    extract += [
        str(folder / "run"),
        "--features",
        FEATURES,
        "--size",
        str(SIZE),
        "--workers",
        str(N_PROCESSES),
    ]
    return {
        "imfeat extract, Parquet": extract,
        "imfeat extract, npy": [*extract, "--format", "npy"],
        "decode and scale alone (Pillow)": [sys.executable, "-c", filled(DECODE), str(data)],
        "scikit-image in joblib": [sys.executable, "-c", filled(SCIKIT_IMAGE), str(data), str(folder)],
    }


def measured(command, folder):
    """Run a command; return its seconds, the most memory of it and its children, and the bytes it wrote."""
    begin, most = time.perf_counter(), 0
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None:
        most = max(most, memory_of(process))
        time.sleep(EVERY)
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise RuntimeError(process.stderr.read().decode())
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"seconds": seconds, "memory": most, "written": written}


def memory_of(process):
    """Return the memory of a process and its children; what they share counts once."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except psutil.Error:  # ended meanwhile
            continue
    return total


@click.command()
@click.option(
    "--data", required=True, type=click.Path(exists=True, path_type=Path), help="A folder of JPEGs."
)
@click.option("--repeats", default=3, show_default=True, help="Rounds, in each of which all take their turn.")
@click.option(
    "--images", "counts", default="10000,100000", show_default=True, help="For the table of memory."
)
@click.option("--out", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path))
def main(data, repeats, counts, out):
    """Time whole commands, and measure their memory."""
    paths = sorted(path.resolve() for path in data.rglob("*.jpg"))
    races = {}
    for _ in range(repeats + 1):  # the first round fills caches, and doesn't count
        for name in commands(data, Path()):
            with tempfile.TemporaryDirectory() as folder:
                found = measured(commands(data, Path(folder))[name], Path(folder))
            races.setdefault(name, []).append(found)
    rows = [summary(name, found[1:], len(paths)) for name, found in races.items()]
    memory = [many(paths, n) for n in map(int, counts.split(",")) if n]
    about = environment()
    about["command"] = "python -m benchmarks.extraction --data FOLDER"
    about |= {"images": len(paths), "size": SIZE, "features": FEATURES}
    about["bytes_an_image"] = sum(path.stat().st_size for path in paths) / len(paths)
    result = {"about": about, "races": rows, "memory": memory, "passes": passes()}
    out.mkdir(parents=True, exist_ok=True)
    Path(out, "extraction.json").write_text(json.dumps(result, indent=1) + "\n")
    Path(out, "extraction.md").write_text(page(result))
    click.echo(page(result))


def environment():
    class Entry:
        version = imfeat.__version__

    return report.environment({}, {"imfeat": Entry}, {})


def summary(name, found, n_images):
    """Return the medians of some runs."""
    middle = {key: statistics.median(run[key] for run in found) for key in found[0]}
    return {"name": name, "images_per_s": n_images / middle["seconds"], **middle}


def many(paths, n):
    """Return what a run over n images takes, most of them again and again."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "list.txt")
        source.write_text("".join(f"{paths[k % len(paths)]}\n" for k in range(n)))
        command = commands(source, Path(folder))["imfeat extract, npy"]
        command[command.index(FEATURES)] = "tuned-color"
        return {"images": n, **summary("", [measured(command, Path(folder))], n)}


PASSES = {
    "whitening or PCA, 108 dimensions": (108, lambda x: Moments.of(x)),
    "k-means, 4,000 words of 108": (108, lambda x: WordSums.of(x, words=x[:4000])),
    "mixture, 1,024 components of 64": (64, lambda x: MixtureSums.of(x, parameters=wide_mixture(x))),
}
N_VECTORS = 100_000
LARGE = {"ImageNet, 1.2 million": 1_200_000, "a billion": 1_000_000_000}


def wide_mixture(vectors):
    variances = np.ones((1024, vectors.shape[1]), np.float32)
    return np.full(1024, 1 / 1024, np.float32), vectors[:1024], variances


def passes():
    """Return what a pass over descriptors costs one core, and what it sends of each shard."""
    imfeat.set_num_threads(1)
    rows = []
    for name, (d, sums_of) in PASSES.items():
        vectors = np.random.default_rng(0).normal(size=(N_VECTORS, d)).astype(np.float32)
        sums_of(vectors[:5000])
        begin = time.perf_counter()
        found = sums_of(vectors)
        seconds = time.perf_counter() - begin
        rows.append({"name": name, "seconds": seconds * 1e6 / N_VECTORS, "sent": len(pickle.dumps(found))})
    return rows


def scale_lines(result, bytes_an_image):
    """Return what many images cost, computed from what was measured."""
    race = next(row for row in result["races"] if row["name"] == "imfeat extract, npy")
    written = race["written"] / result["about"]["images"]
    lines = ["", f"What more images of {bytes_an_image / 1e3:.0f} kB cost at this rate:", ""]
    lines += ["| images | hours of a core | TB read | TB written |", "| --- | ---: | ---: | ---: |"]
    for name, n in LARGE.items():
        hours = n / (race["images_per_s"] / N_PROCESSES) / 3600
        lines.append(
            f"| {name} | {hours:,.1f} | {n * bytes_an_image / 1e12:,.2f} | {n * written / 1e12:,.2f} |"
        )
    lines += ["", "A pass of a fit over descriptors, in one thread:", ""]
    lines += ["| pass | seconds a million descriptors | MB sent a shard |", "| --- | ---: | ---: |"]
    lines += [
        f"| {row['name']} | {row['seconds']:.2f} | {row['sent'] / 1e6:.2f} |" for row in result["passes"]
    ]
    return lines


def page(result):
    about = result["about"]
    lines = [
        f"# Images on disk to features on disk: {about['images']:,} JPEGs, {about['features']} of "
        f"{about['size']} x {about['size']} pixels",
        f"`{about['command']}`; {about['machine']}, imfeat {about['versions']['imfeat']}, "
        f"{about['date']}.  Medians of whole commands.",
        "",
        "| command | images/s | seconds | MB of memory | MB written |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row['name']} | {row['images_per_s']:.0f} | {row['seconds']:.2f} | {row['memory'] / 1e6:.0f} | "
        f"{row['written'] / 1e6:.0f} |"
        for row in result["races"]
    ]
    if result["memory"]:
        lines += ["", "Memory of a run with `--features tuned-color`, whatever the number of images:", ""]
        lines += ["| images | images/s | MB of memory | MB written |", "| ---: | ---: | ---: | ---: |"]
        lines += [
            f"| {row['images']:,} | {row['images_per_s']:.0f} | {row['memory'] / 1e6:.0f} | "
            f"{row['written'] / 1e6:.0f} |"
            for row in result["memory"]
        ]
    return "\n".join(lines + scale_lines(result, about["bytes_an_image"])) + "\n"


if __name__ == "__main__":
    main()

"""Images on disk to features on disk: whole commands, side by side, and the memory that many images take.

``python -m benchmarks.extraction --data FOLDER`` takes a folder of JPEGs.  Each contestant is a process of
its own that uses two cores, from its start to its end: `imfeat extract`, scikit-image in joblib, and Pillow
that decodes and scales and does nothing else.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil

import imfeat
from benchmarks import report
from benchmarks.__main__ import RESULTS

SIZE, FEATURES, N_PROCESSES = 224, "hog,color", 2
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
@click.option("--repeats", default=5, show_default=True, help="Rounds, in each of which all take their turn.")
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
    result = {"about": about, "races": rows, "memory": memory}
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
        command[command.index(FEATURES)] = "color"
        return {"images": n, **summary("", [measured(command, Path(folder))], n)}


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
        lines += ["", "Memory of a run with `--features color`, whatever the number of images:", ""]
        lines += ["| images | images/s | MB of memory | MB written |", "| ---: | ---: | ---: | ---: |"]
        lines += [
            f"| {row['images']:,} | {row['images_per_s']:.0f} | {row['memory'] / 1e6:.0f} | "
            f"{row['written'] / 1e6:.0f} |"
            for row in result["memory"]
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""Sources of the whole commands, made from a folder of JPEGs."""

import io
import itertools
import json
import os
import tarfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from PIL import Image, ImageOps

N_CLASSES = 17
N_PHOTOGRAPHS, PHOTOGRAPH = 64, (4000, 3000)  # width, height
N_SMALL, SMALL = 10_000, 256


def paths_of(data):
    return sorted(path.resolve() for path in data.rglob("*.jpg"))


def class_folders(paths, folder):
    """Link images into a folder a class, in the order of their names."""
    for k, path in enumerate(paths):
        parent = folder / f"class{k * N_CLASSES // len(paths):02}"
        parent.mkdir(parents=True, exist_ok=True)
        os.symlink(path, parent / path.name)
    return folder


def photographs(paths, folder):
    """Write images enlarged to 12 million pixels, with quality 90."""
    folder.mkdir()
    chosen = [paths[k * len(paths) // N_PHOTOGRAPHS] for k in range(N_PHOTOGRAPHS)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_enlarge, chosen, [folder / f"{k:03}.jpg" for k in range(N_PHOTOGRAPHS)]))
    return folder


def _enlarge(path, out):
    with Image.open(path) as image:
        ImageOps.fit(image.convert("RGB"), PHOTOGRAPH, Image.Resampling.BICUBIC).save(out, quality=90)


def shard_of_tar(paths, path):
    """Write a tar as img2dataset does: crops of 256 x 256 pixels with quality 95, each with its sidecars."""
    crops = -(-N_SMALL // len(paths))
    with ProcessPoolExecutor() as pool, tarfile.open(path, "w") as archive:
        contents = itertools.chain.from_iterable(pool.map(_crops, paths, [crops] * len(paths), chunksize=8))
        for k, content in enumerate(itertools.islice(contents, N_SMALL)):
            _add(archive, f"{k:09}.jpg", content)
            _add(archive, f"{k:09}.txt", b"a flower")
            _add(archive, f"{k:09}.json", json.dumps({"key": f"{k:09}", "status": "success"}).encode())
    return path


def _crops(path, n):
    """Return parts of an image as JPEGs."""
    rng = np.random.default_rng(int.from_bytes(path.name.encode()) % 2**32)
    contents = []
    with Image.open(path) as image:
        image = image.convert("RGB")
        for _ in range(n):
            side = int(rng.integers(SMALL, min(image.size) + 1)) if min(image.size) > SMALL else SMALL
            left, top = (int(rng.integers(0, max(1, length - side + 1))) for length in image.size)
            crop = image.crop((left, top, left + side, top + side)).resize((SMALL, SMALL))
            file = io.BytesIO()
            crop.save(file, "JPEG", quality=95)
            contents.append(file.getvalue())
    return contents


def _add(archive, name, content):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def repeated(paths, folder, n):
    """Write a list of n paths, of the same images again and again."""
    path = folder / f"list{n}.txt"
    path.write_text("".join(f"{paths[k % len(paths)]}\n" for k in range(n)))
    return path

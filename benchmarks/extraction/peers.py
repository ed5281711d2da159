"""Peers of whole commands: ``python -m benchmarks.extraction.peers NAME SOURCE SIZE OUT``.

Peers decode the JPEGs of a folder or a tar and scale them to a square, in as many processes as there are
cores to use.  All but scikit-image do nothing else; it computes HoG and colour histograms, too.
"""

import importlib.metadata
import importlib.util
import io
import multiprocessing
import os
import sys
import tarfile
from pathlib import Path

import numpy as np

CHUNKS = 8  # of a process, at least
CHUNK = 32  # files, at most


def pillow(size):
    from PIL import Image, ImageOps

    def scaled(content):
        with Image.open(io.BytesIO(content)) as image:
            image = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
            return np.asarray(image)

    return scaled


def simplejpeg(size):
    import simplejpeg

    import imfeat
    from imfeat.resize import fit_box, resize

    imfeat.set_num_threads(1)

    def scaled(content):
        pixels = simplejpeg.decode_jpeg(content, "RGB")
        return resize(pixels, size, box=fit_box(*pixels.shape[:2], (size, size)))

    resize(np.zeros((2, 2, 3), np.uint8), 1)  # loads the kernel for all processes
    return scaled


def opencv(size):
    import cv2

    cv2.setNumThreads(1)

    def scaled(content):
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        return cv2.resize(central_square(pixels), (size, size), interpolation=cv2.INTER_AREA)

    return scaled


def kornia_rs(size):
    from kornia_rs import imgproc
    from kornia_rs import io as files

    def scaled(content):
        pixels = np.asarray(files.decode_image_jpegturbo(content, "rgb"))
        return imgproc.resize(np.ascontiguousarray(central_square(pixels)), (size, size), "bilinear")

    return scaled


def torchvision(size):
    import torch
    from torchvision.io import decode_jpeg
    from torchvision.transforms.v2.functional import center_crop, resize

    torch.set_num_threads(1)

    def scaled(content):
        pixels = decode_jpeg(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        return center_crop(resize(pixels, [size], antialias=True), [size, size]).numpy()

    return scaled


def central_square(pixels):
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return pixels[top : top + side, left : left + side]


def scikit_image(content, size):
    """Return HoG and color histograms, as the features of imfeat extract."""
    from skimage.color import rgb2hsv
    from skimage.feature import hog
    from skimage.io import imread
    from skimage.transform import resize

    image = resize(central_square(imread(io.BytesIO(content))), (size, size))
    gradients = hog(image, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=-1)
    counts, _ = np.histogramdd(rgb2hsv(image).reshape(-1, 3), bins=8, range=[(0, 1)] * 3)
    return gradients.astype(np.float32), (counts.ravel() / counts.sum()).astype(np.float32)


# The function of each peer, its package, and its name in the tables.
PEERS = {
    "pillow": (pillow, "pillow", "Pillow, decode and scale alone"),
    "simplejpeg": (simplejpeg, "simplejpeg", "simplejpeg and imfeat.resize alone"),
    "opencv": (opencv, "opencv-python-headless", "OpenCV, decode and scale alone (INTER_AREA)"),
    "kornia_rs": (kornia_rs, "kornia_rs", "kornia-rs, decode and scale alone (not antialiased)"),
    "torchvision": (torchvision, "torchvision", "torchvision, decode and scale alone"),
    "scikit_image": (scikit_image, "scikit-image", "scikit-image in joblib, HoG and color"),
}


def installed():
    """Return the versions of the peers that are installed."""
    versions = {}
    for name, (_, package, _) in PEERS.items():
        try:
            versions[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def items_of(source):
    """Return path, offset and length of each JPEG in a folder or in a tar."""
    if source.is_dir():
        return [(str(path), 0, -1) for path in sorted(source.rglob("*.jpg"))]
    with tarfile.open(source, "r:") as archive:
        return [(str(source), file.offset_data, file.size) for file in archive if file.name.endswith(".jpg")]


def content_of(item):
    path, offset, length = item
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def run_scaled(item):
    return int(scaled(content_of(item))[0, 0, 0])


def run_described(item, size):
    return scikit_image(content_of(item), size)


def main(name, source, size, out):
    global scaled
    items = items_of(Path(source))
    n_processes = len(os.sched_getaffinity(0))
    if name == "scikit_image":
        from joblib import Parallel, delayed

        described = Parallel(n_processes)(delayed(run_described)(item, int(size)) for item in items)
        for column, features in zip(("hog", "color"), zip(*described, strict=True), strict=True):
            np.save(Path(out, f"{column}.npy"), np.stack(features))
        return
    scaled = PEERS[name][0](int(size))  # before processes are forked
    chunk = max(1, min(CHUNK, len(items) // (CHUNKS * n_processes)))
    with multiprocessing.get_context("fork").Pool(n_processes) as pool:
        assert len(pool.map(run_scaled, items, chunk)) == len(items)


if __name__ == "__main__":
    main(*sys.argv[1:])

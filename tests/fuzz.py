"""Feed broken image files and models to what reads them: ``python tests/fuzz.py --seconds 3600``.

Every input has to end as an image of the wanted size, as a model, or as a reason; anything else ends the run
and tells which input did it.  Half of the time goes to images, half to models.
"""

import io
import random
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path
from unittest import mock

import click
import numpy as np
import skimage.data
from PIL import Image
from raw_files import chunk, png, pnm, tiff
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

import imfeat
from imfeat import extract
from imfeat.decoding import decode

SIZE = (16, 16)
LONGEST = "max-16"
SIZES = (SIZE, LONGEST, "original")
SLOW = 20  # seconds, after which an input counts as one that hangs
MOST_PIXELS = 1_000_000  # so that most of the time goes to decoders, not to large images


def images():
    """Return small files of all formats and some of their variants."""
    photo = Image.fromarray(skimage.data.astronaut()[:64, :64])
    turned = Image.Exif()
    turned[274] = 6
    turned[271] = "a maker of cameras"
    frames = {"save_all": True, "append_images": [photo.rotate(90)]}
    wanted = [
        ("JPEG", photo, {}),
        ("JPEG", photo, {"progressive": True}),
        ("JPEG", photo, {"subsampling": "4:2:2", "restart_marker_blocks": 3, "exif": turned}),
        ("JPEG", photo, {"keep_rgb": True}),
        ("JPEG", photo.convert("L"), {"exif": turned}),
        ("JPEG", photo.convert("CMYK"), {}),
        ("PNG", photo, {}),
        ("PNG", photo.convert("P"), {"transparency": 3}),
        ("PNG", photo.convert("I;16"), {}),
        ("PNG", photo, frames),
        ("GIF", photo, frames),
        ("BMP", photo, {}),
        ("TIFF", photo, {"compression": "tiff_lzw"}),
        ("TIFF", photo, {"compression": "tiff_deflate"}),
        ("TIFF", photo, frames),
        ("WEBP", photo, {}),
        ("WEBP", photo, {"lossless": True}),
        ("PPM", photo, {}),
        ("PPM", photo.convert("I;16"), {}),
        ("JPEG2000", photo, {}),
        ("AVIF", photo, {}),
    ]
    samples = np.random.default_rng(0).integers(0, 65536, (64, 64, 3))
    files = [
        tiff(samples, 16, 2, planes=2),
        tiff(samples[..., :1], 16, 0),
        tiff(samples[..., :2], 16, 1, extra=[1]),
        pnm(samples[:8, :8] & 255, 3, 255),
        png(samples, 16, 2, chunk(b"tRNS", bytes(6)) + chunk(b"zTXt", b"a\0\0x")),
    ]
    for kind, image, options in wanted:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        files.append(buffer.getvalue())
    return files


def models(folder):
    """Return the bytes of small models."""
    vectors = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    features = make_union(imfeat.HOG(), imfeat.ColorHistogram(bins=2))
    pipeline = make_pipeline(features, StandardScaler(), PCA(2), imfeat.learn.LinearClassifier())
    pipeline.fit(pixels, np.arange(8) % 2)
    small = [
        imfeat.Whitening().fit(vectors),
        imfeat.learn_mixture(vectors, 2, rng=0),
        vectors[:3],
        imfeat.PatchFeatures(n_words=2, patch_size=3, n_patches=50, n_iterations=1, random_state=0).fit(
            np.zeros((2, 8, 8, 3), np.uint8) + np.arange(8, dtype=np.uint8)[:, None]
        ),
        imfeat.ImageClassifier(pipeline, class_names=["a", "b"], about={"accuracy": 0.5}),
    ]
    files = []
    for model in small:
        extract.save_model(folder / "model.npz", model)
        files.append((folder / "model.npz").read_bytes())
    return files


def with_broken_header(content, chance):
    """Return a model with a character of its header changed and checksums that fit, or another damage."""
    n = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + n].decode()
    at = chance.randrange(len(header))
    replaced = header[:at] + chance.choice('0123456789-eabz_/"[]{},:') + header[at + chance.randrange(2) :]
    return len(replaced.encode()).to_bytes(8, "little") + replaced.encode() + content[8 + n :]


def broken(files, chance):
    """Return one of some files with random damage."""
    content = bytearray(chance.choice(files))
    for _ in range(chance.randint(1, 8)):
        at, n = chance.randrange(len(content) + 1), chance.choice((1, 1, 1, 2, 4, 8, 64, 1000))
        how = chance.randrange(6)
        if how == 0:
            content[at : at + n] = chance.randbytes(n)
        elif how == 1 and at < len(content):
            content[at] ^= 1 << chance.randrange(8)
        elif how == 2:
            del content[at : at + n]
        elif how == 3:
            other = chance.choice(files)
            start = chance.randrange(len(other))
            content[at:at] = other[start : start + n]
        elif how == 4:
            content[at : at + n] = bytes([chance.choice((0, 255, 127, 128))]) * n
        elif chance.random() < 0.2:
            del content[at:]
    return bytes(content)


def broken_model(files, chance):
    """Return one of some models with random damage, of its header alone half of the time."""
    if chance.random() < 0.5:
        return broken(files, chance)
    return with_broken_header(chance.choice(files), chance)


def read_image(content):
    """Decode in each way and at each kind of size, and check what comes out."""
    images = [decode.decode_or_reason(content, size, "crop") for size in SIZES]
    for size, image in zip(SIZES, images, strict=True):
        assert isinstance(image, str) == isinstance(images[0], str), size
        if isinstance(image, str):
            continue
        assert image.dtype == np.uint8, size
        assert image.shape[2:] == (3,), size
        assert size != SIZE or image.shape[:2] == SIZE
        assert size != LONGEST or max(image.shape) <= max(SIZE)
        if content.startswith(b"\xff\xd8"):
            with mock.patch.object(decode, "read_jpeg", return_value=None):
                by_pillow = decode.decode_or_reason(content, size, "crop")
            assert np.array_equal(image, by_pillow), "differs from what Pillow gives"
            if size != "original":
                fast = decode.decode_or_reason(content, size, "crop", "fast")
                assert fast.shape == image.shape, "fast"
    return not isinstance(images[0], str)


def read_model(content, path):
    """Load, and check that what is wrong is told in the way that is promised."""
    path.write_bytes(content)
    try:
        extract.load_model(path)
    except ValueError as error:
        if not re.search("is no intact|newer version", str(error)):
            raise
        return False
    return True


@click.command()
@click.option("--seconds", default=60.0, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(seconds, seed):
    """Read damaged files for a while."""
    warnings.simplefilter("ignore")
    decode.MAX_PIXELS = MOST_PIXELS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fuzzed.npz")
        targets = {
            "images": (images(), read_image),
            "models": (models(Path(folder)), lambda content: read_model(content, path)),
        }
        damage = {"images": broken, "models": broken_model}
        for name, (files, read) in targets.items():
            assert all(map(read, files)), name
            n = n_good = 0
            end = time.monotonic() + seconds / len(targets)
            while time.monotonic() < end:
                begin = time.monotonic()
                try:
                    n_good += read(damage[name](files, random.Random(f"{seed} {name} {n}")))
                except BaseException:
                    print(f"input {n} of {name} with --seed {seed}", file=sys.stderr)
                    raise
                assert time.monotonic() - begin < SLOW, f"input {n} of {name} with --seed {seed} hangs"
                n += 1
            print(f"{name}: {n:,} inputs, {n_good:,} of them still readable")


if __name__ == "__main__":
    main()

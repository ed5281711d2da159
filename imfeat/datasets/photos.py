"""A data set of patches of ten pictures that scikit-image ships, without a download."""

from importlib import resources

import numpy as np
import numpy.typing as npt
from PIL import Image

from imfeat._check import Seed
from imfeat.datasets._types import DataSet, ImageSet

PICTURES = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "galaxies": "hubble_deep_field.jpg",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "motorcycle": "motorcycle_left.png",
    "rocket": "rocket.jpg",
    "tissue": "ihc.png",
}
BLOCK_SIZE = 64
WINDOW_SIZES = (32, 48, 64)
PATCH_SIZE = 32
N_PATCHES = 500  # of each picture

Corners = npt.NDArray[np.int64]
Patches = npt.NDArray[np.uint8]


def load_photos(test_size: float = 0.2, rng: Seed = 0) -> DataSet:
    """Cut patches out of ten pictures; the class of a patch is the picture it comes from.

    Each picture is divided into blocks of 64 x 64 pixels, and training and test patches come
    from different blocks.  A patch is a window of 32, 48 or 64 pixels inside a block, resized
    to 32 x 32, mirrored or not, with its own gain, gamma and colour cast: so neither the
    colours nor the position of an edge give the picture away.  See `imfeat.datasets.load`.
    """
    rng = np.random.default_rng(rng)
    train, test = [], []
    for file_name in PICTURES.values():
        picture = _open_picture(file_name)
        train_blocks, test_blocks = split_blocks(picture.height, picture.width, test_size, rng)
        n_test = _n_test(N_PATCHES, test_size)
        train.append(_patches(picture, train_blocks, N_PATCHES - n_test, rng))
        test.append(_patches(picture, test_blocks, n_test, rng))
    return DataSet(_shuffled(train, rng), _shuffled(test, rng))


def split_blocks(
    height: int, width: int, test_size: float, rng: np.random.Generator
) -> tuple[Corners, Corners]:
    """Divide a picture into blocks and draw those for testing.

    Returns
    -------
    train, test : arrays of shape (n_blocks, 2), int64
        The top left corners (y, x) of disjoint squares of 64 x 64 pixels.
    """
    rows = height // BLOCK_SIZE
    columns = width // BLOCK_SIZE
    corners = np.stack(np.divmod(np.arange(rows * columns), columns), axis=1) * BLOCK_SIZE
    corners = rng.permutation(corners)
    n_test = _n_test(len(corners), test_size)
    return corners[n_test:], corners[:n_test]


def _n_test(n: int, test_size: float) -> int:
    return min(max(round(n * test_size), 1), n - 1)


def _open_picture(file_name: str) -> Image.Image:
    # skimage.data's own functions would try to download a picture they miss
    path = resources.files("skimage.data") / file_name
    try:
        with path.open("rb") as file, Image.open(file) as picture:
            return picture.convert("RGB")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} is missing: scikit-image's wheel on PyPI holds it, so reinstall "
            "scikit-image with pip, or load another source"
        ) from error


def _patches(picture: Image.Image, blocks: Corners, n_patches: int, rng: np.random.Generator) -> Patches:
    chosen = blocks[rng.integers(len(blocks), size=n_patches)]
    return np.stack([_patch(picture, y, x, rng) for y, x in chosen.tolist()])


def _patch(picture: Image.Image, y: int, x: int, rng: np.random.Generator) -> Patches:
    window = WINDOW_SIZES[rng.integers(len(WINDOW_SIZES))]
    dy, dx = rng.integers(BLOCK_SIZE - window + 1, size=2).tolist()
    box = (x + dx, y + dy, x + dx + window, y + dy + window)
    # resize(box=...) would be quicker, but its filter reaches outside the box, into other blocks
    patch = picture.crop(box).resize((PATCH_SIZE, PATCH_SIZE), Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        patch = patch.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(patch.point(_tones(rng)))


def _tones(rng: np.random.Generator) -> list[int]:
    """Return what becomes of the values 0 to 255 of R, then of G, then of B."""
    gamma = rng.uniform(0.6, 1.6)
    gain = rng.uniform(0.6, 1.2)
    cast = rng.uniform(0.85, 1.15, size=(3, 1))
    tones = 255 * gain * cast * np.linspace(0, 1, 256) ** gamma
    table: list[int] = np.minimum(tones, 255).round().astype(int).ravel().tolist()
    return table


def _shuffled(patches: list[Patches], rng: np.random.Generator) -> ImageSet:
    labels = np.repeat(np.arange(len(patches), dtype=np.int64), len(patches[0]))
    order = rng.permutation(len(labels))
    return ImageSet(np.concatenate(patches)[order], labels[order], tuple(PICTURES))

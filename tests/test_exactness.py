"""What each feature of pixels is equal to: of any content, in any form of array, at any size."""

import cv2
import numpy as np
import pytest
import reference
import skimage.color
import skimage.exposure
import skimage.feature
from imfeat_kernels.cpu import launch
from PIL import Image, ImageOps

import imfeat

PALETTE = np.random.default_rng(2).integers(0, 256, (50, 3), dtype=np.uint8)
PALETTE[30:] = PALETTE[:20]  # ties
BINS = 8, 5, 7


def white(image):
    return 255 if image.dtype == np.uint8 else 1


def each_channel(function):
    """Return a function of images that treats each channel by itself."""

    def treat(image, **options):
        if image.ndim == 2:
            return function(image, **options)
        return np.stack([function(c, **options) for c in np.moveaxis(image, -1, 0).copy()], -1)

    return treat


def hsi(image):
    return reference.rgb_to_hsi(image, white(image)).reshape(image.shape)


def pillow(mode):
    return lambda image: np.asarray(Image.fromarray(image).convert(mode))


def pillow_equalize(image, mask=None):
    mask = None if mask is None else Image.fromarray(mask)
    return np.asarray(ImageOps.equalize(Image.fromarray(image), mask=mask))


def opencv_equalize(image, mask=None):
    if mask is None:
        return cv2.equalizeHist(image)
    expected = reference.opencv_table(np.bincount(image[mask], minlength=256))[image]
    np.testing.assert_array_equal(expected[mask], cv2.equalizeHist(image[mask][None])[0])
    return expected


def size_of(images):
    return images.shape[-3:-1] if images.shape[-1] == 3 else images.shape[-2:]


def tiles(height, width):
    return min(8, height), min(8, width)


def clahe(images):
    return imfeat.equalize_clahe(images, tiles=tiles(*size_of(images)))


def opencv_clahe(image):
    return cv2.createCLAHE(2.0, tiles(*image.shape)[::-1]).apply(image)


def joint(convert=None):
    """Return NumPy's joint histogram of the converted image."""

    def count(image, mask=...):
        values = convert(image)[mask] if convert else image[mask]
        high = 1 if convert else white(image)
        return np.histogramdd(values.reshape(-1, 3), BINS, [(0, high)] * 3)[0].ravel()

    return count


def channels(image, mask=...):
    pixels = image[mask].reshape(-1, 3)
    return np.concatenate([np.histogram(pixels[:, c], BINS[c], (0, white(image)))[0] for c in range(3)])


def nearest(image):
    return reference.nearest_colors(image, PALETTE).reshape(image.shape[:2])


def scikit_hog(norm, cell=8, block=2, **options):
    return lambda image: skimage.feature.hog(
        image, 9, (cell,) * 2, (block,) * 2, norm, channel_axis=-1 if image.ndim == 3 else None, **options
    )


def opencv_hog(image):
    n_rows, n_cols = image.shape[0] // 8, image.shape[1] // 8
    size, block, cell = (8 * n_cols, 8 * n_rows), (16, 16), (8, 8)
    values = cv2.HOGDescriptor(size, block, cell, cell, 9).compute(image, locations=[(0, 0)])
    return values.reshape(n_cols - 1, n_rows - 1, 2, 2, 9).transpose(1, 0, 3, 2, 4).ravel()


def uoctti(cell_size):
    return lambda image: reference.cell_features(image.reshape(1, *image.shape[:2], -1), cell_size).ravel()


def call(name, **options):
    return lambda images, **more: getattr(imfeat, name)(images, **options, **more)


def counts(**options):
    return call("color_histogram", bins=BINS, norm=None, **options)


U8, F32, F64, G8, G32, G64 = "uint8", "float32", "float64", "gray uint8", "gray float32", "gray float64"
RGB, FLOATS, BYTES, REAL, ANY = (U8, F32, F64), (F32, F64), (U8, G8), (F32, F64, G32, G64), (U8, F32, G8, G32)
# name: (the feature, what it is equal to for one image, within how much, of which images)
PIXELS = {
    "rgb_to_hsv": (imfeat.rgb_to_hsv, skimage.color.rgb2hsv, 1e-6, RGB),
    "rgb_to_hsv bytes": (call("rgb_to_hsv", dtype="uint8"), pillow("HSV"), 0, (U8,)),
    "hsv_to_rgb": (imfeat.hsv_to_rgb, skimage.color.hsv2rgb, 1e-6, RGB),
    "rgb_to_hsi": (imfeat.rgb_to_hsi, hsi, 1e-5, RGB),
    "rgb_to_gray": (imfeat.rgb_to_gray, skimage.color.rgb2gray, 1e-6, FLOATS),
    "rgb_to_gray bytes": (imfeat.rgb_to_gray, pillow("L"), 0, (U8,)),
    "quantize_colors": (call("quantize_colors", palette=PALETTE), nearest, 0, (U8,)),
    "equalize_clahe": (clahe, each_channel(opencv_clahe), 0, BYTES),
    "hog cells of 1": (call("hog", cell_size=1, block_size=1), scikit_hog("L2-Hys", 1, 1), 1e-5, ANY),
    "hog_uoctti cells of 1": (call("hog_uoctti", cell_size=1), uoctti(1), 1e-4, BYTES),
}
MASKED = {
    "histogram rgb": (counts(space="rgb"), joint(), 0, RGB),
    "histogram hsv": (counts(space="hsv"), joint(imfeat.rgb_to_hsv), 0, RGB),
    "histogram hsi": (counts(space="hsi"), joint(imfeat.rgb_to_hsi), 0, RGB),
    "histogram channels": (counts(space="rgb", joint=False), channels, 0, RGB),
    "equalize": (imfeat.equalize, pillow_equalize, 0, BYTES),
    "equalize opencv": (call("equalize", convention="opencv"), each_channel(opencv_equalize), 0, BYTES),
    "equalize floats": (imfeat.equalize, each_channel(skimage.exposure.equalize_hist), 1e-6, REAL),
}
CELLS = {
    "hog": (imfeat.hog, scikit_hog("L2-Hys"), 1e-5, (*ANY, F64, G64)),
    "hog l2": (call("hog", norm="l2"), scikit_hog("L2"), 1e-5, ANY),
    "hog l1": (call("hog", norm="l1"), scikit_hog("L1"), 1e-5, ANY),
    "hog l1-sqrt": (call("hog", norm="l1-sqrt"), scikit_hog("L1-sqrt"), 1e-5, ANY),
    "hog sqrt": (call("hog", sqrt=True), scikit_hog("L2-Hys", transform_sqrt=True), 1e-5, ANY),
    "hog trilinear": (call("hog", interpolation="trilinear"), opencv_hog, 1e-3, BYTES),
    "hog_uoctti": (imfeat.hog_uoctti, uoctti(8), 1e-4, BYTES),
}
WIDE = {
    "hog cells of 5": (call("hog", cell_size=5), scikit_hog("L2-Hys", 5), 1e-5, ANY),
    "hog cells of 6": (call("hog", cell_size=6), scikit_hog("L2-Hys", 6), 1e-5, ANY),
    "hog cells of 8": (imfeat.hog, scikit_hog("L2-Hys"), 1e-5, (*ANY, F64, G64)),
    "hog trilinear": CELLS["hog trilinear"],
    "hog_uoctti": CELLS["hog_uoctti"],
    "hog_uoctti cells of 5": (call("hog_uoctti", cell_size=5), uoctti(5), 1e-4, BYTES),
}
LARGE = {
    name: (*agreement[:3], BYTES if name.startswith("equalize") else (U8,))
    for name, agreement in MASKED.items()
    if name in ("histogram rgb", "histogram hsv", "histogram channels", "equalize", "equalize opencv")
}
# name: (shape in pixels, how they are looked at)
FORMS = {
    "odd": ((3, 45, 67), lambda x: x),
    "single": ((33, 31), lambda x: x),
    "batched": ((2, 2, 33, 31), lambda x: x),
    "strided": ((2, 41, 79), lambda x: x[:, ::-1, ::2]),
    "swapped": ((2, 41, 39), lambda x: x.swapaxes(1, 2)),
}
STRIPS = {"row": ((2, 1, 67), lambda x: x), "column": ((67, 1), lambda x: x)}
EQUAL = {"black": (0, 0, 0), "gray": (128, 128, 128), "coloured": (255, 30, 77)}
CONTENTS = ["natural", "noise", *EQUAL]


def agreements(table):
    return [
        pytest.param(function, expected, atol, kind, id=f"{name}, {kind}")
        for name, (function, expected, atol, kinds) in table.items()
        for kind in kinds
    ]


def looks(forms):
    """Return contents and forms; by default each content in one form, one content in each form."""
    return [
        pytest.param(
            content,
            form,
            id=f"{content}-{form}",
            marks=() if content == "natural" or form == "batched" else pytest.mark.slow,
        )
        for content in CONTENTS
        for form in forms
    ]


def make(content, shape, photo):
    """Return RGB bytes."""
    if content in EQUAL:
        return np.full((*shape, 3), EQUAL[content], np.uint8)
    if content == "noise":
        return np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    height, n = shape[-2], int(np.prod(shape[:-2]))
    wide = np.concatenate([photo[y : y + height] for y in range(20, 440, 60)], 1)  # 3584 pixels
    images = [wide[:, 100 * i : 100 * i + shape[-1]] for i in range(n)]
    return np.stack(images).reshape(*shape, 3)


def as_kind(images, kind):
    """Return RGB bytes as images of a dtype, gray ones of their second channel."""
    images = np.ascontiguousarray(images[..., 1]) if kind.startswith("gray") else images
    return images if kind.endswith("uint8") else (images / 255).astype(kind.split()[-1])


def check(function, expected, atol, images, kind, mask=None):
    """Compare the result of many images with what is expected of each."""
    leading = images.ndim - (2 if kind.startswith("gray") else 3)
    actual = function(images) if mask is None else function(images, mask=mask)
    assert actual.shape[:leading] == images.shape[:leading]
    for i in np.ndindex(images.shape[:leading]):
        image = np.ascontiguousarray(images[i])
        one = {} if mask is None else {"mask": mask[i] if mask.ndim > 2 else mask}
        wanted = np.asarray(expected(image, **one))
        assert actual[i].shape == wanted.shape
        apart = np.abs(actual[i].astype(float) - wanted)
        if function in (imfeat.rgb_to_hsv, imfeat.rgb_to_hsi):  # hues lie on a circle
            apart[..., 0] = np.minimum(apart[..., 0], 1 - apart[..., 0])
        largest = apart.max()
        assert largest <= atol


@pytest.mark.parametrize(("content", "form"), looks(FORMS | STRIPS))
@pytest.mark.parametrize(("function", "expected", "atol", "kind"), agreements(PIXELS | MASKED))
def test_pixels(photo, function, expected, atol, kind, content, form):
    shape, view = (FORMS | STRIPS)[form]
    check(function, expected, atol, view(as_kind(make(content, shape, photo), kind)), kind)


@pytest.mark.parametrize(("content", "form"), looks(FORMS))
@pytest.mark.parametrize(("function", "expected", "atol", "kind"), agreements(CELLS))
def test_cells(photo, function, expected, atol, kind, content, form):
    shape, view = FORMS[form]
    check(function, expected, atol, view(as_kind(make(content, shape, photo), kind)), kind)


@pytest.mark.parametrize(("content", "form"), looks(FORMS))
@pytest.mark.parametrize(("function", "expected", "atol", "kind"), agreements(MASKED))
def test_masks(photo, function, expected, atol, kind, content, form):
    shape, view = FORMS[form]
    images = view(as_kind(make(content, shape, photo), kind))
    size = images.shape[: len(shape)]
    for mask_size in {size, size[-2:]}:
        mask = np.random.default_rng(3).random(mask_size) < 0.4
        check(function, expected, atol, images, kind, mask=mask)


@pytest.mark.parametrize("content", ["natural", "noise"])
@pytest.mark.parametrize(("function", "expected", "atol", "kind"), agreements(WIDE))
def test_images_wider_than_what_is_computed_at_a_time(photo, function, expected, atol, kind, content):
    check(function, expected, atol, as_kind(make(content, (40, 3000), photo), kind), kind)


@pytest.mark.parametrize("n_threads", [1, 5])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("function", "expected", "atol", "kind"), agreements(LARGE))
def test_more_equal_pixels_than_16_bits_count(monkeypatch, function, expected, atol, kind, masked, n_threads):
    monkeypatch.setattr(launch, "n_threads", n_threads)
    monkeypatch.setattr(launch, "_pool", None)
    image = np.full((700, 700, 3), EQUAL["coloured"], np.uint8)
    image[:10] = np.random.default_rng(4).integers(0, 256, (10, 700, 3))  # equalizing needs other values
    mask = np.arange(700) < np.full((700, 1), 690) if masked else None
    check(function, expected, atol, as_kind(image, kind), kind, mask=mask)

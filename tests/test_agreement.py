"""Cases of the peers' own test suites that apply here: their inputs and expected values, written anew.

A case has the name that the peer gave it.  docs/agreement.md counts the cases of each suite, and a test
compares.
"""

import colorsys
import re
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import skimage.feature
from PIL import Image, ImageOps

import imfeat

PAGE = Path(__file__).parents[1] / "docs" / "agreement.md"
AXES = (0, 1, -1, -2)
CASES = {}


def case(suite, *values):
    """Register a case of a suite, for each value if there are any."""

    def register(function):
        for value in values or [None]:
            suffix = f"[{value}]" if values else ""
            CASES[suite, function.__name__ + suffix] = (function, (value,) if values else ())
        return function

    return register


# scikit-image, test_hog.py

HOG = "scikit-image, HoG"
L1 = {"norm": "l1", "block_size": 1}


def astronaut():
    return skimage.data.astronaut()


@case(HOG)
def output_size():
    image = astronaut()[:256].mean(axis=2) / 255
    assert imfeat.hog(image, **L1).shape == (9 * 32 * 64,)


def check_norm(norm, name, dtype):
    gray = skimage.color.rgb2gray(astronaut()).astype(dtype)
    expected = skimage.feature.hog(gray, block_norm=name, cells_per_block=(3, 3))
    np.testing.assert_allclose(imfeat.hog(gray, block_size=3, norm=norm), expected, rtol=0, atol=1e-5)


@case(HOG, "float32", "float64")
def output_correctness_l1_norm(dtype):
    check_norm("l1", "L1", dtype)


@case(HOG, "float32", "float64")
def output_correctness_l2hys_norm(dtype):
    check_norm("l2-hys", "L2-Hys", dtype)


@case(HOG)
def image_size_cell_size_mismatch():
    assert imfeat.hog(skimage.data.camera()[:150, :200], **L1).shape == (9 * 18 * 25,)


@case(HOG)
def odd_cell_size():
    image = np.zeros((3, 3))
    image[2, 2] = 1
    np.testing.assert_allclose(
        imfeat.hog(image, cell_size=3, **L1), [0.5, 0, 0, 0, 0.5, 0, 0, 0, 0], atol=0.05
    )


@case(HOG)
def basic_orientations_and_data_types():
    image = np.zeros((35, 35))
    image[17:] = 100
    for turns in range(4):
        turned = np.rot90(image, turns)
        features = imfeat.hog(turned, orientations=4, **L1)
        for other, sqrt in (
            (turned, True),
            (turned.astype(np.uint8), False),
            (turned.astype(np.uint8), True),
        ):
            np.testing.assert_allclose(
                imfeat.hog(other, orientations=4, sqrt=sqrt, **L1), features, atol=1e-4
            )
        strongest = features.reshape(-1, 4).max(0)
        np.testing.assert_allclose(strongest, [0, 0, 1, 0] if turns % 2 == 0 else [1, 0, 0, 0], atol=0.01)


@case(HOG)
def orientations_circle():
    y, x = np.indices((100, 100)) - 50
    disk = skimage.filters.gaussian(100.0 * (y * y + x * x < 33 * 33), sigma=2, mode="reflect")
    for orientations in range(2, 15):
        features = imfeat.hog(disk, orientations=orientations, **L1).reshape(-1, orientations)
        np.testing.assert_allclose(features.mean(0), features.mean(), atol=0.1)


@case(HOG)
def visualization_orientation():
    image = np.zeros((11, 11))
    image[5:] = 1
    options = {"cell_size": 11, "block_size": 1, "orientations": 3}
    drawing = imfeat.draw_hog(imfeat.hog(image, norm="l1", **options), image.shape, **options)
    assert (np.delete(drawing, 5, axis=0) < 1e-6).all()
    assert (drawing[5, 1:-1] > 0).all()


@case(HOG)
def block_normalization_incorrect_error():
    with pytest.raises(ValueError, match="norm must be one of"):
        imfeat.hog(np.eye(16), norm="linf")


@case(HOG, ((3, 3, 3), None), ((3, 3), -1), ((3, 3, 3, 3), -1))
def incorrect_dimensions(arguments):
    shape, axis = arguments
    with pytest.raises(ValueError, match="images"):
        imfeat.hog(np.zeros(shape), channel_axis=axis, norm="l1")


@case(HOG)
def output_equivariance_deprecated_multichannel():
    output_equivariance_channel_axis(-1)


@case(HOG, *AXES)
def output_equivariance_channel_axis(axis):
    image = astronaut()[:64, :32].copy()
    image[..., 1:] = 0
    image = np.moveaxis(image, -1, axis)
    expected = imfeat.hog(image, channel_axis=axis, norm="l1")
    for n in (1, 2):
        rolled = imfeat.hog(np.roll(image, n, axis=axis), channel_axis=axis, norm="l1")
        np.testing.assert_array_equal(rolled, expected)


@case(HOG)
def small_image():
    imfeat.hog(np.zeros((24, 24)), block_size=3)
    with pytest.raises(ValueError, match="23 x 23 pixels are smaller than a block"):
        imfeat.hog(np.zeros((23, 23)), block_size=3)


# scikit-image, test_colorconv.py

COLOR = "scikit-image, colour"
BARS = np.array([[1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0, 1, 0]], float)
BARS = np.swapaxes(BARS.reshape(3, 4, 2), 0, 2)
LAB_OF_BARS = [
    *([100, 0, 0], [97.1393, -21.5537, 94.4780], [91.1132, -48.0875, -14.1312], [87.7347, -86.1827, 83.1793]),
    *([60.3242, 98.2343, -60.8249], [53.2408, 80.0925, 67.2032], [32.2970, 79.1875, -107.8602], [0, 0, 0]),
]
SHAPES = ((2, 3), (4, 5, 3), (5, 4, 5, 3), (4, 5, 4, 5, 3))
CONVERSIONS = ("rgb_to_hsv", "hsv_to_rgb", "rgb_to_lab", "lab_to_rgb")


def wheel():
    """Return colours of all hues."""
    return np.stack(np.meshgrid(*[np.linspace(0, 1, 7)] * 3), -1).reshape(7, 49, 3)


def moved(function, images, axis):
    """Return what a function gives of channels at an axis, with channels last."""
    return np.moveaxis(function(np.moveaxis(images, -1, axis), channel_axis=axis), axis, -1)


def check_refusal(function):
    with pytest.raises(ValueError, match=r"must have the shape \(\.\.\., height, width, 3\)"):
        function(skimage.data.camera())


@case(COLOR, *AXES)
def rgb2hsv_conversion(axis):
    expected = [colorsys.rgb_to_hsv(*color) for color in wheel().reshape(-1, 3)]
    np.testing.assert_allclose(moved(imfeat.rgb_to_hsv, wheel(), axis).reshape(-1, 3), expected, atol=1e-6)


@case(COLOR)
def rgb2hsv_error_grayscale():
    check_refusal(imfeat.rgb_to_hsv)


@case(COLOR, *AXES)
def hsv2rgb_conversion(axis):
    hsv = np.array([colorsys.rgb_to_hsv(*color) for color in wheel().reshape(-1, 3)]).reshape(wheel().shape)
    np.testing.assert_allclose(moved(imfeat.hsv_to_rgb, hsv, axis), wheel(), atol=1e-6)


@case(COLOR)
def hsv2rgb_error_grayscale():
    check_refusal(imfeat.hsv_to_rgb)


@case(COLOR, *AXES)
def rgb2gray(axis):
    white = np.moveaxis(np.ones((1, 1, 3)), -1, axis)
    np.testing.assert_allclose(imfeat.rgb_to_gray(white, channel_axis=axis), [[1]])


@case(COLOR)
def rgb2gray_contiguous():
    images = np.random.default_rng(0).random((10, 10, 3))
    assert imfeat.rgb_to_gray(images).flags.c_contiguous
    assert imfeat.rgb_to_gray(images[:5, :5]).flags.c_contiguous


@case(COLOR)
def rgb2gray_alpha():
    with pytest.raises(ValueError, match="alpha"):
        imfeat.rgb_to_gray(np.zeros((10, 10, 4)))


@case(COLOR)
def rgb2gray_on_gray():
    with pytest.raises(ValueError, match="must have the shape"):
        imfeat.rgb_to_gray(np.zeros((5, 5)))


@case(COLOR)
def rgb2lab_brucelindbloom():
    expected = np.swapaxes(np.array(LAB_OF_BARS).T.reshape(3, 4, 2), 0, 2)
    np.testing.assert_allclose(imfeat.rgb_to_lab(BARS), expected, atol=0.015)


@case(COLOR, *AXES)
def lab_rgb_roundtrip(axis):
    lab = moved(imfeat.rgb_to_lab, wheel(), axis)
    np.testing.assert_allclose(moved(imfeat.lab_to_rgb, lab, axis), wheel(), atol=1e-5)


@case(COLOR)
def lab_rgb_outlier():
    lab = np.array([[[50.0, -12, 85]], [[50, 12, -85]], [[90, -4, -47]]])
    expected = [[[0.501, 0.481, 0]], [[0, 0.482, 1]], [[0.578, 0.914, 1]]]
    np.testing.assert_allclose(imfeat.lab_to_rgb(lab), expected, atol=1e-3)


@case(COLOR, *SHAPES)
def nD_gray_conversion(shape):
    assert imfeat.rgb_to_gray(np.random.default_rng(0).random(shape)).shape == shape[:-1]


@case(COLOR, *((name, shape) for name in CONVERSIONS for shape in SHAPES))
def nD_color_conversion(arguments):
    name, shape = arguments
    function = getattr(imfeat, name)
    assert function(np.random.default_rng(0).random(shape)).shape == shape


@case(COLOR, "float16", "float32", "float64")
def rgb2hsv_dtypes(dtype):
    colors = wheel().astype(dtype)
    expected = [colorsys.rgb_to_hsv(*color) for color in colors.reshape(-1, 3).astype(float)]
    hsv = imfeat.rgb_to_hsv(colors)
    assert hsv.dtype == np.float32
    np.testing.assert_allclose(hsv.reshape(-1, 3), expected, atol=1e-3)


# scikit-image, test_exposure.py and test_histogram_matching.py

EXPOSURE = "scikit-image, exposure"


def check_slope(image):
    """Check that the cumulative distribution of an equalized image is a straight line."""
    shares = np.cumsum(np.histogram(image, 256)[0]) / image.size
    assert 0.9 < np.polyfit(np.linspace(0, 1, 256), shares, 1)[0] < 1.1


@case(EXPOSURE)
def equalize_ubyte():
    check_slope(imfeat.equalize(skimage.data.camera()))


@case(EXPOSURE, "float16", "float32", "float64")
def equalize_float(dtype):
    equalized = imfeat.equalize((skimage.data.camera() / 255).astype(dtype))
    assert equalized.dtype == dtype
    check_slope(equalized.astype(float))


@case(EXPOSURE)
def equalize_masked():
    image = skimage.data.camera() / 255
    mask = np.zeros(image.shape, bool)
    mask[100:400, 100:400] = True
    masked = imfeat.equalize(image, mask=mask)
    check_slope(masked)
    assert (masked != imfeat.equalize(image)).any()


def other_image():
    return astronaut()[::-1, ::2] // 2 + 40


def check_ranks(matched, reference):
    for c in range(matched.shape[-1]):
        values = np.sort(reference[..., c].ravel())
        for value in np.unique(matched[..., c]):
            rank = (matched[..., c] <= value).mean()
            closest = values[np.abs(values.astype(int) - int(value)).argmin()]
            assert abs(rank - (values <= closest).mean()) < 0.05


@case(EXPOSURE, "color", "gray")
def match_histograms(kind):
    channels = slice(None) if kind == "color" else slice(1)
    image, reference = astronaut()[..., channels], other_image()[..., channels]
    if kind == "gray":
        check_ranks(imfeat.match_histograms(image[..., 0], reference[..., 0])[..., None], reference)
    else:
        check_ranks(imfeat.match_histograms(image, reference), reference)


@case(EXPOSURE, 0, 1, -1)
def match_histograms_channel_axis(axis):
    image, reference = (np.moveaxis(x, -1, axis) for x in (astronaut(), other_image()))
    matched = imfeat.match_histograms(image, reference, channel_axis=axis)
    assert matched.dtype == np.uint8
    check_ranks(np.moveaxis(matched, axis, -1), other_image())


@case(EXPOSURE, "float16", "float32", "float64")
def match_histograms_float_dtype(dtype):
    images = (x.astype(dtype) for x in (astronaut(), other_image()))
    assert imfeat.match_histograms(*images).dtype == dtype


@case(EXPOSURE, 0, 1)
def raises_value_error_on_channels_mismatch(which):
    images = [astronaut(), other_image()]
    images[which] = images[which][..., 0]
    with pytest.raises(ValueError, match="reference"):
        imfeat.match_histograms(*images)


@case(EXPOSURE)
def match_histograms_consistency():
    matched = imfeat.match_histograms(astronaut(), other_image())
    floats = imfeat.match_histograms(astronaut().astype(float), other_image().astype(float))
    np.testing.assert_array_equal(matched, np.floor(floats + 1e-6))


# scikit-image, test_texture.py

TEXTURE = "scikit-image, texture"
LEVELS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]], np.uint8)
UP = [[6, 0, 2, 0], [0, 4, 2, 0], [2, 2, 2, 2], [0, 0, 2, 0]]
PATTERNS = np.array(
    [
        [255, 6, 255, 0, 141, 0],
        [48, 250, 204, 166, 223, 63],
        [8, 0, 159, 50, 255, 30],
        [167, 255, 63, 40, 128, 255],
        [0, 255, 30, 34, 255, 24],
        [146, 241, 255, 0, 189, 126],
    ],
    np.uint8,
)
CODES = {
    "default": """
        0 251 0 255 96 255  143 0 20 153 64 56  238 255 12 191 0 252  129 64 62 159 199 0
        255 4 255 175 0 254  3 5 0 255 4 24""",
    "ror": """
        0 127 0 255 3 255  31 0 5 51 1 7  119 255 3 127 0 63  3 1 31 63 31 0
        255 1 255 95 0 127  3 5 0 255 1 3""",
    "uniform": """
        0 7 0 8 2 8  5 0 9 9 1 3  9 8 2 7 0 6  2 1 5 6 5 0
        8 1 8 9 0 7  2 9 0 8 1 2""",
    "nri_uniform": """
        0 54 0 57 12 57  34 0 58 58 3 22  58 57 15 50 0 47  10 3 40 42 35 0
        57 7 57 58 0 56  9 58 0 57 7 14""",
}
PROPERTIES = {
    "homogeneity": 0.80833333,
    "energy": 0.38188131,
    "correlation": 0.71953255,
    "mean": 1.29166667,
    "variance": 1.03993055,
    "std": 1.01976985,
    "entropy": 2.09472904,
}


def properties(distances, angles, names):
    """Return properties as by graycomatrix(LEVELS, ..., symmetric=True, normed=True) and graycoprops."""
    spread = (LEVELS.astype(int) * 64).astype(np.uint8)  # to values that four levels are cut from
    return imfeat.haralick(
        spread, distances=distances, angles=angles, levels=4, properties=names, average=False
    )


@case(TEXTURE)
def output_angles():
    found = imfeat.glcm(LEVELS, angles=(0, np.pi / 4, np.pi / 2, 3 * np.pi / 4), levels=4)
    assert found.shape == (4, 4, 1, 4)
    assert found[:, :, 0, 0].tolist() == [[2, 2, 1, 0], [0, 2, 0, 0], [0, 0, 3, 1], [0, 0, 0, 1]]
    assert found[:, :, 0, 1].tolist() == [[1, 1, 3, 0], [0, 1, 1, 0], [0, 0, 0, 2], [0, 0, 0, 0]]
    assert found[:, :, 0, 2].tolist() == [[3, 0, 2, 0], [0, 2, 2, 0], [0, 0, 1, 2], [0, 0, 0, 0]]
    assert found[:, :, 0, 3].tolist() == [[2, 0, 0, 0], [1, 1, 2, 0], [0, 0, 2, 1], [0, 0, 0, 0]]


@case(TEXTURE)
def output_symmetric_1():
    found = imfeat.glcm(LEVELS, angles=(np.pi / 2,), levels=4, symmetric=True)
    assert found[:, :, 0, 0].tolist() == UP


@case(TEXTURE)
def error_raise_negative():
    with pytest.raises(ValueError, match="negative"):
        imfeat.glcm(LEVELS.astype(np.int16) - 1, angles=(np.pi,), levels=4)


@case(TEXTURE)
def error_raise_levels_smaller_max():
    with pytest.raises(ValueError, match="below levels=3"):
        imfeat.glcm(LEVELS - 1, angles=(np.pi,), levels=3)


@case(TEXTURE)
def image_data_types():
    for dtype in (np.uint16, np.int16):  # wider integers are refused
        found = imfeat.glcm(LEVELS.astype(dtype), angles=(np.pi / 2,), levels=4, symmetric=True)
        assert found[:, :, 0, 0].tolist() == UP


@case(TEXTURE)
def output_distance():
    image = np.array([[0, 0, 0, 0], [1, 0, 0, 1], [2, 0, 0, 2], [3, 0, 0, 3]], np.uint8)
    found = imfeat.glcm(image, distances=(3,), angles=(0,), levels=4)
    assert found[:, :, 0, 0].tolist() == np.eye(4).tolist()


@case(TEXTURE)
def output_combo():
    found = imfeat.glcm(
        np.arange(4, dtype=np.uint8)[:, None], distances=[1, 2], angles=[0, np.pi / 2], levels=4
    )
    assert found[..., 0].sum() == 0
    assert found[:, :, 0, 1].tolist() == np.eye(4, k=1).tolist()
    assert found[:, :, 1, 1].tolist() == np.eye(4, k=2).tolist()


@case(TEXTURE)
def output_empty():
    for normed in (False, True):
        assert imfeat.glcm(LEVELS, distances=(10,), angles=(0,), levels=4, normed=normed).sum() == 0


@case(TEXTURE)
def normed_symmetric():
    options = {"distances": (1, 2, 3), "angles": (0, np.pi / 2, np.pi)}
    found = imfeat.glcm(LEVELS, levels=4, normed=True, symmetric=True, **options)
    np.testing.assert_allclose(found.sum((0, 1)), 1)
    np.testing.assert_array_equal(found, found.swapaxes(0, 1))


@case(TEXTURE)
def contrast():
    np.testing.assert_allclose(properties((1, 2), (0,), ["contrast"])[0], 0.585, atol=2e-3)


@case(TEXTURE)
def dissimilarity():
    np.testing.assert_allclose(properties((1,), (0, np.pi / 2), ["dissimilarity"])[0], 0.418, atol=2e-3)


@case(TEXTURE)
def dissimilarity_2():
    np.testing.assert_allclose(properties((1, 3), (np.pi / 2,), ["dissimilarity"])[0], 0.665, atol=2e-3)


@case(TEXTURE)
def non_normalized_glcm():
    image = (np.random.default_rng(0).random((100, 100)) * 256).astype(np.uint8)
    options = {"distances": (1, 2, 4, 5), "angles": (0, 0.25, 1, 1.5), "levels": 8}
    assert imfeat.haralick(image, properties=["correlation"], average=False, **options).max() < 1


@case(TEXTURE)
def invalid_property():
    with pytest.raises(ValueError, match="properties must be one of"):
        properties((1,), (0,), ["ABC"])


@case(TEXTURE, *PROPERTIES)
def value_of(name):
    np.testing.assert_allclose(properties((1,), (0,), [name]), PROPERTIES[name], rtol=1e-6)


@case(TEXTURE)
def uniform_properties():
    names = [*PROPERTIES, "contrast", "dissimilarity", "ASM"]
    flat = np.ones((9, 9), np.uint8)
    options = {"distances": (1, 2, 8), "angles": (0, np.pi / 2), "levels": 4, "channel_axis": None}
    assert np.isfinite(imfeat.haralick(flat, properties=names, **options)).all()


@case(TEXTURE, *CODES)
def lbp_codes(method):
    expected = np.array(CODES[method].split(), int).reshape(6, 6)
    np.testing.assert_array_equal(imfeat.lbp_codes(PATTERNS, method=method), expected)


@case(TEXTURE, "float16", "float32", "float64")
def float_warning(dtype):
    expected = np.array(CODES["ror"].split(), int).reshape(6, 6)
    np.testing.assert_array_equal(imfeat.lbp_codes(PATTERNS.astype(dtype), method="ror"), expected)


@case(TEXTURE)
def var():
    image = np.random.default_rng(0).random((500, 500))
    image *= 0.3 / image.std()
    variances = imfeat.lbp_codes(image, n_neighbors=4, method="var")[5:-5, 5:-5]
    np.testing.assert_allclose(variances.mean(), 0.3**2 * 3 / 4, atol=2e-4)


# scikit-image, test_fisher_vector.py

FISHER = "scikit-image, Fisher vectors"


@case(FISHER, "1-d", "text", "3-d")
def gmm_wrong_descriptor_format(kind):
    wrong = {"1-d": np.zeros(5), "text": [["a"]], "3-d": np.zeros((5, 10, 1))}[kind]
    with pytest.raises((TypeError, ValueError), match="descriptors"):
        imfeat.learn_mixture(wrong, 1)


@case(FISHER, "many", -1)
def gmm_wrong_num_modes_format(n):
    with pytest.raises((TypeError, ValueError), match="n_components"):
        imfeat.learn_mixture(np.zeros((9, 10)), n)


@case(FISHER)
def gmm_e2e():
    mixture = imfeat.learn_mixture(np.random.default_rng(0).random((100, 64)), 5, rng=0)
    assert mixture.means.shape == mixture.variances.shape == (5, 64)
    np.testing.assert_allclose(mixture.weights.sum(), 1, rtol=1e-6)


@case(FISHER)
def fv_wrong_gmm_type():
    with pytest.raises(TypeError, match="mixture"):
        imfeat.fisher_vector(np.zeros((10, 10)), object())


@case(FISHER)
def fv_e2e():
    rng = np.random.default_rng(0)
    descriptors = [rng.random((n, 128)) for n in rng.integers(5, 30, 10)]
    mixture = imfeat.learn_mixture(np.concatenate(descriptors), 8, rng=0)
    assert imfeat.fisher_vector(descriptors[0], mixture).shape == (2 * 8 * 128,)  # there 8 weights more


# Pillow

PILLOW = "Pillow"


def pillow(image):
    return np.asarray(ImageOps.equalize(Image.fromarray(image)))


@case(PILLOW, "L", "RGB")
def imageops_sanity(mode):
    picture = Image.fromarray(astronaut()).convert(mode)
    np.testing.assert_array_equal(imfeat.equalize(picture), np.asarray(ImageOps.equalize(picture)))


@case(PILLOW, (1, 1), (1, 100), (100, 1))
def imageops_1pxfit(size):
    image = np.resize(astronaut(), (*size, 3))
    np.testing.assert_array_equal(imfeat.equalize(image), pillow(image))


@case(PILLOW, "L", "RGB")
def imageops_pil163(mode):
    picture = Image.fromarray(astronaut()).resize((15, 16)).convert(mode)
    np.testing.assert_array_equal(imfeat.equalize(picture), np.asarray(ImageOps.equalize(picture)))


@case(PILLOW, "L", "RGB")
def histogram(mode):
    picture = Image.fromarray(astronaut()).convert(mode)
    counts = imfeat.color_histogram(picture, space=None, bins=256, joint=False, norm=None)
    np.testing.assert_array_equal(counts, picture.histogram())


@case(PILLOW)
def quantize_no_dither():
    picture = Image.fromarray(astronaut()).quantize(16, dither=Image.Dither.NONE)
    palette = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)[:16]
    indices = imfeat.quantize_colors(astronaut(), palette)
    errors = [((palette[i].astype(int) - astronaut()) ** 2).sum() for i in (indices, np.asarray(picture))]
    assert errors[0] <= errors[1]


@case(PILLOW)
def quantize_no_dither2():
    grays = np.repeat(np.arange(0, 36, 4, dtype=np.uint8), 3).reshape(1, 9, 3)
    palette = np.array([[0, 0, 0], [32, 32, 32]], np.uint8)
    assert imfeat.quantize_colors(grays, palette).tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 1]]


@case(PILLOW)
def quantize_dither_diff():
    palette = imfeat.uniform_palette(3)
    dithered = imfeat.quantize_colors(astronaut(), palette, dither="floyd-steinberg")
    assert (dithered != imfeat.quantize_colors(astronaut(), palette)).any()


@case(PILLOW, "L", "HSV", "YCbCr")
def convert(mode):
    convert = {
        "L": imfeat.rgb_to_gray,
        "HSV": lambda x: imfeat.rgb_to_hsv(x, dtype="uint8"),
        "YCbCr": lambda x: imfeat.rgb_to_ycbcr(x, dtype="uint8"),
    }[mode]
    expected = np.asarray(Image.fromarray(astronaut()).convert(mode))
    np.testing.assert_array_equal(convert(astronaut()), expected)


@case(PILLOW)
def l_macro_rounding():
    assert imfeat.rgb_to_gray(np.array([[[0, 1, 2]]], np.uint8)).tolist() == [[1]]


# torchvision, test_functional_tensor.py

TORCHVISION = "torchvision"


@case(TORCHVISION, 1, 3)
def equalize(n_channels):
    images = np.random.default_rng(0).integers(0, 256, (4, n_channels, 26, 34), dtype=np.uint8)
    batch = imfeat.equalize(images, channel_axis=-3)
    for image, equalized in zip(images, batch, strict=True):
        np.testing.assert_array_equal(imfeat.equalize(image, channel_axis=-3), equalized)
        for plane, result in zip(image, equalized, strict=True):
            np.testing.assert_array_equal(result, pillow(plane))


# cyvlfeat

CYVLFEAT = "cyvlfeat"
VARIANTS = ("uoctti", "dalal-triggs")


@case(
    CYVLFEAT,
    *((size, n, variant) for size in (8, 15, 24, 32) for n in (4, 6, 9, 15) for variant in VARIANTS),
)
def hog_shape(arguments):
    size, n, variant = arguments
    image = astronaut()[:250, :330]
    rows, cols = (int((side + size / 2) // size) for side in image.shape[:2])
    features = imfeat.hog_uoctti(image, cell_size=size, orientations=n, variant=variant)
    assert features.dtype == np.float32
    assert features.shape == (rows * cols * (4 + 3 * n if variant == "uoctti" else 4 * n),)


@case(CYVLFEAT, *VARIANTS)
def hog_channel_order(variant):
    planes = np.moveaxis(astronaut(), -1, 0)
    found = imfeat.hog_uoctti(planes, cell_size=32, variant=variant, channel_axis=0)
    np.testing.assert_array_equal(found, imfeat.hog_uoctti(astronaut(), cell_size=32, variant=variant))


@case(CYVLFEAT)
def dsift_slow_fast():
    image = skimage.filters.gaussian(skimage.data.camera() / 255, sigma=((4 / 3) ** 2 - 0.25) ** 0.5)
    slow, fast = (imfeat.dense_sift(image, step=10, bin_size=4, window=5, fast=f)[1] for f in (False, True))
    assert np.std(fast - slow) / np.std(slow) < 0.1


@case(CYVLFEAT)
def dsift_float_descriptors():
    assert imfeat.dense_sift(skimage.data.camera(), bin_size=3)[1].dtype == np.float32


@case(CYVLFEAT)
def dsift_windowsize():
    positions, descriptors = imfeat.dense_sift(np.zeros((512, 512)), step=1, bin_size=3, window=3, fast=True)
    assert len(positions) == len(descriptors) == 253009
    assert positions[:3].tolist() == [[4.5, 4.5], [4.5, 5.5], [4.5, 6.5]]


@case(CYVLFEAT, "gray", "rgb", "hsv", "opponent")
def phow(color):
    options = {"step": 2, "scales": (1, 1.5, 2, 2.5), "fast": True, "window": 1.5}
    _, descriptors = imfeat.dense_sift(astronaut()[:90, :90], color=color, **options)
    assert descriptors.shape[1] == (128 if color == "gray" else 384)


@case(CYVLFEAT)
def fisher_dimension():
    rng = np.random.default_rng(0)
    mixture = imfeat.Mixture(np.full(512, 1 / 512), rng.random((512, 128)), rng.random((512, 128)) + 0.1)
    assert imfeat.fisher_vector(rng.random((1000, 128)), mixture).shape == (2 * 512 * 128,)


@case(CYVLFEAT, "float32", "float64")
def fisher_encoding(dtype):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1000, 2))
    x[500:] = x[500:] * (2, 3) + 4
    means, variances = np.array([[0.0, 0], [4, 4]]), np.array([[1.0, 1], [2, 3]])
    weights = np.array([0.6, 0.4])
    z = (x[:, None] - means) / np.sqrt(variances)
    likelihoods = weights * np.exp(-(z**2).sum(2) / 2) / np.sqrt(variances.prod(1))
    shares = (likelihoods / likelihoods.sum(1, keepdims=True))[..., None]
    first = (shares * z).mean(0) / np.sqrt(weights)[:, None]
    second = (shares * (z**2 - 1)).mean(0) / np.sqrt(2 * weights)[:, None]
    mixture = imfeat.Mixture(*(array.astype(dtype) for array in (weights, means, variances)))
    found = imfeat.fisher_vector(x.astype(dtype), mixture)
    np.testing.assert_allclose(found, [*first.ravel(), *second.ravel()], rtol=1e-3, atol=1e-5)


def residuals(x, words):
    nearest = ((x[:, None] - words) ** 2).sum(2).argmin(1)
    return np.stack([(x[nearest == k] - word).sum(0) for k, word in enumerate(words)])


def vectors(dtype):
    rng = np.random.default_rng(0)
    return rng.normal(size=(256, 128)).astype(dtype), rng.normal(size=(16, 128)).astype(dtype)


@case(CYVLFEAT)
def vlad_rand():
    for dtype in (np.float32, np.float64):
        x, words = vectors(dtype)
        np.testing.assert_allclose(
            imfeat.vlad(x, words, norm=None), residuals(x, words).ravel(), rtol=1e-4, atol=1e-4
        )


@case(CYVLFEAT)
def vlad_norm():
    x, words = vectors(np.float32)
    expected = residuals(x, words).ravel()
    np.testing.assert_allclose(
        imfeat.vlad(x, words, norm="l2"), expected / np.linalg.norm(expected), atol=1e-6
    )


@case(CYVLFEAT)
def vlad_sqrt():
    x, words = vectors(np.float32)
    expected = residuals(x, words).ravel()
    expected = np.sign(expected) * np.sqrt(np.abs(expected))
    found = imfeat.vlad(x, words, norm="sqrt")
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=2e-5)


@case(CYVLFEAT)
def vlad_individual():
    x, words = vectors(np.float32)
    expected = residuals(x, words)
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
    found = imfeat.vlad(x, words)
    np.testing.assert_allclose(found, expected.ravel() / np.linalg.norm(expected), atol=1e-6)


@case(CYVLFEAT)
def vlad_dimension():
    rng = np.random.default_rng(0)
    assert imfeat.vlad(rng.random((1000, 128)), rng.random((512, 128))).shape == (512 * 128,)


@case(CYVLFEAT)
def gmm_2_clusters_kmeans_init():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1000, 2))
    x[500:] = x[500:] * (2, 3) + 4
    mixture = imfeat.learn_mixture(x, 2, rng=0)
    order = np.argsort(mixture.means[:, 0])
    np.testing.assert_allclose(mixture.weights, 0.5, atol=0.1)
    np.testing.assert_allclose(mixture.means[order], [[0, 0], [4, 4]], atol=0.3)


@case(CYVLFEAT, "float32", "float64")
def kmeans(dtype):
    rng = np.random.default_rng(0)
    centers = rng.integers(-40, 40, (4, 8)).astype(dtype)
    data = (centers[np.arange(50) % 4] + 0.1 * rng.random((50, 8))).astype(dtype)
    words = imfeat.learn_codebook(data, 4, rng=0)
    assert (np.linalg.norm(words[:, None] - centers, axis=2).min(1) < 0.3).all()
    assignments = imfeat.assign(data, words)
    assert len(set(assignments[:4].tolist())) == 4
    np.testing.assert_array_equal(assignments, assignments[np.arange(50) % 4])


@pytest.mark.parametrize(("suite", "name"), list(CASES))
def test_case(suite, name):
    function, arguments = CASES[suite, name]
    function(*arguments)


def test_the_page_counts_the_cases():
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \| (\d+) \| (\d+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    counts = {suite: int(applying) for suite, _, applying, _ in rows}
    expected = {}
    for suite, _ in CASES:
        expected[suite] = expected.get(suite, 0) + 1
    assert counts == expected
    assert all(applying == passing for _, _, applying, passing in rows)

"""The dtypes, layouts, ranges and containers in which images come: one meaning for every function."""

import sys
import types
import warnings

import cv2
import numpy as np
import pytest
import skimage.exposure
import skimage.feature
from PIL import Image

import imfeat
from imfeat import estimators

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (2, 34, 30, 3), dtype=np.uint8)
GRAY = np.ascontiguousarray(RGB[..., 0])
FIVE = np.concatenate([RGB, RGB[..., :2]], axis=-1)
PALETTE = imfeat.uniform_palette(2)
PALETTE_OF_FLOATS = (PALETTE / 255).astype(np.float32)
WHITENING = {d: imfeat.Whitening().fit(RNG.normal(size=(200, d))) for d in (9, 27, 45)}
PATCH_WORDS = {d: RNG.normal(size=(4, d)).astype(np.float32) for d in (9, 27, 45)}


def quantize(images, **options):
    bytes_ = np.asarray(images).dtype == np.uint8
    return imfeat.quantize_colors(images, PALETTE if bytes_ else PALETTE_OF_FLOATS, **options)


def patch_features(images, channel_axis="auto"):
    shape = images.shape
    axis = channel_axis if isinstance(channel_axis, int) else -1
    d = 9 * (
        1 if channel_axis is None or (channel_axis == "auto" and shape[-1] not in (1, 3)) else shape[axis]
    )
    words, whitening = PATCH_WORDS[d], WHITENING[d]
    return imfeat.patch_features(
        images, words, whitening, patch_size=3, mirror=False, channel_axis=channel_axis
    )


COLOR = {
    "rgb_to_hsv": imfeat.rgb_to_hsv,
    "rgb_to_hsi": imfeat.rgb_to_hsi,
    "rgb_to_gray": imfeat.rgb_to_gray,
    "hsv_to_rgb": imfeat.hsv_to_rgb,
    "rgb_to_lab": imfeat.rgb_to_lab,
    "rgb_to_ycbcr": imfeat.rgb_to_ycbcr,
    "ycbcr_to_rgb": imfeat.ycbcr_to_rgb,
    "color_histogram of Lab": lambda x, **options: imfeat.color_histogram(x, space="lab", **options),
    "dense_sift of HSV": lambda x, **options: imfeat.dense_sift(x, color="hsv", bin_size=2, **options)[1],
    "color_histogram": imfeat.color_histogram,
    "learn_palette": lambda x, **options: imfeat.learn_palette(x, 4, rng=0, n_iterations=2, **options),
    "quantize_colors": quantize,
    "equalize_value": imfeat.equalize_value,
    "local_color": lambda x, **options: imfeat.local_color(x, bin_size=2, **options)[1],
}
ANY_NUMBER = {
    "equalize": imfeat.equalize,
    "equalize_clahe": lambda x, **options: imfeat.equalize_clahe(x, tiles=(2, 2), **options),
    "resize": lambda x, **options: imfeat.resize(x, (9, 20), **options),
    "hog": imfeat.hog,
    "hog trilinear": lambda x, **options: imfeat.hog(x, interpolation="trilinear", **options),
    "hog_windows": lambda x, **options: imfeat.hog_windows(x, (16, 16), 8, **options),
    "hog_uoctti": imfeat.hog_uoctti,
    "hog_uoctti variant": lambda x, **options: imfeat.hog_uoctti(x, variant="dalal-triggs", **options),
    "raw_pixels": imfeat.raw_pixels,
    "histograms of channels": lambda x, **options: imfeat.color_histogram(
        x, space=None, joint=False, **options
    ),
    "sample_patches": lambda x, **options: imfeat.sample_patches(x, 5, 10, rng=0, **options),
    "dense_patches": lambda x, **options: imfeat.dense_patches(x, 5, stride=4, **options),
    "patch_features": patch_features,
}
GRAY_OR_COLOR = {
    "lbp": imfeat.lbp,
    "lbp var": lambda x, **options: imfeat.lbp(x, method="var", **options),
    "lbp_codes": imfeat.lbp_codes,
    "glcm": imfeat.glcm,
    "haralick": imfeat.haralick,
    "dense_sift": lambda x, **options: imfeat.dense_sift(x, bin_size=2, **options)[1],
}
ALL = COLOR | ANY_NUMBER | GRAY_OR_COLOR
DIRECT = ALL | {
    "equalize_clahe": imfeat.equalize_clahe,
    "quantize_colors": lambda x, **options: imfeat.quantize_colors(x, PALETTE, **options),
    "dense_sift": imfeat.dense_sift,
    "dense_sift of HSV": lambda x, **options: imfeat.dense_sift(x, color="hsv", **options),
    "local_color": imfeat.local_color,
    "patch_features": lambda x, **options: imfeat.patch_features(
        x, PATCH_WORDS[27], WHITENING[27], patch_size=3, mirror=False, **options
    ),
    "response_maps": lambda x, **options: imfeat.response_maps(
        x, PATCH_WORDS[27], WHITENING[27], patch_size=3, **options
    ),
}
IMAGES_OUT = ("rgb_to_hsv", "rgb_to_hsi", "hsv_to_rgb", "equalize_value", "equalize", "equalize_clahe")
IMAGES_OUT += ("rgb_to_lab", "rgb_to_ycbcr", "ycbcr_to_rgb", "resize")
BYTES_ONLY = ("equalize_clahe",)
KEEP_UNITS = ("hog", "hog_windows", "lbp", "lbp_codes", "dense_sift")  # of integers of 16 bits
WORDS_OF_THEIR_OWN = ("equalize", "equalize_value", "equalize_clahe", "glcm")
ANY_RANGE = ("rgb_to_gray", "equalize", "hog", "hog trilinear", "hog_uoctti", "sample_patches")
ANY_RANGE += ("hog_windows", "hog_uoctti variant", "resize")
ANY_RANGE += ("dense_patches", "patch_features", "lbp", "lbp_codes", "dense_sift")


def assert_same(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


def same_results(actual, expected):
    if not isinstance(expected, tuple):
        actual, expected = (actual,), (expected,)
    for one, other in zip(actual, expected, strict=True):
        assert_same(one, other)


def as_floats(images, dtype=np.float32):
    return (images / np.float32(255)).astype(dtype)


@pytest.fixture
def strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Channels


@pytest.mark.parametrize("name", ALL)
def test_channels_may_lie_at_any_axis(name, strict):
    function = ALL[name]
    expected = function(RGB)
    for axis in (1, -3, 2):
        moved = np.moveaxis(RGB, -1, axis)
        actual = function(moved, channel_axis=axis)
        assert_same(np.moveaxis(actual, axis, -1) if name in IMAGES_OUT else actual, expected)
        assert_same(function(np.ascontiguousarray(moved), channel_axis=axis), actual)
    assert_same(function(RGB, channel_axis=-1), expected)
    if name not in ("learn_palette", "sample_patches"):
        one = function(np.moveaxis(RGB[0], -1, 0), channel_axis=0)
        assert_same(np.moveaxis(one, 0, -1) if name in IMAGES_OUT else one, expected[0])


@pytest.mark.parametrize("name", ANY_NUMBER)
def test_any_number_of_channels(name, strict):
    function = ANY_NUMBER[name]
    features = function(FIVE, channel_axis=-1)
    assert_same(
        function(np.moveaxis(FIVE, -1, 1), channel_axis=1),
        np.moveaxis(features, -1, 1) if name in IMAGES_OUT else features,
    )
    if name in IMAGES_OUT:
        for c in range(5):
            assert_same(features[..., c], function(np.ascontiguousarray(FIVE[..., c])))
    repeated = np.repeat(GRAY[..., np.newaxis], 5, axis=-1)
    if "hog" in name:
        assert_same(function(repeated, channel_axis=-1), function(GRAY))


@pytest.mark.parametrize("name", ANY_NUMBER | GRAY_OR_COLOR)
def test_one_channel_is_gray(name, strict):
    function = ALL[name]
    expected = function(GRAY)
    for actual in (function(GRAY[..., np.newaxis]), function(GRAY[..., np.newaxis], channel_axis=-1)):
        assert_same(actual[..., 0] if name in IMAGES_OUT else actual, expected)


@pytest.mark.parametrize("name", ANY_NUMBER | GRAY_OR_COLOR)
def test_a_last_axis_that_may_be_either_is_refused(name):
    function = ALL[name]
    for n in (2, 4, 5, 16):
        images = np.resize(RGB, (48, 64, n))
        with pytest.raises(
            ValueError, match=rf"channel_axis=-1 for {n} channels, channel_axis=None for gray"
        ):
            function(images)
    with pytest.raises(ValueError, match=r"drop an alpha channel with images\[\.\.\., :3\]"):
        function(np.resize(RGB, (48, 64, 4)))
    assert len(function(np.resize(RGB, (3, 48, 17)), channel_axis=None)) in (3, 10)


@pytest.mark.parametrize("name", ANY_NUMBER | GRAY_OR_COLOR)
def test_narrow_gray_images(name, strict):
    function = ALL[name]
    for width in (5, 9, 3):
        if name.startswith(("hog", "dense_sift")) or (width < 5 and "patch" in name):
            continue
        images = np.resize(RGB, (4, 48, width))
        padded = function(images, channel_axis=None)
        if name != "sample_patches":
            assert_same(function(images[1]), padded[1])


@pytest.mark.parametrize("name", ANY_NUMBER | GRAY_OR_COLOR)
def test_channels_first_are_warned_of(name):
    function = ALL[name]
    planes = np.moveaxis(RGB, -1, 1)
    for images in (planes, planes[0]):
        with pytest.warns(UserWarning, match="channel_axis=-3, and if not, channel_axis=None") as caught:
            function(images)
        assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function(planes[0], channel_axis=None)
        function(planes[0], channel_axis=-3)


def test_the_warning_points_to_the_caller():
    with pytest.warns(UserWarning, match="taken for gray") as caught:
        imfeat.hog(np.zeros((3, 32, 32), np.uint8))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="taken for gray") as caught:
        imfeat.HOG().fit(np.zeros((2, 3, 32, 32), np.uint8)[0])
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", COLOR)
def test_color_needs_three_channels(name):
    function = COLOR[name]
    with pytest.raises(ValueError, match="write channel_axis=-3"):
        function(np.moveaxis(RGB, -1, 1))
    with pytest.raises(ValueError, match=r"\(\.\.\., height, width, 3\), got \(2, 34, 30\)"):
        function(GRAY)
    for n in (1, 2, 4, 5):
        with pytest.raises(ValueError, match=r"must have the shape \(\.\.\., height, width, 3\)"):
            function(FIVE[..., :n])
    with pytest.raises(ValueError, match=r"drop an alpha channel with images\[\.\.\., :3\]"):
        function(FIVE[..., :4], channel_axis=-1)


@pytest.mark.parametrize("axis", [5, -6, 1.0, "last", True])
def test_axes_that_are_none_are_refused(axis):
    for function in (imfeat.hog, imfeat.rgb_to_hsv, imfeat.equalize):
        with pytest.raises((TypeError, ValueError), match="channel_axis"):
            function(RGB, channel_axis=axis)


def test_results_with_moved_channels_are_written_to_out():
    planes = np.ascontiguousarray(np.moveaxis(RGB, -1, 1))
    out = np.empty(planes.shape, np.uint8)
    assert imfeat.equalize(planes, channel_axis=1, out=out) is out
    assert_same(out, np.moveaxis(imfeat.equalize(RGB), -1, 1))
    with pytest.raises(ValueError, match=r"out must be an array of shape \(2, 3, 34, 30\)"):
        imfeat.equalize(planes, channel_axis=1, out=np.empty(RGB.shape, np.uint8))


# Dtypes


@pytest.mark.parametrize("name", sorted(set(ALL) - set(BYTES_ONLY) - {"glcm"}))
def test_booleans_are_0_and_1(name, strict):
    chosen = RGB > 100
    assert_same(ALL[name](chosen), ALL[name](chosen.astype(np.float32)))


def test_levels_of_booleans_and_words_are_their_values():
    chosen = GRAY > 100
    expected = skimage.feature.graycomatrix(chosen[0].astype(np.uint8), [1], [0], levels=2)
    np.testing.assert_array_equal(imfeat.glcm(chosen, angles=(0,), levels=2)[0], expected)
    for dtype in (np.uint16, np.int16):
        words = (GRAY // 8).astype(dtype)
        expected = skimage.feature.graycomatrix(words[0], [1], [0], levels=32)
        np.testing.assert_array_equal(imfeat.glcm(words, angles=(0,), levels=32)[0], expected)
        with pytest.raises(ValueError, match=r"below levels=8; cut .* \* 8 // (65536|32768)"):
            imfeat.glcm(words, levels=8)
    with pytest.raises(ValueError, match="below levels=256; cut"):
        imfeat.glcm(np.full((20, 20), 256, np.uint16))
    with pytest.raises(ValueError, match="must not be negative"):
        imfeat.glcm(np.full((20, 20), -1, np.int16))


@pytest.mark.parametrize("name", sorted(set(ALL) - set(BYTES_ONLY)))
def test_half_precision(name, strict):
    halves = as_floats(RGB, np.float16)
    expected = ALL[name](halves.astype(np.float32))
    assert_same(ALL[name](halves), expected.astype(np.float16) if "equalize" in name else expected)


@pytest.mark.parametrize("name", sorted(set(ALL) - set(WORDS_OF_THEIR_OWN)))
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_integers_of_16_bits(name, dtype, strict):
    largest = np.iinfo(dtype).max
    words = RNG.integers(0, largest + 1, RGB.shape).astype(dtype)
    floats = words.astype(np.float32)
    if name not in KEEP_UNITS:
        floats /= np.float32(largest)
    assert_same(ALL[name](words), ALL[name](floats))


@pytest.mark.parametrize("name", ["hog", "lbp_codes", "dense_sift"])
def test_negative_integers(name):
    words = RNG.integers(-2000, 3000, GRAY.shape).astype(np.int16)
    assert_same(ALL[name](words), ALL[name](words.astype(np.float32)))


def test_negative_integers_are_refused_where_values_have_a_range():
    words = RNG.integers(-2000, 3000, RGB.shape).astype(np.int16)
    for name in ("rgb_to_hsv", "color_histogram", "haralick", "raw_pixels"):
        with pytest.raises(ValueError, match=r"must not be negative.*\(images - low\) / \(high - low\)"):
            ALL[name](words)


def test_hog_of_16_bits_is_that_of_scikit_image():
    words = RNG.integers(0, 65536, (64, 48)).astype(np.uint16)
    for norm, name in (("l2-hys", "L2-Hys"), ("l1", "L1")):
        expected = skimage.feature.hog(words, block_norm=name, cells_per_block=(2, 2))
        np.testing.assert_allclose(imfeat.hog(words, norm=norm), expected, atol=1e-5)


SIZES = [(512, 512), (67, 65), (8, 9), (1, 300)]


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("largest", [65535, 4095, 9])
def test_equalization_over_all_values_of_16_bits(dtype, size, largest):
    low = 0 if dtype == np.uint16 else -32768
    values = RNG.integers(0, largest + 1, size) ** 2 // (largest + 1) + (low if largest == 65535 else 0)
    image = values.astype(dtype)
    expected = np.rint(skimage.exposure.equalize_hist(image) * np.iinfo(dtype).max)
    assert_same(imfeat.equalize(image), expected.astype(dtype))
    mask = RNG.random(size) < 0.5
    masked = np.rint(skimage.exposure.equalize_hist(image, mask=mask) * np.iinfo(dtype).max)
    np.testing.assert_allclose(imfeat.equalize(image, mask=mask), masked, rtol=0, atol=0)
    assert_same(imfeat.equalize(image, mask=np.zeros(size, bool)), image)


def test_value_of_16_bits_is_equalized():
    words = RNG.integers(0, 65536, RGB.shape).astype(np.uint16)
    words[0, 0, 0] = 0
    out = imfeat.equalize_value(words).astype(np.float64)
    value = imfeat.equalize(words.max(-1)).astype(np.float64)
    np.testing.assert_array_equal(out.max(-1), value)
    assert np.abs(out - words * (value / np.maximum(words.max(-1), 1))[..., None])[1:].max() <= 0.5
    assert (out[0, 0, 0] == value[0, 0, 0]).all()


@pytest.mark.parametrize("size", [(240, 320), (64, 67), (9, 8)])
@pytest.mark.parametrize("largest", [65535, 4095, 40])
@pytest.mark.parametrize("clip_limit", [0.5, 2.0, 40.0, 1e5])
def test_clahe_of_16_bits_is_that_of_opencv(size, largest, clip_limit):
    image = (RNG.random(size) ** 2 * (largest + 1)).astype(np.uint16)
    for tiles in ((8, 8), (3, 5)):
        expected = cv2.createCLAHE(clip_limit, tiles[::-1]).apply(image)
        assert_same(imfeat.equalize_clahe(image, clip_limit=clip_limit, tiles=tiles), expected)


# Ranges of floats


@pytest.mark.parametrize("name", ANY_RANGE)
def test_floats_of_any_range(name):
    images = RNG.normal(scale=300, size=RGB.shape)
    features = ALL[name](images)
    assert np.isfinite(features).all()
    assert np.ptp(features) > 0
    with pytest.raises(ValueError, match="must be finite"):
        ALL[name](np.where(images > 600, np.nan, images))
    with pytest.raises(ValueError, match=r"must not exceed 1e\+12"):
        ALL[name](images * 1e12)


def test_hog_and_sift_do_not_depend_on_the_range():
    floats = as_floats(GRAY)
    for norm in ("l1", "l2", "l2-hys"):
        np.testing.assert_allclose(
            imfeat.hog(floats * 255, norm=norm), imfeat.hog(GRAY, norm=norm), atol=1e-5
        )
    np.testing.assert_allclose(imfeat.dense_sift(floats * 7)[1], imfeat.dense_sift(floats)[1], atol=1e-5)
    np.testing.assert_allclose(imfeat.hog(floats - 3), imfeat.hog(floats), atol=1e-4)
    expected = skimage.feature.hog(GRAY[0] * 40.0 - 700, cells_per_block=(2, 2), channel_axis=None)
    np.testing.assert_allclose(imfeat.hog(GRAY[0] * 40.0 - 700), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0, 255, "divide by 255 if they are 0..255, or pass uint8"),
        (0, 1000, "divide by 1023 if they are 0..1023"),
        (0, 4095, "divide by 4095"),
        (0, 65535, "divide by 65535"),
        (0, 1e6, r"divide by their largest possible value, at least 1e\+06"),
        (-1, 1, r"\(images - low\) / \(high - low\)"),
    ],
)
def test_floats_beyond_the_range_name_the_factor(low, high, message):
    images = np.linspace(low, high, RGB.size).reshape(RGB.shape)
    for name in sorted(set(ALL) - set(ANY_RANGE) - set(BYTES_ONLY)):
        with pytest.raises(ValueError, match=message):
            ALL[name](images)


def test_square_roots_need_values_of_at_least_0():
    with pytest.raises(ValueError, match="have no negative values, for sqrt=True"):
        imfeat.hog(as_floats(GRAY) - 0.5, sqrt=True)
    image = GRAY[0] * 3.0
    expected = skimage.feature.hog(image, cells_per_block=(2, 2), transform_sqrt=True)
    np.testing.assert_allclose(imfeat.hog(image, sqrt=True), expected, atol=1e-5)


# Pictures, lists, tensors


@pytest.mark.parametrize(
    ("mode", "array"),
    [
        ("L", GRAY[0]),
        ("RGB", RGB[0]),
        ("1", GRAY[0] > 127),
        ("F", as_floats(GRAY[0])),
        ("I;16", (GRAY[0].astype(np.uint16) << 8)),
    ],
)
def test_pictures_of_pillow(mode, array, strict):
    picture = Image.fromarray(array)
    assert picture.mode == mode
    assert_same(imfeat.hog(picture), imfeat.hog(array))
    assert_same(imfeat.hog([picture, picture]), imfeat.hog(np.stack([array, array])))
    assert_same(imfeat.HOG().fit_transform([picture] * 2), imfeat.HOG().fit_transform(np.stack([array] * 2)))


def test_pictures_of_other_modes():
    picture = Image.fromarray(RGB[0])
    for mode in ("P", "CMYK", "YCbCr"):
        converted = picture.convert(mode)
        assert_same(imfeat.hog(converted), imfeat.hog(np.asarray(converted.convert("RGB"))))
    for mode in ("RGBA", "LA", "PA"):
        with pytest.raises(ValueError, match=rf'alpha channel \(mode {mode}\).*convert\("RGB"\)'):
            imfeat.hog(Image.fromarray(RGB[0]).convert("RGBA").convert(mode))
    keyed = picture.convert("P")
    keyed.info["transparency"] = 0
    with pytest.raises(ValueError, match="alpha channel"):
        imfeat.hog(keyed)
    with pytest.raises(TypeError, match=r"of mode HSV; pass .*np.asarray\(images\)"):
        imfeat.hsv_to_rgb(picture.convert("HSV"))
    with pytest.raises(TypeError, match="got int32"):
        imfeat.hog(Image.fromarray(GRAY[0].astype(np.int32)))


SMALLER = np.ascontiguousarray(RGB[1, :26, :25])


@pytest.mark.parametrize("name", sorted(set(ALL) - {"learn_palette", "sample_patches"}))
def test_lists_of_images_of_several_sizes(name, strict):
    function = DIRECT[name]
    items = [RGB[0], SMALLER]
    for images in (items, tuple(items), np.array([*items, None], object)[:2]):
        results = function(images)
        assert len(results) == 2
        for result, image in zip(results, items, strict=True):
            same_results(result, function(image))
        if isinstance(results[0], tuple):  # positions and descriptors
            continue
        same_length = results[0].shape == results[1].shape
        assert isinstance(results, np.ndarray if same_length else list)
    same_results(function([RGB[0], RGB[1]]), function(RGB))
    planes = [np.moveaxis(item, -1, 0) for item in items]
    for result, image in zip(function(planes, channel_axis=0), planes, strict=True):
        same_results(result, function(image, channel_axis=0))


def test_lists_of_gray_images_are_no_channels(strict):
    three = [GRAY[0], GRAY[1], GRAY[0]]
    expected = imfeat.hog(np.stack(three), channel_axis=None)
    assert_same(imfeat.hog(three), expected)
    assert_same(imfeat.hog([Image.fromarray(image) for image in three]), expected)
    assert_same(imfeat.HOG().fit_transform(three), expected)
    narrow = [image[:, :9] for image in three]
    assert_same(imfeat.lbp(narrow), imfeat.lbp(np.stack(narrow), channel_axis=None))
    tables = [RGB[0, 0], RGB[1, 0, :7]]
    assert_same(imfeat.rgb_to_hsv(tables)[1], imfeat.rgb_to_hsv(tables[1]))
    assert_same(imfeat.bag_of_words(list(RNG.random((2, 9, 4))), np.eye(4)).sum(1), np.ones(2, np.float32))


def test_lists_keep_dtypes_apart():
    mixed = [RGB[0], as_floats(RGB[1])]
    assert_same(imfeat.color_histogram(mixed)[1], imfeat.color_histogram(as_floats(RGB[1])))
    assert_same(imfeat.hog([RGB[0], GRAY[1]])[1], imfeat.hog(GRAY[1]))


def test_options_of_lists():
    masks = [RNG.random(image.shape[:2]) < 0.5 for image in (RGB[0], SMALLER)]
    found = imfeat.color_histogram([RGB[0], SMALLER], mask=masks)
    for features, image, mask in zip(found, (RGB[0], SMALLER), masks, strict=True):
        assert_same(features, imfeat.color_histogram(image, mask=mask))
    with pytest.raises(ValueError, match="mask must be a list of 2 masks"):
        imfeat.color_histogram([RGB[0], SMALLER], mask=masks[0])
    with pytest.raises(TypeError, match="out is for one array"):
        imfeat.hog([RGB[0], SMALLER], out=np.empty(3))


def test_palettes_and_patches_of_several_sizes():
    palette = imfeat.learn_palette([RGB[0], SMALLER], 4, rng=0)
    pixels = np.concatenate([RGB[0].reshape(-1, 3), SMALLER.reshape(-1, 3)])
    assert_same(palette, imfeat.learn_palette(pixels[None], 4, rng=0))
    patches = imfeat.sample_patches([RGB[0], SMALLER], 5, 200, rng=0)
    assert patches.shape == (200, 75)
    windows = np.concatenate([imfeat.dense_patches(x, 5).reshape(-1, 75) for x in (RGB[0], SMALLER)])
    of_first = [(windows[: 30 * 26] == patch).all(1).any() for patch in patches]
    assert 40 < sum(of_first) < 160
    assert all((windows == patch).all(1).any() for patch in patches)


def test_descriptors_of_several_images():
    groups = [RNG.normal(size=(n, 12)).astype(np.float32) for n in (5, 9, 2)]
    words = groups[0][:3]
    offsets = np.array([0, 5, 14, 16])
    for function in (imfeat.bag_of_words, imfeat.vlad, imfeat.triangle):
        np.testing.assert_allclose(
            function(groups, words), function(np.concatenate(groups), words, offsets=offsets), atol=1e-6
        )
    assert [len(indices) for indices in imfeat.assign(groups, words)] == [5, 9, 2]
    with pytest.raises(TypeError, match="offsets is for one array"):
        imfeat.vlad(groups, words, offsets=offsets)


class Exporter:
    """An array that has nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize("name", ALL)
def test_dlpack(name):
    assert_same(ALL[name](Exporter(RGB.copy())), ALL[name](RGB)) if name not in (
        "patch_features",
        "quantize_colors",
    ) else None


def test_dlpack_from_elsewhere_is_refused():
    class Device(Exporter):
        def __dlpack__(self, **options):
            raise BufferError("on an accelerator")

    with pytest.raises(TypeError, match="can't be read by DLPack: on an accelerator; pass a NumPy array"):
        imfeat.hog(Device(RGB))


class Tensor:
    """What features use of a tensor of PyTorch on the CPU, for machines without it."""

    is_cuda = False
    requires_grad = False

    def __init__(self, array):
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype

    def numpy(self):
        return self.array


Tensor.__module__ = "torch"


@pytest.fixture
def torch(monkeypatch):
    try:
        import torch
    except ImportError:
        torch = types.ModuleType("torch")
        torch.from_numpy = torch.as_tensor = Tensor
        monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


@pytest.mark.parametrize("name", sorted(set(ALL) - {"patch_features", "quantize_colors"}))
def test_tensors_give_tensors(name, torch):
    result = ALL[name](torch.from_numpy(RGB.copy()))
    assert type(result).__module__ == "torch"
    assert_same(result.numpy(), ALL[name](RGB))
    planes = np.ascontiguousarray(np.moveaxis(RGB, -1, 1))
    result = ALL[name](torch.from_numpy(planes), channel_axis=-3)
    assert_same(result.numpy(), ALL[name](planes, channel_axis=-3))


def test_tensors_in_lists_tuples_and_out(torch):
    tensors = [torch.from_numpy(RGB[0].copy()), torch.from_numpy(SMALLER.copy())]
    for result, image in zip(imfeat.hog(tensors), (RGB[0], SMALLER), strict=True):
        assert_same(result.numpy(), imfeat.hog(image))
    positions, descriptors = imfeat.dense_sift(tensors[0])
    assert_same(positions.numpy(), imfeat.dense_sift(RGB[0])[0])
    assert_same(descriptors.numpy(), imfeat.dense_sift(RGB[0])[1])
    windows = imfeat.hog_windows(tensors[0], (16, 16), 4)
    assert_same(windows.numpy(), imfeat.hog_windows(RGB[0], (16, 16), 4))
    drawn = imfeat.draw_hog(imfeat.hog(tensors[0]), RGB[0].shape[:2])
    assert_same(drawn.numpy(), imfeat.draw_hog(imfeat.hog(RGB[0]), RGB[0].shape[:2]))
    assert_same(imfeat.hog_to_opencv(windows).numpy(), imfeat.hog_to_opencv(windows.numpy()))
    counts = np.arange(12, dtype=np.float32).reshape(3, 4)
    compared = imfeat.compare_histograms(torch.from_numpy(counts), torch.from_numpy(counts))
    assert_same(compared.numpy(), imfeat.compare_histograms(counts, counts))
    out = torch.from_numpy(np.empty_like(RGB[0]))
    assert imfeat.equalize(tensors[0], out=out) is out
    assert_same(out.numpy(), imfeat.equalize(RGB[0]))
    vectors = RNG.normal(size=(9, 4)).astype(np.float32)
    assert_same(
        imfeat.assign(torch.from_numpy(vectors), vectors[:3]).numpy(), imfeat.assign(vectors, vectors[:3])
    )
    assert_same(imfeat.HOG().fit_transform(torch.from_numpy(RGB.copy())), imfeat.hog(RGB))


def test_tensors_that_numpy_has_no_array_for(torch):
    tensor = torch.from_numpy(as_floats(RGB))
    tensor.requires_grad = True
    with pytest.raises(TypeError, match=r"requires grad.*images\.detach\(\)"):
        imfeat.hog(tensor)


# Estimators

KINDS = [getattr(estimators, name) for name in dir(estimators) if not name.startswith("_")]
OF_IMAGES = [kind for kind in KINDS if hasattr(kind, "any_number")]


@pytest.mark.parametrize(
    "kind", [kind for kind in OF_IMAGES if kind.any_number], ids=lambda kind: kind.__name__
)
def test_transformers_of_any_number_of_channels(kind, strict):
    few = {"n_words": 4, "n_first_words": 4, "n_patches": 100, "n_iterations": 2, "random_state": 0}
    options = {k: v for k, v in few.items() if k in kind().get_params()}
    options |= {"space": None, "joint": False} if kind is imfeat.ColorHistogram else {}
    options |= {"n_pca": 3} if kind is imfeat.TwoLayerPatches else {}
    expected = kind(channel_axis=-1, **options).fit_transform(FIVE)
    moved = kind(channel_axis=1, **options).fit_transform(np.moveaxis(FIVE, -1, 1))
    np.testing.assert_array_equal(np.moveaxis(moved, 1, -1) if moved.ndim > 2 else moved, expected)
    with pytest.raises(ValueError, match="channel_axis=-1 for 5 channels"):
        kind(**options).fit(FIVE)


@pytest.mark.parametrize("kind", OF_IMAGES, ids=lambda kind: kind.__name__)
def test_transformers_warn_of_channels_first(kind):
    few = {"n_words": 4, "n_colors": 4, "n_patches": 100, "n_iterations": 2, "random_state": 0}
    few |= {"n_first_words": 4, "n_components": 2, "n_pca": 4, "bin_size": 2}
    options = {k: v for k, v in few.items() if k in kind().get_params()}
    if "local" in kind().get_params():
        options["local"] = imfeat.DenseSIFT(bin_size=2)
    planes = np.moveaxis(RGB, -1, 1)
    if kind.color_only:
        with pytest.raises(ValueError, match="channel_axis=-3"):
            kind(**options).fit(planes)
    else:
        with (
            pytest.warns(UserWarning, match="channel_axis=-3"),
            pytest.raises(ValueError, match="X must be a batch"),
        ):
            kind(**options).fit(planes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = kind(**options).fit(RGB).transform(RGB)
        found = kind(**options, channel_axis=-3).fit(planes).transform(planes)
        np.testing.assert_array_equal(
            np.moveaxis(found, 1, -1) if kind is imfeat.Equalize else found, expected
        )
        three = np.concatenate([GRAY, GRAY[:1]])
        if not kind.color_only:
            kind(**options, channel_axis=None).fit(three).transform(three)

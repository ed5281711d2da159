"""Colour conversions against scikit-image and Pillow; more in test_exactness.py."""

import numpy as np
import pytest
import skimage.color
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import imfeat

PRIMARIES = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [255, 255, 255], [0, 0, 0]]], np.uint8
)


def assert_same_color(actual, expected, atol):
    """Compare with hues (the first channel) on a circle."""
    apart = np.abs(actual - expected)
    apart[..., 0] = np.minimum(apart[..., 0], 1 - apart[..., 0])
    assert apart.max(initial=0) <= atol


@pytest.fixture(scope="module")
def all_colors():
    codes = np.arange(1 << 24, dtype=np.uint32).reshape(4096, 4096)
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(np.uint8)


def test_primaries_have_the_hues_of_the_color_wheel():
    expected = [[0, 1, 1], [1 / 3, 1, 1], [2 / 3, 1, 1], [1 / 6, 1, 1], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_allclose(imfeat.rgb_to_hsv(PRIMARIES)[0], expected, atol=1e-7)
    expected = [[0, 1, 1 / 3], [1 / 3, 1, 1 / 3], [2 / 3, 1, 1 / 3], [1 / 6, 1, 2 / 3], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_allclose(imfeat.rgb_to_hsi(PRIMARIES)[0], expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_rgb_to_hsv_matches_scikit_image(rgb, dtype):
    images = rgb if dtype == "uint8" else (rgb / 255).astype(dtype)
    hsv = imfeat.rgb_to_hsv(images)
    assert hsv.dtype == np.float32
    assert_same_color(hsv, skimage.color.rgb2hsv(images), 1e-6)


def test_bytes_of_all_colors_match_pillow(all_colors):
    np.testing.assert_array_equal(
        imfeat.rgb_to_hsv(all_colors, dtype="uint8"), np.asarray(Image.fromarray(all_colors).convert("HSV"))
    )


def test_bytes_of_all_hsv_colors_match_pillow(all_colors):
    image = Image.frombytes("HSV", all_colors.shape[1::-1], all_colors.tobytes())
    np.testing.assert_array_equal(
        imfeat.hsv_to_rgb(all_colors, dtype="uint8"), np.asarray(image.convert("RGB"))
    )


def test_float_hsv_of_all_colors_is_a_division(all_colors):
    """Values and saturations are those that division rounds to, though a division by 255 is replaced."""
    hsv = imfeat.rgb_to_hsv(all_colors[::16])
    colors = all_colors[::16].astype(np.float32)
    high, low = colors.max(2), colors.min(2)
    np.testing.assert_array_equal(hsv[..., 2], high / np.float32(255))
    np.testing.assert_array_equal(hsv[..., 1], (high - low) / np.maximum(high, 1))


def test_gray_bytes_of_all_colors_match_pillow(all_colors):
    np.testing.assert_array_equal(
        imfeat.rgb_to_gray(all_colors), np.asarray(Image.fromarray(all_colors).convert("L"))
    )


def test_gray_bytes_of_any_number_of_pixels_match_pillow(rng):
    for width in range(1, 140):  # blocks of 32 pixels, and the rest
        row = rng.integers(0, 256, (1, width, 3), dtype=np.uint8)
        np.testing.assert_array_equal(imfeat.rgb_to_gray(row), np.asarray(Image.fromarray(row).convert("L")))


@given(arrays(np.float32, (4, 5, 3), elements=st.floats(0, 1, width=32)))
def test_the_way_to_hsv_and_back_changes_nothing(images):
    np.testing.assert_allclose(imfeat.hsv_to_rgb(imfeat.rgb_to_hsv(images)), images, rtol=0, atol=1e-6)


@given(arrays(np.float64, (3, 4, 3), elements=st.floats(0, 1)))
def test_hue_is_in_the_half_open_interval(images):
    for convert in (imfeat.rgb_to_hsv, imfeat.rgb_to_hsi):
        hue = convert(images)[..., 0]
        assert ((hue >= 0) & (hue < 1)).all()


def test_white_red_and_blue_in_lab():
    """Values of the CIE's formulas, as tables print them."""
    image = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]]], np.uint8)
    expected = [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    np.testing.assert_allclose(imfeat.rgb_to_lab(image)[0], expected, rtol=0, atol=0.01)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_rgb_to_lab_matches_scikit_image(rgb, dtype):
    images = rgb if dtype == "uint8" else (rgb / 255).astype(dtype)
    lab = imfeat.rgb_to_lab(images)
    assert lab.dtype == np.float32
    exact = images if dtype == "uint8" else images.astype(np.float64)  # of float32 its own result is
    np.testing.assert_allclose(lab, skimage.color.rgb2lab(exact), rtol=0, atol=1e-5)


def test_lab_of_dark_and_of_evenly_spaced_values(rng):
    """All of both parts of the curves, between the values of bytes."""
    values = np.sort(np.concatenate([rng.random(30_000) ** 4, [0, 0.04045, 0.008856, 1, 1e-30, 0.04046]]))
    images = np.stack([values, np.roll(values, 1), rng.permutation(values)], -1)[None]
    np.testing.assert_allclose(imfeat.rgb_to_lab(images), skimage.color.rgb2lab(images), rtol=0, atol=1e-5)


def test_lab_to_rgb_matches_scikit_image(rng):
    lab = (rng.random((40, 50, 3)) * [100, 200, 200] - [0, 100, 100]).astype(np.float32)
    with pytest.warns(UserWarning, match="negative Z values"):
        expected = skimage.color.lab2rgb(lab.astype(np.float64))
    assert (expected == 0).any()  # outside the gamut
    np.testing.assert_allclose(imfeat.lab_to_rgb(lab), expected, rtol=0, atol=1e-6)


@given(arrays(np.float32, (4, 5, 3), elements=st.floats(0, 1, width=32)))
def test_the_way_to_lab_and_back_changes_nothing(images):
    np.testing.assert_allclose(imfeat.lab_to_rgb(imfeat.rgb_to_lab(images)), images, rtol=0, atol=3e-5)


@pytest.mark.parametrize(
    ("lab", "message"),
    [
        (np.zeros(3), r"images must have the shape \(..., height, width, 3\), got \(3,\)"),
        (np.zeros((4, 4, 4)), "images must be vectors of length 3, got length 4"),
        (np.full((2, 2, 3), np.nan), "images must be finite"),
    ],
)
def test_wrong_lab_images_are_refused(lab, message):
    with pytest.raises(ValueError, match=message):
        imfeat.lab_to_rgb(lab)


def test_primaries_in_ycbcr():
    luma = np.array([0.299, 0.587, 0.114, 0.886, 1, 0])
    blue, red = PRIMARIES[0, :, 2] / 255, PRIMARIES[0, :, 0] / 255
    expected = np.stack([luma, 0.5 + (blue - luma) / 1.772, 0.5 + (red - luma) / 1.402], 1)
    np.testing.assert_allclose(imfeat.rgb_to_ycbcr(PRIMARIES)[0], expected, rtol=0, atol=2e-7)
    assert imfeat.rgb_to_ycbcr(PRIMARIES, dtype="uint8")[0, 4:].tolist() == [[255, 128, 128], [0, 128, 128]]


def test_ycbcr_bytes_of_all_colors_match_pillow(all_colors):
    np.testing.assert_array_equal(
        imfeat.rgb_to_ycbcr(all_colors, dtype="uint8"),
        np.asarray(Image.fromarray(all_colors).convert("YCbCr")),
    )


def test_ycbcr_bytes_come_back_as_pillow_brings_them(rgb):
    ycbcr = imfeat.rgb_to_ycbcr(rgb[0], dtype="uint8")
    peer = np.asarray(Image.frombytes("YCbCr", (67, 45), ycbcr.tobytes()).convert("RGB"))
    np.testing.assert_allclose(imfeat.ycbcr_to_rgb(ycbcr) * 255, peer, rtol=0, atol=1.01)


@given(arrays(np.float32, (4, 5, 3), elements=st.floats(0, 1, width=32)))
def test_the_way_to_ycbcr_and_back_changes_nothing(images):
    ycbcr = imfeat.rgb_to_ycbcr(images)
    assert ((ycbcr >= 0) & (ycbcr <= 1)).all()
    np.testing.assert_allclose(imfeat.ycbcr_to_rgb(ycbcr), images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("convert", [imfeat.rgb_to_hsv, imfeat.rgb_to_ycbcr])
def test_conversions_to_bytes_refuse_floats(convert):
    with pytest.raises(TypeError, match='dtype="uint8" takes uint8 images, got float64'):
        convert(np.zeros((2, 2, 3)), dtype="uint8")

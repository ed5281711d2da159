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


def test_gray_bytes_of_all_colors_match_pillow(all_colors):
    np.testing.assert_array_equal(
        imfeat.rgb_to_gray(all_colors), np.asarray(Image.fromarray(all_colors).convert("L"))
    )


@given(arrays(np.float32, (4, 5, 3), elements=st.floats(0, 1, width=32)))
def test_the_way_to_hsv_and_back_changes_nothing(images):
    np.testing.assert_allclose(imfeat.hsv_to_rgb(imfeat.rgb_to_hsv(images)), images, rtol=0, atol=1e-6)


@given(arrays(np.float64, (3, 4, 3), elements=st.floats(0, 1)))
def test_hue_is_in_the_half_open_interval(images):
    for convert in (imfeat.rgb_to_hsv, imfeat.rgb_to_hsi):
        hue = convert(images)[..., 0]
        assert ((hue >= 0) & (hue < 1)).all()


def test_hsv_bytes_refuse_floats():
    with pytest.raises(TypeError, match='dtype="uint8" takes uint8 images, got float64'):
        imfeat.rgb_to_hsv(np.zeros((2, 2, 3)), dtype="uint8")

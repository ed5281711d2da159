"""Equalization against Pillow, torchvision, OpenCV and scikit-image."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.exposure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from imfeat_kernels.cpu import equalize_floats
from PIL import Image, ImageOps

import imfeat

GRAYS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 255))


def pillow(image):
    return np.asarray(ImageOps.equalize(Image.fromarray(image)))


def test_four_values_spread_over_the_range():
    image = np.repeat(np.array([10, 20, 30, 40], np.uint8), 255).reshape(4, 255)
    assert np.unique(imfeat.equalize(image)).tolist() == [0, 85, 170, 255]
    assert np.unique(imfeat.equalize(image, convention="opencv")).tolist() == [0, 85, 170, 255]
    assert np.unique(imfeat.equalize((image > 10) * 1.0)).tolist() == [0.25, 1]


@given(GRAYS)
def test_small_images_match_pillow(image):
    image = np.ascontiguousarray(image)
    np.testing.assert_array_equal(imfeat.equalize(image), pillow(image))


@given(GRAYS)
def test_small_images_match_opencv(image):
    image = np.ascontiguousarray(image)
    np.testing.assert_array_equal(imfeat.equalize(image, convention="opencv"), cv2.equalizeHist(image))


def test_matches_what_torchvision_gave():
    stored = np.load(Path(__file__).parent / "data" / "torchvision_equalize.npz")
    for name in stored["names"]:
        np.testing.assert_array_equal(imfeat.equalize(stored[f"{name}_in"]), stored[f"{name}_out"])


def test_torchvision_itself(rgb):
    functional = pytest.importorskip(
        "torchvision.transforms.functional", reason="torchvision is not installed"
    )
    torch = pytest.importorskip("torch")
    for color, one in zip(imfeat.equalize(rgb), rgb, strict=True):
        expected = functional.equalize(torch.from_numpy(one.copy()).permute(2, 0, 1)).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(color, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_match_scikit_image(gray, dtype):
    images = (gray / 255).astype(dtype)
    for level, one in zip(imfeat.equalize(images), images, strict=True):
        np.testing.assert_allclose(level, skimage.exposure.equalize_hist(one), rtol=0, atol=1e-6)
    assert imfeat.equalize(images).dtype == dtype


def test_float_channels_are_equalized_one_by_one(rgb):
    images = (rgb / 255).astype(np.float32)
    for c in range(3):
        channel = np.ascontiguousarray(images[..., c])
        np.testing.assert_array_equal(imfeat.equalize(images)[..., c], imfeat.equalize(channel))


def test_nearly_flat_floats_are_equalized_with_the_others(rng):
    images = rng.random((3, 32, 32)).astype(np.float32)
    images[1] = 0.9 + 1e-5 * images[1]  # of which 256 bins coincide in float32
    expected = [skimage.exposure.equalize_hist(image.astype(np.float64)) for image in images]
    np.testing.assert_allclose(imfeat.equalize(images), expected, atol=1e-6)
    colors = np.stack([images, images, images], axis=-1)
    np.testing.assert_allclose(imfeat.equalize_value(colors)[1, ..., 2], expected[1], atol=1e-5)
    mask = rng.random((3, 32, 32)) < 0.5
    masked = skimage.exposure.equalize_hist(images[1].astype(np.float64), mask=mask[1])
    np.testing.assert_allclose(imfeat.equalize(images, mask=mask)[1], masked, atol=1e-6)


def test_values_beyond_the_edges_are_counted_in_their_own_plane():
    planes = np.full((6, 10), -5, np.float32)
    edges = np.linspace(0, 1, 257, dtype=np.float32) * np.ones((6, 1), np.float32)
    counts = np.empty((6, 256), np.int64)
    equalize_floats.edge_counts(planes, edges, np.empty((0, 0), np.bool_), counts)
    np.testing.assert_array_equal(counts.sum(1), 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_steps", [1, 2, 100, 10**6])
@pytest.mark.parametrize("low", [0.0, 1e-30, 0.75])
def test_the_smallest_ranges_of_floats(dtype, n_steps, low):
    low = np.array(low, dtype)
    image = np.full((8, 8), low)
    image[::2] += n_steps * np.spacing(low)
    assert image.min() < image.max()
    np.testing.assert_array_equal(imfeat.equalize(image), np.where(image > low, 1, 0.5))


def test_a_mask_limits_the_histogram(photo, rng):
    image = np.ascontiguousarray(photo[:60, :70, 0])
    mask = rng.random(image.shape) < 0.5
    expected = ImageOps.equalize(Image.fromarray(image), mask=Image.fromarray(mask))
    np.testing.assert_array_equal(imfeat.equalize(image, mask=mask), expected)
    floats = image / 255
    np.testing.assert_allclose(
        imfeat.equalize(floats, mask=mask), skimage.exposure.equalize_hist(floats, mask=mask), atol=1e-6
    )


@pytest.mark.parametrize("convention", ["torchvision", "opencv"])
def test_an_empty_mask_changes_nothing(rgb, convention):
    none = np.zeros((45, 67), bool)
    np.testing.assert_array_equal(imfeat.equalize(rgb, mask=none, convention=convention), rgb)
    floats = (rgb / 255).astype(np.float32)
    np.testing.assert_array_equal(imfeat.equalize(floats, mask=none, convention=convention), floats)


@given(GRAYS)
def test_equalizing_keeps_the_order_of_values(image):
    for convention in ("torchvision", "opencv"):
        out = imfeat.equalize(image, convention=convention).ravel()[
            np.argsort(image, axis=None, kind="stable")
        ]
        assert (np.diff(out.astype(int)) >= 0).all()


def test_value_keeps_hue_and_saturation(photo):
    image = np.ascontiguousarray(photo[100:180, 60:200])
    hsv = skimage.color.rgb2hsv(image)
    hsv[..., 2] = pillow(image.max(-1)) / 255
    assert np.abs(imfeat.equalize_value(image) - 255 * skimage.color.hsv2rgb(hsv)).max() <= 0.5 + 1e-6


def test_value_of_floats(photo):
    image = photo[100:180, 60:200] / 255
    hsv = skimage.color.rgb2hsv(image)
    hsv[..., 2] = skimage.exposure.equalize_hist(image.max(-1))
    np.testing.assert_allclose(imfeat.equalize_value(image), skimage.color.hsv2rgb(hsv), atol=2e-6)


def test_black_becomes_the_gray_of_its_value():
    image = np.zeros((20, 40, 3))
    image[:, 10:] = [0.8, 0.4, 0]
    out = imfeat.equalize_value(image)
    assert (out[:, :10] == 0.25).all()
    np.testing.assert_allclose(out[:, 10:], np.broadcast_to([1, 0.5, 0], (20, 30, 3)))


@pytest.mark.parametrize("tiles", [(8, 8), (1, 1), (3, 5), (5, 9)])
@pytest.mark.parametrize("clip_limit", [0.5, 2.0, 4.3, 40.0, 1000.0])
def test_clahe_matches_opencv(gray, tiles, clip_limit):
    clahe = cv2.createCLAHE(clip_limit, tiles[::-1])
    for level, one in zip(imfeat.equalize_clahe(gray, clip_limit=clip_limit, tiles=tiles), gray, strict=True):
        np.testing.assert_array_equal(level, clahe.apply(one))


@pytest.mark.parametrize("shape", [(512, 512), (240, 320), (64, 67), (65, 64), (9, 8)])
def test_clahe_matches_opencv_at_other_sizes(photo, shape):
    image = np.ascontiguousarray(photo[: shape[0], : shape[1], 1])
    np.testing.assert_array_equal(imfeat.equalize_clahe(image), cv2.createCLAHE(2.0, (8, 8)).apply(image))


def test_clahe_of_colors_is_that_of_their_channels(rgb):
    out = imfeat.equalize_clahe(rgb)
    for c in range(3):
        np.testing.assert_array_equal(out[..., c], imfeat.equalize_clahe(np.ascontiguousarray(rgb[..., c])))


def test_wrong_options_are_refused(gray):
    with pytest.raises(ValueError, match="convention must be one of 'torchvision', 'opencv', got 'cv2'"):
        imfeat.equalize(gray, convention="cv2")
    with pytest.raises(ValueError, match="clip_limit must be above 0"):
        imfeat.equalize_clahe(gray, clip_limit=0)
    with pytest.raises(ValueError, match="tiles must fit images of 45 x 67 pixels, got 46 x 8"):
        imfeat.equalize_clahe(gray, tiles=(46, 8))
    with pytest.raises(TypeError, match="images must be uint8, got float64"):
        imfeat.equalize_clahe(gray / 255)


@pytest.mark.parametrize(("base", "units"), [(0.5, 30), (0.9, 168), (0.9, 255), (0.01, 700), (0.5, 2000)])
def test_nearly_flat_floats_are_equalized(rng, base, units):
    extent = units * np.spacing(np.float32(base))
    batch = rng.random((3, 32, 32)).astype(np.float32)
    batch[1] = base + extent * batch[1]
    found = imfeat.equalize(batch)
    np.testing.assert_array_equal(found[::2], imfeat.equalize(batch[::2]))
    dtype = np.float64 if units < 256 else np.float32  # of bins: scikit-image has an error if they don't fit
    expected = skimage.exposure.equalize_hist(batch[1].astype(dtype))
    np.testing.assert_allclose(found[1], expected, rtol=0, atol=1e-6)
    mask = np.zeros((3, 32, 32), bool)
    mask[:, :20] = True
    masked = imfeat.equalize(batch, mask=mask)
    np.testing.assert_array_equal(masked[0], imfeat.equalize(batch[0], mask=mask[0]))
    assert (np.diff(masked[1].ravel()[np.argsort(batch[1].ravel())]) >= 0).all()
    color = np.repeat(batch[..., None], 3, axis=-1)
    np.testing.assert_allclose(imfeat.equalize_value(color)[..., 0], found, rtol=0, atol=1e-6)


def test_flat_doubles_are_stretched_and_equalized(rng):
    batch = rng.random((3, 32, 32))
    batch[1] = 0.9 + 1e-15 * batch[1]
    assert 2 < len(np.unique(batch[1])) < 20
    stretched = (batch[1] - batch[1].min()) / np.ptp(batch[1])
    found = imfeat.equalize(batch)
    np.testing.assert_allclose(found[1], skimage.exposure.equalize_hist(stretched), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found[::2], imfeat.equalize(batch[::2]))


@pytest.mark.parametrize("exponent", np.linspace(-9, -3, 13))
def test_equalized_floats_of_any_extent_are_finite(rng, exponent):
    for dtype, smaller in (("float32", 1), ("float64", 1e-9)):
        image = (0.7 + 10**exponent * smaller * rng.random((16, 16))).astype(dtype)
        equalized = imfeat.equalize(image)
        assert equalized.dtype == image.dtype
        assert ((equalized >= 0) & (equalized <= 1)).all()

"""Dense SIFT against VLFeat, and colours of the same bins."""

from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imfeat_kernels.cpu import launch

import imfeat
from imfeat import sift

STORED = dict(np.load(Path(__file__).parent / "data" / "vlfeat_dsift.npz"))
CASES = [
    (name, *case)
    for name in ("natural", "noise", "dark", "half")
    for case in STORED[f"{name}_cases"].tolist()
]
LIMIT = 255 / 512  # of the float descriptors of VLFeat, which bytes have to follow
# Where a direction k goes when left and right change places: 180 degrees minus it.
MIRRORED = np.arange(128).reshape(4, 4, 8)[:, ::-1, [4, 3, 2, 1, 0, 7, 6, 5]].ravel()


def assert_close(actual, expected, tolerance):
    assert actual.shape == expected.shape
    assert np.linalg.norm(actual - expected, axis=-1).max() < tolerance


@pytest.mark.parametrize("fast", [False, True])
def test_a_ramp_has_one_direction(fast):
    image = np.tile(np.arange(30) / 64, (30, 1))
    positions, descriptors = imfeat.dense_sift(image, fast=fast)
    assert positions.shape == (25, 2)
    np.testing.assert_array_equal(positions[:7], [[6, 6 + 4 * c] for c in range(5)] + [[10, 6], [10, 10]])
    bins = descriptors[12].reshape(4, 4, 8)
    assert (bins[..., 0] > 0.15).all()
    np.testing.assert_array_equal(bins[..., 1:], 0)


@pytest.mark.parametrize("k", range(8))
def test_directions_turn_from_right_to_down(k):
    y, x = np.mgrid[:16, :16] / 32
    image = 0.5 + 0.5 * (x * np.cos(k * np.pi / 4) + y * np.sin(k * np.pi / 4))
    bins = imfeat.dense_sift(image)[1].reshape(-1, 4, 4, 8)
    np.testing.assert_array_equal(bins[:, 1:3, 1:3].argmax(-1), k)


def test_equal_bins_follow_the_window():
    bins = imfeat.dense_sift(np.tile(np.arange(40) / 64, (40, 1)), bin_size=8)[1][0].reshape(4, 4, 8)[..., 0]
    # The mean of the window over a bin; the inner ones are clipped, in the outer ones it is below.
    window = np.exp(-0.5 * (np.arange(-7, 8) / 16 + np.array([[-0.75], [-0.25]])) ** 2)
    share = (window * (1 - abs(np.arange(-7, 8)) / 8)).sum(1)
    inner, side, corner = share[1] ** 2, share[0] * share[1], share[0] ** 2
    norm = 2 * np.sqrt(inner**2 + 2 * side**2 + corner**2)
    assert inner / norm > 0.2
    clipped = np.minimum(np.array([inner, side, corner]) / norm, 0.2)
    clipped /= 2 * np.sqrt(clipped[0] ** 2 + 2 * clipped[1] ** 2 + clipped[2] ** 2)
    np.testing.assert_allclose([bins[1, 1], bins[2, 1]], clipped[0], rtol=1e-6)
    np.testing.assert_allclose([bins[3, 1], bins[1, 3], bins[2, 3]], clipped[1], rtol=1e-6)
    np.testing.assert_allclose(bins[3, 3], clipped[2], rtol=1e-6)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("name", "step", "bin_size"), CASES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_matches_vlfeat(name, step, bin_size, fast, dtype):
    image = STORED[f"{name}_in"]
    image = image if dtype == "uint8" else (image / 255).astype(dtype)
    positions, descriptors = imfeat.dense_sift(image, step=step, bin_size=bin_size, fast=fast)
    np.testing.assert_array_equal(positions, STORED[f"{name}_positions_{step}_{bin_size}"])
    expected = STORED[f"{name}_out_{step}_{bin_size}_{fast}"] / 512
    assert_close(np.minimum(descriptors, LIMIT), expected, 1e-4)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("window", [0.7, 1.5])
def test_windows_match_vlfeat(window, fast):
    options = {"step": 5, "bin_size": 3, "fast": fast, "window": window}
    descriptors = imfeat.dense_sift(STORED["natural_in"], **options)[1]
    assert_close(np.minimum(descriptors, LIMIT), STORED[f"window_out_{window}_{fast}"] / 512, 1e-4)
    estimator = imfeat.DenseSIFT(**options)
    np.testing.assert_array_equal(estimator.fit_transform(STORED["natural_in"][None])[0], descriptors)


@pytest.mark.parametrize(("name", "fast", "window"), [("scales", False, 2), ("phow", True, 1.5)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_scales_match_vlfeat(name, fast, window, dtype):
    image = STORED["natural_in"]
    image = image if dtype == "uint8" else (image / 255).astype(dtype)
    scales = 1, 1.5, 2.5
    positions, descriptors = imfeat.dense_sift(image, step=3, scales=scales, fast=fast, window=window)
    np.testing.assert_array_equal(positions, STORED[f"{name}_positions"])
    assert_close(np.minimum(descriptors, LIMIT), STORED[f"{name}_out"] / 512, 1e-3)


@pytest.mark.parametrize("window", [0, -1.5, np.nan, np.inf])
def test_windows_that_are_refused(window):
    with pytest.raises(ValueError, match="window must be above 0"):
        imfeat.dense_sift(STORED["natural_in"], window=window)


@pytest.mark.parametrize("fast", [False, True])
def test_a_scale_is_a_smoothed_image(photo, fast):
    image = photo[100:180, 100:190, 1]
    positions, descriptors = imfeat.dense_sift(image, step=3, bin_size=3, scales=(1, 2), fast=fast)
    smoothed = scipy.ndimage.gaussian_filter(image / 255, 1, mode="nearest")
    expected = imfeat.dense_sift(smoothed, step=3, bin_size=6, fast=fast)
    np.testing.assert_array_equal(positions[-len(expected[0]) :], expected[0])
    assert_close(descriptors[-len(expected[0]) :], expected[1], 1e-3)
    np.testing.assert_array_equal(positions[0], [8.5, 8.5])  # half a pixel from the other's first, at 9


@pytest.mark.parametrize("scales", [None, (1, 1.5)])
@pytest.mark.parametrize("fast", [False, True])
def test_a_batch_is_its_images(photo, fast, scales, monkeypatch):
    monkeypatch.setattr(sift, "PIXELS_AT_ONCE", 7000)
    crops = np.stack([photo[y : y + 30, y : y + 35] for y in range(0, 400, 20)])
    for images in (crops, crops[..., 1], crops[..., ::-1, :] / 255):
        positions, batch = imfeat.dense_sift(
            images.reshape(2, 10, *images.shape[1:]), fast=fast, scales=scales
        )
        assert batch.shape == (2, 10, len(positions), 128)
        single = [imfeat.dense_sift(image, fast=fast, scales=scales)[1] for image in images]
        np.testing.assert_array_equal(batch.reshape(20, -1, 128), single)


def test_colour_counts_as_gray(photo):
    for images in (photo[:40, :50], photo[:40, :50] / 255):
        expected = imfeat.dense_sift(imfeat.rgb_to_gray(images))[1]
        np.testing.assert_array_equal(imfeat.dense_sift(images)[1], expected)


def opponent(images):
    """Return the opponent channels of VLFeat's vl_phow, shifted and scaled into [0, 1]."""
    r, g, b = np.moveaxis(images, -1, 0)
    mu = 0.3 * r + 0.59 * g + 0.11 * b
    channels = [mu, (r - g) / np.sqrt(2) + 0.01 * mu, (r + g - 2 * b) / np.sqrt(6) + 0.01 * mu]
    return np.stack([(channel + 1) / 2 for channel in channels], -1)


CHANNELS = {"rgb": lambda images: images, "hsv": imfeat.rgb_to_hsv, "opponent": opponent}


@pytest.mark.parametrize("color", CHANNELS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"fast": True, "window": 1.5, "scales": (1, 1.5)}])
def test_channels_are_described_by_themselves(photo, color, dtype, options, monkeypatch):
    monkeypatch.setattr(sift, "PIXELS_AT_ONCE", 7000)
    images = np.stack([photo[y : y + 38, 90:131] for y in (100, 150, 310)])
    images = images if dtype == "uint8" else (images / 255).astype(dtype)
    positions, descriptors = imfeat.dense_sift(images, color=color, **options)
    assert descriptors.shape == (3, len(positions), 384)
    channels = CHANNELS[color](images if dtype != "uint8" or color != "opponent" else images / 255)
    for c in range(3):
        alone, expected = imfeat.dense_sift(np.ascontiguousarray(channels[..., c]), **options)
        np.testing.assert_array_equal(positions, alone)
        found = descriptors[..., 128 * c : 128 * (c + 1)]
        if color == "opponent":
            assert_close(found, expected, 2e-4)
        else:
            np.testing.assert_array_equal(found, expected)


def test_a_red_edge_shows_in_red():
    image = np.zeros((14, 14, 3), np.uint8)
    image[:, 7:, 0] = 200
    red, green, blue = np.split(imfeat.dense_sift(image, color="rgb")[1][0], 3)
    assert red.any()
    assert not green.any()
    assert not blue.any()
    _, rg, yb = np.split(imfeat.dense_sift(image, color="opponent")[1][0], 3)
    np.testing.assert_allclose(rg, red, atol=1e-6)
    np.testing.assert_allclose(yb, red, atol=1e-6)


def test_a_gray_image_has_thrice_the_same_descriptor_in_opponent_colours(photo):
    """That is what the small share of gray in the other two channels is for."""
    image = np.repeat(photo[100:140, 100:150, 1:2], 3, 2)
    gray = imfeat.dense_sift(image[..., 0])[1]
    for part in np.split(imfeat.dense_sift(image, color="opponent")[1], 3, -1):
        assert_close(part, gray, 1e-3)


def test_colours_of_the_transformer(photo):
    images = photo[None, 100:140, 100:150]
    estimator = imfeat.DenseSIFT(color="hsv", fast=False)
    np.testing.assert_array_equal(
        estimator.fit_transform(images)[0], imfeat.dense_sift(images[0], color="hsv")[1]
    )
    names = estimator.get_feature_names_out()
    assert len(names) == 384 * len(estimator.positions_)
    assert names[0] == "sift_p0_h_y0_x0_o0"
    assert names[-1] == f"sift_p{len(estimator.positions_) - 1}_v_y3_x3_o7"
    with pytest.raises(ValueError, match=r"must have the shape \(..., height, width, 3\)"):
        imfeat.dense_sift(photo[..., 0], color="rgb")
    with pytest.raises(ValueError, match="color must be one of 'gray', 'rgb', 'hsv', 'opponent', got 'lab'"):
        imfeat.dense_sift(photo, color="lab")


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("step", "bin_size"), [(1, 2), (4, 4), (3, 5)])
def test_wide_images_are_their_parts(photo, step, bin_size, fast):
    image = np.tile(photo[100:130, :, 1], (1, 3))[:, :1400]
    whole = imfeat.dense_sift(image, step=step, bin_size=bin_size, fast=fast)[1].reshape(-1, 128)
    n_cols = (1399 - 3 * bin_size) // step + 1
    whole = whole.reshape(-1, n_cols, 128)
    for start in (0, 480, 900):
        part = image[:, start : start + 240]
        n_part = (239 - 3 * bin_size) // step + 1
        expected = imfeat.dense_sift(part, step=step, bin_size=bin_size, fast=fast)[1].reshape(
            -1, n_part, 128
        )
        inner = slice(6, n_part - 6)  # away from what the border of the part changes
        shifted = whole[:, start // step :][:, inner]
        np.testing.assert_allclose(shifted, expected[:, inner], rtol=0, atol=1e-6)


@pytest.mark.parametrize("fast", [False, True])
def test_threads_that_share_an_image_change_no_bit(photo, fast, monkeypatch):
    results = []
    for n in (1, 2, 5):
        monkeypatch.setattr(launch, "n_threads", n)
        monkeypatch.setattr(launch, "_pool", None)
        results.append(imfeat.dense_sift(photo[:200], step=3, scales=(1, 2), fast=fast)[1].tobytes())
    assert len(set(results)) == 1


@given(arrays(np.uint8, (15, 18)), st.sampled_from([1, 2, 4]), st.sampled_from([1, 3, 4, 5]), st.booleans())
def test_descriptors_have_a_norm_of_one(image, bin_size, step, fast):
    _, descriptors = imfeat.dense_sift(image, bin_size=bin_size, step=step, fast=fast)
    assert (descriptors >= 0).all()
    norms = np.linalg.norm(descriptors, axis=1)
    np.testing.assert_allclose(norms, descriptors.any(axis=1), rtol=0, atol=1e-5)


@given(arrays(np.uint8, (14, 17), elements=st.integers(0, 100)), st.integers(1, 2), st.integers(0, 55))
def test_contrast_and_brightness_change_nothing(image, factor, more):
    expected = imfeat.dense_sift(image)[1]
    changed = imfeat.dense_sift(image * np.uint8(factor) + np.uint8(more))[1]
    np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-5)


@given(arrays(np.uint8, (15, 17)), st.booleans())
def test_mirrored_images_have_mirrored_descriptors(image, fast):
    cells = imfeat.dense_sift(image, step=2, fast=fast)[1].reshape(2, 3, 128)
    mirrored = imfeat.dense_sift(image[:, ::-1], step=2, fast=fast)[1].reshape(2, 3, 128)
    np.testing.assert_allclose(mirrored[:, ::-1], cells[..., MIRRORED], rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [0, 77 / 255, 0.1, 1])
@pytest.mark.parametrize("shape", [(13, 13), (40, 53), (40, 53, 3)])
def test_equal_pixels_have_no_descriptor(value, shape):
    for scales in (None, (0.5, 1)):
        for dtype in ("float32", "float64"):
            assert not imfeat.dense_sift(np.full(shape, value, dtype), scales=scales)[1].any()
        assert not imfeat.dense_sift(np.full(shape, value * 255, np.uint8), scales=scales)[1].any()


@pytest.mark.parametrize("deviation", [0.5, 2.7])
def test_smoothing_keeps_equal_pixels(deviation):
    for value in np.float32([0.1, 0.7, 1]):
        images = np.full((2, 9, 37), value)
        np.testing.assert_array_equal(sift._smoothed(images, deviation), images)


def test_the_smallest_image_has_one_descriptor(rng):
    image = rng.integers(0, 256, (13, 13), np.uint8)
    for fast in (False, True):
        positions, descriptors = imfeat.dense_sift(image, fast=fast)
        np.testing.assert_array_equal(positions, [[6, 6]])
        assert descriptors.shape == (1, 128)
        none = imfeat.dense_sift(np.empty((0, 13, 13), np.uint8), fast=fast, channel_axis=None)
        assert none[1].shape == (0, 1, 128)


def test_wrong_options_are_refused():
    image = np.zeros((12, 30))
    with pytest.raises(
        ValueError, match="images of 12 x 30 pixels are smaller than a descriptor, whose bins of 4"
    ):
        imfeat.dense_sift(image)
    with pytest.raises(ValueError, match="bins of 6 pixels take 19 x 19; take smaller bins"):
        imfeat.dense_sift(image, scales=(0.5, 1.5))
    with pytest.raises(ValueError, match="step must be at least 1"):
        imfeat.dense_sift(image, step=0)
    with pytest.raises(TypeError, match="bin_size must be an integer"):
        imfeat.dense_sift(image, bin_size=1.5)
    with pytest.raises(TypeError, match="fast must be True or False"):
        imfeat.dense_sift(image, fast=1)
    for scales in (2, "12", ()):
        with pytest.raises(TypeError, match="scales must be None or a sequence of numbers"):
            imfeat.dense_sift(image, scales=scales)
    with pytest.raises(ValueError, match="scales must be above 0"):
        imfeat.dense_sift(image, scales=(1, -1))
    with pytest.raises(ValueError, match=r"bins of at least 1 pixel, got 0\.1 of 4"):
        imfeat.dense_sift(image, scales=(1, 0.1))


def patch_of(image, position, bin_size, j, m):
    """Return the pixels in the image of a bin of the descriptor at a position."""
    sides = []
    for center, k, size in zip(position, (j, m), image.shape, strict=False):
        start = int(center + (k - 1.5) * bin_size) - bin_size // 2
        sides.append(slice(max(start, 0), min(start + bin_size, size)))
    return image[tuple(sides)].reshape(-1, 3) / (255 if image.dtype == np.uint8 else 1)


def test_colours_of_a_half_red_image():
    image = np.zeros((16, 17, 3), np.uint8)
    image[:, 6:] = 255, 0, 0  # the second of the bins, columns 2..5 and 6..9
    bins = imfeat.local_color(image)[1][0].reshape(4, 4, 6)
    np.testing.assert_array_equal(bins[:, :2], 0)
    np.testing.assert_array_equal(bins[:, 2:], np.broadcast_to([1, 0, 0, 0, 0, 0], (4, 2, 6)))
    image[:, 6:8] = 0
    np.testing.assert_allclose(imfeat.local_color(image)[1][0].reshape(4, 4, 6)[0, 2], [0.5, 0, 0, 0.5, 0, 0])


@pytest.mark.parametrize(("step", "bin_size", "scales"), [(4, 4, None), (3, 5, None), (7, 2, (1, 1.5, 2.5))])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_colours_are_means_and_deviations(photo, dtype, step, bin_size, scales):
    image = photo[100:130, 100:141] if dtype == "uint8" else (photo[100:130, 100:141] / 255).astype(dtype)
    options = {"step": step, "bin_size": bin_size, "scales": scales}
    positions, descriptors = imfeat.local_color(image, **options)
    np.testing.assert_array_equal(positions, imfeat.dense_sift(image, **options)[0])
    bins, first = descriptors.reshape(-1, 4, 4, 6), 0
    for size in (round(bin_size * scale) for scale in scales or (1,)):
        offset = 3 * (round(bin_size * max(scales or (1,))) - size) // 2
        n = ((29 - offset - 3 * size) // step + 1) * ((40 - offset - 3 * size) // step + 1)
        for k, j, m in np.ndindex(n, 4, 4):
            pixels = patch_of(image, positions[first + k], size, j, m)
            expected = np.concatenate([pixels.mean(0), pixels.std(0)])
            np.testing.assert_allclose(bins[first + k, j, m], expected, rtol=0, atol=1e-6)
        first += n
    assert first == len(positions)


@given(arrays(np.float64, 3, elements=st.floats(0, 1)), st.integers(1, 7))
def test_equal_colours_deviate_by_nothing(color, bin_size):
    image = np.broadcast_to(color, (22, 23, 3))
    for images in (image, image.astype(np.float32), (image * 255).astype(np.uint8)):
        bins = imfeat.local_color(images, bin_size=bin_size)[1].reshape(-1, 6)
        expected = images[0, 0] / (255 if images.dtype == np.uint8 else 1)
        np.testing.assert_allclose(bins[:, :3], np.broadcast_to(expected, (len(bins), 3)), rtol=0, atol=2e-7)
        np.testing.assert_array_equal(bins[:, 3:], 0)


def test_small_deviations_of_bright_colours_are_kept():
    image = np.full((40, 40, 3), 0.9)
    image[::2] += 1e-5
    bins = imfeat.local_color(image, bin_size=8)[1].reshape(-1, 6)
    np.testing.assert_allclose(bins[:, 3:], 0.5e-5, rtol=0.05)


@pytest.mark.parametrize("scales", [None, (1, 2)])
def test_colours_of_a_batch_are_those_of_its_images(photo, scales, monkeypatch):
    monkeypatch.setattr(sift, "PIXELS_AT_ONCE", 7000)
    crops = np.stack([photo[y : y + 30, y : y + 35] for y in range(0, 400, 20)])
    for images in (crops, crops[..., ::-1, :] / 255):
        positions, batch = imfeat.local_color(images.reshape(4, 5, 30, 35, 3), scales=scales)
        assert batch.shape == (4, 5, len(positions), 96)
        single = [imfeat.local_color(image, scales=scales)[1] for image in images]
        np.testing.assert_array_equal(batch.reshape(20, -1, 96), single)


def test_colours_need_colour_images_of_some_size():
    with pytest.raises(ValueError, match=r"images must have the shape \(..., height, width, 3\)"):
        imfeat.local_color(np.zeros((30, 30)))
    with pytest.raises(ValueError, match="images of 30 x 12 pixels are smaller than a descriptor"):
        imfeat.local_color(np.zeros((30, 12, 3)))
    with pytest.raises(ValueError, match="step must be at least 1"):
        imfeat.local_color(np.zeros((30, 30, 3)), step=0)

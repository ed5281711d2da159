"""Colour histograms against NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imfeat


def numpy_histograms(values, bins, high):
    bins = (bins,) * 3 if isinstance(bins, int) else bins
    return [np.histogramdd(v.reshape(-1, 3), bins=bins, range=[(0, high)] * 3)[0].ravel() for v in values]


def test_a_red_and_a_blue_pixel():
    image = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    histogram = imfeat.color_histogram(image, bins=2, space="rgb").reshape(2, 2, 2)
    assert histogram[1, 0, 0] == histogram[0, 0, 1] == 0.5
    np.testing.assert_array_equal(
        imfeat.color_histogram(image, bins=2, space="rgb", joint=False, norm=None), [1, 1, 2, 0, 1, 1]
    )


@pytest.mark.parametrize("bins", [8, (5, 3, 7), 1, (4, 256, 2)])
def test_counts_of_bytes_match_numpy(rgb, bins):
    counts = imfeat.color_histogram(rgb, bins=bins, space="rgb", norm=None)
    np.testing.assert_array_equal(counts, numpy_histograms(rgb, bins, 255))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bins", [8, (10, 3, 33)])
def test_counts_of_floats_match_numpy(rgb, dtype, bins):
    images = (rgb / 255).astype(dtype)
    counts = imfeat.color_histogram(images, bins=bins, space="rgb", norm=None)
    np.testing.assert_array_equal(counts, numpy_histograms(images, bins, 1))


@pytest.mark.parametrize(
    ("space", "convert"),
    [("hsv", imfeat.rgb_to_hsv), ("hsi", imfeat.rgb_to_hsi), ("ycbcr", imfeat.rgb_to_ycbcr)],
)
@pytest.mark.parametrize("bins", [8, (12, 3, 5)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_counts_in_other_spaces_are_those_of_the_converted_image(rgb, space, convert, bins, dtype):
    images = rgb if dtype == "uint8" else (rgb / 255).astype(dtype)
    counts = imfeat.color_histogram(images, bins=bins, space=space, norm=None)
    np.testing.assert_array_equal(counts, numpy_histograms(convert(images), bins, 1))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("bins", [8, (12, 3, 256), (7, 10, 11)])
def test_counts_of_lab_cover_its_ranges(rgb, bins, dtype):
    images = rgb if dtype == "uint8" else (rgb / 255).astype(dtype)
    n_bins = (bins,) * 3 if isinstance(bins, int) else bins
    lab = imfeat.rgb_to_lab(images).astype(float).reshape(3, -1, 3)
    limits = [(0, 100), (-128, 128), (-128, 128)]
    joint = imfeat.color_histogram(images, bins=bins, space="lab", norm=None)
    expected = [np.histogramdd(values, bins=n_bins, range=limits)[0].ravel() for values in lab]
    np.testing.assert_array_equal(joint, expected)
    channels = imfeat.color_histogram(images, bins=bins, space="lab", norm=None, joint=False)
    parts = [[np.histogram(values[:, c], n_bins[c], limits[c])[0] for c in range(3)] for values in lab]
    np.testing.assert_array_equal(channels, [np.concatenate(part) for part in parts])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_beside_the_edges_of_all_numbers_of_bins(dtype):
    for n in range(1, 257):
        edges = np.linspace(0, 1, n + 1).astype(dtype)
        values = np.clip([np.nextafter(edges, -1), edges, np.nextafter(edges, 2)], 0, 1).astype(dtype)
        image = np.repeat(values.reshape(1, -1, 1), 3, axis=2)
        counts = imfeat.color_histogram(image, bins=n, space="rgb", joint=False, norm=None)
        expected = np.histogram(values.astype(float), n, (0, 1))[0]
        np.testing.assert_array_equal(counts, np.tile(expected, 3))


def test_red_and_black_in_lab():
    image = np.array([[[255, 0, 0], [0, 0, 0]]], np.uint8)  # L = 53, a = 80, b = 67; black is on an edge
    counts = imfeat.color_histogram(image, bins=2, space="lab", norm=None).reshape(2, 2, 2)
    assert counts[1, 1, 1] == counts[0, 1, 1] == 1


@pytest.mark.parametrize("bins", [256, 10, (7, 256, 1)])
def test_counts_a_channel_match_numpy(rgb, bins):
    counts = imfeat.color_histogram(rgb, bins=bins, space="rgb", joint=False, norm=None)
    each = (bins,) * 3 if isinstance(bins, int) else bins
    expected = [
        np.concatenate([np.histogram(v[..., c], bins=each[c], range=(0, 255))[0] for c in range(3)])
        for v in rgb
    ]
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("joint", [True, False])
def test_regions_are_histograms_of_their_own(rgb, joint):
    options = {"bins": 4, "space": "rgb", "joint": joint}
    whole = imfeat.color_histogram(rgb, grid=(2, 3), **options).reshape(3, 2, 3, -1)
    for r, c in np.ndindex(2, 3):
        region = rgb[:, r * 45 // 2 : (r + 1) * 45 // 2, c * 67 // 3 : (c + 1) * 67 // 3]
        np.testing.assert_array_equal(whole[:, r, c], imfeat.color_histogram(region, **options))


@pytest.mark.parametrize("joint", [True, False])
def test_a_mask_chooses_pixels(rgb, rng, joint):
    mask = rng.random(rgb.shape[:3]) < 0.3
    counts = imfeat.color_histogram(rgb, space="rgb", joint=joint, norm=None, mask=mask)
    for image, chosen, count in zip(rgb, mask, counts, strict=True):
        alone = imfeat.color_histogram(image[chosen][None], space="rgb", joint=joint, norm=None)
        np.testing.assert_array_equal(count, alone)


def test_an_empty_mask_gives_zeros(rgb):
    assert not imfeat.color_histogram(rgb, grid=(2, 2), mask=np.zeros((45, 67), bool)).any()


def test_norms(rgb):
    counts = imfeat.color_histogram(rgb, grid=(1, 2), norm=None).reshape(3, 2, -1)
    shares = imfeat.color_histogram(rgb, grid=(1, 2), norm="l1").reshape(3, 2, -1)
    np.testing.assert_allclose(shares, counts / counts.sum(-1, keepdims=True), rtol=1e-6)
    hellinger = imfeat.color_histogram(rgb, grid=(1, 2), norm="hellinger").reshape(3, 2, -1)
    np.testing.assert_allclose(hellinger, np.sqrt(shares), rtol=1e-6)
    l2 = imfeat.color_histogram(rgb, grid=(1, 2), norm="l2").reshape(3, 2, -1)
    np.testing.assert_allclose(l2, counts / np.linalg.norm(counts, axis=-1, keepdims=True), rtol=1e-6)


@given(arrays(np.uint8, (6, 7, 3), elements=st.integers(0, 255)), st.integers(1, 16))
def test_the_order_of_pixels_does_not_matter(image, bins):
    shuffled = np.random.default_rng(0).permutation(image.reshape(-1, 3)).reshape(image.shape)
    np.testing.assert_array_equal(
        imfeat.color_histogram(image, bins=bins), imfeat.color_histogram(shuffled, bins=bins)
    )


def test_one_large_image_is_cut_into_strips(photo):
    counts = imfeat.color_histogram(photo, grid=(3, 1), space="rgb", norm=None).reshape(3, -1)
    thirds = [photo[r * 512 // 3 : (r + 1) * 512 // 3] for r in range(3)]
    np.testing.assert_array_equal(counts, numpy_histograms(thirds, 8, 255))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": 0}, "bins must be at least 1"),
        ({"bins": 257}, "at most 256"),
        ({"bins": 64}, "up to 65,536 bins, got 64 x 64 x 64"),
        (
            {"space": "luv"},
            "space must be one of 'rgb', 'hsv', 'hsi', 'lab', 'ycbcr', 'gray', None, got 'luv'",
        ),
        ({"norm": "max"}, "norm must be one of"),
        ({"grid": (46, 1)}, "grid must fit the images of 45 x 67 pixels"),
        ({"mask": np.ones((45, 66), bool)}, "mask must have the shape"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        imfeat.color_histogram(np.zeros((45, 67, 3), np.uint8), **options)


def test_channels_as_they_are(rng):
    images = rng.integers(0, 256, (2, 20, 30, 5), dtype=np.uint8)
    options = {"space": None, "joint": False, "norm": None, "channel_axis": -1}
    for bins in (16, [2, 3, 256, 5, 7]):
        counts = imfeat.color_histogram(images, bins=bins, **options)
        each = np.broadcast_to(bins, 5)
        ends = np.append(0, np.cumsum(each))
        for c in range(5):
            expected = [np.histogram(image[..., c], each[c], (0, 255))[0] for image in images]
            np.testing.assert_array_equal(counts[:, ends[c] : ends[c + 1]], expected)
    floats = imfeat.color_histogram((images / 255).astype(np.float32), bins=16, **options)
    expected = [np.histogram(image[..., 1] / np.float32(255), 16, (0, 1))[0] for image in images]
    np.testing.assert_array_equal(floats[:, 16:32], expected)
    mask = rng.random((2, 20, 30)) < 0.5
    masked = imfeat.color_histogram(images, bins=16, mask=mask, grid=(2, 1), **options)
    upper = [
        np.histogram(image[:10][one[:10], 4], 16, (0, 255))[0]
        for image, one in zip(images, mask, strict=True)
    ]
    np.testing.assert_array_equal(masked[:, 64:80], upper)
    with pytest.raises(ValueError, match="a joint histogram has three channels, got 5; take joint=False"):
        imfeat.color_histogram(images, space=None, channel_axis=-1)
    with pytest.raises(TypeError, match="bins must be 5 integers"):
        imfeat.color_histogram(images, bins=(2, 2, 2), **options)
    rgb = images[..., :3]
    np.testing.assert_array_equal(
        imfeat.color_histogram(rgb, space=None), imfeat.color_histogram(rgb, space="rgb")
    )


def test_gray_images_have_histograms(rng):
    gray = rng.integers(0, 256, (2, 20, 30), dtype=np.uint8)
    counts = imfeat.color_histogram(gray, space="gray", bins=32, norm=None)
    expected = [np.histogram(image, 32, (0, 255))[0] for image in gray]
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(imfeat.color_histogram(gray, space=None, bins=32, norm=None), counts)
    model = imfeat.ColorHistogram(space="gray", bins=32, norm=None)
    np.testing.assert_array_equal(model.fit_transform(gray), counts)
    assert model.get_feature_names_out()[31] == "gray_r0_c0_g31"

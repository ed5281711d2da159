"""Histograms of oriented gradients against scikit-image and OpenCV."""

import cv2
import numpy as np
import pytest
import reference
import skimage.feature
import skimage.filters
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imfeat

NORMS = {"l1": "L1", "l1-sqrt": "L1-sqrt", "l2": "L2", "l2-hys": "L2-Hys"}


def opencv_hog(image, cell_size, block_size, orientations, signed, gamma):
    """Return OpenCV's descriptor with blocks and cells in rows."""
    n_rows, n_cols = image.shape[0] // cell_size, image.shape[1] // cell_size
    window, block, cell = (n_cols * cell_size, n_rows * cell_size), block_size * cell_size, cell_size
    descriptor = cv2.HOGDescriptor(
        window, (block, block), (cell, cell), (cell, cell), orientations, 1, -1, 0, 0.2, gamma, 64, signed
    )
    values = descriptor.compute(image, locations=[(0, 0)])
    columns = values.reshape(n_cols - block_size + 1, n_rows - block_size + 1, block_size, block_size, -1)
    return columns.transpose(1, 0, 3, 2, 4).ravel()


def test_the_lecture_s_image_has_10800_numbers():
    image = np.zeros((240, 320), np.uint8)
    assert imfeat.hog(image, cell_size=8, block_size=1, orientations=9, norm=None).shape == (30 * 40 * 9,)


def test_a_vertical_edge_votes_for_the_first_bin():
    image = np.zeros((8, 8), np.uint8)
    image[:, 4:] = 100
    histogram = imfeat.hog(image, block_size=1, norm=None)
    assert histogram.tolist() == [2 * 8 * 100 / 64] + [0] * 8  # two columns of eight gradients of 100
    assert np.argmax(imfeat.hog(image.T, block_size=1, norm=None)) == 4  # 90 degrees, of bins of 20


def test_signed_bins_tell_dark_to_bright_from_bright_to_dark():
    image = np.zeros((8, 8), np.uint8)
    image[:, 4:] = 100
    rising, falling = (
        imfeat.hog(i, block_size=1, orientations=8, norm=None, signed=True) for i in (image, 100 - image)
    )
    assert np.argmax(rising) == 0
    assert np.argmax(falling) == 4
    np.testing.assert_array_equal(
        imfeat.hog(image, norm=None, block_size=1), imfeat.hog(100 - image, norm=None, block_size=1)
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("sqrt", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_matches_scikit_image(rgb, gray, norm, sqrt, dtype):
    options = {"block_norm": NORMS[norm], "transform_sqrt": sqrt, "cells_per_block": (2, 2)}
    for images, axis in ((rgb, -1), (gray, None)):
        images = images if dtype == "uint8" else (images / 255).astype(dtype)
        features = imfeat.hog(images, norm=norm, sqrt=sqrt)
        for feature, image in zip(features, images, strict=True):
            expected = skimage.feature.hog(image, channel_axis=axis, **options)
            np.testing.assert_allclose(feature, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("cell_size", "block_size", "orientations"), [(5, 3, 8), (6, 1, 12), (3, 2, 4), (15, 3, 7)]
)
def test_matches_scikit_image_at_other_sizes(rgb, cell_size, block_size, orientations):
    features = imfeat.hog(rgb, cell_size=cell_size, block_size=block_size, orientations=orientations)
    for feature, image in zip(features, rgb, strict=True):
        expected = skimage.feature.hog(
            image, orientations, (cell_size,) * 2, (block_size,) * 2, "L2-Hys", channel_axis=-1
        )
        np.testing.assert_allclose(feature, expected, rtol=0, atol=1e-5)


@given(arrays(np.uint8, (11, 13), elements=st.integers(0, 255)), st.sampled_from([4, 8, 9, 12]))
def test_small_images_match_scikit_image(image, orientations):
    expected = skimage.feature.hog(image, orientations, (4, 4), (2, 2), "L1")
    actual = imfeat.hog(image, cell_size=4, orientations=orientations, norm="l1")
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("orientations", [1, 4, 7, 9, 12])
@pytest.mark.parametrize("norm", NORMS)
def test_gradients_of_float64_at_edges_of_bins_match_scikit_image(rng, orientations, norm):
    """Of equal values that differ by rounding: angles just below 0, and just beside 45 and 60 degrees."""
    dark = rng.integers(0, 3, (25, 25)) * 1e-17
    dark[:, ::2] = np.linspace(0, 1, 13) ** 2
    few = rng.integers(0, 4, (25, 25)) / 7 * 0.3
    smooth = skimage.filters.gaussian(rng.random((25, 25, 3)), 2, channel_axis=-1)
    for image in (dark, dark.T, few, np.sqrt(few), np.stack([few, few, dark], -1), smooth):
        axis = -1 if image.ndim == 3 else None
        options = {"orientations": orientations, "pixels_per_cell": (8, 8), "cells_per_block": (2, 2)}
        expected = skimage.feature.hog(image, block_norm=NORMS[norm], channel_axis=axis, **options)
        actual = imfeat.hog(image, norm=norm, orientations=orientations)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("sqrt", [False, True])
@pytest.mark.parametrize(("cell_size", "block_size", "orientations"), [(8, 2, 9), (4, 2, 8), (6, 3, 12)])
def test_trilinear_matches_opencv(photo, signed, sqrt, cell_size, block_size, orientations):
    # A width of whole words: in the columns left over, OpenCV prefers another of equal channels.
    for image in (photo[40:112, 20:116], photo[40:112, 20:116, 1]):
        image = np.ascontiguousarray(image)
        features = imfeat.hog(
            image,
            cell_size=cell_size,
            block_size=block_size,
            orientations=orientations,
            interpolation="trilinear",
            signed=signed,
            sqrt=sqrt,
        )
        expected = opencv_hog(image, cell_size, block_size, orientations, signed, sqrt)
        np.testing.assert_allclose(features, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("sqrt", [False, True])
def test_trilinear_is_the_same_for_floats(rgb, sqrt):
    options = {"interpolation": "trilinear", "sqrt": sqrt}
    for dtype in ("float32", "float64"):
        np.testing.assert_allclose(
            imfeat.hog((rgb / 255).astype(dtype), **options), imfeat.hog(rgb, **options), rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("orientations", [5, 8, 9, 18])
def test_signed_matches_the_reference(rgb, orientations):
    features = imfeat.hog(rgb, block_size=1, orientations=orientations, norm=None, signed=True)
    expected = reference.orientation_histograms(rgb, (8, 8), orientations, signed=True)
    np.testing.assert_allclose(
        features, np.moveaxis(expected, 0, -1).reshape(3, -1), rtol=0, atol=2e-4
    )  # of up to 360


def test_edges_at_multiples_of_45_degrees_are_exact():
    from imfeat_kernels.cpu.hog import bin_edges

    edges, n_lower, mirrors = bin_edges(8, True, np.float64)
    assert edges[:4].tolist() == [[1, 0], [1, 1], [0, 1], [-1, 1]]
    assert n_lower == 4
    assert mirrors.tolist() == [[1, 3], [2, 10], [4, 10], [5, 7], [6, 10], [10, 10]]


def test_normalized_features_do_not_change_with_contrast(photo):
    image = photo[100:164, 100:164, 0] // 2
    brighter = image * np.uint8(2)
    np.testing.assert_allclose(imfeat.hog(image), imfeat.hog(brighter), atol=1e-5)


def test_a_pixel_of_the_last_partial_cell_does_not_count(photo):
    image = photo[:45, :67].copy()
    features = imfeat.hog(image)
    image[42:], image[:, 66:] = 0, 0
    np.testing.assert_array_equal(imfeat.hog(image), features)


def test_drawn_lines_run_along_the_edges():
    image = np.zeros((32, 32), np.uint8)
    image[:, 16:] = 255
    picture = imfeat.draw_hog(imfeat.hog(image), (32, 32))
    assert picture.max() == 1
    assert picture[:, 11:13].mean() > 0.3  # the lines of the cells left of the edge, upright
    assert picture[:, :8].max() == 0
    assert picture.sum(0)[8:24].max() > 4 * picture.sum(1).max() / 4


def test_gain_brightens_lines_and_clips_them():
    features = imfeat.hog(np.random.default_rng(0).random((45, 67)))
    picture = imfeat.draw_hog(features, (45, 67))
    brighter = imfeat.draw_hog(features, (45, 67), gain=3)
    np.testing.assert_allclose(brighter, np.minimum(3 * picture, 1), rtol=1e-5)
    assert (brighter == 1).sum() > (picture == 1).sum()
    with pytest.raises(ValueError, match="gain must be above 0 and finite, got 0"):
        imfeat.draw_hog(features, (45, 67), gain=0)


def test_drawing_takes_batches_and_all_parameters(rgb):
    options = {"cell_size": 5, "block_size": 3, "orientations": 6, "signed": True}
    features = imfeat.hog(rgb, **options)
    pictures = imfeat.draw_hog(features, (45, 67), **options)
    assert pictures.shape == (3, 45, 67)
    np.testing.assert_array_equal(pictures[1], imfeat.draw_hog(features[1], (45, 67), **options))


def test_drawing_refuses_features_of_other_parameters(rgb):
    with pytest.raises(ValueError, match="features must be vectors of length 1008, got length 252"):
        imfeat.draw_hog(imfeat.hog(rgb, block_size=1)[:, :252], (45, 67))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell_size": 0}, "cell_size must be at least 1"),
        ({"cell_size": 40}, "images of 45 x 67 pixels are smaller than a block of 2 x 2 cells of 40 pixels"),
        ({"norm": "L2"}, "norm must be one of None, 'l1', 'l1-sqrt', 'l2', 'l2-hys', got 'L2'"),
        ({"interpolation": "linear"}, "interpolation must be one of"),
        ({"orientations": 1, "interpolation": "trilinear"}, "orientations must be at least 2"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        imfeat.hog(np.zeros((45, 67), np.uint8), **options)

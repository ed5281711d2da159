"""Matching of histograms against scikit-image."""

import numpy as np
import pytest
import skimage.exposure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imfeat


def scikit_image(image, reference):
    axis = -1 if image.ndim == 3 else None
    matched = skimage.exposure.match_histograms(image, reference, channel_axis=axis)
    return matched.astype(image.dtype)  # of gray bytes it is float64


@pytest.fixture
def reference(photo):
    return photo[250:290, 180:251]


def test_four_pixels_take_the_values_of_four_others():
    image = np.array([[10, 20], [30, 40]], np.uint8)
    reference = np.array([[200, 0], [50, 100]], np.uint8)
    assert imfeat.match_histograms(image, reference).tolist() == [[0, 50], [100, 200]]
    # Half of the pixels have rank 1/2, which lies halfway between those of 0 (1/3) and 90 (2/3).
    assert imfeat.match_histograms(image, reference[:1].repeat(2, 0)).tolist() == [[0, 0], [100, 200]]
    thirds = np.array([[0, 90, 210]], np.uint8)
    assert imfeat.match_histograms(image, thirds).tolist() == [[0, 45], [120, 210]]


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_matches_scikit_image(rgb, reference, dtype, color):
    images, reference = (x if color else np.ascontiguousarray(x[..., 1]) for x in (rgb, reference))
    if dtype != "uint8":
        images, reference = ((x / 255).astype(dtype) for x in (images, reference))
    matched = imfeat.match_histograms(images, reference)
    assert (matched.shape, matched.dtype) == (images.shape, images.dtype)
    expected = np.stack([scikit_image(image, reference) for image in images])
    np.testing.assert_allclose(matched, expected, rtol=0, atol=0 if dtype == "uint8" else 1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_one_reference_for_each(rgb, photo, dtype):
    references = np.stack([photo[y : y + 21, 40:63] for y in (0, 200, 400)])
    images = rgb
    if dtype != "uint8":
        images, references = ((x / 255).astype(dtype) for x in (rgb, references))
    matched = imfeat.match_histograms(images, references)
    for image, reference, found in zip(images, references, matched, strict=True):
        np.testing.assert_array_equal(found, imfeat.match_histograms(image, reference))
        np.testing.assert_allclose(found, scikit_image(image, reference), rtol=0, atol=1e-6)


def test_a_large_image_is_cut_into_strips(photo):
    np.testing.assert_array_equal(
        imfeat.match_histograms(photo, photo[:100, ::-1] // 3), scikit_image(photo, photo[:100, ::-1] // 3)
    )


@given(arrays(np.uint8, (4, 5)), arrays(np.uint8, (3, 7), elements=st.integers(0, 20)))
def test_any_bytes_match_scikit_image(image, reference):
    np.testing.assert_array_equal(imfeat.match_histograms(image, reference), scikit_image(image, reference))


@given(arrays(np.uint8, (4, 5, 3)))
def test_an_image_matched_with_itself_stays(image):
    np.testing.assert_array_equal(imfeat.match_histograms(image, image), image)


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        (np.zeros((4, 4, 3)), TypeError, "reference must be uint8 as the images are, got float64"),
        (np.zeros((4, 4), np.uint8), ValueError, r"reference must be one image, .* got \(4, 4\)"),
        (np.zeros((3, 4, 4, 3), np.uint8), ValueError, r"or one for each of images of shape \(2, 6, 5, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "reference must have at least one pixel"),
    ],
)
def test_references_that_do_not_fit_are_refused(reference, error, message):
    with pytest.raises(error, match=message):
        imfeat.match_histograms(np.zeros((2, 6, 5, 3), np.uint8), reference)


def test_any_number_of_channels_at_any_axis(rgb, reference):
    five, wanted = (np.concatenate([x, x[..., :2] // 2], axis=-1) for x in (rgb, reference))
    matched = imfeat.match_histograms(five, wanted, channel_axis=-1)
    np.testing.assert_array_equal(matched[1], scikit_image(five[1], wanted))
    for axis in (1, -3):
        moved = imfeat.match_histograms(
            np.moveaxis(five, -1, 1), np.moveaxis(wanted, -1, 0), channel_axis=axis
        )
        np.testing.assert_array_equal(np.moveaxis(moved, 1, -1), matched)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_integers_of_16_bits_match_scikit_image(rng, dtype):
    low = np.iinfo(dtype).min // 2
    image, reference = (rng.integers(low, 30_000, (25, n, 3)).astype(dtype) for n in (31, 40))
    np.testing.assert_array_equal(imfeat.match_histograms(image, reference), scikit_image(image, reference))


def test_half_precision_and_booleans(rgb, reference):
    halves = [(x / 255).astype(np.float16) for x in (rgb, reference)]
    matched = imfeat.match_histograms(*halves)
    assert matched.dtype == np.float16
    expected = imfeat.match_histograms(*(x.astype(np.float32) for x in halves))
    np.testing.assert_array_equal(matched, expected.astype(np.float16))
    booleans = imfeat.match_histograms(rgb > 100, reference > 50)
    assert booleans.dtype == np.float32
    assert {*np.unique(booleans)} <= {0, 1} or 0 <= booleans.min() <= booleans.max() <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_close_and_distant_floats_match_scikit_image(rng, dtype):
    """Many values fall into one of the parts of the range in which they are looked up."""
    images = (0.5 + 1e-5 * rng.random((2, 40, 50))).astype(dtype)
    images[:, :3] = rng.random((2, 3, 50))
    images[:, 3] = [[0], [1]]
    reference = rng.normal(size=(30, 21)).astype(dtype)
    expected = [scikit_image(image, reference) for image in images]
    np.testing.assert_allclose(imfeat.match_histograms(images, reference), expected, rtol=0, atol=1e-6)
    assert (imfeat.match_histograms(np.full((5, 6), 0.3), np.full((2, 2), 0.7)) == 0.7).all()


def test_floats_of_any_range(rng):
    images = rng.normal(scale=300, size=(20, 30))
    reference = rng.normal(size=(20, 31)) - 70
    np.testing.assert_allclose(imfeat.match_histograms(images, reference), scikit_image(images, reference))

"""Soft visual words and triangles against their formulas in float64."""

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imfeat


@pytest.fixture
def descriptors(rng):
    return rng.normal(size=(1500, 20)).astype(np.float32)


def test_a_descriptor_between_two_words_is_shared():
    words = np.array([[0.0], [2.0], [50.0]])
    near, far = np.exp(-0.25 / 2), np.exp(-2.25 / 2)
    expected = np.array([near, far, 0]) / (near + far)
    np.testing.assert_allclose(imfeat.soft_words([[0.5]], words, sigma=1), expected, atol=1e-7)
    np.testing.assert_allclose(imfeat.soft_words([[0.5]], words), expected, atol=1e-7)  # half the gap of 2


@pytest.mark.parametrize("n_words", [1, 31, 300])
@pytest.mark.parametrize("sigma", [0.3, 2, None])
def test_soft_words_match_the_formula(descriptors, n_words, sigma):
    words = descriptors[:n_words] + np.float32(0.1)
    actual = imfeat.soft_words(descriptors, words, sigma=sigma)
    if sigma is None:
        gaps = np.linalg.norm(words[:, None] - words, axis=2) + np.diag(np.full(n_words, np.inf))
        sigma = np.median(gaps.min(1)) / 2 if n_words > 1 else 1
    squares = ((descriptors[:, None].astype(float) - words) ** 2).sum(2)
    shares = np.exp(-(squares - squares.min(1, keepdims=True)) / (2 * sigma**2))
    expected = (shares / shares.sum(1, keepdims=True)).mean(0)
    np.testing.assert_allclose(actual, expected, atol=2e-6)
    assert actual.sum() == pytest.approx(1, abs=1e-5)


def test_narrow_shares_are_counts(descriptors):
    words = descriptors[:20] + np.float32(0.1)
    bags = imfeat.bag_of_words(descriptors, words)
    np.testing.assert_allclose(imfeat.soft_words(descriptors, words, sigma=1e-3), bags, atol=1e-6)


def test_a_triangle_is_what_is_nearer_than_average():
    words = np.array([[0.0, 0], [3, 4], [0, 13]])  # at distances 0, 5 and 13 from the first
    np.testing.assert_allclose(imfeat.triangle([[0, 0]], words), [6, 1, 0], rtol=1e-6)


@pytest.mark.parametrize("n_words", [1, 31, 300])
def test_triangles_match_the_formula(descriptors, n_words):
    words = descriptors[:n_words] + np.float32(0.1)
    expected = reference.mean_triangles(descriptors, [0, 1500], words)[0]
    np.testing.assert_allclose(imfeat.triangle(descriptors, words), expected, atol=1e-5)


@given(arrays(np.float32, (12, 4), elements=st.floats(-8, 8, width=16)))
def test_triangles_are_not_negative_and_far_words_give_none(descriptors):
    words = np.array([[0, 0, 0, 0], [1, 0, 2, 0], [1000, 0, 0, 0]])
    values = imfeat.triangle(descriptors, words)
    assert (values >= 0).all()
    assert values[2] == 0


@pytest.mark.parametrize("encode", [imfeat.soft_words, imfeat.triangle])
def test_batches_are_their_images(descriptors, encode):
    words, offsets = descriptors[:31], np.array([0, 7, 7, 1300, 1301, 1500])
    batch = encode(descriptors, words, offsets=offsets)
    assert batch.dtype == np.float32
    for i, vector in enumerate(batch):
        np.testing.assert_array_equal(vector, encode(descriptors[offsets[i] : offsets[i + 1]], words))
    assert not batch[1].any()
    stack = descriptors.reshape(3, 5, 100, 20)
    np.testing.assert_array_equal(encode(stack, words)[2, 3], encode(stack[2, 3], words))
    for dtype in ("uint8", "float64"):
        other = np.abs(descriptors * 20).astype(dtype)
        np.testing.assert_array_equal(encode(other, words), encode(other.astype(np.float32), words))


@pytest.mark.parametrize("encode", [imfeat.soft_words, imfeat.triangle])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (lambda x: (x, x[:3, :9]), "descriptors must be vectors of length 9, got length 20"),
        (lambda x: (x * np.nan, x[:3]), "descriptors must be finite"),
        (lambda x: (x, x[:0]), "codebook must have at least one word"),
        (lambda x: (x[0], x[:3]), "descriptors must have the shape"),
    ],
)
def test_wrong_arguments_are_refused(descriptors, encode, arguments, message):
    with pytest.raises(ValueError, match=message):
        encode(*arguments(descriptors))
    with pytest.raises(ValueError, match="offsets must rise from 0"):
        encode(descriptors, descriptors[:3], offsets=[0, 9])


def test_sigma_has_to_make_sense(descriptors):
    with pytest.raises(ValueError, match="sigma must be above 0"):
        imfeat.soft_words(descriptors, descriptors[:3], sigma=0)
    with pytest.raises(ValueError, match="most words of codebook occur twice, so sigma must be given"):
        imfeat.soft_words(descriptors, np.repeat(descriptors[:3], 2, axis=0))

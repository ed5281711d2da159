"""Patches against NumPy's windows and scikit-learn's whitening."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d

import imfeat


def test_the_four_patches_of_a_small_image():
    image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    patches = imfeat.dense_patches(image, 2)
    assert patches.shape == (2, 2, 4)
    np.testing.assert_allclose(patches[1, 0] * 255, [3, 4, 6, 7], atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("color", [True, False])
def test_dense_patches_match_scikit_learn(rgb, gray, dtype, color):
    images = (rgb if color else gray)[:, :20, :25]
    images = images if dtype == "uint8" else (images / 255).astype(dtype)
    patches = imfeat.dense_patches(images, 7)
    assert patches.dtype == np.float32
    for patch, image in zip(patches, images, strict=True):
        expected = extract_patches_2d(image, (7, 7)) / (255 if dtype == "uint8" else 1)
        np.testing.assert_allclose(
            patch.reshape(len(expected), -1), expected.reshape(len(expected), -1), atol=1e-6
        )


@pytest.mark.parametrize("stride", [2, 3, 50])
def test_a_stride_leaves_positions_out(rgb, stride):
    expected = imfeat.dense_patches(rgb, 6)[:, ::stride, ::stride]
    np.testing.assert_array_equal(imfeat.dense_patches(rgb, 6, stride=stride), expected)


def test_sampled_patches_come_from_the_images(rgb):
    patches = imfeat.sample_patches(rgb, 6, 200, rng=0)
    dense = imfeat.dense_patches(rgb, 6).reshape(-1, 108)
    known = {row.tobytes() for row in dense}
    assert patches.shape == (200, 108)
    assert all(row.tobytes() in known for row in patches)


def test_all_positions_are_sampled_equally():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    first = np.rint(imfeat.sample_patches(image, 2, 6000, rng=0)[:, 0] * 255).astype(int)
    counts = np.bincount(first, minlength=12)
    assert set(np.flatnonzero(counts)) == {0, 1, 2, 4, 5, 6}
    assert counts[counts > 0].min() > 850


def test_the_seed_decides(photo):
    first, again, other = (imfeat.sample_patches(photo, 5, 50, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_normalized_patches_have_mean_0_and_the_same_contrast(photo):
    patches = imfeat.sample_patches(photo, 8, 500, rng=0)
    normal = imfeat.normalize_patches(patches)
    np.testing.assert_allclose(normal.mean(1), 0, atol=1e-5)
    variance = patches.var(1)
    np.testing.assert_allclose(normal.var(1), variance / (variance + 10 / 255**2), rtol=1e-3)


@given(arrays(np.float32, (3, 12), elements=st.floats(0, 1, width=32)), st.floats(0.1, 1))
def test_brightness_does_not_matter(patches, brightness):
    shifted = imfeat.normalize_patches(patches + np.float32(brightness))
    np.testing.assert_allclose(imfeat.normalize_patches(patches), shifted, atol=1e-3)


def test_a_patch_of_one_color_becomes_0():
    assert not imfeat.normalize_patches(np.full((2, 9), 0.5)).any()


def test_zca_decorrelates_and_stays_near_the_patches(photo):
    patches = imfeat.normalize_patches(imfeat.sample_patches(photo, 6, 5000, rng=0))
    white = imfeat.Whitening(epsilon=1e-9).fit(patches).transform(patches)
    # A patch less its mean has one dimension less than it has pixels.
    spectrum = np.linalg.eigvalsh(np.cov(white.T, bias=True))
    np.testing.assert_allclose(spectrum[1:], 1, atol=0.02)
    matrix = imfeat.Whitening().fit(patches).matrix_
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)


def test_pca_matches_scikit_learn(photo):
    patches = imfeat.sample_patches(photo, 4, 2000, rng=0)
    white = imfeat.Whitening("pca", epsilon=1e-8).fit(patches).transform(patches)[:, :10]
    expected = PCA(10, whiten=True).fit_transform(patches.astype(np.float64))
    same_sign = np.sign((white * expected).sum(0))
    np.testing.assert_allclose(white * same_sign, expected, atol=0.02)


def test_errors_say_what_to_do():
    image = np.zeros((9, 12), np.uint8)
    with pytest.raises(ValueError, match="patch_size must be at most the size of the images, 9 x 12, got 10"):
        imfeat.dense_patches(image, 10)
    with pytest.raises(ValueError, match="images must be at least one to sample patches from"):
        imfeat.sample_patches(image[None][:0], 3, 10, channel_axis=None)
    with pytest.raises(ValueError, match="this Whitening has not been fitted; call fit"):
        imfeat.Whitening().transform(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="patches must be vectors of length 4, got length 5"):
        imfeat.Whitening().fit(np.eye(4)).transform(np.zeros((1, 5)))
    with pytest.raises(ValueError, match="patches must be at least two"):
        imfeat.Whitening().fit(np.zeros((1, 4)))
    with pytest.raises(ValueError, match="kind must be one of 'zca', 'pca', got 'ica'"):
        imfeat.Whitening("ica")

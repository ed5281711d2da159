"""Patch features in one pass against the same steps one by one."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imfeat
from imfeat import _responses

# Small distances are roots of the differences of large numbers.
TOLERANCE = {"threshold": 2e-5, "triangle": 1e-3}


@pytest.fixture(scope="module")
def images(photo):
    """Images (4, 20, 23, 3), whose positions of patches can't be divided evenly."""
    return np.stack([photo[y : y + 20, x : x + 23] for y in (0, 150) for x in (60, 300)])


def learn(images, patch_size, n_words=30):
    patches = imfeat.normalize_patches(imfeat.sample_patches(images, patch_size, 3000, rng=0))
    both = np.concatenate([patches, imfeat.mirror_patches(patches, patch_size)])
    whitening = imfeat.Whitening().fit(both)
    return imfeat.learn_codebook(whitening.transform(patches), n_words, rng=0), whitening


def pool(maps, grid):
    """Average maps (n_images, n_rows, n_cols, ...) over the regions of a grid."""
    n_rows, n_cols = maps.shape[1:3]
    rows = [slice(i * n_rows // grid[0], -(-(i + 1) * n_rows // grid[0])) for i in range(grid[0])]
    cols = [slice(i * n_cols // grid[1], -(-(i + 1) * n_cols // grid[1])) for i in range(grid[1])]
    return np.concatenate([maps[:, r, c].mean((1, 2)).reshape(len(maps), -1) for r in rows for c in cols], 1)


def step_by_step(images, codebook, whitening, patch_size, grid, encoding, words):
    patches = imfeat.normalize_patches(imfeat.dense_patches(images, patch_size))
    white = whitening.transform(patches).astype(np.float64)
    if encoding == "threshold":
        z = white @ (codebook / np.linalg.norm(codebook, axis=1, keepdims=True)).T
        return pool(np.stack([np.maximum(z - 0.25, 0), np.maximum(-z - 0.25, 0)], 3), grid)
    distances = np.linalg.norm(white[..., None, :] - words, axis=-1)
    triangle = np.maximum(distances.mean(-1, keepdims=True) - distances, 0)
    return pool(triangle[..., : len(codebook)], grid)


@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize("patch_size", [5, 6])
@pytest.mark.parametrize("grid", [(1, 1), (3, 3), (2, 4)])
@pytest.mark.parametrize("encoding", ["threshold", "triangle"])
def test_matches_the_steps_one_by_one(images, gray, patch_size, grid, encoding):
    images = images[..., 1] if gray else images
    codebook, whitening = learn(images, patch_size)
    options = {"patch_size": patch_size, "grid": grid, "encoding": encoding}
    expected = step_by_step(images, codebook, whitening, *options.values(), codebook)
    plain = imfeat.patch_features(images, codebook, whitening, mirror=False, **options)
    np.testing.assert_allclose(plain, expected, atol=TOLERANCE[encoding])
    # A mirrored bank holds the mirror images of the words, too, and sees the image and its mirror image.
    words = np.concatenate([codebook, imfeat.mirror_patches(codebook, patch_size)])
    turned = images[:, :, ::-1]
    both = [step_by_step(x, codebook, whitening, *options.values(), words) for x in (images, turned)]
    mirrored = imfeat.patch_features(images, codebook, whitening, **options)
    np.testing.assert_allclose(mirrored, np.mean(both, 0), atol=TOLERANCE[encoding])
    np.testing.assert_allclose(
        imfeat.patch_features(turned, codebook, whitening, **options), mirrored, atol=TOLERANCE[encoding]
    )


def test_one_word_on_one_patch():
    """A patch that is bright on the left, seen by words that are bright on the left or on the right."""
    image = np.array([[255, 0], [255, 0]], np.uint8)
    whitening = imfeat.Whitening().fit(np.eye(4))
    whitening.mean_, whitening.matrix_ = np.zeros(4, np.float32), np.eye(4, dtype=np.float32)
    words = np.array([[3, 0, 3, 0], [0, 5, 0, 5]])
    options = {"patch_size": 2, "grid": (1, 1), "threshold": 0.25, "epsilon": 1e-9}
    # Normalized the patch is 1, -1, 1, -1: the words, made as long as 1, respond with sqrt 2 and -sqrt 2.
    features = imfeat.patch_features(image, words, whitening, mirror=False, **options)
    z = np.sqrt(2) - 0.25
    np.testing.assert_allclose(features, [z, 0, 0, z], atol=1e-5)
    mirrored = imfeat.patch_features(image, words, whitening, **options)
    np.testing.assert_allclose(mirrored, [z / 2, z / 2, z / 2, z / 2], atol=1e-5)


@pytest.mark.parametrize("encoding", ["threshold", "triangle"])
@pytest.mark.parametrize("mirror", [True, False])
def test_regions_that_overlap_are_averages_of_windows(images, encoding, mirror):
    codebook, whitening = learn(images, 6)
    options = {"encoding": encoding, "mirror": mirror}
    single = imfeat.patch_features(images, codebook, whitening, grid=(15, 18), **options)
    single = single.reshape(4, 15, 18, -1)
    # 15 rows are 1.8 times a region of 8 1/3, and 18 columns one of 10.
    rows, cols = [slice(0, 9), slice(3, 12), slice(6, 15)], [slice(0, 10), slice(4, 14), slice(8, 18)]
    expected = np.concatenate([single[:, r, c].mean((1, 2)) for r in rows for c in cols], 1)
    features = imfeat.patch_features(images, codebook, whitening, overlap=0.6, **options)
    np.testing.assert_allclose(features, expected, atol=TOLERANCE[encoding])


@pytest.mark.parametrize("encoding", ["threshold", "triangle"])
@pytest.mark.parametrize("values", [1, 3000, 1 << 30])
def test_tiles_change_nothing(images, encoding, values, monkeypatch):
    codebook, whitening = learn(images, 6)
    expected = imfeat.patch_features(images, codebook, whitening, encoding=encoding)
    monkeypatch.setattr(_responses, "VALUES_AT_ONCE", values)
    features = imfeat.patch_features(images, codebook, whitening, encoding=encoding)
    np.testing.assert_allclose(features, expected, atol=TOLERANCE[encoding])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_leading_axes_and_types(images, dtype):
    codebook, whitening = learn(images, 6)
    features = imfeat.patch_features(images, codebook, whitening)
    assert features.dtype == np.float32
    assert features.shape == (4, 9 * 2 * 30)
    np.testing.assert_allclose(
        imfeat.patch_features((images[1] / 255).astype(dtype), codebook, whitening), features[1], atol=1e-5
    )
    grid = imfeat.patch_features(images.reshape(2, 2, 20, 23, 3), codebook, whitening)
    np.testing.assert_array_equal(grid.reshape(4, -1), features)
    assert imfeat.patch_features(images[:0], codebook, whitening).shape == (0, 540)


@settings(max_examples=20)
@given(st.integers(0, 90), st.floats(0, 2))
def test_a_constant_image_has_no_features(gray, threshold):
    rng = np.random.default_rng(0)
    patches = imfeat.normalize_patches(rng.random((500, 27)))
    whitening = imfeat.Whitening().fit(patches - patches.mean(0))  # what is constant stays 0
    image = np.full((9, 9, 3), gray, np.uint8)
    options = {"patch_size": 3, "mirror": False, "threshold": threshold}
    assert np.abs(imfeat.patch_features(image, patches[:5], whitening, **options)).max() < 1e-5


def test_memory_does_not_grow_with_the_images(photo):
    codebook, whitening = learn(photo, 6, n_words=400)
    peaks = []
    for n in (64, 512):
        images = np.broadcast_to(photo[:32, :32], (n, 32, 32, 3)).copy()
        out = np.empty((n, 9 * 800), np.float32)
        tracemalloc.start()
        imfeat.patch_features(images, codebook, whitening, out=out)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1e6
    assert peaks[1] < 200e6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 21}, "patch_size must be at most the size of the images, 20 x 23, got 21"),
        (
            {"patch_size": 5},
            r"codebook must have words of length 5 x 5 x 3 = 75, at least one, got \(30, 108\)",
        ),
        ({"grid": (16, 3)}, r"grid must be at most 15 x 18, the positions of patches, got \(16, 3\)"),
        ({"overlap": 1}, "overlap must be below 1, as regions would be the same, got 1"),
        ({"encoding": "hard"}, "encoding must be one of 'threshold', 'triangle', got 'hard'"),
        ({"threshold": -1}, "threshold must be at least 0 and finite, got -1"),
        ({"epsilon": 0}, "epsilon must be above 0 and finite, got 0"),
    ],
)
def test_wrong_arguments_are_refused(images, options, message):
    codebook, whitening = learn(images, 6)
    with pytest.raises(ValueError, match=message):
        imfeat.patch_features(images, codebook, whitening, **options)


def test_a_whitening_that_does_not_suit_is_refused(images):
    codebook, _ = learn(images, 6)
    patches = imfeat.normalize_patches(imfeat.sample_patches(images, 6, 3000, rng=0))
    with pytest.raises(ValueError, match="whitening must treat patches and their mirror images alike"):
        imfeat.patch_features(images, codebook, imfeat.Whitening("pca").fit(patches))
    with pytest.raises(ValueError, match="whitening must be fitted with patches of length 108"):
        imfeat.patch_features(images, codebook, imfeat.Whitening())


def test_mirrored_patches_are_those_of_mirrored_images(images):
    patches = imfeat.dense_patches(images, 5)
    turned = imfeat.dense_patches(np.ascontiguousarray(images[:, :, ::-1]), 5)[:, :, ::-1]
    np.testing.assert_array_equal(imfeat.mirror_patches(patches, 5), turned)
    with pytest.raises(ValueError, match="patches must have a multiple of 4 x 4 values, got 75"):
        imfeat.mirror_patches(patches, 4)

"""Response maps, and words of patches of them, against the same steps one by one."""

import numpy as np
import pytest
from sklearn.base import clone

import imfeat

TOLERANCE = 2e-5


@pytest.fixture(scope="module")
def images(photo):
    """Images (4, 20, 23, 3), whose positions of patches can't be divided evenly."""
    return np.stack([photo[y : y + 20, x : x + 23] for y in (0, 150) for x in (60, 300)])


def learn(images, patch_size, n_words=9):
    patches = imfeat.normalize_patches(imfeat.sample_patches(images, patch_size, 3000, rng=0))
    whitening = imfeat.Whitening().fit(patches)
    return imfeat.learn_codebook(whitening.transform(patches), n_words, rng=0), whitening


def excesses(images, codebook, whitening, patch_size):
    """Return (n_images, n_rows, n_cols, 2 * n_words) thresholded responses at all positions."""
    patches = imfeat.normalize_patches(imfeat.dense_patches(images, patch_size))
    white = whitening.transform(patches).astype(np.float64)
    z = white @ (codebook / np.linalg.norm(codebook, axis=1, keepdims=True)).T
    return np.concatenate([np.maximum(z - 0.25, 0), np.maximum(-z - 0.25, 0)], -1)


@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize(("patch_size", "pool_size", "stride"), [(5, 4, 2), (4, 3, 4), (6, 1, 1), (3, 18, 2)])
def test_maps_are_means_over_windows(images, gray, patch_size, pool_size, stride):
    images = images[..., 1] if gray else images
    words = learn(images, patch_size)
    maps = imfeat.response_maps(images, *words, patch_size=patch_size, pool_size=pool_size, stride=stride)
    at_positions = excesses(images, *words, patch_size)
    windows = np.lib.stride_tricks.sliding_window_view(at_positions, (pool_size, pool_size), (1, 2))
    expected = windows[:, ::stride, ::stride].mean((-2, -1))
    assert maps.shape == expected.shape
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, atol=TOLERANCE)


def test_one_word_on_two_patches():
    """Two patches side by side, bright on the left and on the right, seen by a word bright on the left."""
    image = np.array([[255, 0, 255], [255, 0, 255]], np.uint8)
    whitening = imfeat.Whitening().fit(np.eye(4))
    whitening.mean_, whitening.matrix_ = np.zeros(4, np.float32), np.eye(4, dtype=np.float32)
    word = np.array([[3, 0, 3, 0]])
    maps = imfeat.response_maps(image, word, whitening, patch_size=2, pool_size=1, stride=1, epsilon=1e-9)
    z = np.sqrt(2) - 0.25  # normalized the patches are 1, -1, 1, -1 and the opposite
    np.testing.assert_allclose(maps, [[[z, 0], [0, z]]], atol=1e-5)


def test_maps_follow_moved_images(photo):
    words = learn(photo, 5)
    maps = imfeat.response_maps(photo[:60, :60], *words)
    moved = imfeat.response_maps(photo[8:68, 12:72], *words)
    np.testing.assert_allclose(moved[:20, :20], maps[4:24, 6:26], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 21}, "patch_size must be at most the size of the images, 20 x 23, got 21"),
        ({"pool_size": 17}, "pool_size must be at most 16 x 19, the positions of patches, got 17"),
        ({"pool_size": 0}, "pool_size must be at least 1, got 0"),
        ({"stride": 0}, "stride must be at least 1, got 0"),
        (
            {"patch_size": 6},
            r"codebook must have words of length 6 x 6 x 3 = 108, at least one, got \(9, 75\)",
        ),
        ({"threshold": -1}, "threshold must be at least 0 and finite, got -1"),
    ],
)
def test_wrong_arguments_are_refused(images, options, message):
    with pytest.raises(ValueError, match=message):
        imfeat.response_maps(images, *learn(images, 5), **options)


@pytest.mark.parametrize("encoding", ["threshold", "triangle"])
def test_features_are_means_over_images_and_what_stands_for_mirror_images(images, encoding):
    words = learn(images, 5)
    options = {"patch_size": 5, "encoding": encoding, "grid": (2, 1)}
    first, second = (
        imfeat.patch_features(x, *words, mirror=False, **options) for x in (images, images[::-1])
    )
    both = imfeat.patch_features(images, *words, mirror=images[::-1], **options)
    np.testing.assert_allclose(both, (first + second) / 2, atol=1e-3 if encoding == "triangle" else TOLERANCE)
    with pytest.raises(ValueError, match=r"mirror must be True, False, or an array .* got \(3, 20, 23, 3\)"):
        imfeat.patch_features(images, *words, mirror=images[:3], **options)


def few(**options):
    sizes = {"n_words": 7, "n_first_words": 9, "n_pca": 5, "n_patches": 900}
    return imfeat.TwoLayerPatches(**sizes | {"random_state": 0} | options)


def first_maps(model, images):
    patch_size = model.first_patch_size
    words = model.first_codebook_, model.first_whitening_
    options = {"pool_size": model.pool_size, "stride": model.stride}
    maps = imfeat.response_maps(images, *words, patch_size=patch_size, **options)
    return (maps - model.pca_.mean_) @ model.pca_.components_.T.astype(np.float64)


OTHER = {"patch_size": 3, "pool_size": 3, "stride": 3, "first_patch_size": 4, "sqrt": False}


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("options", [{}, OTHER])
def test_two_layers_are_the_functions_one_after_the_other(images, mirror, options):
    model = few(mirror=mirror, **options).fit(images)
    sources = (images, images[:, :, ::-1]) if mirror else (images,)
    features = [
        imfeat.patch_features(
            first_maps(model, source).astype(np.float32),
            *(model.codebook_, model.whitening_),
            patch_size=model.patch_size,
            overlap=0.6,
            epsilon=0.1,
            mirror=False,
            channel_axis=-1,
        )
        for source in sources
    ]
    expected = np.mean(features, 0)
    expected = expected if "sqrt" in options else np.sqrt(expected)
    np.testing.assert_allclose(model.transform(images), expected, atol=1e-3)
    assert len(model.get_feature_names_out()) == expected.shape[1] == 9 * 2 * 7
    assert model.get_feature_names_out()[7] == "layers_r0_c0_w0_neg"


def test_mirror_images_have_the_same_features(images):
    model = few().fit(images)
    np.testing.assert_allclose(model.transform(images[:, :, ::-1]), model.transform(images), atol=1e-4)


def test_a_window_is_what_a_patch_of_the_maps_sees(images):
    """The second layer learns from windows what it finds at the same place of whole images."""
    model = few(mirror=False).fit(images)
    window = 5 + 4 - 1 + 2
    drawn = images[:, 2 : 2 + window, 4 : 4 + window].reshape(4, -1) / np.float32(255)
    maps = first_maps(model, images)
    expected = imfeat.normalize_patches(maps[:, 1:3, 2:4].reshape(4, -1), epsilon=0.1)
    np.testing.assert_allclose(model._patches_of_maps(drawn), expected, atol=1e-4)


def test_axes_keep_the_most_of_the_maps(images):
    model = few().fit(images)
    components = model.pca_.components_
    np.testing.assert_allclose(components @ components.T, np.eye(5), atol=1e-5)
    maps = first_maps(model, images).reshape(-1, 5)
    other = np.linalg.qr(np.random.default_rng(0).normal(size=(18, 5)))[0]
    words = model.first_codebook_, model.first_whitening_
    raw = imfeat.response_maps(images, *words).reshape(-1, 18)
    assert maps.var(0).sum() > 0.9 * raw.var(0).sum() * 5 / 18
    assert maps.var(0).sum() > (raw @ other).var(0).sum()


@pytest.mark.parametrize("values", [1, 5_000])
def test_batches_change_nothing(images, values, monkeypatch):
    model = few().fit(images)
    expected = model.transform(images)
    monkeypatch.setattr("imfeat.estimators.responses.VALUES_AT_ONCE", values)
    again = clone(model).fit(images)
    np.testing.assert_allclose(again.codebook_, model.codebook_, atol=1e-4)
    np.testing.assert_allclose(model.transform(images), expected, atol=1e-5)


def test_images_that_are_too_small_are_refused():
    message = "images must be at least 10 x 10 pixels for patches of 2 x 2 on maps of patches of 5 x 5 pixels"
    with pytest.raises(ValueError, match=message):
        few().fit(np.zeros((3, 9, 12, 3), np.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": (3,)}, "grid must be"),
        ({"grid": (13, 1)}, "grid must be at most 6 x 7, the positions of patches"),
        ({"n_pca": 19}, "n_pca must be at most 18"),
        ({"n_first_words": 0}, "n_first_words must be at least 1, got 0"),
        ({"stride": 0}, "stride must be at least 1, got 0"),
        ({"threshold": -1}, "threshold must be at least 0"),
        ({"n_words": 901}, "descriptors are too few for 901 words"),
    ],
)
def test_wrong_options_are_refused_by_fit(images, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        few(**options).fit(images)


def test_gray_images(images):
    model = few().fit(images[..., 1])
    assert model.first_codebook_.shape == (9, 25)
    assert model.transform(images[..., 1]).shape == (4, 126)

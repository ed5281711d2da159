"""Transformers against the functions' references, and inside scikit-learn's machinery."""

import inspect
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import skimage.feature
import sklearn
from PIL import Image, ImageOps
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import validate_data

import imfeat
from imfeat.estimators import (
    HOG,
    LBP,
    VLAD,
    BagOfVisualWords,
    ColorHistogram,
    DenseSIFT,
    Equalize,
    FisherVector,
    Haralick,
    LateFusion,
    LocalColor,
    PaletteHistogram,
    PatchFeatures,
    RawPixels,
    RegionPooling,
    TwoLayerPatches,
    UoCTTI,
    _bands,
    encoding,
)
from imfeat.learn import RidgeClassifier

LEARNED = (BagOfVisualWords, PatchFeatures, TwoLayerPatches, FisherVector, VLAD)
ALL = (RawPixels, ColorHistogram, HOG, UoCTTI, Equalize, DenseSIFT, LocalColor, RegionPooling, *LEARNED)
COLOR_ONLY = (ColorHistogram, LocalColor)


def few_words(**options):
    return BagOfVisualWords(**{"n_words": 9, "n_patches": 400, "random_state": 0} | options)


def few_patches(**options):
    return PatchFeatures(**{"n_words": 7, "n_patches": 400, "random_state": 0} | options)


def few_layers(**options):
    few = {"n_words": 7, "n_first_words": 5, "first_patch_size": 3, "n_pca": 4, "n_patches": 400}
    return TwoLayerPatches(**few | {"random_state": 0} | options)


def few_gaussians(**options):
    few = {"n_components": 3, "n_pca": 6, "n_descriptors": 400, "random_state": 0}
    return FisherVector(DenseSIFT(step=6, bin_size=3), **few | options)


def few_clusters(**options):
    few = {"n_words": 4, "n_pca": None, "n_descriptors": 400, "random_state": 0}
    return VLAD(DenseSIFT(step=6, bin_size=3), **few | options)


def examples():
    counts = ColorHistogram(bins=4, grid=(2, 1)), HOG(cell_size=4), UoCTTI(cell_size=5, mirror=True)
    pooled = RegionPooling(DenseSIFT(bin_size=3)), ColorHistogram(space="gray", grid=(2, 1))
    local = DenseSIFT(step=8, scales=(0.5, 1)), LocalColor(step=8, bin_size=3)
    learned = (
        few_words(),
        few_words(encoding="soft"),
        few_patches(),
        few_layers(),
        few_gaussians(),
        few_clusters(),
    )
    return [RawPixels(), *counts, *pooled, Equalize(), *local, *learned]


def ids(estimator):
    return type(estimator).__name__


@pytest.fixture(scope="module")
def images(photo):
    """Images (12, 32, 32, 3) of a photograph, each of another place."""
    return np.stack([photo[y : y + 32, x : x + 32] for y in (0, 150, 400) for x in (0, 130, 260, 390)])


# The checks of scikit-learn feed tables, which these transformers refuse: for what takes no tables
# scikit-learn skips all of them.  The variants below take each row of a table for an image, so that
# every check runs and none is expected to fail.  What the variants check on behalf of the
# transformers (NaN, infinity, the number of features, empty tables) has tests of its own further on.


class Tables:
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        assert tags.input_tags.three_d_array
        assert not tags.input_tags.two_d_array
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = True, False
        return tags

    def _check_batch(self, X, *, reset):
        X = validate_data(self, X, reset=reset, dtype=(np.float64, np.float32))
        checked = super()._check_batch(np.stack([np.resize(row, (8, 8, 3)) for row in expit(X)]), reset=reset)
        if reset:
            self.n_features_in_ = X.shape[1]
        return checked


class TablesAsPixels(Tables, RawPixels):
    pass


class TablesAsColors(Tables, ColorHistogram):
    pass


class TablesAsGradients(Tables, HOG):
    def __init__(self, *, cell_size=4):
        super().__init__(cell_size=cell_size)


class TablesAsPatterns(Tables, LBP):
    pass


class TablesAsTextures(Tables, Haralick):
    def __init__(self, *, levels=8):
        super().__init__(levels=levels)


class TablesAsCells(Tables, UoCTTI):
    pass


class TablesAsPooled(Tables, RegionPooling):
    local = DenseSIFT(bin_size=2)

    def __init__(self, *, grids=((1, 1), (2, 1))):
        self.grids = grids


class TablesAsExposures(Tables, Equalize):
    pass


class TablesAsShapes(Tables, DenseSIFT):
    def __init__(self, *, bin_size=2):
        super().__init__(bin_size=bin_size)


class TablesAsLocalColors(Tables, LocalColor):
    def __init__(self, *, bin_size=2):
        super().__init__(bin_size=bin_size)


class TablesAsWords(Tables, BagOfVisualWords):
    def __init__(self, *, n_words=4, n_patches=60, random_state=None):
        super().__init__(n_words=n_words, n_patches=n_patches, random_state=random_state)


class TablesAsPalettes(Tables, PaletteHistogram):
    def __init__(self, *, n_colors=4, n_pixels=500, random_state=None):
        super().__init__(n_colors=n_colors, n_pixels=n_pixels, random_state=random_state)


class TablesAsPatches(Tables, PatchFeatures):
    def __init__(self, *, n_words=4, n_patches=60, random_state=None):
        super().__init__(n_words=n_words, n_patches=n_patches, random_state=random_state)


class TablesAsGaussians(Tables, FisherVector):
    local, n_descriptors, n_iterations, progress = DenseSIFT(step=1, bin_size=2), 1000, 20, False
    grids, mirror = ((1, 1), (2, 1)), False

    def __init__(self, *, n_components=2, n_pca=2, random_state=None):
        self.n_components, self.n_pca, self.random_state = n_components, n_pca, random_state


class TablesAsClusters(Tables, VLAD):
    local, n_descriptors, n_iterations, progress = DenseSIFT(step=1, bin_size=2), 1000, 20, False
    grids, mirror = ((1, 1), (2, 1)), False

    def __init__(self, *, n_words=2, n_pca=2, random_state=None):
        self.n_words, self.n_pca, self.random_state = n_words, n_pca, random_state


@parametrize_with_checks(
    [
        TablesAsPixels(),
        TablesAsColors(),
        TablesAsGradients(),
        TablesAsPatterns(),
        TablesAsTextures(),
        TablesAsCells(),
        TablesAsPooled(),
        TablesAsExposures(),
        TablesAsShapes(),
        TablesAsLocalColors(),
        TablesAsWords(),
        TablesAsPalettes(),
        TablesAsPatches(),
        TablesAsGaussians(),
        TablesAsClusters(),
        LateFusion(),
        LateFusion([RidgeClassifier([1.0]), LogisticRegression()], weights=[2, 1]),
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        (ColorHistogram, imfeat.color_histogram),
        (HOG, imfeat.hog),
        (UoCTTI, imfeat.hog_uoctti),
        (RawPixels, imfeat.raw_pixels),
        (Equalize, imfeat.equalize),
        (DenseSIFT, imfeat.dense_sift),
        (LocalColor, imfeat.local_color),
    ],
)
def test_options_and_defaults_are_those_of_the_function(kind, function):
    options = inspect.signature(function).parameters
    ours = inspect.signature(kind).parameters
    assert set(options) - set(ours) <= {"images", "mask", "flatten", "out"}
    for name, parameter in ours.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        if name == "device":  # functions go by where their images lie
            assert parameter.default == "cpu"
        elif name != "fast":  # in pipelines the quick variant is the better start
            assert parameter.default == options[name].default


def test_raw_pixels_are_the_pixels(images):
    features = RawPixels().fit_transform(images)
    np.testing.assert_allclose(features, images.reshape(12, -1) / 255, rtol=1e-6)
    assert features.dtype == np.float32
    for dtype in (np.float32, np.float64):
        np.testing.assert_array_equal(RawPixels().transform((images / 255).astype(dtype)), features)


@pytest.mark.parametrize("options", [{}, {"cell_size": 4, "norm": "l1", "orientations": 6, "block_size": 3}])
def test_hog_is_that_of_scikit_image(images, options):
    options = {"cell_size": 8, "norm": "l2-hys", "orientations": 9, "block_size": 2} | options
    cells, blocks = (options["cell_size"],) * 2, (options["block_size"],) * 2
    expected = [
        skimage.feature.hog(
            image,
            options["orientations"],
            pixels_per_cell=cells,
            cells_per_block=blocks,
            block_norm={"l1": "L1", "l2-hys": "L2-Hys"}[options["norm"]],
            channel_axis=-1,
        )
        for image in images
    ]
    np.testing.assert_allclose(HOG(**options).fit_transform(images), expected, atol=1e-5)


def test_hog_passes_every_option_on(images):
    options = {"interpolation": "trilinear", "signed": True, "sqrt": True, "cell_size": 4}
    features = HOG(**options).fit_transform(images)
    np.testing.assert_array_equal(features, imfeat.hog(images, **options))
    assert not np.array_equal(features, HOG(cell_size=4, signed=True).fit_transform(images))
    options |= {"block_size": (1, 2), "block_stride": (0.5, 1), "padding": 4, "clip": 0.3, "sigma": 3.0}
    model = HOG(**options).fit(images)
    np.testing.assert_array_equal(model.transform(images), imfeat.hog(images, **options))
    names = model.get_feature_names_out()
    assert names.shape == imfeat.hog(images[0], **options).shape
    assert (names[0], names[-1]) == ("hog_r0_c0_y0_x0_o0", "hog_r18_c8_y0_x1_o8")


@pytest.mark.parametrize("variant", ["uoctti", "dalal-triggs"])
def test_uoctti_passes_every_option_on(images, variant):
    options = {"cell_size": 16, "orientations": 5, "bilinear": True, "variant": variant, "mirror": True}
    model = UoCTTI(**options).fit(images)
    features = imfeat.hog_uoctti(images, **options)
    np.testing.assert_array_equal(model.transform(images), features)
    assert len(model.get_feature_names_out()) == features.shape[1]


def test_color_histogram_is_that_of_numpy(images):
    expected = [
        np.histogramdd(region.reshape(-1, 3), bins=(4, 3, 2), range=[(0, 255)] * 3)[0].ravel()
        for image in images
        for region in (image[:16], image[16:])
    ]
    histogram = ColorHistogram(bins=(4, 3, 2), space="rgb", grid=(2, 1), norm=None)
    np.testing.assert_array_equal(histogram.fit_transform(images), np.reshape(expected, (12, -1)))
    shares = ColorHistogram(bins=(4, 3, 2), space="rgb", grid=(2, 1), norm="l1", joint=False)
    assert shares.fit_transform(images).shape == (12, 2 * (4 + 3 + 2))
    np.testing.assert_allclose(shares.transform(images).sum(1), 2 * 3, rtol=1e-6)


def test_equalize_is_that_of_pillow(images):
    expected = [np.asarray(ImageOps.equalize(Image.fromarray(image))) for image in images]
    np.testing.assert_array_equal(Equalize().fit_transform(images), expected)
    opencv = Equalize(convention="opencv").fit_transform(images)
    np.testing.assert_array_equal(opencv, imfeat.equalize(images, convention="opencv"))


@pytest.mark.parametrize("whiten", [True, False])
def test_words_are_counted_one_by_one(images, whiten):
    words = few_words(stride=3, grid=(2, 2), norm=None, whiten=whiten).fit(images)
    expected = np.zeros((12, 2, 2, 9))
    positions = range(0, 32 - 6 + 1, 3)
    for i, image in enumerate(images / 255):
        for r, y in enumerate(positions):
            for c, x in enumerate(positions):
                patch = image[y : y + 6, x : x + 6].ravel()
                patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10 / 255**2)
                if whiten:
                    patch = (patch - words.whitening_.mean_) @ words.whitening_.matrix_
                distances = ((words.codebook_ - patch) ** 2).sum(1)
                expected[i, int(r >= 4), int(c >= 4), distances.argmin()] += 1
    np.testing.assert_array_equal(words.transform(images), expected.reshape(12, -1))


def test_words_come_from_contrast_normalized_whitened_patches(images):
    words = few_words(n_patches=2000).fit(images)
    patches = imfeat.normalize_patches(imfeat.dense_patches(images, 6)).reshape(-1, 108)
    whitened = words.whitening_.transform(patches)
    assert abs(whitened.mean()) < 0.05
    assert whitened.var() > 0.3
    # every word is the mean of patches, none of them far away
    assert np.linalg.norm(words.codebook_, axis=1).max() < np.linalg.norm(whitened, axis=1).max()


def test_as_many_words_as_kinds_of_patches_are_these_patches(rng):
    images = rng.integers(0, 256, (4, 6, 6, 3), np.uint8)  # of a patch each
    words = few_words(n_words=4).fit(images)
    patches = words.whitening_.transform(imfeat.normalize_patches(images.reshape(4, 108) / 255))
    np.testing.assert_allclose(np.sort(words.codebook_, axis=0), np.sort(patches, axis=0), atol=1e-5)
    np.testing.assert_array_equal(np.sort(words.transform(images), axis=0)[-1], np.ones(4))


def test_words_are_encoded_a_few_images_at_a_time(images, monkeypatch):
    estimator = few_words(grid=(2, 2)).fit(images)
    at_once = estimator.transform(images)
    monkeypatch.setattr(encoding, "BYTES_AT_ONCE", 1)
    np.testing.assert_array_equal(estimator.transform(images), at_once)


@pytest.mark.parametrize("encoding", ["soft", "triangle"])
@pytest.mark.parametrize("norm", [None, "l1", "l2", "hellinger"])
def test_words_may_be_soft(images, encoding, norm):
    estimator = few_words(encoding=encoding, grid=(3, 2), norm=norm).fit(images)
    features = estimator.transform(images).reshape(12, 3, 2, 9)
    patches = imfeat.normalize_patches(imfeat.dense_patches(images[4], 6))[9:18, 13:27].reshape(-1, 108)
    encode = {"soft": imfeat.soft_words, "triangle": imfeat.triangle}[encoding]
    expected = encode(estimator.whitening_.transform(patches), estimator.codebook_)
    if norm is not None:
        expected /= np.linalg.norm(expected) if norm == "l2" else expected.sum()
    expected = np.sqrt(expected) if norm == "hellinger" else expected
    np.testing.assert_allclose(features[4, 1, 1], expected, atol=1e-5)


def test_a_palette_histogram_counts_the_nearest_colours(images):
    estimator = PaletteHistogram(n_colors=5, grid=(2, 3), norm=None, random_state=0).fit(images)
    assert estimator.palette_.shape == (5, 3)
    distances = ((images[3, :, :, None].astype(int) - estimator.palette_.astype(int)) ** 2).sum(-1)
    nearest = distances.argmin(-1)
    counts = estimator.transform(images)[3].reshape(2, 3, 5)
    np.testing.assert_array_equal(counts.sum(-1).sum(), 32 * 32)
    np.testing.assert_array_equal(counts[1, 0], np.bincount(nearest[16:, :10].ravel(), minlength=5))
    assert estimator.get_feature_names_out()[7] == "palette_r0_c1_k2"
    shares = PaletteHistogram(n_colors=5, n_pixels=200, grid=(2, 3), random_state=0).fit_transform(images)
    np.testing.assert_allclose(shares.reshape(12, 6, 5).sum(-1), 1, rtol=1e-6)
    with pytest.raises(ValueError, match="norm must be one of"):
        PaletteHistogram(norm="max").fit(images)


def test_patch_features_are_those_of_the_function(images):
    estimator = few_patches(encoding="triangle", sqrt=False, grid=(2, 1)).fit(images)
    options = {"encoding": "triangle", "grid": (2, 1), "overlap": 0.6}
    expected = imfeat.patch_features(images, estimator.codebook_, estimator.whitening_, **options)
    np.testing.assert_array_equal(estimator.transform(images), expected)
    roots = few_patches(encoding="triangle", grid=(2, 1)).fit_transform(images)
    np.testing.assert_allclose(roots, np.sqrt(expected), rtol=1e-6)
    assert estimator.get_feature_names_out()[8] == "patches_r1_c0_w1"
    mirrored = few_patches().fit(images)
    turned = mirrored.transform(images[:, :, ::-1])
    np.testing.assert_allclose(turned, mirrored.transform(images), atol=1e-3)
    assert mirrored.get_feature_names_out()[8] == "patches_r0_c0_w1_neg"


def steps_of(estimator, images):
    """Return the reduced descriptors (n_images, n, d) of an encoder, and whether each is in each region."""
    y = estimator.local_.positions_[:, 0]
    descriptors = estimator.local_.transform(images)
    if estimator.pca_ is not None:
        shape = *descriptors.shape[:2], -1
        descriptors = estimator.pca_.transform(descriptors.reshape(-1, 128)).reshape(shape)
    stripes = [(y >= low) & (y < low + 32 / 3) for low in (0, 32 / 3, 64 / 3)]
    return descriptors, [np.ones(len(y), bool), *stripes]


def test_fisher_vectors_are_made_step_by_step(images):
    estimator = few_gaussians().fit(images)
    features = estimator.transform(images).reshape(12, 4, 2 * 3 * 6)
    descriptors, regions = steps_of(estimator, images)
    for r, region in enumerate(regions):
        expected = imfeat.fisher_vector(descriptors[5][region], estimator.mixture_, improved=True)
        np.testing.assert_allclose(features[5, r], expected, atol=1e-4)
    assert estimator.get_feature_names_out()[36 + 18 + 6] == "fisher_r1_variance_k1_d0"


def test_vlad_is_made_step_by_step(images):
    estimator = few_clusters().fit(images)
    features = estimator.transform(images).reshape(12, 4, 4 * 128)
    descriptors, regions = steps_of(estimator, images)
    for r, region in enumerate(regions):
        expected = imfeat.vlad(descriptors[5][region], estimator.codebook_)
        np.testing.assert_allclose(features[5, r], expected, atol=1e-4)
    assert estimator.get_feature_names_out()[512 + 129] == "vlad_r1_w1_d1"


def test_mirrored_fisher_vectors_encode_the_descriptors_of_both_images(images):
    estimator = few_gaussians(mirror=True).fit(images)
    features = estimator.transform(images)
    (here, regions), (there, _) = steps_of(estimator, images), steps_of(estimator, images[:, :, ::-1])
    for r, region in enumerate(regions):
        both = np.concatenate([here[5][region], there[5][region]])
        expected = imfeat.fisher_vector(both, estimator.mixture_, improved=True)
        np.testing.assert_allclose(features[5].reshape(4, -1)[r], expected, atol=1e-4)
    np.testing.assert_allclose(estimator.transform(images[:, :, ::-1]), features, atol=1e-5)


def test_mirrored_vlad_is_of_both_images(images):
    estimator = few_clusters(mirror=True).fit(images)
    features = estimator.transform(images).reshape(12, 4, 4 * 128)
    (here, regions), (there, _) = steps_of(estimator, images), steps_of(estimator, images[:, :, ::-1])
    for r, region in enumerate(regions):
        both = np.concatenate([here[5][region], there[5][region]])
        expected = imfeat.vlad(both, estimator.codebook_)
        np.testing.assert_allclose(features[5, r], expected, atol=1e-4)


@pytest.mark.parametrize("mirror", [1, "yes", None])
def test_mirror_is_a_flag(images, mirror):
    with pytest.raises(TypeError, match="mirror must be True or False"):
        few_gaussians(mirror=mirror).fit(images)


@pytest.mark.parametrize("estimator", [few_gaussians(), few_gaussians(mirror=True), few_clusters()], ids=ids)
def test_descriptors_are_encoded_a_few_images_at_a_time(images, estimator, monkeypatch):
    expected = estimator.fit(images).transform(images)
    monkeypatch.setattr(_bands, "VALUES_AT_ONCE", 1)
    again = clone(estimator).fit(images)
    np.testing.assert_allclose(again.transform(images), expected, atol=1e-5)


def test_late_fusion_adds_scores(images):
    labels = np.arange(12) % 3
    parts = [make_pipeline(kind, LogisticRegression()) for kind in (RawPixels(), ColorHistogram())]
    fused = LateFusion(parts, weights=[1, 3]).fit(images, labels)
    scores = [part.fit(images, labels).decision_function(images) for part in parts]
    expected = (scores[0] + 3 * scores[1]) / 4
    np.testing.assert_allclose(fused.decision_function(images), expected, atol=1e-6)
    np.testing.assert_array_equal(fused.predict(images), expected.argmax(1))
    again = pickle.loads(pickle.dumps(fused))
    np.testing.assert_array_equal(again.predict(images), fused.predict(images))
    two = LateFusion(parts).fit(images, np.where(labels > 0, "yes", "no"))
    assert two.decision_function(images).shape == (12,)
    assert set(two.predict(images)) <= {"yes", "no"}
    with pytest.raises(ValueError, match="weights must be one for each classifier, 2, got 1"):
        LateFusion(parts, weights=[1]).fit(images, labels)
    with pytest.raises(ValueError, match="classifiers must be at least one"):
        LateFusion([]).fit(images, labels)
    with pytest.raises(TypeError, match="classifiers must be a sequence of classifiers"):
        LateFusion(LogisticRegression()).fit(images, labels)
    for weights, error in (
        ([1, -1], ValueError),
        ([1, np.nan], ValueError),
        ([0, 0], ValueError),
        (3, TypeError),
    ):
        with pytest.raises(error, match="weights must be"):
            LateFusion(parts, weights=weights).fit(images, labels)


def test_late_fusion_takes_tables_by_default(rng):
    x = rng.normal(size=(200, 5)).astype(np.float32)
    y = (x[:, 0] + rng.normal(size=200) > 0) + (x[:, 1] > 1)
    fused = LateFusion().fit(x, y)
    expected = RidgeClassifier().fit(x, y).decision_function(x)
    np.testing.assert_array_equal(fused.decision_function(x), expected)
    assert fused.n_features_in_ == 5
    assert not hasattr(clone(fused), "n_features_in_")
    assert get_tags(LateFusion([LogisticRegression()])).input_tags.sparse
    assert not get_tags(LateFusion([LogisticRegression(), RidgeClassifier()])).input_tags.sparse


def least_peak(call, repeats=1):
    """Return the least memory of several calls at their peak: other threads may allocate beside one."""
    peaks = []
    for _ in range(repeats):
        tracemalloc.start()
        call()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return min(peaks)


def test_the_patches_of_many_images_never_lie_in_memory_together():
    many = np.random.default_rng(0).integers(0, 256, (600, 32, 32, 3), np.uint8)
    estimator = few_words().fit(many[:10])
    assert least_peak(lambda: estimator.transform(many)) < 100e6 < 600 * 27 * 27 * 108 * 4


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("encoding", ["hard", "soft", "triangle"])
def test_bands_of_a_large_image_are_words_of_the_whole(monkeypatch, photo, encoding, stride):
    images = photo[None, :120, :90]
    estimator = few_words(grid=(3, 2), encoding=encoding, stride=stride, norm=None).fit(images)
    whole = estimator.transform(images)
    monkeypatch.setattr("imfeat.estimators.encoding.BYTES_AT_ONCE", 400_000)  # some ten rows of patches
    bands = estimator.transform(images)  # what a first call loads is not counted
    if stride == 1:
        assert least_peak(lambda: estimator.transform(images), repeats=3) < 3e6 < 85 * 115 * 108 * 4
    np.testing.assert_allclose(bands, whole, rtol=0, atol=0 if encoding == "hard" else 1e-6)


@pytest.mark.parametrize("estimator", examples(), ids=ids)
def test_pickle_gives_the_same_bytes(images, estimator):
    estimator.fit(images)
    again = pickle.loads(pickle.dumps(estimator))
    assert again.transform(images).tobytes() == estimator.transform(images).tobytes()
    assert list(again.get_feature_names_out()) == list(estimator.get_feature_names_out())


@pytest.mark.parametrize("estimator", examples(), ids=ids)
def test_a_clone_has_the_options_and_nothing_learned(images, estimator):
    copy = clone(estimator.fit(images))
    assert repr(copy.get_params()) == repr(estimator.get_params())  # those of parts are other objects
    assert not hasattr(copy, "image_shape_")


def test_seeds_reproduce_words(images):
    first, same, other = (few_words(random_state=seed).fit(images) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.codebook_, same.codebook_)
    assert not np.array_equal(first.codebook_, other.codebook_)
    given = few_words(random_state=np.random.RandomState(3)).fit(images)
    np.testing.assert_array_equal(given.codebook_, first.codebook_)


def test_a_pipeline_learns_which_way_stripes_run(rng):
    stripes = np.tile(np.arange(32) % 8 < 4, (40, 32, 1)) * 150.0 + rng.uniform(0, 100, (40, 32, 32))
    labels = np.arange(40) % 2
    stripes[labels == 1] = stripes[labels == 1].swapaxes(1, 2)
    stripes = stripes.astype(np.uint8)
    for feature in (HOG(), make_pipeline(Equalize(), HOG())):
        model = make_pipeline(feature, LogisticRegression()).fit(stripes[:20], labels[:20])
        assert model.score(stripes[20:], labels[20:]) == 1


def test_grid_search_finds_the_bins_that_tell_classes_apart():
    # values 100 and 140 are in one half of the range or in two, and in one third
    dark, bright = np.full((10, 8, 8, 3), 100, np.uint8), np.full((10, 8, 8, 3), 140, np.uint8)
    images, labels = np.concatenate([dark, bright]), np.repeat([0, 1], 10)
    pipeline = make_pipeline(ColorHistogram(space="rgb"), LogisticRegression())
    search = GridSearchCV(pipeline, {"colorhistogram__bins": [1, 2, 3]}, cv=2).fit(images, labels)
    assert search.best_params_ == {"colorhistogram__bins": 2}
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], [0.5, 1, 0.5])


def test_cross_validation_learns_words_anew_in_each_fold(images):
    labels = np.arange(12) % 2
    model = make_pipeline(few_words(), LogisticRegression())
    assert cross_val_score(model, images, labels, cv=2).shape == (2,)
    assert not hasattr(model[0], "codebook_")


def test_a_feature_union_puts_features_side_by_side(images):
    union = FeatureUnion([("shape", HOG()), ("color", ColorHistogram(bins=3))])
    expected = np.concatenate([imfeat.hog(images), imfeat.color_histogram(images, bins=3)], 1)
    np.testing.assert_array_equal(union.fit_transform(images), expected)
    names = union.get_feature_names_out()
    assert len(names) == expected.shape[1]
    assert names[0] == "shape__hog_r0_c0_y0_x0_o0"
    assert names[-1] == "color__hsv_r0_c0_h2_s2_v2"


@pytest.mark.parametrize("gray", [False, True], ids=["color", "gray"])
@pytest.mark.parametrize("estimator", examples(), ids=ids)
def test_each_number_has_a_name_of_its_own(images, estimator, gray):
    if gray and isinstance(estimator, COLOR_ONLY):
        return
    batch = images[..., 0] if gray else images
    features = estimator.fit_transform(batch)
    names = estimator.get_feature_names_out()
    assert names.dtype == object
    assert len(set(names)) == len(names) == features[0].size


def nonzero_names(estimator, image):
    features = estimator.fit_transform(image[None])[0].ravel()
    return dict(zip(estimator.get_feature_names_out()[features != 0], features[features != 0], strict=True))


def test_names_of_pixels_say_where():
    image = np.zeros((4, 7, 3), np.uint8)
    image[2, 5, 1] = 255
    assert nonzero_names(RawPixels(), image) == {"pixel_y2_x5_green": 1}
    assert nonzero_names(RawPixels(channel_axis=None), image[..., 1]) == {"pixel_y2_x5": 1}


def test_names_of_colors_say_where_and_which():
    image = np.full((8, 8, 3), 255, np.uint8)
    image[4:, :4] = 0, 0, 255
    blue = nonzero_names(ColorHistogram(bins=(6, 2, 3), grid=(2, 2)), image)
    white = {f"hsv_r{r}_c{c}_h0_s0_v2": 1 for r, c in ((0, 0), (0, 1), (1, 1))}
    assert blue == white | {"hsv_r1_c0_h4_s1_v2": 1}
    parts = nonzero_names(ColorHistogram(bins=4, space="rgb", joint=False), image)
    assert parts == {"rgb_r0_c0_r0": 0.25, "rgb_r0_c0_r3": 0.75, "rgb_r0_c0_g0": 0.25} | {
        "rgb_r0_c0_g3": 0.75,
        "rgb_r0_c0_b3": 1,
    }


def test_names_of_gradients_say_where_and_which_way():
    image = np.zeros((32, 24), np.uint8)
    image[:, 20:] = 200  # an edge that runs upright, in the last column of cells
    names = nonzero_names(HOG(block_size=1, orientations=4), image)
    assert set(names) == {f"hog_r{r}_c2_y0_x0_o0" for r in range(4)}
    names = nonzero_names(HOG(block_size=2, orientations=4), image)
    assert set(names) == {f"hog_r{r}_c1_y{y}_x1_o0" for r in range(3) for y in range(2)}
    image = np.zeros((32, 24), np.uint8)
    image[26:] = 200
    names = nonzero_names(HOG(block_size=2, orientations=4), image)
    assert set(names) == {f"hog_r2_c{c}_y1_x{x}_o2" for c in range(2) for x in range(2)}


def test_names_of_words_say_where_and_which(images):
    estimator = few_words(grid=(1, 2), norm=None).fit(images)
    features = estimator.transform(images[:1])[0]
    names = list(estimator.get_feature_names_out())
    assert names[:2] == ["words_r0_c0_w0", "words_r0_c0_w1"]
    assert names[9] == "words_r0_c1_w0"
    left = sum(n for name, n in zip(names, features, strict=True) if "_c0_" in name)
    assert left == 27 * 13


@pytest.mark.parametrize(
    ("kind", "function", "options"),
    [
        (DenseSIFT, imfeat.dense_sift, {"step": 5, "bin_size": 3, "scales": (1, 2), "fast": False}),
        (DenseSIFT, imfeat.dense_sift, {"step": 8, "fast": True}),
        (LocalColor, imfeat.local_color, {"step": 5, "bin_size": 3, "scales": (1, 2)}),
    ],
)
def test_local_descriptors_are_those_of_the_function(images, kind, function, options):
    estimator = kind(**options)
    positions, descriptors = function(images, **options)
    np.testing.assert_array_equal(estimator.fit_transform(images), descriptors)
    np.testing.assert_array_equal(estimator.positions_, positions)
    assert descriptors.shape[:2] == (12, len(positions))
    assert estimator.fit(images[:, :24]).positions_.shape[0] < len(positions)


def test_names_of_local_descriptors_say_where_and_what():
    image = np.zeros((16, 20, 3), np.uint8)
    image[..., 2] = np.arange(20) * 5  # brighter to the right
    names = nonzero_names(DenseSIFT(bin_size=2), image)
    assert set(names) <= {f"sift_p{p}_y{y}_x{x}_o0" for p in range(12) for y in range(4) for x in range(4)}
    names = nonzero_names(LocalColor(bin_size=5), image)
    assert {name[-9:] for name in names} == {"mean_blue", "_std_blue"}
    assert names["color_p0_y3_x2_mean_blue"] == np.float32(50 / 255)


def test_local_descriptors_stay_arrays(images):
    for estimator in (DenseSIFT(), LocalColor()):
        estimator.set_output(transform="pandas")
        with sklearn.config_context(transform_output="pandas"):
            assert isinstance(estimator.fit_transform(images), np.ndarray)


def test_equalize_keeps_the_kind_of_image(images):
    assert Equalize().fit_transform(images).dtype == np.uint8
    assert Equalize().fit_transform(images / 255).dtype == np.float64
    gray = Equalize().fit_transform(images[..., 0].astype(np.float32) / 255)
    assert gray.dtype == np.float32
    assert gray.shape == (12, 32, 32)


def test_names_and_output_pass_through_equalize(images):
    pipeline = make_pipeline(Equalize(), RawPixels()).fit(images)
    assert pipeline.get_feature_names_out()[0] == "pixel_y0_x0_red"
    assert pipeline[0].get_feature_names_out()[1] == "x1"
    assert list(pipeline[0].get_feature_names_out(["a"] * 3072)) == ["a"] * 3072
    with pytest.raises(ValueError, match="3072"):
        pipeline[0].get_feature_names_out(["a"])
    pipeline.set_output(transform="pandas")
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(pipeline[0].transform(images), np.ndarray)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_what_is_no_batch_of_images_is_refused(images, kind):
    for wrong in (np.full((5, 12), 7.0), [[0.0, 1.0]], images[0], images[None], images[..., 0][0]):
        with pytest.raises(ValueError, match=r"X must (be a batch|have the shape)"):
            kind().fit(wrong)
    with pytest.raises(ValueError, match="at least one image"):
        kind().fit(images[:0])
    with pytest.raises(TypeError, match="X must be uint8"):
        kind().fit(images.astype(np.int64))
    for value in (np.nan, np.inf) if kind.any_range else (np.nan, np.inf, 255.0):
        with pytest.raises(ValueError, match=r"X (must be finite|of dtype float64 must lie in \[0, 1\])"):
            kind().fit(np.full((2, 32, 32, 3), value))


@pytest.mark.parametrize("estimator", examples(), ids=ids)
def test_another_image_size_than_in_fit_is_refused(images, estimator):
    estimator.fit(images)
    for other in (images[:, :24], images[:, :, :24]):
        with pytest.raises(ValueError, match=r"fitted with images of shape \(32, 32, 3\)"):
            estimator.transform(other)
    if not isinstance(estimator, COLOR_ONLY):
        with pytest.raises(ValueError, match="fitted with images of shape"):
            estimator.transform(images[..., 0])
    assert estimator.image_shape_ == (32, 32, 3)
    assert estimator.n_features_in_ == 3072
    assert estimator.fit(images[:, :24]).image_shape_ == (24, 32, 3)


@pytest.mark.parametrize(
    "estimator",
    [
        ColorHistogram(space="cmyk"),
        ColorHistogram(bins=0),
        HOG(norm="l3"),
        HOG(cell_size=32),
        DenseSIFT(bin_size=11),
        DenseSIFT(scales=(1, 0)),
        LocalColor(step=0),
        Equalize(convention="none"),
        few_words(norm="l3"),
        few_words(patch_size=33),
        few_words(n_words=401),
        few_words(encoding="none"),
        few_patches(encoding="none"),
        few_patches(n_words=401),
        few_gaussians(n_components=500),
        few_gaussians(n_pca=129),
        few_clusters(grids=()),
    ],
    ids=repr,
)
def test_wrong_options_are_refused_in_fit(images, estimator):
    with pytest.raises(ValueError, match=r"must be|smaller than a (block|descriptor)"):
        estimator.fit(images)


def test_what_needs_a_fit_says_so(images):
    for estimator in (few_words(), few_patches(), few_layers(), few_gaussians(), few_clusters()):
        with pytest.raises(NotFittedError):
            estimator.transform(images)
    for estimator in examples():
        with pytest.raises(NotFittedError):
            estimator.get_feature_names_out()
    for estimator in examples()[:-6]:
        assert len(estimator.transform(images)) == 12


@pytest.mark.parametrize("kind", COLOR_ONLY)
def test_colors_need_color(images, kind):
    with pytest.raises(ValueError, match=r"^X must .* height, width, 3\)"):
        kind().fit(images[..., 0])


def test_importing_compiles_nothing():
    code = "import sys, imfeat.estimators; print('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"

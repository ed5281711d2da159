"""Local binary patterns against scikit-image, mahotas, and patterns that a reader can work out."""

import importlib
import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.feature import local_binary_pattern

import imfeat
from imfeat import LBP, lbp, lbp_codes

METHODS = ("default", "ror", "uniform", "nri_uniform")
CIRCLES = ((8, 1), (4, 1), (1, 1), (8, 2), (12, 1.5), (6, 2.3), (24, 3), (7, 9))


def peer(image, n_neighbors, radius, method):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Applying `local_binary_pattern` to floating-point images")
        return local_binary_pattern(image, n_neighbors, radius, method)


def test_a_bright_corner_is_worked_out_by_hand():
    image = np.full((3, 3), 5, np.uint8)
    image[0] = 9, 9, 0
    image[1, 0] = 4
    right, top, left, bottom = 1, 2, 4, 8
    assert lbp_codes(image, n_neighbors=4)[1, 1] == right + top + bottom
    assert lbp_codes(image, n_neighbors=4, method="ror")[1, 1] == 0b0111
    assert lbp_codes(image, n_neighbors=4, method="uniform")[1, 1] == 3
    assert lbp_codes(image, n_neighbors=4, method="var")[1, 1] == np.var([5, 9, 4, 5]).astype(np.float32)
    image[1] = 4, 5, 4
    assert lbp_codes(image, n_neighbors=4)[1, 1] == top + bottom
    assert lbp_codes(image, n_neighbors=4, method="uniform")[1, 1] == 5  # bits change three times
    assert left not in lbp_codes(image, n_neighbors=4)[1:2, 1:2]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("circle", CIRCLES)
def test_codes_are_those_of_scikit_image(gray, circle, method):
    for images in (gray, gray / 255, gray // 40, (gray / 255).astype(np.float32)):
        codes = lbp_codes(images, n_neighbors=circle[0], radius=circle[1], method=method)
        for image, actual in zip(images, codes, strict=True):
            np.testing.assert_array_equal(actual, peer(image, *circle, method))


@pytest.mark.parametrize("circle", CIRCLES[3:])
def test_variances_are_those_of_scikit_image(gray, circle):
    n_neighbors, radius = circle
    variances = lbp_codes(gray[0], n_neighbors=n_neighbors, radius=radius, method="var")
    expected = np.nan_to_num(peer(gray[0], n_neighbors, radius, "var"))
    np.testing.assert_allclose(variances, expected, rtol=1e-6, atol=1e-9)
    unit = lbp_codes(gray[0] / 255, n_neighbors=n_neighbors, radius=radius, method="var")
    np.testing.assert_allclose(unit * 255**2, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_neighbors", [1, 2, 3, 5, 8, 11])
def test_rotations_are_those_of_mahotas(rng, n_neighbors):
    """Its neighbours are others: it interpolates around another pixel, and counts only brighter ones."""
    mahotas = pytest.importorskip("mahotas.features")
    rotate = importlib.import_module("mahotas.features._lbp").map
    image = rng.integers(0, 256, (70, 70), dtype=np.uint8)
    options = {"n_neighbors": n_neighbors, "radius": 2}
    expected = rotate(lbp_codes(image, **options).ravel(), n_neighbors)
    np.testing.assert_array_equal(lbp_codes(image, **options, method="ror").ravel(), expected)
    assert len(lbp(image, **options, method="ror")) == len(mahotas.lbp(image, 2, n_neighbors))


@pytest.mark.parametrize("method", METHODS)
def test_features_are_histograms_of_codes(gray, method):
    features = lbp(gray, method=method, grid=(2, 3), norm=None)
    codes = lbp_codes(gray, method=method)
    values = np.unique(lbp_codes(np.arange(1 << 16).reshape(256, 256) % 251 / 250, method=method))
    n_bins = features.shape[1] // 6
    assert n_bins == {"default": 256, "ror": 36, "uniform": 10, "nri_uniform": 59}[method]
    bins = np.arange(n_bins) if method != "ror" else np.unique([smallest_rotation(k) for k in range(256)])
    assert set(values) <= set(bins)
    for image, feature in zip(codes, features.reshape(3, 2, 3, n_bins), strict=True):
        for r, c in np.ndindex(2, 3):
            region = image[45 * r // 2 : 45 * (r + 1) // 2, 67 * c // 3 : 67 * (c + 1) // 3]
            np.testing.assert_array_equal(feature[r, c], [(region == value).sum() for value in bins])


def smallest_rotation(code):
    return min((code >> k) | (code << (8 - k)) & 255 for k in range(8))


def test_variances_are_binned_by_deviation(gray):
    variances = lbp_codes(gray, method="var")
    counts = lbp(gray, method="var", bins=12, norm=None)
    expected = [np.histogram(np.sqrt(v) / 255, 12, (0, 0.5))[0] for v in variances]
    np.testing.assert_array_equal(counts, expected)


def test_colors_are_converted_to_gray(rgb):
    np.testing.assert_array_equal(lbp(rgb), lbp(imfeat.rgb_to_gray(rgb)))
    np.testing.assert_array_equal(lbp_codes(rgb), lbp_codes(imfeat.rgb_to_gray(rgb)))


def test_one_image_equals_its_row_in_a_batch(rgb):
    many = np.concatenate([rgb] * 5)
    for options in ({}, {"method": "ror", "grid": (3, 2)}, {"method": "var"}):
        features = lbp(many, **options)
        np.testing.assert_array_equal(features[:3], features[3:6])
        np.testing.assert_array_equal(lbp(rgb[1], **options), features[1])
        np.testing.assert_array_equal(lbp(rgb.reshape(3, 1, 45, 67, 3), **options)[:, 0], features[:3])


@settings(max_examples=30)
@given(arrays(np.uint8, (9, 11), elements=st.integers(0, 120)), st.integers(1, 24), st.floats(0.5, 4))
def test_shares_sum_to_one_and_codes_are_in_range(image, n_neighbors, radius):
    for method, n_codes in (
        ("uniform", n_neighbors + 2),
        ("nri_uniform", n_neighbors * (n_neighbors - 1) + 3),
    ):
        codes = lbp_codes(image, n_neighbors=n_neighbors, radius=radius, method=method)
        assert codes.max() < n_codes
        shares = lbp(image, n_neighbors=n_neighbors, radius=radius, method=method)
        assert len(shares) == n_codes
        assert shares.sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=30)
@given(arrays(np.uint8, (9, 11), elements=st.integers(0, 120)))
def test_adding_a_constant_changes_no_inner_code(image):
    codes = [lbp_codes(x, n_neighbors=4) for x in (image, image + np.uint8(64))]
    np.testing.assert_array_equal(codes[0][1:-1, 1:-1], codes[1][1:-1, 1:-1])


def test_turning_an_image_turns_its_codes(gray):
    image = gray[0, :40, :40]
    turned = lbp_codes(np.ascontiguousarray(np.rot90(image)), n_neighbors=4, method="ror")
    np.testing.assert_array_equal(turned, np.rot90(lbp_codes(image, n_neighbors=4, method="ror")))


def test_out_is_filled_and_returned(gray):
    out = np.empty((3, 40), np.float32)
    assert lbp(gray, grid=(2, 2), out=out) is out
    np.testing.assert_array_equal(out, lbp(gray, grid=(2, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "lbp"}, "method must be one of"),
        ({"n_neighbors": 0}, "n_neighbors must be at least 1"),
        ({"n_neighbors": 25}, "n_neighbors must be at most 24"),
        ({"n_neighbors": 17, "method": "ror"}, "at most 16 for method='ror'"),
        ({"radius": 0}, "radius must be above 0"),
        ({"grid": (46, 1)}, "grid must fit the images of 45 x 67 pixels"),
        ({"norm": "max"}, "norm must be one of"),
        ({"bins": 0, "method": "var"}, "bins must be at least 1"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        lbp(np.zeros((45, 67), np.uint8), **options)


def test_the_transformer_is_the_function_and_a_recipe(rgb):
    transformer = LBP(grid=(2, 1), method="ror").fit(rgb)
    np.testing.assert_array_equal(transformer.transform(rgb), lbp(rgb, grid=(2, 1), method="ror"))
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == 72
    assert names[36] == "lbp_r1_c0_b0"
    ours = inspect.signature(LBP).parameters
    for name, parameter in inspect.signature(lbp).parameters.items():
        if name not in ("images", "out"):
            assert ours[name].default == parameter.default
    feature = imfeat.recipes.parse("lbp(grid=(2, 1), method='ror')")
    np.testing.assert_array_equal(feature.function((45, 67))(rgb), transformer.transform(rgb))
    assert feature.expression((45, 67)) == "LBP(grid=(2, 1), method='ror')"

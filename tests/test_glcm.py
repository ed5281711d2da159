"""Gray-level co-occurrence against scikit-image, mahotas, and pairs that a reader can count."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.feature import graycomatrix, graycoprops

import imfeat
from imfeat import Haralick, glcm, haralick
from imfeat.glcm import ANGLES, HARALICK

OFFSETS = (
    ((1,), ANGLES),
    ((1, 2.5, 4), ANGLES),
    ((1,), (0,)),
    ((3, 0), (0.3, 2, 4, 5, 6.1)),
    ((7,), (-1.2, math.pi)),
    ((70,), ANGLES),
    ((1,), (math.pi / 6, math.pi / 3)),  # whose sine and cosine are a half, but for rounding
)
SHARED = "contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation"
SHARED += "mean", "variance", "std", "entropy"  # the names of scikit-image


def in_levels(gray, levels):
    return (gray.astype(int) * levels // 256).astype(np.uint8)


def test_pairs_are_counted_by_hand():
    image = np.array([[0, 0, 1, 2], [0, 1, 1, 2], [3, 3, 0, 2], [3, 0, 0, 0]], np.uint8)
    counts = glcm(image, levels=4)
    assert counts.shape == (4, 4, 1, 4)
    assert counts.dtype == np.uint32
    right = [[3, 2, 1, 0], [0, 1, 2, 0], [0, 0, 0, 0], [2, 0, 0, 1]]
    below_right = [[1, 2, 0, 1], [1, 0, 2, 0], [0, 0, 0, 0], [2, 0, 0, 0]]
    below = [[2, 1, 0, 1], [1, 1, 0, 1], [1, 0, 2, 0], [1, 0, 0, 1]]
    below_left = [[2, 0, 0, 0], [0, 1, 0, 2], [2, 1, 0, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(counts[:, :, 0, 0], right)
    np.testing.assert_array_equal(counts[:, :, 0, 1], below_right)
    np.testing.assert_array_equal(counts[:, :, 0, 2], below)
    np.testing.assert_array_equal(counts[:, :, 0, 3], below_left)


def test_properties_of_stripes_are_worked_out_by_hand():
    stripes = np.tile(np.array([0, 0, 255, 255], np.uint8), (3, 1))  # three pairs a row: 00, 01, 11
    shares = {"symmetric": False, "angles": (0,), "levels": 2}
    names = "contrast", "ASM", "mean", "sum_average", "entropy", "joint_entropy", "homogeneity", "correlation"
    expected = 1 / 3, 1 / 3, 1 / 3, 1, math.log(3), math.log2(3), 2 / 3 + 1 / 3 / 2, 0.5
    np.testing.assert_allclose(haralick(stripes, properties=names, **shares), expected, rtol=1e-6)


def test_equal_pixels_have_no_texture():
    features = dict(zip(HARALICK, haralick(np.full((2, 9, 19), 77, np.uint8), levels=256)[1], strict=True))
    ones = {"ASM": 1, "homogeneity": 1, "correlation": 1, "sum_average": 154}
    variance_of_shares = {"difference_variance": (1 / 256) * (1 - 1 / 256)}
    for name, value in features.items():
        assert value == pytest.approx((ones | variance_of_shares).get(name, 0), abs=1e-9), name


@pytest.mark.parametrize("offsets", OFFSETS)
@pytest.mark.parametrize("levels", [256, 32, 3])
def test_counts_are_those_of_scikit_image(gray, offsets, levels):
    images = in_levels(gray, levels)
    for symmetric in (False, True):
        options = {"levels": levels, "symmetric": symmetric}
        counts = glcm(images, distances=offsets[0], angles=offsets[1], **options)
        shares = glcm(images, distances=offsets[0], angles=offsets[1], normed=True, **options)
        assert shares.dtype == np.float64
        for image, count, share in zip(images, counts, shares, strict=True):
            np.testing.assert_array_equal(count, graycomatrix(image, *offsets, **options))
            np.testing.assert_array_equal(share, graycomatrix(image, *offsets, normed=True, **options))


@pytest.mark.parametrize("levels", [1, 2, 5, 16, 32, 33])
@pytest.mark.parametrize("angles", [ANGLES, (1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_few_levels_of_a_large_image_are_counted_exactly(photo, levels, angles):
    image = in_levels(photo[:511, :411, 1], levels)
    counts = glcm(image, angles=angles, distances=(3,), levels=levels)
    np.testing.assert_array_equal(counts, graycomatrix(image, [3], angles, levels=levels))


def test_bands_of_a_large_image_are_added_up(photo):
    image = in_levels(photo[..., 1], 8)
    before = imfeat.get_num_threads()
    try:
        for n_threads in (1, 2, 3):
            imfeat.set_num_threads(n_threads)
            for angles in (ANGLES, (-2, 5)):
                counts = glcm(image, distances=(1, 300), angles=angles, levels=8)
                np.testing.assert_array_equal(counts, graycomatrix(image, [1, 300], angles, levels=8))
    finally:
        imfeat.set_num_threads(before)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(("levels", "offsets"), [(256, OFFSETS[0]), (32, OFFSETS[1]), (7, OFFSETS[3])])
def test_properties_are_those_of_scikit_image(gray, levels, offsets, symmetric):
    options = {"levels": levels, "symmetric": symmetric}
    arguments = {"distances": offsets[0], "angles": offsets[1], "properties": SHARED, **options}
    each = haralick(gray, average=False, **arguments)
    mean = haralick(gray, **arguments)
    for image, actual, average in zip(in_levels(gray, levels), each, mean, strict=True):
        counts = graycomatrix(image, *offsets, **options)
        expected = np.stack([graycoprops(counts, name) for name in SHARED], -1)
        np.testing.assert_allclose(actual.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(average.reshape(-1, 10), expected.mean(1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("levels", [256, 32, 7])
def test_features_are_those_of_mahotas(gray, levels):
    mahotas = pytest.importorskip("mahotas.features")
    images = gray.copy()
    images[:, 0, 0] = 255  # mahotas takes the largest value as the last level
    features = haralick(images, levels=levels, average=False).reshape(3, 4, 13)
    for image, actual in zip(in_levels(images, levels), features, strict=True):
        expected = mahotas.haralick(image)
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-6)
        if levels == 256:
            mean = mahotas.haralick(image, return_mean=True)
            np.testing.assert_allclose(haralick(image), mean, rtol=1e-4, atol=1e-6)


def test_cells_are_crops(gray):
    features = haralick(gray, grid=(3, 2), distances=(1, 3), levels=32).reshape(3, 3, 2, 2 * 13)
    for r, c in np.ndindex(3, 2):
        crop = gray[:, 45 * r // 3 : 45 * (r + 1) // 3, 67 * c // 2 : 67 * (c + 1) // 2]
        np.testing.assert_array_equal(features[:, r, c], haralick(crop, distances=(1, 3), levels=32))


def test_floats_are_cut_into_levels_of_equal_width(gray):
    for levels in (256, 10):
        expected = np.minimum(gray / 255 * levels, levels - 1).astype(np.uint8)
        counts = glcm(gray / 255, levels=levels)
        np.testing.assert_array_equal(counts, glcm(expected, levels=levels))
        np.testing.assert_array_equal(glcm((gray / 256).astype(np.float32)), glcm(gray))


def test_colors_are_converted_to_gray(rgb):
    np.testing.assert_array_equal(glcm(rgb), glcm(imfeat.rgb_to_gray(rgb)))
    np.testing.assert_array_equal(haralick(rgb / 255), haralick(imfeat.rgb_to_gray(rgb / 255)))


def test_one_image_equals_its_row_in_a_batch(gray, monkeypatch):
    many = np.concatenate([gray] * 5)
    features = haralick(many, grid=(2, 2))
    monkeypatch.setattr(inspect.getmodule(haralick), "COUNTS_AT_ONCE", 1)
    np.testing.assert_array_equal(haralick(many, grid=(2, 2)), features)
    np.testing.assert_array_equal(haralick(gray[1], grid=(2, 2)), features[1])
    np.testing.assert_array_equal(haralick(gray[:1], grid=(2, 2)), features[:1])
    np.testing.assert_array_equal(haralick(gray.reshape(3, 1, 45, 67), grid=(2, 2))[:, 0], features[:3])
    counts = glcm(gray.reshape(3, 1, 45, 67))
    assert counts.shape == (3, 1, 256, 256, 1, 4)
    np.testing.assert_array_equal(counts[2, 0], glcm(gray[2]))


def test_strided_and_read_only_images(gray):
    frozen = gray.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(glcm(frozen), glcm(gray))
    np.testing.assert_array_equal(haralick(np.repeat(gray, 2, 2)[:, :, ::2]), haralick(gray))
    np.testing.assert_array_equal(haralick(gray[:, ::-1, ::-1]), haralick(gray[:, ::-1, ::-1].copy()))


@settings(max_examples=30)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 5)),
    st.lists(st.floats(0, 9), min_size=1, max_size=3),
    st.lists(st.floats(-7, 7), min_size=1, max_size=4),
)
def test_every_pair_is_counted_once(image, distances, angles):
    counts = glcm(image, distances=distances, angles=angles, levels=6)
    for (d, a), n_pairs in np.ndenumerate(counts.sum((0, 1))):
        y, x = abs(math.sin(angles[a]) * distances[d]), abs(math.cos(angles[a]) * distances[d])
        down, across = (math.floor(v + 0.5) for v in (y, x))
        assert n_pairs == max(0, image.shape[0] - down) * max(0, image.shape[1] - across)
    np.testing.assert_array_equal(counts, graycomatrix(image, distances, angles, levels=6))


@settings(max_examples=30)
@given(arrays(np.uint8, (9, 11), elements=st.integers(0, 120)))
def test_turning_an_image_by_a_right_angle_changes_no_average(image):
    turned = np.ascontiguousarray(np.rot90(image))
    np.testing.assert_allclose(haralick(turned), haralick(image), rtol=1e-5, atol=1e-6)


def test_out_is_filled_and_returned(gray):
    out = np.empty((3, 4 * 13), np.float32)
    assert haralick(gray, grid=(2, 2), out=out) is out
    np.testing.assert_array_equal(out, haralick(gray, grid=(2, 2)))


WRONG = [
    (ValueError, {"levels": 0}, "levels must be at least 1"),
    (ValueError, {"levels": 257}, "levels must be at most 256"),
    (TypeError, {"levels": 8.0}, "levels must be an integer"),
    (ValueError, {"distances": ()}, "distances and angles must have at least one number"),
    (ValueError, {"distances": (-1,)}, "distances must be at least 0"),
    (TypeError, {"distances": 1}, "distances must be numbers"),
    (ValueError, {"angles": (math.nan,)}, "angles must be"),
    (TypeError, {"symmetric": 1}, "symmetric must be True or False"),
]


@pytest.mark.parametrize(("error", "options", "message"), WRONG)
def test_wrong_options_are_refused(error, options, message):
    for function in (glcm, haralick):
        with pytest.raises(error, match=message):
            function(np.zeros((45, 67), np.uint8), **options)


@pytest.mark.parametrize(
    ("error", "options", "message"),
    [
        (ValueError, {"grid": (46, 1)}, "grid must fit the images of 45 x 67 pixels"),
        (ValueError, {"grid": (5, 1), "distances": (9,)}, "cells of 9 x 67 pixels have no pairs 9 rows"),
        (ValueError, {"properties": ("contrast", "asm")}, "properties must be one of 'contrast'"),
        (TypeError, {"properties": "contrast"}, "properties must be a sequence of names"),
        (TypeError, {"average": None}, "average must be True or False"),
    ],
)
def test_wrong_options_of_properties_are_refused(error, options, message):
    with pytest.raises(error, match=message):
        haralick(np.zeros((45, 67), np.uint8), **options)


def test_values_beyond_the_levels_are_refused(gray):
    image = np.full((5, 5), 7, np.uint8)
    assert glcm(image, levels=8).sum() == 2 * (20 + 16)
    with pytest.raises(ValueError, match=r"images must have values below levels=7; cut .* \* 7 // 256"):
        glcm(image, levels=7)


def test_the_transformer_is_the_function_and_a_recipe(rgb):
    transformer = Haralick(grid=(2, 1), levels=8, average=False).fit(rgb)
    expected = haralick(rgb, grid=(2, 1), levels=8, average=False)
    np.testing.assert_array_equal(transformer.transform(rgb), expected)
    names = transformer.get_feature_names_out()
    assert len(set(names)) == len(names) == 2 * 4 * 13
    assert names[4 * 13 + 13 + 1] == "haralick_r1_c0_d1_a45_contrast"
    assert Haralick().fit(rgb).get_feature_names_out()[2] == "haralick_r0_c0_d1_correlation"
    ours = inspect.signature(Haralick).parameters
    for name, parameter in inspect.signature(haralick).parameters.items():
        if name not in ("images", "out"):
            assert ours[name].default == parameter.default
    feature = imfeat.recipes.parse("haralick(grid=(2, 1), levels=8, average=False)")
    np.testing.assert_array_equal(feature.function((45, 67))(rgb), transformer.transform(rgb))
    assert feature.expression((45, 67)) == "Haralick(grid=(2, 1), levels=8, average=False)"

"""The table of named features: expressions, functions and transformers."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imfeat
from imfeat import recipes
from imfeat.recipes import RECIPES, parse, parse_list

SIZES = ((64, 64), (48, 80), (96, 70))
COMPUTED = [name for name, recipe in RECIPES.items() if not recipe.learned and not recipe.fuses]


def images_of(size):
    return np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMPUTED)
def test_functions_and_transformers_compute_the_same(name, size):
    images = images_of(size)
    feature = parse(name)
    by_function = feature.function(size)(images)
    np.testing.assert_array_equal(by_function, feature.transformer(size).fit(images).transform(images))
    assert by_function.dtype == np.float32
    assert by_function.ndim == 2


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("raw", lambda x: imfeat.raw_pixels(x)),
        ("equalize", lambda x: imfeat.equalize(x).reshape(3, -1) / np.float32(255)),
        ("color", imfeat.color_histogram),
        ("hog", imfeat.hog),
        ("uoctti", lambda x: imfeat.hog_uoctti(x).reshape(3, -1)),
    ],
)
def test_a_recipe_named_like_a_function_means_its_defaults(name, function):
    for size in ((64, 64), (32, 40)):
        images = images_of(size)
        np.testing.assert_array_equal(parse(name).function(size)(images), function(images))


@pytest.mark.parametrize("name", [name for name in COMPUTED if RECIPES[name].function])
def test_transformers_have_the_options_and_defaults_of_functions(name):
    recipe = RECIPES[name]
    options = inspect.signature(getattr(imfeat, recipe.function)).parameters
    ours = inspect.signature(getattr(imfeat, recipe.transformer)).parameters
    assert set(options) - set(ours) <= {"images", "mask", "flatten", "out"}
    for option in set(options) & set(ours):
        assert ours[option].default == options[option].default


def test_pooled_descriptors_are_means_over_regions():
    images = images_of((64, 64))
    positions, descriptors = imfeat.dense_sift(images, step=8)
    pooled = parse("dense-sift(step=8)").function((64, 64))(images).reshape(3, 4, 128)
    np.testing.assert_allclose(pooled[:, 0], descriptors.mean(1), rtol=1e-5)
    top = positions[:, 0] < 64 / 3
    np.testing.assert_allclose(pooled[:, 1], descriptors[:, top].mean(1), rtol=1e-5)


def test_recipes_take_the_colours_of_descriptors_and_histograms():
    images = images_of((64, 64))
    _, descriptors = imfeat.dense_sift(images, step=8, color="opponent")
    pooled = parse("dense-sift(step=8, color='opponent')").function((64, 64))(images).reshape(3, 4, 384)
    np.testing.assert_allclose(pooled[:, 0], descriptors.mean(1), rtol=1e-5)
    encoded = parse("vlad(color='hsv', n_words=2, n_pca=None)").transformer((64, 64), 0).fit_transform(images)
    assert encoded.shape == (3, 4 * 2 * 384)
    for space, names in {"lab": "l0_a0_b1", "ycbcr": "y0_cb0_cr1"}.items():
        estimator = parse(f"color(space='{space}', bins=2)").transformer((64, 64), 0).fit(images)
        expected = imfeat.color_histogram(images, space=space, bins=2)
        np.testing.assert_array_equal(estimator.transform(images), expected)
        assert estimator.get_feature_names_out()[1] == f"{space}_r0_c0_{names}"
    estimator = imfeat.ColorHistogram(space="ycbcr", joint=False, bins=2).fit(images)
    assert estimator.get_feature_names_out()[2] == "ycbcr_r0_c0_cb0"


def test_a_gray_histogram_counts_the_luma():
    images = images_of((20, 30))
    counts = parse("gray(bins=16, norm=None)").function((20, 30))(images)
    luma = imfeat.rgb_to_gray(images)
    expected = [np.histogram(image, 16, (0, 256))[0] for image in luma]
    np.testing.assert_array_equal(counts, expected)
    with pytest.raises(TypeError, match="bins must be an integer"):
        imfeat.color_histogram(images, space="gray", bins=(4, 4, 4))


@pytest.mark.parametrize("name", [name for name in RECIPES if not RECIPES[name].fuses])
def test_expressions_are_python_that_makes_the_transformer(name):
    for size in SIZES:
        expression = parse(name).expression(size)
        made = eval(
            expression,
            {
                key: getattr(imfeat, key)
                for key in re.findall(r"[A-Z]\w+", expression)
                if hasattr(imfeat, key)
            },
        )
        meant = parse(name).transformer(size, 3)
        if "random_state" in meant.get_params():
            made.set_params(random_state=3)
        assert repr(made) == repr(meant)


def test_options_are_those_of_python():
    (first, second) = parse_list("hog( cell_size = 16,orientations=12 )+color(bins=(8, 4, 4)), patches-800")
    assert first.name == "hog(cell_size=16, orientations=12)+color(bins=(8, 4, 4))"
    assert second.name == "patches-800"
    transformer = first.transformer((64, 64))
    assert transformer.transformer_list[0][1].get_params()["orientations"] == 12
    assert transformer.transformer_list[1][1].bins == (8, 4, 4)
    assert parse_list(["hog(norm='l1')", "raw"]) == parse_list('hog(norm="l1"), raw')
    assert parse("hog(norm=None)").function((64, 64)).keywords == {"norm": None}
    images = images_of((40, 60))
    options = {"cell_size": (8, 16), "block_stride": (1, 0.5), "interpolation": "trilinear", "sigma": 5.0}
    feature = parse("hog(cell_size=(8, 16), block_stride=(1, .5), interpolation='trilinear', sigma=5.)")
    np.testing.assert_array_equal(feature.function((40, 60))(images), imfeat.hog(images, **options))
    np.testing.assert_array_equal(feature.fitted((40, 60)).transform(images), imfeat.hog(images, **options))
    assert parse(first.name) == first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gist", "unknown feature 'gist'; choose among raw, .*hog"),
        ("hog(cells=3)", "unknown option 'cells' of feature 'hog'; its options are cell_size, block_size"),
        ("fisher-sift(stride=3)", "unknown option 'stride'.*n_components.*step, bin_size, scales"),
        ("hog(out=3)", "unknown option 'out'"),
        ("words(random_state=3)", "unknown option 'random_state'"),
        ("hog(flatten=False)", "unknown option 'flatten'"),
        ("hog(8)", "must be name=value"),
        ("hog(**{})", "must be name=value"),
        ("hog(cell_size=8, cell_size=4)", "given twice|not in Python's syntax"),
        ("hog(cell_size=open('x'))", "must be a literal"),
        ("hog(cell_size=[].append(3))", "must be a literal"),
        ("hog(cell_size=8", "not in Python's syntax"),
        ("hog)", "expected ',', '\\+' or options"),
        ("hog raw", "expected ',', '\\+' or options"),
        ("hog+", "expected the name of a feature"),
        ("+hog", "expected the name of a feature"),
        ("", "no feature given"),
        (" , ", "no feature given"),
        ("patches-800-8x7", "unknown feature"),
        ("raw+fusion", "can't stand beside"),
        ("raw+fusion(hog, color)", "can't stand beside"),
        ("fusion(hog, color)+raw", "can't stand beside"),
        ("fusion(hog, colr)", "unknown feature 'colr'.*did you mean 'color'"),
        ("fussion(hog, color)", "unknown feature 'fussion'.*did you mean 'fusion'"),
        ("fusion(hog(cells=3), color)", "unknown option 'cells' of feature 'hog'"),
        ("fusion(hog, n_components=3)", "give options to the members"),
        ("fusion(hog)", "two or more features, each once"),
        ("fusion(hog, hog)", "two or more features, each once"),
        ("fusion(hog, fusion)", "can't be a member of another"),
        ("fusion(hog, color", "expected '\\)'"),
    ],
)
def test_wrong_expressions_say_what_was_expected(text, message):
    with pytest.raises(ValueError, match=message):
        parse_list(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uoctti(mirror=1)", r"^uoctti\(mirror=1\): mirror must be True or False, got 1"),
        ("color(bins='x')", "bins must be 3 integers, got 'x'"),
        ("hog(cell_size=0)+raw", r"^hog\(cell_size=0\)\+raw: cell_size must be at least 1, got 0"),
        ("words(n_words='x')", "n_words must be an integer, got 'x'"),
        ("words(whiten='no')", "whiten must be True or False, got 'no'"),
        ("patches-8(mirror=1)", "mirror must be True or False, got 1"),
        ("patches-8(sqrt='no')", "sqrt must be True or False, got 'no'"),
        ("two-layer-8(sqrt=0)", "sqrt must be True or False, got 0"),
        ("fisher-sift(scales=3)", "scales must be None or a sequence of numbers, got 3"),
        ("vlad(mirror='yes')", "mirror must be True or False, got 'yes'"),
        ("palette(n_colors=[1])", "n_colors must be an integer"),
        ("fusion(hog, patches-8(grid=3))", r"^patches-8\(grid=3\): grid must be 2 integers, got 3"),
        ("patches-8-40x40", "40"),
    ],
)
def test_options_are_tried_before_a_run(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text).check((32, 32))


@pytest.mark.parametrize("text", ["two-layer-8(n_first_words=1500)", "palette(n_colors=300)", "fisher-sift"])
def test_options_that_need_many_images_are_not_refused(text):
    parse(text).check((32, 32))


@given(st.text("fusion(hog),+='l1 8\n\\\"[]{}.:;#", max_size=30))
def test_any_text_is_parsed_or_refused(text):
    try:
        features = parse_list(text)
    except ValueError:
        return
    assert all(parse(feature.name) == feature for feature in features)


def test_numbers_in_names_are_options():
    assert parse("patches-40-8x8").transformer((64, 64)).get_params()["n_words"] == 40
    assert parse("patches-40-8x8").transformer((64, 64)).patch_size == 8
    assert parse("fisher-sift-3").transformer((64, 64)).n_components == 3
    assert [feature.name for feature in parse("fusion-256").fused] == ["fisher-sift-256", "fisher-color-256"]
    fused = parse("fusion(n_components=5)").fused
    assert [feature.transformer((64, 64)).n_components for feature in fused] == [5, 5]
    assert parse("patches-40(n_words=50)").transformer((64, 64)).n_words == 50


def test_any_features_are_fused():
    feature = parse("fusion( fisher-sift,hog(cell_size = 16)+color, patches-9-4x4)")
    assert feature.name == "fusion(fisher-sift, hog(cell_size=16)+color, patches-9-4x4)"
    assert [member.name for member in feature.fused] == feature.name[7:-1].split(", ")
    assert parse(feature.name) == feature
    assert feature.title == (
        "the fusion of Fisher vectors of SIFT, HoG (cell_size=16) + colour and 9 words of 4x4 patches"
    )
    assert feature.expression((64, 64)) == (
        "the weighted sum of the scores of fisher-sift, hog(cell_size=16)+color and patches-9-4x4"
    )
    assert feature.colored
    assert feature.seeded
    gray = parse("fusion(hog, raw)")
    assert not gray.colored
    assert not gray.seeded
    assert len(parse_list([gray.name, "fusion(hog,raw)", "raw"])) == 2
    with pytest.raises(ValueError, match="smaller than a block"):
        parse("fusion(raw, hog(cell_size=40))").check((64, 64))


def test_the_table_says_what_depends_on_the_seed():
    for name, recipe in RECIPES.items():
        feature = parse(name)
        if recipe.fuses:
            with pytest.raises(ValueError, match="no features of its own"):
                feature.transformer((64, 64))
            continue
        transformer = feature.transformer((64, 64), 7)
        assert feature.seeded == ("random_state" in transformer.get_params()) == recipe.learned
        assert not recipe.learned or transformer.random_state == 7
        assert transformer.learns == recipe.learned
        options = feature.terms[0].recipe.option_names()
        assert set(options) <= set(transformer.get_params(deep=True)) | {
            key.removeprefix("local__") for key in transformer.get_params(deep=True)
        }


def test_options_that_do_not_suit_the_images_are_found_early():
    with pytest.raises(ValueError, match="smaller than a block"):
        parse("raw+hog(cell_size=40)").check((64, 64))
    parse("words(n_words=3)").check((64, 64))


def test_every_feature_of_images_has_a_recipe():
    """Each transformer of images to vectors is behind a recipe, and each function of a recipe exists."""
    behind = {recipe.transformer for recipe in RECIPES.values()}
    local = {"DenseSIFT", "LocalColor", "Equalize"}  # which have three axes, or are images
    assert behind | local == set(imfeat.estimators.__all__)
    for recipe in RECIPES.values():
        if recipe.function:
            assert "images" in inspect.signature(getattr(imfeat, recipe.function)).parameters


def test_the_listing_prints_full_expressions():
    rows = {name: expression for name, _, expression in recipes.listing()}
    assert rows["tuned-color"] == "ColorHistogram(bins=(8, 4, 4), grid=(2, 2), norm='hellinger')"
    assert rows["hog"] == "HOG()"
    assert rows["dalal-triggs"] == "HOG(cell_size=8, interpolation='trilinear')"
    assert set(rows) == set(RECIPES)


def test_options_of_local_descriptors_are_those_of_the_recipe():
    transformer = recipes.parse("fisher-sift(window=1.5)").transformer((64, 64), 0)
    assert transformer.local.window == 1.5
    assert recipes.parse("dense-sift").transformer((64, 64), 0).local.window == 2

"""Every public function under every odd array: a right answer, or an error that says what was expected."""

import functools
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import imfeat
from imfeat import learn

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 34, 30, 3), dtype=np.uint8)
VECTORS = RNG.normal(size=(40, 12)).astype(np.float32)
WORDS = VECTORS[:4].copy()
LABELS = np.arange(40) % 3
WHITENING = imfeat.Whitening().fit(RNG.normal(size=(200, 27)))
PATCH_WORDS = RNG.normal(size=(4, 27)).astype(np.float32)
MIXTURE = imfeat.Mixture(np.full(4, 0.25), WORDS, np.ones((4, 12)))
PALETTES = np.array([[0.2, 0.2, 0.2], [0.8, 0.5, 0.5]]), np.array([[9, 9, 9], [200, 99, 99]], np.uint8)
QUANTIZER = imfeat.ProductQuantizer(4, 3, rng=0).fit(VECTORS)
FEW = {"n_iterations": 2, "random_state": 0}

IMAGE_FUNCTIONS = {
    "rgb_to_hsv": imfeat.rgb_to_hsv,
    "rgb_to_hsi": imfeat.rgb_to_hsi,
    "rgb_to_gray": imfeat.rgb_to_gray,
    "hsv_to_rgb": imfeat.hsv_to_rgb,
    "rgb_to_lab": imfeat.rgb_to_lab,
    "rgb_to_ycbcr": imfeat.rgb_to_ycbcr,
    "ycbcr_to_rgb": imfeat.ycbcr_to_rgb,
    "color_histogram": imfeat.color_histogram,
    "learn_palette": lambda x: imfeat.learn_palette(x, 4, rng=0, n_iterations=2),
    "quantize_colors": lambda x: imfeat.quantize_colors(x, PALETTES[getattr(x, "dtype", None) == np.uint8]),
    "equalize": imfeat.equalize,
    "equalize_value": imfeat.equalize_value,
    "equalize_clahe": lambda x: imfeat.equalize_clahe(x, tiles=(2, 2)),
    "match_histograms": lambda x: imfeat.match_histograms(x, x),
    "resize": lambda x: imfeat.resize(x, (9, 20)),
    "hog": imfeat.hog,
    "hog, trilinear": lambda x: imfeat.hog(x, interpolation="trilinear"),
    "hog_uoctti": imfeat.hog_uoctti,
    "lbp": imfeat.lbp,
    "lbp_codes": imfeat.lbp_codes,
    "glcm": imfeat.glcm,
    "haralick": imfeat.haralick,
    "raw_pixels": imfeat.raw_pixels,
    "dense_sift": lambda x: imfeat.dense_sift(x, bin_size=2)[1],
    "local_color": lambda x: imfeat.local_color(x, bin_size=2)[1],
    "sample_patches": lambda x: imfeat.sample_patches(x, 5, 10, rng=0),
    "dense_patches": lambda x: imfeat.dense_patches(x, 5, stride=4),
    "patch_features": lambda x: imfeat.patch_features(x, PATCH_WORDS, WHITENING, patch_size=3, mirror=False),
    "response_maps": lambda x: imfeat.response_maps(x, PATCH_WORDS, WHITENING, patch_size=3),
}
ESTIMATORS = {
    "RawPixels": imfeat.RawPixels(),
    "ColorHistogram": imfeat.ColorHistogram(),
    "PaletteHistogram": imfeat.PaletteHistogram(n_colors=4, random_state=0),
    "Equalize": imfeat.Equalize(),
    "HOG": imfeat.HOG(),
    "UoCTTI": imfeat.UoCTTI(),
    "LBP": imfeat.LBP(),
    "Haralick": imfeat.Haralick(),
    "DenseSIFT": imfeat.DenseSIFT(bin_size=2),
    "LocalColor": imfeat.LocalColor(bin_size=2),
    "BagOfVisualWords": imfeat.BagOfVisualWords(n_words=4, n_patches=100, **FEW),
    "PatchFeatures": imfeat.PatchFeatures(n_words=4, n_patches=100, **FEW),
    "TwoLayerPatches": imfeat.TwoLayerPatches(n_words=4, n_first_words=4, n_pca=4, n_patches=100, **FEW),
    "VLAD": imfeat.VLAD(imfeat.DenseSIFT(bin_size=2), n_words=2, n_pca=4, **FEW),
    "FisherVector": imfeat.FisherVector(imfeat.DenseSIFT(bin_size=2), n_components=2, n_pca=4, **FEW),
}
for _name, _model in ESTIMATORS.items():
    IMAGE_FUNCTIONS[_name] = functools.partial(lambda model, x: model.fit(x).transform(x), _model)


def tiny(images):
    return images[:, :1, :1]


def floats(images):
    return images.astype(np.float32) / np.float32(255)


def broken(images, value):
    changed = floats(images)
    changed[1, 3, 4, 1] = value
    return changed


def memory_map(array, path):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


# What becomes of good images, and the same as a plain array, or None where an error is due.
IMAGE_INPUTS = {
    "big-endian floats": (lambda x: floats(x).astype(">f4"), floats),
    "doubles": (lambda x: floats(x).astype(np.float64), lambda x: floats(x).astype(np.float64)),
    "Fortran order": (np.asfortranarray, lambda x: x),
    "negative strides": (lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1], lambda x: x),
    "gaps": (lambda x: np.repeat(x, 2, axis=2)[:, :, ::2], lambda x: x),
    "read-only": (lambda x: np.frombuffer(x.tobytes(), np.uint8).reshape(x.shape), lambda x: x),
    "stride 0": (lambda x: np.broadcast_to(x[:1], x.shape), lambda x: np.repeat(x[:1], len(x), axis=0)),
    "a list": (lambda x: floats(x).astype(np.float64).tolist(), lambda x: floats(x).astype(np.float64)),
    "-0.0": (lambda x: broken(x, -0.0), lambda x: broken(x, 0.0)),
    "denormals": (lambda x: broken(x, 1e-42), lambda x: broken(x, 1e-42)),
    "constant": (lambda x: np.full_like(x, 77), lambda x: np.full_like(x, 77)),
    "black": (np.zeros_like, np.zeros_like),
    "white": (lambda x: np.full_like(x, 255), lambda x: np.full_like(x, 255)),
    "a checkerboard": (lambda x: checkerboard(x), lambda x: checkerboard(x)),
    "0-d": (lambda x: np.uint8(3), None),
    "1-d": (lambda x: x.reshape(-1), None),
    "two channels": (lambda x: x[..., :2], None),
    "four channels": (lambda x: np.concatenate([x, x[..., :1]], axis=3), None),
    "five channels": (lambda x: np.concatenate([x, x[..., :2]], axis=3), None),
    "no rows": (lambda x: x[:, :0], None),
    "no columns": (lambda x: x[:, :, :0], None),
    "ragged": (lambda x: [x[0].tolist(), x[1, :5].tolist()], None),
    "int8": (lambda x: x.astype(np.int8), None),
    "int64": (lambda x: x.astype(np.int64), None),
    "long doubles": (lambda x: floats(x).astype(np.longdouble), None),
    "complex": (lambda x: floats(x).astype(np.complex64), None),
    "objects": (lambda x: x.astype(object), None),
    "strings": (lambda x: x.astype(str), None),
    "masked": (lambda x: np.ma.masked_greater(x, 200), None),
    "records": (lambda x: np.zeros((3, 34, 30, 3), [("r", "u1"), ("g", "u1")]), None),
    "None": (lambda x: None, None),
    "text": (lambda x: "photo.jpg", None),
    "NaN": (lambda x: broken(x, np.nan), None),
    "infinity": (lambda x: broken(x, np.inf), None),
    "1e38": (lambda x: broken(x, 1e38), None),
}


def checkerboard(images):
    y, x = np.indices(images.shape[1:3])
    return np.broadcast_to((((y + x) % 2) * 255).astype(np.uint8)[None, ..., None], images.shape).copy()


def call(function, argument):
    """Return what a function returns, or the error that it raises; warnings are failures."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return function(argument)
        except (TypeError, ValueError) as error:
            return error


def assert_equal(actual, expected):
    if isinstance(expected, Exception):
        assert isinstance(actual, type(expected)), (actual, expected)
        return
    assert not isinstance(actual, Exception), actual
    np.testing.assert_array_equal(actual, expected)
    assert np.isfinite(np.asarray(actual, np.float64)).all()


@pytest.mark.parametrize("name", [*IMAGE_FUNCTIONS, "functions of vectors"])
def test_good_arrays_are_described(name):
    functions = {name: IMAGE_FUNCTIONS[name]} if name in IMAGE_FUNCTIONS else VECTOR_FUNCTIONS
    for function in functions.values():
        found = function(IMAGES if name in IMAGE_FUNCTIONS else VECTORS)
        assert np.ptp(np.asarray(found, np.float64)) > 0


@pytest.mark.parametrize("what", IMAGE_INPUTS)
@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
def test_functions_of_images(name, what):
    make, plain = IMAGE_INPUTS[what]
    function = IMAGE_FUNCTIONS[name]
    found = call(function, make(IMAGES))
    if plain is not None:
        assert_equal(found, call(function, plain(IMAGES)))
    else:
        assert isinstance(found, TypeError | ValueError), found
        said = str(found)
        assert len(said) > 15
        assert "internal" not in said


@pytest.mark.parametrize("name", IMAGE_FUNCTIONS)
def test_images_of_one_pixel_are_described_or_refused(name):
    for images in (tiny(IMAGES), IMAGES[:, :1], IMAGES[:, :, :1]):
        found = call(IMAGE_FUNCTIONS[name], images)
        assert isinstance(found, ValueError) or np.isfinite(np.asarray(found, np.float64)).all()


@pytest.mark.parametrize("name", sorted(set(IMAGE_FUNCTIONS) - set(ESTIMATORS)))
def test_an_empty_batch_gives_an_empty_batch_or_an_error(name):
    found = call(IMAGE_FUNCTIONS[name], IMAGES[:0])
    assert isinstance(found, ValueError) or len(found) == 0


def test_memory_maps_are_arrays(tmp_path):
    for name, function in IMAGE_FUNCTIONS.items():
        mapped = memory_map(IMAGES, tmp_path / "images.npy")
        np.testing.assert_array_equal(function(mapped), function(IMAGES), err_msg=name)


def fit_and_predict(model, x):
    return model.fit(x, LABELS[: len(x)]).predict(x)


VECTOR_FUNCTIONS = {
    "learn_codebook": lambda x: imfeat.learn_codebook(x, 3, rng=0),
    "assign": lambda x: imfeat.assign(x, WORDS),
    "bag_of_words": lambda x: imfeat.bag_of_words(x, WORDS),
    "soft_words": lambda x: imfeat.soft_words(x, WORDS),
    "triangle": lambda x: imfeat.triangle(x, WORDS),
    "vlad": lambda x: imfeat.vlad(x, WORDS),
    "fisher_vector": lambda x: imfeat.fisher_vector(x, MIXTURE),
    "learn_mixture": lambda x: imfeat.learn_mixture(x, 2, rng=0).means,
    "posteriors": lambda x: imfeat.posteriors(x, MIXTURE),
    "normalize_patches": imfeat.normalize_patches,
    "mirror_patches": lambda x: imfeat.mirror_patches(x, 2),
    "Whitening": lambda x: imfeat.Whitening().fit(x).transform(x),
    "ProductQuantizer": QUANTIZER.encode,
    "signed_sqrt": imfeat.signed_sqrt,
    "l2_normalize": imfeat.l2_normalize,
    "codebook": lambda x: imfeat.assign(VECTORS, x),
    "LinearClassifier": lambda x: fit_and_predict(learn.LinearClassifier(), x),
    "MLPClassifier": lambda x: fit_and_predict(
        learn.MLPClassifier((4,), epochs=2, n_iter_no_change=None, random_state=0), x
    ),
    "RidgeClassifier": lambda x: fit_and_predict(learn.RidgeClassifier(), x),
    "KernelRidgeClassifier": lambda x: fit_and_predict(learn.KernelRidgeClassifier(), x),
    "LinearSVM": lambda x: fit_and_predict(learn.LinearSVM(epochs=2, random_state=0), x),
    "Perceptron": lambda x: fit_and_predict(learn.Perceptron(epochs=2, random_state=0), x),
}


def spoiled(vectors, value):
    changed = vectors.copy()
    changed[5, 3] = value
    return changed


VECTOR_INPUTS = {
    "big-endian": (lambda x: x.astype(">f4"), lambda x: x),
    "Fortran order": (np.asfortranarray, lambda x: x),
    "negative strides": (lambda x: np.ascontiguousarray(x[::-1])[::-1], lambda x: x),
    "gaps": (lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x),
    "read-only": (lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape), lambda x: x),
    "stride 0": (lambda x: np.broadcast_to(x[:1], x.shape), lambda x: np.repeat(x[:1], len(x), axis=0)),
    "-0.0": (lambda x: spoiled(x, -0.0), lambda x: spoiled(x, 0.0)),
    "denormals": (lambda x: spoiled(x, 1e-42), lambda x: spoiled(x, 1e-42)),
    "constant": (np.ones_like, np.ones_like),
    "a constant column": (lambda x: np.where(np.arange(12) == 2, np.float32(1), x),) * 2,
    "zeros": (np.zeros_like, np.zeros_like),
    "duplicates": (lambda x: np.repeat(x[:2], 20, axis=0), lambda x: np.repeat(x[:2], 20, axis=0)),
    "a far outlier": (lambda x: spoiled(x, 1e6), lambda x: spoiled(x, 1e6)),
    "0-d": (lambda x: np.float32(3), None),
    "ragged": (lambda x: [[1.0, 2.0], [3.0]], None),
    "complex": (lambda x: x.astype(np.complex64), None),
    "strings": (lambda x: np.full(x.shape, "word"), None),
    "masked": (lambda x: np.ma.masked_greater(x, 1), None),
    "records": (lambda x: np.zeros((40, 12), [("a", "f4")]), None),
    "None": (lambda x: None, None),
    "NaN": (lambda x: spoiled(x, np.nan), None),
    "infinity": (lambda x: spoiled(x, np.inf), None),
}
LEARNERS = (
    "LinearClassifier",
    "MLPClassifier",
    "RidgeClassifier",
    "KernelRidgeClassifier",
    "LinearSVM",
    "Perceptron",
)


@pytest.mark.parametrize("what", VECTOR_INPUTS)
@pytest.mark.parametrize("name", VECTOR_FUNCTIONS)
def test_functions_of_vectors(name, what):
    make, plain = VECTOR_INPUTS[what]
    function = VECTOR_FUNCTIONS[name]
    found = call(function, make(VECTORS))
    if plain is not None:
        assert_equal(found, call(function, plain(VECTORS)))
    else:
        assert isinstance(found, TypeError | ValueError), found
        assert len(str(found)) > 15


@pytest.mark.parametrize("name", sorted(set(VECTOR_FUNCTIONS) - set(LEARNERS) - {"codebook"}))
def test_few_and_no_vectors_are_described_or_refused(name):
    for n in (0, 1, 2):
        found = call(VECTOR_FUNCTIONS[name], VECTORS[:n])
        assert isinstance(found, ValueError) or np.isfinite(np.asarray(found, np.float64)).all()


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (VECTORS, np.zeros(40), "two classes|one class|class"),
        (VECTORS, LABELS[:-1], "inconsistent|length|samples"),
        (VECTORS, np.where(LABELS == 0, np.nan, LABELS), "NaN|finite|Unknown label|continuous"),
        (VECTORS[:0], LABELS[:0], "0 sample|empty|at least"),
        (VECTORS[0], LABELS[:1], "2D|Expected"),
    ],
)
def test_labels_and_tables_that_do_not_fit_are_refused(name, x, y, message):
    model = {
        "LinearClassifier": learn.LinearClassifier(),
        "MLPClassifier": learn.MLPClassifier((4,)),
        "RidgeClassifier": learn.RidgeClassifier(),
        "KernelRidgeClassifier": learn.KernelRidgeClassifier(),
        "LinearSVM": learn.LinearSVM(),
        "Perceptron": learn.Perceptron(),
    }[name]
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(x, y)

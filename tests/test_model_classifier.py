"""The classifier of images of any kind, and the calibration of its probabilities."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax
from sklearn import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler

import imfeat
from imfeat.decoding.memory import fitted_image
from imfeat.models import (
    ImageClassifier,
    ScoreMean,
    expected_calibration_error,
    fit_temperature,
    logits_of,
    softmax,
)

RNG = np.random.default_rng(0)
LABELS = np.arange(48) % 3
IMAGES = RNG.integers(0, 256, (48, 24, 32, 3), dtype=np.uint8)
IMAGES[LABELS == 1, :12] //= 2
IMAGES[LABELS == 2, :, 12:, 0] //= 3
NAMES = ["ant", "bee", "fly"]
ABOUT = {
    "feature": "hog+color",
    "classifier": "softmax",
    "accuracy": 0.75,
    "interval": [0.6, 0.85],
    "n_test": 48,
}


@pytest.fixture(scope="module")
def pipeline():
    features = make_union(imfeat.HOG(), imfeat.ColorHistogram(bins=2))
    return make_pipeline(features, StandardScaler(), imfeat.learn.LinearClassifier()).fit(IMAGES, LABELS)


@pytest.fixture
def model(pipeline):
    return ImageClassifier(pipeline, size=(24, 32), class_names=NAMES, temperature=2.5, about=ABOUT)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of images of several sizes and formats."""
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / "a.jpg", folder / "b.png", folder / "c.jpg"]
    for path, size in zip(paths, ((300, 200), (20, 70), (32, 24)), strict=True):
        Image.fromarray(RNG.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)
    return paths


def picture(path):
    with Image.open(path) as image:
        image.load()
        return image


def test_it_predicts_as_its_pipeline(model, pipeline):
    np.testing.assert_array_equal(model.predict(IMAGES), np.array(NAMES)[pipeline.predict(IMAGES)])
    scores = pipeline.decision_function(IMAGES)
    np.testing.assert_array_equal(model.decision_function(IMAGES), scores)
    expected = scipy_softmax(scores.astype(np.float64) / 2.5, axis=1)
    np.testing.assert_allclose(model.predict_proba(IMAGES), expected, rtol=1e-12)
    assert model.score(IMAGES, LABELS) == pipeline.score(IMAGES, LABELS)
    assert model.score(IMAGES, np.array(NAMES)[LABELS]) == pipeline.score(IMAGES, LABELS)
    assert model.image_shape == (24, 32, 3)
    many = np.concatenate([IMAGES] * 6)  # more than are described at a time
    np.testing.assert_allclose(model.decision_function(many), np.tile(scores, (6, 1)), atol=1e-4)


@pytest.mark.parametrize("fitting", ["crop", "stretch"])
def test_images_of_any_kind_are_scaled_as_those_of_the_training(pipeline, files, fitting):
    model = ImageClassifier(pipeline, fitting=fitting)
    scaled = np.stack([fitted_image(path, (24, 32), fitting) for path in files])
    expected = pipeline.decision_function(scaled)
    arrays = [np.asarray(picture(path)) for path in files]
    kinds = {
        "paths": files,
        "texts": [str(path) for path in files],
        "array of texts": np.array([str(path) for path in files]),
        "bytes": [path.read_bytes() for path in files],
        "Pillow": [picture(path) for path in files],
        "arrays": arrays,
        "floats": [array / 255 for array in arrays],
        "generator": (array for array in arrays),
    }
    for name, X in kinds.items():
        np.testing.assert_array_equal(model.decision_function(X), expected, err_msg=name)
    np.testing.assert_array_equal(model.predict(IMAGES.astype(np.float32) / 255), pipeline.predict(IMAGES))


def test_jpegs_are_decoded_as_the_model_says(pipeline, files):
    scaled = fitted_image(files[0], (24, 32), "crop", "fast")
    assert (scaled != fitted_image(files[0], (24, 32), "crop")).any()
    fast = ImageClassifier(pipeline, decode="fast").decision_function(files[:1])
    np.testing.assert_array_equal(fast, pipeline.decision_function(scaled[None]))


def test_a_single_image_is_refused_with_the_way_to_write_it(model, files):
    for X in (
        IMAGES[0],
        IMAGES[0, ..., 0],
        str(files[0]),
        files[0],
        files[0].read_bytes(),
        picture(files[0]),
    ):
        with pytest.raises(ValueError, match=r"write \[image\] for one image"):
            model.predict(X)
    with pytest.raises(TypeError, match="X must be a list of images or an array of them, got int"):
        model.predict(3)
    with pytest.raises(ValueError, match="at least one image"):
        model.predict([])
    with pytest.raises(FileNotFoundError) as caught:
        model.predict([files[0], "nowhere.jpg"])
    assert caught.value.__notes__ == ["in image 1 of X"]


def test_gray_images():
    gray = imfeat.rgb_to_gray(IMAGES)
    pipeline = make_pipeline(imfeat.HOG(), StandardScaler(), imfeat.learn.RidgeClassifier()).fit(gray, LABELS)
    model = ImageClassifier(pipeline)
    expected = pipeline.decision_function(gray)
    np.testing.assert_array_equal(model.decision_function(gray), expected)
    np.testing.assert_array_equal(model.decision_function(IMAGES), expected)
    np.testing.assert_array_equal(model.decision_function(list(gray)), expected)


def test_it_is_a_classifier_of_scikit_learn(model):
    scores = cross_val_score(model, IMAGES, LABELS, cv=3)
    assert scores.shape == (3,)
    assert scores.mean() > 0.5
    copy = clone(model)
    assert copy.get_params()["temperature"] == 2.5
    strings = np.array(NAMES)[LABELS]
    copy.fit([Image.fromarray(image) for image in IMAGES], strings)
    assert copy.classes_.tolist() == NAMES
    assert copy.score(IMAGES, strings) > 0.9
    assert not hasattr(copy.pipeline, "classes_")
    assert model.classes_.tolist() == NAMES


def test_what_it_prints(model, pipeline):
    assert repr(model).splitlines() == [
        "ImageClassifier: hog+color, softmax",
        "  images of 24 x 32; 3 classes: ant, bee, fly",
        "  accuracy 75.0% (60.0% to 85.0%) on 48 images",
    ]
    assert repr(ImageClassifier(pipeline)).startswith("ImageClassifier: FeatureUnion, StandardScaler, Linear")
    assert repr(ImageClassifier(clone(pipeline), size=8)).startswith("ImageClassifier(")


def test_it_comes_back_from_a_file(model, files, tmp_path):
    imfeat.save_model(tmp_path / "model", model)
    loaded = imfeat.load_model(tmp_path / "model")
    assert loaded.about == ABOUT
    assert repr(loaded) == repr(model)
    np.testing.assert_array_equal(loaded.predict_proba(files), model.predict_proba(files))
    refitted = clone(loaded).fit(IMAGES[:24], LABELS[:24])
    imfeat.save_model(tmp_path / "refitted", refitted)
    again = imfeat.load_model(tmp_path / "refitted")
    np.testing.assert_array_equal(again.predict_proba(files), refitted.predict_proba(files))


def test_scores_of_all_kinds_of_classifiers():
    x, y = RNG.normal(size=(40, 5)), np.arange(40) % 2
    two = LogisticRegression().fit(x, y)
    np.testing.assert_allclose(softmax(logits_of(two, x)), two.predict_proba(x), rtol=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPClassifier((4,), max_iter=5).fit(x, y)
    np.testing.assert_allclose(softmax(logits_of(network, x)), network.predict_proba(x), rtol=1e-9)
    nearest = NearestCentroid().fit(x, y)
    if not hasattr(nearest, "decision_function"):
        np.testing.assert_array_equal(logits_of(nearest, x), np.eye(2)[nearest.predict(x)])


@pytest.mark.parametrize(
    "kind", ["RidgeClassifier", "LinearSVM", "KernelRidgeClassifier", "LinearClassifier"]
)
def test_two_scores_are_those_of_the_classifier(kind):
    x, y = RNG.normal(size=(40, 5)), np.arange(40) % 2
    model = make_pipeline(StandardScaler(), getattr(imfeat.learn, kind)()).fit(x, y)
    of_classes = model[-1]._scores(model[0].transform(x))
    np.testing.assert_allclose(softmax(logits_of(model, x)), softmax(of_classes), atol=0.04)
    mean = ScoreMean([model, model])
    np.testing.assert_allclose(softmax(logits_of(mean, x)), softmax(of_classes), atol=0.04)
    np.testing.assert_array_equal(mean.predict(x), model.predict(x))


class Sure:
    """A classifier without scores."""

    classes_ = np.array(["a", "b"])

    def predict(self, x):
        return np.array(["b", "a"])[x]


def test_classes_alone_are_scores_of_0_and_1():
    np.testing.assert_array_equal(logits_of(Sure(), [0, 1, 0]), [[0, 1], [1, 0], [0, 1]])


def test_the_temperature_has_the_least_log_loss():
    labels = RNG.integers(4, size=3000)
    logits = 5 * (RNG.normal(size=(3000, 4)) + 1.5 * np.eye(4)[labels])
    found = fit_temperature(logits, labels)
    temperatures = np.geomspace(0.1, 100, 2000)
    losses = [-log_softmax(logits / t, 1)[np.arange(3000), labels].mean() for t in temperatures]
    assert found == pytest.approx(temperatures[np.argmin(losses)], rel=5e-3)
    assert log_loss(labels, softmax(logits, found)) <= min(losses) + 1e-12
    # Normal noise of variance 1 around 1.5 for the true class, times 5: the posterior has T = 5 / 1.5.
    assert found == pytest.approx(5 / 1.5, rel=0.1)


def test_temperatures_are_bounded():
    assert fit_temperature([[1.0, 0.0], [0.0, 1.0]], [0, 1]) == 1e-4  # all are right
    assert fit_temperature([[1.0, 0.0], [0.0, 1.0]], [1, 0]) == 1e4  # all are wrong


def brute_force_error(probabilities, labels, n_bins):
    """By the definition of Guo et al.: bins ((m - 1) / M, m / M]."""
    total = 0.0
    for m in range(n_bins):
        in_bin = [i for i, p in enumerate(probabilities) if m / n_bins < max(p) <= (m + 1) / n_bins]
        if in_bin:
            accuracy = np.mean([np.argmax(probabilities[i]) == labels[i] for i in in_bin])
            confidence = np.mean([max(probabilities[i]) for i in in_bin])
            total += len(in_bin) / len(labels) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_the_calibration_error_follows_its_definition(n_bins):
    probabilities = RNG.dirichlet(np.full(5, 0.4), size=400)
    labels = RNG.integers(5, size=400)
    expected = brute_force_error(probabilities, labels, n_bins)
    assert expected_calibration_error(probabilities, labels, n_bins=n_bins) == pytest.approx(expected)


def test_the_calibration_error_of_simple_cases():
    sure = np.eye(2)[[0, 1, 1, 0]]
    assert expected_calibration_error(sure, [0, 1, 1, 0]) == 0
    assert expected_calibration_error(sure, [1, 0, 0, 1]) == 1
    on_an_edge = [[0.5, 0.5], [0.6, 0.4]]  # which belongs to the lower bin
    assert expected_calibration_error(on_an_edge, [1, 0], n_bins=2) == pytest.approx(0.45)
    # The example of M. Pavlovic, "Expected calibration error (ECE): a step-by-step visual explanation", 2023
    first = np.array([0.78, 0.36, 0.08, 0.58, 0.49, 0.85, 0.30, 0.63, 0.17])
    probabilities = np.stack([first, 1 - first], 1)
    labels = [0, 1, 0, 0, 0, 0, 1, 1, 1]
    assert expected_calibration_error(probabilities, labels, n_bins=5) == pytest.approx(0.10444, abs=1e-5)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([0.5, 0.5], [0, 1], "must have the shape"),
        ([[0.5, 0.5]], [0, 1], "must have the shape"),
        ([[0.5, 0.5]], [2], "integers from 0 to 1"),
        ([[0.5, 0.5]], [0.0], "integers from 0 to 1"),
        ([[np.nan, 0.5]], [0], "must be finite"),
        ([[1.5, -0.5]], [0], r"in \[0, 1\]"),
    ],
)
def test_wrong_probabilities_are_refused(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(probabilities, labels)


def test_files_are_read_from_memory(model):
    buffer = io.BytesIO()
    Image.fromarray(IMAGES[0]).save(buffer, "PNG")
    np.testing.assert_array_equal(model.predict([buffer.getvalue()]), model.predict(IMAGES[:1]))

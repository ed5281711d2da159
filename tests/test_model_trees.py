"""Pipelines in files: predictions keep their bits, and what doesn't fit together is refused."""

import copy
import hashlib
import json
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file, save
from sklearn import clone, linear_model, neighbors, neural_network, svm
from sklearn.decomposition import PCA, KernelPCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

import imfeat
from imfeat import estimators, learn
from imfeat.models import Compressed, ScoreMean, kinds, tensors

RNG = np.random.default_rng(0)
LABELS = np.arange(36) % 3
IMAGES = RNG.integers(0, 256, (36, 24, 24, 3), dtype=np.uint8)
IMAGES[LABELS == 1, :12] //= 2
IMAGES[LABELS == 2, :, 12:, 0] //= 3
WORDS = {"n_words": 6, "n_patches": 300, "n_iterations": 2, "random_state": 0}
FEATURES = {
    **{name: getattr(estimators, name)() for name in ("RawPixels", "HOG", "UoCTTI", "LBP", "Haralick")},
    "ColorHistogram": imfeat.ColorHistogram(bins=(4, 3, 2), grid=(2, 2), norm="hellinger"),
    "RegionPooling": imfeat.RegionPooling(imfeat.LocalColor(step=5), grids=[(1, 1), (2, 1)]),
    "equalized": make_pipeline(imfeat.Equalize(), imfeat.HOG(cell_size=6)),
    "words": imfeat.BagOfVisualWords(**WORDS),
    "palette": imfeat.PaletteHistogram(n_colors=4, random_state=0),
    "side by side": make_union(imfeat.HOG(), imfeat.PatchFeatures(**WORDS), imfeat.ColorHistogram(bins=2)),
    "fisher": imfeat.FisherVector(imfeat.DenseSIFT(scales=(1, 1.5)), n_components=2, n_pca=4, random_state=0),
    "vlad": imfeat.VLAD(n_words=2, n_pca=None, random_state=0),
}
SCALERS = {
    "standard": StandardScaler(),
    "none": "passthrough",
    "min-max, PCA": make_pipeline(MinMaxScaler(), PCA(6, random_state=0)),
    "max-abs, Normalizer": make_pipeline(MaxAbsScaler(), Normalizer("l1")),
    "robust, whitened": make_pipeline(RobustScaler(), PCA(4, whiten=True)),
}
CLASSIFIERS = {
    "softmax": learn.LinearClassifier(),
    "MLP": learn.MLPClassifier((5, 4), activation="maxout", optimizer=learn.AdamW(1e-3), epochs=3),
    "ridge": learn.RidgeClassifier(),
    "SVM": learn.LinearSVM(epochs=3),
    "kernel ridge": learn.KernelRidgeClassifier(),
    "perceptron": learn.Perceptron(epochs=3),
    "LogisticRegression": linear_model.LogisticRegression(C=0.3),
    "sklearn ridge": linear_model.RidgeClassifier(),
    "LinearSVC": svm.LinearSVC(class_weight={0: 1.0, 1: 2.0, 2: 1.0}),
    "SGD": linear_model.SGDClassifier(loss="log_loss"),
    "sklearn perceptron": linear_model.Perceptron(),
    "neighbours": neighbors.KNeighborsClassifier(3, weights="distance"),
    "sklearn MLP": neural_network.MLPClassifier((4,), max_iter=4),
}
KINDS_OF_LABELS = {
    "int": LABELS,
    "two": LABELS > 0,
    "uint8": LABELS.astype(np.uint8) + 3,
    "str": np.array(["ant", "bee", "fly"])[LABELS],
    "object": np.array(["ant", "bée", "fly"], object)[LABELS],
}


def fitted(feature="HOG", scaler="standard", classifier="softmax", labels="int"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few images and few epochs
        pipeline = make_pipeline(FEATURES[feature], SCALERS[scaler], CLASSIFIERS[classifier])
        return clone(pipeline).fit(IMAGES, KINDS_OF_LABELS[labels])


def check_same(model, path):
    """Save and load, compare all that a classifier tells, and return what was loaded."""
    imfeat.save_model(path, model)
    loaded = imfeat.load_model(path)
    assert type(loaded) is type(model)
    assert loaded.classes_.dtype == model.classes_.dtype
    for method in ("predict", "decision_function", "predict_proba"):
        if hasattr(model, method):
            expected = getattr(model, method)(IMAGES)
            np.testing.assert_array_equal(getattr(loaded, method)(IMAGES), expected, strict=True)
    content = path.read_bytes()
    imfeat.save_model(path, loaded)
    assert path.read_bytes() == content
    return loaded


@pytest.mark.parametrize("feature", FEATURES)
def test_features_keep_their_bits(feature, tmp_path):
    check_same(fitted(feature), tmp_path / "model")


@pytest.mark.parametrize("scaler", SCALERS)
def test_scalers_keep_their_bits(scaler, tmp_path):
    check_same(fitted("side by side", scaler), tmp_path / "model")


@pytest.mark.parametrize("labels", KINDS_OF_LABELS)
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_classifiers_keep_their_bits(classifier, labels, tmp_path):
    if labels == "two" and classifier == "LinearSVC":
        pytest.skip("its weights are of three classes")
    if labels in ("uint8", "str", "object") and classifier == "LinearSVC":
        pytest.skip("its weights are of integers")
    model = fitted("RawPixels", "min-max, PCA", classifier, labels)
    loaded = check_same(model, tmp_path / "model")
    for name, value in model[-1].get_params().items():
        if not isinstance(value, learn.AdamW):
            assert loaded[-1].get_params()[name] == value


def test_fusions_and_compressed_features(tmp_path):
    members = [fitted("HOG", "standard"), fitted("words", "none")]
    mean = ScoreMean(members)
    scores = [member.decision_function(IMAGES) for member in members]
    np.testing.assert_allclose(mean.decision_function(IMAGES), np.mean(scores, 0), rtol=1e-6, atol=1e-6)
    check_same(mean, tmp_path / "mean")
    late = imfeat.LateFusion(members, weights=(2, 1)).fit(IMAGES, LABELS)
    loaded = check_same(late, tmp_path / "late")
    np.testing.assert_array_equal(loaded.fit(IMAGES, LABELS).predict(IMAGES), late.predict(IMAGES))
    hog = imfeat.HOG().fit(IMAGES)
    features = hog.transform(IMAGES)
    quantizer = imfeat.ProductQuantizer(4, 4, rng=0).fit(features)
    compressed = Compressed(quantizer, 0.3)
    expected = quantizer.decode(quantizer.encode(features)) / np.float32(0.3)
    np.testing.assert_array_equal(compressed.transform(features), expected)
    model = learn.RidgeClassifier().fit(expected, LABELS)
    check_same(make_pipeline(hog, compressed, model), tmp_path / "compressed")
    codes = learn.LinearSVM(quantizer, epochs=2).fit(quantizer.encode(features), LABELS)
    imfeat.save_model(tmp_path / "codes", codes)
    again = imfeat.load_model(tmp_path / "codes").decision_function(quantizer.encode(features))
    np.testing.assert_array_equal(again, codes.decision_function(quantizer.encode(features)))


def test_refits_of_fusions_and_compressed_features():
    mean = ScoreMean([fitted("HOG"), fitted("words", "none")])
    before = mean.decision_function(IMAGES)
    assert mean.fit(IMAGES[:12], LABELS[:12]).decision_function(IMAGES).shape == (36, 3)
    np.testing.assert_array_equal(ScoreMean(mean.pipelines).decision_function(IMAGES), before)
    features = RNG.normal(size=(40, 8)).astype(np.float32)
    refitted = Compressed(imfeat.ProductQuantizer(2, 8)).fit(features).transform(features)
    np.testing.assert_allclose((refitted**2).mean(), 1, rtol=0.1)
    assert len(np.unique(refitted[:, :2], axis=0)) == 32  # the largest power of 2 below 40


@pytest.mark.parametrize("axis", [1, None])
def test_other_layouts_of_images(axis, tmp_path):
    images = np.moveaxis(IMAGES, -1, 1) if axis else IMAGES[..., 0]
    model = make_pipeline(imfeat.HOG(channel_axis=axis), StandardScaler(), learn.RidgeClassifier())
    model.fit(images, LABELS)
    imfeat.save_model(tmp_path / "model", model)
    loaded = imfeat.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.decision_function(images), model.decision_function(images))


def test_arrays_are_named_by_their_place(tmp_path):
    imfeat.save_model(tmp_path / "model", fitted("words"))
    arrays = load_file(tmp_path / "model")
    assert arrays["bagofvisualwords/codebook_"].shape == (6, 108)
    assert arrays["standardscaler/mean_"].dtype == np.float64
    assert arrays["linearclassifier/network_/layers/0/weights"].shape == (6, 3)


REFUSED = {
    "FunctionTransformer.*functions are code": lambda: make_pipeline(
        imfeat.HOG(), FunctionTransformer(np.sqrt)
    ),
    "'kernelpca' in the model is a KernelPCA of sklearn": lambda: make_pipeline(imfeat.HOG(), KernelPCA()),
    "the model is a GridSearchCV.*save its best_estimator_": lambda: GridSearchCV(
        learn.RidgeClassifier(), {}
    ).fit(LABELS[:, None], LABELS),
    "What can be saved: Whitening, .*HOG.*codebooks, and of scikit-learn Pipeline": lambda: {"a": 1},
    "'featureunion/hog/norm' in the model is a builtin_function": lambda: make_pipeline(
        make_union(imfeat.HOG(norm=len), imfeat.LBP())
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_other_objects_are_refused_by_their_place(message, tmp_path):
    with pytest.raises(TypeError, match=message):
        imfeat.save_model(tmp_path / "model", REFUSED[message]())
    assert not list(tmp_path.iterdir())


def test_models_must_be_fitted_and_finite(tmp_path):
    with pytest.raises(NotFittedError, match="standardscaler is a StandardScaler that is not fitted"):
        imfeat.save_model(tmp_path / "model", make_pipeline(imfeat.HOG(), StandardScaler()))
    model = fitted()
    model[1].mean_[0] = np.nan
    with pytest.raises(ValueError, match="standardscaler/mean_ holds numbers that are not finite"):
        imfeat.save_model(tmp_path / "model", model)
    assert not list(tmp_path.iterdir())


def test_what_would_not_load_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="class_names are 4 names for 3 classes"):
        imfeat.save_model(tmp_path / "model", imfeat.ImageClassifier(fitted(), class_names=list("abcd")))
    assert not list(tmp_path.iterdir())


def test_generators_and_workers_are_not_kept(tmp_path):
    union = make_union(imfeat.HOG(), imfeat.BagOfVisualWords(**WORDS), n_jobs=1)
    union.transformer_list[1][1].set_params(random_state=np.random.RandomState(0), progress=False)
    imfeat.save_model(tmp_path / "model", union.fit(IMAGES))
    loaded = imfeat.load_model(tmp_path / "model")
    assert loaded.n_jobs is None
    assert loaded.transformer_list[1][1].random_state is None
    np.testing.assert_array_equal(loaded.transform(IMAGES), union.transform(IMAGES))


def test_every_row_of_the_table_is_a_class_that_it_recognizes():
    for kind in kinds.KINDS.values():
        assert kind.type.__name__ == kind.name.rpartition(".")[2]
        assert kinds.kind_of(kind.type.__new__(kind.type)) is kind


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Header and arrays of a pipeline."""
    path = tmp_path_factory.mktemp("models") / "model"
    imfeat.save_model(path, imfeat.ImageClassifier(fitted("words"), class_names=["a", "b", "c"]))
    content = path.read_bytes()
    n = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + n])["__metadata__"]["imfeat"], load_file(path)


def step(header, name):
    return header["model"]["children"]["pipeline"]["children"][name]


def nested(header):
    for _ in range(30):
        header["model"] = {"kind": "list", "options": {}, "children": {"0": header["model"]}}


def with_array(name, array):
    return lambda header, arrays: arrays.__setitem__(f"pipeline/{name}", array)


HOSTILE = {
    "an unknown kind": lambda h, a: step(h, "standardscaler").update(kind="os.system"),
    "a module": lambda h, a: step(h, "standardscaler").update(kind="sklearn.FunctionTransformer"),
    "a kind that is a list": lambda h, a: step(h, "standardscaler").update(kind=["HOG"]),
    "an unknown option": lambda h, a: step(h, "bagofvisualwords")["options"].update(shell=True),
    "an attribute": lambda h, a: step(h, "bagofvisualwords")["options"].update(transform="x"),
    "a private attribute": lambda h, a: step(h, "standardscaler")["options"].update(__class__="x"),
    "workers": lambda h, a: h["model"]["children"]["pipeline"]["options"].update(memory="/tmp"),
    "an option of another type": lambda h, a: step(h, "bagofvisualwords")["options"].update(patch_size="6"),
    "a huge grid": lambda h, a: step(h, "bagofvisualwords")["options"].update(grid={"tuple": [1 << 20] * 2}),
    "a huge image": lambda h, a: step(h, "bagofvisualwords")["options"].update(image_shape_=[1 << 20] * 3),
    "a huge size": lambda h, a: h["model"]["options"].update(size=1 << 30),
    "an unknown fitting": lambda h, a: h["model"]["options"].update(fitting="zoom"),
    "a temperature of 0": lambda h, a: h["model"]["options"].update(temperature=0),
    "names of other classes": lambda h, a: h["model"]["options"].update(class_names=["a"]),
    "a tree that is too deep": lambda h, a: nested(h),
    "a component too many": lambda h, a: step(h, "standardscaler")["children"].update(
        x=copy.deepcopy(h["model"])
    ),
    "no component": lambda h, a: step(h, "standardscaler").clear(),
    "no steps": lambda h, a: h["model"]["children"]["pipeline"]["children"].clear(),
    "no codebook": lambda h, a: a.pop("pipeline/bagofvisualwords/codebook_"),
    "no weights": lambda h, a: a.pop("pipeline/linearclassifier/network_/layers/0/weights"),
    "an array too many": with_array("standardscaler/other", np.zeros(3)),
    "an array of no component": with_array("other/mean_", np.zeros(3)),
    "words of another length": with_array("bagofvisualwords/codebook_", np.zeros((6, 9), np.float32)),
    "a scale of another length": with_array("standardscaler/scale_", np.ones(5)),
    "weights of other classes": with_array(
        "linearclassifier/network_/layers/0/weights", np.zeros((6, 4), np.float32)
    ),
    "one class": with_array("linearclassifier/classes_", np.zeros(1, np.int64)),
    "an unknown activation": lambda h, a: step(h, "linearclassifier")["children"]["network_"]["children"][
        "layers"
    ]["children"]["0"]["options"].update(activation="exec"),
    "an unknown value": lambda h, a: step(h, "linearclassifier")["options"].update(loss={"call": []}),
    "a codebook in a pipeline": lambda h, a: step(h, "standardscaler").update(kind="codebook"),
    "a version of text": lambda h, a: h.update(version="3"),
    "an unknown key": lambda h, a: h.update(extra=1),
    "order of no array": lambda h, a: h.update(fortran=1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_trees_are_refused(parts, tmp_path, name):
    header, arrays = json.loads(parts[0]), dict(parts[1])
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(file_of(header, arrays))
    imfeat.load_model(path)
    HOSTILE[name](header, arrays)
    path.write_bytes(file_of(header, arrays))
    with pytest.raises(ValueError, match=r"hostile\.safetensors is no intact model"):
        imfeat.load_model(path)


def file_of(header, arrays):
    digests = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()}
    return save(arrays, {"imfeat": json.dumps(header | {"sha256": digests})})


def test_a_file_of_a_newer_version_says_so(parts, tmp_path):
    header = json.loads(parts[0]) | {"version": tensors.VERSION + 1, "imfeat": "9.1", "new": 1}
    (tmp_path / "new").write_bytes(file_of(header, parts[1]))
    with pytest.raises(ValueError, match=r"newer version of imfeat \(9\.1, format 4\).*upgrade imfeat"):
        imfeat.load_model(tmp_path / "new")

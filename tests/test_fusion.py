"""Late fusion: weights that are chosen on validation images, in estimators, models and comparisons."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from test_flips import data, quick, source  # noqa: F401
from test_folds import folder as folds_source  # noqa: F401

import imfeat
from imfeat import compare
from imfeat.compare import costs
from imfeat.compare.cells import Store
from imfeat.compare.costs import Sizes, cost_of
from imfeat.learn import RidgeClassifier
from imfeat.learn._fusion import fit_weights
from imfeat.models import ScoreMean, fit_temperature, logits_of, softmax, tree

N, K = 400, 5
LABELS = np.arange(N) % K
THREE = "fusion(raw, tuned-color, hog(cell_size=4))"


def logits_with(signal, seed):
    """Return calibrated logits: noise, with a signal for the true class."""
    scores = np.random.default_rng(seed).normal(size=(N, K))
    scores[np.arange(N), LABELS] += signal
    return scores / fit_temperature(scores, LABELS)


def accuracy(logits):
    return (logits.argmax(1) == LABELS).mean()


def log_loss(logits):
    """The log loss with one more image of each class, as Platt smooths labels."""
    targets = (np.eye(K)[LABELS] * N + 1) / (N + K)
    return -(targets * np.log(softmax(logits))).sum(1).mean()


def test_a_member_of_noise_has_no_weight():
    good = logits_with(2, 0)
    for noise in (logits_with(0, 1), np.zeros((N, K))):
        np.testing.assert_array_equal(fit_weights([good, noise], LABELS), [1, 0])
        np.testing.assert_array_equal(fit_weights([noise, good, noise], LABELS), [0, 1, 0])
    assert fit_weights([logits_with(0, 1), logits_with(0, 2)], LABELS).sum() == pytest.approx(1)


def test_few_images_do_not_exclude_members():
    member = np.array([[1.0, 0], [0, 1]])  # two images, which are no evidence
    np.testing.assert_allclose(fit_weights([member, member], np.array([0, 1])), 0.5, atol=1e-3)
    np.testing.assert_allclose(fit_weights([member] * 2, np.array([1, 0])).sum(), 1)


def test_complementary_members_are_better_than_each():
    members = [logits_with(1.5, 0), logits_with(1.5, 1)]
    weights = fit_weights(members, LABELS)
    np.testing.assert_allclose(weights, 0.5, atol=0.1)
    fused = np.tensordot(weights, members, 1)
    assert accuracy(fused) > max(map(accuracy, members)) + 0.05
    halves = [logits_with(9, 0), logits_with(9, 1)]  # each of which knows half of the classes
    halves[0][LABELS < 2], halves[1][LABELS >= 2] = 0, 0
    assert accuracy(np.tensordot(fit_weights(halves, LABELS), halves, 1)) > 0.99


def test_equal_members_have_equal_weights():
    member = logits_with(2, 0)
    np.testing.assert_allclose(fit_weights([member, member], LABELS), 0.5, atol=1e-3)
    np.testing.assert_allclose(fit_weights([member] * 3, LABELS), 1 / 3, atol=1e-3)


def test_weights_have_the_least_log_loss():
    members = [logits_with(2, 0), logits_with(1, 1), logits_with(0.7, 2)]
    weights = fit_weights(members, LABELS)
    found = minimize(lambda v: log_loss(np.tensordot(v, members, 1)), [1, 1, 1], method="Nelder-Mead")
    np.testing.assert_allclose(weights, found.x / found.x.sum(), atol=1e-3)
    fused = np.tensordot(weights, members, 1)
    assert log_loss(fused / fit_temperature(fused, LABELS)) == pytest.approx(found.fun, abs=1e-6)


def test_a_member_that_is_more_accurate_by_far_gets_all_weight():
    """The log loss may prefer a fusion that is right less often."""
    wrong = np.eye(K)[(LABELS + 1) % K]
    accurate = np.eye(K)[LABELS]
    accurate[:20] = 50 * wrong[:20]  # few mistakes, but sure ones
    sure = np.eye(K)[LABELS]
    sure[20:100] = wrong[20:100]
    members = [logits / fit_temperature(logits, LABELS) for logits in (sure, accurate)]
    assert log_loss(members[0]) < log_loss(members[1])
    np.testing.assert_array_equal(fit_weights(members, LABELS), [0, 1])


@given(st.lists(st.floats(0, 3), min_size=1, max_size=4), st.integers(0, 99))
def test_weights_are_shares(signals, seed):
    members = [logits_with(signal, seed + m) for m, signal in enumerate(signals)]
    weights = fit_weights(members, LABELS)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    fused = np.tensordot(weights, members, 1)
    losses = [log_loss(member) for member in members]
    assert log_loss(fused / fit_temperature(fused, LABELS)) <= min(losses) + 1e-6 or 1 in weights


def columns(*names):
    """Return a classifier of some columns."""
    return make_pipeline(
        FunctionTransformer(np.take, kw_args={"indices": names, "axis": 1}), RidgeClassifier()
    )


@pytest.fixture
def table(rng):
    x = rng.normal(size=(600, 6)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + 2 * (x[:, 1] > 0)
    return x, np.array(["a", "b", "c", "d"])[y]


def test_late_fusion_weighs_by_validation(table):
    x, y = table
    fused = imfeat.LateFusion([columns(0, 2), columns(1, 3), columns(4, 5)]).fit(x[:400], y[:400])
    assert fused.weights_[2] == 0
    np.testing.assert_allclose(fused.weights_[:2], 0.5, atol=0.1)
    scores = [logits_of(part, x[400:]) for part in fused.classifiers_]
    expected = np.tensordot(fused.weights_ / fused.temperatures_, scores, 1)
    np.testing.assert_allclose(fused.decision_function(x[400:]), expected)
    assert fused.score(x[400:], y[400:]) > max(p.score(x[400:], y[400:]) for p in fused.classifiers_) + 0.2
    equal = imfeat.LateFusion(fused.classifiers, weights="equal").fit(x[:400], y[:400])
    np.testing.assert_array_equal(equal.weights_, [1 / 3] * 3)
    mean = np.mean([part.decision_function(x) for part in equal.classifiers_], 0)
    np.testing.assert_allclose(equal.decision_function(x), mean, rtol=1e-5, atol=1e-6)


def test_late_fusion_of_two_classes_and_of_classifiers_of_several_kinds(table):
    x, y = table
    kinds = [columns(0, 1), LogisticRegression(), KNeighborsClassifier(5)]
    fused = imfeat.LateFusion(kinds).fit(x[:400], y[:400] < "c", sample_weight=None)
    assert fused.decision_function(x).shape == (600,)
    assert fused.score(x[400:], y[400:] < "c") > 0.85
    weighted = imfeat.LateFusion(kinds[:2]).fit(x[:400], y[:400], np.linspace(0, 1, 400))
    assert weighted.score(x[400:], y[400:]) > 0.85


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weights": "mean"}, ValueError, "weights must be"),
        ({"weights": None, "validation_share": 1}, ValueError, "validation_share must be"),
        ({"validation_share": 0}, ValueError, "validation_share must be"),
        ({"weights": [1]}, ValueError, "weights must be one for each classifier, 2, got 1"),
    ],
)
def test_wrong_options_of_late_fusion_are_refused(table, options, error, message):
    with pytest.raises(error, match=message):
        imfeat.LateFusion([columns(0), columns(1)], **options).fit(*table)


def test_late_fusion_needs_images_to_validate_with():
    x, y = np.eye(3, dtype=np.float32), np.arange(3)
    with pytest.raises(ValueError, match=r"no class has .* images, one of which to validate with"):
        imfeat.LateFusion([RidgeClassifier([1.0]), LogisticRegression()]).fit(x, y)


def saved(model, path):
    imfeat.save_model(path, model)
    return imfeat.load_model(path)


def test_weights_are_kept_in_files(data, tmp_path):  # noqa: F811
    images, labels = data.train.images, data.train.labels
    features = (imfeat.ColorHistogram(), imfeat.RawPixels())
    late = imfeat.LateFusion([make_pipeline(f, RidgeClassifier()) for f in features]).fit(images, labels)
    loaded = saved(late, tmp_path / "late")
    np.testing.assert_array_equal(loaded.weights_, late.weights_)
    np.testing.assert_array_equal(loaded.decision_function(images), late.decision_function(images))
    mean = ScoreMean(late.classifiers_, weights=(3, 1), temperatures=(0.5, 2))
    again = saved(mean, tmp_path / "mean")
    np.testing.assert_array_equal(again.decision_function(images), mean.decision_function(images))
    first, second = (logits_of(part, images) for part in late.classifiers_)
    np.testing.assert_allclose(mean.decision_function(images), 0.75 * first / 0.5 + 0.25 * second / 2)
    alone = ScoreMean([late.classifiers_[0], object()], weights=(1, 0))  # weight 0: not computed
    np.testing.assert_allclose(alone.decision_function(images), first)
    with pytest.raises(ValueError, match="weights must be one for each"):
        ScoreMean(late.classifiers_, weights=(1, 2, 3)).decision_function(images)
    with pytest.raises(ValueError, match="temperatures must be above 0"):
        ScoreMean(late.classifiers_, temperatures=(1, 0)).decision_function(images)


@pytest.mark.parametrize("kind", ["ScoreMean", "LateFusion"])
def test_files_of_earlier_versions_have_equal_weights(data, kind):  # noqa: F811
    images, labels = data.train.images, data.train.labels
    features = (imfeat.ColorHistogram(), imfeat.RawPixels())
    late = imfeat.LateFusion([make_pipeline(f, RidgeClassifier()) for f in features]).fit(images, labels)
    component, arrays = tree.as_tree(late if kind == "LateFusion" else ScoreMean(late.classifiers_))
    component = copy.deepcopy(component)
    component["options"] = {"weights": None} if kind == "LateFusion" else {}
    arrays = {name: a for name, a in arrays.items() if name not in ("weights_", "temperatures_")}
    model = tree.as_model(component, arrays)
    expected = np.mean([part.decision_function(images) for part in late.classifiers_], 0)
    np.testing.assert_allclose(model.decision_function(images), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("classifier", ["ridge", "svm", "mlp", "kernel-ridge", "knn"])
def test_any_features_are_fused_in_a_comparison(source, data, classifier):  # noqa: F811
    how = {"features": [THREE], "classifiers": classifier, "n_seeds": 2, "keep": "all", "cache": False}
    result = compare.run(source, **how)
    names = [record.feature for record in result.records if record.seed == 0]
    assert names == ["raw", "tuned-color", "hog(cell_size=4)", THREE]
    fused = next(record for record in result.records if record.feature == THREE)
    assert list(fused.weights) == names[:3]
    assert sum(fused.weights.values()) == pytest.approx(1)
    model = result.models.get((THREE, classifier), 0)
    assert model.about["weights"] == fused.weights
    assert model.score(data.test.images, data.test.labels) == pytest.approx(fused.test_accuracy)
    probabilities = model.predict_proba(data.test.images).max(1)
    cell = next(cell for cell in result.cells if cell.record is fused)
    np.testing.assert_allclose(probabilities, cell.probabilities[:, 0], atol=1e-3)


def test_a_run_with_a_fusion_is_resumed_and_tells_weights(source, tmp_path):  # noqa: F811
    how = {"features": [THREE], "classifiers": "ridge", "n_seeds": 1, "cache": False}
    result = compare.run(source, **how, folder=tmp_path)
    result.write(tmp_path)
    fused = result.records[-1]
    text = ", ".join(f"{weight:.2f} {name}" for name, weight in fused.weights.items())
    assert f"| {THREE} | ridge | {text} |" in (tmp_path / "results.md").read_text()
    assert text in (tmp_path / "report.html").read_text()
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["records"][-1]["weights"] == fused.weights
    assert compare.Result.read(tmp_path).records[-1] == fused
    path = Store(tmp_path / "cells")._path((THREE, "ridge", 0, ""))
    path.unlink()
    again = compare.resume(tmp_path, cache=False)
    assert again.records == result.records
    del content["records"][-1]["weights"]  # as of an earlier version
    (tmp_path / "results.json").write_text(json.dumps(content))
    earlier = compare.Result.read(tmp_path)
    assert earlier.records[-1].weights == {}
    earlier.write(tmp_path)
    assert "Weights of the members" not in (tmp_path / "results.md").read_text()


def test_folds_tell_the_mean_of_their_weights(folds_source):  # noqa: F811
    how = {"features": ["fusion(raw, tuned-color)"], "classifiers": "ridge", "keep": "all", "cache": False}
    result = compare.run(folds_source, **how, n_seeds=1, folds=3)
    fused = result.records[-1]
    assert sum(fused.weights.values()) == pytest.approx(1)
    about = result.models.get((fused.feature, "ridge"), 0).about
    assert set(about["weights"]) == {"raw", "tuned-color"}
    assert about["accuracy"] == fused.test_accuracy


def test_a_fusion_costs_little_beside_its_members(monkeypatch):
    monkeypatch.setattr(costs, "operations_a_second", lambda: 1e11)  # whatever the machine
    sizes = Sizes(20_000, 1000, (32, 32), 3)
    assert cost_of(THREE, "softmax", sizes) < cost_of("hog", "softmax", sizes)

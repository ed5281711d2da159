"""Classifiers of a comparison with options, and those of other kinds."""

import ast
import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer

import imfeat
from imfeat import compare, learn
from imfeat.cli import main
from imfeat.compare import augment, classifiers, experiment, tables, tuning, wide, workspace
from imfeat.compare.classifiers import CLASSIFIERS, classifier_of, parse_classifiers
from imfeat.datasets import DataSet, ImageSet
from imfeat.recipes import RECIPES


@pytest.fixture(scope="module")
def digits():
    """Return scikit-learn's digits, a third of them for testing, as a data set of gray images."""
    x, y = load_digits(return_X_y=True)
    images = np.repeat(np.round(x.reshape(-1, 8, 8) * 255 / 16).astype(np.uint8)[..., None], 3, -1)
    names = tuple("0123456789")
    first, last = slice(0, 500), slice(1500, None)
    return DataSet(*(ImageSet(images[part], y[part].astype(np.int64), names) for part in (first, last)))


@pytest.fixture
def registers():
    tables = RECIPES, CLASSIFIERS
    before = [dict(table) for table in tables]
    yield
    for table, rows in zip(tables, before, strict=True):
        table.clear()
        table.update(rows)


def run_cells(data, features, names):
    space = workspace.Workspace(data)
    return [cell.record for cell in experiment.run_cells(space, features, names, (0,))]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("softmax, svm", ("softmax", "svm")),
        (["linear", "mlp"], ("linear", "mlp")),
        ("mlp( hidden=(3,),activation='tanh' ), mlp", ("mlp(hidden=(3,), activation='tanh')", "mlp")),
        ("softmax(strength=0.01), softmax(strength = 1e-2)", ("softmax(strength=0.01)",)),
    ],
)
def test_expressions_are_parsed(text, names):
    assert parse_classifiers(text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no classifier given; choose among softmax"),
        ("tree", "unknown classifier 'tree'; choose among softmax, svm"),
        ("mlp(units=3)", r"unknown option 'units' of classifier 'mlp'; its options are .*hidden, activation"),
        ("ridge(C=3)", "unknown option 'C' of classifier 'ridge'; its options are strength"),
        ("mlp+svm", "classifiers can't be joined by +"),
        ("mlp(3)", "options of 'mlp' must be name=value"),
        ("linear(strength=3)", "'linear' is a group; give options to its members, softmax, svm, ridge"),
        ("softmax(strength=-1)", "strength must be at least 0"),
        ("ridge(strength='a')", "strength of classifier 'ridge' must be a number of at least 0, got 'a'"),
        ("kernel-ridge(gamma=-1)", "gamma of classifier 'kernel-ridge' must be a number"),
        ("mlp(strength=1, weight_decay=1)", "give strength or weight_decay of classifier 'mlp', not both"),
        ("mlp(hidden=0)", r"classifier 'mlp\(hidden=0\)': hidden must be a sequence"),
        ("mlp(activation='step')", "activation must be one of"),
        ("mlp(batch_size=0)", "classifier 'mlp"),
        ("mlp(dropout=1)", "dropout must be"),
        ("mlp(epochs='a')", "epochs must be an integer, got 'a'"),
        ("softmax(epochs=1.5)", r"classifier 'softmax\(epochs=1.5\)': epochs must be an integer, got 1.5"),
        ("mlp(optimizer=[])", "classifier 'mlp"),
        ("mlp(augment='rotate')", "augment must be 'flip', 'shift' or 'flip\\+shift', got 'rotate'"),
        ("softmax(augment='flip')", "unknown option 'augment'"),
        ("softmax(loss='hinge')", "unknown option 'loss'"),
        ("knn(n_neighbors=0)", "n_neighbors"),
        ("+", "expected the name of a classifier"),
    ],
)
def test_wrong_expressions_are_refused_before_a_run(text, message):
    with pytest.raises(ValueError, match=message):
        compare.run("photos", features="raw", classifiers=text)


def test_what_is_given_is_not_chosen():
    for text in ("softmax(strength=0.5)", "ridge(strength=0.5)", "mlp(strength=0.5)", "logreg(strength=0.5)"):
        assert classifier_of(text).strengths == (0.5,)
    assert classifier_of("mlp(strength=10)").build(10, 400, 0).weight_decay == 10 / 400
    assert classifier_of("mlp(weight_decay=0.1)").build(0.1, 400, 0).weight_decay == 0.1
    assert classifier_of("logreg(strength=4)").build(4, 400, 0).C == 0.25
    assert classifier_of("logreg(C=4)").build(4, 400, 0).C == 4
    assert classifier_of("knn(n_neighbors=7)").build(7, 400, 0).n_neighbors == 7
    assert classifier_of("kernel-ridge(gamma=2)").gammas == (2.0,)
    assert len(classifier_of("mlp(hidden=(3,))").strengths) == 7


def test_options_reach_the_estimator():
    text = "mlp(hidden=(6, 5), activation='sigmoid', optimizer='sgd', epochs=3, batch_size=9, dropout=0.5)"
    model = classifier_of(text).build(1.0, 100, 4)
    assert (model.hidden, model.activation, model.optimizer) == ((6, 5), "sigmoid", "sgd")
    assert (model.epochs, model.batch_size, model.dropout, model.random_state) == (3, 9, 0.5, 4)
    assert model.learning_rate == classifiers.RATES["sgd"]
    assert classifier_of("mlp(optimizer='sgd', learning_rate=2.0)").build(1.0, 9, 0).learning_rate == 2
    assert classifier_of(text).title == f"an MLP {text[3:]}"
    assert classifier_of("mlp(dropout=0.1)").title == "an MLP of one hidden layer (dropout=0.1)"


def test_options_may_make_the_seed_matter():
    assert not classifier_of("softmax(epochs=3)").seeded
    assert classifier_of("softmax(optimizer='sgd')").seeded
    assert classifier_of("softmax(optimizer='sgd')").build(1.0, 9, 5).random_state == 5


@pytest.mark.parametrize(
    "text", [*CLASSIFIERS, "mlp(hidden=(3,), activation='tanh')", "softmax(strength=3, penalty='l1')"]
)
def test_a_line_of_python_rebuilds_a_row(text):
    classifier = classifier_of(text)
    strength = classifier.strengths[0]
    line = classifier.expression(strength, 1000)
    ast.parse(line, mode="eval")
    names = vars(learn) | {c.__name__: c for c in (KNeighborsClassifier, LogisticRegression)}
    names[HistGradientBoostingClassifier.__name__] = HistGradientBoostingClassifier
    model = eval(line, dict(names))
    if hasattr(classifier, "build"):
        expected = classifier.build(strength, 1000, 0).get_params()
        found = model.get_params()
        for params in (expected, found):
            params.pop("random_state", None)
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            close = pytest.approx(value, rel=1e-5) if isinstance(value, float) else value
            assert found[name] == close


def test_the_lines_of_closed_forms_give_the_same_weights(rng):
    x = rng.normal(size=(200, 5)).astype(np.float32)
    y = x[:, :3].argmax(1)
    for name in ("ridge", "l2svm"):
        trained, _ = classifier_of(name).trainer(x, y, np.arange(200), 0).train(30.0)
        model = eval(classifier_of(name).expression(30.0, 200), vars(learn) | {})
        np.testing.assert_allclose(model.fit(x, y).coef_, trained.coef_, atol=2e-3)


def test_registered_classifiers_have_options(registers, digits):
    compare.register("mean", FunctionTransformer(lambda images: images.mean((1, 2))))
    compare.register("near", KNeighborsClassifier(), parameter="n_neighbors", values=(9, 3))
    assert classifier_of("near(n_neighbors=4)").strengths == (4,)
    model = classifier_of("near(weights='distance')").build(3, 100, 0)
    assert (model.weights, model.n_neighbors) == ("distance", 3)
    expression = classifier_of("near(weights='distance')").expression(3, 100)
    assert expression == "KNeighborsClassifier(n_neighbors=3, weights='distance')"
    (record,) = run_cells(digits, ("mean",), ("near(weights='distance')",))
    assert record.classifier == "near(weights='distance')"
    with pytest.raises(ValueError, match="unknown option 'k' of classifier 'near'"):
        classifier_of("near(k=3)")


def test_a_question_of_the_lecture_is_one_command(digits, tmp_path):
    path = tmp_path / "digits.npz"
    (x_train, y_train), (x_test, y_test) = ((part.images[..., 0], part.labels) for part in digits)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    names = "mlp(hidden=(3,), epochs=2), mlp(hidden=(20,), epochs=2, strength=1), softmax(strength=0.1)"
    how = ["compare", "--data", str(path), "--features", "raw", "--classifiers", names, "--seeds", "1"]
    for arguments in (
        [*how, "--out", str(tmp_path / "run")],
        ["compare", "--resume", str(tmp_path / "run")],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        records = json.loads((tmp_path / "run" / "results.json").read_text())["records"]
        assert [r["classifier"] for r in records] == list(parse_classifiers(names))
        assert records[2]["strength"] == 0.1


def test_long_names_fit_into_file_names(digits, tmp_path):
    options = "hidden=(3,), epochs=1, activation='tanh', optimizer='nesterov', strength=1, dropout=0.25"
    name = f"mlp({options})"
    names = (name, name.replace("0.25", "0.26"))
    folder = tmp_path / "run"
    for _ in range(2):
        result = compare.run(
            {
                part: list(zip(s.images, s.labels.tolist(), strict=True))
                for part, s in zip(("train", "test"), digits, strict=True)
            },
            features="raw",
            classifiers=names,
            n_seeds=1,
            folder=folder,
            cache=False,
        )
    assert len(list((folder / "cells").glob("*.npz"))) == 2
    assert {record.classifier for record in result.records} == set(names)


@pytest.mark.parametrize(
    "name",
    [
        "kernel-ridge",
        "knn",
        "logreg",
        "hist-gradient-boosting(max_iter=5, learning_rate=0.2)",
        "mlp(dropout=0.2)",
    ],
)
def test_other_classifiers_learn_digits(digits, name):
    (record,) = run_cells(digits, ("raw",), (name,))
    assert record.test_accuracy > (0.6 if "max_iter" in name else 0.84)
    assert record.model_bytes > 0
    assert (record.gamma is None) == (name != "kernel-ridge")


def test_a_cell_of_kernel_ridge_is_the_estimator(digits, monkeypatch):
    monkeypatch.setattr(tuning, "MAX_TUNING_IMAGES", 300)
    (record,) = run_cells(digits, ("raw",), ("kernel-ridge",))
    fitted = workspace.fit_feature("raw", digits, 0)
    tables = workspace.compute_tables("raw", digits, fitted)
    line = classifier_of("kernel-ridge").expression(record.strength, 500, record.gamma)
    model = eval(line, vars(learn) | {}).fit(tables.train, digits.train.labels)
    assert record.test_accuracy == pytest.approx(model.score(tables.test, digits.test.labels), abs=0.004)
    assert record.train_accuracy == pytest.approx(model.score(tables.train, digits.train.labels), abs=0.004)
    rows, validation = tuning.split(digits.train.labels)
    model.fit(tables.train[rows], digits.train.labels[rows])
    accuracy = model.score(tables.train[validation], digits.train.labels[validation])
    assert record.validation_accuracy == pytest.approx(accuracy, abs=0.02)
    assert record.gamma in classifiers.GAMMAS
    assert record.strength in classifiers.KERNEL_STRENGTHS


def test_kernels_and_linear_classifiers_share_products(digits, monkeypatch):
    alone = run_cells(digits, ("raw",), ("kernel-ridge",)) + run_cells(digits, ("raw",), ("ridge",))
    monkeypatch.setattr("imfeat.compare.feature_run.is_by_products", lambda *what: True)
    monkeypatch.setattr("imfeat.compare.feature_run.has_many", lambda *what: True)
    together = run_cells(digits, ("raw",), ("kernel-ridge", "ridge"))
    for one, other in zip(alone, together, strict=True):
        assert (one.classifier, one.strength, one.gamma) == (other.classifier, other.strength, other.gamma)
        assert one.test_accuracy == pytest.approx(other.test_accuracy, abs=0.011)


def test_augmented_images_are_flipped_and_shifted(rng):
    images = rng.integers(0, 256, (200, 16, 16, 3), np.uint8)
    flipped = augment.augmented(images, "flip", np.random.default_rng(0))
    same = (flipped == images).all((1, 2, 3))
    assert 70 < same.sum() < 130
    np.testing.assert_array_equal(flipped[~same], images[~same, :, ::-1])
    shifted = augment.augmented(images, "shift", np.random.default_rng(0))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), "edge")
    shifts = [padded[:, y : y + 16, x : x + 16] for y in range(5) for x in range(5)]
    found = np.array([(shift == shifted).all((1, 2, 3)) for shift in shifts])
    assert (found.sum(0) == 1).all()
    assert (found.sum(1) > 0).all()
    both = augment.augmented(images, "flip+shift", np.random.default_rng(0))
    assert both.shape == images.shape
    assert both.dtype == np.uint8


@pytest.mark.parametrize("feature", ["raw", "hog(cell_size=4)"])
def test_an_mlp_learns_from_augmented_images(digits, feature, monkeypatch):
    seen = []
    augmented = augment.augmented
    monkeypatch.setattr(
        augment, "augmented", lambda images, *how: seen.append(len(images)) or augmented(images, *how)
    )
    (record,) = run_cells(
        digits, (feature,), ("mlp(augment='shift', epochs=8, strength=1, learning_rate=0.01)",)
    )
    n_train = len(tuning.split(digits.train.labels)[0])
    assert sum(seen) == 8 * (n_train + 500)
    assert record.test_accuracy > 0.6


def test_augmented_images_are_standardized_as_the_table(digits, monkeypatch):
    monkeypatch.setattr(augment, "augmented", lambda images, *how: images)
    fitted = workspace.fit_feature("raw", digits, 0)
    table = workspace.compute_tables("raw", digits, fitted).train
    pictured = augment.PicturedTable(table, digits.train.images, fitted.transformer)
    rows = np.arange(500)
    plain, augmented = (
        classifier_of(text).trainer(features, digits.train.labels, rows, 0).train(1.0)[0]
        for text, features in (("mlp(epochs=2)", table), ("mlp(epochs=2, augment='flip')", pictured))
    )
    np.testing.assert_allclose(augmented.predict_proba(table), plain.predict_proba(table), atol=1e-3)


def test_the_widest_kernel_is_tried_on_few_images(digits, monkeypatch):
    """Strength and gamma are chosen from a subset of the images to learn from."""
    sizes = []
    solution = wide._Solver._solution
    monkeypatch.setattr(
        wide._Solver,
        "_solution",
        lambda self, name, parameters, n: sizes.append(n) or solution(self, name, parameters, n),
    )
    monkeypatch.setattr(tuning, "MAX_TUNING_IMAGES", 200)
    monkeypatch.setattr(tuning, "LARGE_VALIDATION_SHARE", 0.2)
    run_cells(digits, ("raw",), ("kernel-ridge",))
    assert sizes[-2:] == [len(tuning.split(digits.train.labels)[0]), 500]
    train_rows, _ = tuning.split(digits.train.labels)
    assert set(sizes[:-2]) == {len(tuning.draw_rows(train_rows, digits.train.labels, 0))}
    assert 190 < sizes[0] < 210
    assert len(sizes) <= 2 * classifiers.MOST_TRIED + 1


def test_the_list_names_options():
    text = CliRunner().invoke(main, ["compare", "--list"]).output
    assert "mlp(hidden=(256, 128))" in text
    for option in ("activation", "dropout", "augment", "n_neighbors", "gamma, strength"):
        assert option in text


def test_versions_of_one_classifier_are_told_apart_in_the_answer(digits):
    result = compare.run(
        {
            part: list(zip(s.images, s.labels.tolist(), strict=True))
            for part, s in zip(("train", "test"), digits, strict=True)
        },
        features="raw",
        classifiers="softmax(strength=1), mlp(hidden=(20,), epochs=2, strength=1)",
        n_seeds=1,
        cache=False,
    )
    assert "softmax regression (strength=1)" in result.answer[0] or "Pixels with softmax" in result.answer[0]
    assert "mlp(hidden=(20,), epochs=2, strength=1)" in " ".join(result.answer)
    assert imfeat.__version__


def test_neighbours_are_at_most_the_images(rng):
    images = rng.integers(0, 256, (24, 4, 4, 3), np.uint8)
    labels = np.arange(24) % 2
    images[labels == 1] //= 4
    data = DataSet(*(ImageSet(images, labels.astype(np.int64), ("a", "b")) for _ in range(2)))
    (record,) = run_cells(data, ("raw",), ("knn",))
    assert record.test_accuracy > 0.9
    assert classifier_of("knn").build(100, 18, 0).n_neighbors == 18
    assert classifier_of("knn(n_neighbors=100)").build(100, 18, 0).n_neighbors == 100


def test_only_squared_weights_are_learned_in_the_span_of_the_images():
    for text in ("softmax(strength=3)", "logreg(C=1)", "mlp(dropout=0.1)"):
        assert classifier_of(text).in_span
    for text in ("softmax(penalty='l1')", "logreg(l1_ratio=0.5)", "mlp(augment='flip')", "knn(p=1)"):
        assert not classifier_of(text).in_span


def test_weights_of_classes_are_options():
    classifiers.check("softmax(class_weight={7: 2.0})")
    assert classifier_of("softmax(class_weight={7: 2.0})").build(1.0, 9, 0).class_weight == {7: 2.0}


class Every(TransformerMixin, BaseEstimator):
    """Every so many pixels."""

    def __init__(self, step=4):
        self.step = step

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, :: self.step, :: self.step].reshape(len(X), -1).astype(np.float32)


def test_registered_features_have_options(registers, digits):
    compare.register("every", Every(), title="some pixels")
    records = run_cells(digits, ("every", "every(step=2)", "every(step=2)+raw"), ("ridge(strength=10)",))
    assert [record.n_features for record in records] == [12, 48, 240]
    with pytest.raises(ValueError, match="unknown option 'steps' of feature 'every'; its options are step"):
        compare.run("photos", features="every(steps=2)")


@pytest.mark.parametrize("shape", ["(n, h, w)", "(n, h, w, 1)", "mapping"])
def test_gray_images_are_compared(digits, tmp_path, shape):
    (x_train, y_train), (x_test, y_test) = ((part.images[..., 0], part.labels) for part in digits)
    source = tmp_path / "digits.npz"
    if shape == "mapping":
        source = {
            "train": list(zip(x_train, y_train.tolist(), strict=True)),
            "test": list(zip(x_test[..., None], y_test.tolist(), strict=True)),
        }
    else:
        axis = ... if shape == "(n, h, w)" else (..., None)
        np.savez(source, x_train=x_train[axis], y_train=y_train, x_test=x_test[axis], y_test=y_test)
    further = ", equalize, gray, dalal-triggs, lbp, uoctti, words(n_words=9)" if shape == "(n, h, w)" else ""
    names = f"raw{further}"
    rows = "ridge, mlp(epochs=2)"
    result = compare.run(source, features=names, classifiers=rows, n_seeds=1, cache=False, shifts=True)
    assert len(result.records) == (14 if further else 2)
    assert "color-cast" not in result.settings["shifts"]
    assert "noise" in result.settings["shifts"]
    assert result.settings["gray"]
    result.write(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "All images are gray: no feature of colour takes part." in page
    assert "What the models look at" in page
    pictures = [cell.templates for cell in result.cells if cell.record.feature == "raw"]
    assert [len(images) for images in pictures] == [10, 16]  # classes, and hidden units
    for images in pictures:
        np.testing.assert_array_equal(images, np.repeat(images[..., :1], 3, -1))
        assert set(np.abs(images.astype(int) - 127.5).max((1, 2, 3))) <= {126.5, 127.5}


@pytest.mark.parametrize(
    "name", ["color", "hog(cell_size=4)+palette", "fusion", "local-color", "fisher-color-4"]
)
def test_features_of_colour_say_that_they_need_it(digits, tmp_path, name):
    source = {
        part: list(zip(s.images[..., 0], s.labels.tolist(), strict=True))
        for part, s in zip(("train", "test"), digits, strict=True)
    }
    with pytest.raises(
        ValueError, match="needs colour, and all images of the data set are gray; choose among raw"
    ):
        compare.run(source, features=("raw", name), classifiers="ridge", n_seeds=1)


def test_the_default_features_of_gray_images_are_those_without_colour(digits, monkeypatch, tmp_path):
    source = {
        part: list(zip(s.images[..., 0], s.labels.tolist(), strict=True))
        for part, s in zip(("train", "test"), digits, strict=True)
    }
    options = RECIPES["words"].options
    few = lambda size: options(size) | {"n_words": 9, "n_patches": 1000}  # noqa: E731
    monkeypatch.setitem(RECIPES, "words", dataclasses.replace(RECIPES["words"], options=few))
    result = compare.run(source, classifiers="ridge", n_seeds=1, cache=False, folder=tmp_path)
    assert [r.feature for r in result.records] == ["raw", "equalized", "dalal-triggs", "words"]
    assert not ImageSet(np.eye(3, dtype=np.uint8)[None, None], np.array([0]), ("a",)).is_gray


def test_scores_of_kernels_are_fused(digits, monkeypatch):
    parts = tuple(
        dataclasses.replace(RECIPES["words"], name=name, options=options, coded=False, pattern=None)
        for name, options in (("fisher-sift", {"n_words": 8}), ("fisher-color", {"n_words": 12}))
    )
    for part in parts:
        monkeypatch.setitem(RECIPES, part.name, part)
    monkeypatch.setitem(RECIPES, "fusion", dataclasses.replace(RECIPES["fusion"], fuses=parts))
    records = run_cells(digits, ("fusion",), ("kernel-ridge",))
    assert [record.feature for record in records] == ["fisher-sift", "fisher-color", "fusion"]
    assert records[-1].test_accuracy > 0.5


def test_strengths_that_are_too_small_for_kernels_are_not_chosen(digits, monkeypatch):
    small = tuple(strength * 1e-7 for strength in classifiers.KERNEL_STRENGTHS)
    images = np.concatenate([digits.train.images[:250]] * 2)  # equal images: a matrix without an inverse
    labels = np.concatenate([digits.train.labels[:250]] * 2)
    twice = DataSet(dataclasses.replace(digits.train, images=images, labels=labels), digits.test)
    monkeypatch.setitem(
        CLASSIFIERS, "kernel-ridge", dataclasses.replace(CLASSIFIERS["kernel-ridge"], strengths=(1.0, *small))
    )
    (record,) = run_cells(twice, ("raw",), ("kernel-ridge",))
    assert record.test_accuracy > 0.7
    assert record.strength == 1


def test_kernels_are_solved_from_tables_in_half_of_the_memory(digits, monkeypatch):
    (whole,) = run_cells(digits, ("raw",), ("kernel-ridge",))
    monkeypatch.setattr("imfeat.compare.tables.MOST_BYTES", 1000)
    monkeypatch.setattr("imfeat.compare.tables.COLUMNS_AT_ONCE", 50)
    monkeypatch.setattr("imfeat.compare.wide_scores.ROWS_AT_ONCE", 70)
    (half,) = run_cells(digits, ("raw",), ("kernel-ridge",))
    assert half.feature_bytes == whole.feature_bytes
    assert half.test_accuracy == pytest.approx(whole.test_accuracy, abs=0.02)
    assert half.train_accuracy == pytest.approx(whole.train_accuracy, abs=0.02)


@pytest.mark.parametrize("feature", ["raw", "words(n_words=9)"])
def test_a_table_in_another_order_is_that_of_its_rows(digits, feature, monkeypatch):
    fitted = workspace.fit_feature(feature, digits, 0)
    order = np.random.default_rng(0).permutation(500)[:300]
    for most_bytes in (1 << 30, 1000):
        monkeypatch.setattr("imfeat.compare.tables.MOST_BYTES", most_bytes)
        table = workspace.compute_tables(feature, digits, fitted).train
        ordered = tables.OrderedTable(table, order)
        np.testing.assert_array_equal(ordered[:], table[:][order])
        np.testing.assert_array_equal(ordered[3:9], table[:][order][3:9])
        np.testing.assert_array_equal(ordered.columns(slice(2, 7)), table[:][order, 2:7])
        np.testing.assert_array_equal(ordered.take(np.array([5, 1]))[:], table[:][order[[5, 1]]])
        assert (len(ordered), tables.bytes_of_row(ordered)) == (300, tables.bytes_of_row(table))

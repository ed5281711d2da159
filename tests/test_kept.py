"""Models that a comparison can't keep, and what it says and keeps instead."""

import pytest
from test_flips import data, quick, source  # noqa: F401
from test_folds import folder as folds_source  # noqa: F401

import imfeat
from imfeat import compare
from imfeat.compare import kept, wide_scores

BOOSTING = "hist-gradient-boosting"
HOW = {"n_seeds": 1, "cache": False}


def test_a_kernel_on_parts_that_are_computed_one_by_one_has_a_pipeline(source, data, monkeypatch):  # noqa: F811
    monkeypatch.setattr("imfeat.compare.wide.MOST_COLUMNS", 100)
    result = compare.run(source, features="raw+tuned-color", classifiers="kernel-ridge", **HOW)
    predicted = result.best().predict(data.test.images)
    assert (predicted == data.test.labels).mean() == result.records[0].test_accuracy


def test_a_kernel_on_too_many_numbers_has_no_file_which_is_said(source, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(wide_scores, "MOST_BYTES", 4 * 90 * (256 + 768) - 1)
    monkeypatch.setattr("imfeat.compare.wide.MOST_COLUMNS", 100)
    result = compare.run(
        source, features="raw+tuned-color", classifiers="kernel-ridge", folder=tmp_path, **HOW
    )
    name = "pixels + colour in regions with ridge regression with a Gaussian kernel"
    reason = "it would hold the features of all training images, 0.0 GB; at most "
    assert result.answer[-1].startswith(f"The model of {name} is not kept ({reason}")
    assert result.answer[-1].endswith("; none is.")
    assert not (tmp_path / kept.BEST).exists()
    result.write(tmp_path)
    with pytest.raises(FileNotFoundError, match=reason):
        compare.Result.read(tmp_path).best()


@pytest.mark.parametrize("keep", ["best", "all"])
def test_the_best_model_that_can_be_kept_is_kept_instead(source, data, tmp_path, monkeypatch, keep):  # noqa: F811
    def ranked(records):
        return sorted(compare.answer.by_pair(records), key=lambda pair: pair[1] != BOOSTING)

    monkeypatch.setattr(compare, "ranked", ranked)  # the one that has no file is the best
    how = {"features": "tuned-color", "classifiers": f"ridge,{BOOSTING}", "folder": tmp_path, "keep": keep}
    result = compare.run(source, **how, **HOW)
    assert result.answer[-1] == (
        "The model of colour in regions with gradient boosting of trees on histograms is not kept "
        "('pipeline/classifier' in the model is a HistGradientBoostingClassifier of "
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting, which can't be saved); "
        "that of colour in regions with ridge regression, the best of the others, is."
    )
    model = imfeat.load_model(tmp_path / kept.BEST)
    assert model.about["classifier"] == "ridge"
    assert model.about["accuracy"] == result.records[0].test_accuracy
    assert compare.resume(tmp_path, cache=False).answer == result.answer


def test_a_fusion_of_models_that_are_not_kept_is_measured_all_the_same(source, tmp_path):  # noqa: F811
    result = compare.run(source, features="fusion-2", classifiers=BOOSTING, folder=tmp_path, **HOW)
    assert [record.feature for record in result.records][-1] == "fusion-2"
    with pytest.raises(
        FileNotFoundError, match="that of fisher-sift-2 with hist-gradient-boosting is not kept"
    ):
        result.pipeline("fusion-2", BOOSTING)


def test_folds_learn_again_with_the_best_that_can_be_kept(folds_source, tmp_path, monkeypatch):  # noqa: F811
    def ranked(records):
        return sorted(compare.answer.by_pair(records), key=lambda pair: pair[1] != BOOSTING)

    monkeypatch.setattr(compare, "ranked", ranked)
    monkeypatch.setattr(compare.running, "ranked", ranked)
    how = {"features": "tuned-color", "classifiers": f"ridge,{BOOSTING}", "folder": tmp_path}
    result = compare.run(folds_source, **how, **HOW, folds=3)
    assert "that of colour in regions with ridge regression, the best of the others, is." in result.answer[-1]
    assert imfeat.load_model(tmp_path / kept.BEST).about["classifier"] == "ridge"

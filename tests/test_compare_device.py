"""`imfeat compare --device cuda`, without a GPU: kernels run on the CPU, by stand-ins of `tests.device`."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from imfeat_kernels.cuda import launch
from sklearn.pipeline import FeatureUnion, make_pipeline
from test_compare import data, quick, registers, source  # noqa: F401  # fixtures

import imfeat
from imfeat import compare
from imfeat.cli import main
from imfeat.compare import cache, workspace
from imfeat.estimators import _base
from imfeat.models.device import on_device
from tests import device, ptx

pytestmark = pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")

FEATURES = ("raw", "tuned-color+hog(cell_size=4)", "words(n_words=5, n_patches=500)")
HOW = {"features": FEATURES, "classifiers": "ridge", "n_seeds": 1}


@pytest.fixture
def gpu():
    with device.on_host() as runs:
        yield runs


@pytest.fixture(scope="module")
def on_gpu(source, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("gpu") / "run"
    with device.on_host() as runs:
        result = compare.run(source, **HOW, device="cuda", folder=folder)
    assert runs.launched
    return result


LEARNED = (
    "words(n_words=5, n_patches=500)",
    "patches-6(n_patches=500)+raw",
    "fisher-sift-2(n_descriptors=500)",
    "palette(n_colors=4)",
)


@pytest.mark.parametrize("name", LEARNED)
def test_features_learn_on_the_gpu_what_they_learn_on_the_cpu(data, gpu, name):  # noqa: F811
    found = workspace.fit_feature(name, data, 0, "cuda")
    assert gpu.launched
    n_launched = len(gpu.launched)
    expected = workspace.fit_feature(name, data, 0)
    images = data.test.images
    ours, theirs = (fitted.transformer.transform(images) for fitted in (found, expected))
    assert len(gpu.launched) == n_launched  # what was learned there is computed with on the CPU
    assert found.n_features == expected.n_features
    np.testing.assert_allclose(ours, theirs, atol=2e-2)
    assert np.abs(ours - theirs).mean() < 1e-3 * np.abs(theirs).max()  # roots of differences near 0 are few


def test_many_training_images_are_learned_from_on_the_cpu(data, gpu, monkeypatch):  # noqa: F811
    monkeypatch.setattr(workspace, "BYTES_ON_GPU", data.train.images.nbytes - 1)
    workspace.fit_feature(LEARNED[0], data, 0, "cuda")
    assert not gpu.launched


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("halves", [False, True])
def test_tables_agree_with_those_of_the_cpu(data, gpu, monkeypatch, name, halves):  # noqa: F811
    monkeypatch.setattr(_base, "PIXELS_ON_GPU", 40 * 16 * 16)  # three batches
    if halves:
        monkeypatch.setattr("imfeat.compare.tables.MOST_BYTES", 1)
    fitted = workspace.fit_feature(name, data, 0)
    expected = workspace.compute_tables(name, data, fitted)
    assert not gpu.launched
    found = workspace.compute_tables(name, data, fitted, "cuda")
    assert gpu.launched
    for ours, theirs in ((found.train, expected.train), (found.test, expected.test)):
        np.testing.assert_allclose(ours[:], theirs[:], atol=0.05 if halves else 1e-3)


def test_codes_of_large_features_are_those_of_the_cpu(data, gpu):  # noqa: F811
    name = "fisher-sift-2"
    fitted = workspace.fit_feature(name, data, 0)
    expected = workspace.compute_tables(name, data, fitted)
    found = workspace.compute_tables(name, data, fitted, "cuda")
    assert np.mean(found.test.codes == expected.test.codes) > 0.95  # but for rounding


def test_a_run_gives_the_accuracies_of_the_cpu_and_says_its_device(source, on_gpu, tmp_path):  # noqa: F811
    expected = compare.run(source, **HOW, folder=tmp_path)
    for ours, theirs in zip(on_gpu.records, expected.records, strict=True):
        assert ours.test_accuracy == pytest.approx(theirs.test_accuracy, abs=0.04)
    assert on_gpu.settings["device"] == "cuda"
    assert "device" not in expected.settings
    assert "device" not in json.loads((tmp_path / "request.json").read_text())
    on_gpu.write(tmp_path / "gpu")
    assert "<dt>device</dt><dd>cuda</dd>" in (tmp_path / "gpu" / "report.html").read_text()
    assert "computed on a GPU" in (tmp_path / "gpu" / "results.md").read_text()


def test_kept_models_compute_on_the_cpu(data, on_gpu):  # noqa: F811
    pipeline = on_gpu.best()
    assert pipeline.predict(data.test.images).shape == (60,)  # without a GPU


def test_what_is_resumed_stays_on_its_device(source, on_gpu, gpu):  # noqa: F811
    folder = on_gpu.models.folder
    assert json.loads((folder / "request.json").read_text())["device"] == "cuda"
    assert compare.resume(folder).settings["device"] == "cuda"
    with pytest.raises(FileExistsError, match="holds a run of other device"):
        compare.run(source, **HOW, folder=folder)


def test_parts_and_folds_are_described_on_the_gpu(data):  # noqa: F811
    whole = workspace.Workspace(data, device="cuda")
    assert whole.part(30, 0).device == "cuda"
    assert whole.other("fold", data.train, data.test).device == "cuda"


@pytest.mark.parametrize("n_columns", [1, 40_000])  # more make products of images of them
def test_all_images_are_described_on_the_gpu(source, gpu, monkeypatch, n_columns):  # noqa: F811
    on_cpu = []
    encode = imfeat.RawPixels._encode

    def encodes(self, images):
        if isinstance(images, np.ndarray) and len(images) > 2:  # one or two to compile and to learn the shape
            on_cpu.append(len(images))
        return encode(self, images)

    monkeypatch.setattr(imfeat.RawPixels, "_encode", encodes)
    monkeypatch.setattr("imfeat.compare.wide.MOST_COLUMNS", n_columns)
    how = {"features": "raw", "n_seeds": 1, "shifts": True, "device": "cuda", "cache": False}
    result = compare.run(source, classifiers="ridge, mlp(augment='flip', epochs=1)", **how)
    assert all(record.shifts for record in result.records)
    assert not on_cpu


def test_the_cache_tells_devices_apart(data, tmp_path, gpu):  # noqa: F811
    how = {"cache": cache.Cache(tmp_path), "content": "content"}
    here, there = (workspace.Workspace(data, **how, device=where) for where in ("cpu", "cuda"))
    assert here._key("features", "raw", 0) != there._key("features", "raw", 0)
    assert here._key("learned", "raw", 0) == there._key("learned", "raw", 0)
    assert here._key("learned", "words", 0) != there._key("learned", "words", 0)


def test_copies_of_transformers_compute_elsewhere_and_share_what_they_hold(data):  # noqa: F811
    union = FeatureUnion([("hog", imfeat.HOG()), ("raw", imfeat.RawPixels())]).fit(data.train.images)
    pipeline = make_pipeline(union, "passthrough")
    there = on_device(pipeline, "cuda")
    assert [member.device for _, member in there[0].transformer_list] == ["cuda", "cuda"]
    assert [member.device for _, member in union.transformer_list] == ["cpu", "cpu"]
    assert there[1] is pipeline[1]
    assert on_device(pipeline, "cpu") is pipeline


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "raw, lbp"}, "'lbp' is not computed on a GPU: take device='cpu', or .*hog"),
        ({"features": "hog+lbp"}, r"'hog\+lbp' is not computed on a GPU"),
        ({"features": "mine"}, "'mine' is not computed on a GPU"),
        ({"device": "gpu"}, "device must be one of 'cpu', 'cuda', got 'gpu'"),
    ],
)
@pytest.mark.usefixtures("registers", "gpu")
def test_what_is_not_computed_on_a_gpu_is_refused_before_the_run(tmp_path, monkeypatch, options, message):
    monkeypatch.setattr(imfeat.LBP, "computes_on_gpu", False)
    compare.register("mine", make_pipeline(imfeat.HOG()))
    wanted = {"features": "hog", "device": "cuda"} | options
    with pytest.raises(ValueError, match=message):
        compare.run("nowhere", **wanted, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_without_cuda_the_command_says_why_as_info_does(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "reason", lambda: "no driver")
    done = CliRunner().invoke(main, ["compare", "--device", "cuda", "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert f"device='cuda' can't be used: {imfeat._device.why_unavailable()}" in done.output
    assert not (tmp_path / "run").exists()


def test_the_command_takes_the_device_from_a_file(source, tmp_path, gpu):  # noqa: F811
    config = tmp_path / "mine.toml"
    config.write_text('device = "cuda"\nfeatures = "raw"\nclassifiers = "ridge"\nseeds = 1\n')
    arguments = ["compare", "--config", config, "--data", source, "--out", tmp_path / "out", "--no-cache"]
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert gpu.launched
    assert json.loads((tmp_path / "out" / "results.json").read_text())["settings"]["device"] == "cuda"


def test_a_classifier_is_trained_with_features_of_the_gpu(source, data, tmp_path, gpu):  # noqa: F811
    arguments = ["train", source, "--feature", "raw", "--classifier", "ridge", "--device", "cuda"]
    done = CliRunner().invoke(main, [*map(str, arguments), "--out", str(tmp_path / "mine.safetensors")])
    assert done.exit_code == 0, done.output
    n_launched = len(gpu.launched)
    assert n_launched
    model = imfeat.load_model(tmp_path / "mine.safetensors")
    expected = imfeat.train(source, "raw", "ridge")
    np.testing.assert_allclose(
        model.predict_proba(data.test.images), expected.predict_proba(data.test.images), atol=1e-3
    )
    assert len(gpu.launched) == n_launched  # the model computes on the CPU

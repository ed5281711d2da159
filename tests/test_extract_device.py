"""`imfeat extract --device cuda`, without a GPU: kernels run on the CPU, in the process of the run.

Processes are forked, and inherit the stand-ins of `tests.device`.
"""

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from click.testing import CliRunner
from imfeat_kernels.cuda import launch
from pictures import PHOTO, as_file, bytes_of, crop, write_folder
from sklearn.pipeline import FeatureUnion, make_pipeline

import imfeat
from imfeat import extract
from imfeat.cli import main
from imfeat.extract import gpu, images, worker
from imfeat.extract.plan import Plan
from tests import device, ptx

pytestmark = [
    pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are not forked"),
]

FEATURES = "hog, color, tuned-color+lbp, raw, vlad(n_words=3)"
HOW = {"size": 32, "shard_size": 4, "n_workers": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """11 images in three classes, and one broken file."""
    root = tmp_path_factory.mktemp("images")
    write_folder(root, 11)
    (root / "class1" / "0004b.jpg").write_bytes(as_file(crop(4), "JPEG")[:300])
    return root


@pytest.fixture(scope="module")
def on_cpu(folder, tmp_path_factory):
    return extract.run(folder, FEATURES, tmp_path_factory.mktemp("cpu") / "out", **HOW)


@pytest.fixture(scope="module")
def on_gpu(folder, tmp_path_factory):
    with device.on_host():
        return extract.run(folder, FEATURES, tmp_path_factory.mktemp("gpu") / "out", device="cuda", **HOW)


def test_rows_agree_with_those_of_the_cpu(on_cpu, on_gpu):
    assert on_gpu.rows() == on_cpu.rows()
    assert on_gpu.n_errors == 1
    assert list(on_gpu.names) == list(on_cpu.names)
    for name in on_cpu.names:
        assert on_gpu[name].dtype == np.float32
        np.testing.assert_allclose(on_gpu[name], on_cpu[name], atol=2e-3 if "vlad" in name else 1e-5)


def test_the_device_is_a_setting_where_it_is_a_gpu(on_cpu, on_gpu):
    assert on_gpu.settings["device"] == "cuda"
    assert "device" not in on_cpu.settings
    assert (Plan(on_cpu.folder).device, Plan(on_gpu.folder).device) == ("cpu", "cuda")


def test_a_run_is_resumed_on_the_same_device_alone(folder, on_cpu, on_gpu, tmp_path):
    expected = bytes_of(on_gpu.folder)
    out = shutil.copytree(on_gpu.folder, tmp_path / "out")
    for path in out.glob("*/000001.*"):
        path.unlink() if path.parent.name != "plan" else None
    with device.on_host():
        extract.resume(out)
        assert bytes_of(out) == expected
        with pytest.raises(ValueError, match="holds a run with device='cpu', not 'cuda'"):
            extract.run(folder, FEATURES, on_cpu.folder, resume=True, device="cuda", **HOW)
    with pytest.raises(ValueError, match="holds a run with device='cuda', not 'cpu'"):
        extract.run(folder, FEATURES, out, resume=True, **HOW)


def test_images_of_their_own_size_are_described_on_a_gpu(tmp_path):
    for k, (height, width) in enumerate([(60, 80), (83, 61), (60, 80), (7, 90)]):
        pixels = PHOTO[10 * k : 10 * k + height, 20 * k : 20 * k + width]
        (tmp_path / f"{k}.png").write_bytes(as_file(pixels, "PNG"))
    features = ["hog", "color"]
    how = {"size": "original", "n_workers": 1}
    expected = extract.run(tmp_path, features, tmp_path / "cpu", **how)
    with device.on_host():
        found = extract.run(tmp_path, features, tmp_path / "gpu", device="cuda", **how)
    assert found.rows() == expected.rows()
    assert found.n_errors == 1
    for name in features[1:]:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-4)
    for ours, theirs in zip(found.arrays("hog"), expected.arrays("hog"), strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_model_files_describe_images_on_a_gpu(folder, on_gpu, tmp_path):
    (model,) = on_gpu.folder.glob("models/*.safetensors")
    path = shutil.copy(model, tmp_path / "mine.safetensors")
    with device.on_host():
        found = extract.run(folder, [path], tmp_path / "out", device="cuda", **HOW)
    np.testing.assert_array_equal(found["mine"], on_gpu["vlad(n_words=3)"])


@pytest.mark.parametrize(
    "feature",
    [
        *("words(n_words=4)", "palette(n_colors=5)"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("fisher-sift-2", "patches-6")),
    ],
)
def test_features_are_learned_on_a_gpu_from_the_descriptors_that_the_cpu_draws(folder, tmp_path, feature):
    how = HOW | {"per_image": 20}
    expected = extract.codebook(folder, feature, tmp_path / "cpu.safetensors", **how)
    with device.on_host():
        found = extract.codebook(folder, feature, tmp_path / "gpu.safetensors", device="cuda", **how)
    pictures = np.stack([crop(k)[:32, :32] for k in range(4)])
    np.testing.assert_allclose(found.transform(pictures), expected.transform(pictures), atol=2e-2)
    assert not (tmp_path / "gpu.safetensors.work").exists()


def test_all_passes_of_a_fit_are_tasks_of_one_process():
    with device.on_host(), gpu.tasks_of(gpu.CudaProcess(1), None) as tasks:
        processes = {result for _ in range(3) for _, result in tasks.run(process_of_task, range(4))}
    assert len(processes) == 1
    assert processes != {os.getpid()}


def process_of_task(shard):
    return os.getpid()


def test_what_learns_in_a_process_that_dies_is_learned_by_another(tmp_path):
    died = tmp_path / "died"
    with device.on_host(), gpu.tasks_of(gpu.CudaProcess(1), None) as tasks:
        results = dict(tasks.run(functools.partial(dies_once, died), range(3)))
    assert results == {0: 0, 1: 1, 2: 2}
    assert died.exists()


def dies_once(died, shard):
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return shard


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    pixels = np.stack([crop(k)[:32, :32] for k in range(12)])
    model = imfeat.ImageClassifier(
        make_pipeline(
            FeatureUnion([("hog", imfeat.HOG()), ("color", imfeat.ColorHistogram())]),
            imfeat.learn.RidgeClassifier(),
        ),
        size=32,
    ).fit(pixels, np.arange(12) % 3)
    path = tmp_path_factory.mktemp("models") / "mine.safetensors"
    imfeat.save_model(path, model)
    return path


def test_classes_are_predicted_by_features_of_a_gpu(folder, classifier, tmp_path):
    expected = extract.predict(classifier, folder, tmp_path / "cpu.csv", shard_size=4)
    arguments = ["predict", classifier, folder, "--device", "cuda", "--out", tmp_path / "gpu.csv"]
    with device.on_host():
        done = CliRunner().invoke(main, [*map(str, arguments), "--shard-size", "4"])
    assert done.exit_code == 0, done.output
    found, wanted = (
        list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines())) for name in ("gpu", "cpu")
    )
    assert [row["path"] for row in found] == [row["path"] for row in wanted]
    assert [row["class"] for row in found] == [row["class"] for row in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        if theirs["class"]:
            assert float(ours["probability"]) == pytest.approx(float(theirs["probability"]), abs=1e-4)
    assert expected.n_errors == 1


def test_models_whose_features_are_not_computed_on_a_gpu_are_refused(
    folder, classifier, tmp_path, monkeypatch
):
    monkeypatch.setattr(imfeat.HOG, "computes_on_gpu", False)
    with device.on_host(), pytest.raises(ValueError, match=r"features of .* are not computed on a GPU: take"):
        extract.predict(classifier, folder, tmp_path / "out.csv", device="cuda")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(imfeat.BagOfVisualWords, "computes_on_gpu", False)
    with device.on_host(), pytest.raises(ValueError, match="'words' is not computed on a GPU"):
        extract.codebook(folder, "words", tmp_path / "words.safetensors", device="cuda")
    assert not list(tmp_path.iterdir())


def test_images_in_memory_are_described_on_a_gpu():
    pictures = [crop(k)[:40, :32] for k in range(7)]
    how = {"size": 32, "batch_size": 3, "n_threads": 2}
    expected = list(extract.transform(pictures, "hog, color", **how))
    with device.on_host() as runs:
        found = list(extract.transform(pictures, "hog, color", device="cuda", **how))
    assert runs.launched
    assert [len(batch["hog"]) for batch in found] == [3, 3, 1]
    for ours, theirs in zip(found, expected, strict=True):
        for name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], atol=1e-5)


def test_without_cuda_images_in_memory_and_codebooks_say_why(folder, classifier, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "reason", lambda: "no driver")
    for call in (
        lambda: extract.transform([], "hog", device="cuda"),
        lambda: extract.codebook(folder, "words", tmp_path / "out", device="cuda"),
        lambda: extract.predict(classifier, folder, tmp_path / "out.csv", device="cuda"),
    ):
        with pytest.raises(imfeat._device.CudaUnavailableError, match="device='cuda' can't be used"):
            call()
    assert not list(tmp_path.iterdir())


def test_quantizers_of_commands_learn_on_the_cpu(tmp_path):
    arguments = ["codebook", str(tmp_path), "--quantize", "hog", "--device", "cuda", "--out", "out"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "--quantize learns on the CPU: leave --device out" in done.output


def test_images_of_a_task_are_decoded_ahead_and_copied_once(folder, on_gpu, tmp_path, monkeypatch):
    out = shutil.copytree(on_gpu.folder, tmp_path / "out")
    for path in [*out.glob("receipts/*"), *out.glob("shards/*")]:
        path.unlink()
    uploads, n_images = [], []
    read_batches, compute = worker.read_batches, worker.compute
    n_reads = threading.Semaphore(0)

    def reads(items, *how):
        n_reads.release()
        yield from read_batches(items, *how)

    def computes(extractors, batch, *where):
        if not n_images:
            assert n_reads.acquire(timeout=20)
            assert n_reads.acquire(timeout=20), "the next shard is not decoded meanwhile"
        n_images.append(len(batch))
        before = len(uploads)
        try:
            return compute(extractors, batch, *where)
        finally:
            assert uploads[before:].count(batch.nbytes) == 1

    original = device.HostCaller.upload
    monkeypatch.setattr(worker, "read_batches", reads)
    monkeypatch.setattr(worker, "compute", computes)
    monkeypatch.setattr(
        device.HostCaller, "upload", lambda *a: [uploads.append(a[1].nbytes), original(*a)][1]
    )
    with device.on_host():
        receipts = worker.extract_shards(str(out), range(3))
    worker._columns.cache_clear()
    assert list(receipts) == [0, 1, 2]
    assert sum(n_images) == 11
    assert bytes_of(out / "shards") == bytes_of(on_gpu.folder / "shards")


@pytest.mark.parametrize("images_a_task", [1, 8])
def test_the_division_into_tasks_changes_no_byte(folder, on_gpu, tmp_path, monkeypatch, images_a_task):
    monkeypatch.setattr(gpu, "IMAGES_A_TASK", images_a_task)
    with device.on_host():
        extract.run(folder, FEATURES, tmp_path / "out", device="cuda", **HOW)
    assert bytes_of(tmp_path / "out") == bytes_of(on_gpu.folder)


def test_a_process_that_dies_is_replaced(folder, on_gpu, tmp_path, monkeypatch):
    extract_shards = worker.extract_shards
    died = tmp_path / "died"

    def dies_once(*task):
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return extract_shards(*task)

    monkeypatch.setattr(dies_once, "__qualname__", "extract_shards")
    monkeypatch.setattr(dies_once, "__module__", gpu.__name__)
    monkeypatch.setattr(gpu, "extract_shards", dies_once)
    with device.on_host():
        extract.run(folder, FEATURES, tmp_path / "out", device="cuda", **HOW)
    assert died.exists()
    assert bytes_of(tmp_path / "out") == bytes_of(on_gpu.folder)


def test_one_process_uses_cuda_and_its_threads_decode(monkeypatch):
    process = gpu.CudaProcess(3)
    with device.on_host(), process.pool() as pool:
        assert pool._max_workers == 1
        assert pool._mp_context.get_start_method() == "fork"
        assert pool.submit(threads_that_decode).result() == 3
    monkeypatch.setattr(launch, "is_initialized", lambda: True)
    with process.pool() as pool:
        assert pool._mp_context.get_start_method() == "spawn"


PROGRAM = """
from imfeat import extract
from imfeat_kernels.cuda import launch
launch.is_initialized = lambda: True
{guard}
    extract.run({source!r}, "color", {out!r}, device="cuda")
"""


@pytest.mark.parametrize(
    ("guard", "message"),
    [
        ("if __name__ == '__main__':", "imfeat._device.CudaUnavailableError: device='cuda' can't be used: "),
        ("if True:", "RuntimeError: the process for device='cuda' could not start"),
    ],
)
def test_a_program_that_uses_cuda_already_starts_the_process_anew(folder, tmp_path, guard, message):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(guard=guard, source=str(folder), out=str(tmp_path / "out")))
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(message), done.stderr


def threads_that_decode():
    return images._threads._max_workers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"features": "hog, lbp"},
            "'lbp' is not computed on a GPU: take device='cpu', or .*hog",
        ),
        ({"device": "gpu"}, "device must be one of 'cpu', 'cuda', got 'gpu'"),
        ({"scheduler": "tcp://10.0.0.1:8786"}, "of this machine: take scheduler='local'"),
    ],
)
def test_what_is_not_computed_on_a_gpu_is_refused_at_the_start(
    folder, tmp_path, monkeypatch, options, message
):
    monkeypatch.setattr(imfeat.LBP, "computes_on_gpu", False)
    wanted = {"features": "hog", "device": "cuda"} | options
    with device.on_host(), pytest.raises(ValueError, match=message):
        extract.run(folder, wanted.pop("features"), tmp_path / "out", **wanted)
    assert not (tmp_path / "out").exists()


def test_a_model_file_that_is_not_computed_on_a_gpu_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(imfeat.PaletteHistogram, "computes_on_gpu", False)
    path = tmp_path / "colors.safetensors"
    imfeat.save_model(path, imfeat.PaletteHistogram(n_colors=4).fit(crop(1)[None]))
    with device.on_host(), pytest.raises(ValueError, match=r"colors\.safetensors' is not computed on a GPU"):
        extract.run(folder, [path], tmp_path / "out", device="cuda", size=crop(1).shape[:2])


def test_without_cuda_the_command_says_why_as_info_does(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "reason", lambda: "no driver")
    arguments = ["extract", folder, "--features", "hog", "--device", "cuda", "--out", tmp_path / "out"]
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 2
    assert "device='cuda' can't be used: " in done.output
    assert imfeat._device.why_unavailable() in done.output
    assert not (tmp_path / "out").exists()


def test_the_command_runs_on_a_pretended_driver(folder, tmp_path):
    pytest.importorskip("cuda.core", reason="cuda.core is not installed: pip install -e '.[cuda,test]'")
    arguments = ["extract", str(folder), "--features", "color", "--size", "32", "--shard-size", "4"]
    arguments += ["--device", "cuda", "--out", str(tmp_path / "out")]
    code = (
        "import json; import numpy as np; import imfeat; from imfeat.cli import main\n"
        "from imfeat._device import is_cuda_initialized\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        "before = is_cuda_initialized()\n"
        "imfeat.to_device(np.zeros(3))\n"
        "print(json.dumps([before, is_cuda_initialized()]))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    command = [sys.executable, "-m", "tests.pretended", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [False, True]  # CUDA was used by the worker alone
    found = extract.open(tmp_path / "out")
    expected = extract.run(folder, "color", tmp_path / "cpu", size=32)
    np.testing.assert_allclose(found["color"], expected["color"], atol=1e-6)

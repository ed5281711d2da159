"""Fits as sums over shards: equal to fits of everything at once, whatever the shards and workers."""

import functools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from pictures import write_folder
from sklearn.linear_model import Ridge

import imfeat
from imfeat import extract
from imfeat._sums import CentroidSums, InMemory, MixtureSums, Moments, WordSums
from imfeat.mixture import m_step, mixture_from_words, variance_floor


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(12, 12))
    return (rng.normal(size=(3000, 12)) @ mixing + 5).astype(np.float32)


@pytest.fixture(scope="module")
def parts(vectors):
    return np.split(vectors, [100, 100, 101, 1700])  # uneven, and an empty one


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    write_folder(root, 60)
    (root / "class0" / "broken.jpg").write_bytes(b"no image")
    return root


def test_moments_add_up_to_mean_and_covariance(vectors, parts):
    total = functools.reduce(Moments.add, map(Moments.of, parts))
    assert total.n == 3000
    np.testing.assert_allclose(total.mean, vectors.mean(0, dtype=np.float64), rtol=1e-12)
    expected = np.cov(vectors.T.astype(np.float64), bias=True)
    np.testing.assert_allclose(total.covariance(), expected, rtol=1e-9, atol=1e-9)


def test_moments_far_from_zero_keep_their_digits():
    far = np.random.default_rng(0).normal(1e4, 1, (2000, 3)).astype(np.float32)
    total = functools.reduce(Moments.add, map(Moments.of, np.split(far, [5, 900])))
    expected = np.cov(far.T.astype(float), bias=True)
    np.testing.assert_allclose(total.covariance(), expected, rtol=1e-8, atol=1e-8)


def test_principal_axes_are_those_of_scikit_learn(vectors, parts):
    from sklearn.decomposition import PCA

    moments = functools.reduce(Moments.add, map(Moments.of, parts))
    axes = moments.principal_axes(5)
    expected = PCA(5).fit(vectors.astype(np.float64))
    np.testing.assert_allclose(moments.mean, expected.mean_, rtol=1e-5)
    np.testing.assert_allclose(np.abs(axes @ expected.components_.T), np.eye(5), atol=1e-5)


def test_steps_of_k_means_over_parts_are_those_of_learn_codebook(vectors, parts):
    words = vectors[:9]
    for _ in range(4):
        sums = functools.reduce(WordSums.add, [WordSums.of(part, words=words) for part in parts])
        words = sums.means(words)
    expected = imfeat.learn_codebook(vectors, 9, start=vectors[:9], n_iterations=4)
    np.testing.assert_allclose(words, expected, rtol=1e-5)


def test_a_word_without_vectors_moves_to_the_farthest(vectors, parts):
    words = np.concatenate([vectors[:3], np.full((1, 12), 1e4, np.float32)])
    sums = functools.reduce(WordSums.add, [WordSums.of(part, words=words) for part in parts])
    distances = ((vectors[:, None] - words) ** 2).sum(2).min(1)
    np.testing.assert_array_equal(sums.means(words)[3], vectors[distances.argmax()])
    assert sums.inertia == pytest.approx(distances.sum(), rel=1e-4)


def test_words_without_vectors_move_to_the_same_vectors_whatever_the_parts(vectors, parts):
    words = np.concatenate([vectors[:2], 1e4 + np.arange(5 * 12, dtype=np.float32).reshape(5, 12)])
    together = WordSums.of(vectors, words=words)
    by_part = functools.reduce(WordSums.add, [WordSums.of(part, words=words) for part in parts])
    assert len(together.far) == np.count_nonzero(together.counts == 0) >= 4
    np.testing.assert_array_equal(together.far, by_part.far)
    np.testing.assert_array_equal(together.means(words)[2:], by_part.means(words)[2:])


def test_steps_of_mixtures_over_parts_are_those_of_learn_mixture(vectors, parts):
    start = imfeat.learn_mixture(vectors, 4, rng=0, n_iterations=1)
    mixture = start
    floor = variance_floor(vectors.var(0, dtype=np.float64))
    for _ in range(3):
        sums = [MixtureSums.of(part, parameters=mixture.parameters) for part in parts]
        mixture = m_step(mixture, functools.reduce(MixtureSums.add, sums), floor)
    expected = imfeat.learn_mixture(vectors, 4, start=start, n_iterations=3)
    np.testing.assert_allclose(mixture.means, expected.means, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(mixture.variances, expected.variances, rtol=1e-4)
    assert mixture_from_words(vectors[:3], 1.0).variances.max() < 1e-3


def test_steps_of_quantizers_over_parts_are_those_of_all_vectors(vectors, parts):
    start = vectors[:8].reshape(8, 3, 4).transpose(1, 0, 2).copy()
    together = imfeat.ProductQuantizer(4, 3, n_iterations=1).fit_sums(
        InMemory(vectors, np.random.default_rng(0)), start
    )
    sums = functools.reduce(CentroidSums.add, [CentroidSums.of(part, centroids=start) for part in parts])
    np.testing.assert_allclose(sums.means(start), together.centroids_, rtol=1e-6)
    assert sums.counts.sum() == 3 * 3000


def test_variances_are_the_diagonal_of_the_covariance(vectors, parts):
    diagonal = functools.reduce(Moments.add, [Moments.of(part, diagonal=True) for part in parts])
    np.testing.assert_allclose(diagonal.covariance(), vectors.var(0, dtype=np.float64), rtol=1e-9)


@pytest.mark.parametrize(
    "feature",
    [
        "patches-40",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("words", "vlad", "fisher-sift-4")),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("fisher-color-4", "palette(n_colors=9)")),
        pytest.param("two-layer-9(n_first_words=9, n_pca=5)", marks=pytest.mark.slow),
    ],
)
def test_one_and_several_workers_learn_the_same_bytes(images, tmp_path, feature):
    options = {"size": 64, "per_image": 30, "shard_size": 16}
    models = []
    for n_workers in (1, 3):
        path = tmp_path / f"{n_workers}.npz"
        models.append(extract.codebook(images, feature, path, n_workers=n_workers, **options))
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "3.npz").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    found = extract.run(images, [str(tmp_path / "1.npz")], tmp_path / "run", size=64)
    assert found.n_errors == 1
    good = ~np.isnan(found["1"][:, 0])
    assert good.sum() == 60
    assert found["1"][good].std() > 0
    assert models[0].transform(np.zeros((1, 64, 64, 3), np.uint8)).shape == (1, found.names["1"])


@pytest.mark.slow
def test_words_are_as_good_as_those_learned_at_once(images, tmp_path):
    """The inertia of patches that neither has seen."""
    shards = extract.codebook(images, "patches-40", tmp_path / "m.npz", size=64, per_image=100, shard_size=16)
    pixels = imfeat.datasets.load("photos").train.images[:200]
    at_once = imfeat.PatchFeatures(n_words=40, n_patches=6000, random_state=0).fit(pixels)
    patches = imfeat.normalize_patches(imfeat.sample_patches(pixels, 6, 2000, rng=9))

    def inertia(words):
        white = shards.whitening_.transform(patches)
        return ((white - words[imfeat.assign(white, words)]) ** 2).sum(1).mean()

    random = shards.whitening_.transform(patches)[:40]
    assert inertia(shards.codebook_) < inertia(random)
    assert at_once.codebook_.shape == shards.codebook_.shape


@pytest.mark.slow
def test_an_interrupted_fit_goes_on_and_ends_the_same(images, tmp_path):
    code = "from sys import argv; from imfeat.extract import codebook; codebook(*argv[1:], shard_size=8)"
    expected, path = tmp_path / "expected.npz", tmp_path / "killed.npz"
    extract.codebook(images, "vlad", expected, shard_size=8)
    for n_states in (1, 5, 9):
        process = subprocess.Popen([sys.executable, "-c", code, images, "vlad", path], start_new_session=True)
        folder = tmp_path / "killed.npz.work"
        while process.poll() is None and len(list(folder.glob("pass-*.npz"))) < n_states:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait(timeout=60)
    extract.codebook(images, "vlad", path, shard_size=8)
    assert path.read_bytes() == expected.read_bytes()


@pytest.mark.slow
def test_the_command_line_learns_and_encodes(images, tmp_path):
    def imfeat_command(*arguments):
        code = "from imfeat.cli import main; main()"
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    options = ("--size", 48, "--shard-size", 16)
    assert "Written to" in imfeat_command(
        *("codebook", images, "--feature", "patches-40", "--out", tmp_path / "a.npz", *options)
    )
    extract.codebook(images, "patches-40", tmp_path / "b.npz", size=48, shard_size=16)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    said = imfeat_command("encode", images, tmp_path / "a.npz", "--out", tmp_path / "run", *options)
    assert "61 images, 1 with errors in " in said
    assert f"Written to {tmp_path / 'run' / 'shards'}: a (720 numbers)\n" in said
    assert extract.open(tmp_path / "run").names == {"a": 720}


@pytest.mark.slow
def test_the_command_line_learns_a_quantizer(tmp_path):
    write_folder(tmp_path / "images", 260)
    run = extract.run(tmp_path / "images", ["color"], tmp_path / "run", size=32)
    code = "from imfeat.cli import main; main()"
    command = [sys.executable, "-c", code, "codebook", run.folder, "--out", tmp_path / "pq.npz", "--quantize"]
    for feature, said in (("color", "Written to"), ("hog", "no feature 'hog'; there are color")):
        done = subprocess.run([*command, feature], capture_output=True, text=True, timeout=120)
        assert said in done.stdout + done.stderr
    expected = extract.learn_quantizer(run.folder, "color").encode(run["color"])
    np.testing.assert_array_equal(extract.load_model(tmp_path / "pq.npz").encode(run["color"]), expected)


@pytest.mark.slow
def test_the_seed_decides(images, tmp_path):
    one, same, other = (
        extract.codebook(images, "patches-40", tmp_path / "m.npz", size=48, seed=seed).codebook_
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("hog", "feature 'hog' learns neither words nor a mixture"),
        ("hogg", "unknown feature 'hogg'"),
        ("words+patches", "learns neither words"),
        ("patches-100000", "descriptors are too few for 100000 words"),
    ],
)
def test_what_cannot_be_learned_is_refused(images, tmp_path, feature, message):
    with pytest.raises(ValueError, match=message):
        extract.codebook(images, feature, tmp_path / "m.npz", per_image=2)


def test_a_model_is_for_images_of_its_size(images, tmp_path):
    extract.codebook(images, "patches-40", tmp_path / "m.npz", size=48)
    with pytest.raises(ValueError, match="give the size that it was learned with"):
        extract.run(images, [str(tmp_path / "m.npz")], tmp_path / "run", size=64)


def test_columns_of_one_name_are_refused(images, tmp_path):
    extract.codebook(images, "patches-40", tmp_path / "hog.npz", size=48)
    (tmp_path / "a").mkdir()
    for name in ("a/hog.npz", "error.npz"):
        (tmp_path / name).write_bytes((tmp_path / "hog.npz").read_bytes())
    both = [str(tmp_path / "hog.npz"), str(tmp_path / "a" / "hog.npz")]
    for features in (["hog", both[0]], both, [str(tmp_path / "error.npz")]):
        with pytest.raises(ValueError, match="names of their own"):
            extract.run(images, features, tmp_path / "run", size=48)


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
    return extract.run(images, ["tuned-color"], tmp_path_factory.mktemp("run") / "out", shard_size=16)


def test_quantizers_are_learned_over_shards(run):
    options = {"bits": 4, "n_iterations": 4}
    one, three = (extract.learn_quantizer(run.folder, "tuned-color", n_workers=n, **options) for n in (1, 3))
    np.testing.assert_array_equal(one.centroids_, three.centroids_)
    features = run["tuned-color"][~np.isnan(run["tuned-color"][:, 0])]
    at_once = imfeat.ProductQuantizer(bits=4, n_iterations=4, rng=0).fit(features)

    def lost(model):
        return ((features - model.decode(model.encode(features))) ** 2).sum()

    assert lost(one) < 1.1 * lost(at_once)
    with pytest.raises(ValueError, match=r"60 images are too few to learn 2\*\*bits = 256"):
        extract.learn_quantizer(run.folder, "tuned-color")
    with pytest.raises(KeyError, match="no feature 'hog'; there are tuned-color"):
        extract.learn_quantizer(run.folder, "hog")


def test_ridge_classifiers_are_learned_over_shards(run):
    labels = np.array([row["path"].split("/")[-2] for row in run.rows()])
    one, three = (extract.learn_ridge(run.folder, "tuned-color", labels, n_workers=n) for n in (1, 3))
    np.testing.assert_array_equal(one.coef_, three.coef_)
    good = ~np.isnan(run["tuned-color"][:, 0])
    x, y = run["tuned-color"][good].astype(np.float64), labels[good]
    expected = Ridge(1.0).fit(x, np.where(y[:, None] == one.classes_, 1.0, -1.0))
    np.testing.assert_allclose(one.coef_, expected.coef_, rtol=1e-3, atol=1e-5)
    assert one.score(run["tuned-color"][good], y) > 0.5
    with pytest.raises(ValueError, match="labels must be 61, one for each image"):
        extract.learn_ridge(run.folder, "tuned-color", labels[:-1])
    with pytest.raises(ValueError, match="at least two classes"):
        extract.learn_ridge(run.folder, "tuned-color", np.zeros(61))

"""Numbers of BLAS threads of the learners."""

import threading
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import imfeat
from imfeat.learn import LinearClassifier, LinearSVM, MLPClassifier, RidgeProducts, RidgeSums
from imfeat.learn._threads import FEW_FEATURES, blas_threads

OWNERS = ("numpy", "scipy")


def numbers_of_threads():
    """Numbers of threads of the BLAS of NumPy and SciPy; other packages of the tests may bring their own."""
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {lib["num_threads"] for lib in libraries if Path(lib["filepath"]).parent.name.startswith(OWNERS)}


@pytest.fixture
def two_threads():
    before = imfeat.get_num_threads()
    imfeat.set_num_threads(2)
    with threadpool_limits(2):
        yield
        assert numbers_of_threads() == {2}, "limits are lifted after each fit"
    imfeat.set_num_threads(before)


@pytest.fixture
def seen(monkeypatch):
    """Numbers of threads of NumPy's BLAS, with which learners multiply."""
    numbers = set()
    multiply = np.matmul

    def watched(*args, **kwargs):
        libraries = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
        numbers.update(lib["num_threads"] for lib in libraries if "numpy" in lib["filepath"])
        return multiply(*args, **kwargs)

    monkeypatch.setattr(np, "matmul", watched)
    return numbers


def table(n_features):
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, n_features)).astype(np.float32), np.arange(12) % 2


@pytest.mark.parametrize("n_features", [8, FEW_FEATURES + 1])
def test_steps_on_few_images_take_one_thread(two_threads, seen, n_features):
    MLPClassifier((4,), epochs=1, n_iter_no_change=None).fit(*table(n_features))
    assert seen == {1}


@pytest.mark.parametrize(("n_features", "n_threads"), [(8, 1), (FEW_FEATURES + 1, 2)])
def test_products_of_many_features_take_all_threads(two_threads, seen, n_features, n_threads):
    RidgeSums(n_features, 2).add(*table(n_features)).solve(1.0)
    assert seen == {n_threads}
    seen.clear()
    LinearClassifier(epochs=2, tol=10.0).fit(*table(n_features))
    assert seen == {n_threads}


def test_learners_use_no_more_threads_than_features_do(two_threads, seen):
    imfeat.set_num_threads(1)
    RidgeSums(FEW_FEATURES + 1, 2).add(*table(FEW_FEATURES + 1)).solve(1.0)
    LinearClassifier(epochs=2, tol=10.0).fit(*table(FEW_FEATURES + 1))
    assert seen == {1}


def test_blocks_in_other_threads_wait_for_nothing_and_change_nothing(two_threads):
    numbers = []

    def other():
        with blas_threads(2):
            numbers.append(numbers_of_threads())

    thread = threading.Thread(target=other)
    with blas_threads(5):
        assert numbers_of_threads() == {2}, "never more than before"
        with blas_threads(1):
            thread.start()
            thread.join(10)
        assert numbers_of_threads() == {2}
    assert numbers == [{1}]


def test_limits_end_with_errors(two_threads):
    with pytest.raises(ValueError, match="strength"):
        RidgeProducts(3).add(np.zeros((3, 2))).solve(-1.0, np.ones((3, 2)))
    with pytest.raises(ValueError, match="strength"):
        LinearSVM(strength=-1.0).fit(*table(8))

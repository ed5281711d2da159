"""Guesses of the memory of comparisons against what committed runs took."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from imfeat import compare, recipes
from imfeat.compare import memory
from imfeat.compare.costs import Sizes

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
CIFAR10 = Sizes(50_000, 10_000, (32, 32), 10)
RUNS = (
    *(f"cifar10-{name}" for name in ("patches-800", "patches-800-kernel", "patches-2000", "patches-wide")),
    *(
        f"cifar10-{name}"
        for name in ("patches-wide-kernel", "two-layer", "two-layer-wide", "recipes", "two-layer-wide-kernel")
    ),
    *("cifar10", "photos", "flowers17", "flowers17-mirrored"),
)


@pytest.mark.parametrize("run", RUNS)
def test_guesses_are_near_the_peaks_of_runs(run):
    result = json.loads((RESULTS / f"compare-{run}.json").read_text(encoding="utf-8"))
    settings = result["settings"]
    n_train, n_test, size = settings["n_train"], settings["n_test"], tuple(settings["image_size"])
    sizes = Sizes(n_train, n_test, size, 10)
    pairs = {(r["feature"], r["classifier"]) for r in result["records"]}
    pairs = {pair for pair in pairs if not recipes.parse(pair[0]).fused}
    images = (n_train + n_test) * size[0] * size[1] * 3
    guess = images + max(memory.bytes_of(*pair, sizes) for pair in pairs)
    assert 0.75 * result["peak_bytes"] < guess < 1.4 * result["peak_bytes"]


def test_windows_of_large_images_take_memory_to_learn_from():
    small, large = (Sizes(1_000, 300, size, 17) for size in ((32, 32), (224, 224)))
    windows = [200_000 * side**2 * 3 * 4 for side in (10, 16)]  # of float32, see TwoLayerPatches
    grown = memory.bytes_of("two-layer-50", "svm", large) - memory.bytes_of("two-layer-50", "svm", small)
    assert grown == memory.COPIES * (windows[1] - windows[0])
    assert memory.bytes_of("fisher-opponent", "svm", large) > memory.bytes_of("fisher-sift", "svm", large)


def test_more_images_and_more_words_take_more_memory():
    few = Sizes(5_000, 1_000, (32, 32), 10)
    for classifier in ("ridge", "kernel-ridge", "mlp"):
        assert memory.bytes_of("patches-800", classifier, few) < memory.bytes_of(
            "patches-800", classifier, CIFAR10
        )
        assert memory.bytes_of("patches-800", classifier, few) < memory.bytes_of(
            "patches-1600", classifier, few
        )


def test_codes_take_less_memory_than_features():
    sizes = Sizes(1_000, 300, (224, 224), 17)
    assert memory.table_bytes("fisher-sift", 100_000, sizes) == 1_300 * 100_000 // 8
    assert memory.table_bytes("patches-800", 100_000, sizes) == 1_300 * 100_000 * 4
    assert memory.table_bytes("patches-800", 1_000_000, sizes) == 1_300 * 1_000_000 * 2  # as upper halves


@pytest.fixture
def data():
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 3), np.uint8)
    labels = np.arange(60) % 4
    return {
        "train": zip(images[:40], labels[:40], strict=True),
        "test": zip(images[40:], labels[40:], strict=True),
    }


def test_a_run_says_how_much_memory_it_takes(data, caplog):
    with caplog.at_level(logging.INFO, "imfeat.compare"):
        compare.run(data, features="hog,color", classifiers="ridge", n_seeds=1, cache=False)
    assert "about 0.7 GB of memory at most, for color with ridge" in caplog.text


def test_a_terminal_shows_it(data, monkeypatch, capsys):
    monkeypatch.setattr(memory, "has_bar", lambda: True)
    compare.run(data, features="hog", classifiers="ridge", n_seeds=1, cache=False)
    assert "about 0.7 GB of memory at most, for hog with ridge" in capsys.readouterr().err


def test_what_does_not_fit_is_refused_before_it_starts(data, monkeypatch):
    monkeypatch.setattr(memory, "usable_memory", lambda: 500_000_000)
    with pytest.raises(
        ValueError, match=r"takes about 0\.7 GB of memory, of which there are 0\.5 GB here: take fewer"
    ):
        compare.run(data, features="fusion(hog, color)", classifiers="ridge", n_seeds=1, cache=False)

"""Guesses of the memory of comparisons against what committed runs took."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from imfeat import compare
from imfeat.compare import memory
from imfeat.compare.costs import Sizes

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
CIFAR10 = Sizes(50_000, 10_000, (32, 32), 10)
WIDE = "patches-2000+patches-1000-8x8+patches-1000-5x5+mirrored-uoctti+tuned-color"
TWO_LAYERS = "two-layer-4000+patches-2000+mirrored-uoctti+tuned-color"
RUNS = {
    "cifar10-patches-800": ("patches-800", "ridge"),
    "cifar10-patches-800-kernel": ("patches-800", "kernel-ridge"),
    "cifar10-patches-2000": ("patches-2000", "ridge"),
    "cifar10-patches-wide": (WIDE, "ridge"),
    "cifar10-patches-wide-kernel": (WIDE, "kernel-ridge"),
    "cifar10-two-layer": (TWO_LAYERS, "kernel-ridge"),
}


@pytest.mark.parametrize("run", RUNS)
def test_guesses_are_near_the_peaks_of_runs(run):
    peak = json.loads((RESULTS / f"compare-{run}.json").read_text())["peak_bytes"]
    guess = memory.bytes_of(*RUNS[run], CIFAR10)
    assert 0.75 * peak < guess < 1.4 * peak


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
    monkeypatch.setattr(memory, "memory_bytes", lambda: 500_000_000)
    with pytest.raises(
        ValueError, match=r"takes about 0\.7 GB of memory, and this machine has 0\.5 GB: take fewer"
    ):
        compare.run(data, features="fusion(hog, color)", classifiers="ridge", n_seeds=1, cache=False)


def test_the_memory_of_the_machine_is_known_or_none(monkeypatch):
    total = memory.memory_bytes()
    assert total is None or total > 1 << 28
    monkeypatch.delattr("os.sysconf", raising=False)
    assert memory.memory_bytes() is None

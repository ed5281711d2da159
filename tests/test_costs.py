"""Guesses of the time that cells take, against what was measured."""

import collections
import json
from pathlib import Path

import numpy as np
import pytest

from imfeat.compare import costs
from imfeat.compare.costs import Sizes, cost_of
from imfeat.recipes import parse

RESULTS = Path(__file__).parents[1] / "benchmarks/results"
MEASURED = (
    *("photos", "photos-flips", "cifar10", "cifar10-flips", "cifar10-patches-800", "cifar10-patches-2000"),
    *("cifar10-patches-wide", "cifar10-patches-wide-kernel", "flowers17", "flowers17-mirrored"),
    *(
        "cifar10-recipes",
        "cifar10-two-layer",
        "cifar10-two-layer-wide",
        "cifar10-patches-800-kernel",
        "cifar10-two-layer-wide-kernel",
    ),
)


def test_what_no_seed_changes_costs_nothing_again():
    sizes = Sizes(200, 100, (32, 32), 3)
    assert cost_of("hog", "softmax", sizes) > 0
    assert cost_of("hog", "softmax", sizes, is_first_seed=False) == 0
    assert 0 < cost_of("hog", "mlp", sizes, is_first_seed=False) < cost_of("hog", "mlp", sizes)
    assert cost_of("words", "softmax", sizes, is_first_seed=False) > 0


@pytest.fixture(autouse=True)
def dimensions_of_the_recipes():
    """Forget the dimensions of recipes that other tests have replaced by smaller ones."""
    costs.dimensions.cache_clear()


@pytest.mark.parametrize(
    "feature", ["patches-50", "two-layer-50", "words", "fisher-sift-8", "vlad", "palette", "hog+color"]
)
def test_numbers_of_features_are_known_before_they_are_learned(rng, feature):
    images = rng.integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)
    transformer = parse(feature).transformer((64, 64))
    n_features, _ = costs.dimensions(feature, (64, 64))
    assert transformer.fit(images).transform(images[:1]).shape[1] == n_features


@pytest.mark.parametrize("name", MEASURED)
def test_measured_comparisons_take_about_as_long_as_guessed(name, monkeypatch):
    monkeypatch.setattr(costs, "operations_a_second", lambda: 2e11)  # of the machines that they ran on
    result = json.loads((RESULTS / f"compare-{name}.json").read_text(encoding="utf-8"))
    n_test = result["settings"]["n_test"]
    n_changed = n_test * sum(map(len, result["settings"].get("shifts", {}).values()))
    earlier = collections.defaultdict(list)
    seconds = 0.0
    for record in result["records"] + result.get("part_records", []):
        n_train = record.get("n_train", 0)
        shape = tuple(result["settings"]["image_size"])
        sizes = Sizes(
            n_train or result["settings"]["n_train"], n_test, shape, 10, 0 if n_train else n_changed
        )
        before = earlier[record["feature"], record["seed"], n_train]
        is_first = record["seed"] == 0 or bool(n_train)
        seconds += cost_of(
            record["feature"], record["classifier"], sizes, earlier=before, is_first_seed=is_first
        )
        before.append(record["classifier"])
    assert result["seconds"] / 3 < seconds < 3 * result["seconds"]


def test_kernels_on_more_images_take_the_time_of_their_products_and_factors(monkeypatch):
    monkeypatch.setattr(costs, "operations_a_second", lambda: 1e11)
    few, many = (cost_of("hog", "kernel-ridge", Sizes(n, 1000, (32, 32), 10)) for n in (10_000, 50_000))
    assert many - few == pytest.approx((50_000**3 - 10_000**3) / 3 / 1e11, rel=0.3)
    changed = cost_of("hog", "kernel-ridge", Sizes(10_000, 1000, (32, 32), 10, 33_000))
    assert changed - few > 2 * 33_000 * 10_000 * 324 / 1e11


def test_the_first_classifier_that_needs_products_waits_for_them():
    sizes = Sizes(10_000, 1000, (32, 32), 10)
    first = cost_of("raw", "kernel-ridge", sizes, earlier=["softmax"])
    assert first > cost_of("raw", "kernel-ridge", sizes, earlier=["softmax", "kernel-ridge(gamma=1.0)"]) > 0

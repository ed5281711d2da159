"""Everything above the driver as on a card: `cuda.core`, arguments, memory, streams."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("cuda.core", reason="cuda.core is not installed: pip install -e '.[cuda,test]'")

from tests import ptx

pytestmark = [
    pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler for the driver"),
    pytest.mark.skipif(sys.platform != "linux", reason="the driver is compiled for Linux"),
]
FEATURES = "hog", "color_histogram", "equalize", "rgb_to_hsv", "color_histogram of HSI"


@pytest.fixture(scope="module")
def report():
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.pretended"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*FEATURES, "hog by DLPack"])
def test_features_are_those_of_the_cpu(report, name):
    found = report["features"][name]
    assert found["off"] <= found["tolerance"]
    assert report["errors"] == []


@pytest.mark.parametrize("name", FEATURES)
def test_a_repeated_call_allocates_at_most_its_result(report, name):
    found = report["features"][name]
    assert found["allocations"] <= 1
    assert found["uploads"] == found["downloads"] == found["waits"] == 0
    assert found["launches"] >= 1


def test_an_array_that_the_driver_finds_on_another_card_is_refused(report):
    assert report["elsewhere"] == (
        "images lies on GPU 1, and the current one is 0; write cuda.core.Device(1).set_current() first"
    )


def test_no_compiler_is_imported(report):
    assert report["compilers"] == []


def test_the_selfcheck_ends(report):
    assert "a pretended card" in report["selfcheck"]
    assert "calls gave something else than the CPU" in report["selfcheck"].splitlines()[-1]

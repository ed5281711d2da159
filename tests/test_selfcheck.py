"""The check of kernels on a GPU: with a simulated GPU, and without one."""

import itertools
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from imfeat_kernels import cases, cuda
from imfeat_kernels.cuda import launch

from imfeat import CudaUnavailableError, selfcheck
from imfeat.cli import main
from imfeat.selfcheck import run
from tests import device, ptx


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(run, "why_unavailable", lambda: None)
    monkeypatch.setattr(launch, "about", lambda: {"GPU": "pretended"})
    with device.on_host():
        yield


@pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")
def test_rows_have_differences_and_times(pretended):
    rows = list(itertools.islice(selfcheck.check(selfcheck.noise(16 * 32 * 32), n_vectors=300), 12))
    assert {row.kernel for row in rows} >= {"color.rgb_to_hsv", "color.rgb_to_gray_bytes"}
    for row in rows:
        assert 0 <= row.off <= row.tolerance
        assert row.seconds > 0
        assert row.predicted is None or 0 < row.predicted < 1e-3
        assert str(row).startswith(f"| {row.kernel} | ")


@pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")
def test_wrong_results_fail(pretended, monkeypatch):
    row = selfcheck.Row("color.rgb_to_hsv", 0.5, 1e-6, 0.001, None)
    monkeypatch.setattr(selfcheck, "check", lambda images: iter([row]))
    done = CliRunner().invoke(main, ["selfcheck", "--pixels", "16384"])
    assert done.exit_code == 2
    assert "GPU: pretended" in done.output
    assert "| color.rgb_to_hsv | 0.5 | 1e-06 | 1 |  |" in done.output
    assert "1 of 1 calls gave something else than the CPU" in done.output


def test_without_a_gpu_there_is_nothing_to_check(monkeypatch):
    monkeypatch.setattr(launch, "reason", lambda: "no driver")
    with pytest.raises(CudaUnavailableError, match="nothing to check: "):
        selfcheck.headings()
    done = CliRunner().invoke(main, ["selfcheck"])
    assert done.exit_code == 2
    assert "nothing to check" in done.output


def test_the_slower_of_memory_and_instructions_binds():
    costs = cases.cost_of("color.rgb_to_hsv")
    assert costs["bytes"] >= 15  # three bytes in, three floats out
    expected = 1e6 * max(costs["bytes"] / 3.35e12, costs["instructions"] / (132 * 4 * 32 * 1.755e9))
    assert selfcheck.predict("color.rgb_to_hsv", 10**6) == pytest.approx(expected)
    assert selfcheck.predict("no.kernel", 10) is None


def test_noise_has_the_pixels_that_were_asked_for():
    images = selfcheck.noise(1 << 20)
    assert images.shape == (16, 256, 256, 3)
    assert images.dtype == np.uint8


@pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")
def test_a_kernel_that_leaves_its_result_alone_is_wrong(pretended, monkeypatch):
    monkeypatch.setattr(cuda.color, "rgb_to_gray_bytes", lambda images, out: None)
    rows = selfcheck.check(selfcheck.noise(16 * 32 * 32), n_vectors=300)
    row = next(row for row in rows if row.kernel == "color.rgb_to_gray_bytes")
    assert row.off > row.tolerance


def test_a_peer_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: name == "kornia")
    monkeypatch.setitem(sys.modules, "kornia", None)
    assert list(selfcheck.peers(selfcheck.noise(1))) == [
        "kornia was not timed: ModuleNotFoundError: import of kornia halted; None in sys.modules"
    ]

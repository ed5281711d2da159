"""Versions of packages, and the usable cores and memory."""

import platform
from importlib.metadata import version

import joblib
import pytest

import imfeat
from imfeat import _environment


def test_versions_are_those_of_the_installed_packages():
    assert _environment.versions(("imfeat", "python", "numpy", "no-such-package")) == {
        "imfeat": imfeat.__version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "no-such-package": "not installed",
    }


@pytest.fixture
def limit(monkeypatch, tmp_path):
    """A function that writes the files of the limits of a container."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        monkeypatch.setattr(_environment, "CGROUPS", tmp_path)

    return write


def test_cores_are_those_that_joblib_counts(monkeypatch):
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    assert _environment.usable_cores() == joblib.cpu_count()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 64),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ({}, 64),
    ],
)
def test_the_quota_of_a_container_bounds_the_cores(monkeypatch, limit, files, expected):
    limit(files)
    monkeypatch.setattr(_environment.os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    assert _environment.usable_cores() == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "500000000\n"}, 500_000_000),
        ({"memory.max": "max\n"}, 1 << 33),
        ({"memory/memory.limit_in_bytes": "300000000\n"}, 300_000_000),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1 << 33),
        ({}, 1 << 33),
    ],
)
def test_the_limit_of_a_container_bounds_the_memory(monkeypatch, limit, files, expected):
    limit(files)
    sizes = {"SC_PHYS_PAGES": 1 << 21, "SC_PAGE_SIZE": 1 << 12}
    monkeypatch.setattr(_environment.os, "sysconf", sizes.__getitem__, raising=False)
    assert _environment.usable_memory() == expected


def test_without_a_count_of_pages_the_memory_is_unknown(monkeypatch):
    monkeypatch.delattr("os.sysconf", raising=False)
    assert _environment.usable_memory() is None

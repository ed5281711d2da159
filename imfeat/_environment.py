"""The environment of a run: versions of packages, and the usable cores and memory."""

import math
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import imfeat

# Packages that results depend on: of comparisons, and of extraction, which uses fewer.
COMPARE_PACKAGES = (
    *("imfeat", "python", "numpy", "numba", "scikit-learn"),
    *("scipy", "scikit-image", "pillow", "matplotlib"),
)
EXTRACT_PACKAGES = ("imfeat", "numpy", "pillow")
CGROUPS = Path("/sys/fs/cgroup")


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages, of which one may be ``"python"``."""
    return {package: _version_of(package) for package in packages}


def _version_of(package: str) -> str:
    if package == "imfeat":
        return imfeat.__version__
    if package == "python":
        return platform.python_version()
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def usable_cores() -> int:
    """Return the number of cores that this process may use, by its affinity and the quota of its container.

    `joblib.cpu_count` returns the same number, but its import takes 60 ms of each `imfeat extract`.
    """
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(n_cores, _quota()))


def _quota() -> int:
    """Return the number of cores of the container's quota, rounded up; a large number without a quota."""
    unlimited = 1 << 16
    try:
        if (path := CGROUPS / "cpu.max").exists():  # cgroups, version 2
            quota, period = path.read_text().split()
        else:
            quota = (CGROUPS / "cpu/cpu.cfs_quota_us").read_text()
            period = (CGROUPS / "cpu/cpu.cfs_period_us").read_text()
        return math.ceil(int(quota) / int(period)) if int(quota) > 0 else unlimited
    except (OSError, ValueError):  # "max" is no number
        return unlimited


def usable_memory() -> int | None:
    """Return how many bytes this process may use, by the machine and the limit of its container.

    None where they are not known.
    """
    try:
        n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return None
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of cgroups, versions 2 and 1
        try:
            n_bytes = min(n_bytes, int((CGROUPS / name).read_text()))
        except (OSError, ValueError):  # "max" is no number
            continue
    return n_bytes

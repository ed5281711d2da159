"""Where a run took place: what makes its numbers comparable with others."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import imfeat
from imfeat._device import why_unavailable

PACKAGES = ("numpy", "numba", "scikit-learn", "scipy", "scikit-image", "pillow", "matplotlib")


def versions() -> dict[str, str]:
    """Return the versions of imfeat, Python and the packages that results depend on."""
    found = {"imfeat": imfeat.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def machine() -> dict[str, str | int]:
    """Return the operating system, the processor, and how many cores and threads are used."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": imfeat.get_num_threads(),
    }


def git_revision() -> str | None:
    """Return the commit that this copy of imfeat is at, with ``-dirty`` if files differ from it.

    None if it is not a checkout of its own, or git doesn't answer.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def peak_bytes() -> int | None:
    """Return the most memory that this process has held so far; None where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def cuda_status() -> str:
    """Say whether features can run on a GPU, and if not, why and what to do."""
    reason = why_unavailable()
    return (
        f"not usable: {reason}" if reason else "usable; never yet run by the authors, so see imfeat selfcheck"
    )


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()

"""The machine and the revision of a run, which make its numbers comparable with others."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import imfeat
from imfeat._device import why_unavailable


def machine() -> dict[str, str | int]:
    """Return the operating system, the processor, and the numbers of cores and of used threads."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": imfeat.get_num_threads(),
    }


def git_revision() -> str | None:
    """Return the commit of this checkout of imfeat, with ``-dirty`` if files differ from it.

    None if imfeat is not a checkout of its own, or git fails.
    """
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def peak_bytes() -> int | None:
    """Return the peak memory of this process so far; None where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes elsewhere


def cuda_status() -> str:
    """Return whether features can run on a GPU; if not, the reason and a remedy."""
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

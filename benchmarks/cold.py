"""Cold start, each time in a fresh process: the import, and the first call of each feature."""

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imfeat_kernels
import numpy as np

import imfeat
from benchmarks.images import cut
from benchmarks.worker import ROOT

HEAVY = ("numba", "scipy", "sklearn")
IMPORT = f"""
import json, sys, time
start = time.perf_counter()
import imfeat
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {HEAVY} if name in sys.modules]]))
"""


def run(arguments, cwd=ROOT, env=None, before=()):
    """Return what a Python process prints last, parsed as JSON."""
    command = [*before, sys.executable, *arguments]
    done = subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure_import(repeats):
    """Return the median seconds of ``import imfeat``, and which heavy packages it imported."""
    found = [run(["-c", IMPORT]) for _ in range(repeats)]
    return {"seconds": statistics.median(seconds for seconds, _ in found), "heavy_imports": found[0][1]}


@contextlib.contextmanager
def workplace():
    """Give a folder with an image and a copy of the packages that nobody may write to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "image.npy", cut(1, 240, 320))
        copy = folder / "packages"
        packages = [Path(package.__file__).parent for package in (imfeat, imfeat_kernels)]
        for source in [*packages, ROOT / "benchmarks"]:
            shutil.copytree(
                source, copy / source.name, ignore=shutil.ignore_patterns("__pycache__", "results")
            )
        set_modes(copy, 0o555, 0o444)
        try:
            yield folder
        finally:
            set_modes(copy, 0o755, 0o644)


def set_modes(folder, of_folders, of_files):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(of_folders if path.is_dir() else of_files)


def first_calls(names, folder):
    """Yield the seconds of the first call of each job, with an empty cache on disk and a full one."""
    image = str(folder / "image.npy")
    before = unprivileged(folder)
    for name in names:
        caches = Path(tempfile.mkdtemp(dir=folder))
        env = os.environ | {"NUMBA_CACHE_DIR": str(caches)}
        command = ["-m", "benchmarks.first_call", name, image]
        empty, full = (run(command, env=env) for _ in range(2))
        row = {"job": name, "empty_cache": empty, "full_cache": full}
        if before is not None:
            home = tempfile.mkdtemp(dir=folder)
            row |= read_only(command, folder / "packages", home, before)
        yield row


def read_only(command, packages, home, before):
    """Return the seconds of the first calls in two processes where the packages can't be written."""
    env = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "PYTHONPATH")}
    env |= {"HOME": home, "XDG_CACHE_HOME": home, "PYTHONPATH": str(packages)}
    first, second = (run(command, cwd=packages, env=env, before=before) for _ in range(2))
    return {"read_only_first": first, "read_only_second": second}


def unprivileged(folder):
    """Return how to start a process that permissions bind, or None if there is no way."""
    if sys.platform == "win32":
        return None
    # Root may write anywhere, but for the capability to do so.
    before = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    test = f"import json, os; print(json.dumps(os.access({str(folder / 'packages')!r}, os.W_OK)))"
    try:
        return None if run(["-c", test], before=before) else before
    except (OSError, subprocess.SubprocessError):
        return None


def warm_all(folder):
    """Return the seconds of ``imfeat info --warm`` with an empty cache, or None if it is not there."""
    script = "from imfeat.cli import main; main()"
    text = subprocess.run(
        [sys.executable, "-c", script, "info", "--help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    if "--warm" not in text:
        return None
    env = os.environ | {"NUMBA_CACHE_DIR": tempfile.mkdtemp(dir=folder)}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", script, "info", "--warm"], cwd=ROOT, env=env, check=True, capture_output=True
    )
    return time.perf_counter() - start

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

NOBODY = 65534
HEAVY = ("numba", "scipy", "sklearn")
IMPORT = f"""
import json, sys, time
start = time.perf_counter()
import imfeat
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {HEAVY} if name in sys.modules]]))
"""


def run(command, cwd=ROOT, **options):
    """Return what a Python process prints last, parsed as JSON."""
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, check=True, capture_output=True, text=True, **options
    )
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
        folder.chmod(0o755)
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
    user = unprivileged_user(folder)
    for name in names:
        caches = Path(tempfile.mkdtemp(dir=folder))
        env = os.environ | {"NUMBA_CACHE_DIR": str(caches)}
        command = ["-m", "benchmarks.first_call", name, image]
        empty, full = (run(command, env=env) for _ in range(2))
        row = {"job": name, "empty_cache": empty, "full_cache": full}
        if user is not None:
            home = Path(tempfile.mkdtemp(dir=folder))
            home.chmod(0o777)
            row |= read_only(command, folder / "packages", home, user)
        yield row


def read_only(command, packages, home, user):
    """Return the seconds of the first calls in two processes where the packages can't be written."""
    env = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "PYTHONPATH")}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PYTHONPATH": str(packages)}
    first, second = (run(command, cwd=packages, env=env, **user) for _ in range(2))
    return {"read_only_first": first, "read_only_second": second}


def unprivileged_user(folder):
    """Return how to run a process that permissions bind, as options of `run`, or None if there is no way."""
    if not hasattr(os, "geteuid"):
        return None
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    test = f"import json, os, numba; print(json.dumps(os.access({str(folder / 'packages')!r}, os.W_OK)))"
    try:
        may_write = run(["-c", test], cwd=folder, **user)
    except (OSError, subprocess.SubprocessError):
        return None
    return None if may_write else user


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

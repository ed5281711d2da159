"""Kernels checked in other ways than they are run, and where caches and processes are not as usual."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import imfeat

KERNELS = Path(imfeat.__file__).parents[1] / "kernels" / "imfeat_kernels"
IMAGES = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
CODE = """
import numpy as np, imfeat
images = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
print(float(imfeat.hog(images).sum()))
"""


def run(*command, cwd=None, **variables):
    environment = {name: value for name, value in os.environ.items() if variables.get(name, "") is not None}
    environment |= {name: str(value) for name, value in variables.items() if value is not None}
    return subprocess.run(
        list(map(str, command)), env=environment, cwd=cwd, capture_output=True, text=True, timeout=600
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "variable", [pytest.param("NUMBA_BOUNDSCHECK", marks=pytest.mark.release), "NUMBA_DISABLE_JIT"]
)
def test_kernels_with_checked_bounds_and_as_plain_python(tmp_path, variable):
    tests = Path(__file__).with_name("test_kernels.py")
    done = run(
        *(sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", tests),
        NUMBA_CACHE_DIR=tmp_path / "cache",
        **{variable: 1},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "100%" in done.stdout


@pytest.mark.release
@pytest.mark.slow
def test_a_later_process_gives_the_same_bytes(tmp_path):
    """Those of every public function: a process that compiles, and one that loads what it compiled."""
    code = "import test_environments; test_environments.print_digests()"
    first, later = (
        run(sys.executable, "-c", code, cwd=Path(__file__).parent, NUMBA_CACHE_DIR=tmp_path) for _ in range(2)
    )
    assert first.returncode == later.returncode == 0, first.stderr + later.stderr
    assert first.stdout.count("\n") > 50
    assert later.stdout.splitlines() == first.stdout.splitlines()


def print_digests():
    """Print digests of what public functions return."""
    from test_arrays import IMAGE_FUNCTIONS, IMAGES, VECTOR_FUNCTIONS, VECTORS

    for functions, argument in ((IMAGE_FUNCTIONS, IMAGES), (VECTOR_FUNCTIONS, VECTORS)):
        for name, function in functions.items():
            result = np.ascontiguousarray(function(argument))
            print(name, hashlib.sha256(result.tobytes()).hexdigest())


def assert_right(done):
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(float(imfeat.hog(IMAGES).sum()), rel=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting read-only takes root")
def test_without_any_folder_to_write_to(tmp_path):
    """As in a container that is read-only: nothing is kept, and everything works."""
    folder = tmp_path / "packages"
    folder.mkdir()
    if run("mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", folder).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        run("cp", "-r", KERNELS, folder)
        run("find", folder, "-name", "__pycache__", "-exec", "rm", "-r", "{}", "+")
        run("mount", "-o", "remount,ro", folder)
        nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME"), "/proc/nowhere")
        done = run(sys.executable, "-c", CODE, NUMBA_CACHE_DIR=None, PYTHONPATH=folder, **nowhere)
        assert_right(done)
    finally:
        run("umount", folder)


@pytest.mark.slow
def test_a_compilation_that_is_killed_leaves_nothing_broken(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    for seconds in (1.0, 2.0, 3.0):
        process = subprocess.Popen([sys.executable, "-c", CODE], env=environment, stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    assert_right(run(sys.executable, "-c", CODE, NUMBA_CACHE_DIR=tmp_path))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_started_in_any_way_give_the_same(method):
    expected = imfeat.hog(IMAGES)
    with multiprocessing.get_context(method).Pool(2) as pool:
        for found in pool.map(imfeat.hog, [IMAGES] * 3):
            np.testing.assert_array_equal(found, expected)

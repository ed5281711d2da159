"""The cache of compiled kernels: quick to load from, and what is compiled is told."""

import io
import os
import subprocess
import sys
import time

import numba
import pytest
import rich.console
import rich.progress

from imfeat import _progress

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")

CODE = """
import logging, sys
import numpy as np, imfeat
from imfeat_kernels.cpu import cache

records = []
handler = logging.Handler()
handler.emit = records.append
cache.logger.addHandler(handler)
cache.logger.setLevel(logging.DEBUG)
image = np.arange(64 * 48 * 3, dtype=np.uint8).reshape(64, 48, 3)
print(imfeat.rgb_to_gray(image).sum())
print([record.getMessage().rpartition(" in ")[0] or record.getMessage() for record in records])
print("scipy.linalg" in sys.modules)
"""
# What others do with Numba in the same process, after kernels were loaded from the cache.
OTHERS = """
import numba
@numba.njit
def product(a, b):
    return (a @ b).sum(), np.linalg.det(a), str(a.size), np.sort(a.ravel())[0]
print(product(np.eye(3), np.eye(3)))
print("scipy.linalg" in sys.modules)
"""


def run(code, folder):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_kernels_are_compiled_once_which_is_told_and_loaded_without_scipy(tmp_path):
    total, told, with_scipy = run(CODE, tmp_path)
    assert told == "['compiling color, once on this machine', 'compiled color.rgb_to_gray_bytes']"
    assert with_scipy == "True"  # which Numba looks for to compile
    later_total, told, with_scipy, others, with_scipy_then = run(CODE + OTHERS, tmp_path)
    assert later_total == total
    assert told == "[]"
    assert with_scipy == "False"
    assert others == "(3.0, 1.0, '9', 0.0)"
    assert with_scipy_then == "True"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "printed"), [(Terminal(), "compiling x\n"), (io.StringIO(), "")])
def test_terminals_show_once_what_is_compiled(monkeypatch, stream, printed):
    monkeypatch.setattr(_progress._Compilations, "_spin", lambda shown, message: False)
    monkeypatch.setattr(sys, "stderr", stream)
    handlers, level = list(_progress.LOGGER.handlers), _progress.LOGGER.level
    with _progress.compilations_shown():
        for _ in range(2):
            _progress.LOGGER.info("compiling x")
        _progress.LOGGER.debug("compiled x")
    assert stream.getvalue() == printed
    assert (_progress.LOGGER.handlers, _progress.LOGGER.level) == (handlers, level)


def test_a_spinner_ends_when_the_kernel_is_compiled(monkeypatch):
    console = rich.console.Console(file=Terminal(), force_terminal=True, width=80, _environ={"TERM": "xterm"})
    monkeypatch.setattr(_progress, "console", lambda: console)
    monkeypatch.setattr(sys, "stderr", Terminal())
    hidden, shown = "\x1b[?25l", "\x1b[?25h"  # the cursor

    def wait_for(message):
        end = time.monotonic() + 10
        while message not in console.file.getvalue() + sys.stderr.getvalue():  # a thread draws it
            assert time.monotonic() < end

    with _progress.compilations_shown():
        _progress.LOGGER.info("compiling x")
        wait_for("compiling x")
        assert console.file.getvalue().count(hidden) > console.file.getvalue().count(shown)
        _progress.LOGGER.debug("compiled x")
        assert console.file.getvalue().count(hidden) == console.file.getvalue().count(shown)
        with rich.progress.Progress(console=console):  # not all versions have a spinner beside a bar
            _progress.LOGGER.info("compiling y")
            wait_for("compiling y")
            _progress.LOGGER.debug("compiled y")


def test_registers_are_those_that_numba_compiles_for():
    from imfeat_kernels.cpu import registers
    from numba.core.registry import cpu_target

    features = cpu_target.target_context.codegen().magic_tuple()[2]
    assert frozenset(features.split(",")) == registers.FEATURES


CALLS = {
    "resize, rows first": "imfeat.resize(np.zeros((40, 50, 3), np.uint8), 20)",
    "resize, columns first": "imfeat.resize(np.zeros((90, 50, 3), np.uint8), 20)",
    "patch_features": "w = imfeat.Whitening().fit(np.random.default_rng(0).random((500, 108), np.float32)); "
    "x = np.zeros((20, 20, 3), np.uint8); imfeat.patch_features(x, np.eye(9, 108), w, mirror=False)",
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
def test_kernels_that_look_up_tables_load_without_scipy(call):
    code = f"import sys, numpy as np, imfeat; {call}; print('numba.np.arraymath' in sys.modules)"
    for _ in range(2):  # once to be sure that it is in the cache
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "False\n"

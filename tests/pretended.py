"""A pretended driver: ``python -m tests.pretended`` runs imfeat on a card that is not there, and prints JSON.

``python -m tests.pretended -m MODULE ...`` runs a module there, and ``-c CODE`` what Python is told.

`fake_driver.c` takes the place of libcuda, so that everything above the driver is what runs on a card:
`cuda.core`, arguments, streams, memory.  Kernels run on the CPU, by `ptx.Kernel`.  It is a process of its
own, as a driver is loaded once.
"""

import ctypes
import functools
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from tests import ptx

SOURCE = Path(__file__).with_name("fake_driver.c")
COUNTS = "allocations", "frees", "uploads", "downloads", "launches", "waits"
STREAM = 7 << 4
ANYWHERE = ((0, (1 << 64) - 1),)  # addresses that kernels may access: the driver does not know their arrays


class Driver:
    """The pretended driver, loaded in place of the one of the machine.

    Attributes
    ----------
    executes : bool
        Whether launched kernels run; else they do nothing.
    streams : set of int
        The streams of all launches.
    """

    def __init__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="imfeat-driver-"))
        library = self._folder / "libcuda.so.1"
        self._kernels = Path(os.environ.get("IMFEAT_PTX_FOLDER") or self._folder)  # compiled ones
        options = "-O1", "-w", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"
        subprocess.run([ptx.COMPILER, *options, "-o", library, SOURCE, "-ldl"], check=True)
        self._library = ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
        self._counts = (ctypes.c_ulong * len(COUNTS)).in_dll(self._library, "counts")
        self.executes = True
        self.streams = set()
        self.errors = []
        kind = ctypes.CFUNCTYPE(
            None,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_uint * 3),
            ctypes.POINTER(ctypes.c_uint * 3),
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.c_void_p,
        )
        self._callback = kind(self._launched)  # as long as the driver calls it
        ctypes.c_void_p.in_dll(self._library, "launched").value = ctypes.cast(
            self._callback, ctypes.c_void_p
        ).value

    @property
    def counts(self):
        """How often each thing was asked for."""
        return dict(zip(COUNTS, self._counts, strict=True))

    def error_of_another_card(self, call):
        """Return the message of a call while the driver says that memory lies on GPU 1."""
        of_memory = ctypes.c_int.in_dll(self._library, "device_of_memory")
        of_memory.value = 1
        try:
            call()
        except ValueError as error:
            return str(error)
        finally:
            of_memory.value = 0

    def _launched(self, text, grid, block, parameters, stream):
        self.streams.add(stream or 0)
        if not self.executes:
            return
        try:
            kernel = _kernel(text, self._kernels)
            values = [
                np.frombuffer(ctypes.string_at(parameters[k], size), f"u{size}")[0]
                for k, size in enumerate(kernel.parameter_sizes)
            ]
            kernel.run(tuple(grid.contents), tuple(block.contents), values, ANYWHERE)
        except Exception as error:  # an exception would be lost in the driver
            self.errors.append(repr(error))


@functools.cache
def _kernel(text, folder):
    return ptx.Kernel(text.decode(), folder)


def main():
    """Run features and the selfcheck; print what came out, what was asked for, and how long it took."""
    driver = Driver()
    if len(sys.argv) > 2 and sys.argv[1] in ("-m", "-c"):
        _run_as_python(*sys.argv[1:])
        return
    import imfeat
    from imfeat.cli import main as cli
    from tests import gpu_calls

    images = np.random.default_rng(0).integers(0, 256, (3, 24, 32, 3), dtype=np.uint8)
    there = imfeat.to_device(images)
    found = {}
    for name in ("hog", "color_histogram", "equalize", "rgb_to_hsv", "color_histogram of HSI"):
        feature, tolerance = gpu_calls.FEATURES[name]
        feature(there)
        before = driver.counts
        result = feature(there)
        asked = {key: count - before[key] for key, count in driver.counts.items()}
        off = float(np.abs(result.copy_to_host().astype(float) - feature(images)).max())
        found[name] = {"off": off, "tolerance": max(tolerance, 1e-6), **asked}
    off = np.abs(imfeat.hog(OnlyDLPack(there)).copy_to_host() - imfeat.hog(images)).max()
    found["hog by DLPack"] = {"off": float(off), "tolerance": 1e-5}
    driver.executes = False
    elsewhere = driver.error_of_another_card(lambda: imfeat.hog(OnlyInterface(there)))
    begin = time.perf_counter()
    checked = CliRunner().invoke(cli, ["selfcheck"])  # all is wrong, as nothing runs
    seconds = time.perf_counter() - begin
    repeated = {
        name: _host_time(gpu_calls.FEATURES[name][0], there)
        for name in ("hog", "color_histogram", "equalize")
    }
    report = {
        "features": found,
        "selfcheck": checked.output,
        "seconds": seconds,
        "host_us": repeated,
        "elsewhere": elsewhere,
        "errors": driver.errors,
        "compilers": [name for name in sys.modules if name.startswith(("numba.cuda", "numba_cuda"))],
    }
    json.dump(report, sys.stdout)


class OnlyInterface:
    """An array of a library that has the interface of CUDA arrays alone."""

    def __init__(self, array):
        self.__cuda_array_interface__ = array.__cuda_array_interface__


class OnlyDLPack:
    """An array of a library that knows DLPack alone."""

    def __init__(self, array):
        self.__dlpack__ = array.__dlpack__
        self.__dlpack_device__ = array.__dlpack_device__
        self.shape = array.shape


def _run_as_python(option, what, *arguments):
    sys.argv = [what, *arguments]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<command>", "exec"), {"__name__": "__main__"})


def _host_time(feature, images):
    """Return the microseconds of a call on the host, where launches do nothing."""
    times = []
    for _ in range(300):
        begin = time.perf_counter()
        feature(images)
        times.append(time.perf_counter() - begin)
    return 1e6 * sorted(times)[len(times) // 2]


if __name__ == "__main__":
    main()

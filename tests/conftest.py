"""Images that many tests look at."""

import subprocess
import sys

import hypothesis
import numba
import numpy as np
import pytest
import skimage.data

# A first call may compile a kernel, and machines have other things to do: times say nothing about properties.
hypothesis.settings.register_profile("imfeat", deadline=None)
hypothesis.settings.load_profile("imfeat")

# Files that take longest.  A worker takes a file at a time, and none of these may be left for the end.  The
# first and the third compile for CUDA, the second has caches of its own.
LONGEST = (
    *("cuda", "environments", "device", "docs", "notebooks", "compare", "learning", "hostile", "extract"),
    *("kernels", "page", "benchmarks", "cli", "exactness", "options", "flips", "folds", "classifiers"),
    *("datasets", "doctests", "arrays", "estimators", "ptx"),
)


def pytest_sessionstart(session):
    """Compile all kernels on all cores before workers begin, which would compile the same ones at once."""
    config = session.config
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole and config.getoption("numprocesses", 0) and not hasattr(config, "workerinput"):
        if config.option.collectonly or numba.config.DISABLE_JIT:
            return
        command = [sys.executable, "-c", "from imfeat.cli import main; main()", "info", "--warm"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest."""
    order = {f"test_{name}.py": k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    """Skip what is made of machine instructions where nothing is compiled: NUMBA_DISABLE_JIT=1."""
    try:
        return (yield)
    except NotImplementedError as error:
        if numba.config.DISABLE_JIT and "not usable in pure-python" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="session")
def photo():
    """A photograph, 512 x 512 RGB, of which tests cut what they need."""
    image = skimage.data.astronaut()
    image.flags.writeable = False
    return image


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def _noise(shape):
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(params=["natural", "noise", "equal"])
def rgb(request, photo):
    """RGB images (3, 45, 67, 3) of a size that nothing divides: natural, random, all equal."""
    if request.param == "natural":
        return np.stack([photo[y : y + 45, 100:167] for y in (60, 200, 330)])
    return _noise((3, 45, 67, 3)) if request.param == "noise" else np.full((3, 45, 67, 3), 77, np.uint8)


@pytest.fixture
def gray(rgb):
    """Gray images (3, 45, 67)."""
    return np.ascontiguousarray(rgb[..., 1])

"""CUDA kernels: compiled for every card, and the compiled code run on the CPU, against the CPU's kernels."""

import concurrent.futures
import copy
import importlib
import inspect
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from imfeat_kernels import cases, cpu

pytest.importorskip("numba_cuda", reason="the CUDA compiler is not installed: pip install -e '.[cuda,test]'")

from imfeat_kernels import cuda

from tests import device, machine_code, ptx

ON_THE_HOST = {"optimize"}  # optimizers run on the host, beside BLAS
NAMES = sorted({case.kernel for case in cases.gpu_cases(np.zeros((1, 24, 24, 3), np.uint8), n_vectors=3)})
CARDS = [pytest.param(card, id=f"sm_{card[0]}{card[1]}") for card in device.CARDS]
# Modules name the bodies whose contract asks for doubles.
DOUBLE_IN_LOOPS = {
    body
    for name in ("common", *cuda.__all__)
    for body in getattr(importlib.import_module(f"imfeat_kernels.cuda.{name}"), "DOUBLES", ())
}

needs_compiler = pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")
needs_assembler = pytest.mark.skipif(
    not machine_code.is_available(),
    reason="ptxas or nvdisasm is not installed: pip install -e '.[cuda,test]'",
)


def pictures():
    """Return natural, random and constant images, of odd sizes."""
    natural = np.stack([skimage.data.astronaut()[100:161, 100:147], skimage.data.coffee()[100:161, 50:97]])
    noise = np.random.default_rng(5).integers(0, 256, (1, 33, 47, 3), dtype=np.uint8)
    return natural, noise, np.full((1, 35, 29, 3), 137, np.uint8)


def run_on(card):
    """Run all cases on the kernels of a card; return their differences from the CPU and the compiled code."""
    off = {}
    codes = {}
    for images in pictures():
        for case in cases.gpu_cases(images):
            inputs = copy.deepcopy(case.inputs)
            with device.on_host(card) as runs:
                difference = case.difference(case.run(cpu), case.run(cuda))
            for before, after in zip(inputs, case.inputs, strict=True):
                np.testing.assert_array_equal(before, after)
            off.setdefault(case.kernel, []).append((difference, case.tolerance))
            for body, signature, text in runs.compiled:
                codes.setdefault((case.kernel, body, signature), text)
    facts = {}
    for (kernel, body, signature), text in codes.items():
        if machine_code.is_available():
            facts[kernel, body, str(signature)] = machine_code.examine(text, card)
    return off, facts


def simulate():
    """Run every kernel in Numba's simulator, in a process of its own, and return its output."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-m", "tests.simulated"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Start the runs, which take a minute each, two at a time; yield futures of `run_on` and `simulate`."""
    context = multiprocessing.get_context("spawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMFEAT_PTX_FOLDER", str(tmp_path_factory.mktemp("ptx")))
        with concurrent.futures.ProcessPoolExecutor(min(2, os.cpu_count() or 1), context) as pool:
            cards = {card: pool.submit(run_on, card) for card in device.CARDS}
            yield cards, pool.submit(simulate)


def public_functions(module):
    own = inspect.getmembers(module, inspect.isfunction)
    return {name: f for name, f in own if not name.startswith("_") and f.__module__ == module.__name__}


def test_names_and_signatures_are_those_of_the_cpu():
    assert set(cpu.__all__) - ON_THE_HOST == set(cuda.__all__)
    for name in cuda.__all__:
        ours, theirs = public_functions(getattr(cuda, name)), public_functions(getattr(cpu, name))
        for function in theirs:
            assert inspect.signature(ours[function]) == inspect.signature(theirs[function])
            assert f"{name}.{function}" in NAMES


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("kernel", NAMES)
def test_compiled_code_gives_the_results_of_the_cpu(work, kernel, card):
    for off, tolerance in work[0][card].result()[0][kernel]:
        assert off <= tolerance


@pytest.mark.slow
@needs_compiler
@needs_assembler
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("kernel", NAMES)
def test_machine_code_is_lean(work, kernel, card):
    facts_of = work[0][card].result()[1]
    facts_of_kernel = {key: facts for key, facts in facts_of.items() if key[0] == kernel}
    assert facts_of_kernel
    for (_, body, _), facts in facts_of_kernel.items():
        assert facts["spilled"] == facts["stack"] == facts["local"] == facts["divisions_in_loops"] == 0
        assert facts["double_in_loops"] == 0 or body in DOUBLE_IN_LOOPS
        assert facts["registers"] <= 128  # so that two blocks of 256 threads share the 65,536 of a processor


@pytest.mark.slow
def test_every_kernel_runs_in_the_simulator(work):
    done = work[1].result()
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert sorted(name for name, _, _ in lines) == NAMES
    for name, off, tolerance in lines:
        assert float(off) <= float(tolerance), name

"""CUDA kernels: the compiled code run on the CPU, against the CPU's kernels, and assembled for every card."""

import concurrent.futures
import importlib
import inspect
import json
import lzma
import multiprocessing
import os

import numpy as np
import pytest
import skimage.data
from imfeat_kernels import cases, cpu, cuda
from imfeat_kernels.cases import products
from imfeat_kernels.cuda import code

from benchmarks.cuda import prediction_table
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


def run_all():
    """Run all cases on what was compiled; return their differences from the CPU, and the kernels that ran."""
    off = {}
    launched = {}
    for images in pictures():
        for case in cases.gpu_cases(images):
            with device.on_host() as runs:
                difference = case.difference(case.run(cpu), case.run_on_gpu(cuda))
            off.setdefault(case.kernel, []).append((difference, case.tolerance))
            for body, signature, _ in runs.launched:
                launched.setdefault((case.kernel, body.name, signature), code.ptx_of(body, signature))
    return off, launched


def examine(card, launched):
    """Return facts about the machine code of kernels on a card; several kernels may launch the same body."""
    facts = {text: machine_code.examine(text, card) for text in set(launched.values())}
    return {key: facts[text] for key, text in launched.items()}


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """Run all cases in a process of its own, which takes a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMFEAT_PTX_FOLDER", str(tmp_path_factory.mktemp("ptx")))
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return pool.submit(run_all).result()


@pytest.fixture(scope="session")
def facts(ran):
    """Assemble what ran for every card, two at a time."""
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        return dict(
            zip(device.CARDS, pool.map(lambda card: examine(card, ran[1]), device.CARDS), strict=True)
        )


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


@pytest.mark.parametrize(
    ("kernel", "shapes", "expected"),
    [
        ("nearest.assign", ((5, 2), (3, 2)), 5 * 3 * 2),
        ("quantizer.encode", ((5, 6), (3, 2, 4)), 5 * 3 * 2 * 4),
        ("mixture.moments", ((5, 2), (4,), (3,), (3, 2), (3, 2)), 4 * 5 * 3 * 2),
        ("products.scatter", ((5, 3), (3,)), 5 * 6),
        ("pooling.pool_thresholds", ((1, 2, 2, 3), (1, 2, 2, 2), (7, 3), (7, 2)), 4 * 7 * (3 + 2)),
        ("color.rgb_to_hsv", ((5, 3),), 0),
    ],
)
def test_products_need_multiply_adds(kernel, shapes, expected):
    case = cases.Case(kernel, tuple(map(np.zeros, shapes)), (), 0, 1)
    assert cases.multiply_adds(case) == expected
    assert set(products.FORMULAS) <= set(NAMES)


@pytest.mark.parametrize(("multiply_adds", "floor"), [(0, "2"), (67e3 / 2, "10"), (670, "2")])
def test_the_floor_is_the_slower_of_bytes_and_multiply_adds(multiply_adds, floor):
    cost = {"bytes": 670, "instructions": 1, "multiply_adds": multiply_adds}
    row = prediction_table({"kernel": cost}).splitlines()[2]
    assert row.split(" | ")[4] == floor


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("kernel", NAMES)
def test_compiled_code_gives_the_results_of_the_cpu(ran, kernel):
    for off, tolerance in ran[0][kernel]:
        assert off <= tolerance


@pytest.mark.slow
@needs_compiler
@needs_assembler
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("kernel", NAMES)
def test_machine_code_is_lean(facts, kernel, card):
    facts_of_kernel = {key: found for key, found in facts[card].items() if key[0] == kernel}
    assert facts_of_kernel
    for (_, body, _), found in facts_of_kernel.items():
        assert found["spilled"] == found["stack"] == found["local"] == found["divisions_in_loops"] == 0
        assert found["double_in_loops"] == 0 or body.partition(".")[2] in DOUBLE_IN_LOOPS
        assert found["registers"] <= 128  # so that two blocks of 256 threads share the 65,536 of a processor


@pytest.mark.slow
def test_what_is_compiled_is_what_is_written():
    compiler = pytest.importorskip("imfeat_kernels.cuda.compiler")
    pytest.importorskip("numba_cuda", reason="the CUDA compiler is not installed: pip install -e '.[test]'")
    for path in sorted(code.FOLDER.iterdir()):
        module = importlib.import_module(f"imfeat_kernels.cuda.{path.name.partition('.')[0]}")
        texts = json.loads(lzma.decompress(path.read_bytes()))
        written_by = texts.pop(code.COMPILER)
        if written_by != compiler.versions():
            pytest.skip(f"the kernels were compiled by {written_by}, and here is {compiler.versions()}")
        for key, text in texts.items():
            name, _, kinds = key.rstrip(")").partition("(")
            body = getattr(module, name)
            assert text == compiler.to_ptx(body, kinds.split(", ")), f"run python -m benchmarks.cuda: {key}"

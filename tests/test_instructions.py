"""The same results with any set of instructions, and the machine code for processors that are not at hand."""

import platform
import re
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from imfeat_kernels.cpu import registers

from tests import instructions

HAS_AVX512 = registers.FLOATS == 16
# Vector instructions of which one innermost loop of each body has all; for SVE some have other names.
VECTORIZED = {
    "_hsv.bytes_to_hsv": ("fdiv", "fmul"),
    "_hsv.hsv_to_rgb": ("fabd", "fcmgt", "fmul"),
    "color._rgb_to_gray_bytes": ("ld3", "umlal", "ushr"),
    "_histogram.histograms": ("ld3", "mul", "saddw"),
    "palette._nearest_colors": ("fmla", "fminnm"),
    "_hog.cell_histograms": ("fadd", "fcmge", "fmul", "fneg"),
    "_hog.block_histograms": ("fabd", "fmaxnm", "fmla"),
    "nearest._assign": ("fmla",),
    "products._multiply_by_filters": ("fmla",),
    "blocks._normalize_blocks": ("fadd", "fdiv", "fsqrt"),
    "patches._dense_patches": ("fmul", "ucvtf"),
    "residuals._sum_residuals": ("fadd", "fsub"),
    "_mixture.moments": ("fcvtzs", "fmaxnm", "fmla"),
    "equalize._equalize": ("fcvtzs", "fmul", "smin"),
    "resize._across_first": ("mla",),
    "resize._down_first": ("mla",),
}
# LLVM takes SVE of this processor for slower here; it vectorizes the loop for Neoverse N1 and V2.
LEFT_OUT = {"neoverse-v1": {"_hsv.bytes_to_hsv"}}
SAME = {"fdivr": "fdiv", "fmad": "fmla"}
BY_HAND = "equalize._equalize", "nearest._assign", "palette._nearest_colors", "products._multiply_by_filters"

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="compares sets of instructions of x86-64"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run all cases for several sets of instructions."""
    folder = tmp_path_factory.mktemp("caches")
    processors = ["avx2", "baseline", *["native"] * HAS_AVX512]
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda processor: instructions.start(processor, folder, "run"), processors)
        return dict(zip(processors, results, strict=True))


@pytest.mark.release
@pytest.mark.slow  # Numba compiles every body three times, here and below
@pytest.mark.parametrize("processor", ["baseline", "native"])
def test_results_are_the_same_with_any_instructions(runs, processor):
    if processor not in runs:
        pytest.skip("this processor has no AVX-512: its instructions are those of avx2")
    pairs = list(zip(runs["avx2"][0], runs[processor][0], strict=True))
    assert any(isinstance(a, np.ndarray) for (_, _, results), _ in pairs for a in results)
    for (kernel, tolerance, expected), (_, _, results) in pairs:
        for a, b in zip(expected, results, strict=True):
            if isinstance(a, str):  # hashes
                assert a == b, kernel
            else:
                limit = min(tolerance, 4e-6 * max(1, np.abs(a).max()))
                np.testing.assert_allclose(b, a, rtol=0, atol=limit, err_msg=kernel)


@pytest.mark.release
@pytest.mark.slow
def test_nothing_is_stored_under_a_mask(runs):
    """Such stores are slow on processors of AMD without AVX-512."""
    assert runs["avx2"][1] == {}


def test_masked_stores_are_told_from_loads():
    found = instructions.MASKED_STORE.findall(
        "\tvmaskmovps\t%ymm1, %ymm2, 32(%rax,%rcx,4)\n"
        "\tvpmaskmovd\t%xmm1, %xmm12, (%rax)\n"
        "\tvpmaskmovd\t(%rax), %ymm1, %ymm2\n"
    )
    assert len(found) == 2


@pytest.mark.release
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["skylake-avx512", "znver5"])
def test_registers_of_avx512_are_used(tmp_path, processor):
    codes = instructions.start(processor, tmp_path, "compile_bodies", *BY_HAND)
    assert set(codes) == set(BY_HAND)
    permutes = re.search(r"\bvperm[it]2b\s+%zmm", codes["equalize._equalize"])
    assert bool(permutes) == (processor == "znver5")  # the other one has no VBMI
    for name in BY_HAND[1:]:
        assert re.search(r"\bvfmadd\d+ps\s.*%zmm", codes[name]), name


@pytest.mark.release
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["apple-m1", "neoverse-v1"])
def test_inner_loops_are_vectorized_on_arm(tmp_path, processor):
    check_loops(processor, tmp_path, *sorted(set(VECTORIZED) - LEFT_OUT.get(processor, set())))


def test_an_inner_loop_is_vectorized_on_arm(tmp_path):
    check_loops("apple-m1", tmp_path, "color._rgb_to_gray_bytes")


def check_loops(processor, folder, *names):
    codes = instructions.start(processor, folder, "compile_bodies", *names)
    assert set(codes) == set(names)
    for name, code in codes.items():
        loops = [
            {SAME.get(operation, operation) for operation in instructions.vector_operations(loop)}
            for loop in instructions.inner_loops(code)
        ]
        assert any(loop.issuperset(VECTORIZED[name]) for loop in loops), f"{name}: {loops}"

"""All kernels: against their references, with any number of threads, and what their files must keep to."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import numba
import numpy as np
import pytest
import reference
from imfeat_kernels import cases, cpu
from imfeat_kernels.cpu import launch

RNG = np.random.default_rng(0)
SIZES = (3, 29, 37), (1, 25, 27)  # which nothing divides, and a batch of one
CASES = {
    f"{case.kernel}-{k}-of-{size[0]}": case
    for size in SIZES
    for k, case in enumerate(
        cases.make_cases(RNG.integers(0, 256, (*size, 3), dtype=np.uint8), n_vectors=130)
    )
}
KERNELS = {
    f"{name}.{launcher}": function
    for name in cpu.__all__
    for launcher, function in inspect.getmembers(getattr(cpu, name), inspect.isfunction)
    if not launcher.startswith("_") and function.__module__ == f"imfeat_kernels.cpu.{name}"
}

compiled = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_matches_the_reference(case):
    for result, expected in zip(case.run(cpu), reference.run(case), strict=True):
        # Tolerances of the table are for a GPU; the CPU comes closer where values are small.
        tolerance = min(case.tolerance, 4e-6 * max(1, np.abs(expected).max()))
        np.testing.assert_allclose(result.astype(float), expected, rtol=0, atol=tolerance)


def read_only(value):
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def bytes_of(case, n_threads, monkeypatch):
    """Return the results of a case that is split over threads however small it is."""
    module = inspect.getmodule(case.launcher(cpu))
    monkeypatch.setattr(
        module, "launch", lambda body, n_items, *arrays, grain=1: launch.launch(body, n_items, *arrays)
    )
    monkeypatch.setattr(launch, "n_threads", n_threads)
    monkeypatch.setattr(launch, "_pool", None)
    return [result.tobytes() for result in case.run(cpu)]


@compiled
def test_threads_change_no_bit(case, monkeypatch):
    alone = bytes_of(case, 1, monkeypatch)
    for n_threads in (2, 5):
        assert bytes_of(case, n_threads, monkeypatch) == alone


@pytest.mark.slow  # Numba compiles every body again
@compiled
def test_all_inputs_may_be_read_only(case, monkeypatch):
    frozen = dataclasses.replace(case, inputs=tuple(map(read_only, case.inputs)))
    assert bytes_of(frozen, 2, monkeypatch) == bytes_of(case, 1, monkeypatch)


@compiled
def test_every_kernel_has_a_case():
    assert {case.kernel for case in CASES.values()} == set(KERNELS)


@compiled
@pytest.mark.parametrize("kernel", KERNELS)
def test_docstrings_name_every_parameter(kernel):
    function = KERNELS[kernel]
    documentation = inspect.getdoc(function)
    for parameter in inspect.signature(function).parameters:
        assert parameter in documentation, f"the docstring of {kernel} lacks {parameter}"


COPIES = {
    "padded": ("_hog", "sift", "uoctti"),
    "arctan_in_turns": ("_hog", "color", "_directions"),
    "turn": ("_hog", "_directions"),
    "_column_weights": ("_directions", "uoctti"),
    "_gradients": ("_directions", "uoctti"),
    "gradient": ("_directions", "uoctti"),
    "clipped": ("_directions", "uoctti"),
    "larger": ("_hsv", "color"),
    "smaller": ("_hsv", "color", "_hog"),
    "_count_bytes": ("_histogram", "equalize"),
    "_count_word": ("_histogram", "equalize"),
    "_empty_counters": ("_histogram", "equalize"),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_of_a_helper_are_the_same(name):
    """Numba's cache does not notice changes in other files, so each file has its own copy."""
    modules = [importlib.import_module(f"imfeat_kernels.cpu.{file}") for file in COPIES[name]]
    assert len({inspect.getsource(getattr(module, name)) for module in modules}) == 1


def test_helpers_that_may_reorder_sums_are_inlined():
    """Otherwise a process that compiles them runs another copy than one that loads the cache."""
    for found in pkgutil.iter_modules(cpu.__path__):
        functions = vars(importlib.import_module(f"imfeat_kernels.cpu.{found.name}"))
        compiled_functions = {name: f for name, f in functions.items() if hasattr(f, "targetoptions")}
        for name, function in compiled_functions.items():
            if may_reorder(name, compiled_functions) and not function.targetoptions.get("nogil"):
                assert function.targetoptions.get("forceinline"), function


def may_reorder(name, functions):
    """Tell whether a function, or one that it calls, is compiled with fastmath flags."""
    function = functions[name]
    called = set(function.py_func.__code__.co_names) & set(functions) - {name}
    return bool(function.targetoptions.get("fastmath")) or any(may_reorder(f, functions) for f in called)


def test_functions_without_an_entry_point_are_called_by_compiled_functions_of_their_file():
    """A call from Python, such as from a CUDA kernel in the simulator, would crash."""
    trees = {path: ast.parse(path.read_text()) for path in Path(cpu.__path__[0]).parent.rglob("*.py")}
    inner = {path: [f for f in tree.body if is_decorated(f, "inner")] for path, tree in trees.items()}
    assert sum(map(len, inner.values())) > 100
    for path, tree in trees.items():
        plain = [part for part in tree.body if not is_decorated(part, "inner", "njit")]
        called = {node.id for part in plain for node in ast.walk(part) if isinstance(node, ast.Name)}
        assert not called & {f.name for f in inner[path]}, path
        attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for other, functions in inner.items():
            modules = {other.stem, "cpu"} if other.stem.strip("_") == path.stem else {other.stem}
            assert not attributes & {f"{module}.{f.name}" for module in modules for f in functions}, path


def is_decorated(part, *names):
    decorators = getattr(part, "decorator_list", [])
    return any(getattr(getattr(d, "func", d), "id", None) in names for d in decorators)

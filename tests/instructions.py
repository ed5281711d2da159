"""Run or compile kernels for any set of instructions, in a process of its own, and read assembly.

``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` choose the instructions: see `start`.
"""

import hashlib
import importlib
import os
import pickle
import pkgutil
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

ROOT = Path(__file__).parents[1]
AVX2 = "+sse4.2,+ssse3,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe"
AVX512 = f"{AVX2},+avx512f,+avx512cd,+avx512dq,+avx512bw,+avx512vl"
PROCESSORS = {  # name of LLVM's processor, its features, and its triple if it is not the one of this machine
    "native": (None, None, ""),
    "avx2": ("znver3", AVX2, ""),
    "baseline": ("generic", "", ""),
    "skylake-avx512": ("skylake-avx512", AVX512, ""),
    "znver5": ("znver5", f"{AVX512},+avx512vbmi", ""),
    "apple-m1": ("apple-m1", "+neon", "aarch64-unknown-linux-gnu"),
    "neoverse-v1": ("neoverse-v1", "+neon,+sve", "aarch64-unknown-linux-gnu"),
}
# AT&T syntax: the memory operand of a store is the last one.
MASKED_STORE = re.compile(r"\bv?p?maskmov\w*\s+%[xy]mm\d+, %[xy]mm\d+, [^%\n]*\(")
LABEL = re.compile(r"(\.?LBB\d+_\d+):")
BRANCH = re.compile(r"(?:b|b\.\w+|cbn?z|tbn?z)\s(?:.*\s)?(\.?LBB\d+_\d+)$")
VECTOR = re.compile(r"\bv\d+\.\d+[bhsd]\b|\bz\d+\.[bhsd]\b")


def start(processor, folder, task, *names):
    """Do a task of this file in a process that compiles for one of PROCESSORS, and return its result.

    The process keeps its cache in ``folder``.
    """
    cpu, features, triple = PROCESSORS[processor]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / processor), "PYTHONPATH": paths}
    if cpu is not None:
        environment |= {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    path = folder / f"{processor}-{task}.pickle"
    command = [sys.executable, "-m", "tests.instructions", task, path, triple, *names]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return pickle.loads(path.read_bytes())


def run():
    """Run all cases.

    Returns
    -------
    results : list of (kernel, tolerance, results)
        Of arrays of integers, and of kernels that keep the order of sums, there are only hashes.
    stores : dict of str to int
        Numbers of masked stores in the bodies that have any.
    seconds : float
        Used by the calls, each the second one of its case.
    """
    from imfeat_kernels import cpu
    from imfeat_kernels.cpu import launch

    launch.n_threads = 1
    reordered = reordered_modules()
    results = []
    seconds = {}
    for k, case in enumerate(make_cases()):
        arrays = case.run(cpu)
        keeps_order = case.kernel.split(".")[0] not in reordered
        arrays = [hash_of(a) if keeps_order or a.dtype.kind != "f" else a for a in arrays]
        results.append((case.kernel, case.tolerance, arrays))
        begin = time.perf_counter()
        case.run(cpu)
        seconds[k, case.kernel] = time.perf_counter() - begin
    stores = {name: count_stores(body) for name, body in bodies().items()}
    return results, {name: n for name, n in stores.items() if n}, seconds


def count_stores(body):
    return sum(len(MASKED_STORE.findall(code)) for code in body.inspect_asm().values())


def hash_of(array):
    return hashlib.sha256(array.tobytes()).hexdigest()


def make_cases(size=(2, 61, 83), n_vectors=300):
    """Return all cases: images are noise, and of one colour in the middle."""
    from imfeat_kernels import cases

    images = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    images[:, size[1] // 3 : size[1] // 2] = 77
    return list(cases.make_cases(images, dtypes=("uint8", "float32"), n_vectors=n_vectors))


def compiled_functions():
    """Yield module, name and function of all compiled functions of the CPU's kernels."""
    from imfeat_kernels import cpu

    for found in pkgutil.iter_modules(cpu.__path__):
        for name, function in vars(importlib.import_module(f"imfeat_kernels.cpu.{found.name}")).items():
            if hasattr(function, "targetoptions"):
                yield found.name, name, function


def bodies():
    """Return the kernel bodies by module and name."""
    return {f"{m}.{name}": f for m, name, f in compiled_functions() if f.targetoptions.get("nogil")}


def reordered_modules():
    """Return the modules in which LLVM may choose the order of sums, which depends on the registers."""
    return {module.lstrip("_") for module, _, f in compiled_functions() if f.targetoptions.get("fastmath")}


def compile_bodies(*names):
    """Compile bodies for the arguments of their first case, run none, and return their assembly."""
    import numba
    from imfeat_kernels import cpu
    from imfeat_kernels.cpu import launch

    codes = {}

    def compile_body(body, n_items, *arrays, grain=1):
        name = f"{body.py_func.__module__.rpartition('.')[2]}.{body.py_func.__name__}"
        if name in names and name not in codes:
            kinds = tuple(map(numba.typeof, (0, n_items, *arrays)))
            body.compile(kinds)
            codes[name] = body.inspect_asm(body.signatures[0])

    list(compiled_functions())  # imports all modules
    launcher = launch.launch
    for module in list(sys.modules.values()):
        if getattr(module, "launch", None) is launcher:
            module.launch = compile_body
    for case in make_cases((2, 24, 24), 30):
        if len(codes) < len(names):
            case.run(cpu)
    return codes


def inner_loops(code):
    """Return the instructions of each innermost loop of assembly for aarch64."""
    lines = [re.sub(r"\s*(//|;).*", "", line).strip() for line in code.splitlines()]
    place = {match[1]: k for k, line in enumerate(lines) if (match := LABEL.match(line))}
    spans = set()
    for k, line in enumerate(lines):
        match = BRANCH.match(line)
        if match and place.get(match[1], k) < k:
            spans.add((place[match[1]], k))
    is_inner = [not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans) for s in spans]
    inner = [span for span, chosen in zip(spans, is_inner, strict=True) if chosen]
    return [[line for line in lines[a + 1 : b + 1] if line and line[0] != "."] for a, b in inner]


def vector_operations(loop):
    """Return the names of the instructions of vectors in a loop."""
    return {line.split()[0].split(".")[0] for line in loop if VECTOR.search(line)}


if __name__ == "__main__":
    task, path, triple, *names = sys.argv[1:]
    warnings.filterwarnings("ignore", message="Cannot cache compiled function")
    if triple:  # before Numba looks at it
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        llvm.get_process_triple = lambda: triple
    result = {"run": run, "compile_bodies": compile_bodies}[task](*names)
    Path(path).write_bytes(pickle.dumps(result))

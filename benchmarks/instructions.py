"""Instruction sets: the one home of what limits every library to one of them, and of what they then report.

A level is "avx512", "avx2" or "other"; a run measures one level, in a process with `environment`.
"""

import os

import llvmlite.binding
import threadpoolctl

CHOICES = "native", "avx2"
TITLES = {"avx512": "AVX-512", "avx2": "AVX2", "other": "neither AVX2 nor AVX-512"}
WIDE = "512", "SkylakeX", "Cooperlake", "SapphireRapids", "X86_V4"  # parts of names of what AVX2 has not

# What would make a library slower, or others faster, than it is on its own.
UNSET = "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"
AVX512_OF_OPENCV = ("F", "-COMMON", "-KNL", "-KNM", "-SKX", "-CNL", "-CLX", "-ICL")
ONLY_AVX2 = {
    "NUMBA_CPU_NAME": "znver3",
    "NUMBA_CPU_FEATURES": "+sse4.2,+ssse3,+popcnt,+avx,+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt,+movbe",
    "OPENCV_CPU_DISABLE": ",".join(f"AVX512{name}" for name in AVX512_OF_OPENCV),
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "FAISS_OPT_LEVEL": "avx2",  # of versions with a module an instruction set
    "FAISS_SIMD_LEVEL": "AVX2",  # of those that choose at run time
    "NPY_DISABLE_CPU_FEATURES": "",  # as the installed NumPy names them
}


def level_of_machine(features=None):
    """Return the level of the processor, whatever limits this process."""
    features = llvmlite.binding.get_host_cpu_features() if features is None else features
    if features.get("avx512bw"):
        return "avx512"
    return "avx2" if features.get("avx2") else "other"


def levels(choices, machine):
    """Return the level of each choice, on a machine of a level: once each, and none that it has not."""
    unknown = set(choices) - set(CHOICES)
    if unknown:
        raise ValueError(f"instruction sets are {' and '.join(CHOICES)}, not {', '.join(sorted(unknown))}")
    wanted = [machine if choice == "native" else choice for choice in choices]
    return list(dict.fromkeys(machine if machine == "other" else level for level in wanted))


def limits(level, machine):
    """Return the environment variables that keep all libraries at a level of a machine: none if native."""
    if level == machine:
        return {}
    from numpy._core._multiarray_umath import __cpu_dispatch__ as dispatched

    return ONLY_AVX2 | {"NPY_DISABLE_CPU_FEATURES": " ".join(filter(is_wide, dispatched))}


def environment(level, machine):
    """Return the whole environment of a process that measures a level."""
    kept = {name: value for name, value in os.environ.items() if name not in (*ONLY_AVX2, *UNSET)}
    return kept | limits(level, machine)


def is_wide(name):
    """Say whether the name of an instruction set or of a core stands for more than AVX2."""
    return any(part in name for part in WIDE)


def reports(found):
    """Return what each library says that it uses, {library: [names]}, and who says more than AVX2."""
    texts = {library: entry.instructions for library, entry in found.items() if entry.instructions}
    texts.pop("imfeat, new output", None)
    cores = {info.get("architecture") for info in threadpoolctl.threadpool_info()} - {None}
    texts["BLAS"] = sorted(cores)
    return texts, [library for library, names in texts.items() if any(map(is_wide, names))]

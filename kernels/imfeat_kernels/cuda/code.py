"""The compiled code of kernels: PTX, which the driver assembles for its card and keeps.

Files ``ptx/<module>.json.xz`` hold the PTX of the kernels of a module, by name and types of arguments.  They
are written by ``python -m benchmarks.cuda``, and tests run them on the CPU.
"""

import functools
import json
import lzma
from pathlib import Path

FOLDER = Path(__file__).with_name("ptx")
COMPILER = "compiler"  # key of the versions that compiled a file


def key_of(body, signature):
    """Return the key of a kernel for types of arguments, as ``_clip(float32[1], ...)``."""
    return f"{body.name.partition('.')[2]}({', '.join(signature)})"


def ptx_of(body, signature):
    """Return the PTX of a kernel for types of arguments.

    Raises
    ------
    TypeError
        If the kernel was not compiled for these.
    """
    key = key_of(body, signature)
    text = texts_of(body.name.partition(".")[0]).get(key)
    if text is None:
        raise TypeError(f"the kernel {key} was not compiled; please report what you called, and the dtypes")
    return text


@functools.cache
def texts_of(module):
    """Return the PTX of the kernels of a module by their keys."""
    path = FOLDER / f"{module}.json.xz"
    return json.loads(lzma.decompress(path.read_bytes())) if path.exists() else {}


@functools.cache
def load(body, signature):
    """Return a kernel that can be launched."""
    from cuda.core import ObjectCode

    text = ptx_of(body, signature)
    name = text.partition(".entry")[2].split("(")[0].strip()
    return ObjectCode.from_ptx(text.encode()).get_kernel(name)


def write(module, texts, compiler):
    """Write the PTX of the kernels of a module, with the versions that compiled it."""
    FOLDER.mkdir(exist_ok=True)
    data = json.dumps({COMPILER: compiler, **dict(sorted(texts.items()))}, indent=0).encode()
    (FOLDER / f"{module}.json.xz").write_bytes(lzma.compress(data, preset=9))
    texts_of.cache_clear()

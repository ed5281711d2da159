"""The table of kernel cases: calls of every kernel, their tolerances, and measured costs.

One table serves compiling ahead (``imfeat info --warm``), the check on a GPU (``imfeat selfcheck``), the
comparison with ``tests/reference.py``, and compiling the CUDA kernels, which run on the CPU in tests.

`colors`, `images` and `vectors` hold the cases, `products` the multiply-adds that some need.  The measured
costs are in ``costs.json``, written by ``python -m benchmarks.cuda``.
"""

import json
from pathlib import Path

import numpy as np

from imfeat_kernels import cuda
from imfeat_kernels.cases import colors, vectors
from imfeat_kernels.cases import images as gradients
from imfeat_kernels.cases.case import Case as Case
from imfeat_kernels.cases.products import multiply_adds as multiply_adds

DTYPES = "uint8", "float32", "float64"
GPU_DTYPES = "uint8", "float32"
COSTS = Path(__file__).with_name("costs.json")


def make_cases(images, *, dtypes=DTYPES, n_vectors=300, seed=0):
    """Yield cases of all kernels; the first case of a kernel is its usual call.

    Parameters
    ----------
    images : (n_images, height, width, 3) uint8
        At least 24 x 24 pixels.
    dtypes : sequence of str
        Dtypes of the images to pass; floats are in [0, 1].
    n_vectors : int
        Descriptors to pass to kernels that take no images.
    seed : int
        Seed of the random inputs.

    Yields
    ------
    Case
    """
    for make in (*colors.MAKERS, *gradients.MAKERS):
        for dtype in map(np.dtype, dtypes):
            pixels = images if dtype == np.uint8 else (images / 255).astype(dtype)
            yield from make(pixels, np.random.default_rng(seed))
    for make in vectors.MAKERS:
        yield from make(n_vectors, np.random.default_rng(seed))


def gpu_cases(images, *, n_vectors=300, seed=0):
    """Yield the cases of kernels for CUDA, without images of float64.

    Parameters are those of `make_cases`.
    """
    for case in make_cases(images, dtypes=GPU_DTYPES, n_vectors=n_vectors, seed=seed):
        if case.kernel.split(".")[0] in cuda.__all__:
            yield case


def cost_of(kernel):
    """Return the measured cost of an item of a kernel, or None if it was not measured yet.

    Returns
    -------
    dict or None
        ``"bytes"`` that move between memory and processor and ``"instructions"`` of threads.
    """
    return json.loads(COSTS.read_text(encoding="utf-8")).get(kernel)

"""Every CUDA kernel on the GPU that there is: against the CPU, what was predicted, and peers."""

import importlib.util
import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import imfeat
from imfeat._backend import Array, cpu_kernels, cuda_kernels
from imfeat._device import CudaUnavailableError, why_unavailable
from imfeat.selfcheck.cases import Case, make_cases

COSTS = Path(__file__).with_name("costs.json")
BANDWIDTH = 3.35e12  # bytes a second, of an H100 SXM
INSTRUCTIONS = (
    132 * 4 * 32 * 1.755e9
)  # that its threads begin in a second: processors, schedulers, lanes, clock
REPEATS = 10


@dataclass(frozen=True)
class Row:
    """What became of a kernel.

    Attributes
    ----------
    kernel : str
    off : float
        The largest difference from what the CPU computes.
    tolerance : float
    seconds : float
        Of one call, the fastest of several.
    predicted : float or None
        Seconds on an H100, where that was predicted.
    """

    kernel: str
    off: float
    tolerance: float
    seconds: float
    predicted: float | None

    def __str__(self) -> str:
        predicted = "" if self.predicted is None else f"{1e3 * self.predicted:.3g}"
        numbers = f"{self.off:.2g} | {self.tolerance:.2g} | {1e3 * self.seconds:.3g}"
        return f"| {self.kernel} | {numbers} | {predicted} |"


def predict(kernel: str, items: int) -> float | None:
    """Return the seconds that a kernel should take on an H100, bound by memory or by instructions."""
    costs = json.loads(COSTS.read_text(encoding="utf-8")).get(kernel)
    if costs is None:
        return None
    return float(items * max(costs["bytes"] / BANDWIDTH, costs["instructions"] / INSTRUCTIONS))


def headings() -> list[str]:
    """Return what the results depend on, and the head of their table.

    Raises
    ------
    CudaUnavailableError
        If there is no GPU, or no compiler for it.
    """
    reason = why_unavailable()
    if reason is not None:
        raise CudaUnavailableError(f"there is nothing to check: {reason}")
    facts = {"imfeat": imfeat.__version__, "Python": platform.python_version(), "NumPy": np.__version__}
    facts |= cuda_kernels().launch.about()
    lines = [f"{name}: {value}" for name, value in facts.items()]
    return [
        *lines,
        "",
        "| kernel | off by | tolerance | ms | ms on an H100, predicted |",
        "| --- |" + " ---: |" * 4,
    ]


def noise(pixels: int) -> Array:
    """Return 16 images of noise with some number of pixels in all."""
    side = max(32, int((pixels / 16) ** 0.5))
    return np.random.default_rng(0).integers(0, 256, (16, side, side, 3), dtype=np.uint8)


def check(images: Array, *, n_vectors: int = 100_000) -> Iterator[Row]:
    """Yield a row for every call of a kernel, on uint8 images (n, height, width, 3)."""
    for case in make_cases(images, n_vectors=n_vectors):
        yield _check(case)


def _check(case: Case) -> Row:
    module, name = case.kernel.split(".")
    expected = [room.copy() for room in case.results]
    getattr(getattr(cpu_kernels(), module), name)(*case.inputs, *expected)
    launch = cuda_kernels().launch
    kernel: Callable[..., None] = getattr(getattr(cuda_kernels(), module), name)
    there = [launch.to_device(value) if _is_large(value) else value for value in case.inputs]
    results: list[Any] = [launch.to_device(room) for room in case.results]
    kernel(*there, *results)
    off = max(
        float(np.abs(room.astype(float) - result.copy_to_host()).max())
        for room, result in zip(expected, results, strict=True)
    )
    return Row(
        case.kernel, off, case.tolerance, _time(kernel, there, results), predict(case.kernel, case.items)
    )


def _is_large(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.size > 4096


def _time(kernel: Callable[..., None], inputs: list[Any], results: list[Any]) -> float:
    launch, fastest = cuda_kernels().launch, np.inf
    for _ in range(REPEATS):
        launch.wait()
        begin = time.perf_counter()
        kernel(*inputs, *results)
        launch.wait()
        fastest = min(fastest, time.perf_counter() - begin)
    return float(fastest)


def peers(images: Array) -> Iterator[str]:
    """Yield lines with the times of peers on the same GPU: of those that are installed."""
    for package, measure in {
        "cucim": _time_cucim,
        "kornia": _time_kornia,
        "torchvision": _time_torchvision,
    }.items():
        if importlib.util.find_spec(package):
            for kernel, seconds in measure(images).items():
                yield f"| {kernel}, by {package} | | | {1e3 * seconds:.3g} | |"


def _time_cucim(images: Array) -> dict[str, float]:
    import cupy  # type: ignore[import-not-found]
    from cucim.skimage import color, exposure  # type: ignore[import-not-found]

    there, wait = cupy.asarray(images), cupy.cuda.Device().synchronize
    return {
        "color.rgb_to_hsv": _time_peer(lambda: color.rgb2hsv(there), wait),
        "exposure.equalize_bytes": _time_peer(lambda: exposure.equalize_hist(there[..., 0]), wait),
        "histogram (CuPy's bincount)": _time_peer(lambda: cupy.bincount(there.reshape(-1)), wait),
    }


def _time_kornia(images: Array) -> dict[str, float]:
    import kornia  # type: ignore[import-not-found]
    import torch  # type: ignore[import-not-found]

    planes = torch.from_numpy(np.moveaxis(images, -1, 1).copy()).cuda().float() / 255
    wait = torch.cuda.synchronize
    return {
        "color.rgb_to_hsv": _time_peer(lambda: kornia.color.rgb_to_hsv(planes), wait),
        "exposure.clahe_blend": _time_peer(lambda: kornia.enhance.equalize_clahe(planes), wait),
    }


def _time_torchvision(images: Array) -> dict[str, float]:
    import torch
    from torchvision.transforms.functional import equalize  # type: ignore[import-not-found]

    planes = torch.from_numpy(np.moveaxis(images, -1, 1).copy()).cuda()
    return {"exposure.equalize_bytes": _time_peer(lambda: equalize(planes), torch.cuda.synchronize)}


def _time_peer(call: Callable[[], object], wait: Callable[[], object]) -> float:
    fastest = np.inf
    for _ in range(REPEATS):
        wait()
        begin = time.perf_counter()
        call()
        wait()
        fastest = min(fastest, time.perf_counter() - begin)
    return float(fastest)

"""One image of 32x32: what a call costs beside the kernel."""

import importlib
from types import ModuleType

from benchmarks import jobs, timing
from benchmarks.contestants import KERNELS, OURS, OURS_NEW, contestants_of, limit_threads
from benchmarks.images import cut

BLOCK_SECONDS = 0.001
MOST_ABOVE_KERNEL = 10  # microseconds


def rows(names, found, repeats):
    """Yield the median microseconds of each contestant, of whole calls on one image, one thread."""
    limit_threads(found, 1)
    batch = cut(1, 32, 32)
    for name in names:
        job = jobs.ALL[name]
        ready, failed = contestants_of(name, batch, job.take(batch), 1, found)
        # A user gives imfeat the image, not a batch of one.
        ours = job.take(batch[0])
        calls = {OURS: job.call(ours), KERNELS: kernels_of(job.call(ours))}
        if job.reuses_output:
            calls |= {OURS: job.call(ours, out=job.call(ours)()), OURS_NEW: job.call(ours)}
        ready = [c for c in ready if c.library not in calls] + [
            timing.Contestant(library, timing.stopwatch(call), 1024)
            for library, call in calls.items()
            if call is not None
        ]
        seconds = timing.race(ready, repeats, BLOCK_SECONDS, pause=0)
        approximate = [
            c.library for c in ready if c.library in found and name in found[c.library].approximate
        ]
        yield row(name, {library: s * 1e6 for library, s in seconds.items()}, approximate) | {
            "failed": failed
        }


def row(name, microseconds, approximate):
    ours, kernels = microseconds[OURS], microseconds.get(KERNELS)
    peers = {library: us for library, us in microseconds.items() if library not in (OURS, OURS_NEW, KERNELS)}
    fastest = min((us for library, us in peers.items() if library not in approximate), default=None)
    return {
        "job": name,
        "microseconds": microseconds,
        "approximate": approximate,
        "above_kernels": None if kernels is None else ours - kernels,
        "times_fastest_peer": None if fastest is None else fastest / ours,
    }


def kernels_of(call):
    """Return a call that runs only the kernels which another runs, or None if none was seen.

    Functions of the kernel modules are watched during one call, and called again with the same arrays.
    """
    call()
    seen, depth = [], [0]

    def watch(kernel):
        def watched(*arguments):
            if not depth[0]:  # a kernel called by a kernel is part of that
                seen.append((kernel, arguments))
            depth[0] += 1
            try:
                return kernel(*arguments)
            finally:
                depth[0] -= 1

        return watched

    kernels = list(public_kernels())
    for module, name, kernel in kernels:
        setattr(module, name, watch(kernel))
    try:
        call()
    finally:
        for module, name, kernel in kernels:
            setattr(module, name, kernel)

    def replay():
        for kernel, arguments in seen:
            kernel(*arguments)

    return replay if seen else None


def public_kernels():
    """Yield (module, name, function) of what the kernel modules offer."""
    package = importlib.import_module("imfeat_kernels.cpu")
    for module in vars(package).values():
        name = getattr(module, "__name__", "").rpartition(".")[2]
        if isinstance(module, ModuleType) and name != "launch" and not name.startswith("_"):
            for name, value in list(vars(module).items()):
                is_own = getattr(value, "__module__", None) == module.__name__
                if callable(value) and is_own and not name.startswith("_"):
                    yield module, name, value

"""The main table: every job on every size, at every number of threads; and jobs that have one size."""

import statistics
import time

import numpy as np

from benchmarks import floors, jobs, timing
from benchmarks.contestants import OURS, OURS_NEW, contestants_of, contestants_of_fixed, limit_threads
from benchmarks.images import cut, size_class, some


def rows(names, sizes, thread_counts, found, repeats, bandwidths):
    """Yield a record of each race, in millions of pixels a second."""
    last = list(sizes)[-1]
    for size, shape in sizes.items():
        batch = cut(*shape)
        for name in names:
            job = jobs.ALL[name]
            if job.once and size != last:
                continue
            images = some(batch, job.most_pixels)
            whole = job.take(images)
            n_bytes = whole.nbytes, job.call(whole)().nbytes
            n_pixels = images[..., 0].size
            for n_threads in thread_counts:
                limit_threads(found, n_threads)
                began = time.perf_counter()
                ready, failed = contestants_of(name, images, whole, n_threads, found)
                runs = race(ready, n_bytes, n_pixels, n_threads, repeats)
                rates = rates_of(runs, {c.library: c.n_pixels / 1e6 for c in ready})
                where = size, size_class(batch), n_threads
                approximate = approximate_of(name, rates, found)
                found_row = row(
                    name, where, rates, approximate, sum(n_bytes) / n_pixels, bandwidths[n_threads]
                )
                yield (
                    found_row
                    | referees(runs, n_pixels / 1e6, found_row)
                    | {
                        "failed": failed,
                        "took": time.perf_counter() - began,
                    }
                )


def approximate_of(name, rates, found):
    return [library for library in rates if name in found[library].approximate]


def fixed_rows(names, short, thread_counts, found, repeats, bandwidths):
    """Yield a record of each race of jobs that have a size of their own, in calls a second."""
    for name in names:
        job = jobs.FIXED[name]
        taken = job.take(short)
        n_bytes = taken.nbytes, bytes_of(job.call(taken)())
        for n_threads in thread_counts:
            limit_threads(found, n_threads)
            began = time.perf_counter()
            ready, failed = contestants_of_fixed(name, taken, n_threads, found)
            pause = timing.PAUSE if short or n_threads == 1 else timing.BLAS_PAUSE
            runs = race(ready, n_bytes, 1, n_threads, repeats, pause)
            rates = rates_of(runs, {c.library: 1 for c in ready})
            where = " x ".join(map(str, taken.shape)), "large", n_threads
            approximate = approximate_of(name, rates, found)
            # The row counts bytes for a millionth of its unit of work.
            found_row = row(name, where, rates, approximate, sum(n_bytes) / 1e6, bandwidths[n_threads])
            del found_row["bytes_per_pixel"]
            yield (
                found_row
                | referees(runs, 1, found_row)
                | {
                    "bytes_per_call": sum(n_bytes),
                    "failed": failed,
                    "took": time.perf_counter() - began,
                }
            )


def race(ready, n_bytes, n_units, n_threads, repeats, pause=timing.PAUSE):
    """Return the runs of the contestants, and of what tells how the machine was doing meanwhile."""
    others = [floors.control(n_threads)]
    if any(c.library == OURS_NEW for c in ready):
        others.append(floors.fresh_copy(*n_bytes, n_threads, n_units))
    return timing.runs([*ready, *others], repeats, pause=pause)


def rates_of(runs, units):
    """Return (lower quartile, median, upper quartile) of the rate of each contestant."""
    return {library: tuple(n / np.quantile(runs[library], (0.75, 0.5, 0.25))) for library, n in units.items()}


def referees(runs, n_units, found_row):
    """Return the rate of arithmetic alone, and how calls with a new output compare with such a copy."""
    fresh = n_units / statistics.median(runs[floors.FRESH]) if floors.FRESH in runs else None
    new = found_row["imfeat_new_output"]
    return {
        "arithmetic": found_row["threads"] / statistics.median(runs[floors.CONTROL]),
        "times_fresh_copy_floor": new / fresh if new and fresh else None,
    }


def bytes_of(result):
    """Return the size of an array, of several, or of a mixture."""
    if hasattr(result, "nbytes"):
        return result.nbytes
    arrays = result if isinstance(result, tuple) else vars(result).values()
    return sum(array.nbytes for array in arrays)


def n_rows(names, sizes, thread_counts):
    once = sum(jobs.ALL[name].once for name in names)
    return len(thread_counts) * (once + len(sizes) * (len(names) - once))


def row(name, where, rates, approximate, n_bytes, bandwidth):
    """Return a record of one race, from the quartiles of rates.

    The floor is a copy of the bytes of a pixel that must move: the input once, the result once.
    """
    size, kind, n_threads = where
    medians = {library: float(median) for library, (_, median, _) in rates.items()}
    ours = medians[OURS]
    peers = {library: rate for library, rate in medians.items() if library not in (OURS, OURS_NEW)}
    exact = {library: rate for library, rate in peers.items() if library not in approximate}
    fastest = max(exact, key=exact.get, default=None)
    floor_rate = bandwidth / n_bytes / 1e6
    return {
        "job": name,
        "size": size,
        "class": kind,
        "threads": n_threads,
        "imfeat": ours,
        "imfeat_new_output": medians.get(OURS_NEW),
        "peers": peers,
        "quartiles": {library: [float(low), float(high)] for library, (low, _, high) in rates.items()},
        "approximate": approximate,
        "fastest_peer": fastest,
        "times_fastest_peer": ours / exact[fastest] if exact else None,
        "bytes_per_pixel": n_bytes,
        "times_copy_floor": ours / floor_rate,
    }

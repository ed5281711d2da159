"""The main table: every job on every size, at every number of threads; and jobs that have one size."""

from benchmarks import jobs, timing
from benchmarks.contestants import OURS, OURS_NEW, contestants_of, contestants_of_fixed, limit_threads
from benchmarks.images import cut, size_class, some


def rows(names, sizes, thread_counts, found, repeats, bandwidths):
    """Yield a record of each race."""
    last = list(sizes)[-1]
    for size, shape in sizes.items():
        batch = cut(*shape)
        for name in names:
            job = jobs.ALL[name]
            if job.once and size != last:
                continue
            images = some(batch, job.most_pixels)
            whole = job.take(images)
            n_bytes = (whole.nbytes + job.call(whole)().nbytes) / images[..., 0].size
            for n_threads in thread_counts:
                limit_threads(found, n_threads)
                ready, failed = contestants_of(name, images, whole, n_threads, found)
                seconds = timing.race(ready, repeats)
                rates = {c.library: c.n_pixels / seconds[c.library] / 1e6 for c in ready}
                yield row(
                    name,
                    (size, size_class(batch), n_threads),
                    rates,
                    approximate_of(name, rates, found),
                    n_bytes,
                    bandwidths[n_threads],
                ) | {"failed": failed}


def approximate_of(name, rates, found):
    return [library for library in rates if name in found[library].approximate]


def fixed_rows(names, short, thread_counts, found, repeats, bandwidths):
    """Yield a record of each race of jobs that have a size of their own, in calls/s."""
    for name in names:
        job = jobs.FIXED[name]
        taken = job.take(short)
        n_bytes = taken.nbytes + bytes_of(job.call(taken)())
        for n_threads in thread_counts:
            limit_threads(found, n_threads)
            ready, failed = contestants_of_fixed(name, taken, n_threads, found)
            seconds = timing.race(ready, repeats, pause=timing.BLAS_PAUSE)
            rates = {library: 1 / s for library, s in seconds.items()}
            where = " x ".join(map(str, taken.shape)), "large", n_threads
            approximate = approximate_of(name, rates, found)
            # The row counts bytes for a millionth of its unit of work.
            found_row = row(name, where, rates, approximate, n_bytes / 1e6, bandwidths[n_threads])
            del found_row["bytes_per_pixel"]
            yield found_row | {"bytes_per_call": n_bytes, "failed": failed}


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
    """Return a record of one race.

    The floor is a copy of the bytes of a pixel that must move: the input once, the result once.
    """
    size, kind, n_threads = where
    ours = rates[OURS]
    peers = {library: rate for library, rate in rates.items() if library not in (OURS, OURS_NEW)}
    exact = {library: rate for library, rate in peers.items() if library not in approximate}
    fastest = max(exact, key=exact.get, default=None)
    floor_rate = bandwidth / n_bytes / 1e6
    return {
        "job": name,
        "size": size,
        "class": kind,
        "threads": n_threads,
        "imfeat": ours,
        "imfeat_new_output": rates.get(OURS_NEW),
        "peers": peers,
        "approximate": approximate,
        "fastest_peer": fastest,
        "times_fastest_peer": ours / exact[fastest] if exact else None,
        "bytes_per_pixel": n_bytes,
        "times_copy_floor": ours / floor_rate,
    }

"""The main table: every job on every size, at every number of threads."""

from benchmarks import jobs, timing
from benchmarks.contestants import OURS, OURS_NEW, contestants_of, limit_threads
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
                approximate = [library for library in rates if name in found[library].approximate]
                yield row(
                    name,
                    (size, size_class(batch), n_threads),
                    rates,
                    approximate,
                    n_bytes,
                    bandwidths[n_threads],
                ) | {"failed": failed}


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

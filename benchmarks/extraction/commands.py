"""Commands as processes of their own: their seconds, and the peak memory of the largest process."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

EVERY = 0.02  # seconds between two looks at memory
EXTRACT = "from imfeat.cli import main; main()"
ROOT = Path(__file__).parents[2]


def extract(source, out, size, *options, features="hog,color"):
    command = [sys.executable, "-c", EXTRACT, "extract", str(source), "--features", features]
    return [*command, "--size", str(size), "--out", str(out / "run"), *options]


def peer(name, source, out, size):
    module = "benchmarks.extraction.peers"
    return [sys.executable, "-m", module, name, str(source), str(size), str(out)]


def measured(command, folder, n_cores):
    """Run a command on the first cores; return its seconds, peak memory, and the bytes it wrote."""
    cores = sorted(os.sched_getaffinity(0))[:n_cores]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
    command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    begin, peaks = time.perf_counter(), {}
    with open(folder / "said", "w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment, cwd=ROOT)
        while process.poll() is None:
            for pid in family(process.pid):
                peaks[pid] = max(peaks.get(pid, 0), peak_of(pid))
            time.sleep(EVERY)
        seconds = time.perf_counter() - begin
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: {said.read()}")
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"seconds": seconds, "peak": max(peaks.values()), "written": written}


def family(pid):
    """Return a process and its descendants."""
    found = [pid]
    for parent in found:
        try:
            found += [
                int(child)
                for task in Path(f"/proc/{parent}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except OSError:  # ended meanwhile
            continue
    return found


def peak_of(pid):
    """Return the peak memory of a process (VmHWM) in bytes, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def summary(runs):
    """Return the medians of runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}

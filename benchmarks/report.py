"""What a run found, as a page and as JSON, with the machine and the versions."""

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path

from benchmarks import goals, tables
from benchmarks.contestants import OURS, OURS_NEW


def machine():
    """Return a short name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def environment(bandwidths, found, missing):
    """Return what the numbers depend on."""
    versions = {"numba": importlib.metadata.version("numba")}
    versions |= {library: entry.version for library, entry in found.items() if library != OURS_NEW}
    return {
        "machine": machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {OURS: versions.pop(OURS), **versions},
        "missing": missing,
        "date": datetime.date.today().isoformat(),
        "copy_gigabytes_per_second": {str(n): rate / 1e9 for n, rate in bandwidths.items()},
    }


def introduction(about):
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    missing = ", ".join(about["missing"]) or "none"
    copies = ", ".join(
        f"{rate:.1f} GB/s at {n} thread{'s' * (n != '1')}"
        for n, rate in about["copy_gigabytes_per_second"].items()
    )
    return [
        "# Speed against peers",
        "",
        f"Made by `{about['command']}` on {about['date']}; the packages: benchmarks/README.md.",
        "",
        f"- Machine: {about['machine']}, {about['system']}",
        f"- Python {about['python']}; {versions}",
        f"- Missing: {missing}",
        f"- Copy bandwidth, bytes read and written: {copies}",
        f"- Medians of {about['repeats']} runs (at most 3 for calls of over a second); the contestants of a",
        "  row ran in turn, each in its quickest way that benchmarks/peers/ has. Peers and imfeat reuse",
        "  their results' memory, but for the column *new output*. A slow peer is timed on fewer pixels.",
        "",
    ]


def markdown(about, results):
    """Return the results as a page."""
    lines = introduction(about)
    rows, fixed = results.get("races", []), results.get("encodings", [])
    every = rows + fixed
    raced = {row["job"] for row in every}
    judged = [goal for goal in goals.judge(every) if goal["job"] in raced]
    lines += tables.goals(judged, goals.weak_speedups(every)) if every else []
    lines += tables.single(results["single"]) if results.get("single") else []
    if "cold" in about:
        lines += tables.cold(about["cold"], results.get("first calls", []))
    lines += tables.memory(results["memory"]) if results.get("memory") else []
    lines += tables.races(rows) if rows else []
    lines += tables.encodings(fixed) if fixed else []
    return "\n".join(lines) + "\n"


def write(folder, name, about, results):
    """Write ``name.md`` and ``name.json`` into a folder; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / f"{name}.md", folder / f"{name}.json"
    page.write_text(markdown(about, results))
    judged = goals.judge(results.get("races", []) + results.get("encodings", []))
    data.write_text(json.dumps({**about, "goals": judged, **results}, indent=1) + "\n")
    return page, data

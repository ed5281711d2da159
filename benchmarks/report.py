"""What a run found, as a table and as JSON, with the machine and the versions."""

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path

LIBRARIES = ("imfeat", "numpy", "numba", "opencv-python-headless", "pillow", "scikit-image", "scikit-learn")


def machine():
    """Return a short name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def environment(bandwidths):
    return {
        "machine": machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "date": datetime.date.today().isoformat(),
        "copy_gigabytes_per_second": {str(n): rate / 1e9 for n, rate in bandwidths.items()},
    }


def row(job, size, n_threads, rates, n_bytes, bandwidth):
    """Return a record of one race; the floor is a copy of the bytes that must move."""
    peers = {library: rate for library, rate in rates.items() if library != "imfeat"}
    fastest = max(peers, key=peers.get)
    return {
        "job": job,
        "size": size,
        "threads": n_threads,
        "mpixel_per_second": rates,
        "fastest_peer": fastest,
        "times_fastest_peer": rates["imfeat"] / peers[fastest],
        "times_scikit_image": rates["imfeat"] / rates["scikit-image"] if "scikit-image" in rates else None,
        "share_of_floor": rates["imfeat"] * 1e6 * n_bytes / bandwidth,
    }


def markdown(command, about, rows):
    """Return the results as a page."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    copies = ", ".join(f"{rate:.1f} GB/s at {n}" for n, rate in about["copy_gigabytes_per_second"].items())
    lines = [
        "# Speed against peers",
        "",
        f"Made by `{command}` on {about['date']}.",
        "",
        f"{about['machine']}; Python {about['python']}; {versions}. Copy bandwidth (bytes read and "
        f"written): {copies} thread(s).",
        "",
        "Mpixel/s, medians; every contestant of a row ran in turn. *x peer* is imfeat's rate over the",
        "fastest peer's; *floor* is the share of the copy bandwidth that imfeat's pixels take.",
        "",
        "| job | images | threads | imfeat | peers | x peer | x scikit-image | floor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        rates = sorted(r["mpixel_per_second"].items(), key=lambda item: -item[1])
        peers = ", ".join(f"{library} {rate:.4g}" for library, rate in rates if library != "imfeat")
        slowest = f"{r['times_scikit_image']:.0f}" if r["times_scikit_image"] else ""
        lines.append(
            f"| {r['job']} | {r['size']} | {r['threads']} | {r['mpixel_per_second']['imfeat']:.0f} | {peers} "
            f"| {r['times_fastest_peer']:.2f} | {slowest} | {r['share_of_floor']:.0%} |"
        )
    return "\n".join(lines) + "\n"


def write(folder, name, command, about, rows):
    """Write ``name.md`` and ``name.json`` into a folder; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data = folder / f"{name}.md", folder / f"{name}.json"
    page.write_text(markdown(command, about, rows))
    data.write_text(json.dumps({"command": command, **about, "rows": rows}, indent=1) + "\n")
    return page, data

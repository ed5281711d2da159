"""What a run found, as a page, as JSON and as a chart, with the machine and the versions."""

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path

import llvmlite.binding

from benchmarks import chart, goals, tables
from benchmarks.contestants import OURS, OURS_NEW
from benchmarks.instructions import TITLES


def machine():
    """Return a short name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"{model}, {os.cpu_count()} cores"


def environment(found, missing):
    """Return what the numbers depend on."""
    versions = {"numba": importlib.metadata.version("numba")}
    versions |= {library: entry.version for library, entry in found.items() if library != OURS_NEW}
    return {
        "machine": machine(),
        "processor": llvmlite.binding.get_host_cpu_name(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {OURS: versions.pop(OURS), **versions},
        "missing": missing,
        "date": datetime.date.today().isoformat(),
    }


def introduction(about):
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    missing = ", ".join(about["missing"]) or "none"
    return [
        f"Made by `{about['command']}` on {about['date']}; the packages: benchmarks/README.md.",
        "",
        f"- Machine: {about['machine']} ({about['processor']}), {about['system']}",
        f"- Python {about['python']}; {versions}",
        f"- Missing: {missing}",
        f"- Medians of {about['repeats']} runs (at most 3 for calls of over 0.4 s); the contestants of a",
        "  row ran in turn, each in its quickest way that benchmarks/peers/ has. Peers and imfeat reuse",
        "  their results' memory, but for the column *new output*. A slow peer is timed on fewer pixels.",
        "",
    ]


def set_facts(facts, about):
    """Say how libraries were kept to an instruction set, and what they report."""
    title = TITLES[facts["level"]]
    if facts["level"] == about["machine_level"]:
        how = "what the machine has: no library was limited"
        how += "; it has no AVX-512" if facts["level"] == "avx2" else ""
    else:
        variables = " ".join(f'{name}="{value}"' for name, value in facts["environment"].items())
        how = f"every library limited alike, by `{variables}`"
    said = "; ".join(f"{library}: {' '.join(names)}" for library, names in facts["reports"].items())
    lines = [f"- {title} is {how}.", f"- The libraries report: {said}."]
    silent = [name for name in about["versions"] if name not in facts["reports"] and name != "numba"]
    if facts["level"] != about["machine_level"]:
        if facts["exceeding"]:
            lines.append(f"- **Not limited**, by their reports: {', '.join(facts['exceeding'])}.")
        lines.append(f"- Without a report, so perhaps not limited: {', '.join(silent)}.")
    copies = ", ".join(
        f"{rate:.1f} GB/s at {n} thread{'s' * (n != '1')}"
        for n, rate in facts["copy_gigabytes_per_second"].items()
    )
    return [*lines, f"- Copy bandwidth, bytes read and written: {copies}", ""]


def of_level(rows, level):
    return [row for row in rows if goals.level_of(row) == level]


def section(facts, about, results):
    """Return the tables of one instruction set."""
    level = facts["level"]
    races, fixed, single = (
        of_level(results.get(table, []), level) for table in ("races", "encodings", "single")
    )
    every = races + fixed
    lines = [f"## {TITLES[level]}", "", *set_facts(facts, about)]
    if every:
        raced = {row["job"] for row in every}
        lines += tables.goals([goal for goal in goals.judge(every) if goal["job"] in raced])
        lines += tables.behind(every)
        lines += tables.weak(goals.weak_speedups(every))
    lines += tables.single(single) if single else []
    lines += tables.races(races) if races else []
    lines += tables.encodings(fixed) if fixed else []
    return lines


def markdown(about, results, charts=()):
    """Return the results as a page."""
    lines = ["# Speed against peers", ""]
    every = results.get("races", []) + results.get("encodings", [])
    if charts:
        lines += [f"![{chart.alternative_text(every)}]({Path(path).name})" for path in charts] + [""]
    lines += introduction(about)
    lines += tables.medians(every, [facts["level"] for facts in about["sets"]]) if every else []
    for facts in about["sets"]:
        lines += section(facts, about, results)
    for start in results.get("cold", []):
        lines += tables.cold(start, results.get("first calls", []))
    lines += tables.memory(results["memory"]) if results.get("memory") else []
    return "\n".join(lines) + "\n"


def write(folder, name, about, results):
    """Write ``name.md``, ``name.json`` and ``name.svg`` into a folder; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, data, picture = (folder / f"{name}.{kind}" for kind in ("md", "json", "svg"))
    every = results.get("races", []) + results.get("encodings", [])
    drawn = chart.draw(every, picture)
    page.write_text(markdown(about, results, [picture] if drawn else []))
    data.write_text(json.dumps({**about, "goals": goals.judge(every), **results}, indent=1) + "\n")
    return page, data, picture

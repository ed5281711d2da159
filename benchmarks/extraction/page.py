"""The page of results."""

from benchmarks.extraction.peers import PEERS
from benchmarks.extraction.races import CORES, EXACT, PILLOW

LARGE = {"ImageNet, 1.2 million": 1_200_000, "a billion": 1_000_000_000}


def page(result):
    about = result["about"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    counts = sorted({row["runs"] for row in result["races"]})
    runs = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    lines = [
        "# From image files to tables of features: whole commands",
        f"`{about['command']}`{about['calls']}; {about['date']}, "
        f"{about['machine']} ({about['processor']}, {about['instructions']}).",
        f"Python {about['python']}, {versions}. Load of the machine before and after the jobs: "
        f"{', '.join(f'{load:.1f}' for load in about['load'])}.",
        "",
        f"Medians of {runs} whole commands, from start to end, in images a second. Contestants of a table",
        "took turns on the same cores. Ratios are to Pillow, which decodes and scales without computing",
        "features. Memory is the peak (VmHWM) of the largest process.",
    ]
    for job in dict.fromkeys(row["job"] for row in result["races"]):
        lines += [
            "",
            f"## {job[0].upper()}{job[1:]}",
            "",
            *race([r for r in result["races"] if r["job"] == job]),
        ]
    lines += goal_lines(result["goals"]) + memory_lines(result["memory"])
    return "\n".join(lines + scale_lines(result)) + "\n"


def title_of(name):
    return PEERS[name][2] if name in PEERS else name


def race(rows):
    """Return the table of a job, a line a contestant."""
    cells = {(row["name"], row["cores"]): row for row in rows}
    lines = [
        "| command | 1 core | x Pillow | 2 cores | x Pillow | seconds | MB a process | MB written |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(row["name"] for row in rows):
        numbers = []
        for n_cores in CORES:
            row, base = cells.get((name, n_cores)), cells.get((PILLOW, n_cores))
            if row is None:
                numbers += ["", ""]
                continue
            digits = 1 if row["images_per_s"] < 100 else 0
            ratio = row["images_per_s"] / base["images_per_s"]
            numbers += [f"{row['images_per_s']:,.{digits}f}", f"{ratio:.2f}"]
        row = cells[name, CORES[-1]]
        numbers += [f"{row['seconds']:.2f}", f"{row['peak'] / 1e6:.0f}", f"{row['written'] / 1e6:.0f}"]
        lines.append(f"| {' | '.join([title_of(name), *numbers])} |")
    return lines


def goal_lines(goals):
    lines = ["", "## Goals", "", "| job | command | of the rate of | cores | at least | is | |"]
    lines += ["| --- | --- | --- | ---: | ---: | ---: | --- |"]
    for goal in goals:
        verdict = "reached" if goal["ratio"] >= goal["least"] else "**missed**"
        cells = [goal["job"], goal["name"], title_of(goal["base"]), str(goal["cores"])]
        cells += [f"{goal['least']:.1f}", f"{goal['ratio']:.2f}", verdict]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def memory_lines(rows):
    if not rows:
        return []
    lines = ["", "## Memory", "", "Peak of the largest process, `--decode fast`, on two cores:", ""]
    lines += ["| images | images/s | MB a process | MB written |", "| ---: | ---: | ---: | ---: |"]
    return lines + [
        f"| {row['images']:,} | {row['images_per_s']:,.0f} | {row['peak'] / 1e6:.0f} | "
        f"{row['written'] / 1e6:,.0f} |"
        for row in rows
    ]


def scale_lines(result):
    """Return what many images cost, computed from what was measured."""
    rows = [row for row in result["races"] if (row["name"], row["cores"]) == (EXACT, 1)]
    first = next((row for row in rows if "in 17 folders" in row["job"]), rows[0])
    bytes_an_image = result["about"]["bytes_an_image"]
    written = first["written"] / result["about"]["images"]
    lines = ["", f"## More images of {bytes_an_image / 1e3:.0f} kB, at the rate of one core", ""]
    lines += ["| images | hours of a core | TB read | TB written |", "| --- | ---: | ---: | ---: |"]
    for name, n in LARGE.items():
        hours = n / first["images_per_s"] / 3600
        lines.append(
            f"| {name} | {hours:,.1f} | {n * bytes_an_image / 1e12:,.2f} | {n * written / 1e12:,.2f} |"
        )
    lines += ["", "## A pass of a fit over descriptors, in one thread", ""]
    lines += ["| pass | seconds a million descriptors | MB sent a shard |", "| --- | ---: | ---: |"]
    return lines + [
        f"| {row['name']} | {row['seconds']:.2f} | {row['sent'] / 1e6:.2f} |" for row in result["passes"]
    ]

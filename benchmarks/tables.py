"""The tables of the page, each a list of lines."""

from benchmarks import goals as goal
from benchmarks.contestants import KERNELS, OURS, OURS_NEW
from benchmarks.instructions import TITLES
from benchmarks.memory import MOST_BEYOND
from benchmarks.single import MOST_ABOVE_KERNEL

MEGABYTE = 1e6


def table(titles, rows):
    cells = [titles, ["---"] * len(titles), *rows]
    return ["| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in cells] + [
        ""
    ]


def number(value, pattern=".2f"):
    return "" if value is None else format(value, pattern)


def yes(met):
    return {True: "yes", False: "**no**", None: "not measured"}[met]


def medians(rows, levels):
    """The median ratio of all rows, an instruction set at a time."""
    lines = []
    for level in levels:
        median = goal.median_ratio([row for row in rows if goal.level_of(row) == level])
        if median is not None:
            text = f"**{TITLES[level]}: speed-up of {median:.2f} over the fastest exact peer**"
            lines += [f"{text}, the median of all rows (goal: above {goal.MEDIAN:.0f}).", ""]
    return lines


def goals(judged):
    """Each goal, with imfeat's worst ratio over sizes and threads."""
    rows = [
        [g["job"], g["goal"], number(g["large"]), number(g["tiny"]), yes(g["met"]), "; ".join(g["misses"])]
        for g in judged
    ]
    lines = ["### Goals", "", "*Large* and *tiny* (32x32) are the worst ratios over sizes and threads.", ""]
    return lines + table(["job", "goal: at least", "large", "tiny", "met", "missed at"], rows)


def behind(rows):
    """The rows in which a peer is faster, and the jobs without a peer."""
    slower = goal.behind(rows)
    lines = ["### Rows below 1", "", "Every row should be at least as fast as the fastest exact peer.", ""]
    cells = [
        [row["job"], row["size"], row["threads"], number(row["times_fastest_peer"]), row["fastest_peer"]]
        for row in slower
    ]
    lines += table(["job", "images", "threads", "x peer", "peer"], cells) if cells else ["None.", ""]
    alone = dict.fromkeys(row["job"] for row in rows if row["fastest_peer"] is None)
    alone = [job for job in alone if not any(r["fastest_peer"] for r in rows if r["job"] == job)]
    return [*lines, f"Jobs without an exact peer: {'; '.join(alone) or 'none'}.", ""]


def weak(rows):
    """The rows that a second thread does little for, beside what it did for arithmetic at that time."""
    cells = [
        [
            row["job"],
            row["size"],
            number(row["times_one_thread"]),
            number(row["arithmetic_speedup"]),
            number(row["times_one_thread"] / row["arithmetic_speedup"]),
        ]
        for row in rows
    ]
    lines = [
        "### Weak speedups",
        "",
        f"Two threads less than {goal.TWO_THREADS} times as fast as one, and more than 1.5 times the time of",
        "a copy. *Arithmetic* is what two threads were to one in a loop that leaves memory alone, in the",
        "same minute: where that is low, the second core was not there.",
        "",
    ]
    titles = ["job", "images", "2 / 1", "arithmetic 2 / 1", "of arithmetic"]
    return lines + (table(titles, cells) if cells else ["None.", ""])


def single(rows):
    """Whole calls on one small image."""
    cells = []
    for row in rows:
        times, above, ratio = dict(row["microseconds"]), row["above_kernels"], row["times_fastest_peer"]
        ours = [number(times.pop(library, None), ".1f") for library in (OURS, OURS_NEW, KERNELS)]
        cells.append(
            [
                row["job"],
                *ours,
                number(above, ".1f") if above is None or above <= MOST_ABOVE_KERNEL else f"**{above:.1f}**",
                number(ratio) if ratio is None or ratio >= goal.SINGLE else f"**{ratio:.2f}**",
                peers(times, row["approximate"], ".3g", slowest_first=False),
            ]
        )
    titles = ["job", "imfeat", "new output", "kernels", "call - kernels", "x peer", "peers"]
    return [
        "### One image of 32x32",
        "",
        "Microseconds of a whole Python call, one thread. *kernels* is the time of the same kernels, called",
        f"with prepared arrays. Bold misses the goals: {goal.SINGLE} of the fastest exact peer's rate, and",
        f"at most {MOST_ABOVE_KERNEL} microseconds above the kernels.",
        "",
        *table(titles, cells),
    ]


def peers(values, approximate, pattern, slowest_first=True):
    """Return peers as text, the best first; ~ marks results that are only close."""
    ordered = sorted(values.items(), key=lambda item: item[1], reverse=slowest_first)
    return ", ".join(f"{'~' * (name in approximate)}{name} {value:{pattern}}" for name, value in ordered)


def cold(about, rows):
    """The import and the first calls."""
    heavy = ", ".join(about["heavy_imports"]) or "none"
    warm = f"{about['warm_all']:.1f} s" if about["warm_all"] else "not measured"
    lines = [
        "## Cold start",
        "",
        f"Fresh processes. `import imfeat`: {about['seconds']:.3f} s (goal: under 0.15 s); of Numba, SciPy",
        f"and scikit-learn it imports: {heavy}. `imfeat info --warm` with an empty cache: {warm}.",
        "",
    ]
    if rows and "read_only_first" not in rows[0]:
        lines += ["Read-only packages: not measured, since this user may write anywhere.", ""]
    columns = ("empty_cache", "full_cache", "read_only_first", "read_only_second")
    titles = ["first call, s", "empty cache", "full cache", "packages read-only", "the same, next process"]
    return lines + table(titles, [[row["job"], *(number(row.get(key)) for key in columns)] for row in rows])


def memory(rows):
    """Peaks of memory."""
    cells = []
    for row in rows:
        peaks = {library: peak / MEGABYTE for library, peak in row["peaks"].items()}
        ours = peaks.pop(OURS)
        sizes = [f"{row[key] / MEGABYTE:.0f}" for key in ("input", "output")]
        others = peers(peaks, (), ".0f", slowest_first=False)
        beyond = f"{ours - row['output'] / MEGABYTE:.0f}"
        beyond = f"**{beyond}**" if row.get("met") is False else beyond
        cells.append([row["job"], *sizes, f"{ours:.0f}", beyond, others])
    titles = ["job", "input", "output", "imfeat: peak", "of it, beyond the output", "peers: peak"]
    return [
        "## Memory",
        "",
        "MB for 64 images of 512x512 (4 of them for the jobs on a million pixels) or as the job says, with",
        "the largest number of threads, each in a fresh process. A peak counts from when the input is",
        "loaded, results and buffers included. Bold misses the goal of patch_features: at most "
        f"{MOST_BEYOND / MEGABYTE:.0f} MB beyond the output.",
        "",
        *table(titles, cells),
    ]


def encodings(rows):
    """A table for each job that has a size of its own."""
    lines = [
        "### Vectors and patches",
        "",
        "The same for jobs that take vectors or images of one size, in calls a second. *sgemm*",
        "does only the products of the job, and is not among the fastest.",
        "",
    ]
    return lines + races_of(rows, "input")


def races(rows):
    """A table for each job."""
    lines = [
        "### Every job",
        "",
        "Mpixel/s. *x peer*: imfeat's rate over that of the fastest exact peer. *x floor*: over that of a",
        "copy of the job's bytes. *x fresh floor*: the rate with a new output over that of a copy into new",
        "memory. *2 / 1*: imfeat's rate at two threads over that at one. ~ marks a peer whose results are",
        "only close: it is not among the fastest.",
        "",
    ]
    return lines + races_of(rows, "images")


def races_of(rows, kind):
    lines = []
    titles = [
        kind,
        "threads",
        "imfeat",
        "new output",
        "x peer",
        "x floor",
        "x fresh floor",
        "2 / 1",
        "peers",
        "goals, notes",
    ]
    for job in dict.fromkeys(row["job"] for row in rows):
        ours = [row for row in rows if row["job"] == job]
        ours.sort(key=lambda row: list(dict.fromkeys(r["size"] for r in rows)).index(row["size"]))
        lines += [f"#### {job}", "", *table(titles, [race(row) for row in ours])]
    return lines


def race(row):
    close = [f"{row['imfeat'] / row['peers'][name]:.2f} x {name} (close)" for name in row["approximate"]]
    failed = [f"{library} failed: {error}" for library, error in row["failed"].items()]
    return [
        row["size"],
        row["threads"],
        number(row["imfeat"], ".4g"),
        number(row["imfeat_new_output"], ".4g"),
        number(row["times_fastest_peer"]),
        number(row["times_copy_floor"]),
        number(row.get("times_fresh_copy_floor")),
        number(row["times_one_thread"]),
        peers(row["peers"], row["approximate"], ".4g"),
        "; ".join([*goal.goals_of(row), *close, *failed]),
    ]

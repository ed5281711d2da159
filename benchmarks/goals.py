"""Which goals a table of races meets."""

import statistics

from benchmarks import jobs

TWO_THREADS = 1.7
AT_THE_FLOOR = 1 / 1.5  # of the copy floor's rate; from there on, another thread can't be expected to help
EVERY_ROW, SINGLE, MEDIAN = (
    1.0,
    0.8,
    3.0,
)  # times the fastest exact peer: every row, one small image, the median
FLOORS = {
    "copy floor": "times_copy_floor",
    "fresh copy floor": "times_fresh_copy_floor",
    "fastest peer": "times_fastest_peer",
    "one thread": "times_one_thread",
}


def level_of(row):
    """Return the instruction set of a row; older results were made with AVX-512."""
    return row.get("instructions", "avx512")


def ratio(goal, row):
    """Return imfeat's rate over that of what a goal compares with, or None if that did not take part."""
    if goal.of in FLOORS:
        return row.get(FLOORS[goal.of])
    rates = [rate for library, rate in row["peers"].items() if library.startswith(goal.of)]
    return row["imfeat"] / max(rates) if rates else None


def times(goal, row):
    """Return the figure of a goal for the instruction set of a row."""
    return goal.times if level_of(row) == "avx512" or goal.avx2 is None else goal.avx2


def applies(goal, row):
    return goal.size in ("any", row["class"]) and goal.threads in (None, row["threads"])


def judge(rows):
    """Return a record of each goal, by instruction sets: its worst ratios, and whether it is met."""
    levels = dict.fromkeys(map(level_of, rows))
    return [
        judged(name, goal, [row for row in rows if level_of(row) == level and row["job"] == name], level)
        for level in levels
        for name, job in jobs.EVERY.items()
        for goal in job.goals
    ]


def judged(name, goal, rows, level):
    ratios = [(ratio(goal, row), row) for row in rows if applies(goal, row)]
    ratios = [(value, row) for value, row in ratios if value is not None]
    misses = [(value, row) for value, row in ratios if value < times(goal, row)]
    worst = {
        kind: min((value for value, row in ratios if row["class"] == kind), default=None)
        for kind in ("large", "tiny")
    }
    return {
        "job": name,
        "instructions": level,
        "goal": goal_text(goal, times(goal, {"instructions": level})),
        **worst,
        "met": not misses if ratios else None,
        "misses": [f"{row['size']} at {row['threads']}: {value:.2f}" for value, row in misses],
    }


def goal_text(goal, figure):
    text = f"{figure:.3g} x {goal.of}"
    if goal.size != "any":
        text += f", {goal.size} images"
    if goal.threads:
        text += f", {goal.threads} thread{'s' * (goal.threads > 1)}"
    return text


def goals_of(row):
    """Return a row's goals as text, each with whether it is met."""
    texts = []
    for goal in jobs.EVERY[row["job"]].goals if row["job"] in jobs.EVERY else ():
        value = ratio(goal, row) if applies(goal, row) else None
        if value is not None:
            met = "yes" if value >= times(goal, row) else "NO"
            texts.append(f"{times(goal, row):.3g} x {goal.of} {met} ({value:.2f})")
    return texts


def add_speedups(rows):
    """Add to each row of two threads imfeat's rate over that at one thread, and the same of arithmetic."""
    one = {(level_of(row), row["job"], row["size"]): row for row in rows if row["threads"] == 1}
    for row in rows:
        alone = one.get((level_of(row), row["job"], row["size"]))
        twice = alone is not None and row["threads"] == 2
        row["times_one_thread"] = row["imfeat"] / alone["imfeat"] if twice else None
        row["arithmetic_speedup"] = row["arithmetic"] / alone["arithmetic"] if twice else None


def weak_speedups(rows):
    """Return rows that two threads speed up too little, though memory is not what holds them."""
    return [
        row
        for row in rows
        if row["times_one_thread"] is not None
        and row["times_one_thread"] < TWO_THREADS
        and row["times_copy_floor"] < AT_THE_FLOOR
    ]


def behind(rows):
    """Return the rows in which imfeat is slower than the fastest exact peer, the slowest first."""
    raced = [row for row in rows if row["times_fastest_peer"] is not None]
    slower = [row for row in raced if row["times_fastest_peer"] < EVERY_ROW]
    return sorted(slower, key=lambda row: row["times_fastest_peer"])


def median_ratio(rows):
    """Return the median over all rows of imfeat's rate over that of the fastest exact peer, or None."""
    ratios = [row["times_fastest_peer"] for row in rows if row["times_fastest_peer"] is not None]
    return statistics.median(ratios) if ratios else None

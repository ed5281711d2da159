"""Which goals a table of races meets."""

from benchmarks import jobs

TWO_THREADS = 1.7
AT_THE_FLOOR = (
    1 / 1.5
)  # from this share of the copy floor's rate on, another thread cannot be expected to help


def ratio(goal, row):
    """Return imfeat's rate over that of what a goal compares with, or None if that did not take part."""
    if goal.of == "copy floor":
        return row["times_copy_floor"]
    if goal.of == "fastest peer":
        return row["times_fastest_peer"]
    rates = [rate for library, rate in row["peers"].items() if library.startswith(goal.of)]
    return row["imfeat"] / max(rates) if rates else None


def applies(goal, row):
    return goal.size in ("any", row["class"]) and goal.threads in (None, row["threads"])


def judge(rows):
    """Return a record of each goal: its worst ratio on large and on tiny images, and whether it is met."""
    found = []
    for name, job in jobs.EVERY.items():
        for goal in job.goals:
            theirs = [row for row in rows if row["job"] == name and applies(goal, row)]
            ratios = [(ratio(goal, row), row) for row in theirs]
            ratios = [(value, row) for value, row in ratios if value is not None]
            worst = {
                kind: min((value for value, row in ratios if row["class"] == kind), default=None)
                for kind in ("large", "tiny")
            }
            misses = [(value, row) for value, row in ratios if value < goal.times]
            found.append(
                {
                    "job": name,
                    "goal": goal_text(goal),
                    **worst,
                    "met": not misses if ratios else None,
                    "misses": [f"{row['size']} at {row['threads']}: {value:.2f}" for value, row in misses],
                }
            )
    return found


def goal_text(goal):
    text = f"{goal.times:.3g} x {goal.of}"
    if goal.size != "any":
        text += f", {goal.size} images"
    if goal.threads:
        text += f", {goal.threads} thread{'s' * (goal.threads > 1)}"
    return text


def goals_of(row):
    """Return a row's goals as text, each with whether it is met."""
    texts = []
    for goal in jobs.EVERY[row["job"]].goals:
        value = ratio(goal, row) if applies(goal, row) else None
        if value is not None:
            texts.append(
                f"{goal.times:.3g} x {goal.of} {'yes' if value >= goal.times else 'NO'} ({value:.2f})"
            )
    return texts


def add_speedups(rows):
    """Add to each row of two threads imfeat's rate over that at one thread."""
    one = {(row["job"], row["size"]): row["imfeat"] for row in rows if row["threads"] == 1}
    for row in rows:
        alone = one.get((row["job"], row["size"]))
        row["times_one_thread"] = row["imfeat"] / alone if alone and row["threads"] == 2 else None


def weak_speedups(rows):
    """Return rows that two threads speed up too little, though memory is not what holds them."""
    return [
        row
        for row in rows
        if row["times_one_thread"] is not None
        and row["times_one_thread"] < TWO_THREADS
        and row["times_copy_floor"] < AT_THE_FLOOR
    ]

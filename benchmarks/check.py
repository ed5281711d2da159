"""Has imfeat become slower against its peers?  A row a hot kernel, beside the same row of the page."""

import json

import rich.console
import rich.table

from benchmarks.contestants import OURS
from benchmarks.goals import level_of

SIZE = "64 of 320x240"
SETTINGS = {
    "jobs": [
        "rgb_to_hsv, uint8 to float32",
        "rgb_to_hsv, uint8 to uint8",
        "hsv_to_rgb, float32",
        "rgb_to_gray, uint8",
        "color_histogram, rgb, 8x8x8",
        "color_histogram, 256 a channel",
        "quantize_colors, 64 colours",
        "hog",
        "hog, trilinear",
        "lbp_codes, uniform",
        "equalize, gray",
        "equalize_clahe",
        "bag_of_words, 400 words, every 4th pixel",
    ],
    "fixed": [
        "fisher_vector, 64 components",
        "dense_sift, fast, 16 of 320x240",
        "dense_patches, 6x6, 1 of 512x512",
    ],
    "tables": ["races", "encodings"],
    "threads": [1],
    "sizes": [SIZE],
}
SPREADS = 1.5  # so many interquartile ranges may a ratio fall
LEAST, UNKNOWN = 0.1, 0.2  # of a ratio: what it may always fall, and what without a spread on the page


def compare(about, results, folder):
    """Print the rows beside those of the nearest page in a folder; return 1 if a ratio fell, else 0."""
    console = rich.console.Console()
    rows = results["races"] + results["encodings"]
    level = level_of(rows[0])
    page, name = nearest(about, level, folder)
    if page is None:
        console.print(f"There is no table in {folder} to compare with.")
        return 1
    if page.get("processor") != about["processor"]:
        other = page.get("processor", "an unknown processor")
        console.print(f"{name} was made on {other}, this is {about['processor']}: ratios may differ.")
    if level not in map(level_of, page["races"]):
        console.print(f"{name} has no rows of {level}: compared with those of another instruction set.")
    compared = [compared_row(row, before(row, page, level)) for row in rows]
    console.print(table_of(compared, name))
    return int(any(entry["fell"] for entry in compared))


def nearest(about, level, folder):
    """Return the table of the same processor and instruction set if there is one, else the likest."""
    pages = []
    for path in sorted(folder.glob("*.json")):
        page = json.loads(path.read_text())
        if isinstance(page, dict) and page.get("races") and "machine" in page:
            pages.append((page, path.name))
    return max(pages, key=lambda entry: likeness(entry[0], about, level), default=(None, None))


def likeness(page, about, level):
    return (
        level in map(level_of, page["races"]),
        page.get("processor") == about["processor"],
        page["machine"] == about["machine"],
    )


def before(row, page, level):
    """Return the same row of a page, of the same instruction set if it has that, or None."""
    same = [
        old
        for old in page["races"] + page.get("encodings", [])
        if all(old[key] == row[key] for key in ("job", "size", "threads"))
    ]
    same.sort(key=lambda old: level_of(old) != level)
    return same[0] if same else None


def compared_row(row, old):
    """Return both ratios to the fastest exact peer that took part here and on the page."""
    entry = {"job": row["job"], "peer": "", "before": None, "now": None, "allowed": None, "fell": False}
    if old is None:
        return entry | {"peer": "not on the page"}
    close = {*row["approximate"], *old["approximate"]}
    common = [library for library in row["peers"] if library in old["peers"] and library not in close]
    if not common:
        return entry | {"peer": "none in common"}
    was, now = ratio(old, common), ratio(row, common)
    allowed = was * (1 - tolerance(row, old, common))
    peer = max(common, key=row["peers"].get)
    return entry | {"peer": peer, "before": was, "now": now, "allowed": allowed, "fell": now < allowed}


def ratio(row, peers):
    return row["imfeat"] / max(row["peers"][library] for library in peers)


def tolerance(row, old, peers):
    """Return the share of a ratio that chance may take, from the spread of the runs of both rows."""
    if "quartiles" not in old:
        return UNKNOWN
    squares = [
        spread(r, library) ** 2 for r in (row, old) for library in (OURS, max(peers, key=r["peers"].get))
    ]
    return min(0.5, max(LEAST, SPREADS * sum(squares) ** 0.5))


def spread(row, library):
    """Return the range between the quartiles of a rate, as a share of its median."""
    low, high = row["quartiles"][library]
    return (high - low) / (row["imfeat"] if library == OURS else row["peers"][library])


def table_of(compared, name):
    table = rich.table.Table(title=f"imfeat's rate over that of the fastest peer, now and in {name}")
    for title in ("job", "peer", "then", "now", "at least", ""):
        table.add_column(title, overflow="fold")
    for entry in compared:
        numbers = ["" if entry[key] is None else f"{entry[key]:.2f}" for key in ("before", "now", "allowed")]
        verdict = "" if entry["now"] is None else "[red]fell[/]" if entry["fell"] else "ok"
        table.add_row(entry["job"], entry["peer"], *numbers, verdict)
    return table

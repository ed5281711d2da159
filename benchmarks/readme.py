"""Draw charts of accuracy and speed, and fill tables of pages: ``python -m benchmarks.readme``.

After ``<!-- speed NAME ... -->`` goes a row a job with its ratios to the fastest peer on each page named, and
after ``<!-- recipes -->`` a row a recipe with its accuracy, its time and its memory.
"""

import json
import re
import statistics
from pathlib import Path

import click

from benchmarks import front, goals, jobs
from benchmarks.__main__ import RESULTS
from benchmarks.instructions import TITLES

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "speed.md", ROOT / "README.md"
RECIPES = re.compile(r"(<!-- recipes -->\n).*?(<!-- end -->)", re.DOTALL)
SPEED = re.compile(r"(<!-- speed (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def quoted(text, results):
    """Return a text with the tables that it asks for."""

    def speed(found):
        pages = [json.loads((results / f"{name}.json").read_text()) for name in found[2].split()]
        return found[1] + "\n" + "\n".join(ratios(pages)) + found[3]

    def recipes(found):
        return found[1] + "\n" + "\n".join(rows_of_recipes(results)) + found[2]

    return RECIPES.sub(recipes, SPEED.sub(speed, text))


def rows_of_recipes(results):
    """Return a table of recipes: accuracy and time are means over seeds, memory is that of the run."""
    lines = [
        ["data", "`--features`", "`--classifiers`", "accuracy", "time", "memory"],
        ["---"] * 3 + ["---:"] * 3,
    ]
    for name, feature, classifier in front.TABLE:
        result = json.loads((results / f"compare-{name}.json").read_text())
        rows = [r for r in result["records"] if (r["feature"], r["classifier"]) == (feature, classifier)]
        accuracy = statistics.mean(r["test_accuracy"] for r in rows)
        seconds = statistics.mean(sum(r[step] for step in front.STEPS) for r in rows)
        time = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
        cells = front.TITLES[name.partition("-")[0]], f"`{feature}`", f"`{classifier}`"
        lines.append([*cells, f"{accuracy:.3f}", time, f"{result['peak_bytes'] / 1e9:.1f} GB"])
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def ratios(pages):
    """Return a table of the ratios to the fastest exact peer, a row a job and a column a page."""
    columns = [page["races"] + page.get("encodings", []) for page in pages]
    titles = [
        f"{TITLES[goals.level_of(rows[0])]}, {page['date']}"
        for page, rows in zip(pages, columns, strict=True)
    ]
    lines = [["job", *titles], ["---"] + ["---:"] * len(pages)]
    for job in jobs.EVERY:
        cells = [spread([row["times_fastest_peer"] for row in rows if row["job"] == job]) for rows in columns]
        if any(cells):
            lines.append([job.replace("|", "/"), *cells])
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def spread(values):
    """Return the smallest and the largest ratio, or "" if there was no peer."""
    numbers = sorted({f"{value:.1f}" for value in values if value is not None}, key=float)
    return " to ".join(dict.fromkeys((numbers[0], numbers[-1]))) if numbers else ""


@click.command()
@click.option(
    "--results", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path)
)
def main(results):
    """Draw the charts, and fill the tables of the README and of the page on speed."""
    for name, chart in front.CHARTS.items():
        front.draw_accuracy(results, results / f"{name}.svg", *chart)
    front.draw_recipes(results, results / "accuracy-recipes.svg")
    front.draw_speed(results, results / "readme-speed.svg")
    for page in PAGES:
        page.write_text(quoted(page.read_text(), results))


if __name__ == "__main__":
    main()

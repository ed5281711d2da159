"""Draw charts of accuracy and speed, and quote ratios in docs/speed.md: ``python -m benchmarks.readme``.

After ``<!-- speed NAME ... -->`` goes a row a job with its ratios to the fastest peer on each page named.
"""

import json
import re
from pathlib import Path

import click

from benchmarks import front, goals, jobs
from benchmarks.__main__ import RESULTS
from benchmarks.instructions import TITLES

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
SPEED = re.compile(r"(<!-- speed (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def quoted(text, results):
    """Return a text with the tables that it asks for."""

    def speed(found):
        pages = [json.loads((results / f"{name}.json").read_text()) for name in found[2].split()]
        return found[1] + "\n" + "\n".join(ratios(pages)) + found[3]

    return SPEED.sub(speed, text)


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
    """Draw the charts, and put the ratios of results into the page of the site."""
    for name, chart in front.CHARTS.items():
        front.draw_accuracy(results, results / f"{name}.svg", *chart)
    front.draw_recipes(results, results / "accuracy-recipes.svg")
    front.draw_speed(results, results / "readme-speed.svg")
    PAGE.write_text(quoted(PAGE.read_text(), results))


if __name__ == "__main__":
    main()

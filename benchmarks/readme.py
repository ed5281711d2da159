"""Quote results in the README: ``python -m benchmarks.readme``.

Between ``<!-- table NAME -->`` and ``<!-- end -->`` goes the first table of ``results/NAME.md``, with what
the file says before it, the answer in words.  After ``<!-- chart NAME -->`` goes ``results/NAME.svg``, after
``<!-- speed NAME ... -->`` a row a job with its ratios to the fastest peer on each of the pages named.
"""

import json
import re
from pathlib import Path

import click

from benchmarks import chart, goals, jobs
from benchmarks.__main__ import RESULTS
from benchmarks.instructions import TITLES

README = Path(__file__).parents[1] / "README.md"
PLACE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
SPEED = re.compile(r"(<!-- speed (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
CHART = re.compile(r"(<!-- chart (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def quoted(text, results):
    """Return a text with the tables and charts that it asks for."""

    def table(found):
        parts = (results / f"{found[2]}.md").read_text().split("\n\n")
        first = next(i for i, part in enumerate(parts) if part.startswith("| "))
        words = [part for part in parts[:first] if not part.startswith("#")]
        return (
            found[1]
            + "\n".join(["", *[f"> {part}\n" for part in words], parts[first].strip(), "", ""])
            + found[3]
        )

    def picture(found):
        page = json.loads((results / f"{found[2]}.json").read_text())
        words = chart.alternative_text(page["races"] + page.get("encodings", []))
        return f"{found[1]}![{words}](benchmarks/results/{found[2]}.svg)\n{found[3]}"

    def speed(found):
        pages = [json.loads((results / f"{name}.json").read_text()) for name in found[2].split()]
        return found[1] + "\n" + "\n".join(ratios(pages)) + found[3]

    return SPEED.sub(speed, CHART.sub(picture, PLACE.sub(table, text)))


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
    """Put the tables and charts of results into the README."""
    README.write_text(quoted(README.read_text(), results))


if __name__ == "__main__":
    main()

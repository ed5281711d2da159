"""Quote results in the README: ``python -m benchmarks.readme``.

Between ``<!-- table NAME -->`` and ``<!-- end -->`` goes the first table of ``results/NAME.md``, with what
the file says before it, the answer in words.  After ``<!-- chart NAME -->`` goes ``results/NAME.svg``.
"""

import json
import re
from pathlib import Path

import click

from benchmarks import chart
from benchmarks.__main__ import RESULTS

README = Path(__file__).parents[1] / "README.md"
PLACE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
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

    return CHART.sub(picture, PLACE.sub(table, text))


@click.command()
@click.option(
    "--results", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path)
)
def main(results):
    """Put the tables and charts of results into the README."""
    README.write_text(quoted(README.read_text(), results))


if __name__ == "__main__":
    main()

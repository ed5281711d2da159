"""Quote results in the README: ``python -m benchmarks.readme``.

Between ``<!-- table NAME -->`` and ``<!-- end -->`` goes the first table of ``results/NAME.md``, with what
the file says before it, the answer in words.
"""

import re
from pathlib import Path

import click

from benchmarks.__main__ import RESULTS

README = Path(__file__).parents[1] / "README.md"
PLACE = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def quoted(text, results):
    """Return a text with the tables that it asks for."""

    def table(found):
        parts = (results / f"{found[2]}.md").read_text().split("\n\n")
        first = next(i for i, part in enumerate(parts) if part.startswith("| "))
        words = [part for part in parts[:first] if not part.startswith("#")]
        return (
            found[1]
            + "\n".join(["", *[f"> {part}\n" for part in words], parts[first].strip(), "", ""])
            + found[3]
        )

    return PLACE.sub(table, text)


@click.command()
@click.option(
    "--results", default=RESULTS, show_default="benchmarks/results", type=click.Path(path_type=Path)
)
def main(results):
    """Put the tables of results into the README."""
    README.write_text(quoted(README.read_text(), results))


if __name__ == "__main__":
    main()

"""Tables of predictions, in parts and joined: .csv and .parquet."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORMATS = {".csv": "csv", ".parquet": "parquet"}
RANKS = (("class", "probability"), ("second", "second_probability"), ("third", "third_probability"))
COLUMNS = ("path", *(name for pair in RANKS for name in pair), "error")
DIGITS = 6  # of probabilities in .csv
ROWS_AT_ONCE = 1 << 16  # of a row group of .parquet

Values = dict[str, list[Any]]  # of a shard, by column


def write_part(path: Path, values: Values, kind: str) -> None:
    """Write the rows of a shard."""
    (_write_parquet if kind == "parquet" else _write_csv)(path, values)


def join_parts(paths: list[Path], out: Path, kind: str) -> None:
    """Write the table of all shards."""
    (_join_parquet if kind == "parquet" else _join_csv)(paths, out)


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield path and error, and of .csv all columns, of the rows of a table."""
    if FORMATS[path.suffix] == "csv":
        with open(path, encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
        return
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(columns=["path", "error"]):
            yield from batch.to_pylist()


def _write_csv(path: Path, values: Values) -> None:
    columns = [
        [None if value is None else f"{value:.{DIGITS}f}" for value in values[name]]
        if name.endswith("probability")
        else values[name]
        for name in COLUMNS
    ]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(zip(*columns, strict=True))


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [(name, pa.float32() if name.endswith("probability") else pa.string()) for name in COLUMNS]
    )


def _write_parquet(path: Path, values: Values) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(values, schema=_schema()), path)


def _join_csv(paths: list[Path], out: Path) -> None:
    with open(out, "wb") as file:
        file.write(f"{','.join(COLUMNS)}\n".encode())
        for path in paths:
            with open(path, "rb") as part:
                shutil.copyfileobj(part, file)


def _join_parquet(paths: list[Path], out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting: list[Any] = []
    with pq.ParquetWriter(out, _schema()) as writer:
        for path in paths:
            waiting.append(pq.read_table(path))
            if sum(map(len, waiting)) >= ROWS_AT_ONCE:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))

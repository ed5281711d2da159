"""The benchmarks run, on small images."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_short_benchmark_times_every_job(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--short", "--threads", "1", "--out", str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True)
    (page,), (data,) = tmp_path.glob("*.md"), tmp_path.glob("*.json")
    found = json.loads(data.read_text())
    jobs = {row["job"] for row in found["rows"]}
    assert len(jobs) >= 17
    assert len(found["rows"]) == 2 * len(jobs)
    for row in found["rows"]:
        assert row["mpixel_per_second"]["imfeat"] > 0
        assert len(row["mpixel_per_second"]) > 1
        assert f"| {row['job']} | {row['size']} |" in page.read_text()

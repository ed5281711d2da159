"""Progress of a comparison: lines, bars and the time left."""

import logging

import pytest
from click.testing import CliRunner
from test_compare import data, quick, source  # noqa: F401

from imfeat import compare
from imfeat.cli import main
from imfeat.compare import running
from imfeat.compare.cells import Record

RECORD = Record("raw", "svm", 0, 0.5, 0.5, 0.5, 1.0, None, 3, 0.1, 0.1, 0.1, 0.1)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(running.time, "perf_counter", lambda: self.now)


def test_the_time_left_is_told_from_the_first_second_and_learns_the_speed(monkeypatch):
    clock = Clock(monkeypatch)
    monitor = running.Monitor([100.0, 100.0, 0.0, 100.0])
    assert monitor.text() == "about 5.0 min left"
    clock.now = 20.0
    assert monitor.seconds_left() == 280
    clock.now = 200.0  # twice as slow as guessed
    monitor.advance(RECORD, 100.0, "")
    assert monitor.seconds_left() == pytest.approx(400, rel=0.03)
    monitor.advance(RECORD, 0.0, "")  # done in an earlier run: tells nothing of the speed
    assert monitor.seconds_left() == pytest.approx(400, rel=0.03)
    clock.now = 2000.0  # a cell that takes longer than all of the rest should
    assert 0 < monitor.seconds_left() < 50
    for _ in range(2):
        monitor.advance(RECORD, 100.0, "")
    assert monitor.text() == "done"


def test_each_cell_is_a_line_without_a_terminal(source, caplog):  # noqa: F811
    caplog.set_level(logging.INFO, "imfeat.compare")
    options = {"features": ["raw"], "classifiers": ["ridge", "softmax"], "n_seeds": 2}
    compare.run(source, **options)
    lines = [record.getMessage() for record in caplog.records if record.name == "imfeat.compare"]
    memory, first, *cells = lines
    assert len(cells) == 4
    assert memory.endswith(" GB of memory at most, for raw with softmax")
    assert first.startswith("4 cells; about ")
    assert cells[0].startswith("1 of 4: raw, ridge, seed 0: test accuracy ")
    assert cells[0].endswith(" left")
    assert cells[3].startswith("4 of 4: raw, softmax, seed 1")
    assert cells[3].endswith("; done")


def test_the_command_writes_lines_to_standard_error(source, tmp_path):  # noqa: F811
    arguments = ["compare", "--data", source, "--features", "raw", "--classifiers", "ridge", "--seeds", "1"]
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "run")])
    assert "1 of 1: raw, ridge, seed 0" in result.stderr
    assert "1 of 1" not in result.stdout
    assert not logging.getLogger("imfeat.compare").handlers

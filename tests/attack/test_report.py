"""The report on random specs: it goes on where it stopped, and says what was found."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.attack import report


def _main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["report", *arguments])
    return report.main()


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, page = tmp_path / "one.jsonl", tmp_path / "two.jsonl", tmp_path / "page.md"
    assert _main(monkeypatch, "--count", "4", "--shard", "1/2", "--log", str(one), "--page", str(page)) == 0
    assert _main(monkeypatch, "--count", "4", "--shard", "2/2", "--log", str(two), "--page", str(page)) == 0
    assert [sorted(report.read([log])) for log in (one, two)] == [[0, 2], [1, 3]]
    one.write_text(one.read_text()[:-20])  # stopped in the middle of a line
    before = two.read_text()
    assert _main(monkeypatch, "--count", "4", "--log", str(one), "--log", str(two), "--page", str(page)) == 0
    assert sorted(report.read([one, two])) == [0, 1, 2, 3] and two.read_text() == before
    text = page.read_text()
    assert "4 specs" in text and "**0 crashes, 0 proofs broken**" in text


def test_a_crash_is_a_record_and_an_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(report, "judge", broken)
    log = tmp_path / "log.jsonl"
    assert _main(monkeypatch, "--count", "1", "--log", str(log), "--page", str(tmp_path / "page.md")) == 1
    assert "on purpose" in json.loads(log.read_text())["crash"]


def test_reasons_lose_what_belongs_to_one_spec() -> None:
    first = "part `f`: one step is bounded by 2*a, which does not give 1 over L steps"
    other = "one step is bounded by max(1, b), which does not give 3/2 over 4 steps"
    assert report.cleaned(first).startswith("one step is bounded by …") and "max" not in report.cleaned(other)
    assert report.cleaned("Df - Df' does not vanish in its block (x, y): A") == report.cleaned("Df - Df' does not vanish in its block (q, q): B'")
    assert report.cleaned("parameter A3 is not shown to commute") == report.cleaned("parameter c1 is not shown to commute")

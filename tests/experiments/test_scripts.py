"""The scripts of the experiments, for a few seconds: what they write, what they keep, and that a stopped run goes on."""
from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "experiments"
# script: the names of its tables; what must be small whatever was learned
SCRIPTS = {"sir": ("sir", {"sum": 1e-10}), "regression": ("regression", {"turned": 1e-5}), "field": ("field", {"norm": 1e-12}),
           "hamiltonian_lift": ("lift", {"determinant": 1e-10, "inverse": 1e-10})}


@pytest.fixture(name="harness")
def imported(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import harness

    return harness


def call(monkeypatch, name, *words):
    """Run a script in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--quick", "--seeds", "1", "--every", "0", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    return end.value.code or 0


def results(runs):
    found = {path.name: json.loads(path.read_text())["results"] for path in sorted(runs.glob("*.json"))}
    return {name: {key: value for key, value in run.items() if key != "seconds"} for name, run in found.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_writes_its_table_and_goes_on_where_it_stopped(name, harness, monkeypatch, tmp_path):
    table, bounds = SCRIPTS[name]
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- table: {table} -->\n<!-- end -->\nafter\n")
    assert call(monkeypatch, name, "--runs", tmp_path / "whole", "--page", page) == 0
    text = page.read_text()
    assert text.startswith("before") and text.endswith("after\n") and "| --- |" in text and "nan" not in text
    assert (tmp_path / "page.png").stat().st_size > 5000
    whole = results(tmp_path / "whole")
    assert all(run[key] <= bound for run in whole.values() for key, bound in bounds.items())

    save = harness.Store.save

    def stopping(self, run, training, done, seconds):
        save(self, run, training, done, seconds)
        if done == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(harness.Store, "save", stopping)
        for _ in whole:  # each call stops after the first round of the next network
            assert call(patch, name, "--runs", tmp_path / "parts", "--no-write") == harness.STOPPED
    assert call(monkeypatch, name, "--runs", tmp_path / "parts", "--no-write") == 0
    assert results(tmp_path / "parts") == whole


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_page_shows_three_seeds(name):
    table, _ = SCRIPTS[name]
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    shown, end, _ = page.partition(f"<!-- table: {table} -->")[2].partition("<!-- end -->")
    assert end and "| --- |" in shown and " .. " in shown and f"({name}.png)" in page

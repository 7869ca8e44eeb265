"""The experiments' harness: a stopped run goes on and ends with the same numbers; pages are rewritten between marks."""
from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "docs" / "experiments"
# A regression whose every epoch draws from all three generators.
SCRIPT = '''
import random, sys, time
import numpy as np
import torch
import click
import harness

def start(variant, seed, quick):
    network = torch.nn.Linear(3, 1, dtype=torch.float64)
    optimizer = torch.optim.Adam(network.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)

    def advance(index):
        time.sleep(PAUSE)
        x = torch.randn(8, 3, dtype=torch.float64) + np.random.randn() + random.random()
        loss = (network(x) - x.sum(1, keepdim=True) * (2 if variant == "twice" else 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        return float(loss.detach())

    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    weights = network.weight[0]
    return harness.Training(parts, 8, advance, lambda: {"weights": weights.tolist(), "first": weights[0].item()})

def tables(results):
    rows = [[name, harness.spread(runs, "first", ".9f")] for name, runs in results.items()]
    return {"small": harness.table(["network", "first weight"], rows)}

def draw(figure, results):
    figure.subplots().plot([run["first"] for run in results["once"]])

def experiment(size):
    """A small experiment."""
    return harness.Experiment(__file__, ("once", "twice"), start, tables, draw, {"size": size})

PAUSE = float(sys.argv.pop(1))
harness.main(experiment, click.Option(["--size"], default=3))
'''
PAGE = "# Small\n\n<!-- table: small -->\nold\n<!-- end -->\n\nthe rest\n"


@pytest.fixture(name="script")
def written(tmp_path):
    path = tmp_path / "small.py"
    path.write_text(SCRIPT)
    (tmp_path / "small.md").write_text(PAGE)
    return path


def start(script, runs, pause):
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "OMP_NUM_THREADS": "1"}
    words = (str(pause), "--runs", str(runs), "--every", "0", "--seeds", "2", "--no-write")
    return subprocess.Popen([sys.executable, str(script), *words], stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(name="run")
def called(script, monkeypatch, capsys):
    """Runs the script in this process and returns what it printed."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def run(runs, *words):
        monkeypatch.setattr(sys, "argv", [str(script), "0", "--runs", str(runs), *words])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
        assert end.value.code == 0
        return capsys.readouterr().out

    return run


def weights(runs):
    return {path.name: json.loads(path.read_text())["results"]["weights"] for path in sorted(runs.glob("*.json"))}


def test_a_stopped_run_ends_as_one_that_was_not(script, run, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole, "--seeds", "2", "--no-write")
    process = start(script, parts, pause=0.15)
    deadline = time.monotonic() + 30
    while not (parts / "once-1.pt").exists():  # in the second of four runs
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and str(parts) in err and "Traceback" not in err
    assert (parts / "once-1.pt").exists() and not (parts / "once-1.json").exists()
    assert not list(parts.glob(".*"))  # no half-written file
    assert torch.load(parts / "once-1.pt")["done"] > 0
    run(parts, "--seeds", "2", "--no-write")
    assert weights(parts) == weights(whole) and len(weights(whole)) == 4


def test_a_finished_run_only_writes_again(run, tmp_path):
    runs, page = tmp_path / "runs", tmp_path / "small.md"
    out = run(runs, "--seeds", "2")
    text = page.read_text()
    assert text.startswith("# Small\n\n<!-- table: small -->\n\n| network |")
    assert text.endswith("\n<!-- end -->\n\nthe rest\n")
    assert "old" not in text and (tmp_path / "small.png").stat().st_size > 1000 and "| once |" in out
    before = {path: path.stat().st_mtime_ns for path in runs.iterdir()}
    page.write_text(PAGE)
    run(runs, "--seeds", "2")
    assert page.read_text() == text and before == {path: path.stat().st_mtime_ns for path in runs.iterdir()}
    run(runs, "--seeds", "1", "--size", "4", "--only", "once")  # other settings: trained anew
    assert before[runs / "once-0.json"] != (runs / "once-0.json").stat().st_mtime_ns
    assert before[runs / "twice-0.json"] == (runs / "twice-0.json").stat().st_mtime_ns


def test_a_quick_call_leaves_the_page(run, tmp_path):
    out = run(tmp_path / "runs", "--seeds", "1", "--quick")
    assert "| twice |" in out and (tmp_path / "small.md").read_text() == PAGE
    assert not (tmp_path / "small.png").exists()

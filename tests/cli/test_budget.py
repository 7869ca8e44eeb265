"""A claim ends within its budget, and says so; a terminal is told what takes long."""
from __future__ import annotations

import io
import time

import pytest

from odenet.driver import loads
from odenet.progress import Progress, line
from odenet.proof.budget import OutOfTime, limit
from odenet.proof.prove import Prover

SIZE = 60
NAMES = [f"x{i}" for i in range(SIZE)]
HARD = (f"model Hard\nstate {', '.join(NAMES)} : R\nfield f {{ x0' = ({' + '.join(NAMES)})^4 }}\n"
        f"field g {{ x1' = ({' + '.join(NAMES)})^3 }}\nflow net = blanes_moan(f: rk4, g: rk4) over [0, 1] steps 20\n"
        "claim net : lipschitz(2)\n")


def _spin():
    while True:
        pass


def test_a_limit_ends_what_never_ends():
    began = time.process_time()
    with pytest.raises(OutOfTime), limit(0.1):
        _spin()
    assert time.process_time() - began < 2


def test_limits_are_nested_and_leave_nothing_behind():
    began = time.process_time()
    with pytest.raises(OutOfTime), limit(0.2):
        try:
            with limit(0.05):
                _spin()
        except OutOfTime:
            _spin()
    assert 0.15 < time.process_time() - began < 0.9
    with pytest.raises(OutOfTime), limit(0.05), limit(60):
        _spin()
    while time.process_time() - began < 0.6:
        pass  # no timer rings any more


def test_a_library_that_catches_exceptions_does_not_catch_the_end():
    with pytest.raises(OutOfTime), limit(0.05):
        while True:
            try:
                _spin()
            except Exception:
                continue


def test_a_claim_keeps_to_its_budget_and_says_how_to_raise_it():
    loaded = loads(HARD)
    began = time.process_time()
    finding, = loaded.verify(seconds=0.5).findings
    assert time.process_time() - began < 2
    assert finding.verdict == "undecided" and "`--seconds 2`" in finding.reason


def test_rules_that_take_too_long_are_left(monkeypatch):
    loaded = loads("model M\nstate x : R\nfield f { x' = -x }\nclaim f : nonexpansive\nclaim f : lipschitz(1)\n")
    prover = Prover(loaded.model, {})
    monkeypatch.setattr(prover, "outcome", lambda claim: _spin())
    finding = prover.find(loaded.model.claims[0], seconds=0.2)
    assert finding.verdict == "undecided" and "the rules were not through after 0.15 s" in finding.reason
    monkeypatch.undo()
    assert prover.find(loaded.model.claims[1]).verdict == "proved"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_for_terminals_and_for_long_work(monkeypatch):
    monkeypatch.setattr("odenet.progress.PATIENCE", 0.05)
    quiet, terminal, quick = io.StringIO(), Terminal(), Terminal()
    for stream, seconds in ((quiet, 0.2), (terminal, 0.2), (quick, 0)):
        with Progress(stream) as progress:
            progress.show("net : \x1b[31mlipschitz(1)", 3, 12)
            time.sleep(seconds)
    assert quiet.getvalue() == "" and quick.getvalue() == ""
    assert "3/12" in terminal.getvalue() and "\x1b[31m" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[2K")


def test_the_line_fits_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert len(line("x" * 100, 1, 2, 1.5)) == 39


SUZUKI = ("model S\nstate q, p : R\nfield a { q' = p }\nfield b { p' = -sin(q) }\nflow g = lie(a, b) over [0, 1] steps 4\n"
          "claim g : order(1)\nclaim g : order(2)\n")


def test_the_check_of_a_proof_is_within_the_budget(monkeypatch):
    loaded = loads(SUZUKI)
    monkeypatch.setattr("odenet.proof.certificate.trimmed", lambda *_: _spin())
    began = time.process_time()
    finding = Prover(loaded.model, loaded.plans).find(loaded.model.claims[0], seconds=0.4)
    assert time.process_time() - began < 2
    assert finding.verdict == "undecided"
    assert "the check of the proof did not end within the budget of 0.4 s; `--seconds 1.6`" in finding.reason


def test_the_check_of_a_witness_is_within_the_budget(monkeypatch):
    loaded = loads(SUZUKI)
    monkeypatch.setattr("odenet.recheck.witness.recheck_witness", lambda *_: _spin())
    began = time.process_time()
    finding = Prover(loaded.model, loaded.plans).find(loaded.model.claims[1], seconds=0.4)
    assert time.process_time() - began < 2
    assert finding.verdict == "undecided" and "but the check of that did not end within the budget of 0.4 s" in finding.reason
    assert finding.seconds > 0.1


def test_an_import_under_way_is_not_cut_short(tmp_path, monkeypatch):
    (tmp_path / "slowly_imported.py").write_text(
        "import time\nbegan = time.process_time()\nwhile time.process_time() - began < 0.2:\n    pass\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OutOfTime), limit(0.05):
        import slowly_imported

        _spin()
    assert slowly_imported.whole

"""The commands as LANGUAGE.md section 7 has them, with their exit statuses."""
from __future__ import annotations

import json

import pytest

PROVED = """model M
state q, p : R
field a { q' = p }
field b { p' = -sin(q) }
flow net = strang(a, b) over [0, 1] steps 4
claim net : symplectic, order(2)
claim a + b : hamiltonian on q >= 0
"""
REFUTED = PROVED + "claim net : order(3)\n"
UNDECIDED = PROVED + "claim a + b : preserves(p^2/2 - cos(q) + 0*exp(q) + relu(q) - (q + |q|)/2)\n"


def test_verify_proves(run):
    result = run("verify", "m.ode", m=PROVED)
    assert result.exit_code == 0
    assert "proved     net : symplectic" in result.output and "3 proved, 0 refuted, 0 undecided" in result.output


def test_verify_refutes_with_status_1(run):
    result = run("verify", "m.ode", m=REFUTED)
    assert result.exit_code == 1
    assert "refuted    net : order(3)" in result.output


def test_verify_json(run):
    result = run("verify", "--format", "json", "m.ode", "r.ode", m=PROVED, r=REFUTED)
    first, second = map(json.loads, result.output.splitlines())
    assert list(first) == ["spec", "model", "digest", "claims"]
    keys = ["line", "subject", "property", "args", "region", "verdict", "rule", "reason", "conditions", "witness", "pairs",
            "potential", "seconds"]
    assert all(list(claim) == keys for claim in first["claims"] + second["claims"])
    assert [c["verdict"] for c in second["claims"]] == ["proved", "proved", "proved", "refuted"]
    assert first["claims"][1]["args"] == ["2"] and first["claims"][2]["region"]
    assert second["claims"][3]["witness"]["quantity"]


def test_a_missing_file(run):
    result = run("verify", "nowhere.ode")
    assert result.exit_code == 2 and "cannot read nowhere.ode" in result.output


def test_compile_writes_only_when_proved(run, tmp_path):
    assert run("compile", "m.ode", "-o", "m.py", m=PROVED).exit_code == 0
    before = (tmp_path / "m.py").read_text()
    result = run("compile", "r.ode", "-o", "m.py", r=REFUTED)
    assert result.exit_code == 1 and "nothing was written" in result.output
    assert (tmp_path / "m.py").read_text() == before
    assert run("compile", "r.ode", "-o", "r.py", "--allow-undecided").exit_code == 1
    assert not (tmp_path / "r.py").exists()


def test_compile_sets_dims(run, tmp_path):
    spec = ("model M\ndim n = 4\nstate x : R[n]\nfield f { x' = -x }\nflow net = lie(f) over [0, 1] steps 4\n"
            "claim net : nonexpansive\n")
    assert run("compile", "m.ode", "-o", "m.py", "--set", "n=7", m=spec).exit_code == 0
    assert "n: int = 7" in (tmp_path / "m.py").read_text()
    assert run("compile", "m.ode", "--set", "k=7").exit_code == 2
    assert run("compile", "m.ode", "--set", "n=0").exit_code == 2
    assert run("compile", "m.ode", "--set", "n=x").exit_code == 2


def test_compile_to_a_folder_that_is_not_there(run):
    result = run("compile", "m.ode", "-o", "nowhere/m.py", m=PROVED)
    assert result.exit_code == 2 and "cannot write" in result.output


def test_explain_a_code_and_a_claim(run):
    assert "ODE201" in run("explain", "ode201").output
    assert run("explain", "ODE999").exit_code == 2
    result = run("explain", "m.ode:6", m=PROVED)
    assert result.exit_code == 0 and "Hairer" in result.output
    assert "lines 6, 7" in run("explain", "m.ode:1").output
    assert run("explain", "nonsense").exit_code == 2


def test_fmt(run, tmp_path):
    assert run("fmt", "m.ode", m=PROVED.replace("= p", "=p")).exit_code == 0
    text = (tmp_path / "m.ode").read_text()
    assert "q' = p" in text
    assert run("fmt", "--check", "m.ode").exit_code == 0


@pytest.mark.parametrize("stage", ["spec", "model", "plan", "findings", "module"])
def test_show_prints_every_stage(run, stage):
    result = run("show", "--stage", stage, "m.ode", m=PROVED)
    assert result.exit_code == 0 and result.output.strip()


def test_new_starts_from_the_gallery(run, tmp_path):
    assert run("new", "mine", "--from", "pendulum").exit_code == 0
    assert "model Pendulum" in (tmp_path / "mine.ode").read_text()
    assert run("new", "mine", "--from", "pendulum").exit_code == 2
    assert "pendulum" in run("new", "other").output


def test_version_and_help(run):
    assert run("--version").exit_code == 0
    assert "odenet verify" in run("--help").output

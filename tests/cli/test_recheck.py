"""`odenet recheck`: verdicts are checked again without the prover, and nothing spoiled is accepted."""
from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from odenet.certificates import NotReadable, read
from odenet.cli import commands

SPEC = """model M
dim n = 4
state x : R[n]
param A : R[n, n], orthogonal
param c : R, in [1/2, 2]
field f { x' = -c * A.T @ leaky_relu(A @ x, 1/2) }
flow net = lie(f: rk4) over [0, 1] steps 3
claim f : contractive(1/4), gradient
claim f : divergence_free
claim net : order(4)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.ode").write_text(SPEC)
    return lambda *arguments: CliRunner().invoke(commands, list(arguments))


@pytest.fixture
def written(run, tmp_path):
    assert run("verify", "--certificates", "m.cert", "m.ode").exit_code == 1  # one claim is refuted
    return tmp_path / "m.cert"


def test_verdicts_are_accepted(run):
    result = run("recheck", "m.ode")
    assert result.exit_code == 0, result.output
    assert "accepted   f : contractive(1/4)   [proved]" in result.output
    assert "accepted   f : divergence_free   [refuted]" in result.output
    assert "4 accepted, 0 rejected, 0 open" in result.output


def test_certificates_from_a_file(run, written):
    assert run("recheck", "m.ode", "--certificates", "m.cert").exit_code == 0
    run("verify", "--certificates", "again.cert", "m.ode")
    assert written.read_bytes() == written.with_name("again.cert").read_bytes()


def _spoil(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("change", [
    lambda d: d["proofs"][0]["lemmas"].pop(),
    lambda d: d["proofs"][0].update(proof=["zero trace", {}]),
    lambda d: d["proofs"][1]["claim"].update(property="contractive(1/4)"),
    lambda d: d["proofs"][0].pop("proof"),
    lambda d: d["proofs"][0]["claim"].update(line=1),
    lambda d: d["witnesses"][0].pop("witness"),
    lambda d: d["witnesses"][0]["witness"]["values"].update(c="1000"),
    lambda d: d["witnesses"][0]["witness"].update(values=[]),
    lambda d: d["proofs"].append({"claim": {"line": 1}}),
    lambda d: d["witnesses"].append({"claim": d["proofs"][0]["claim"], "witness": d["witnesses"][0]["witness"]}),
], ids=["a lemma", "another rule", "the claim", "no proof", "the line", "no witness", "outside its set", "no values", "a stranger",
        "both ways"])
def test_what_is_spoiled_is_rejected(run, written, change):
    _spoil(written, change)
    result = run("recheck", "m.ode", "--certificates", "m.cert")
    assert result.exit_code == 1 and "rejected" in result.output, result.output
    assert "Traceback" not in result.output and "Error" not in result.output


def test_a_claim_without_certificate_is_open(run, written):
    _spoil(written, lambda d: d["proofs"].pop(0))
    result = run("recheck", "m.ode", "--certificates", "m.cert")
    assert result.exit_code == 1 and "1 open" in result.output


def test_an_edited_spec(run, written, tmp_path):
    (tmp_path / "m.ode").write_text(SPEC.replace("[1/2, 2]", "[1/8, 2]"))
    result = run("recheck", "m.ode", "--certificates", "m.cert")
    assert result.exit_code == 1 and "another text of this spec" in result.output
    assert "rejected   f : contractive(1/4)" in result.output and "accepted   net : order(4)" in result.output


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"odenet certificates": 2}', "[" * 100_000, "\xff",
                                  '{"odenet certificates": 1, "model": 1, "spec": 2, "proofs": [1], "witnesses": []}'])
def test_a_file_that_holds_no_certificates(run, tmp_path, text):
    (tmp_path / "x.cert").write_text(text, encoding="latin-1")
    result = run("recheck", "m.ode", "--certificates", "x.cert")
    assert result.exit_code == 2 and "error: cannot use x.cert" in result.output
    with pytest.raises(NotReadable):
        read((tmp_path / "x.cert").read_bytes())


def test_bad_calls(run, tmp_path):
    assert run("recheck", "nowhere.ode").exit_code == 2
    assert run("recheck", "m.ode", "--certificates", "nowhere").exit_code == 2
    assert run("recheck", "m.ode", "--module", "nowhere").exit_code == 2
    assert run("verify", "m.ode", "m.ode", "--certificates", "m.cert").exit_code == 2
    assert run("verify", "m.ode", "--certificates", "nowhere/m.cert").exit_code == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.ode"]


def test_a_module_names_its_spec_and_certificates(run, tmp_path):
    spec = SPEC.replace("claim f : divergence_free\n", "")
    (tmp_path / "m.ode").write_text(spec)
    run("verify", "m.ode", "--certificates", "m.cert")
    assert run("compile", "m.ode", "-q").exit_code == 0
    assert "Certificates digest (SHA-256): " in (tmp_path / "m.py").read_text()
    assert run("recheck", "m.ode", "--certificates", "m.cert", "--module", "m.py").exit_code == 0
    assert run("recheck", "m.ode", "--module", "m.py").exit_code == 0
    (tmp_path / "m.ode").write_text(spec + "# one line more\n")
    result = run("recheck", "m.ode", "--module", "m.py")
    assert result.exit_code == 1 and "another text of the spec" in result.output
    (tmp_path / "m.ode").write_text(spec)
    (tmp_path / "m.py").write_text((tmp_path / "m.py").read_text().replace("Certificates digest", "Another digest"))
    assert "names no certificates" in run("recheck", "m.ode", "--module", "m.py").output


@pytest.mark.parametrize("change", [
    ("alpha=-", "alpha=-2 * "), ("def forward", "def forward_"), ("n: int = 4", "n: int = 4 + 0"),
    ("contractive(1/4): proved", "contractive(1): proved"),
    ("import torch\n", "import torch\nimport os\n"),
])
def test_an_edited_module_is_rejected(run, tmp_path, change):
    text = SPEC.replace("claim f : divergence_free\n", "")
    (tmp_path / "m.ode").write_text(text)
    assert run("compile", "m.ode", "-q", "--set", "n=6", "-o", "m.py").exit_code == 0
    result = run("recheck", "m.ode", "--module", "m.py")
    assert result.exit_code == 0, result.output
    path = tmp_path / "m.py"
    before = path.read_text()
    old, new = change[0].replace("= 4", "= 6"), change[1].replace("= 4", "= 6")
    if old not in before:
        old, new = "return ", "return 0 * "
    path.write_text(before.replace(old, new, 1))
    result = run("recheck", "m.ode", "--module", "m.py")
    assert result.exit_code == 1 and "m.py: it is not what odenet writes for this spec" in result.output, result.output

"""Hostile and unlucky input ends in a fault, soon."""
from __future__ import annotations

import pytest

from odenet.syntax import format_spec

from .reading import codes, faults, read

FIELD = "model M state x : R field f { x' = %s }"
CASES = {
    "parentheses": (FIELD % ("(" * 10_000 + "x" + ")" * 10_000), ["ODE010"]),
    "open parentheses": (FIELD % ("(" * 10_000), ["ODE010"]),
    "closing parentheses": (FIELD % (")" * 10_000), ["ODE013"]),
    "brackets": (FIELD % ("[" * 10_000), ["ODE010"]),
    "braces": ("model M field f " + "{" * 10_000, ["ODE010"]),
    "bars": (FIELD % ("|" * 10_000 + "x"), ["ODE010"]),
    "calls": (FIELD % ("f(" * 5_000 + "x" + ")" * 5_000), ["ODE010"]),
    "minus signs": (FIELD % ("-" * 10_000 + "x"), ["ODE011"]),
    "powers": (FIELD % "^".join(["x"] * 10_000), ["ODE011"]),
    "a sum": (FIELD % " + ".join(["x"] * 10_000), ["ODE011"]),
    "transposes": (FIELD % ("A" + ".T" * 10_000), ["ODE011"]),
    "indices": (FIELD % ("x" + "[0]" * 10_000), ["ODE011"]),
    "numbers": (FIELD % ("9" * 900_000), ["ODE012"]),
    "a name": (FIELD % ("x" * 900_000), []),
    "a comment": ("model M #" + "x" * 900_000, []),
    "dollars": ("$" * 10_000, ["ODE007"] * 20),
    "quotes": ("model M " + "\"" * 10_001, ["ODE007"] * 20),
    "statements": ("model M " + "state " * 50_000, ["ODE015"] * 20),
    "broken statements": ("model M\n" + "state x\n" * 20_000, ["ODE022"] * 20),
    "misspelled statements": ("model M\n" + "stat x : R\n" * 20_000, ["ODE016"] * 20),
    "commas": ("model M state x : R" + "," * 50_000, ["ODE016"]),
    "arguments": (FIELD % f"f({', '.join(['x'] * 10_000)})", []),
    "dims": ("model M dim a = 1" + ", a = 1" * 20_000, []),
}


@pytest.mark.parametrize("name", CASES)
def test_large_input_ends_in_a_few_faults(name):
    text, expected = CASES[name]
    assert codes(text) == expected


@pytest.mark.parametrize("character", [*"\x00\x01\x07\x08\x0b\x0c\x1b\x7f\x85\r"])
def test_control_characters(character):
    assert codes(f"model M {character} state x : R") == ["ODE005"]
    assert codes(f"model M # {character} text") == ["ODE005"]


@pytest.mark.parametrize("character", [*"\u202e\u2066\u200b\u200d\ufeff\u00ad\u2028\U000e0041\ud800"])
def test_hidden_characters(character):
    assert codes(f"model M state x{character} : R") == ["ODE006"]
    assert codes(f"model M # {character} text") == ["ODE006"]


@pytest.mark.parametrize(("character", "meant"), [
    ("а", "a"), ("Α", "A"), ("α", "alpha"), ("−", "-"), ("×", "*"), ("≤", "<="), ("→", "->"), ("²", "^2"), ("ᵀ", ".T"),
    ("ｘ", "x"), ("𝑥", "x"), ("é", "e"), ("\u00a0", " "), ("′", "'"), ("Ω", "omega"), ("ℝ", "R"),
])
def test_look_alikes(character, meant):
    (fault,) = faults(f"model M const a = 1 {character}")
    assert fault.code == "ODE006" and fault.edits[0].text == meant


def test_other_characters_stand_in_comments():
    assert codes("model M # naïve Müller, 模型, ω² ≤ 1") == []


@pytest.mark.parametrize("text", [
    "model M param __import__ : R",
    "model M const a = __import__(os)",
    "model M\n\"\"\"\nimport os\n\"\"\"",
    "model M; import os",
    "model M const a = `id`",
    "model M\\nimport os",
    "model M'\nimport os",
    "model os.system",
])
def test_smuggled_code_is_rejected_or_only_a_name(text):
    found = codes(text)
    assert found or text == "model M const a = __import__(os)"  # an unknown function: the next stage's to reject


def test_200_operations_are_allowed():
    spec = read(FIELD % " + ".join(["x"] * 201))
    assert format_spec(spec)
    assert codes(FIELD % ("(" * 99 + "x" + ")" * 99)) == []

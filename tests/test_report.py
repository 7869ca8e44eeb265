"""Faults as text."""
from __future__ import annotations

import re

import pytest

from odenet.diagnostics import Diagnostic, Label
from odenet.report import escape, render, render_all
from odenet.text import Source, Span

TEXT = """\
model Damped
  state x : R[n]
  param A : R[n, m]
  param c : R
  field damp { x' = -A.T @ tanh(A @ x + b) }
"""


def label(source, words, text, occurrence=0):
    start = [match.start() for match in re.finditer(re.escape(words), source.text)][occurrence]
    return Label(Span(start, start + len(words)), text)


def show(text, *labels, help="", name="specs/damped.ode", message="something is wrong", colour=False):
    source = Source(name, text)
    made = tuple(each if isinstance(each, Label) else label(source, *each) for each in labels)
    return render(Diagnostic("ODE201", message, made, help), source, colour)


def test_as_in_the_style_guide():
    assert show(
        TEXT, ("A @ x", "R[n, m] times R[n]: `m` is not `n`"), ("R[n]", "`x` has size `n`"), ("R[n, m]", "`A` has shape [n, m]"),
        message="cannot multiply `A` by `x`: inner sizes differ", help="declare `A : R[m, n]`",
    ) == """\
error[ODE201]: cannot multiply `A` by `x`: inner sizes differ
 --> specs/damped.ode:5:33
  |
2 |   state x : R[n]
  |             ---- `x` has size `n`
3 |   param A : R[n, m]
  |             ------- `A` has shape [n, m]
...
5 |   field damp { x' = -A.T @ tanh(A @ x + b) }
  |                                 ^^^^^ R[n, m] times R[n]: `m` is not `n`
  |
  = help: declare `A : R[m, n]`"""


def test_several_labels_on_a_line():
    assert show("one two three", ("two", "middle"), ("one", "left"), ("three", "right")) == """\
error[ODE201]: something is wrong
 --> specs/damped.ode:1:5
  |
1 | one two three
  | --- ^^^ ----- right
  | |   |
  | |   middle
  | left"""


def test_labels_inside_each_other():
    assert show("one two three", ("two", "inner"), ("one two three", "outer")) == """\
error[ODE201]: something is wrong
 --> specs/damped.ode:1:5
  |
1 | one two three
  | ----^^^------
  | |   |
  | |   inner
  | outer"""


def test_labels_without_text():
    assert show("one two", ("one", "")).endswith("1 | one two\n  | ^^^")


def test_a_label_over_lines_is_clipped():
    assert "1 | one\n  | ^^^ here" in show("one\ntwo\nthree", ("one\ntwo", "here"))


def test_the_end_of_the_file():
    assert "2 |\n  | ^ here" in show("one\n", Label(Span(4, 4), "here"))
    assert "1 | one\n  |    ^ here" in show("one", Label(Span(3, 3), "here"))
    assert "1 |\n  | ^ here" in show("", Label(Span(0, 0), "here"))
    assert "^ here" in show("one", Label(Span(90, 95), "here"))


def test_the_gutter_grows():
    text = "\n".join(f"line{number}" for number in range(1, 121))
    assert show(text, ("line100", "a"), ("line9", "b")).split("\n")[1:] == [
        "   --> specs/damped.ode:100:1", "    |", "  9 | line9", "    | ----- b", "...", "100 | line100", "    | ^^^^^^^ a",
    ]


def test_tabs_and_wide_and_combining_characters():
    assert "1 |     a   b\n  |         ^ here" in show("\ta\tb", ("b", "here"))
    assert "1 | # 模型 x\n  |        ^ here" in show("# 模型 x", ("x", "here"))
    assert "1 | # e\u0301e x\n  |      ^ here" in show("# e\u0301e x", ("x", "here"))


@pytest.mark.parametrize("character", list("\x00\x07\x1b\x7f\x9b\u202e\u200b\ufeff\u2028\u00a0\ue000"))
def test_nothing_dangerous_reaches_the_terminal(character):
    text = show(f"a {character}[31m b", ("b", f"l{character}"), help=f"h{character}", message=f"m{character}",
                name=f"n{character}")
    assert character not in text
    lines = text.split("\n")
    assert lines[3].rindex("b") == lines[4].index("^")


def test_a_broken_surrogate_can_be_written():
    assert show("# \ud800 x", ("x", "here")).encode("utf-8")


def test_a_very_long_line_is_cut_around_its_label():
    text = "a " * 5000 + "here" + " b" * 5000
    lines = show(text, ("here", "this"), Label(Span(0, 1), "the first")).split("\n")
    assert all(len(line) < 130 for line in lines)
    assert lines[4].index("^^^^") == lines[3].index("here") and lines[3].startswith("1 | …") and lines[3].endswith("…")


def test_help_of_several_lines():
    assert show("x", ("x", ""), help="one\ntwo").endswith("  |\n  = help: one\n          two")


def test_colour_only_adds_colour():
    plain, coloured = (show(TEXT, ("A @ x", "here"), ("R[n]", "there"), help="do", colour=each) for each in (False, True))
    assert "\x1b[" not in plain and "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_escape():
    assert escape("a\x1b\n\u202e ü") == "a\\x1b\\x0a\\u{202e} ü"


def test_several_faults():
    source = Source("a", "x y")
    faults = [Diagnostic("ODE001", "one", (Label(Span(0, 1), ""),)), Diagnostic("ODE002", "two", (Label(Span(2, 3), ""),))]
    assert render_all(faults, source).count("\n\n") == 1

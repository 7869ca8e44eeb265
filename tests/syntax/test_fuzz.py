"""Whatever comes in, a spec or a rejection comes out, soon, and the rejection can be shown."""
from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from odenet.codes import lookup
from odenet.diagnostics import Rejected
from odenet.report import render_all
from odenet.syntax import decode, format_spec, parse
from odenet.syntax.tables import load_tables

from .reading import SPECS, bare

WORDS = sorted({*load_tables().spellings.values(), "x", "y", "x'", "1", "0.5", "2e9", "lie", "gradient", "\n", "#", "$", "α", "**"})
QUICK = settings(max_examples=150, deadline=None)


def survives(data):
    before = time.perf_counter()
    try:
        spec = parse(decode("fuzz.ode", data))
    except Rejected as rejected:
        check_faults(rejected)
    else:
        once = format_spec(spec)
        again = parse(decode("fuzz.ode", once.encode()))
        assert bare(again) == bare(spec) and format_spec(again) == once
    assert time.perf_counter() - before < 2


def check_faults(rejected):
    assert rejected.faults
    for fault in rejected.faults:
        assert lookup(fault.code) is not None
        for label in fault.labels:
            assert 0 <= label.span.start <= label.span.end <= len(rejected.source.text)
    text = render_all(rejected.faults, rejected.source)
    assert "\x1b" not in text and all(line.isprintable() for line in text.split("\n"))


@QUICK
@given(st.binary(max_size=200))
def test_bytes(data):
    survives(data)


@QUICK
@given(st.text(max_size=200))
def test_text(text):
    survives(text.encode("utf-8", "surrogatepass"))


@QUICK
@given(st.lists(st.sampled_from(WORDS), max_size=60), st.sampled_from([" ", "", "\n"]))
def test_soups_of_words(words, between):
    survives(("model M " + between.join(words)).encode())


@st.composite
def mutants(draw):
    text = draw(st.sampled_from(sorted(SPECS.values())))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 6)))
        text = text[:start] + draw(st.sampled_from(["", " ", "\n", *WORDS])) + text[end:]
    return text


@settings(max_examples=300, deadline=None)
@given(mutants())
def test_mutants_of_specs(text):
    survives(text.encode())


@st.composite
def expressions(draw, depth=4):
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(["x", "A", "2", "0.5", "f(x)", "|x|", "[1, x]"]))
    one, two = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    form = draw(st.sampled_from(["({0})", "-{0}", "({0}).T", "({0})[{1}]", "|{0}|", "f({0}, {1}, k = {1})",
                                 *(f"{{0}} {sign} {{1}}" for sign in "+-*/@^")]))
    return form.format(one, two)


@QUICK
@given(expressions())
def test_expressions_survive_formatting(text):
    survives(f"model M const a = {text}".encode())

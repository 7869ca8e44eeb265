"""Statements into trees."""
from __future__ import annotations

from fractions import Fraction

import pytest

from odenet.syntax import decode, tree

from .reading import SPECS, codes, expression, faults, read


@pytest.mark.parametrize("name", SPECS)
def test_specs_parse(name):
    assert read(SPECS[name]).model is not None


def statements(text, kind):
    return [each for each in read(text).statements if isinstance(each, kind)]


def test_dims_are_one_statement_each():
    first, second = statements("model M dim n = 64, m = 2*n", tree.DimStatement)
    assert (first.name.text, second.name.text) == ("n", "m")
    assert first.span.start == 8 and second.span.start == second.name.span.start == 20


def test_param():
    plain, timed = statements("model M param k : R param A(t) : R[n], norm <= 2, in [0, 1], skew = 3", tree.ParamStatement)
    assert not plain.timed and plain.modifiers == () and plain.initial is None
    assert timed.timed and isinstance(timed.initial, tree.Number)
    assert [type(each).__name__ for each in timed.modifiers] == ["NormModifier", "IntervalModifier", "SetModifier"]


def test_rows_name_their_blocks_without_the_prime():
    (field,) = statements("model M field f { q' = p  p' = -q }", tree.FieldStatement)
    assert [row.block.text for row in field.rows] == ["q", "p"]
    assert [row.block.span.end - row.block.span.start for row in field.rows] == [1, 1]


def test_clauses_of_a_flow_come_in_any_order_or_not_at_all():
    one, two, three = statements("model M flow a = s(f) over [0, 1] steps L flow b = s(f) steps L over [0, 1] flow c = s(f)",
                                 tree.FlowStatement)
    assert one.start is not None and two.start is not None and one.steps is not None and two.steps is not None
    assert three.start is None and three.end is None and three.steps is None


def test_stage_norm():
    (net,) = statements("model M net c : R -> R = conv(8, size = 3, norm <= 1) -> relu", tree.NetStatement)
    first, second = net.stages
    assert len(first.arguments) == 1 and [each.name.text for each in first.keywords] == ["size"] and first.norm is not None
    assert second.arguments == () and second.norm is None


def test_comments_are_kept_with_their_places():
    spec = read("# a  \nmodel M # b\r\n#")
    assert [text for _, text in spec.comments] == ["# a", "# b", "#"]
    assert all(spec.source.text[span.start : span.end] == text for span, text in spec.comments)


def test_prelude_has_no_model():
    assert read("scheme lie(A, B) = A(1) B(1)", prelude=True).model is None
    assert codes("scheme lie(A, B) = A(1) B(1)") == ["ODE003"]


@pytest.mark.parametrize(("text", "value"), [
    ("2", Fraction(2)), ("0.1", Fraction(1, 10)), ("1e-3", Fraction(1, 1000)), ("1.5E+2", Fraction(150)),
    ("007", Fraction(7)), ("1e300", Fraction(10) ** 300), ("1e-0003", Fraction(1, 1000)),
])
def test_numbers_are_exact(text, value):
    number = expression(text)
    assert isinstance(number, tree.Number) and number.value == value and number.text == text


@pytest.mark.parametrize("text", ["1e301", "1e-301", "1e99999999999999", "1" * 61, "0." + "0" * 60, "9" * 100_000])
def test_numbers_are_bounded(text):
    assert codes(f"model M const a = {text}") == ["ODE012"]


def test_decode():
    assert decode("a", b"\xef\xbb\xbfmodel M\r\nstate x : R\r\n").text == "model M\nstate x : R\n"


@pytest.mark.parametrize("data", [b"\xff", b"model M\r\n# \xe9", b"\xef\xbb\xbf\xed\xa0\x80", "model M".encode("utf-16")])
def test_not_utf8(data):
    from odenet.diagnostics import Rejected

    with pytest.raises(Rejected) as caught:
        decode("a", data)
    (fault,) = caught.value.faults
    assert fault.code == "ODE001"
    assert caught.value.source.text[fault.labels[0].span.start] == "\ufffd"


@pytest.mark.parametrize("text", ["", " \n\t\n", "# only a comment"])
def test_empty(text):
    assert codes(text) == ["ODE002"]


def test_all_faults_of_the_stage_in_order():
    text = """model M
dim n 4
state x : R[n
feild f { x' = x }
field g { x' = 2 x }
clam g : gradient
param state : R
flow f = lie(g) step 3
claim f gradient
"""
    found = faults(text)
    assert [fault.code for fault in found] == [
        "ODE021", "ODE013", "ODE016", "ODE014", "ODE016", "ODE015", "ODE029", "ODE031",
    ]
    places = [fault.labels[0].span.start for fault in found]
    assert places == sorted(places)


def test_one_cause_gives_one_fault():
    assert codes("model M field f { x' = (a + sin(b }") == ["ODE013"]
    assert codes("model M state dim : R") == ["ODE015"]
    assert codes("model M const a = ((1 + 2) state x : R") == ["ODE013"]
    assert codes("mdel M\nstate x : R\n") == ["ODE016"]


def test_names():
    assert codes("model M param torch : R") == ["ODE101"]
    assert codes("model M state _x : R") == ["ODE101"]
    assert codes("model M def f(None) = 1") == ["ODE101"]
    assert codes("model M scheme s(self, B) = self(1) B(1)") == ["ODE101"]
    assert codes("model M state forward : R") == []
    assert codes("model M flow forward = lie(f)") == ["ODE102"]
    assert codes("model M def half(z) = z/2") == []


def test_another_name_is_free():
    (fault,) = faults("model M param class : R param class_ : R[class]")
    assert [edit.text for edit in fault.edits] == ["class_2", "class_2"]

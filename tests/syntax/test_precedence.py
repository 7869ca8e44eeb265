"""Each decision about which operator binds first, as the same tree from two spellings."""
from __future__ import annotations

import pytest

from odenet.syntax import tree

from .reading import bare, expression, faults

SAME = [
    ("a + b + c", "(a + b) + c"),
    ("a - b - c", "(a - b) - c"),
    ("a - b + c", "(a - b) + c"),
    ("a + b * c", "a + (b * c)"),
    ("a * b + c", "(a * b) + c"),
    ("a - b / c", "a - (b / c)"),
    ("a + b @ c", "a + (b @ c)"),
    ("a * b * c", "(a * b) * c"),
    ("a / b / c", "(a / b) / c"),
    ("a / b * c", "(a / b) * c"),
    ("a * b / c", "(a * b) / c"),
    ("a @ b @ c", "(a @ b) @ c"),
    ("A.T @ d * z", "(A.T @ d) * z"),
    ("h * A @ x", "(h * A) @ x"),
    ("1/|q|^3 * q", "(1/((|q|)^3)) * q"),
    ("-a + b", "(-a) + b"),
    ("-a * b", "(-a) * b"),
    ("-a @ b", "(-a) @ b"),
    ("-a / b", "(-a) / b"),
    ("-a^2", "-(a^2)"),
    ("--a", "-(-a)"),
    ("a - -b", "a - (-b)"),
    ("a * -b", "a * (-b)"),
    ("a * -b^2", "a * (-(b^2))"),
    ("-K.T @ x", "(-(K.T)) @ x"),
    ("a^b^c", "a^(b^c)"),
    ("a^-b", "a^(-b)"),
    ("a^-b^c", "a^(-(b^c))"),
    ("a^-b * c", "(a^(-b)) * c"),
    ("2 * a^2", "2 * (a^2)"),
    ("A^2.T", "A^(2.T)"),
    ("A.T^2", "(A.T)^2"),
    ("A.T[0]", "(A.T)[0]"),
    ("x[0].T", "(x[0]).T"),
    ("x[0]^2", "(x[0])^2"),
    ("a^x[0]", "a^(x[0])"),
    ("f(x)[0]", "(f(x))[0]"),
    ("f(x)^2", "(f(x))^2"),
    ("|a| + |b|", "(|a|) + (|b|)"),
    ("|a + |b||", "|(a + (|b|))|"),
    ("||a||", "|(|a|)|"),
    ("|a| * |b|", "(|a|) * (|b|)"),
    ("|a|^2", "(|a|)^2"),
    ("[1, 2] + [3, 4]", "([1, 2]) + ([3, 4])"),
    ("((a))", "a"),
]


@pytest.mark.parametrize(("short", "long"), SAME)
def test_these_are_the_same(short, long):
    assert bare(expression(short)) == bare(expression(long))


@pytest.mark.parametrize("text", ["a b", "2 a", "a (b) c", "+a", "a ** b", "a^+b", "a..T", "x[0, 1]", "[]", "()", "f()", "||"])
def test_these_are_no_expressions(text):
    assert faults(f"model M const a = {text}")


def test_a_name_before_parentheses_is_a_call():
    assert isinstance(expression("a (b)"), tree.Call)


def test_places():
    node = expression("(a + bb) * c")
    assert isinstance(node, tree.Binary)
    assert (node.span.start, node.span.end) == (18, 30)
    assert (node.place.start, node.place.end) == (27, 28)
    assert (node.left.span.start, node.left.span.end) == (19, 25)

"""Canonical text: the same tree, the same comments, and nothing left to change."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from odenet.syntax import format_spec

from .reading import SPECS, bare, expression, read
from .test_precedence import SAME

ROOT = Path(__file__).parents[2]
GALLERY = sorted((ROOT / "specs").glob("**/*.ode"))
GALLERY = [path for path in GALLERY if path.parent.name != "reject"]


def check(text, prelude=False):
    spec = read(text, prelude)
    once = format_spec(spec)
    again = read(once, prelude)
    assert bare(again) == bare(spec)
    assert format_spec(again) == once
    assert all(line == line.rstrip() for line in once.split("\n")) and once.endswith("\n")
    return once


@pytest.mark.parametrize("name", SPECS)
def test_specs(name):
    check(SPECS[name])


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_shipped_specs(path):
    check(path.read_text(encoding="utf-8"), prelude=path.stem == "prelude")


@pytest.mark.parametrize(("short", "long"), SAME)
def test_the_fewest_parentheses(short, long):
    one, two = (check(f"model M const a = {text}") for text in (short, long))
    assert one == two
    assert len(re.findall(r"\(", one)) <= len(re.findall(r"\(", short))


@pytest.mark.parametrize(("text", "canonical"), [
    ("10*(y-x)", "10 * (y - x)"),
    ("8/3*z", "8/3 * z"),
    ("p^2/2", "p^2/2"),
    ("1/|q|^3*q", "1/|q|^3 * q"),
    ("n*(n-1)/2", "n * (n - 1) / 2"),
    ("-k/m", "-k/m"),
    ("a@b", "a @ b"),
    ("[[0,0],[2/3,0]]", "[[0, 0], [2/3, 0]]"),
    ("f(x,norm=inf)", "f(x, norm = inf)"),
])
def test_blanks(text, canonical):
    assert check(f"model M const a = {text}") == f"model M\nconst a = {canonical}\n"
    assert bare(expression(text)) == bare(expression(canonical))


def test_sizes_are_tight():
    assert check("model M state x : R[2 * n, n * (n-1)/2]") == "model M\nstate x : R[2*n, n*(n - 1)/2]\n"


def test_neighbours_are_aligned():
    text = "model M field a { q' = p } field bcd { p' = -q }\nclaim a : gradient claim a + bcd : hamiltonian"
    assert check(text) == """\
model M
field a   { q' = p }
field bcd { p' = -q }
claim a       : gradient
claim a + bcd : hamiltonian
"""


def test_an_empty_line_ends_a_run():
    assert check("model M\n\n\n\nclaim a : b\n\nclaim abc : d") == "model M\n\nclaim a : b\n\nclaim abc : d\n"


def test_comments():
    assert check(SPECS["comments"]) == """\
# first

# second
model M  # name


dim n = 3, m = n*(n - 1)/2                                 # sizes
# own
state x : R[n]
param A(t) : R[n, n], orthogonal, linear(4) = (1 + 2) * 3  # tr
field f {
    # open
    # one
    x' = a + b                    # two
    # own in
    y' = -(x^2)^3^-1 / (a/b) * c  # y
}  # close
field g {
    # in head
    x' = a @ b @ c @ (d * e).T[0]
}
# net
net c : R -> R = a -> b(1, size = 3, norm <= 1)
# end
""".replace("\n\n\ndim", "\n\ndim")


def test_a_long_field_is_broken():
    row = "x' = " + " + ".join(["long_name"] * 5)
    other = row.replace("x'", "y'")
    assert check(f"model M field f {{ {row} {other} }}") == f"model M\nfield f {{\n    {row}\n    {other}\n}}\n"


def test_dims_stay_together():
    assert check("model M dim a=1,b=2 dim c=3") == "model M\ndim a = 1, b = 2\ndim c = 3\n"

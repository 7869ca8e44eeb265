"""What `help:` proposes for a fault of grammar, as the text after its edits."""
from __future__ import annotations

import pytest

from .reading import codes, faults


def mended(text):
    (fault,) = faults(text)
    for edit in sorted(fault.edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


@pytest.mark.parametrize(("before", "after"), [
    ("dim n 4", "dim n = 4"),
    ("dim n = 4 m = 5", "dim n = 4, m = 5"),
    ("dim n : 4", "dim n = 4"),
    ("state x = R", "state x : R"),
    ("state x R", "state x : R"),
    ("state x y : R", "state x, y : R"),
    ("param A : R(n, n)", "param A : R[n, n]"),
    ("param A : R[n, n] skew", "param A : R[n, n], skew"),
    ("param A : R[n, n], norm < 1", "param A : R[n, n], norm <= 1"),
    ("param k : R, in (0, 1)", "param k : R, in [0, 1]"),
    ("const a = 2 b", "const a = 2 * b"),
    ("const a = (b)(c)", "const a = (b) * (c)"),
    ("const a : 3", "const a = 3"),
    ("def V(q): q", "def V(q) = q"),
    ("def V[q] = q", "def V(q) = q"),
    ("field f ( x' = 1 )", "field f { x' = 1 }"),
    ("field f { x' = 1, y' = 2 }", "field f { x' = 1 y' = 2 }"),
    ("field f { x' : 1 }", "field f { x' = 1 }"),
    ("field f { x' = A' }", "field f { x' = A.T }"),
    ("field f = { x' = 1 }", "field f  { x' = 1 }"),
    ("scheme s(A B) = A(1) B(1)", "scheme s(A, B) = A(1) B(1)"),
    ("scheme s(A, B) = A(1), B(1)", "scheme s(A, B) = A(1) B(1)"),
    ("flow f = lie(a b)", "flow f = lie(a, b)"),
    ("flow f : lie(a)", "flow f = lie(a)"),
    ("flow f = lie[a]", "flow f = lie(a)"),
    ("flow f = lie(a = euler)", "flow f = lie(a: euler)"),
    ("flow f = lie(a) [0, 1] steps 4", "flow f = lie(a) over [0, 1] steps 4"),
    ("flow f = lie(a) over (0, 1) steps 4", "flow f = lie(a) over [0, 1] steps 4"),
    ("flow f = lie(a) over [0, 1] 4", "flow f = lie(a) over [0, 1] steps 4"),
    ("flow f = lie(a) over [0, 1], steps 4", "flow f = lie(a) over [0, 1] steps 4"),
    ("flow f = lie(a) over [0; 1]", "flow f = lie(a) over [0 1]"),
    ("flow f = lie(a) ovr [0, 1]", "flow f = lie(a) over [0, 1]"),
    ("net c : R -> R : a", "net c : R -> R = a"),
    ("net c : R -> R = a b", "net c : R -> R = a -> b"),
    ("net c : R -> R = a(norm = 1) -> b", "net c : R -> R = a(norm = 1) -> b"),
    ("claim f gradient", "claim f : gradient"),
    ("claim f = gradient", "claim f : gradient"),
    ("claim f, g : gradient", None),
    ("claim f : gradient lipschitz(1)", "claim f : gradient, lipschitz(1)"),
    ("claim f : gradient x >= 0", "claim f : gradient on x >= 0"),
    ("claim f : gradient on x >= 0, y >= 0", "claim f : gradient on x >= 0 and y >= 0"),
    ("claim f : gradient on x >= 0 or y >= 0", None),
    ("const a = 1 +* 2", None),
])
def test_repairs(before, after):
    text = f"model M\n{before}"
    if before == after:
        assert codes(text) == []
    elif after is None:
        assert mended(text) == text
    else:
        assert "".join(mended(text).split()) == f"modelM{''.join(after.split())}"
        assert faults(text)[0].code not in codes(mended(text))

"""What the tests of this folder share: reading text, and trees without their places."""
from __future__ import annotations

import dataclasses
from typing import Any

from odenet.diagnostics import Diagnostic, Rejected
from odenet.syntax import parse, tree
from odenet.syntax.tree import Spec
from odenet.text import Source, Span

SPECS = {
    "pendulum": """\
# A pendulum.
model Pendulum

state q, p : R                          # a pair
param k : R, positive = 1

field kinetic   { q' = p }
field potential { p' = -k * sin(q) }

flow pendulum = strang(kinetic, potential) over [0, 10] steps 100
claim kinetic + potential : hamiltonian, divergence_free
claim pendulum            : symplectic, order(2), invertible
""",
    "everything": """\
model Everything
dim n = 64, L = 16, m = 2*n, s = n*(n-1)/2
state x : R[n]
state u : R[c, 32, 32]
param A(t) : R[n, n], orthogonal, linear(4)
param he(t) : R, in [0, 1/max(1 - hc/2, hc - 1) - 1] = 0.5
param K(t) : conv(c, c, size = 3, padding = circular), norm <= 1
const w = 2^(1/3)
def V(q, w : R[n, m]) = sum(logcosh(K @ q + |a|)) + x[0]
scheme mine(A, B) = A(1/2) B(1) A(1/2)
method ralston = table([0, 2/3], [[0, 0], [2/3, 0]], [1/4, 3/4])
field all { x' = 10*(y - x)  y' = x*(28 - z) - y
            z' = x*y - 8/3*z }
field diffuse { u' = -K.T @ leaky_relu(K @ u + b, 1/2) }
flow net = mine(all, diffuse: relax(heun, dot(q, q))) over [0, 2*L] steps L
flow later = mine(all) steps L over [0, 1]
flow bare = mine(all)
net head : R[3, 32, 32] -> R[10] = lift(c) -> net -> conv(8, size = 3, norm <= 1) -> flatten -> linear(norm <= 1)
claim all + diffuse : contractive(1, norm = inf), gradient(V(q, q)) on x >= 0 and x < 1 and |x|^2 <= 4
claim net : lipschitz(1)
claim V : convex
""",
    "soft words": """\
model Soft
param R : R
param norm : R[norm]
param conv : conv(1, 1)
state net : R
field net { net' = norm(R) + conv * net + norm }
flow net = lie(net: norm) steps net
claim net : norm(norm = net)
net net : R -> R = net -> conv(1, norm <= R) -> norm
""",
    "comments": """\
# first

# second
model M   # name


dim n=3,m=n*(n-1)/2 # sizes
# own
state x:R[n] param A(t):R[n,n],orthogonal,linear( 4 )=(1+2)*3 # tr
field   f { # open
x' = a + # one
  b # two
  # own in
  y' = -(x^2)^3^-1/ (a/b) * ((c)) # y
} # close
field
 # in head
 g { x'=(a@b)@c@(d*e).T[0] }
net c : R -> R = # net
  a->b(1,size=3,norm<=1)
# end""",
}


def read(text: str, prelude: bool = False) -> Spec:
    return parse(Source("test.ode", text), prelude)


def faults(text: str) -> tuple[Diagnostic, ...]:
    """The faults of a text; none if it parses."""
    try:
        read(text)
    except Rejected as rejected:
        return rejected.faults
    return ()


def codes(text: str) -> list[str]:
    return [fault.code for fault in faults(text)]


def expression(text: str) -> tree.Expression:
    statement = read(f"model M const a = {text}").statements[0]
    assert isinstance(statement, tree.ConstStatement)
    return statement.value


def bare(node: Any) -> Any:
    """A tree as nested tuples, without places and sources."""
    if isinstance(node, (Span, Source)):
        return None
    if dataclasses.is_dataclass(node):
        return (type(node).__name__, *(bare(getattr(node, each.name)) for each in dataclasses.fields(node)))
    return tuple(map(bare, node)) if isinstance(node, tuple) else node

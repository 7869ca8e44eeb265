"""The theorems that proofs rest on: one row each, with its source.

A proof names rules; a rule that is not in this table cannot be applied, and a test holds that each row is used by a spec that needs
it and spoiled by a mutant.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from odenet.proof.finding import Proof


@dataclass(frozen=True)
class Rule:
    """`theorem`: what is true, in words; `source`: where it stands."""

    name: str
    theorem: str
    source: str


_ROWS = (
    Rule("zero trace", "div f = tr Df, and the normal form of tr Df is zero.", "definition"),
    Rule("symmetric jacobian", "A Lipschitz or C^1 field on a convex domain is a gradient iff its Jacobian is symmetric "
         "(almost everywhere).", "Poincare lemma; Lee, Introduction to Smooth Manifolds (2013), Thm 11.49"),
    Rule("given potential", "f - grad V (or f - J grad H) has the normal form zero.", "definition"),
    Rule("hamiltonian jacobian", "f = J grad H for some H on a convex domain iff J^-1 Df is symmetric (almost everywhere).",
         "Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), Lemma VI.2.7"),
    Rule("spectral bound", "The symmetric part of Df is a sum of words R'MR whose spectra lie in known intervals; by Weyl's "
         "inequality so does that of the sum, and <f(x)-f(y), x-y> <= mu |x-y|^2 for mu an upper end of it.",
         "Horn, Johnson, Matrix Analysis (2013), Thm 4.3.1; Soderlind, BIT 46 (2006) 631-652"),
    Rule("principal minors", "A symmetric matrix is positive semidefinite iff all its principal minors are >= 0.",
         "Horn, Johnson, Matrix Analysis (2013), Thm 7.2.5"),
    Rule("logarithmic norm", "mu_p(cI + B) <= c + |B|_p, and f is contractive(c) in the norm p iff mu_p(Df) <= -c everywhere.",
         "Soderlind, BIT 46 (2006) 631-652"),
    Rule("norm of the jacobian", "A field whose Jacobian has norm at most L (almost everywhere) is Lipschitz with constant L; "
         "norms of words are submultiplicative, and |A|_2^2 <= |A|_1 |A|_inf.",
         "Horn, Johnson, Matrix Analysis (2013), 5.6; Rademacher's theorem"),
    Rule("first integral", "grad I . f has the normal form zero.", "definition"),
    Rule("dissipation", "-grad I . f >= 0 by a chain of exact inequalities.", "definition"),
    Rule("gradient descent", "grad V . (-M grad V) <= 0 for M positive semidefinite.", "definition"),
    Rule("quasi-positive", "A locally Lipschitz field with f_i >= 0 wherever x >= 0 and x_i = 0 keeps the orthant.",
         "Nagumo 1942; Walter, Ordinary Differential Equations (1998), III.10.XIV"),
    Rule("substitution", "Both sides have the same normal form after the group acts.", "definition"),
    Rule("commuting letters", "Every letter commutes with the action of the group.", "definition"),
    Rule("exact flow", "The exact flow of a field inherits it for all times.", "Hairer, Lubich, Wanner (2006), I.1, VI.2"),
    Rule("exact flow of a contraction", "<f(x)-f(y), x-y> <= 0 implies |Phi(x)-Phi(y)| <= |x-y|.",
         "Hairer, Norsett, Wanner, Solving ODEs I (1993), Thm I.10.6"),
    Rule("composition", "Maps with the property are closed under composition; Lipschitz constants multiply.", "definition"),
    Rule("symplectic method", "A Runge-Kutta method with b_i a_ij + b_j a_ji = b_i b_j is symplectic on Hamiltonian fields and "
         "keeps quadratic first integrals.",
         "Sanz-Serna, BIT 28 (1988) 877-883; Cooper, IMA J. Numer. Anal. 7 (1987) 1-13"),
    Rule("linear first integral", "Every Runge-Kutta method keeps linear first integrals.",
         "Hairer, Lubich, Wanner (2006), Thm IV.1.5"),
    Rule("relaxation", "The relaxed step meets the level set of the quadratic along the step.",
         "Ketcheson, SIAM J. Numer. Anal. 57 (2019) 2850-2870; Calvo et al., SIAM J. Sci. Comput. 28 (2006) 868-889"),
    Rule("discrete gradient", "Gonzalez' midpoint discrete gradient keeps (or dissipates) its potential.",
         "Gonzalez, J. Nonlinear Sci. 6 (1996) 449-467"),
    Rule("shear", "A field whose moved blocks do not enter its rates is advanced exactly by every consistent Runge-Kutta method; "
         "its flow is x -> x + h g(y) with determinant 1 and the inverse x - h g(y).", "Hairer, Lubich, Wanner (2006), VI.3"),
    Rule("symmetric step", "The step has a symmetric Jacobian I + h S with the spectrum of S in a known interval, so its norm is "
         "the larger end of |1 + h s|.", "Horn, Johnson, Matrix Analysis (2013), 5.6; mean value form with averaged slopes"),
    Rule("norm of the step", "|I + h Df| <= 1 + h |Df|.", "triangle inequality"),
    Rule("circle contractivity", "A Runge-Kutta step h of radius r on -grad V, V convex with L-Lipschitz gradient, is nonexpansive "
         "when h L <= 2 r.", "Dahlquist, Jeltsch (1979); Sherry et al., arXiv 2306.17332"),
    Rule("b-stability", "An algebraically stable Runge-Kutta method is nonexpansive on nonexpansive fields.",
         "Burrage, Butcher, SIAM J. Numer. Anal. 16 (1979) 46-57"),
    Rule("coupled product", "The product of the substeps' constants over one period of the scheme is bounded over the joint set of "
         "their parameters.", "Celledoni, Murari, Owren, Schonlieb, Sherry, arXiv 2210.02373, section 4"),
    Rule("averaged step", "x + h f(x) with -2a <= h s <= 0 for the spectrum of a symmetric Df is a-averaged.",
         "Bauschke, Combettes, Convex Analysis and Monotone Operator Theory (2017), 4.5"),
    Rule("averaged composition", "m maps that are a-averaged compose to an m a / (1 + (m - 1) a)-averaged map.",
         "Bauschke, Combettes (2017), Prop. 4.46"),
    Rule("orthogonal step", "A linear map that keeps x'x is orthogonal, so its determinant is 1 or -1.", "definition"),
    Rule("order conditions", "The composition agrees with the exact flow in the free Lie algebra up to its order.",
         "Hairer, Lubich, Wanner (2006), III.3-5"),
    Rule("palindrome", "A composition that reads the same backwards, of symmetric substeps, is symmetric.",
         "Hairer, Lubich, Wanner (2006), II.3, V.3"),
    Rule("reversible composition", "A symmetric composition of reversible substeps is reversible.",
         "Hairer, Lubich, Wanner (2006), Thm V.1.5"),
    Rule("invertible contraction", "x + h f(x) with h Lip(f) < 1 is a bijection.",
         "Banach's fixed point theorem; Behrmann et al., Invertible Residual Networks (2019), Thm 1"),
    Rule("monotone step", "x + h f(x) with a symmetric Jacobian >= c > 0 is a bijection.",
         "Browder-Minty theorem; Zeidler, Nonlinear Functional Analysis II/B, Thm 26.A"),
    Rule("implicit midpoint is invertible", "With h L < 2 the implicit midpoint rule has one solution, and its inverse is its step "
         "with -h.", "Hairer, Lubich, Wanner (2006), II.3, V.2"),
    Rule("nonnegative step", "Every entry of the step is a sum of nonnegative terms on the orthant.", "definition"),
    Rule("equivariant method", "Exact flows, Runge-Kutta methods and compositions commute with linear symmetries of their fields.",
         "McLachlan, Quispel, Acta Numerica 11 (2002), 341-434, section 2"),
    Rule("volume of a symplectic map", "A symplectic map keeps volume.", "Liouville's theorem"),
    Rule("convex composition", "Sums with nonnegative weights, convex functions of affine maps, increasing convex functions of "
         "convex ones, norms and maxima are convex.", "Boyd, Vandenberghe, Convex Optimization (2004), 3.2"),
    Rule("hessian", "The Hessian's spectrum lies in a known interval.", "Boyd, Vandenberghe, Convex Optimization (2004), 3.1.4"),
    Rule("stage constants", "The Lipschitz constants of the stages multiply.", "definition"),
)

_SPELLINGS = tuple((re.compile(pattern), spelling) for pattern, spelling in (
    (r"\b(?:param|state|dim|variable) (?=\w)", ""),
    (r"(?<![\w/.^)])1\*(?=[A-Za-z(|\[])", ""),
    (r"\+ -", "- "),
    (r"\blargest\(", "max("), (r"\bsmallest\(", "min("),
    (r"<= -\(0\)", "<= 0"),
))

RULES: dict[str, Rule] = {row.name: row for row in _ROWS}


def by(rule: str, statement: str, *premises: Proof, conditions: tuple[str, ...] = (), **data: Any) -> Proof:
    """A step of a proof, with its instantiated facts as `data`. Raises KeyError for a rule that is not in the table."""
    return Proof(RULES[rule].name, readable(statement), premises, tuple(map(readable, conditions)), tuple(sorted(data.items())))


def readable(text: str) -> str:
    """Keys of scalars and forms in a text, spelled for people: `1*param hc + -1*state x` is `hc - x`."""
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text

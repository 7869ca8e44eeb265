"""The theorems that proofs rest on: one row each, with its source.

A proof names rules; a rule that is not in this table cannot be applied, and a test holds that each row is used by a spec that needs
it and spoiled by a mutant.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from odenet.proof.finding import Proof
from odenet.proof.spelling import plain_numbers


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
    Rule("constructed potential", "V, found by integrating the field term by term, is defined on the whole region, and f - grad V "
         "(or f - J grad V) has the normal form zero.", "definition; antiderivatives checked by differentiation"),
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
         "norms of words are submultiplicative, |A|_2^2 <= |A|_1 |A|_inf, and a matrix of blocks has at most the norm of the "
         "matrix of their norms.",
         "Horn, Johnson, Matrix Analysis (2013), 5.6; Rademacher's theorem"),
    Rule("first integral", "grad I . f has the normal form zero.", "definition"),
    Rule("dissipation", "-grad I . f >= 0 by a chain of exact inequalities.", "definition"),
    Rule("gradient descent", "grad V . (-M grad V) <= 0 for M positive semidefinite.", "definition"),
    Rule("named gradient", "f holds grad I, or the vector v with grad I = D v: where grad I . f is 0 (or <= 0) whatever that "
         "vector is, it is so along f. A skew part vanishes, and g'M g <= 0 for M + M' <= 0.",
         "van der Schaft, Jeltsema, Port-Hamiltonian Systems Theory (2014), 2.1"),
    Rule("quasi-positive", "A locally Lipschitz field with f_i >= 0 wherever x >= 0 and x_i = 0 keeps the orthant.",
         "Nagumo 1942; Walter, Ordinary Differential Equations (1998), III.10.XIV"),
    Rule("substitution", "Both sides have the same normal form after the group acts.", "definition"),
    Rule("commuting letters", "Every letter commutes with the action of the group.", "definition"),
    Rule("exact flow", "The exact flow of a field inherits it for all times.", "Hairer, Lubich, Wanner (2006), I.1, VI.2"),
    Rule("exact flow of a contraction", "A field with logarithmic norm at most mu has |Phi_h(x)-Phi_h(y)| <= exp(h mu) |x-y|.",
         "Hairer, Norsett, Wanner, Solving ODEs I (1993), Thm I.10.6"),
    Rule("one solution", "The equation of an implicit substep has one solution: its stages are the fixed point of a contraction "
         "when |h| |A| Lip(f) < 1; or it has one stage with a >= 0 and f a logarithmic norm of at most 0; or f is linear with "
         "<A d, d> <= 0, and R has no pole where Re z <= 0.",
         "Banach; Deimling, Nonlinear Functional Analysis (1985), Thm 13.3; Hairer, Wanner, Solving ODEs II (1996), IV.3, IV.14"),
    Rule("composition", "Maps with the property are closed under composition; Lipschitz constants multiply.", "definition"),
    Rule("symplectic method", "A Runge-Kutta method with b_i a_ij + b_j a_ji = b_i b_j is symplectic on Hamiltonian fields and "
         "keeps quadratic first integrals.",
         "Sanz-Serna, BIT 28 (1988) 877-883; Cooper, IMA J. Numer. Anal. 7 (1987) 1-13"),
    Rule("linear first integral", "Every Runge-Kutta method keeps linear first integrals.",
         "Hairer, Lubich, Wanner (2006), Thm IV.1.5"),
    Rule("reflexive method", "A method with R(z) R(-z) = 1 keeps on linear fields every quadratic form, and J, that the flow "
         "keeps.",
         "Hairer, Lubich, Wanner (2006), VI.4.2"),
    Rule("composed quantity", "A function of invariants is invariant; an increasing function of, and a sum of, quantities that do "
         "not rise does not rise.", "definition"),
    Rule("quadratic dissipation", "V quadratic with Hessian Q >= 0 and a table with b > 0, M + rho diag(b) >= 0: "
         "V(y) - V(x) <= h sum b_i (grad V . f + (rho h / 2) f'Qf)(Y_i). For linear V b >= 0 is enough.",
         "Burrage, Butcher, SIAM J. Numer. Anal. 16 (1979) 46-57; Dahlquist, Jeltsch, BIT 46 (2006) 567-587"),
    Rule("around a fixed point", "A map with Lipschitz constant 1 that fixes 0 does not raise |x|; a field with "
         "<f(x) - f(y), x - y> <= 0 and f(0) = 0 has <f(x), x> <= 0.", "definition"),
    Rule("descent lemma", "V(y) - V(x) <= h (grad V . f + (h K / 2) |f|^2) at x for an Euler step when Hess V <= K, at y for an "
         "implicit one when Hess V >= -K.", "Nesterov, Introductory Lectures on Convex Optimization (2004), Lemma 1.2.3"),
    Rule("relaxation", "The relaxed step meets the level set of the quadratic along the step.",
         "Ketcheson, SIAM J. Numer. Anal. 57 (2019) 2850-2870; Calvo et al., SIAM J. Sci. Comput. 28 (2006) 868-889"),
    Rule("discrete gradient", "Gonzalez' midpoint discrete gradient keeps (or dissipates) its potential.",
         "Gonzalez, J. Nonlinear Sci. 6 (1996) 449-467"),
    Rule("shear", "A field whose moved blocks do not enter its rates is advanced exactly by every consistent Runge-Kutta method; "
         "its flow is x -> x + h g(y) with determinant 1 and the inverse x - h g(y).", "Hairer, Lubich, Wanner (2006), VI.3"),
    Rule("symmetric step", "The step has a symmetric Jacobian I + h S with the spectrum of S in a known interval, so its norm is "
         "the larger end of |1 + h s|.", "Horn, Johnson, Matrix Analysis (2013), 5.6; mean value form with averaged slopes"),
    Rule("norm of the step", "|I + h Df| is at most the norm of its diagonal part plus the norms of its other words; for methods "
         "of several stages at most 1 + h sum |b_i| K_i, K_i = L (1 + h sum |a_ij| K_j).", "triangle inequality"),
    Rule("step in closed form", "An explicit substep, or a step of such substeps and exact shears, is a map given by a formula: "
         "its Lipschitz constant is the bound of its Jacobian's norm (almost everywhere), its volume factor the determinant, a "
         "quantity's change a difference.",
         "Rademacher's theorem; mean value inequality"),
    Rule("resolvent", "y = x + h f(y), h >= 0, has |y - z| <= |x - w| / (1 - h mu) when f has a logarithmic norm mu <= 0.",
         "Soderlind, BIT 46 (2006) 631-652; Bauschke, Combettes (2017), Prop. 23.13"),
    Rule("cocoercive descent", "f = -grad V, V convex with an L-Lipschitz gradient, has <Df d, d> <= -|Df d|^2 / L.",
         "Baillon, Haddad, Israel J. Math. 26 (1977) 137-150"),
    Rule("cocoercive ball", "Df = D + W, D diagonal with entries in [lo, hi], |W| <= r, hi + r <= 0: |Df + (L/2) I| <= L/2 for "
         "L = r - lo, which says <Df d, d> <= -|Df d|^2 / L.", "Bauschke, Combettes (2017), Prop. 4.39, 4.11"),
    Rule("cocoercive contraction", "<Df d, d> <= -c |d|^2 and |Df| <= K imply <Df d, d> <= -(c / K^2) |Df d|^2.", "definition"),
    Rule("circle contractivity", "A Runge-Kutta step h of radius r on a field with <Df d, d> <= -|Df d|^2 / L is nonexpansive "
         "when h L <= 2 r.", "Dahlquist, Jeltsch, BIT 46 (2006) 567-587, Thm 4.1; Sherry et al., arXiv 2306.17332"),
    Rule("von Neumann", "On a linear field with <A d, d> <= 0 a step of a method with |R(z)| <= 1 for Re z <= 0 is nonexpansive.",
         "Hairer, Wanner, Solving ODEs II (1996), Thm IV.11.2"),
    Rule("b-stability", "An algebraically stable Runge-Kutta method is nonexpansive on nonexpansive fields.",
         "Burrage, Butcher, SIAM J. Numer. Anal. 16 (1979) 46-57"),
    Rule("coupled product", "The product of the substeps' constants over one period of the scheme is bounded over the joint set of "
         "their parameters.", "Celledoni, Murari, Owren, Schonlieb, Sherry, arXiv 2210.02373, section 4"),
    Rule("averaged step", "On a field with <Df d, d> <= -|Df d|^2 / L a step h >= 0 of a consistent table with M + rho diag(b) "
         ">= 0 has a/(1-a) = h L / (2 - rho h L): rho = 1 for Euler, 0 for exact flows, -1 for implicit Euler, "
         "which has a = 1/2 on every monotone field.",
         "Bauschke, Combettes, Convex Analysis and Monotone Operator Theory (2017), Prop. 4.39, 23.8; Dahlquist, Jeltsch (2006)"),
    Rule("averaged composition", "a/(1-a) adds up under composition: (a + b - 2ab)/(1 - ab) for a and b.",
         "Bauschke, Combettes (2017), Prop. 4.44"),
    Rule("orthogonal step", "A linear map that keeps x'x is orthogonal, so its determinant is 1 or -1.", "definition"),
    Rule("order conditions", "The composition agrees with the exact flow up to its order: in the free Lie algebra, or in every "
         "tree whose vertices see what their children move.", "Hairer, Lubich, Wanner (2006), III.2-5"),
    Rule("palindrome", "A composition that reads the same backwards, of symmetric substeps, is symmetric, if what depends on "
         "time is met at the same times from the end of the step, t + h, back.",
         "Hairer, Lubich, Wanner (2006), II.3, V.3"),
    Rule("reversible composition", "A symmetric composition of reversible substeps is reversible.",
         "Hairer, Lubich, Wanner (2006), Thm V.1.5"),
    Rule("invertible contraction", "The inverse of a Runge-Kutta step h is the step -h of the table 1 b' - A, whose stages are the "
         "fixed point of a contraction when h |1 b' - A| Lip(f) < 1 (for Euler h Lip(f) < 1).",
         "Banach's fixed point theorem; Hairer, Lubich, Wanner (2006), Thm V.2.3"),
    Rule("monotone step", "A step of one stage is Y = x + a h f(Y), then Y + (b - a) h f(Y). The first is a bijection where it has "
         "one solution, the second where its Jacobian has a symmetric part >= c > 0.",
         "Browder-Minty theorem; Zeidler, Nonlinear Functional Analysis II/B, Thm 26.A"),
    Rule("nonnegative step", "Every entry of the step is a sum of nonnegative terms on the orthant.", "definition"),
    Rule("convex combination of Euler steps", "With r at most the table's strong stability coefficient, the state after a step "
         "h is a convex combination of x and of Euler steps of length h/r from the stages.",
         "Kraaijevanger, BIT 31 (1991) 482-528, Thm 2.2; Shu, Osher, J. Comput. Phys. 77 (1988) 439-471"),
    Rule("positive resolvent", "y = x + h f(y) with one solution for every step up to h keeps the orthant when f does: on the way "
         "from 0 to h no entry of y can reach 0, as y_i = x_i + s f_i(y) >= x_i there.", "continuity; Nagumo 1942"),
    Rule("equivariant method", "Exact flows, Runge-Kutta methods and compositions commute with linear symmetries of their fields.",
         "McLachlan, Quispel, Acta Numerica 11 (2002), 341-434, section 2"),
    Rule("straight flow", "Where f(x + s f(x)) = f(x) for all s the exact flow is x + h f(x), and so is every consistent explicit "
         "method; x - h f(x) undoes it.", "Tapley, arXiv 2408.09821"),
    Rule("volume of a midpoint step", "For Df = J S, J skew and constant, S symmetric, det(I + h Df/2) = det(I - h Df/2), so that "
         "a step of implicit midpoint keeps volume.", "Sylvester's determinant identity"),
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
    return plain_numbers(text)

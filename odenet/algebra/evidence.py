"""Why an inequality holds, as exact data that can be checked without search."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odenet.algebra.scalars import Scalar


@dataclass(frozen=True)
class Evidence:
    """One step towards `s >= 0` (or `s > 0`) in a setting. Its sense follows from `how`, its data and the scalar s alone.

    how           data                                 parts
    zero          ()                                   ()   s is 0 once its denominators are cleared
    enclosure     ()                                   ()   interval arithmetic, monomial by monomial, gives a lower end >= 0 (> 0)
    assumption    ()                                   ()   s is a positive multiple of something assumed: in the region, by a case,
                                                            or as a parameter's distance to an end of its interval
    positive      ()                                   ()   s is a monomial with a positive coefficient; each atom is > 0 by its
                                                            set, its own enclosure, as an exp, or a strict comparison of the region
    combination   ((c, ((g, k), …)), …)                one for each g with odd k, in order
                                                            s = sum of c g^k …, each c > 0, each g >= 0 or k even
                                                            (strict: one term has only strict g and no even k)
    denominators  (g, k, sign)                         (of sign s g^k; with k odd: of sign g)      s has g in its denominators, so
                                                            g is not 0 where s is defined; else sign g > 0 is shown strictly
    ends          (atom, low, high)                    (of s at low, of s at high, of atom - low, of high - atom)
                                                            s is affine in the atom
    cases         (atom, (value, …))                   one for each piece of a largest, smallest, abs, relu or leaky_relu,
                                                            with what the piece assumes; or `never`
    never         (g,)                                 (strict, of -g)     the piece would need g >= 0
    line          (atom, (g, …))                       one for each g      s >= 0 wherever all g >= 0, all polynomials in one atom
    slope         (atom, end, sign)                    (of sign ds/datom, of s at end)      s rises from the lower end of the atom's
                                                            interval (sign 1) or falls to the upper one; both parts hold for the
                                                            whole interval, whatever else is assumed of the atom
    monotone      ((g, g', q), …)                      one for each q >= 0, and of the rest     s = sum of q (u - u') (g - g')
                                                            + rest with g = f(u), g' = f(u') and f rising
    root          (r,)                                 of r, and of r^2 - (s - r)^2     r >= |s - r|
    secant        (f(z), f(w) or none, slope)          (of s with f(z) = slope z, or f(w) + slope (z - w),)
                                                            f(0) = 0 where there is no w; the slope is an
                                                            atom of its own, in an interval that holds f'
    laws          ()                                   (of s with sigmoids written with exp and angles by addition,)
    boxes         ((atom, low, high), …), text         one for each `*`   branch and bound: see `odenet.algebra.boxes`
    """

    how: str
    data: tuple[Any, ...] = ()
    parts: tuple[Evidence, ...] = ()


ZERO_FORM = Evidence("zero")
ENCLOSURE = Evidence("enclosure")
ASSUMPTION = Evidence("assumption")
POSITIVE = Evidence("positive")


def combination(*terms: tuple[Fraction | int, *tuple[tuple[Scalar, int, Evidence | None], ...]]) -> Evidence:
    """A sum of products c g^k … with what is known of the factors g (nothing where k is even)."""
    terms = tuple(t for t in terms if all(g.terms for g, _, _ in t[1:])) or terms  # nothing rests on what is 0
    data = tuple((Fraction(c), tuple((g, k) for g, k, _ in factors)) for c, *factors in terms)
    return Evidence("combination", data, tuple(one for _, *factors in terms for _, k, one in factors if one and k % 2))

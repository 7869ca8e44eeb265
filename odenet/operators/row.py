"""The row types of the operator tables."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from odenet.ir.node import Node


@dataclass(frozen=True)
class Range:
    """Values lie in [low, high]; None is unbounded. `low_reached`: the end is attained (else only approached).

    `is_sharp`: the ends are the exact infimum and supremum, not only an enclosure.
    """

    low: Fraction | None
    high: Fraction | None
    low_reached: bool = False
    high_reached: bool = False
    is_sharp: bool = True

    def holds(self, value: Fraction) -> bool:
        """Whether `value` lies between the ends (ends included, reached or not)."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Function:
    """One elementwise function R -> R.

    parameters: how many exact parameters follow the argument, and their defaults (None: must be given).
    derivative: the argument and the parameters -> node of f'(argument), almost everywhere.
    antiderivative: the same -> node of F(argument) with F' = f and F continuous, in functions that users may write; None
        where the language has no name for it.
    values: parameters -> Range of f over its domain.
    numpy: the argument and the parameters (floats) -> values, stable in floating point.
    torch: text with `{0}` for the argument and `{1}`, ... for the parameters. `runtime` names a function of
        `odenet.emit.runtime` that the text calls, if any.
    parity: "odd", "even" or None. monotone: "increasing", "decreasing" or None (weakly).
    is_convex: True, False (not known to be convex or not convex), for all arguments in the domain.
    smoothness: number of continuous derivatives; -1 is discontinuous, None is analytic on the domain.
    domain: "all", "positive", "nonnegative", "nonzero", "off the poles" (of the tangent).
    convex_when, increasing_when: for functions whose parameters decide it; see `convex` and `increasing`.
    admits: which parameters are allowed, and in words what is asked of them.
    """

    name: str
    derivative: Callable[..., Node]
    values: Callable[..., Range]
    numpy: Callable[..., Any]
    torch: str
    parity: str | None = None
    monotone: str | None = None
    is_convex: bool = False
    smoothness: int | None = None
    domain: str = "all"
    defaults: tuple[Fraction | None, ...] = ()
    is_public: bool = True
    convex_when: Callable[..., bool] | None = None
    increasing_when: Callable[..., bool] | None = None
    admits: tuple[Callable[..., bool], str] | None = None
    runtime: str = ""
    antiderivative: Callable[..., Node] | None = None

    def convex(self, *parameters: Fraction) -> bool:
        """Whether it is convex with these parameters."""
        return self.is_convex or (self.convex_when is not None and self.convex_when(*parameters))

    def increasing(self, *parameters: Fraction) -> bool:
        """Whether it never falls with these parameters."""
        if self.increasing_when is not None:
            return self.increasing_when(*parameters)
        return self.monotone == "increasing"


def between(low: int | Fraction | str | None, high: int | Fraction | str | None, reached: str = "",
            is_sharp: bool = True) -> Callable[..., Range]:
    """A range that does not depend on parameters. `reached` holds "low", "high", both words or neither."""
    ends = [None if end is None else Fraction(end) for end in (low, high)]
    found = Range(ends[0], ends[1], "low" in reached, "high" in reached, is_sharp)
    return lambda *_: found


def late(name: str) -> Callable[..., Any]:
    """The function `name` of `odenet.operators.numeric`, which loads NumPy only when it is called."""

    def evaluate(*arguments: Any) -> Any:
        from odenet.operators import numeric

        return getattr(numeric, name)(*arguments)

    evaluate.__name__ = name
    return evaluate

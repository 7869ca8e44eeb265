"""Sizes and spaces as Python expressions."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from odenet.emit.names import attribute
from odenet.emit.tree import Binary, Expression, Name, Negative, Number
from odenet.ir.model import Model
from odenet.ir.sizes import Size, Space


@dataclass(frozen=True)
class Sizes:
    """How the dims are written: attributes of the module, or (in its constructor) plain names."""

    model: Model
    prefix: str = "self."

    def dim(self, name: str) -> Expression:
        return Name(f"self.{attribute(name)}") if self.prefix else Name(name)

    def size(self, size: Size) -> Expression:
        """A whole number; one that is a derived dim by name."""
        for dim in self.model.dims:
            if not dim.is_free and size in (dim.value, Size.dim(dim.name)):
                return self.dim(dim.name)
        return self.polynomial(size)

    def polynomial(self, size: Size) -> Expression:
        """A polynomial in dims as it stands, with one exact division at its end."""
        bottom = lcm(*(c.denominator for _, c in size.terms)) if size.terms else 1
        ordered = sorted(size.terms, key=lambda term: (-sum(e for _, e in term[0]), term[0]))
        total: Expression | None = None
        for monomial, coefficient in ordered:
            whole = int(coefficient * bottom)
            product = self._product(abs(whole), monomial)
            if total is None:
                total = Negative(product) if whole < 0 else product
            else:
                total = Binary("-" if whole < 0 else "+", total, product)
        total = total or Number(0)
        return Binary("//", total, Number(bottom)) if bottom > 1 else total

    def _product(self, factor: int, monomial: tuple[tuple[str, int], ...]) -> Expression:
        found: Expression | None = Number(factor) if factor != 1 or not monomial else None
        for name, exponent in monomial:
            power: Expression = Binary("**", self.dim(name), Number(exponent)) if exponent > 1 else self.dim(name)
            found = power if found is None else Binary("*", found, power)
        assert found is not None
        return found

    def shape(self, space: Space) -> tuple[Expression, ...]:
        return tuple(self.size(size) for size in space.sizes)

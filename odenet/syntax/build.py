"""Trees from productions: one method for each builder that `grammar/ode.lark` names."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from odenet.diagnostics import Diagnostic, Edit, Label
from odenet.syntax import tree
from odenet.text import Span

MAX_DEPTH = 200
MAX_DIGITS = 60
MAX_EXPONENT = 300


class TreeBuilder:
    """Builds the tree of a spec bottom up. Faults that the grammar lets through are collected in `faults`.

    Lists under construction are Python lists; finished trees hold tuples.
    """

    deepens = frozenset({"binary", "negation", "transpose", "index", "call", "norm_bars", "vector"})

    def __init__(self) -> None:
        self.faults: list[Diagnostic] = []
        self._methods: dict[str, Callable[[list[Any], Span], Any]] = {}

    def build(self, production: str, parts: list[Any], span: Span) -> Any:
        """The tree of a production from the trees (or tokens) of its symbols."""
        method = self._methods.get(production)
        if method is None:
            method = self._methods[production] = getattr(self, f"_{production}")
        return method(parts, span)

    def deepened(self, depth: int, span: Span) -> None:
        """Reports an expression that grows past `MAX_DEPTH`, so that no later stage meets a deeper one."""
        if depth != MAX_DEPTH + 1:
            return
        last = Span(span.end - 1, span.end)
        self.faults.append(Diagnostic(
            "ODE011",
            f"this expression is longer than {MAX_DEPTH} operations in a row",
            (Label(last, f"operation {MAX_DEPTH + 1} ends here"),),
            help="name a part of it with `def` and use the name",
        ))

    # --- lists and optional parts

    def _nothing(self, parts: list[Any], span: Span) -> list[Any]:
        return []

    def _absent(self, parts: list[Any], span: Span) -> None:
        return None

    def _single(self, parts: list[Any], span: Span) -> list[Any]:
        return [parts[0]]

    def _extend(self, parts: list[Any], span: Span) -> list[Any]:
        items: list[Any] = parts[0]
        items.append(parts[1])
        return items

    def _append(self, parts: list[Any], span: Span) -> list[Any]:
        items: list[Any] = parts[0]
        items.append(parts[2])
        return items

    def _inner(self, parts: list[Any], span: Span) -> Any:
        return parts[1]

    def _second(self, parts: list[Any], span: Span) -> Any:
        return parts[1]

    # --- expressions

    def _name(self, parts: list[Any], span: Span) -> tree.Name:
        return tree.Name(parts[0].text, span)

    def _number(self, parts: list[Any], span: Span) -> tree.Number:
        text = parts[0].text
        return tree.Number(self._value(text, span), text, span)

    def _value(self, text: str, span: Span) -> Fraction:
        mantissa, _, exponent = text.lower().partition("e")
        digits = mantissa.replace(".", "")
        size = exponent.lstrip("+-").lstrip("0")
        if len(digits) <= MAX_DIGITS and (len(size) <= 3 and int(size or 0) <= MAX_EXPONENT):
            return Fraction(text)
        long = f"a number has at most {MAX_DIGITS} digits"
        far = f"the exponent of a number lies between -{MAX_EXPONENT} and {MAX_EXPONENT}"
        self.faults.append(Diagnostic(
            "ODE012",
            long if len(digits) > MAX_DIGITS else far,
            (Label(span, f"this one has {len(digits)}" if len(digits) > MAX_DIGITS else "this one does not"),),
            help="numbers are exact: shorten it, or write it as a product or a power",
        ))
        return Fraction(1)

    def _negation(self, parts: list[Any], span: Span) -> tree.Negation:
        return tree.Negation(parts[1], span)

    def _binary(self, parts: list[Any], span: Span) -> tree.Binary:
        left, operator, right = parts
        return tree.Binary(operator.text, left, right, operator.span, span)

    def _transpose(self, parts: list[Any], span: Span) -> tree.Transpose:
        return tree.Transpose(parts[0], span)

    def _index(self, parts: list[Any], span: Span) -> tree.Index:
        return tree.Index(parts[0], parts[2], span)

    def _norm_bars(self, parts: list[Any], span: Span) -> tree.NormBars:
        return tree.NormBars(parts[1], span)

    def _vector(self, parts: list[Any], span: Span) -> tree.Vector:
        return tree.Vector(tuple(parts[1]), span)

    def _keyword(self, parts: list[Any], span: Span) -> tree.Keyword:
        return tree.Keyword(parts[0], parts[2], span)

    def _call(self, parts: list[Any], span: Span) -> tree.Call:
        plain, named, _ = self._arguments(parts[2])
        return tree.Call(parts[0], plain, named, span)

    def _arguments(
        self, arguments: Iterable[Any]
    ) -> tuple[tuple[tree.Expression, ...], tuple[tree.Keyword, ...], tree.Expression | None]:
        """Plain arguments, named ones, and the bound of `norm <= bound`."""
        plain: list[tree.Expression] = []
        named: dict[str, tree.Keyword] = {}
        norm: tree.NormModifier | None = None
        for argument in arguments:
            if isinstance(argument, tree.NormModifier):
                if norm is not None:
                    self._twice("norm <= …", norm.span, argument.span)
                norm = argument
            elif isinstance(argument, tree.Keyword):
                first = named.setdefault(argument.name.text, argument)
                if first is not argument:
                    self._twice(argument.name.text, first.name.span, argument.name.span)
            else:
                if named or norm is not None:
                    self._late(argument, next(iter(named.values()), norm))
                plain.append(argument)
        return tuple(plain), tuple(named.values()), norm.bound if norm else None

    def _late(self, argument: tree.Expression, named: tree.Keyword | tree.NormModifier | None) -> None:
        labels = [Label(argument.span, "this argument has no name")]
        if named is not None:
            labels.append(Label(named.span, "this one has"))
        self.faults.append(Diagnostic(
            "ODE034",
            "a plain argument cannot follow a named one",
            tuple(labels),
            help="put the plain arguments first",
        ))

    def _twice(self, what: str, first: Span, second: Span, remove: tuple[Edit, ...] = ()) -> None:
        self.faults.append(Diagnostic(
            "ODE032",
            f"`{what}` is given twice",
            (Label(second, "given again"), Label(first, "first given here")),
            help="keep one of them",
            edits=remove,
        ))

    # --- spaces

    def _real_space(self, parts: list[Any], span: Span) -> tree.RealSpace:
        return tree.RealSpace(tuple(parts[2]) if len(parts) > 1 else (), span)

    def _convolution_space(self, parts: list[Any], span: Span) -> tree.ConvolutionSpace:
        plain, named, _ = self._arguments(parts[2])
        return tree.ConvolutionSpace(plain, named, span)

    # --- declarations

    def _model(self, parts: list[Any], span: Span) -> tree.ModelStatement:
        return tree.ModelStatement(parts[1], span)

    def _first_dim(self, parts: list[Any], span: Span) -> list[tree.DimStatement]:
        return [tree.DimStatement(parts[1], parts[3], span)]

    def _next_dim(self, parts: list[Any], span: Span) -> list[tree.DimStatement]:
        dims: list[tree.DimStatement] = parts[0]
        dims.append(tree.DimStatement(parts[2], parts[4], Span(parts[2].span.start, span.end)))
        return dims

    def _state(self, parts: list[Any], span: Span) -> tree.StateStatement:
        return tree.StateStatement(tuple(parts[1]), parts[3], span)

    def _param(self, parts: list[Any], span: Span) -> tree.ParamStatement:
        _, name, clock, _, space, modifiers, initial = parts
        if clock is not None and clock.text != "t":
            self.faults.append(Diagnostic(
                "ODE033",
                f"`{name.text}` cannot depend on `{clock.text}`: a parameter depends on the time `t` or on nothing",
                (Label(clock.span, "only `t` can stand here"),),
                help="write `t`",
                edits=(Edit(clock.span, "t"),),
            ))
        return tree.ParamStatement(name, clock is not None, space, tuple(modifiers), initial, span)

    def _set_modifier(self, parts: list[Any], span: Span) -> tree.SetModifier:
        return tree.SetModifier(parts[0], tuple(parts[2]) if len(parts) > 1 else (), span)

    def _interval_modifier(self, parts: list[Any], span: Span) -> tree.IntervalModifier:
        return tree.IntervalModifier(parts[2], parts[4], span)

    def _norm_modifier(self, parts: list[Any], span: Span) -> tree.NormModifier:
        return tree.NormModifier(parts[2], span)

    def _const(self, parts: list[Any], span: Span) -> tree.ConstStatement:
        return tree.ConstStatement(parts[1], parts[3], span)

    def _def(self, parts: list[Any], span: Span) -> tree.DefStatement:
        return tree.DefStatement(parts[1], tuple(parts[3]), parts[6], span)

    def _def_argument(self, parts: list[Any], span: Span) -> tree.DefArgument:
        return tree.DefArgument(parts[0], parts[2] if len(parts) > 1 else None, span)

    # --- fields, schemes, methods

    def _field(self, parts: list[Any], span: Span) -> tree.FieldStatement:
        return tree.FieldStatement(parts[1], tuple(parts[3]), span)

    def _row(self, parts: list[Any], span: Span) -> tree.FieldRow:
        primed = parts[0]
        return tree.FieldRow(tree.Name(primed.text[:-1], Span(primed.start, primed.end - 1)), parts[2], span)

    def _scheme(self, parts: list[Any], span: Span) -> tree.SchemeStatement:
        return tree.SchemeStatement(parts[1], tuple(parts[3]), tuple(parts[6]), span)

    def _scheme_stage(self, parts: list[Any], span: Span) -> tree.SchemeStage:
        return tree.SchemeStage(parts[0], tuple(parts[2]), span)

    def _method(self, parts: list[Any], span: Span) -> tree.MethodStatement:
        plain, named, _ = self._arguments(parts[5])
        call = tree.Call(parts[3], plain, named, Span(parts[3].span.start, span.end))
        return tree.MethodStatement(parts[1], call, span)

    # --- flows, nets

    def _flow(self, parts: list[Any], span: Span) -> tree.FlowStatement:
        _, name, _, scheme, _, uses, _, clauses = parts
        given: dict[str, tuple[Any, Span]] = {}
        for clause, value, place in clauses:
            first = given.setdefault(clause, (value, place))
            if first[1] is not place:
                self._twice(clause, first[1], place, (Edit(place, ""),))
        start, end = given["over"][0] if "over" in given else (None, None)
        steps = given["steps"][0] if "steps" in given else None
        return tree.FlowStatement(name, scheme, tuple(uses), start, end, steps, span)

    def _part(self, parts: list[Any], span: Span) -> tree.FlowPart:
        return tree.FlowPart(parts[0], parts[2] if len(parts) > 1 else None, span)

    def _method_use(self, parts: list[Any], span: Span) -> tree.MethodUse:
        return tree.MethodUse(parts[0], tuple(parts[2]) if len(parts) > 1 else (), span)

    def _over(self, parts: list[Any], span: Span) -> tuple[str, Any, Span]:
        return "over", (parts[2], parts[4]), span

    def _steps(self, parts: list[Any], span: Span) -> tuple[str, Any, Span]:
        return "steps", parts[1], span

    def _net(self, parts: list[Any], span: Span) -> tree.NetStatement:
        return tree.NetStatement(parts[1], parts[3], parts[5], tuple(parts[7]), span)

    def _stage(self, parts: list[Any], span: Span) -> tree.Stage:
        plain, named, norm = self._arguments(parts[2] if len(parts) > 1 else ())
        return tree.Stage(parts[0], plain, named, norm, span)

    # --- claims

    def _claim(self, parts: list[Any], span: Span) -> tree.ClaimStatement:
        region = tuple(parts[5]) if len(parts) > 4 else ()
        return tree.ClaimStatement(tuple(parts[1]), tuple(parts[3]), region, span)

    def _property(self, parts: list[Any], span: Span) -> tree.PropertySyntax:
        plain, named, _ = self._arguments(parts[2] if len(parts) > 1 else ())
        return tree.PropertySyntax(parts[0], plain, named, span)

    def _comparison(self, parts: list[Any], span: Span) -> tree.Comparison:
        return tree.Comparison(parts[1].text, parts[0], parts[2], span)

"""The syntax tree: what a person wrote, with places, before any name is looked up."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from odenet.text import Source, Span


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier where it stands; also an expression that refers to it."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number. `text` is its spelling (`0.1`), `value` its value (1/10)."""

    value: Fraction
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Negation:
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of + - * / @ ^ ; `place` is the span of the operator itself."""

    operator: str
    left: Expression
    right: Expression
    place: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Transpose:
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name = value` among the arguments of a call."""

    name: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    function: Name
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class NormBars:
    """`|x|`, the 2-norm."""

    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Vector:
    """`[a, b, c]`. Nested vectors occur only in Runge-Kutta tables."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """`x[0]`"""

    operand: Expression
    index: Expression
    span: Span


Expression = Union[Name, Number, Negation, Binary, Transpose, Call, NormBars, Vector, Index]


@dataclass(frozen=True, slots=True)
class RealSpace:
    """`R` (no sizes) or `R[n, m]`."""

    sizes: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ConvolutionSpace:
    """`conv(c, k, size = 3, padding = circular, stride = 1)`"""

    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    span: Span


SpaceSyntax = Union[RealSpace, ConvolutionSpace]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`, operator one of <= >= < >."""

    operator: str
    left: Expression
    right: Expression
    span: Span


# --- statements ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelStatement:
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class DimStatement:
    """One `name = value` of a `dim` statement."""

    name: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class StateStatement:
    names: tuple[Name, ...]
    space: SpaceSyntax
    span: Span


@dataclass(frozen=True, slots=True)
class SetModifier:
    """A modifier by name: `orthogonal`, `positive`, `linear(4)`, `frozen`, …"""

    name: Name
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class IntervalModifier:
    """`in [lower, upper]`"""

    lower: Expression
    upper: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class NormModifier:
    """`norm <= bound`"""

    bound: Expression
    span: Span


Modifier = Union[SetModifier, IntervalModifier, NormModifier]


@dataclass(frozen=True, slots=True)
class ParamStatement:
    """`timed` is True for `param A(t)`."""

    name: Name
    timed: bool
    space: SpaceSyntax
    modifiers: tuple[Modifier, ...]
    initial: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class ConstStatement:
    name: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class DefArgument:
    name: Name
    space: SpaceSyntax | None
    span: Span


@dataclass(frozen=True, slots=True)
class DefStatement:
    name: Name
    arguments: tuple[DefArgument, ...]
    body: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class FieldRow:
    """`block' = rate`; `block.text` is without the prime."""

    block: Name
    rate: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class FieldStatement:
    name: Name
    rows: tuple[FieldRow, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SchemeStage:
    """`A(1/2)`; the arguments of a stage are one coefficient (the grammar lets a list through for a better message)."""

    part: Name
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class SchemeStatement:
    name: Name
    parts: tuple[Name, ...]
    stages: tuple[SchemeStage, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class MethodStatement:
    """`method name = table(nodes, matrix, weights)`"""

    name: Name
    value: Call
    span: Span


@dataclass(frozen=True, slots=True)
class MethodUse:
    """`heun`, `relax(heun)`, `relax(heun, dot(q, q))`"""

    name: Name
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FlowPart:
    """`f` or `f: method`"""

    field: Name
    method: MethodUse | None
    span: Span


@dataclass(frozen=True, slots=True)
class FlowStatement:
    name: Name
    scheme: Name
    parts: tuple[FlowPart, ...]
    start: Expression | None
    end: Expression | None
    steps: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a net: `block`, `relu`, `avgpool(2)`, `linear(norm <= 1)`, `conv(8, size = 3, norm <= 1)`."""

    name: Name
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    norm: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class NetStatement:
    name: Name
    domain: SpaceSyntax
    codomain: SpaceSyntax
    stages: tuple[Stage, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class PropertySyntax:
    """`order(2)`, `contractive(1, norm = inf)`, `gradient`"""

    name: Name
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class ClaimStatement:
    """`claim a + b : p, q on r and s`"""

    subjects: tuple[Name, ...]
    properties: tuple[PropertySyntax, ...]
    region: tuple[Comparison, ...]
    span: Span


Statement = Union[
    DimStatement, StateStatement, ParamStatement, ConstStatement, DefStatement, FieldStatement,
    SchemeStatement, MethodStatement, FlowStatement, NetStatement, ClaimStatement,
]


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed spec. `model` is None only in the prelude, which has no `model` statement.

    `dim a = 1, b = 2` gives two DimStatements. `comments` are (span, text) in order, kept for `fmt`.
    """

    source: Source
    model: ModelStatement | None
    statements: tuple[Statement, ...]
    comments: tuple[tuple[Span, str], ...] = ()

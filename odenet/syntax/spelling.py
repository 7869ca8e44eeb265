"""One tree -> its text on one line, with the fewest parentheses."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from odenet.syntax import tree

_SUM, _PRODUCT, _UNARY, _POWER, _POSTFIX, _ATOM = range(1, 7)
_LEVEL = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "@": _PRODUCT, "^": _POWER}


def spell(node: tree.Expression, tight: bool = False) -> str:
    """An expression. `tight` leaves out the blanks around `*` and `/`, as among sizes: `R[n*(n - 1)/2]`."""
    return _Speller(tight).spell(node)


class _Speller:
    """Spells expressions; `tight` as in `spell`."""

    def __init__(self, tight: bool) -> None:
        self._tight = tight

    def spell(self, node: tree.Expression) -> str:
        match node:
            case tree.Name(text=text) | tree.Number(text=text):
                return text
            case tree.Negation(operand=operand):
                return f"-{self._at_least(operand, _UNARY)}"
            case tree.Binary():
                return self._binary(node)
            case tree.Transpose(operand=operand):
                return f"{self._at_least(operand, _POSTFIX)}.T"
            case tree.Index(operand=operand, index=index):
                return f"{self._at_least(operand, _POSTFIX)}[{self.spell(index)}]"
            case tree.NormBars(operand=operand):
                return f"|{self.spell(operand)}|"
            case tree.Vector(items=items):
                return f"[{', '.join(self.spell(item) for item in items)}]"
            case tree.Call(function=function, arguments=arguments, keywords=keywords):
                return f"{function.text}({spell_arguments(arguments, keywords)})"

    def _at_least(self, node: tree.Expression, level: int) -> str:
        text = self.spell(node)
        return text if _level(node) >= level else f"({text})"

    def _binary(self, node: tree.Binary) -> str:
        level = _LEVEL[node.operator]
        left_level, right_level = (_POSTFIX, _UNARY) if node.operator == "^" else (level, level + 1)
        left, right = self._at_least(node.left, left_level), self._at_least(node.right, right_level)
        return f"{left}{node.operator}{right}" if self._is_close(node) else f"{left} {node.operator} {right}"

    def _is_close(self, node: tree.Binary) -> bool:
        """Whether an operator stands without blanks: `^` always, `/` between simple values, `*` too where tight."""
        if node.operator == "^":
            return True
        if self._tight:
            return node.operator in "*/"
        return node.operator == "/" and min(_level(node.left), _level(node.right)) > _PRODUCT


def _level(node: tree.Expression) -> int:
    match node:
        case tree.Binary(operator=operator):
            return _LEVEL[operator]
        case tree.Negation():
            return _UNARY
        case tree.Transpose() | tree.Index():
            return _POSTFIX
    return _ATOM


def spell_arguments(
    arguments: Sequence[tree.Expression], keywords: Sequence[tree.Keyword] = (), norm: tree.Expression | None = None
) -> str:
    """What stands between the parentheses of a call."""
    parts = [spell(each) for each in arguments]
    parts.extend(f"{each.name.text} = {spell(each.value)}" for each in keywords)
    if norm is not None:
        parts.append(f"norm <= {spell(norm)}")
    return ", ".join(parts)


def _applied(name: tree.Name, inside: str) -> str:
    return f"{name.text}({inside})" if inside else name.text


def _names(names: Iterable[tree.Name], between: str = ", ") -> str:
    return between.join(name.text for name in names)


def spell_space(space: tree.SpaceSyntax) -> str:
    """`R[m, n]` or `conv(…)`."""
    if isinstance(space, tree.ConvolutionSpace):
        return f"conv({spell_arguments(space.arguments, space.keywords)})"
    sizes = ", ".join(spell(size, tight=True) for size in space.sizes)
    return f"R[{sizes}]" if sizes else "R"


def spell_dims(dims: Sequence[tree.DimStatement]) -> str:
    """The sizes of one `dim` statement."""
    return "dim " + ", ".join(f"{each.name.text} = {spell(each.value, tight=True)}" for each in dims)


def spell_row(row: tree.FieldRow) -> str:
    """`q' = p`"""
    return f"{row.block.text}' = {spell(row.rate)}"


def spell_statement(statement: tree.Statement | tree.ModelStatement) -> tuple[str, str]:
    """A statement in two parts; where the second begins, neighbours of one kind are aligned (`field`, `claim`)."""
    match statement:
        case tree.FieldStatement(name=name, rows=rows):
            return f"field {name.text} ", f"{{ {'  '.join(map(spell_row, rows))} }}"
        case tree.ClaimStatement(subjects=subjects):
            return f"claim {_names(subjects, ' + ')} ", f": {_claimed(statement)}"
        case tree.FlowStatement():
            return _flow(statement), ""
        case tree.NetStatement():
            return _net(statement), ""
        case tree.SchemeStatement(name=name, parts=parts, stages=stages):
            return f"scheme {name.text}({_names(parts)}) = {' '.join(map(_scheme_stage, stages))}", ""
        case tree.MethodStatement(name=name, value=call):
            return f"method {name.text} = {spell(call)}", ""
    return _declaration(statement), ""


def _declaration(
    statement: tree.ModelStatement | tree.DimStatement | tree.StateStatement | tree.ParamStatement
    | tree.ConstStatement | tree.DefStatement,
) -> str:
    match statement:
        case tree.ModelStatement(name=name):
            return f"model {name.text}"
        case tree.DimStatement():
            return spell_dims([statement])
        case tree.StateStatement(names=names, space=space):
            return f"state {_names(names)} : {spell_space(space)}"
        case tree.ParamStatement():
            return _param(statement)
        case tree.ConstStatement(name=name, value=value):
            return f"const {name.text} = {spell(value)}"
        case tree.DefStatement(name=name, arguments=arguments, body=body):
            return f"def {name.text}({', '.join(map(_def_argument, arguments))}) = {spell(body)}"


def _param(param: tree.ParamStatement) -> str:
    parts = [spell_space(param.space), *map(_modifier, param.modifiers)]
    initial = "" if param.initial is None else f" = {spell(param.initial)}"
    return f"param {param.name.text}{'(t)' if param.timed else ''} : {', '.join(parts)}{initial}"


def _modifier(modifier: tree.Modifier) -> str:
    match modifier:
        case tree.SetModifier(name=name, arguments=arguments):
            return _applied(name, spell_arguments(arguments))
        case tree.IntervalModifier(lower=lower, upper=upper):
            return f"in [{spell(lower)}, {spell(upper)}]"
        case tree.NormModifier(bound=bound):
            return f"norm <= {spell(bound)}"


def _def_argument(argument: tree.DefArgument) -> str:
    return argument.name.text if argument.space is None else f"{argument.name.text} : {spell_space(argument.space)}"


def _scheme_stage(stage: tree.SchemeStage) -> str:
    return _applied(stage.part, spell_arguments(stage.arguments))


def _flow(flow: tree.FlowStatement) -> str:
    text = f"flow {flow.name.text} = {flow.scheme.text}({', '.join(map(_part, flow.parts))})"
    if flow.start is not None and flow.end is not None:
        text += f" over [{spell(flow.start)}, {spell(flow.end)}]"
    return text if flow.steps is None else f"{text} steps {spell(flow.steps)}"


def _part(part: tree.FlowPart) -> str:
    if part.method is None:
        return part.field.text
    return f"{part.field.text}: {_applied(part.method.name, spell_arguments(part.method.arguments))}"


def _net(net: tree.NetStatement) -> str:
    stages = " -> ".join(map(_stage, net.stages))
    return f"net {net.name.text} : {spell_space(net.domain)} -> {spell_space(net.codomain)} = {stages}"


def _stage(stage: tree.Stage) -> str:
    return _applied(stage.name, spell_arguments(stage.arguments, stage.keywords, stage.norm))


def _claimed(claim: tree.ClaimStatement) -> str:
    text = ", ".join(_applied(each.name, spell_arguments(each.arguments, each.keywords)) for each in claim.properties)
    return f"{text} on {' and '.join(map(_comparison, claim.region))}" if claim.region else text


def _comparison(comparison: tree.Comparison) -> str:
    return f"{spell(comparison.left)} {comparison.operator} {spell(comparison.right)}"

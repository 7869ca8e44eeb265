"""Text -> Spec."""
from __future__ import annotations

from typing import Any

from odenet.diagnostics import Diagnostic, Rejected
from odenet.syntax import brackets, faults, limits, names, tree
from odenet.syntax.build import TreeBuilder
from odenet.syntax.lexer import END, Lexed, lex
from odenet.syntax.machine import Machine
from odenet.syntax.statements import Outline
from odenet.syntax.tables import Tables, load_tables
from odenet.text import Source

MAX_FAULTS = 20


def parse(source: Source, prelude: bool = False) -> tree.Spec:
    """The syntax tree of a spec.

    Only the prelude has no `model` statement: `prelude=True` asks for none, and takes every name.

    Raises:
        Rejected: with every fault of the first step that found any: size, characters, grammar, names.
    """
    _stop(source, limits.check_size(source))
    tables = load_tables()
    lexed = lex(source, tables)
    _stop(source, lexed.faults)
    _stop(source, limits.check_tokens(lexed.tokens) or brackets.check_nesting(lexed.tokens))
    items, found = _read(source, tables, lexed)
    spec, misplaced = _assemble(source, items, lexed, prelude)
    _stop(source, found or misplaced)
    _stop(source, () if prelude else names.check(spec))
    return spec


def _stop(source: Source, found: tuple[Diagnostic, ...]) -> None:
    if found:
        raise Rejected(source, found[:MAX_FAULTS])


def _read(source: Source, tables: Tables, lexed: Lexed) -> tuple[list[Any], tuple[Diagnostic, ...]]:
    """Statements and faults. After a fault the reading goes on at the next statement; brackets are judged first,
    since a fault of brackets makes every other fault of its statement a mere consequence."""
    builder, tokens, outline = TreeBuilder(), lexed.tokens, Outline(source, lexed.tokens)
    found, broken = brackets.check_brackets(tokens, outline)
    machine = Machine(tables, builder)
    index = 0
    while index < len(tokens) and len(found) < MAX_FAULTS:
        if machine.feed(tokens[index]):
            index += 1
            continue
        fault = faults.describe(faults.Stop(source, tables, machine.before, tokens, index, outline))
        goes_on = faults.begins_next(tokens[index], fault)
        if outline.number(index - goes_on) not in broken:
            found.append(fault)
        machine.restart()
        index = outline.next_start(index if goes_on else index + 1)
    found.extend(builder.faults)
    found.sort(key=lambda fault: fault.labels[0].span.start)
    return ([] if found else machine.result()), tuple(found)


def _assemble(
    source: Source, items: list[Any], lexed: Lexed, prelude: bool
) -> tuple[tree.Spec, tuple[Diagnostic, ...]]:
    """The spec, and what is wrong with the place of its `model` statement."""
    models = [item for item in items if isinstance(item, tree.ModelStatement)]
    statements: list[tree.Statement] = []
    for item in items:
        if not isinstance(item, tree.ModelStatement):
            statements.extend(item if isinstance(item, list) else [item])
    spec = tree.Spec(source, models[0] if models else None, tuple(statements), lexed.comments)
    if prelude:
        return spec, ()
    if lexed.tokens[0].kind == END:
        return spec, (faults.empty(source),)
    if not models:
        return spec, (faults.no_model(lexed.tokens[0]),)
    return spec, faults.misplaced_models(models, lexed.tokens[0])

"""From the place where the parser stopped to a diagnostic."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from odenet.diagnostics import Diagnostic, Edit, Label
from odenet.syntax import repair, tree
from odenet.syntax.lexer import END, Token
from odenet.syntax.machine import accepts, expected, settle
from odenet.syntax.statements import NAMES, STARTERS, STARTING_WORDS, Outline, similar
from odenet.syntax.tables import Message, Tables
from odenet.text import Source, Span

_WORDS = STARTERS | {"OVER", "STEPS", "ON", "IN", "AND"}
_OPERATORS = frozenset(("PLUS", "MINUS", "STAR", "SLASH", "AT", "CARET", "TRANSPOSE", "LEFT_BRACKET", "LEFT_PAREN"))
_BEGINS_VALUE = NAMES | {"NUMBER", "LEFT_PAREN", "LEFT_BRACKET", "BAR", "MINUS"}
_NO_VALUES = frozenset(("or", "not", "if", "else", "for", "while", "is"))
_START_HELP = f"a statement begins with one of {', '.join(STARTING_WORDS)}"


@dataclass(frozen=True)
class Stop:
    """Where the parser stopped: the stack of states as it met `tokens[index]`, which fits nowhere."""

    source: Source
    tables: Tables
    states: Sequence[int]
    tokens: Sequence[Token]
    index: int
    outline: Outline

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def before(self) -> Token:
        """The token before; the wrong token itself if it is the first."""
        return self.tokens[max(self.index - 1, 0)]

    def fits(self, *kinds: str) -> bool:
        """Whether tokens of these kinds could stand here instead."""
        return accepts(self.tables, self.states, kinds)

    def on_new_line(self) -> bool:
        """Whether the wrong token is the first of its line."""
        return self.index == 0 or "\n" in self.source.text[self.before.end : self.token.start]


def describe(stop: Stop) -> Diagnostic:
    """The fault: a cause that can be named if there is one, else what the parser's state says."""
    return _misspelled_statement(stop) or _keyword_as_name(stop) or _rate_as_value(stop) or _by_state(stop)


def _misspelled_statement(stop: Stop) -> Diagnostic | None:
    token = stop.token
    if token.kind != "NAME" or not stop.outline.is_start(stop.index):
        return None
    word = similar(token.text, STARTING_WORDS)
    return Diagnostic(
        "ODE016",
        f"`{token.text}` does not begin a statement",
        (Label(token.span, "a statement cannot begin with this"),),
        help=f"write `{word}`",
        edits=(Edit(token.span, word),),
    )


def begins_next(token: Token, fault: Diagnostic) -> bool:
    """Whether the reading can go on with the wrong token itself: a keyword that was not meant as a name."""
    return token.kind in STARTERS and fault.code != "ODE015"


def _keyword_as_name(stop: Stop) -> Diagnostic | None:
    token = stop.token
    if token.kind not in _WORDS or stop.on_new_line() or not stop.fits("NAME"):
        return None
    return Diagnostic(
        "ODE015",
        f"`{token.text}` is a keyword and cannot be a name",
        (Label(token.span, "a name belongs here"),),
        help=f"choose another name, for example `{token.text}_`",
        edits=(Edit(token.span, f"{token.text}_"),),
    )


def _rate_as_value(stop: Stop) -> Diagnostic | None:
    token = stop.token
    if token.kind != "PRIMED" or not stop.fits("NUMBER"):
        return None
    name = token.text[:-1]
    return Diagnostic(
        "ODE017",
        f"`{token.text}` is a rate and cannot be a value",
        (Label(token.span, "a value belongs here"),),
        help=f"a prime marks the left side of a rate, `{name}' = …`; a transpose is written `{name}.T`",
        edits=(Edit(token.span, f"{name}.T"),),
    )


def _by_state(stop: Stop) -> Diagnostic:
    message = stop.tables.messages[settle(stop.tables, stop.states, stop.tables.messages)]
    found = repair.find(stop.tables, stop.states, stop.tokens, stop.index, stop.outline)
    if _side_by_side(stop) and (found is None or found.inserted == "STAR"):
        return _two_values(stop)
    if found is not None and found.inserted == "STAR":
        found = None
    if message.code == "ODE016":
        return _no_statement(stop, message, found)
    return Diagnostic(
        message.code,
        message.message,
        (Label(_place(stop), f"expected {_expectation(stop)}, found {_found(stop)}"),),
        help=found.help if found else message.help,
        edits=found.edits if found else (),
    )


def _side_by_side(stop: Stop) -> bool:
    """Whether a value follows a value, on one line or inside brackets."""
    if stop.token.kind not in _BEGINS_VALUE or stop.token.text in _NO_VALUES or not stop.fits("STAR"):
        return False
    return not stop.on_new_line() or not stop.fits("CLAIM")


def _two_values(stop: Stop) -> Diagnostic:
    left, right = stop.before, stop.token
    return Diagnostic(
        "ODE014",
        f"`{left.text}` and `{right.text}` stand side by side with no operator between them",
        (Label(right.span, "an operator is missing before this"),),
        help="write `*` for a product by entries or with a scalar, `@` for a linear map",
        edits=(Edit(Span(left.end, right.start), " * "),),
    )


def _no_statement(stop: Stop, message: Message, found: repair.Repair | None) -> Diagnostic:
    first = stop.index == 0 or stop.on_new_line()
    text = "a statement cannot begin with this" if first else f"expected {_expectation(stop)}"
    return Diagnostic(
        "ODE016",
        message.message.format(found=_found(stop)),
        (Label(_place(stop), text),),
        help=found.help if found else _START_HELP,
        edits=found.edits if found else (),
    )


def _place(stop: Stop) -> Span:
    """The wrong token; behind the token before, if the file or the statement ended too early."""
    if stop.index and (stop.token.kind == END or (stop.token.kind in STARTERS and stop.on_new_line())):
        return Span(stop.before.end, stop.before.end)
    return stop.token.span


def _found(stop: Stop) -> str:
    if stop.token.kind == END:
        return "the end of the file"
    if stop.token.kind in STARTERS and stop.on_new_line():
        return "the end of the statement"
    return f"`{stop.token.text}`"


def _expectation(stop: Stop) -> str:
    """What could stand here, in words, sorted; the kinds that a larger word covers are left out."""
    kinds = set(expected(stop.tables, stop.states))
    words: list[str] = []
    if "NUMBER" in kinds:
        words.append("a value")
        kinds -= _BEGINS_VALUE
    if "STAR" in kinds:
        words.append("an operator")
        kinds -= _OPERATORS
    if "NAME" in kinds:
        words.append("a name")
        kinds -= NAMES
    if "PRIMED" in kinds:
        words.append("a rate `x' = …`")
    if "CLAIM" in kinds:
        words.append("the next statement")
        kinds -= STARTERS | {END}
    words[:0] = sorted(f"`{stop.tables.spellings[kind]}`" for kind in kinds if kind in stop.tables.spellings)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def empty(source: Source) -> Diagnostic:
    """Nothing but blanks and comments."""
    end = Span(len(source.text), len(source.text))
    return Diagnostic(
        "ODE002",
        "the spec is empty",
        (Label(end, "the file ends here"),),
        help="begin with `model Name`, then say its `state` and at least one `field`",
    )


def no_model(first: Token) -> Diagnostic:
    """Statements, but no `model`."""
    place = Span(first.start, first.start)
    return Diagnostic(
        "ODE003",
        "the spec has no `model` statement",
        (Label(first.span, "`model Name` belongs before this"),),
        help="begin with `model Name`; the name is that of the emitted module",
        edits=(Edit(place, "model Name\n"),),
    )


def misplaced_models(models: Sequence[tree.ModelStatement], first: Token) -> tuple[Diagnostic, ...]:
    """A `model` that is not the first statement, and every further one."""
    found = [_not_first(models[0], first)] if models[0].span.start != first.start else []
    found.extend(_second_model(models[0], each) for each in models[1:])
    return tuple(found)


def _not_first(model: tree.ModelStatement, first: Token) -> Diagnostic:
    return Diagnostic(
        "ODE004",
        "`model` is not the first statement",
        (Label(model.span, "`model` belongs before everything else"), Label(first.span, "the first statement")),
        help="move it to the beginning",
        edits=(Edit(model.span, ""), Edit(Span(first.start, first.start), f"model {model.name.text}\n")),
    )


def _second_model(first: tree.ModelStatement, second: tree.ModelStatement) -> Diagnostic:
    return Diagnostic(
        "ODE004",
        "a spec has one `model` statement",
        (Label(second.span, "a second one"), Label(first.span, "the first")),
        help="put the other model into a file of its own",
        edits=(Edit(second.span, ""),),
    )

"""Brackets that fit, and not too many inside each other; judged on tokens, before the grammar is asked."""
from __future__ import annotations

from collections.abc import Sequence

from odenet.diagnostics import Diagnostic, Edit, Label
from odenet.syntax.lexer import END, Token
from odenet.syntax.statements import NAMES, Outline, starts_statement
from odenet.text import Span

MAX_NESTING = 100

_CLOSING = {"LEFT_PAREN": "RIGHT_PAREN", "LEFT_BRACKET": "RIGHT_BRACKET", "LEFT_BRACE": "RIGHT_BRACE"}
_SIGNS = {"LEFT_PAREN": ")", "LEFT_BRACKET": "]", "LEFT_BRACE": "}"}
_ENDS_VALUE = NAMES | {"NUMBER", "TRANSPOSE", "RIGHT_PAREN", "RIGHT_BRACKET", "BAR"}
_NEVER_INSIDE = frozenset(("OVER", "STEPS", "ON", "AND", "ARROW", END))


def check_brackets(tokens: Sequence[Token], outline: Outline) -> tuple[list[Diagnostic], set[int]]:
    """The faults of brackets, at most one per statement, and the numbers of the statements that have one."""
    checker = _Checker(tokens, outline)
    for index in range(len(tokens)):
        checker.look(index)
    return checker.faults, checker.broken


def check_nesting(tokens: Sequence[Token]) -> tuple[Diagnostic, ...]:
    """A fault at the first bracket or bar that lies too deep."""
    depth, bars, closes = 0, 0, False
    for index, token in enumerate(tokens):
        if starts_statement(tokens, index):
            depth, bars = 0, 0
        elif token.kind in _CLOSING:
            depth += 1
        elif token.kind in _CLOSING.values():
            depth = max(depth - 1, 0)
        elif token.kind == "BAR":
            before = tokens[index - 1].kind
            closes = bars > 0 and (closes if before == "BAR" else before in _ENDS_VALUE)
            bars += -1 if closes else 1
        if depth + bars > MAX_NESTING:
            return (_too_deep(token.span),)
    return ()


def _too_deep(span: Span) -> Diagnostic:
    return Diagnostic(
        "ODE010",
        f"more than {MAX_NESTING} brackets inside each other",
        (Label(span, f"number {MAX_NESTING + 1}"),),
        help="name the inner part with `def` and use the name",
    )


class _Checker:
    """Walks over the tokens with the stack of brackets that are open."""

    def __init__(self, tokens: Sequence[Token], outline: Outline) -> None:
        self.faults: list[Diagnostic] = []
        self.broken: set[int] = set()
        self._tokens = tokens
        self._outline = outline
        self._open: list[Token] = []

    def look(self, index: int) -> None:
        token = self._tokens[index]
        if self._open and self._cannot_be_inside(index):
            self._unclosed(index)
        if token.kind in _CLOSING:
            self._open.append(token)
        elif token.kind in _CLOSING.values():
            self._close(index)

    def _cannot_be_inside(self, index: int) -> bool:
        """Whether a token shows that a bracket before it was left open. A keyword where a value should be is only
        a badly chosen name; a rate stands inside braces."""
        kind = self._tokens[index].kind
        if kind == "PRIMED":
            return self._open[-1].kind != "LEFT_BRACE" and self._tokens[index - 1].kind in _ENDS_VALUE
        ends = self._tokens[index - 1].kind in _ENDS_VALUE or self._tokens[index - 1].kind in _CLOSING.values()
        if kind == END:
            return True
        return ends and (kind in _NEVER_INSIDE or self._outline.is_start(index))

    def _unclosed(self, index: int) -> None:
        """Reports the innermost open bracket; all that must be closed before the token are closed by the edit."""
        left_open = self._left_open(index)
        bracket, end = left_open[-1], self._tokens[index - 1].end
        signs = "".join(f" {sign}" if sign == "}" else sign for sign in (_SIGNS[each.kind] for each in left_open[::-1]))
        self._report(index - 1, Diagnostic(
            "ODE013",
            f"this `{bracket.text}` is never closed",
            (
                Label(bracket.span, f"no `{_SIGNS[bracket.kind]}` for it"),
                Label(Span(end, end), f"`{_SIGNS[bracket.kind]}` belongs here or before"),
            ),
            help=f"write `{signs.strip()}`",
            edits=(Edit(Span(end, end), signs),),
        ))
        del self._open[len(self._open) - len(left_open) :]

    def _left_open(self, index: int) -> list[Token]:
        """The brackets that must be closed before a token: before a rate those inside the braces, else all."""
        braces = [number for number, each in enumerate(self._open) if each.kind == "LEFT_BRACE"]
        rate = self._tokens[index].kind == "PRIMED" and braces
        return self._open[braces[-1] + 1 :] if rate else self._open.copy()

    def _close(self, index: int) -> None:
        token = self._tokens[index]
        if not self._open or self._is_one_too_many(index):
            self._report(index, Diagnostic(
                "ODE013",
                f"this `{token.text}` closes nothing",
                (Label(token.span, "nothing is open here that it could close"),),
                help="take it out",
                edits=(Edit(token.span, ""),),
            ))
            return
        bracket = self._open.pop()
        if _CLOSING[bracket.kind] != token.kind:
            self._mismatch(index, bracket)

    def _is_one_too_many(self, index: int) -> bool:
        """Whether the right partner of the innermost open bracket follows a wrong one, as in `{ sin(q)) }`."""
        right, wrong = _CLOSING[self._open[-1].kind], self._tokens[index].kind
        open_too = any(_CLOSING[each.kind] == wrong for each in self._open)
        return wrong != right and not open_too and self._tokens[index + 1].kind == right

    def _mismatch(self, index: int, bracket: Token) -> None:
        token, sign = self._tokens[index], _SIGNS[bracket.kind]
        outer = any(_CLOSING[each.kind] == token.kind for each in self._open)
        edit = Edit(Span(token.start, token.start), f"{sign} ") if outer else Edit(token.span, sign)
        if outer and self._tokens[index - 1].end < token.start:
            end = self._tokens[index - 1].end
            edit = Edit(Span(end, end), sign)
        where = "before" if outer else "here"
        self._report(index, Diagnostic(
            "ODE013",
            f"`{bracket.text}` is closed by `{token.text}`",
            (Label(token.span, f"`{sign}` belongs {where}"), Label(bracket.span, "opened here")),
            help=f"write `{sign}` {'before' if outer else 'instead of'} `{token.text}`",
            edits=(edit,),
        ))
        while outer and self._open and _CLOSING[self._open.pop().kind] != token.kind:
            pass

    def _report(self, index: int, fault: Diagnostic) -> None:
        number = self._outline.number(index)
        if number not in self.broken:
            self.broken.add(number)
            self.faults.append(fault)

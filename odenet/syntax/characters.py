"""Faults of single characters: what cannot be part of a spec, and what was meant by it."""
from __future__ import annotations

import re
import unicodedata

from odenet.diagnostics import Diagnostic, Edit, Label
from odenet.text import Span

Found = tuple[list[Diagnostic], int]

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+|\r(?!\n)")
# Characters that hide or reorder text: soft hyphen, bidirectional marks, zero width, separators, tags, surrogates.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]+"
)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_QUOTED = re.compile(r"""(["'])([^"'\n]*)\1|["']""")

# Spellings of other languages: what was written, what it is here, and what to say. Longer ones first.
_SPELLINGS: tuple[tuple[str, str, str], ...] = (
    ("===", "=", "a definition is written with `=`"),
    ("**", "^", "a power is written `^`"),
    ("==", "=", "a definition is written with `=`; a region has only `<=`, `>=`, `<`, `>`"),
    ("!=", "", "a region has only `<=`, `>=`, `<`, `>`"),
    (":=", "=", "a definition is written with `=`"),
    ("=>", "->", "the arrow is written `->`; at least is written `>=`"),
    ("=<", "<=", "at most is written `<=`"),
    ("&&", "and", "regions are joined with `and`"),
    ("//", "#", "a comment begins with `#`; a division is written `/`"),
    ("/*", "#", "a comment begins with `#` and ends with its line"),
    ("+=", "=", "nothing is assigned twice: there is only `=`"),
    ("-=", "=", "nothing is assigned twice: there is only `=`"),
    ("*=", "=", "nothing is assigned twice: there is only `=`"),
)
_MISSPELLED = re.compile("|".join(re.escape(wrong) for wrong, _, _ in _SPELLINGS))
_ADVICE = {wrong: (right, advice) for wrong, right, advice in _SPELLINGS}

_STRAY: dict[str, tuple[str | None, str]] = {
    ";": ("", "statements and rates need no separator: leave it out"),
    "$": ("", "names are written bare: leave it out"),
    "%": (None, "there is no remainder; a comment begins with `#`"),
    "!": (None, "there is no `!`; a comment begins with `#`"),
    "&": (None, "regions are joined with `and`"),
    "~": (None, "there is no `~` in the language"),
    "?": (None, "there is no `?` in the language"),
    "\\": ("", "a statement may run over several lines as it is: leave it out"),
    "`": ("", "names are written bare: leave it out"),
    ".": (None, "a `.` stands inside a number (`0.5`) or before `T` (`A.T`)"),
}
_MEANT = {
    "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "⋅": "*", "∙": "*", "∗": "*", "÷": "/", "∕": "/", "≤": "<=",
    "≥": ">=", "⩽": "<=", "⩾": ">=", "→": "->", "⟶": "->", "ᵀ": ".T", "⊤": ".T", "′": "'", "’": "'", "∞": "inf",
    "‖": "|", "∥": "|", "√": "sqrt", "∇": "grad", "∂": "d", "ẋ": "x'", "ℝ": "R", "∈": "in",
}
_LATIN = dict(zip("АВЕКМНОРСТХаеорсухіјѕԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTXaeopcyxijsdhqwABEZHIKMNOPTYX", strict=True))


def hidden(text: str) -> list[Diagnostic]:
    """A fault for each run of control characters and of characters that hide or reorder text, in comments too."""
    control = [_control(found) for found in _CONTROL.finditer(text)]
    return control + [_invisible(found) for found in _HIDDEN.finditer(text)]


def _control(found: re.Match[str]) -> Diagnostic:
    return Diagnostic(
        "ODE005",
        "a control character cannot stand in a spec",
        (Label(Span(*found.span()), f"character {ord(found.group()[0])} (U+{ord(found.group()[0]):04X})"),),
        help="take it out; between words use blanks and line breaks",
        edits=(Edit(Span(*found.span()), " "),),
    )


def _invisible(found: re.Match[str]) -> Diagnostic:
    character = found.group()[0]
    return Diagnostic(
        "ODE006",
        "a character that hides or reorders text cannot stand in a spec, not even in a comment",
        (Label(Span(*found.span()), _describe(character)),),
        help="take it out",
        edits=(Edit(Span(*found.span()), ""),),
    )


def _describe(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"


def misspelled(text: str, position: int) -> Found | None:
    """A fault if an operator of another language stands at a place."""
    found = _MISSPELLED.match(text, position)
    if found is None:
        return None
    wrong = found.group()
    right, advice = _ADVICE[wrong]
    span = Span(*found.span())
    edits = (Edit(span, right),) if right else ()
    label = f"write `{right}`" if right else "not in the language"
    return [Diagnostic("ODE008", f"there is no `{wrong}` here", (Label(span, label),), advice, edits)], span.end


def stray(text: str, position: int) -> Found:
    """The fault of a character that begins no token, and where to read on."""
    if _CONTROL.match(text, position) or _HIDDEN.match(text, position):
        return [], position + 1  # `hidden` has told of it
    if found := _FOREIGN.match(text, position):
        return _foreign(found)
    if found := _QUOTED.match(text, position):
        return _quoted(found)
    return _meaningless(text, position)


def _foreign(found: re.Match[str]) -> Found:
    character = found.group()[0]
    span = Span(found.start(), found.start() + 1)
    meant = _meaning(character)
    fault = Diagnostic(
        "ODE006",
        "names and signs are ASCII; other characters stand only in comments",
        (Label(span, _describe(character)),),
        help=f"write `{meant}`" if meant else "spell it with ASCII letters, digits and `_`",
        edits=(Edit(span, meant),) if meant else (),
    )
    return [fault], span.end


def _meaning(character: str) -> str:
    """What an ASCII keyboard would have given: a sign, a Latin look-alike, a letter's name, or nothing."""
    known = _MEANT.get(character) or _LATIN.get(character)
    if known:
        return known
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", character)
    base = "".join(each for each in plain if not unicodedata.combining(each))
    if base.isascii() and base.isalnum():
        power = unicodedata.decomposition(character).startswith("<super>")
        return f"^{base}" if power else base
    name = unicodedata.name(base[:1], "") if base else ""
    return name.rsplit(" ", 1)[-1].lower() if name.startswith("GREEK") and " LETTER " in name else ""


def _quoted(found: re.Match[str]) -> Found:
    span, inside = Span(*found.span()), found.group(2)
    bare = inside is not None and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", inside)
    fault = Diagnostic(
        "ODE007",
        "there are no strings in the language",
        (Label(span, "a quote stands only behind a name, as in `q' = …`" if inside is None else "a string"),),
        help=f"write `{inside}`" if bare else "write names bare; put remarks behind `#`",
        edits=(Edit(span, f" {inside} " if _glued(found) else inside),) if bare else (),
    )
    return [fault], span.end


def _glued(found: re.Match[str]) -> bool:
    text = found.string
    return (found.start() > 0 and text[found.start() - 1].isalnum()) or text[found.end() : found.end() + 1].isalnum()


def _meaningless(text: str, position: int) -> Found:
    character, span = text[position], Span(position, position + 1)
    meant, advice = _STRAY.get(character, (None, "take it out"))
    edits = (Edit(span, meant),) if meant is not None else ()
    if character == "." and text[position + 1 : position + 2].isdigit():
        edits = (Edit(Span(position, position), "0"),)
        advice = "write a digit before the point: `0.5`"
    fault = Diagnostic("ODE007", f"`{character}` means nothing here", (Label(span, "unexpected"),), advice, edits)
    return [fault], span.end

"""The table is that of the grammar; every state in which a wrong token can end has a message that people can read."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("tomllib")
build = pytest.importorskip("odenet.grammar.build", reason="needs Lark")

from odenet.codes import lookup  # noqa: E402
from odenet.syntax.faults import Stop, describe  # noqa: E402
from odenet.syntax.lexer import END, Token, lex  # noqa: E402
from odenet.syntax.machine import settle, shift  # noqa: E402
from odenet.syntax.statements import Outline  # noqa: E402
from odenet.syntax.tables import load_tables  # noqa: E402
from odenet.text import Source  # noqa: E402

from .reading import faults  # noqa: E402

TABLES = load_tables()
TEXTS = TABLES.spellings | {"NAME": "x", "PRIMED": "x'", "NUMBER": "1"}
MESSAGES = build.read_messages()
EXAMPLES = [(entry, example) for entry in MESSAGES for example in entry["examples"]]
OURS = re.compile(r"\$END|[A-Z]+_[A-Z]+|__|NAME|PRIMED|NUMBER|COMMA|EQUAL|COLON|\bBAR\b|Token|Tree|Diagnostic")


@cache
def automaton():
    return build.build_automaton()


def test_the_table_is_up_to_date():
    path = Path(build.__file__).with_name("table.json")
    assert path.read_text(encoding="utf-8") == build.build_text(), "run python -m odenet.grammar.build"


@pytest.mark.parametrize("seed", ["0", "7"])
def test_the_table_does_not_depend_on_the_hash_seed(seed):
    script = "import odenet.grammar.build as b, hashlib; print(hashlib.sha256(b.build_text().encode()).hexdigest())"
    run = [sys.executable, "-c", script]
    one = subprocess.run(run, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
    import hashlib

    assert one.stdout.strip() == hashlib.sha256(build.build_text().encode()).hexdigest()


def test_parsing_imports_no_lark():
    script = "import sys, odenet.syntax as s; from odenet.text import Source; s.parse(Source('a', 'model M')); " \
             "print([m for m in ('lark', 'sympy', 'numpy', 'torch', 'difflib') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_every_failing_state_has_a_message():
    assert set(build.states_in_need(automaton())) - set(TABLES.messages) == set()


def test_no_message_is_stale():
    """Each example fails in a state of its own message (the build refuses others), each `at` is an item of a state."""
    assigned = build.assign_messages(automaton(), MESSAGES)
    assert set(assigned.values()) == set(range(len(MESSAGES)))
    assert all(any(entry["at"] in kernel for kernel in automaton().kernels) for entry in MESSAGES if "at" in entry)


def test_every_state_with_a_message_is_reached_by_a_wrong_token():
    reached = {ending(example) for _, example in EXAMPLES}
    assert reached == set(TABLES.messages)


def ending(text):
    states = [0]
    for token in lex(Source("example", text), TABLES).tokens:
        before = states.copy()
        if not shift(TABLES, states, token.kind):
            return settle(TABLES, before, TABLES.messages)
    raise AssertionError("not malformed")


@pytest.mark.parametrize(("entry", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_an_example_gets_its_message(entry, example):
    fault = told(example)
    assert fault.code == entry["code"] and lookup(fault.code) is not None
    assert fault.message == entry["message"] or "{found}" in entry["message"]
    assert fault.help
    readable(fault)


def told(text):
    """The fault of the first wrong token, as the parser alone tells it."""
    source = Source("example", text)
    tokens = lex(source, TABLES).tokens
    states = [0]
    for index, token in enumerate(tokens):
        before = states.copy()
        if not shift(TABLES, states, token.kind):
            return describe(Stop(source, TABLES, before, tokens, index, Outline(source, tokens)))
    raise AssertionError("not malformed")


def readable(fault):
    for text in (fault.message, fault.help, *(label.text for label in fault.labels)):
        assert not OURS.search(text), text
    (label,) = fault.labels
    words = re.match(r"expected (.*), found ", label.text)
    if words:
        listed = re.split(r", | or ", words.group(1))
        quoted = [word for word in listed if word.startswith("`")]
        assert quoted == sorted(quoted)


@cache
def words_of(symbol):
    """A shortest text of a symbol, as kinds of tokens."""
    return SHORTEST.get(symbol, (symbol,))


def shortest_words():
    """A shortest word of each nonterminal, by iteration to a fixed point."""
    from lark import Lark

    grammar = Path(build.__file__).with_name("ode.lark").read_text(encoding="utf-8")
    rules = Lark(grammar, parser="lalr", lexer="basic").rules
    found = {}
    changed = True
    while changed:
        changed = False
        for rule in rules:
            parts = [found.get(each.name, None if not each.is_term else (each.name,)) for each in rule.expansion]
            if None in parts:
                continue
            word = sum(parts, ())
            if rule.origin.name not in found or len(word) < len(found[rule.origin.name]):
                found[rule.origin.name] = word
                changed = True
    return {str(name): word for name, word in found.items()}


SHORTEST = shortest_words()


@pytest.mark.parametrize("state", sorted(TABLES.messages))
def test_every_wrong_token_in_every_state_is_told_of(state):
    """A shortest way into each state, then every token that does not fit there."""
    kinds = [kind for symbol in automaton().paths[state] for kind in words_of(symbol)]
    states = [0]
    for kind in kinds:
        assert shift(TABLES, states, kind)
    for wrong in sorted({*TEXTS, END}):
        if shift(TABLES, states.copy(), wrong):
            continue
        source = Source("example", " ".join(TEXTS[kind] for kind in kinds) + " " + TEXTS.get(wrong, ""))
        tokens = lex(source, TABLES).tokens
        assert isinstance(tokens[len(kinds)], Token) and tokens[len(kinds)].kind == wrong
        fault = describe(Stop(source, TABLES, states, tokens, len(kinds), Outline(source, tokens)))
        assert fault.message and fault.help
        readable(fault)
        assert faults(source.text)

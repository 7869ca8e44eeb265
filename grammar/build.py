"""Writes `table.json`, the parser's table, from `ode.lark` and `messages.toml`: `python -m odenet.grammar.build`.

Needs Lark (and interegular, for its strict mode), which the compiler itself does not import. `--states` lists the
states that must have a message, with the shortest way into each. States are numbered breadth first along sorted
symbols, so the same grammar gives the same bytes under every hash seed.
"""
from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import LALR_Analyzer

from odenet.syntax.lexer import lex
from odenet.syntax.machine import settle, shift
from odenet.syntax.tables import Tables
from odenet.text import Source

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Automaton:
    """The LALR(1) automaton: one dict of actions and one list of kernel items per state.

    An action is a state to go to (0, 1, …) or, negative, -1 - the index of the production to reduce by;
    `accepting` is the state whose `$END` ends the parse. `paths` is a shortest word of symbols into each state.
    """

    productions: tuple[tuple[str, int, str | None], ...]
    actions: tuple[dict[str, int], ...]
    kernels: tuple[tuple[str, ...], ...]
    paths: tuple[tuple[str, ...], ...]
    accepting: int
    terminals: tuple[tuple[str, str], ...]
    keywords: tuple[tuple[str, str], ...]


def build_automaton() -> Automaton:
    """Runs Lark over the grammar, strictly: any conflict or colliding terminal is an error."""
    lark = Lark((HERE / "ode.lark").read_text(encoding="utf-8"), parser="lalr", lexer="basic", strict=True)
    frontend: Any = lark.parser
    analyzer: Any = LALR_Analyzer(frontend.parser_conf, debug=True, strict=True)
    analyzer.compute_lalr()
    table = analyzer.parse_table
    kernels = {itemset.closure: itemset.kernel for itemset in analyzer.lr0_itemsets}
    production_of = {rule: index for index, rule in enumerate(lark.rules)}
    order, paths = _number(table.states, table.start_states["start"])
    number = {state: index for index, state in enumerate(order)}
    return Automaton(
        productions=tuple((rule.origin.name, len(rule.expansion), rule.alias) for rule in lark.rules),
        actions=tuple(_encode(table.states[state], number, production_of) for state in order),
        kernels=tuple(tuple(sorted(_item(item) for item in kernels[state])) for state in order),
        paths=tuple(paths[state] for state in order),
        accepting=number[table.end_states["start"]],
        terminals=_terminals(frontend.lexer.terminals),
        keywords=_keywords(frontend.lexer.terminals),
    )


def _number(states: Any, start: Any) -> tuple[list[Any], dict[Any, tuple[str, ...]]]:
    order, queue = [start], deque([start])
    paths: dict[Any, tuple[str, ...]] = {start: ()}
    while queue:
        state = queue.popleft()
        for symbol in sorted(states[state]):
            action, target = states[state][symbol]
            if action.name == "Shift" and target not in paths:
                paths[target] = (*paths[state], symbol)
                order.append(target)
                queue.append(target)
    return order, paths


def _encode(actions: Any, number: Any, production_of: Any) -> dict[str, int]:
    return {
        symbol: number[target] if action.name == "Shift" else -1 - production_of[target]
        for symbol, (action, target) in sorted(actions.items())
    }


def _item(item: Any) -> str:
    symbols = [symbol.name for symbol in item.rule.expansion]
    symbols.insert(item.index, ".")
    return f"{item.rule.origin.name}: {' '.join(symbols)}"


def _is_word(pattern: str) -> bool:
    return re.fullmatch(r"[A-Za-z]+", pattern) is not None


def _terminals(terminals: Any) -> tuple[tuple[str, str], ...]:
    """Names and patterns in the order in which Lark's lexer tries them, without the words."""
    return tuple((each.name, each.pattern.to_regexp()) for each in terminals if not _is_word(each.pattern.value))


def _keywords(terminals: Any) -> tuple[tuple[str, str], ...]:
    return tuple((each.pattern.value, each.name) for each in terminals if _is_word(each.pattern.value))


def states_in_need(automaton: Automaton) -> list[int]:
    """The states that no single reduction leaves: each wrong token ends in one of them, so each has a message."""
    return [
        index
        for index, actions in enumerate(automaton.actions)
        if len({action for action in actions.values() if action < 0}) != 1
    ]


def assign_messages(automaton: Automaton, messages: list[dict[str, Any]]) -> dict[int, int]:
    """Which message belongs to which state: that of its `at` item, else those in which its examples fail.

    Raises:
        ValueError: two messages claim one state, or an example fails elsewhere or not at all.
    """
    assigned = {
        state: index
        for index, message in enumerate(messages)
        if "at" in message
        for state, items in enumerate(automaton.kernels)
        if message["at"] in items
    }
    tables, stop = _bare_tables(automaton), frozenset(assigned)
    for index, message in enumerate(messages):
        for example in message["examples"]:
            state = _failing_state(tables, example, stop)
            if assigned.setdefault(state, index) != index:
                raise ValueError(f"{example!r} belongs to message {assigned[state]}, not {index}")
    return dict(sorted(assigned.items()))


def _bare_tables(automaton: Automaton) -> Tables:
    return Tables.from_json(encode(automaton, [], {}))


def _failing_state(tables: Tables, example: str, stop: frozenset[int]) -> int:
    states = [0]
    for token in lex(Source("example", example), tables).tokens:
        before = states.copy()
        if not shift(tables, states, token.kind):
            return settle(tables, before, stop)
    raise ValueError(f"{example!r} is not malformed")


def encode(automaton: Automaton, messages: list[dict[str, Any]], assigned: dict[int, int]) -> dict[str, Any]:
    """The table as JSON's dicts and lists."""
    return {
        "terminals": [list(each) for each in automaton.terminals],
        "keywords": dict(automaton.keywords),
        "productions": [list(each) for each in automaton.productions],
        "accepting": automaton.accepting,
        "states": list(automaton.actions),
        "messages": [{key: each[key] for key in ("code", "message", "help")} for each in messages],
        "message_of": {str(state): index for state, index in assigned.items()},
    }


def read_messages() -> list[dict[str, Any]]:
    """The entries of `messages.toml`."""
    return list(tomllib.loads((HERE / "messages.toml").read_text(encoding="utf-8"))["message"])


def render(data: dict[str, Any]) -> str:
    """JSON with one state, production and message to a line, so that a change shows as a small difference."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list):
            body = ",\n".join(json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in value)
            lines.append(f"{json.dumps(key)}:[\n{body}]")
        else:
            lines.append(f"{json.dumps(key)}:{json.dumps(value, ensure_ascii=False, separators=(',', ':'))}")
    return "{" + ",\n".join(lines) + "}\n"


def build_text() -> str:
    """The text of `table.json`."""
    automaton, messages = build_automaton(), read_messages()
    return render(encode(automaton, messages, assign_messages(automaton, messages)))


def list_states() -> str:
    """The states that must have a message, and whether they have one."""
    automaton = build_automaton()
    assigned = assign_messages(automaton, read_messages())
    blocks = []
    for index in states_in_need(automaton):
        mark = "ok     " if index in assigned else "MISSING"
        items = "\n".join(f"        {item}" for item in automaton.kernels[index])
        blocks.append(f"{mark} {index}: {' '.join(automaton.paths[index])}\n{items}")
    return "\n".join(blocks)


if __name__ == "__main__":
    if "--states" in sys.argv[1:]:
        sys.stdout.write(list_states() + "\n")
    else:
        (HERE / "table.json").write_text(build_text(), encoding="utf-8")

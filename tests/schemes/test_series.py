"""Orders that are proved and refuted, against power series of one step: late nodes, loose coefficients, explicit time."""
from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from odenet.driver import loads

from .series import Part, order

TABLES = {
    "euler": ([0], [[0]], [1]), "heun": ([0, 1], [[0, 0], [1, 0]], ["1/2", "1/2"]),
    "midpoint": ([0, "1/2"], [[0, 0], ["1/2", 0]], [0, 1]),
    "heun3": ([0, "1/3", "2/3"], [[0, 0, 0], ["1/3", 0, 0], [0, "2/3", 0]], ["1/4", 0, "3/4"]),
    "implicit_euler": ([1], [[1]], [1]), "implicit_midpoint": (["1/2"], [["1/2"]], [1]),
    "late": (["1/2"], [[1]], [1]), "early": ([0], [["1/2"]], [1]), "frozen": ([0, 0], [[0, 0], [1, 0]], ["1/2", "1/2"]),
    "twice": ([0, 1], [[0, 0], [1, 0]], [0, 2]), "half": (["1/4"], [["1/2"]], ["1/2"]),
    "gauss": (["1/4", "3/4"], [["1/4", 0], ["1/2", "1/4"]], ["1/2", "1/2"]),
    "shifted": ([0, 1, "2/3"], [[0, 0, 0], ["1/3", 0, 0], [0, "2/3", 0]], ["1/4", 0, "3/4"]),
}
OWN = [name for name in TABLES if name not in ("euler", "heun", "midpoint", "heun3", "implicit_euler", "implicit_midpoint")]
EXACT = "exact"


def _fractions(name: str) -> tuple[list[Fraction], list[list[Fraction]], list[Fraction]]:
    nodes, matrix, weights = TABLES[name]
    return [Fraction(c) for c in nodes], [[Fraction(a) for a in row] for row in matrix], [Fraction(b) for b in weights]


def _declared(name: str) -> str:
    nodes, matrix, weights = _fractions(name)
    rows = ", ".join(f"[{', '.join(map(str, row))}]" for row in matrix)
    return f"method {name} = table([{', '.join(map(str, nodes))}], [{rows}], [{', '.join(map(str, weights))}])\n"


def _drawn(chance: Random) -> tuple[list[tuple[str, str, str]], list[tuple[int, Fraction]]]:
    """Parts (blocks that move, what they read, method) and stages."""
    blocks, parts = "xyz"[:chance.randint(1, 3)], []
    for _ in range(chance.choice([1, 2, 2, 2, 3])):
        moves = "".join(sorted(chance.sample(blocks, chance.randint(1, min(2, len(blocks))))))
        reads = "".join(sorted(name for name in blocks + "t" if chance.random() < 0.45))
        is_linear = not ("t" in reads and set(moves) & set(reads))
        parts.append((moves, reads, chance.choice([*TABLES, *[EXACT] * 4 * is_linear])))
    count = len(parts)
    schemes = {
        1: ["A(1)", "A(1/2)", "A(1/2) A(1/2)", "A(1/4) A(1/4)", "A(2)", "A(3/2) A(-1/2)"],
        2: ["A(1) B(1)", "A(1/2) B(1) A(1/2)", "B(1/2) A(1) B(1/2)", "A(1/4) B(1) A(1/4)", "B(1/4) A(1/2) B(1/2) A(1/2) B(1/4)",
            "A(1/4) B(1/2) A(1/2) B(1/2) A(1/4)", "A(7/24) B(2/3) A(3/4) B(-2/3) A(-1/24) B(1)", "A(2) B(1) A(-1)"],
        3: ["A(1/2) B(1/2) C(1) B(1/2) A(1/2)", "A(1) B(1) C(1)", "C(1/2) A(1/2) B(1) A(1/2) C(1/2)", "A(1/2) C(1) B(1) A(1/2)"],
    }[count]
    words = chance.choice(schemes).split()
    return parts, [("ABC".index(word[0]), Fraction(word[2:-1])) for word in words]


def _text(parts: list[tuple[str, str, str]], stages: list[tuple[int, Fraction]], up_to: int) -> str:
    named = [name for name in OWN if any(method == name for _, _, method in parts)]
    lines = ["model Drawn\nstate x, y, z : R\n", *map(_declared, named)]
    for i, (moves, reads, _) in enumerate(parts):
        lines.append(f"field f{i} {{ " + "  ".join(f"{m}' = {' + '.join([*reads, '1'])}" for m in moves) + " }\n")
    letters = "ABC"[:len(parts)]
    lines.append(f"scheme s({', '.join(letters)}) = " + " ".join(f"{letters[i]}({c})" for i, c in stages) + "\n")
    used = ", ".join(f"f{i}" + ("" if method == EXACT else f": {method}") for i, (_, _, method) in enumerate(parts))
    lines.append(f"flow net = s({used}) over [0, 1] steps 4\n")
    return "".join(lines) + "".join(f"claim net : order({k})\n" for k in range(1, up_to + 1))


def compare(seed: int, up_to: int = 3) -> tuple[str, int, list[str]]:
    """The text of a random flow, its order as a series, and the verdicts on order(1), order(2), ..."""
    parts, stages = _drawn(Random(seed))
    text = _text(parts, stages, up_to)
    series = [Part(moves, reads, None if method == EXACT else _fractions(method)) for moves, reads, method in parts]
    return text, order(series, stages, up_to, seed), [found.verdict for found in loads(text).verify(seconds=5).findings]


@pytest.mark.parametrize("seed", range(40))
def test_random_flows(seed: int) -> None:
    text, truth, verdicts = compare(seed)
    assert verdicts == ["proved" if k <= truth else "refuted" for k in range(1, len(verdicts) + 1)], text


def compare_relaxed(seed: int, up_to: int = 3) -> tuple[str, int, list[str]]:
    """The same for `relax` of a table on a field that keeps x . x, and may depend on time."""
    chance = Random(seed)
    moving = [name for name in TABLES if name not in ("euler", "implicit_euler", "late", "twice", "half")]
    method, reads = chance.choice(moving), chance.choice(["x", "xt"])
    stages = [(0, Fraction(c)) for c in chance.choice([["1"], ["1/2", "1/2"], ["3/2", "-1/2"]])]
    speed = "(1 + x^2" + " + t)" * ("t" in reads) + ")" * ("t" not in reads)
    text = ("model Drawn\nstate x, y : R\n" + (_declared(method) if method in OWN else "")
            + f"field f {{ x' = -{speed}*y  y' = {speed}*x }}\n"
            + "scheme s(A) = " + " ".join(f"A({c})" for _, c in stages) + "\n"
            + f"flow net = s(f: relax({method})) over [0, 1] steps 4\n"
            + "".join(f"claim net : order({k})\n" for k in range(1, up_to + 1)))
    part = Part("x", reads, _fractions(method), is_relaxed=True)
    return text, order([part], stages, up_to, seed), [found.verdict for found in loads(text).verify(seconds=5).findings]


@pytest.mark.parametrize("seed", range(12))
def test_random_relaxed_flows(seed: int) -> None:
    text, truth, verdicts = compare_relaxed(seed)
    expected = ["proved" if k <= truth else "refuted" for k in range(1, len(verdicts) + 1)]
    assert all(found in (wanted, "undecided") for found, wanted in zip(verdicts, expected, strict=True)), text

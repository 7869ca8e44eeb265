"""Each fact of each row (function, operation, set, stage, method, property) against running the thing."""
from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from odenet.ir.node import OPERATIONS
from odenet.operators.functions import FUNCTIONS
from odenet.operators.properties import PROPERTIES
from odenet.proof.maps import nets
from odenet.recheck import nets as checked
from odenet.recheck import reading
from odenet.sets.table import SETS
from tests.audit import arithmetic, evaluate
from tests.audit.arithmetic import precision, real
from tests.audit.audit import audit
from tests.audit.properties import RULES
from tests.audit.rows import STAGES, rows
from tests.audit.specs import proved

ROWS = rows()
SECONDS = 0.8


def broken(text: str, worlds: int = 3) -> list[str]:
    """What is proved of a spec and is not so."""
    found = proved("row", text, SECONDS)
    return [str(v) for v in audit(found.loaded, found.findings, "row", worlds).violations]


@pytest.mark.parametrize("row", ROWS, ids=[name for name, _ in ROWS])
def test_what_a_row_proves_is_true(row: tuple[str, str]) -> None:
    assert not broken(row[1])


def test_every_row_has_a_definition_here() -> None:
    assert set(FUNCTIONS) <= set(arithmetic.FUNCTIONS)
    assert set(evaluate._OPERATIONS) | {"apply"} == OPERATIONS
    assert {stage.partition(",")[0] for stage in STAGES} == set(nets._ROWS) | {"flow"}
    assert set(PROPERTIES) == set(RULES) | {"order"}
    written = " ".join(name for name, _ in ROWS)
    assert all({"interval": "in [", "norm": "norm <="}.get(name, name) in written for name in SETS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_by_their_definitions(name: str) -> None:
    """Values, range, parity, monotony, convexity and slope, at rationals on both sides of every kink."""
    row, chance = FUNCTIONS[name], Random(name)
    parameters = tuple(Fraction(1, 2) if p is None else p for p in row.defaults)
    points = sorted({Fraction(chance.randint(-4000, 4000), 997) for _ in range(40)})
    if row.domain in ("positive", "nonnegative"):
        points = [abs(z) + Fraction(1, 999) for z in points]
        points.sort()
    with precision():
        values = [arithmetic.function(name, real(z), *parameters) for z in points]
        found = row.values(*parameters)
        assert all(found.low is None or not v < real(found.low) for v in values)
        assert all(found.high is None or not v > real(found.high) for v in values)
        for z, v in zip(points, values, strict=True):
            assert abs(float(v.mid()) - float(row.numpy(float(z), *map(float, parameters)))) < 1e-9 * (1 + abs(float(v.mid())))
            if row.parity:
                assert (arithmetic.function(name, real(-z), *parameters) - (v if row.parity == "even" else -v)).overlaps(real(0))
        if row.increasing(*parameters):
            assert all(not b < a for a, b in itertools.pairwise(values))
        if row.convex(*parameters):
            for i in range(len(points) - 2):
                a, b, c = points[i:i + 3]
                share = (b - a) / (c - a)
                assert not values[i + 1] > real(1 - share) * values[i] + real(share) * values[i + 2]


# --- false facts, written in prover and checker alike, are seen ------------------------------------------------------------------


def _pools_keep_sums(patch: pytest.MonkeyPatch) -> None:
    row = nets._ROWS["avgpool"]
    patch.setitem(nets._ROWS, "avgpool", lambda *given: replace(row(*given), keeps_sum=True))
    patch.setattr(checked, "KEEPS_SUM", checked.KEEPS_SUM | {"avgpool"})


def _pools_commute_with_shifts(patch: pytest.MonkeyPatch) -> None:
    row = nets._ROWS["fold"]
    patch.setitem(nets._ROWS, "fold", lambda *given: replace(row(*given), norms=nets.UNIT))
    before = checked._norm
    patch.setattr(checked, "_norm", lambda case, goal, stage: checked.ONE if stage.kind == "fold" else before(case, goal, stage))


def _columns_of_stochastic_matrices(patch: pytest.MonkeyPatch) -> None:
    from odenet.algebra import facts

    patch.setitem(facts._FACTS, "stochastic", facts._FACTS["doubly_stochastic"])
    patch.setitem(reading.FACTS, "stochastic", reading.FACTS["doubly_stochastic"])


def _symmetric_matrices_are_semidefinite(patch: pytest.MonkeyPatch) -> None:
    from odenet.algebra import facts

    patch.setitem(facts._FACTS, "symmetric", facts._FACTS["psd"])
    patch.setitem(reading.FACTS, "symmetric", reading.FACTS["psd"])


def _function(name: str, **wrong: object) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setitem(FUNCTIONS, name, replace(FUNCTIONS[name], **wrong))  # type: ignore[arg-type]


FALSE = {
    "stage avgpool": _pools_keep_sums, "stage fold": _pools_commute_with_shifts, "set stochastic": _columns_of_stochastic_matrices,
    "set symmetric": _symmetric_matrices_are_semidefinite, "function softplus": _function("softplus", parity="odd"),
    "function silu": _function("silu", parity="odd"),
    "function celu(2)": _function("celu_slope", values=lambda *_: replace(FUNCTIONS["tanh_slope"].values(), high=Fraction(1, 2))),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_fact_in_prover_and_checker_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FALSE[name](monkeypatch)
    assert broken(dict(ROWS)[name], 6)

"""The checker's normal forms say the same as the prover's, though they share no code."""
from __future__ import annotations

from pathlib import Path

import pytest

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.driver import load
from odenet.proof.certificate import as_data
from odenet.proof.context import Context
from odenet.proof.fields.structure import divergence
from odenet.recheck.data import Data
from odenet.recheck.reading import Reader
from odenet.recheck.slopes import Derivatives

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs" / "gallery").glob("*.ode"), *(ROOT / "tests").rglob("*.ode")])


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_both_algebras_agree(path):
    check(load(str(path)).model)


def check(model):
    context = Context(model)
    reader = Reader(model)
    derivatives = Derivatives(reader)
    data = Data(derivatives)
    for field in model.fields:
        rates = context.rates((field.name,))
        for block, node in rates.rows:
            assert (data.read(as_data(context.form(node))) - reader.form(node)).is_zero()
            for other, _ in rates.rows:
                try:
                    theirs = context.jacobian(rates, block, other)
                except (Unsupported, TooLarge):
                    continue
                ours = derivatives.jacobian(reader.form(node), reader.table.atom("state", other), reader.block(other))
                assert (data.read(as_data(theirs)) - ours).is_zero(), (field.name, block, other)
                assert (data.read(as_data(theirs.T)) - ours.T).is_zero()
        try:
            total = divergence(context, rates)
        except (Unsupported, TooLarge):
            continue
        assert data.read(as_data(total)) == _divergence(reader, derivatives, rates), field.name


def _divergence(reader, derivatives, rates):
    from odenet.ir.sizes import SCALAR
    from odenet.recheck.scalars import number

    total = number(0)
    for block, node in rates.rows:
        jacobian = derivatives.jacobian(reader.form(node), reader.table.atom("state", block), reader.block(block))
        total = total + (jacobian.scalar() if jacobian.end == SCALAR else derivatives.trace(jacobian))
    return total

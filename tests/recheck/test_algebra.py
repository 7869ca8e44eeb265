"""The checker's normal forms say the same as the prover's, though they share no code."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.driver import load, loads
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


CONVOLUTIONS = """model M
dim c = 2, k = 3
state u : R[c, 4, 4]
state v : R[2*c, 4, 4]
state w : R[k, 4, 4]
param T : conv(c, 2*c), orthogonal
param S : conv(c, c), orthogonal
param E : conv(c, k), orthogonal
field tall { u' = T.T @ (T @ u) - u }
field wide { v' = T @ (T.T @ v) - v }
field square { u' = S.T @ (S @ u) + S @ (S.T @ u) - 2*u }
field either { u' = E.T @ (E @ u) - u }
field other { w' = E @ (E.T @ w) - w }
"""


def cancelled(model):
    """The fields that are zero to both algebras."""
    context, reader = Context(model), Reader(model)
    rates = {field.name: field.rows[0][1] for field in model.fields}
    found = [{name for name, node in rates.items() if form(node).is_zero()} for form in (context.form, reader.form)]
    assert found[0] == found[1]
    return found[0]


def test_which_products_of_a_convolution_are_the_identity():
    assert cancelled(loads(CONVOLUTIONS).model) == {"tall", "square"}


@pytest.mark.parametrize("changed", [{"padding": "zero"}, {"stride": 2}])
def test_the_checker_takes_no_other_convolution_for_orthogonal(changed):
    """As if the front end had let it through."""
    model = loads(CONVOLUTIONS).model
    others = tuple(replace(p, space=replace(p.space, **changed)) for p in model.parameters)
    reader = Reader(replace(model, parameters=others))
    assert not any(reader.form(field.rows[0][1]).is_zero() for field in model.fields)

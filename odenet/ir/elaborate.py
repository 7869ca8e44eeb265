"""Spec -> Model: names, kinds, spaces, sets, schemes, claims; every fault of the stage is reported."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from odenet.ir.claims import ClaimReader
from odenet.ir.declarations import read_const, read_def, read_dim, read_field, read_pairs, read_state
from odenet.ir.faults import Faults
from odenet.ir.flows import read_flow
from odenet.ir.model import Block, Claim, Model
from odenet.ir.nets import read_net
from odenet.ir.parameters import read_param
from odenet.ir.schemes import read_method, read_scheme
from odenet.ir.scope import Entry, Scope, name_places
from odenet.syntax import tree

_KINDS: dict[type[Any], tuple[str, Callable[[Scope, Any], Any]]] = {
    tree.DimStatement: ("dim", read_dim),
    tree.StateStatement: ("state", read_state),
    tree.ParamStatement: ("param", read_param),
    tree.ConstStatement: ("const", read_const),
    tree.DefStatement: ("def", read_def),
    tree.FieldStatement: ("field", read_field),
    tree.SchemeStatement: ("scheme", read_scheme),
    tree.MethodStatement: ("method", read_method),
    tree.FlowStatement: ("flow", read_flow),
    tree.NetStatement: ("net", read_net),
}


def build_model(spec: tree.Spec) -> Model:
    """The model that a spec means.

    Raises:
        Rejected: all faults of the spec in names, spaces, sets, schemes and claims (codes 1xx to 5xx).
    """
    assert spec.model is not None
    scope = Scope(Faults(spec.source), places=name_places(spec))
    _declare(scope, spec)
    found = _read(scope, spec)
    groups: list[list[Block]] = found["state"]
    blocks = tuple(block for group in groups for block in group)
    model = Model(spec.model.name.text, spec.source, tuple(found["dim"]), blocks, read_pairs(groups), tuple(found["param"]),
                  tuple(found["const"]), tuple(found["def"]), tuple(found["field"]), tuple(found["flow"]),
                  tuple(found["net"]), ())
    claims = _read_claims(scope, model, spec)
    scope.faults.reject()
    return _with_claims(model, claims)


def _declare(scope: Scope, spec: tree.Spec) -> None:
    for order, statement in enumerate(spec.statements):
        if isinstance(statement, tree.ClaimStatement):
            continue
        names = statement.names if isinstance(statement, tree.StateStatement) else (statement.name,)
        for name in names:
            scope.declare(name, _KINDS[type(statement)][0], statement.span, order)


def _read(scope: Scope, spec: tree.Spec) -> dict[str, list[Any]]:
    """Each statement in order; what it gives, by kind."""
    found: dict[str, list[Any]] = {kind: [] for kind, _ in _KINDS.values()}
    declared: dict[int, list[Entry]] = {}  # by the number of the statement
    for entry in scope.entries.values():
        declared.setdefault(entry.order, []).append(entry)
    for order, statement in enumerate(spec.statements):
        if isinstance(statement, tree.ClaimStatement):
            continue
        scope.now = order
        kind, read = _KINDS[type(statement)]
        value = read(scope, statement)
        if value is not None:
            found[kind].append(value)
        for entry in declared.get(order, ()):
            entry.is_read = True
    return found


def _read_claims(scope: Scope, model: Model, spec: tree.Spec) -> list[Claim]:
    reader = ClaimReader(scope, model)
    return [c for s in spec.statements if isinstance(s, tree.ClaimStatement) for c in reader.read(s)]


def _with_claims(model: Model, claims: list[Claim]) -> Model:
    from dataclasses import replace

    return replace(model, claims=tuple(claims))

"""Emitted flows and fields against the NumPy oracle, to rounding, at several sizes."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from compiling import SMALL, SPECS, as_tuple, compile_text, compiled

from odenet.ir.interpret import environment, evaluate, field_rate

NAMES = sorted(path.stem for path in SPECS.glob("*.ode"))
FLOWS = [(name, flow.name) for name in NAMES for flow in compiled(name).model.flows]
# Other sizes than the defaults; the constants of the two large specs hold at one size only.
OTHER = {"switching": {"n": 5, "L": 3}, "hamiltonian_net": {"n": 3, "m": 5}, "mass_preserving": {"n": 4, "m": 5, "L": 2},
         "presnov": {"n": 4, "m": 3, "L": 2}, "schedules": {"n": 2, "m": 3, "L": 4}, "linear_parts": {"n": 2, "m": 3},
         "implicit": {"n": 2}, "residual": {"n": 5, "m": 2}, "discrete": {"n": 2}, "two_grids": {"n": 2, "N": 3}}


def close(found: torch.Tensor, wanted: np.ndarray, tolerance: float) -> bool:
    scale = 1.0 + float(np.abs(wanted).max(initial=0.0))
    return float(np.abs(found.detach().numpy() - wanted).max(initial=0.0)) <= tolerance * scale


@pytest.mark.parametrize(("name", "flow_name"), FLOWS)
@pytest.mark.parametrize("sizes", ["default", "other"])
def test_a_flow_is_what_the_oracle_computes(name, flow_name, sizes):
    found = compiled(name)
    dims = OTHER.get(name, {}) if sizes == "other" else SMALL.get(name, {})
    if sizes == "other" and not dims:
        pytest.skip("one size only")
    flow = found.model.flow(flow_name)
    made = found.make(seed=1, scale=1.5, **dims)
    runner = found.runner(made, flow, dims)
    states = found.states(flow, dims, (2,))
    forward = as_tuple(found.method(made, flow)(*states))
    trajectory = as_tuple(found.method(made, flow, "trajectory")(*states))
    for i in range(2):
        path = runner.trajectory({b: s[i].numpy() for b, s in zip(flow.blocks, states, strict=True)})
        # the oracle finds the relaxed step from differences of the invariant, the module from its exact derivative
        tolerance = 1e-9 if name == "presnov" else 1e-12
        for block, last, all_states in zip(flow.blocks, forward, trajectory, strict=True):
            assert close(last[i], path[-1][block], tolerance)
            assert close(all_states[:, i], np.stack([p[block] for p in path]), tolerance)


@pytest.mark.parametrize(("name", "flow_name"), FLOWS)
def test_the_field_is_the_sum_of_the_fields_in_the_step_of_t(name, flow_name):
    found = compiled(name)
    dims = SMALL.get(name, {})
    flow = found.model.flow(flow_name)
    made = found.make(seed=2, **dims)
    runner = found.runner(made, flow, dims)
    states = found.states(flow, dims, (2,))
    length, start = runner.number(flow.step), runner.number(flow.start)
    for step in (0, runner.steps - 1):
        time = start + (step + 0.3) * length
        as_number = as_tuple(found.method(made, flow, "field")(time, *states))
        as_tensor = as_tuple(found.method(made, flow, "field")(torch.tensor(time, dtype=torch.float64), *states))
        for i in range(2):
            env = runner.environment({b: s[i].numpy() for b, s in zip(flow.blocks, states, strict=True)}, step, time)
            rates = [_rates(found.model, part.field, env) for part in flow.parts]
            for block, rate, other in zip(flow.blocks, as_number, as_tensor, strict=True):
                total = sum(r.get(block, 0.0) for r in rates) + np.zeros(rate[i].shape)
                assert close(rate[i], total, 1e-12)
                assert torch.equal(rate, other)


def _rates(model, field, env):
    return {block: evaluate(node, env) for block, node in model.field(field).rows}


FIELDS_ONLY = """
model FieldOnly
dim n = 3
state q, p : R[n]
param A : R[n, n], symmetric
param k(t) : R, positive
field one { q' = A @ p * k  p' = -sin(t) * q }
field two { p' = -p }
claim one + two : hamiltonian
"""


def test_a_model_without_flows_has_its_field():
    found = compile_text(FIELDS_ONLY)
    made = found.make()
    q, p = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    rates = made.field(0.4, q, p)
    values = {k: v.detach().numpy() for k, v in made.parameter_values().items()}
    for i in range(2):
        env = environment(found.model, {}, {"q": q[i].numpy(), "p": p[i].numpy()}, values, 0.4)
        wanted = field_rate(found.model, ("one", "two"), env)
        assert close(rates[0][i], wanted["q"], 1e-12) and close(rates[1][i], wanted["p"], 1e-12)
    with pytest.raises(NotImplementedError):
        made(q, p)

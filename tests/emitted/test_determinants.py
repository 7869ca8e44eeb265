"""Log-determinants of flows and nets: against dense Jacobians, differences, the inverse, and each other."""
from __future__ import annotations

import subprocess
import sys
import types

import pytest
import torch
from compiling import SMALL, SPECS, as_tuple, compile_text, compiled

from odenet.driver import loads
from odenet.gallery import gallery_text
from odenet.ir.interpret import environment

double = torch.float64
NAMES = sorted(path.stem for path in SPECS.glob("*.ode"))
FLOWS = [(name, flow.name) for name in NAMES for flow in compiled(name).model.flows]
# At other sizes another of two equal determinants is the smaller one.
OTHER = {"residual": {"n": 5, "m": 2}, "volumes": {"n": 3, "m": 5}, "presnov": {"n": 3, "m": 4, "L": 2}, "two_grids": {"n": 2}}
CASES = [*((*case, SMALL.get(case[0], {})) for case in FLOWS), *((*case, OTHER[case[0]]) for case in FLOWS if case[0] in OTHER)]
SOLVING = ("implicit", "discrete", "turning")  # they look at values
LEFT_OUT = [("driven_duffing", "net"), *(("volumes", name) for name in ("others", "again", "middle"))]  # the same, or long


def flat(map, states):
    """The map from one vector to one vector, at one sample."""
    sizes = [s.numel() for s in states]

    def moved(z):
        blocks = [piece.reshape(s.shape) for piece, s in zip(z.split(sizes), states, strict=True)]
        return torch.cat([b.reshape(-1) for b in as_tuple(map(*blocks))])

    return moved, torch.cat([s.detach().reshape(-1) for s in states])


def dense(map, states):
    """log |det| of the Jacobian by autograd, for each sample."""
    rows = []
    for sample in zip(*states, strict=True):
        moved, z = flat(map, sample)
        rows.append(torch.linalg.slogdet(torch.autograd.functional.jacobian(moved, z))[1])
    return torch.stack(rows)


@pytest.mark.parametrize(("name", "flow_name", "dims"), CASES)
def test_one_pass_gives_the_values_and_the_dense_determinant(name, flow_name, dims):
    found = compiled(name)
    flow = found.model.flow(flow_name)
    made = found.make(seed=31, **dims)
    states = found.states(flow, dims, (2,), seed=5)
    values, log_det = found.method(made, flow, "forward_and_log_det")(*states)
    forward = found.method(made, flow)
    for value, wanted in zip(as_tuple(values), as_tuple(forward(*states)), strict=True):
        assert torch.allclose(value, wanted, rtol=1e-13, atol=1e-13)  # equal but for a flow that runs in a frame
    assert torch.equal(found.method(made, flow, "log_abs_det_jacobian")(*states), log_det)
    tolerance = 1e-9 if name in ("driven_duffing", "discrete") else 1e-11  # 400 steps; solves to rounding
    assert torch.allclose(log_det, dense(forward, states), rtol=0, atol=tolerance)


GALLERY = {"density": {"m": 5, "L": 3}, "digits": {}, "hamiltonian_net": {"m": 4}, "mass_preserving_sir": {"m": 5}, "pendulum": {},
           "presnov_net": {"n": 4, "m": 3}, "switching": {"n": 5}}


@pytest.mark.parametrize("name", GALLERY)
def test_the_gallery(name):
    loaded = loads(gallery_text(name), f"{name}.ode")
    flow = loaded.model.flows[-1]
    torch.manual_seed(40)
    made = loaded.module(**GALLERY[name])(dtype=double)
    env = environment(loaded.model, GALLERY[name])
    states = [0.7 * torch.randn(2, *env.shape(loaded.model.block(b).space), dtype=double) for b in flow.blocks]
    prefix = f"{flow.name}_" if loaded.model.nets else ""
    forward = getattr(made, flow.name) if prefix else made
    assert torch.allclose(getattr(made, f"{prefix}log_abs_det_jacobian")(*states), dense(forward, states), atol=1e-10)


@pytest.mark.parametrize("name", ["presnov", "implicit", "sets", "images"])
def test_differences(name):
    """No derivative of torch at all: the Jacobian by central differences."""
    found, dims = compiled(name), SMALL.get(name, {})
    flow = found.model.flows[0]
    made = found.make(seed=32, **dims).requires_grad_(False)
    states = found.states(flow, dims, ())
    moved, z = flat(found.method(made, flow), states)
    columns = [(moved(z + 1e-5 * e) - moved(z - 1e-5 * e)) / 2e-5 for e in torch.eye(len(z), dtype=double)]
    wanted = torch.linalg.slogdet(torch.stack(columns))[1]
    assert abs(float(found.method(made, flow, "log_abs_det_jacobian")(*states) - wanted)) < 1e-6


INVERTED = [(name, flow.name) for name in ("pendulum", "hamiltonian_net", "turning", "linear_parts", "residual")
            for flow in compiled(name).model.flows if flow.name != "vectors"]


@pytest.mark.parametrize(("name", "flow_name"), INVERTED)
def test_the_inverse_has_the_opposite_determinant(name, flow_name):
    found = compiled(name)
    flow = found.model.flow(flow_name)
    made = found.make(seed=33)
    states = found.states(flow, {}, (2, 3))
    values, log_det = found.method(made, flow, "forward_and_log_det")(*states)
    back, other = found.method(made, flow, "inverse_and_log_det")(*as_tuple(values))
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(as_tuple(back), states, strict=True))
    assert log_det.shape == other.shape == (2, 3) and torch.allclose(log_det, -other, atol=1e-9)


def test_no_inverse_no_transform():
    made = compiled("switching").make(n=3, L=2)
    x = torch.zeros(3, dtype=double)
    for call in (lambda: made.inverse_and_log_det(x), made.transform):
        with pytest.raises(NotImplementedError, match="not proved invertible"):
            call()


GRADIENTS = ["presnov", "switching", "linear_parts", "residual", "implicit", "discrete", "relaxed", "turning", "schedules"]


@pytest.mark.parametrize(("name", "flow_name"), [
    (name, flow.name) for name in (*GRADIENTS, "volumes") for flow in compiled(name).model.flows])
def test_gradients_of_the_determinant(name, flow_name):
    """By the states, and by all parameters along one direction: second derivatives of the flow."""
    found, dims = compiled(name), SMALL.get(name, {})
    flow = found.model.flow(flow_name)
    made = found.make(seed=34, **dims)
    log_det = found.method(made, flow, "log_abs_det_jacobian")
    states = [s.requires_grad_() for s in found.states(flow, dims, (2,))]
    total = log_det(*states).sum()
    if not total.requires_grad:
        assert torch.equal(total, torch.zeros((), dtype=double))
        return
    leaves = [*states, *(p for p in made.parameters() if p.requires_grad)]
    slopes = torch.autograd.grad(total, leaves, allow_unused=True)
    directions = [torch.randn(leaf.shape, generator=torch.Generator().manual_seed(1), dtype=double) for leaf in leaves]
    wanted = sum((s * d).sum() for s, d in zip(slopes, directions, strict=True) if s is not None)
    values = []
    with torch.no_grad():
        for sign in (1, -2):
            for leaf, direction in zip(leaves, directions, strict=True):
                leaf.add_(direction, alpha=sign * 1e-6)
            values.append(log_det(*states).sum())
    assert abs((values[0] - values[1]) / 2e-6 - wanted) < 1e-6 * (1 + abs(float(wanted)))


@pytest.mark.parametrize(("name", "flow_name"), [f for f in FLOWS if f[0] not in SOLVING and f not in LEFT_OUT])
def test_batches_types_and_vmap(name, flow_name):
    found, dims = compiled(name), SMALL.get(name, {})
    flow = found.model.flow(flow_name)
    made = found.make(seed=35, **dims)
    log_det = found.method(made, flow, "log_abs_det_jacobian")
    states = found.states(flow, dims, (2, 3))
    whole = log_det(*states)
    assert torch.allclose(whole[1, 2], log_det(*(s[1, 2] for s in states)), atol=1e-12)
    assert torch.allclose(whole, torch.func.vmap(log_det)(*states), atol=1e-12)
    assert log_det(*(s[:0] for s in states)).shape == (0, 3)
    narrow = found.method(made.float(), flow, "log_abs_det_jacobian")(*(s.float() for s in states))
    assert narrow.dtype == torch.float32 and torch.allclose(narrow.double(), whole, atol=1e-3)
    narrow = found.method(made.bfloat16(), flow, "log_abs_det_jacobian")(*(s.bfloat16() for s in states))
    assert narrow.dtype == torch.bfloat16 and torch.isfinite(narrow).all()


@pytest.mark.parametrize(("name", "flow_name"), [("volumes", "vectors"), ("schedules", "second")])
def test_compiled_without_a_graph_break(name, flow_name):
    found, dims = compiled(name), {"L": 2}
    flow = found.model.flow(flow_name)
    log_det = found.method(found.make(seed=36, **dims), flow, "log_abs_det_jacobian")
    states = found.states(flow, dims, (3,))
    torch._dynamo.reset()
    assert torch.allclose(torch.compile(log_det, fullgraph=True, backend="aot_eager")(*states), log_det(*states), atol=1e-12)


def test_a_step_that_forgets_its_state_has_determinant_zero():
    made = compile_text("model Flat\ndim n = 2\nstate x : R[n]\nfield f { x' = -x }\n"
                        "flow g = lie(f: euler) over [0, 1] steps 1\nflow h = lie(f: euler) over [0, 1] steps 2\n").make()
    x = torch.ones(3, 2, dtype=double)
    assert (made.g_log_abs_det_jacobian(x) == -torch.inf).all()
    assert torch.allclose(made.log_abs_det_jacobian(x), torch.full((3,), -4.0, dtype=double) * torch.tensor(2.0).log())


def test_names_of_the_methods_are_theirs():
    """A parameter or a flow that is called like a method of a flow steps aside."""
    found = compile_text("model Named\nstate x : R\nparam one_transform : R\nparam one_forward_and_log_det : R\n"
                         "field f { x' = one_transform * x + sin(one_forward_and_log_det) * x }\n"
                         "flow one = lie(f) over [0, 1] steps 1\nflow one_inverse = lie(f) over [0, 2] steps 1\n")
    made = found.make()
    x = torch.ones(2, dtype=double)
    y, log_det = made.one_forward_and_log_det(x)
    assert torch.allclose(log_det, y.log()) and torch.equal(made.one_transform()(x[:, None])[:, 0], y)
    assert torch.allclose(made.one_inverse(y), x) and torch.allclose(made(x), y**2)


# --- large states, estimates --------------------------------------------------------------------------------------------

CONTRACTING = """
model Residual
dim n = 3, m = 4, L = 2
state x : R[n]
param A(t) : R[n, m], norm <= 2/3
param B(t) : R[m, n], norm <= 3/4
field small {{ x' = A @ tanh(B @ x) }}
flow net = lie(small: {method}) over [0, L] steps L
claim small : lipschitz(1/2)
claim net : invertible
"""


def proved(text):
    """The class of a spec whose claims are proved, not assumed."""
    module = types.ModuleType("proved")
    loaded = loads(text, "proved.ode")
    exec(compile(loaded.source(), "proved", "exec"), module.__dict__)
    return getattr(module, loaded.model.name)


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_estimates_have_no_bias(method):
    """The mean over 3,000 draws lies within 4 standard errors, forward and back; the gradient has no bias either."""
    torch.manual_seed(37)
    made = proved(CONTRACTING.format(method=method))(dtype=double)
    with torch.no_grad():
        made.A.mul_(3), made.B.mul_(3)
    x = torch.randn(2, 3, dtype=double)
    for name in ("forward_and_log_det", "inverse_and_log_det"):
        start = x if name[0] == "f" else made(x).detach()
        values, exact = getattr(made, name)(start)
        many = start.repeat(300, 1, 1)  # each with vectors of its own; the series is cut for all at once
        draws = torch.cat([getattr(made, name)(many, probes=1)[1].detach() for _ in range(10)])
        assert torch.equal(getattr(made, name)(start, probes=1)[0], values)
        errors = draws.mean(0) - exact
        assert (errors.abs() < 4 * draws.std(0) / 3000**0.5 + 2e-3).all() and (draws.std(0) > 0).all()
    torch.manual_seed(38)
    if method == "heun":
        return
    wanted = torch.autograd.grad(made.log_abs_det_jacobian(x).sum(), made.A)[0]
    draws = torch.stack([
        torch.autograd.grad(made.log_abs_det_jacobian(x, probes=8).sum(), made.A)[0] for _ in range(50)])
    assert ((draws.mean(0) - wanted).abs() < 5 * draws.std(0) / 50**0.5).all()


def test_estimates_are_asked_for_and_only_where_they_converge():
    made = proved(CONTRACTING.format(method="euler"))(n=1100, m=1100, L=1)
    x = torch.randn(1, 1100)
    with pytest.raises(NotImplementedError, match="1100 columns, more than 1024"):
        made.log_abs_det_jacobian(x)
    assert torch.isfinite(made.log_abs_det_jacobian(x, probes=1)).all()
    with pytest.raises(ValueError, match="positive whole number"):
        made.log_abs_det_jacobian(x, probes=0)
    assert torch.isfinite(made.transform(1, probes=1).inv.log_abs_det_jacobian(x, x)).all()
    small = compiled("residual").make()  # invertible, but no constant of its field is proved
    with pytest.raises(TypeError, match="probes"):
        small.log_abs_det_jacobian(torch.zeros(3, dtype=double), probes=1)
    long = proved(CONTRACTING.format(method="euler").replace("over [0, L]", "over [0, 3 * L]").replace(
        "claim net : invertible", ""))()
    with pytest.raises(NotImplementedError, match=r"Lipschitz constant 1\.5"):
        long.log_abs_det_jacobian(torch.zeros(3), probes=1)


def test_a_large_state_without_structure_is_refused():
    made = compile_text("model Large\nstate u : R[3, 20, 20]\nfield f { u' = u * sum(u) }\n"
                        "flow g = lie(f: euler) over [0, 1] steps 1\n").make()
    with pytest.raises(NotImplementedError, match="1200 columns"):
        made.log_abs_det_jacobian(torch.zeros(3, 20, 20, dtype=double))


def test_layout_of_estimates_and_nets(tmp_path):
    (tmp_path / "estimates.py").write_text(loads(CONTRACTING.format(method="rk4"), "proved.ode").source())
    (tmp_path / "nets.py").write_text(compile_text(NETS).text)
    line = ["--isolated", "--line-length", "120"]
    for command in (["format", "--diff", *line], ["check", *line, "--select", "E,F,I,B,UP", "--ignore", "E741"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


# --- nets -----------------------------------------------------------------------------------------------------------------

NETS = """
model Joined
dim n = 3, L = 2
state x : R[n]
state u : R[2, 2, 2]
param A(t) : R[n, n]
param b : R, positive
def bend(z) = 2 * z + sin(z)
def square_it(z) = z^3
def turn(z : R[n]) = 2 * cumsum(z)
field small { x' = A @ tanh(x) + x }
field wave { u' = -b * u - u^3 }
flow one = lie(small: heun) over [0, 1/4] steps L
flow two = lie(wave: rk4) over [0, 1] steps 2
net first : R[n] -> R[n] = one -> leaky_relu(1/3) -> bend -> one
net flat : R[n] -> R[n] = one -> tanh
net cubic : R[n] -> R[n] = one -> square_it
net turned : R[n] -> R[n] = one -> turn
net dense : R[n] -> R[n] = one -> linear(n)
net second : R[2, 2, 2] -> R[8] = two -> bend -> flatten -> bend
"""


def test_nets_of_flows_and_bijections():
    found = compile_text(NETS)
    made = found.make(seed=39)
    x, u = torch.randn(4, 3, dtype=double), torch.randn(4, 2, 2, 2, dtype=double)
    for prefix, map, state in (("first_", made.first, x), ("", made, u)):
        values, log_det = getattr(made, f"{prefix}forward_and_log_det")(state)
        assert torch.equal(values, map(state))
        assert torch.allclose(log_det, dense(map, [state]), atol=1e-11)
        assert torch.equal(log_det, getattr(made, f"{prefix}log_abs_det_jacobian")(state))
    for name in ("flat", "cubic", "turned", "dense"):  # not onto, slope 0 at 0, not entry by entry, not known
        assert not hasattr(made, f"{name}_log_abs_det_jacobian")

"""What the compiler proves holds numerically, with parameters far from where they begin."""
from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from compiling import SMALL, SPECS, as_tuple, compile_text, compiled

from odenet.ir.interpret import environment

GALLERY = Path(__file__).parents[2] / "specs" / "gallery"

double = torch.float64


def jacobian(made, flow, states):
    """The Jacobian of the forward map of one flow at one state, blocks in order."""
    sizes = [s.numel() for s in states]

    def flat(z):
        blocks = [piece.reshape(s.shape) for piece, s in zip(z.split(sizes), states, strict=True)]
        return torch.cat([b.reshape(-1) for b in as_tuple(made(*blocks))])

    return torch.func.jacrev(flat)(torch.cat([s.reshape(-1) for s in states]))


def symplectic_form(size):
    zero, one = torch.zeros(size, size, dtype=double), torch.eye(size, dtype=double)
    return torch.cat((torch.cat((zero, one), 1), torch.cat((-one, zero), 1)))


@pytest.mark.parametrize("name", ["pendulum", "hamiltonian_net", "driven_duffing"])
@pytest.mark.parametrize("scale", [1, 3])
def test_symplectic_flows(name, scale):
    found = compiled(name)
    flow = found.model.flows[-1]
    made = found.make(seed=6, scale=scale)
    states = found.states(flow, {})
    matrix = jacobian(made, flow, states)
    form = symplectic_form(matrix.shape[0] // 2)
    size = matrix.abs().max() ** 2
    assert (matrix.T @ form @ matrix - form).abs().max() < 1e-11 * (1 + size)
    assert torch.equal(found.method(made, flow, "log_abs_det_jacobian")(*states), torch.zeros((), dtype=double))
    assert abs(torch.linalg.slogdet(matrix)[1]) < 1e-10 * (1 + size)


@pytest.mark.parametrize("scale", [1, 10, 100])
def test_the_switching_network_is_1_lipschitz(scale):
    found = compiled("switching")
    made = found.make(seed=7, scale=scale, n=8, L=6)
    for seed in range(5):
        matrix = jacobian(made, None, found.states(found.model.flows[0], {"n": 8}, seed=seed))
        assert torch.linalg.matrix_norm(matrix, ord=2) <= 1 + 1e-9


FAST = {"series": {"n": 6, "more": 3, "L": 3}, "switching": {"n": 8, "L": 6}, "reservoir": {"n": 6, "more": 4, "L": 2},
        "diffusion": {"n": 6}, "pruned": {"n": 8, "L": 5}, "images_naive": {"m": 2, "d": 2, "c": 2},
        "images_nonexpansive": {"m": 2, "d": 2, "c": 2}}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", FAST)
def test_what_is_proved_of_the_gallery_holds_at_any_raw_numbers(name, dtype):
    """The flows and nets that are proved 1-Lipschitz: norms of Jacobians, to rounding, from raw numbers of size 1 to 1e6."""
    text = (GALLERY / f"{name}.ode").read_text()
    found = compile_text(text, f"{name}.ode")
    claimed = {c.subject for c in found.model.claims if c.property == "lipschitz" and c.kind in ("flow", "net")}
    assert claimed
    for scale in (1.0, 1e2, 1e4, 1e6):
        made = found.make(seed=9, scale=scale, dtype=dtype, **FAST[name])
        for kept in made.buffers():
            kept.mul_(scale)
        for subject in claimed:
            run = made if subject == found.main else getattr(made, subject)
            for _ in range(3):
                point = torch.randn(shape_of(found, subject, FAST[name]), dtype=dtype) * torch.randint(1, 4, ()) ** 5
                matrix = torch.autograd.functional.jacobian(run, point).double().reshape(-1, point.numel())
                rounding = 200 * torch.finfo(dtype).eps * (scale if name == "diffusion" else 1)  # exp(-W) takes that of W along
                assert torch.linalg.matrix_norm(matrix, ord=2) <= 1 + rounding, (subject, scale)


def shape_of(found, subject, dims):
    """The shape of the state that a flow of one block or a net begins with."""
    env = environment(found.model, dims)
    net = next((n for n in found.model.nets if n.name == subject), None)
    if net is not None:
        return env.shape(net.domain)
    (block,) = next(f for f in found.model.flows if f.name == subject).blocks
    return env.shape(found.model.block(block).space)


@pytest.mark.parametrize("scale", [1, 100])
def test_the_features_net_is_lipschitz(scale):
    """1-Lipschitz stages all the way."""
    found = compile_text((SPECS / "images.ode").read_text().split("net classifier")[0]
                         .replace(", edges: heun", "").replace("avgpool(1) -> ", "avgpool(1) -> ").replace(" -> take(20)", ""
                         ).replace(" -> embed(30) -> fold(12)", "").replace("R[12]", "R[48]"))
    made = found.make(seed=8, scale=scale)
    images = torch.randn(3, 6, 8, dtype=double)
    matrix = torch.func.jacrev(made)(images).reshape(48, -1)
    assert torch.linalg.matrix_norm(matrix, ord=2) <= 1 + 1e-9


@pytest.mark.parametrize("scale", [1, 10])
def test_sums_are_kept(scale):
    found = compiled("mass_preserving")
    made = found.make(seed=9, scale=scale)
    x = found.states(found.model.flows[0], {}, (5,))[0]
    y = made(x)
    assert torch.allclose(y.sum(-1), x.sum(-1), atol=1e-12 * float(1 + y.detach().abs().max()))


def test_relaxation_keeps_its_invariant_and_survives_a_step_of_length_zero():
    found = compiled("relaxed")
    made = found.make(seed=10)
    rigid = found.model.flows[0]
    x, y, z = found.states(rigid, {}, (4,))
    a = made.parameter_values()["a"]
    u, v, _ = made.rigid(x, y, z)
    assert torch.allclose(u**2 - a * v**2, x**2 - a * y**2, atol=1e-13)
    w = torch.randn(4, 3, dtype=double, requires_grad=True)
    (gradient,) = torch.autograd.grad(made(w).sum(), w)
    assert torch.equal(made(w), w) and torch.isfinite(gradient).all()


def test_discrete_gradients_keep_and_dissipate():
    found = compiled("discrete")
    made = found.make(seed=11)
    q, p = found.states(found.model.flows[0], {}, (4,))
    matrix = made.parameter_values()["K"]

    def energy(q, p):
        return (p * p).sum(-1) / 2 + torch.log(torch.cosh(q @ matrix.T)).sum(-1)

    assert torch.allclose(energy(*made.energy(q, p)), energy(q, p), atol=1e-12)
    values = [-torch.log(torch.cosh(x @ matrix.T)).sum(-1) - (x * x).sum(-1) / 2 for x in made.trajectory(q)]
    assert all((later >= earlier - 1e-12).all() for earlier, later in pairwise(values))


INVERTED = [(name, flow.name) for name in
            ("pendulum", "hamiltonian_net", "driven_duffing", "turning", "linear_parts", "residual")
            for flow in compiled(name).model.flows if flow.name != "vectors"]


@pytest.mark.parametrize(("name", "flow_name"), INVERTED)
def test_the_inverse_undoes_the_flow(name, flow_name):
    found = compiled(name)
    flow = found.model.flow(flow_name)
    made = found.make(seed=12)
    states = found.states(flow, {}, (2, 3))
    after = as_tuple(found.method(made, flow)(*states))
    back = as_tuple(found.method(made, flow, "inverse")(*after))
    again = as_tuple(found.method(made, flow)(*as_tuple(found.method(made, flow, "inverse")(*states))))
    for x, y, z in zip(states, back, again, strict=True):
        assert torch.allclose(x, y, atol=1e-9) and torch.allclose(x, z, atol=1e-9)


def test_the_inverse_has_exact_gradients():
    found = compiled("residual")
    made = found.make(seed=13)
    x = torch.randn(2, 3, dtype=double, requires_grad=True)
    assert torch.autograd.gradcheck(made.inverse, x, atol=1e-6)
    y = made.inverse(x)
    (through,) = torch.autograd.grad(y.square().sum(), made.A)
    step = 1e-6 * torch.randn_like(made.A)
    with torch.no_grad():
        made.A += step
        ahead = made.inverse(x).square().sum()
        made.A -= 2 * step
        behind = made.inverse(x).square().sum()
    assert abs((ahead - behind) / 2 - (through * step).sum()) < 1e-9 * (1 + abs(float((through * step).sum())) * 1e6)


@pytest.mark.parametrize(("name", "flow_name"), [("residual", None), ("implicit", "full"), ("discrete", "energy")])
def test_no_inverse_without_a_proof(name, flow_name):
    found = compile_text((SPECS / f"{name}.ode").read_text())
    flow = found.model.flow(flow_name) if flow_name else found.model.flows[-1]
    made = found.make()
    states = found.states(flow, {}, ())
    with pytest.raises(NotImplementedError, match="not proved invertible"):
        found.method(made, flow, "inverse")(*states)


GRADIENTS = ["hamiltonian_net", "mass_preserving", "schedules", "implicit", "linear_parts", "relaxed", "discrete", "sets"]


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    """gradcheck through the states and, along one random direction for each, the parameters."""
    found = compiled(name)
    dims = SMALL.get(name, {})
    made = found.make(seed=14, **dims)
    flow = found.model.flows[0] if name != "implicit" else found.model.flows[1]
    forward = found.method(made, flow)
    states = [s.requires_grad_() for s in found.states(flow, dims, (2,))]
    assert torch.autograd.gradcheck(forward, states, fast_mode=True, atol=1e-6)
    used = [p for p in made.parameters() if p.requires_grad]
    total = sum(y.square().sum() for y in as_tuple(forward(*states)))
    slopes = torch.autograd.grad(total, used, allow_unused=True)
    torch.manual_seed(0)
    for parameter, slope in zip(used, slopes, strict=True):
        if slope is None or (found.model.name == "Sets" and (parameter is made.G or parameter is made.h)):
            continue  # straight through: signs, and a clamp at its end
        direction = torch.randn_like(parameter)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(direction, alpha=sign * 1e-6)
                values.append(sum(y.square().sum() for y in as_tuple(forward(*states))))
                parameter.sub_(direction, alpha=sign * 1e-6)
        numeric = (values[0] - values[1]) / 2e-6
        assert abs(numeric - (slope * direction).sum()) < 1e-5 * (1 + abs(float(numeric)))


def test_an_implicit_step_that_has_no_solution_raises():
    found = compile_text("model Blowup\nstate x : R\nfield f { x' = x^2 + 1 }\n"
                         "flow g = lie(f: implicit_euler) over [0, 4] steps 1\n")
    with pytest.raises(RuntimeError, match="did not converge"):
        found.make()(torch.tensor([1.0, 2.0], dtype=double))

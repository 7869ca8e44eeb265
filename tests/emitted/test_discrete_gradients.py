"""Discrete gradients: what they keep over many steps, and steps so short that the potentials cancel."""
from __future__ import annotations

import pytest
import torch
from compiling import compile_text

from odenet.emit.runtime.discrete_gradients import discrete_gradient_step

double = torch.float64
SWING = """
model Swing
state q, p : R
def H(q, p) = p^2 / 2 - cos(q)
field swing { q' = grad(H(q, p), p)  p' = -grad(H(q, p), q) }
flow energy = lie(swing: discrete_gradient) over [0, 200] steps 1000
claim swing : hamiltonian(H(q, p))
"""
KINKED = """
model Kinked
state q, p : R[3]
param K : R[3, 3]
def H(q, p) = dot(p, p) / 2 + sum(square(relu(K @ q))) + dot(q, q) / 4
field swing { q' = grad(H(q, p), p)  p' = -grad(H(q, p), q) }
flow energy = lie(swing: discrete_gradient) over [0, 20] steps 100
claim swing : hamiltonian(H(q, p))
"""
SCHEDULED = """
model Scheduled
state q, p : R[2]
param K : R[2, 2]
param a(t) : R, linear(3)
def H(q, p) = dot(p, p) / 2 + a * sum(logcosh(K @ q)) * (1 + t)
field swing { q' = grad(H(q, p), p)  p' = -grad(H(q, p), q) }
flow energy = lie(swing: discrete_gradient) over [0, 2] steps 10
claim swing : hamiltonian(H(q, p))
"""


def rate(q, p):
    return p, -torch.sin(q)


def step(q, p, h, constant=0.0):
    """A step of the pendulum, with a constant in its energy that rounding feels and the motion does not."""
    return discrete_gradient_step(rate, lambda q, p: p**2 / 2 - torch.cos(q) + constant, (q, p), h, True, True, (), "the step")


def above_rest(q, p):
    """The energy of the pendulum above that at rest, free of cancellation."""
    q, p = q.double(), p.double()
    return p**2 / 2 + 2 * torch.sin(q / 2) ** 2


@pytest.mark.parametrize(("dtype", "steps"), [(torch.float32, 250), (double, 1000)])
def test_energy_is_kept_over_many_steps(dtype, steps):
    made = compile_text(SWING.replace("[0, 200] steps 1000", f"[0, {steps // 5}] steps {steps}")).make()
    q, p = torch.tensor([0.5, 2.0, 2.9], dtype=dtype), torch.tensor([0.0, 0.5, 0.1], dtype=dtype)  # all swing
    with torch.no_grad():
        energies = above_rest(*made.trajectory(q, p))
    assert len(energies) == steps + 1 and (energies - energies[0]).abs().max() < 200 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [torch.float32, double])
def test_energy_is_kept_where_the_gradient_has_kinks(dtype):
    made = compile_text(KINKED).make(seed=1, dtype=dtype)
    q, p = torch.randn(2, 8, 3, dtype=dtype)
    with torch.no_grad():
        q, p = (states.double() for states in made.trajectory(q, p))
    K = made.K.detach().double()
    energies = p.square().sum(-1) / 2 + torch.relu(q @ K.T).square().sum(-1) + q.square().sum(-1) / 4
    assert ((energies - energies[0]) / (1 + energies[0])).abs().max() < 50 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [torch.float32, double])
@pytest.mark.parametrize("constant", [0.0, 1.0, 1e6])
@pytest.mark.parametrize("size", [1e-2, 1e-5, 1e-8, 1e-12, 0.0])
def test_steps_near_a_rest_keep_the_energy_above_rest(dtype, constant, size):
    """The steps are shorter than the rounding of any of these energies."""
    q, p = size * torch.tensor([[1.0, -0.5], [0.2, 1.0]], dtype=dtype)
    before = above_rest(q, p)
    for _ in range(50):
        q, p = step(q, p, 0.1, constant)
    assert ((above_rest(q, p) - before).abs() <= 50 * torch.finfo(dtype).eps * before).all()


@pytest.mark.parametrize("dtype", [torch.float32, double])
@pytest.mark.parametrize("h", [1e-3, 1e-8, 1e-12])
def test_short_steps_and_their_derivatives(dtype, h):
    """y = x + h f(x) + h^2 Df f / 2 + O(h^3), and so for the derivative."""
    z = torch.tensor([0.8, 0.3], dtype=dtype)

    def flat(z):
        return torch.cat(step(z[:1], z[1:], h, 1.0))

    wide = z.double()

    def taylor(z):
        q, p = z
        return torch.stack((q + h * p - h**2 / 2 * torch.sin(q), p - h * torch.sin(q) - h**2 / 2 * torch.cos(q) * p))

    close = 4 * torch.finfo(dtype).eps + h**3
    assert (flat(z).double() - taylor(wide)).abs().max() <= close
    slopes = torch.func.jacrev(taylor)(wide)
    assert (torch.func.jacrev(flat)(z).double() - slopes).abs().max() <= 4 * close
    assert (torch.autograd.functional.jacobian(flat, z).double() - slopes).abs().max() <= 4 * close


@pytest.mark.parametrize("h", [0.4, -0.4])
def test_at_rest_the_derivative_is_that_of_the_midpoint_rule(h):
    z = torch.zeros(2, dtype=double)
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=double)
    eye = torch.eye(2, dtype=double)
    slopes = torch.func.jacrev(lambda z: torch.cat(step(z[:1], z[1:], h)))(z)
    assert torch.allclose(slopes, torch.linalg.solve(eye - h / 2 * turn, eye + h / 2 * turn), atol=1e-15)


def test_derivatives_and_the_way_back():
    q = torch.tensor([0.4, -1.5, 2.5], dtype=double, requires_grad=True)
    p = torch.tensor([1.0, 0.2, -0.7], dtype=double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q, p: step(q, p, 0.5), (q, p), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda q, p: step(q, p, 0.5), (q, p))
    back = step(*step(q, p, 0.5), -0.5)
    assert torch.allclose(back[0], q, atol=1e-13) and torch.allclose(back[1], p, atol=1e-13)
    mapped = torch.func.vmap(lambda q, p: step(q[None], p[None], 0.5))(q, p)
    assert torch.allclose(mapped[0][:, 0], step(q, p, 0.5)[0], atol=1e-14)
    empty = step(q[:0], p[:0], 0.5)
    assert empty[0].shape == (0,)
    with pytest.raises(RuntimeError, match=r"1 of 3 samples .* not finite"):
        step(torch.tensor([0.0, float("nan"), 1.0]), torch.zeros(3), 0.5)


def test_scheduled_parameters_are_those_of_the_middle():
    found = compile_text(SCHEDULED)
    made, flow = found.make(seed=3), found.model.flows[0]
    states = found.states(flow, {}, (2,))
    after, runner = made(*states), found.runner(made, flow, {})
    for i in range(2):
        wanted = runner.run({b: s[i].numpy() for b, s in zip(flow.blocks, states, strict=True)})
        assert all(abs(a[i].detach().numpy() - wanted[b]).max() < 1e-11 for a, b in zip(after, flow.blocks, strict=True))

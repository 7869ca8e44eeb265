"""Parameters lie in their sets whatever their raw values, and begin where the spec says."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from compiling import compile_text, compiled

from odenet.emit.runtime.bounded import (
    bounded,
    bounded_normal_raw,
    bounded_raw,
    bounded_semidefinite,
    bounded_skew,
    bounded_symmetric,
)
from odenet.emit.runtime.convolution import convolution_norm, convolve, convolve_adjoint
from odenet.emit.runtime.entries import binary, clamped, interval_raw, positive, positive_raw
from odenet.emit.runtime.orthogonal import orthogonal, orthogonal_raw
from odenet.emit.runtime.stochastic import doubly_stochastic
from odenet.emit.runtime.structured import semidefinite_raw
from odenet.ir.interpret import environment, evaluate
from odenet.sets import SETS, residual


def members(made, model):
    """Name, stack of values [count, ...] and sets of each parameter."""
    values = {k: v.detach().numpy() for k, v in made.parameter_values().items()}
    for parameter in model.parameters:
        key = next(k for k in (f"{parameter.name}_", parameter.name) if k in values)
        value = values[key]
        yield parameter, value if parameter.schedule is not None else value[None], values


@pytest.mark.parametrize("scale", [1, 10, 100])
def test_every_set_holds_far_from_the_start(scale):
    found = compiled("sets")
    made = found.make(seed=3, scale=scale)
    with torch.no_grad():
        for tensor in made.buffers():
            tensor.mul_(scale)
    seen = set()
    for parameter, stack, values in members(made, found.model):
        for step, value in enumerate(stack):
            now = {k: v[step] if v.shape[:1] == (3,) and k in ("c",) else v for k, v in values.items()}
            env = environment(found.model, {}, {}, now)
            chosen = [(s.name, tuple(evaluate(a, env) for a in s.arguments)) for s in parameter.sets]
            seen.update(name for name, _ in chosen)
            assert residual(value, chosen) <= 1e-10 * scale, parameter.name
    assert seen == set(SETS), "a set without a parameter in sets.ode"


def test_initial_values():
    found = compiled("sets")
    made = found.make(seed=4)
    wanted = {p.name: evaluate(p.initial, environment(found.model)) for p in found.model.parameters if p.initial is not None}
    assert len(wanted) >= 9
    for parameter, stack, _ in members(made, found.model):
        if parameter.name in wanted:
            assert np.abs(stack - wanted[parameter.name]).max() < 1e-12, parameter.name


def test_binary_passes_its_gradient_straight_through():
    raw = torch.tensor([-3.0, 0.0, 2.0], requires_grad=True)
    signs = binary(raw)
    assert signs.tolist() == [-1.0, 1.0, 1.0]
    assert torch.autograd.grad(signs.sum(), raw)[0].tolist() == [1.0, 1.0, 1.0]


def test_a_clamp_reaches_its_ends_and_lets_its_gradient_through():
    raw = torch.tensor([-3.0, 0.25, 2.0], requires_grad=True)
    high = torch.tensor([1.0, 1.0, 1.5], requires_grad=True)
    value = clamped(raw, 0, high)
    assert value.tolist() == [0.0, 0.25, 1.5] and clamped(raw, 0).tolist() == [0.0, 0.25, 2.0]
    by_raw, by_high = torch.autograd.grad(value.sum(), (raw, high))
    assert by_raw.tolist() == [1.0, 1.0, 1.0] and by_high.tolist() == [0.0, 0.0, 1.0]


def test_clamped_parameters_begin_off_their_ends_and_leave_them_again():
    made = compile_text("model M\ndim n = 3\nstate x : R[n]\nparam a(t) : R, in [0, 1/2], clamped\nparam b : R[n], nonnegative, "
                        "clamped\nfield f { x' = -a * b * x }\nflow net = lie(f: euler) over [0, 50] steps 50\n").make()
    values = made.parameter_values()
    assert values["a"].min() > 0 and values["a"].max() < 0.5 and values["b"].min() > 0
    with torch.no_grad():
        made.a.fill_(-0.01)  # at the end: the flow is the identity, and yet it learns
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01)
    made(torch.ones(3, dtype=torch.float64)).sum().backward()
    optimizer.step()
    assert made.parameter_values()["a"].min() > 0


def test_frozen_parameters_are_buffers():
    made = compiled("sets").make()
    assert {"R", "O"} <= dict(made.named_buffers()).keys()
    assert {"R", "O"}.isdisjoint(dict(made.named_parameters()))


@pytest.mark.parametrize("shape", [(2, 4, 4), (5, 3), (2, 3, 5), (1, 1), (4, 1)])
def test_charts_and_their_inverses(shape):
    torch.manual_seed(0)
    raw = torch.randn(shape, dtype=torch.float64)
    q = orthogonal(raw)
    assert torch.allclose(orthogonal(orthogonal_raw(q)), q, atol=1e-12)
    x = bounded(raw, 2.0)
    assert torch.allclose(bounded(bounded_raw(x, 2.0), 2.0), x, atol=1e-12)
    if shape[-1] == shape[-2]:
        for chart, sign in ((bounded_symmetric, 1), (bounded_skew, -1)):
            s = chart(raw, 0.5)
            assert torch.equal(s, sign * s.mT)
            assert torch.allclose(chart(bounded_normal_raw(s, 0.5), 0.5), s, atol=1e-10)
        p = bounded_semidefinite(raw, 0.5)
        assert torch.allclose(bounded_semidefinite(semidefinite_raw(bounded_normal_raw(p, 0.5)), 0.5), p, atol=1e-5)


def test_charts_of_numbers():
    value = torch.tensor([1e-30, 0.5, 3.0, 50.0], dtype=torch.float64)
    assert torch.allclose(positive(positive_raw(value)), value, rtol=1e-12, atol=0)
    assert (positive(torch.tensor([-1e4, 0.0, 1e4])) > 0).all()
    assert torch.isfinite(interval_raw(torch.tensor([0.0, 1.0]), 0.0, 1.0)).all()  # the ends are approached


def test_doubly_stochastic_has_gradients():
    raw = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(doubly_stochastic, raw)


def operator(kernel, height, width, circular, stride):
    """The matrix of a convolution."""
    channels = kernel.shape[1]
    images = torch.eye(channels * height * width, dtype=kernel.dtype).reshape(-1, channels, height, width)
    return convolve(images, kernel, circular, stride).flatten(1).mT


@pytest.mark.parametrize("circular", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_have_exact_adjoints_and_true_bounds(circular, size, stride):
    torch.manual_seed(size)
    for height, width in ((6, 8), (2, 4)):
        kernel = torch.randn(3, 2, size, size, dtype=torch.float64)
        matrix = operator(kernel, height, width, circular, stride)
        y = torch.randn(2, 3, height // stride, width // stride, dtype=torch.float64)
        assert torch.allclose(convolve_adjoint(y, kernel, circular, stride).flatten(1), y.flatten(1) @ matrix, atol=1e-12)
        norm = torch.linalg.matrix_norm(matrix, ord=2)
        assert convolution_norm(kernel, None) >= norm * (1 - 1e-12)
        if circular:
            exact = convolution_norm(kernel, (height, width))
            assert exact >= norm * (1 - 1e-12)
            if stride == 1 and size <= min(height, width) and max(height, width) <= 8 * (size - 1):
                assert exact <= norm * 1.01


def test_bounds_of_hostile_kernels():
    """Kernels whose symbol peaks between the points of a grid, rank one, zero."""
    torch.manual_seed(0)
    for _ in range(200):
        angle = 6.3 * torch.rand(2, dtype=torch.float64)
        taps = torch.arange(3, dtype=torch.float64)
        wave = torch.cos(angle[0] * taps[:, None] + angle[1] * taps)
        kernel = wave * torch.randn(2, 1, 1, 1, dtype=torch.float64) * torch.randn(1, 2, 1, 1, dtype=torch.float64)
        norm = torch.linalg.matrix_norm(operator(kernel, 40, 3, True, 1), ord=2)
        assert convolution_norm(kernel, None) >= norm * (1 - 1e-12)
    assert torch.isfinite(convolution_norm(torch.zeros(2, 2, 3, 3), None))


def test_a_bound_by_another_parameter_holds_in_each_step():
    found = compiled("switching")
    made = found.make(seed=5, scale=20, n=4, L=6)
    values = made.parameter_values()
    hc, he = values["hc"], values["he"]
    worst = torch.maximum(1 - hc / 2, hc - 1)
    assert ((1 + he) * worst <= 1 + 1e-12).all() and (he >= 0).all()


def test_an_initial_value_at_the_end_of_its_interval_stays_inside():
    found = compile_text("model Ends\nstate x : R\nparam a : R, in [0, 1] = 1\nparam b : R, nonnegative = 0\n"
                         "field f { x' = a * x + b }\nflow g = lie(f: euler) over [0, 1] steps 1\n")
    values = {key: value.item() for key, value in found.make().parameter_values().items()}
    assert values["a"] == pytest.approx(1 - 1 / 1024) and values["b"] == pytest.approx(1 / 1024)


def test_a_convolution_of_images_of_several_sizes_is_bounded_for_all():
    found = compile_text("model Two\nstate u : R[2, 6, 6]\nparam K : conv(2, 2, size = 3), norm <= 1\n"
                         "def again(z : R[2, 10, 10]) = K @ z\nfield f { u' = -K.T @ (K @ u) }\n"
                         "flow g = lie(f: euler) over [0, 1] steps 1\n"
                         "net m : R[2, 10, 10] -> R[2, 10, 10] = again\n")
    assert "bounded_convolution(self.K, 1, None)" in found.text
    kernel = found.make(scale=50).parameter_values()["K"]
    assert torch.linalg.matrix_norm(operator(kernel, 10, 10, True, 1), ord=2) <= 1 + 1e-12

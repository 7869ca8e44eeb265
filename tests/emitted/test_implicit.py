"""Implicit steps against closed forms, dense algebra and differences; what they keep, and that failure is loud."""
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from compiling import as_tuple, compile_text

from odenet.emit.runtime.implicit_steps import implicit_stages, inverse_step
from odenet.emit.runtime.linear_solves import Linearization, gmres, resolvent
from odenet.emit.runtime.solutions import solution

double = torch.float64
MIDPOINT = (((0.5,),), (1.0,))
EULER = (((1.0,),), (1.0,))
GAUSS4 = (((0.25, 0.25 - 3**0.5 / 6), (0.25 + 3**0.5 / 6, 0.25)), (0.5, 0.5))
TRAPEZOIDAL = (((0.0, 0.0), (0.5, 0.5)), (0.5, 0.5))


def step(rate, x, h, method, given=()):
    """One step of an implicit Runge-Kutta method for x [batch, d]."""
    matrix, weights = method
    stages = implicit_stages(rate, (x,), h, matrix, given, "the step")
    return x + sum(b * stage[0] for b, stage in zip(weights, stages, strict=True))


def linear(i, x, A):
    return (x @ A.mT,)


def down(i, x, A, b):
    return (-torch.tanh(x @ A.mT + b) @ A,)


def weights(d, seed=0, dtype=double):
    torch.manual_seed(seed)
    return torch.randn(d, d, dtype=dtype) / d**0.5, torch.randn(d, dtype=dtype)


# --- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 5, 32, 33, 200])  # dense up to 32 numbers, Krylov subspaces beyond
@pytest.mark.parametrize("dtype", [torch.float32, double])
@pytest.mark.parametrize("h", [0.3, -0.3, 0.0])
def test_linear_steps_are_rational_functions_of_the_matrix(d, dtype, h):
    A, _ = weights(d)
    x = torch.randn(3, d, dtype=double)
    eye = torch.eye(d, dtype=double)
    cayley = torch.linalg.solve(eye - h / 2 * A, eye + h / 2 * A)
    hA = h * A
    pade = torch.linalg.solve(eye - hA / 2 + hA @ hA / 12, eye + hA / 2 + hA @ hA / 12)
    wanted = {EULER: torch.linalg.inv(eye - hA), MIDPOINT: cayley, TRAPEZOIDAL: cayley, GAUSS4: pade}
    for method, matrix in wanted.items():
        found = step(linear, x.to(dtype), h, method, (A.to(dtype),))
        exact = x.to(dtype).double() @ matrix.mT
        assert found.dtype == dtype
        tolerance = 8 * torch.finfo(dtype).eps * (1 + d**0.5) * float(1 + exact.abs().max())
        assert (found.double() - exact).abs().max() <= tolerance


@pytest.mark.parametrize("d", [6, 40])
def test_the_equation_is_solved_to_rounding(d):
    for dtype in (torch.float32, double):
        A, b = weights(d, dtype=dtype)
        x = torch.randn(64, d, dtype=dtype)
        (stages,) = implicit_stages(down, (x,), 0.7, MIDPOINT[0], (A, b), "the step")
        rest = 0.7 * down(0, x + 0.5 * stages[0], A, b)[0] - stages[0]
        assert rest.abs().max() <= 16 * torch.finfo(dtype).eps * float(x.abs().max())


ORDERS = """
model Orders
state q, p : R
field swing { q' = p + sin(t)  p' = -sin(q) }
method radau = table([1/3, 1], [[5/12, -1/12], [3/4, 1/4]], [3/4, 1/4])
"""


@pytest.mark.parametrize(("method", "order"), [("implicit_euler", 1), ("implicit_midpoint", 2), ("trapezoidal", 2),
                                               ("sdirk3", 3), ("radau", 3), ("gauss4", 4)])
def test_orders_by_halving_the_steps(method, order):
    state = torch.tensor([1.0, -0.5], dtype=double), torch.tensor([0.3, 1.0], dtype=double)

    def final(name, steps):
        text = ORDERS + f"flow net = lie(swing: {name}) over [0, 2] steps {steps}\n"
        return torch.stack(compile_text(text).make()(*state))

    exact = final("gauss6", 80)
    errors = [float((final(method, n) - exact).abs().max()) for n in (20, 40, 80)]
    rates = [np.log2(a / b) for a, b in pairwise(errors)]
    assert abs(rates[-1] - order) < 0.15, rates


# --- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [MIDPOINT, GAUSS4, TRAPEZOIDAL])
def test_derivatives_of_first_and_second_order(method):
    """By the state, the parameters and the clock, in reverse and forward mode."""
    A, b = (w.requires_grad_() for w in weights(3))
    x, t = torch.randn(1, 3, dtype=double, requires_grad=True), torch.tensor(0.4, dtype=double, requires_grad=True)

    def timed(x, t, A, b):
        return step(lambda i, x, t, A, b: (down(i, x, A, b)[0] * torch.cos(t + i / 3) + t * x,), x, 0.5, method, (t, A, b))

    assert torch.autograd.gradcheck(timed, (x, t, A, b), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(timed, (x, t, A, b))


@pytest.mark.parametrize("d", [3, 40])
def test_third_derivatives_along_a_line(d):
    """Implicit Euler for x' = -x^3 in each entry: y + h y^3 = x, so y' = 1/(1 + 3 h y^2), and so on."""
    x = torch.linspace(-1, 1, d, dtype=double)[None].requires_grad_()
    y = step(lambda i, x: (-(x**3),), x, 0.5, EULER)
    first = 1 / (1 + 1.5 * y**2)
    second = -3 * y * first**3
    third = -3 * first**4 - 9 * y * first**2 * second
    for wanted in (first, second, third):
        (grown,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        assert torch.allclose(grown, wanted, atol=1e-12)
        y = grown


@pytest.mark.parametrize("d", [4, 40])
def test_gradients_are_those_of_dense_algebra(d):
    A, b = (w.requires_grad_() for w in weights(d))
    x = torch.randn(5, d, dtype=double, requires_grad=True)
    y = step(down, x, 0.6, MIDPOINT, (A, b))
    toward = torch.randn(5, d, dtype=double)
    by_state, by_matrix = torch.autograd.grad((y * toward).sum(), (x, A))
    middle = ((x + y) / 2).detach()
    for sample in range(5):
        slopes = torch.func.jacrev(lambda z: down(0, z[None], A.detach(), b.detach())[0][0])(middle[sample])
        eye = torch.eye(d, dtype=double)
        dense = torch.linalg.solve(eye - 0.3 * slopes, eye + 0.3 * slopes)
        assert torch.allclose(by_state[sample], dense.mT @ toward[sample], atol=1e-12)
    move = 1e-6 * torch.randn(d, d, dtype=double)
    with torch.no_grad():
        ahead, behind = (step(down, x, 0.6, MIDPOINT, (A + s * move, b)) for s in (1, -1))
    assert abs(((ahead - behind) * toward).sum() / 2 - (by_matrix * move).sum()) < 1e-6 * float((by_matrix * move).abs().sum())


def test_what_is_kept_for_backward_does_not_grow_with_the_iterations():
    A, b = (w.requires_grad_() for w in weights(5))
    kept = []

    def bytes_of(h):
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel() * t.element_size()) or t, lambda t: t):
            calls = []
            step(lambda i, x, A, b: calls.append(1) or down(i, 4 * x, A, b), torch.randn(9, 5, dtype=double), h, MIDPOINT, (A, b))
        return sum(kept), len(calls)

    (few, little), (many, much) = bytes_of(1e-6), bytes_of(3.0)
    assert much >= 2 * little and many == few


def test_hooks_checkpoints_and_inference_mode():
    """What autograd keeps may be moved or made again; the solver itself keeps nothing."""
    A, b = (w.requires_grad_() for w in weights(5))
    x = torch.randn(4, 5, dtype=double, requires_grad=True)

    def one(x):
        return step(down, x, 0.5, GAUSS4, (A, b))

    wanted = torch.autograd.grad(one(x).square().sum(), (x, A))
    with torch.autograd.graph.save_on_cpu():
        total = one(x).square().sum()
    again = torch.utils.checkpoint.checkpoint(one, x, use_reentrant=False).square().sum()
    for value in (total, again):
        assert all(torch.equal(u, v) for u, v in zip(torch.autograd.grad(value, (x, A)), wanted, strict=True))
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            assert torch.equal(one(x * 1), one(x.detach()))


# --- samples, sizes, transforms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [3, 40])
def test_a_hard_sample_does_not_disturb_the_others(d):
    x = torch.randn(6, d, dtype=double)
    x[3] *= 200

    def stiff(i, x):
        return (-(x**3),)

    whole = step(stiff, x, 0.5, EULER)
    assert torch.allclose(whole + 0.5 * whole**3, x, rtol=1e-12)
    for sample in range(6):
        assert torch.equal(whole[sample], step(stiff, x[sample : sample + 1], 0.5, EULER)[0])


@pytest.mark.parametrize("d", [3, 40])
def test_transforms_of_torch(d):
    A, b = weights(d)
    x = torch.randn(3, 2, d, dtype=double)

    def one(x, A, b):
        return step(down, x, 0.5, GAUSS4, (A, b))

    whole = torch.stack([one(s, A, b) for s in x])
    assert torch.allclose(torch.func.vmap(one, (0, None, None))(x, A, b), whole, atol=1e-13)
    many = torch.stack([A, 2 * A, A.mT])
    assert torch.allclose(torch.func.vmap(one, (None, 0, None))(x[0], many, b),
                          torch.stack([one(x[0], matrix, b) for matrix in many]), atol=1e-13)
    backward = torch.func.jacrev(one)(x[0], A, b)
    assert torch.allclose(backward, torch.func.jacfwd(one)(x[0], A, b), atol=1e-12)
    assert torch.allclose(backward, torch.autograd.functional.jacobian(lambda x: one(x, A, b), x[0]), atol=1e-12)
    each = torch.func.vmap(torch.func.grad(lambda x, b: one(x, A, b).square().sum(), argnums=1), (0, None))(x, b)
    for sample, found in zip(x, each, strict=True):
        with torch.enable_grad():
            start = b.clone().requires_grad_()
            (wanted,) = torch.autograd.grad(one(sample, A, start).square().sum(), start)
        assert torch.allclose(found, wanted, atol=1e-12)


def test_torch_compile_leaves_the_solver_as_it_is():
    A, b = (w.requires_grad_() for w in weights(3))
    x = torch.randn(2, 3, dtype=double)
    torch._dynamo.reset()
    found = torch.compile(lambda x, A, b: 2 * step(down, x + 1, 0.5, MIDPOINT, (A, b)), backend="aot_eager")(x, A, b)
    wanted = 2 * step(down, x + 1, 0.5, MIDPOINT, (A, b))
    assert torch.allclose(found, wanted, atol=1e-14)
    slopes = (torch.autograd.grad(value.square().sum(), A)[0] for value in (found, wanted))
    assert torch.allclose(*slopes, atol=1e-13)


def test_images_and_empty_batches():
    text = """
model Images
state u : R[2, 5, 4]
param K : conv(2, 3, size = 3)
field blur { u' = -K.T @ tanh(K @ u) }
flow net = lie(blur: gauss4) over [0, 1] steps 2
"""
    made = compile_text(text).make(seed=1)
    u = torch.randn(3, 2, 5, 4, dtype=double, requires_grad=True)
    assert torch.autograd.gradcheck(made, u, fast_mode=True)
    empty = made(u[:0])
    assert empty.shape == (0, 2, 5, 4)
    (by_kernel,) = torch.autograd.grad(empty.sum(), made.K)
    assert torch.equal(by_kernel, torch.zeros_like(made.K))
    assert torch.allclose(torch.func.vmap(made)(u), made(u), atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_types_are_solved_in_float32(dtype):
    A, b = weights(6)
    x = torch.randn(4, 6, dtype=double)
    found = step(down, x.to(dtype), 0.5, GAUSS4, (A.to(dtype), b.to(dtype)))
    assert found.dtype == dtype and torch.allclose(found.double(), step(down, x, 0.5, GAUSS4, (A, b)), atol=0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        wide = step(down, x.float(), 0.5, GAUSS4, (A.float(), b.float()))
    assert torch.allclose(wide.double(), step(down, x, 0.5, GAUSS4, (A, b)), atol=1e-5)


# --- stiffness and failure -------------------------------------------------------------------------------------------


VAN_DER_POL = """
model VanDerPol
state x, y : R
field all { x' = y  y' = 1000 * (1 - x^2) * y - x }
flow net = lie(all: implicit_euler) over [0, 200] steps 400
"""


def test_van_der_pol_with_a_parameter_of_1000():
    """On the slow manifold (1 - x^2) x' = x / 1000, so log(x) - x^2 / 2 grows by t / 1000."""
    made = compile_text(VAN_DER_POL).make()
    x, y = torch.tensor([2.0, -2.0, 2.0, 1.6], dtype=double), torch.tensor([0.0, 0.0, 100.0, -3.0], dtype=double)
    after, _ = made(x, y)
    assert torch.equal(after[0], -after[1])
    before, reached = (np.log(v) - v**2 / 2 for v in (2.0, float(after[0])))
    assert abs(reached - before - 0.2) < 1e-3
    narrow, _ = made.to(torch.float32)(x.float(), y.float())
    assert torch.allclose(narrow.double(), after, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, double])
def test_a_step_onto_the_slow_manifold_ends_at_a_root(dtype):
    """From far off, the derivative at the start says that the iteration is done long before it is."""
    after = step(lambda i, z: (torch.stack((z[:, 1], 1000 * (1 - z[:, 0] ** 2) * z[:, 1] - z[:, 0]), -1),),
                 torch.tensor([[2.0, 100.0], [2.0, 1e5], [-2.0, -300.0]], dtype=dtype), 0.5, EULER)
    for x, (start, rate) in zip(after[:, 0].tolist(), ((2.0, 100.0), (2.0, 1e5), (-2.0, -300.0)), strict=True):
        y = np.poly1d([1, -start]) / 0.5
        roots = (y - rate - 0.5 * (1000 * np.poly1d([-1, 0, 1]) * y - np.poly1d([1, 0]))).roots
        assert min(abs(roots - x)) < 1e-9 + 4 * torch.finfo(dtype).eps * abs(rate), (roots, x)


def stiff_problem(seed):
    """Random cubic or saturating rates of all scales, a state and a step size."""
    random = np.random.default_rng(seed)
    d, scale = int(random.integers(1, 5)), 10 ** random.normal() ** 2
    A, B = (torch.tensor(random.normal(size=(d, d))) for _ in range(2))
    x = torch.tensor(random.normal(size=(4, d)) * 10 ** random.normal())
    cubic = seed % 2 == 0

    def rate(i, x, A, B):
        return (x @ A.mT - scale * (x**3 if cubic else torch.tanh(x @ B.mT) @ B),)

    return rate, x, (A, B), 10 ** random.normal()


def test_no_step_is_silently_wrong():
    """One Newton step in float64, by dense algebra, from whatever is returned: it does not move it."""
    failed = 0
    for seed in range(24):
        rate, x, given, h = stiff_problem(seed)
        for dtype in (torch.float32, double):
            start = x.to(dtype)
            try:
                (stage,) = implicit_stages(rate, (start,), h, EULER[0], tuple(g.to(dtype) for g in given), "the step")
            except RuntimeError:
                failed += 1
                continue
            for y, w in zip(start.double(), stage[0].double(), strict=True):
                exact = tuple(g.to(dtype).double() for g in given)
                slopes = torch.func.jacrev(lambda w, y=y, h=h, rate=rate, e=exact: h * rate(0, (y + w)[None], *e)[0][0])(w)
                rest = h * rate(0, (y + w)[None], *exact)[0][0] - w
                error = torch.linalg.solve(torch.eye(len(w), dtype=double) - slopes, rest)
                assert error.abs().max() <= 30 * torch.finfo(dtype).eps * (y.abs().max() + w.abs().max()), seed
    assert failed <= 12


def test_stiff_large_states():
    """The heat equation with 100 points, far beyond what an explicit step of this size allows."""
    d = 100
    laplacian = (torch.diag(torch.ones(d - 1), 1) + torch.diag(torch.ones(d - 1), -1) - 2 * torch.eye(d)).double() * 1e4
    x = torch.randn(3, d, dtype=double)
    found = step(linear, x, 0.1, EULER, (laplacian,))
    wanted = torch.linalg.solve(torch.eye(d, dtype=double) - 0.1 * laplacian, x.mT).mT
    assert torch.allclose(found, wanted, atol=1e-12)


def square(i, x):
    return (x**2 + 1,)


@pytest.mark.parametrize("d", [1, 40])
def test_where_there_is_no_solution_it_raises(d):
    x = torch.zeros(5, d, dtype=double)
    x[2] = 1.0  # w = h ((x + w)^2 + 1) has a solution for 4 h (x + h) <= 1
    x[3] = 2.0
    with pytest.raises(RuntimeError, match=r"^the step with h = 0.3 did not converge for 2 of 5 samples, the worst residual "
                                           r"is \d\.\de[+-]\d\d: take more steps, so that each is smaller$"):
        step(square, x, 0.3, EULER)
    assert torch.isfinite(step(square, x, 0.1, EULER)).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("d", [2, 40])
def test_what_is_not_finite_raises(bad, d):
    x = torch.randn(4, d, dtype=double)
    x[1, 0] = bad
    for rate in (lambda i, x: (-x,), lambda i, x: (torch.tanh(x),), lambda i, x: (torch.zeros_like(x),)):
        with pytest.raises(RuntimeError, match=r"1 of 4 samples .* not finite"):
            step(rate, x, 0.1, GAUSS4)
    with pytest.raises(RuntimeError, match="not finite"):
        step(linear, torch.ones(4, 3, dtype=double), 0.1, EULER, (torch.full((3, 3), bad, dtype=double),))


def test_a_singular_derivative_raises():
    """w = x + w has no solution but for x = 0."""
    x = torch.tensor([[1.0, 2.0], [0.0, 0.0]], dtype=double)
    for d in (2, 40):
        with pytest.raises(RuntimeError, match="1 of 2 samples"):
            step(lambda i, x: (x,), x.repeat(1, d // 2), 1.0, EULER)


def test_the_message_of_a_module_names_the_step():
    found = compile_text("model Blowup\nstate x : R\nfield up { x' = x^2 + 1 }\n"
                         "flow g = lie(up: implicit_euler) over [0, 4] steps 1\n")
    with pytest.raises(RuntimeError, match=r"^the implicit_euler step of `up` with h = 4 did not converge for 2 of 3 samples"):
        found.make()(torch.tensor([1.0, 2.0, -4.0], dtype=double))


# --- linear solves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["near one", "skew", "indefinite", "nilpotent", "zero"])
def test_krylov_subspaces_against_dense_solves(kind):
    torch.manual_seed(3)
    d = 60
    raw = torch.randn(4, d, d, dtype=double) / d**0.5
    slopes = {"near one": 0.5 * raw, "skew": 20 * (raw - raw.mT), "indefinite": 3 * (raw + raw.mT),
              "nilpotent": torch.diag(torch.ones(d - 1, dtype=double), 1).expand(4, d, d), "zero": 0 * raw}[kind]
    right = torch.randn(4, d, dtype=double)
    right[1] = 0
    right[2] *= 1e-200
    right[3] *= 1e200
    found = gmres(lambda v: (slopes @ v[..., None])[..., 0], right)
    rest = right - found + (slopes @ found[..., None])[..., 0]
    assert (rest.abs().amax(-1) <= 0.011 * d**0.5 * right.abs().amax(-1)).all()
    assert torch.equal(found[1], torch.zeros(d, dtype=double))


def test_what_krylov_subspaces_do_not_solve_is_not_finite():
    right = torch.eye(3, 50, dtype=double)
    found = gmres(lambda v: v, right)  # v - v = right
    assert found.isnan().all()


@pytest.mark.parametrize("d", [4, 50])
@pytest.mark.parametrize("is_adjoint", [False, True])
def test_resolvents(d, is_adjoint):
    slopes = torch.randn(3, d, d, dtype=double) / d
    right = torch.randn(3, d, dtype=double)
    line = Linearization(lambda z: (slopes @ z[..., None])[..., 0], torch.randn(3, d, dtype=double))
    wanted = torch.linalg.solve(torch.eye(d, dtype=double) - (slopes.mT if is_adjoint else slopes), right)
    assert torch.allclose(resolvent(line, is_adjoint)(right), wanted, atol=0.02 if d > 32 else 1e-12)
    assert torch.allclose(line.matrix(), slopes, atol=1e-15)


# --- inverses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [3, 60])
def test_the_inverse_of_an_explicit_step(d):
    """To rounding also where the contraction is slow, with derivatives of both orders."""
    A, b = weights(d)
    A = (0.99 * A / torch.linalg.matrix_norm(A, 2)).requires_grad_()
    x = torch.randn(4, d, dtype=double)

    def forward(x, A, b):
        return (x + torch.tanh(x @ A.mT + b),)

    back = inverse_step(forward, forward(x, A, b), (A, b), "the step")[0]
    assert torch.allclose(back, x, atol=1e-12)
    if d == 3:
        def inverse(y, A, b):
            return inverse_step(forward, (y,), (A, b), "the step")[0]

        given = (x.requires_grad_(), A, b.requires_grad_())
        assert torch.autograd.gradcheck(inverse, given) and torch.autograd.gradgradcheck(inverse, given)


TURNING = """
model Turning
state x : R[40]
param S : R[40, 40], norm <= 1
field turn { x' = S @ sin(x) }
flow mid = lie(turn: implicit_midpoint) over [0, 1] steps 3
flow full = lie(turn: gauss4) over [0, 1] steps 3
claim mid : invertible
claim full : invertible
"""


def test_inverses_of_implicit_steps_with_large_states():
    found = compile_text(TURNING, proved=True)
    made = found.make(seed=2, scale=3)
    x = torch.randn(2, 40, dtype=double)
    for flow in found.model.flows:
        forward, inverse = found.method(made, flow), found.method(made, flow, "inverse")
        assert torch.allclose(inverse(forward(x)), x, atol=1e-12)


def test_a_solution_may_be_vmapped_over_what_it_does_not_depend_on():
    def map(z, a):
        return torch.cos(z) * a

    a = torch.ones(2, 1, dtype=double)
    found = torch.func.vmap(lambda s: s * solution(map, torch.zeros(2, 1, dtype=double), (a,), "it"))(torch.arange(3.0).double())
    assert torch.allclose(found[2], torch.full((2, 1), 2 * 0.7390851332151607, dtype=double))  # cos z = z


# --- relaxation ------------------------------------------------------------------------------------------------------


RELAXED = """
model Relaxed
state x, y : R
field drift { x' = 1  y' = 1 }
field climb { x' = x  y' = x }
flow level = lie(drift: relax(midpoint, x^2 - y^2)) over [0, 1] steps 1
flow slope = lie(climb: relax(midpoint, x^2 - y^2)) over [0, 1] steps 2
"""


def test_a_relaxed_step_along_a_line_where_the_quadratic_does_not_bend():
    """d = (c, c): I(x + s d) - I(x) = 2 s c (x - y). With x = y the whole line keeps I, else x alone."""
    found = compile_text(RELAXED)
    made = found.make()
    x, y = torch.tensor([3.0, 3.0], dtype=double), torch.tensor([3.0, 1.0], dtype=double)
    for flow in found.model.flows:
        after = as_tuple(found.method(made, flow)(x, y))
        assert (after[0][0] > 3.5) and torch.equal(after[0] ** 2 - after[1] ** 2, x**2 - y**2) and float(after[0][1]) == 3
        runner = found.runner(made, flow, {})
        for i in range(2):
            wanted = runner.run({"x": x[i].numpy(), "y": y[i].numpy()})
            assert all(abs(float(a[i]) - w[0]) < 1e-12 for a, w in zip(after, map(np.ravel, wanted.values()), strict=True))

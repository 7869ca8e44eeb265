"""Each row of the table of operations against torch: maps against Jacobians, slopes and constants against samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from odenet.certify.enclosures import norm_above
from odenet.certify.linear_maps import Convolution, LinearMap
from odenet.certify.operations import _ROWS, step_of
from odenet.certify.steps import Affine, Entrywise, Largest, View
from odenet.certify.tape import Unbounded, record
from tests.attack.certify import recorded
from tests.certify.modules import Call

draw = torch.Generator().manual_seed(0)


def some(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


W, B, C, ORDER = some(5, 4), some(4), some(5), torch.tensor([2, 0, 0])
K, K1, K5, EACH, BIAS = some(3, 2, 3, 3), some(3, 2, 1, 1), some(2, 2, 5, 5), some(2, 1, 1), some(3)
V, IMAGE = (4,), (2, 5, 4)
FOUR = (2, 4, 4)

LINEAR = {  # operation: cases (function of inputs, shapes of the inputs)
    "torch.Tensor.reshape": [(lambda x: x.reshape(2, 2), (V,))],
    "torch.Tensor.view": [(lambda x: x.view(2, 2), (V,))],
    "torch.Tensor.flatten": [(lambda x: x.flatten(1), (IMAGE,))],
    "torch.flatten": [(lambda x: torch.flatten(x, 1), (IMAGE,))],
    "torch.Tensor.unflatten": [(lambda x: x.unflatten(1, (2, 2)), (V,))],
    "torch.Tensor.unsqueeze": [(lambda x: x.unsqueeze(1), (V,))],
    "torch.unsqueeze": [(lambda x: torch.unsqueeze(x, 1), (V,))],
    "torch.Tensor.squeeze": [(lambda x: x.squeeze(0), (V,))],
    "torch.Tensor.contiguous": [(lambda x: x.mT.contiguous(), (IMAGE,))],
    "torch.Tensor.clone": [(lambda x: x.clone(), (V,))],
    "torch.clone": [(lambda x: torch.clone(x), (V,))],
    "torch.Tensor.detach": [(lambda x: x.detach(), (V,))],
    "torch.Tensor.to": [(lambda x: x.to(torch.float64, copy=True), (V,))],
    "torch.Tensor.__getitem__": [
        (lambda x: x[:, 1:3], (V,)),
        (lambda x: x[..., ORDER], (V,)),
        (lambda x: x[:, [3, 3, 3]], (V,)),
        (lambda x: x[0, None], (V,)),
        (lambda x: x[:, torch.tensor([True, False, True, True])], (V,)),
        (lambda x: x[:, 1, ::2], (IMAGE,)),
    ],
    "torch.Tensor.expand": [(lambda x: x.expand(1, 3, 4), (V,)), (lambda x: x[:, :, None].expand(1, 4, 3), (V,))],
    "torch.Tensor.repeat": [(lambda x: x.repeat(1, 3), (V,))],
    "torch.Tensor.index_select": [(lambda x: x.index_select(1, ORDER), (V,))],
    "torch.index_select": [(lambda x: torch.index_select(x, 1, ORDER), (V,))],
    "torch.Tensor.index_copy": [
        (lambda x, y: x.index_copy(1, torch.tensor([3, 1]), y), (V, (2,))),
        (lambda x: x.index_copy(1, torch.tensor([3]), B[None, :1]), (V,)),
        (lambda x: B[None].index_copy(1, torch.tensor([0, 2, 3, 1]), x), (V,)),
        (lambda x: x.index_copy(1, torch.tensor([0, 2, 3, 1]), x), (V,)),
    ],
    "torch.where": [
        (lambda x, y: torch.where(B > 0, x, y), (V, V)),
        (lambda x: torch.where(B > 0, x, 3.0), (V,)),
        (lambda x, y: torch.where(C[:, None] > 0, x, y), (V, V)),
        (lambda x: torch.where(B > 0, x, x), (V,)),
    ],
    "torch.Tensor.mT.__get__": [(lambda x: x.mT, (IMAGE,))],
    "torch.Tensor.T.__get__": [(lambda x: x.T, (V,))],
    "torch.functional.split": [(lambda x: torch.split(x, 3, 1)[0], (V,)), (lambda x: torch.split(x, [1, 3], 1)[1], (V,))],
    "torch.Tensor.split": [(lambda x: x.split(3, 1)[1], (V,))],
    **{
        f"torch.{kind}{name}": [
            (lambda x, n=name, a=a: getattr(torch, n)(x, *a), (shape,)),
            (lambda x, n=name, a=a: getattr(x, n)(*a), (shape,)),
        ]
        for kind in ("", "Tensor.")
        for name, a, shape in (
            ("permute", ((0, 2, 3, 1),), IMAGE),
            ("transpose", (1, 2), IMAGE),
            ("movedim", (1, -1), IMAGE),
            ("flip", ((1,),), V),
            ("roll", (1, 1), V),
            ("narrow", (1, 1, 2), V),
            ("triu", (), IMAGE),
            ("tril", (1,), IMAGE),
        )
    },
    **{
        f"torch.{kind}{name}": [
            (lambda x, n=name, a=a: getattr(torch, n)(x, *a)[-1], (V,)),
            (lambda x, n=name, a=a: getattr(x, n)(*a)[-1], (V,)),
        ]
        for kind in ("", "Tensor.")
        for name, a in (("chunk", (3, 1)), ("unbind", (1,)))
    },
    "torch.Tensor.sum": [(lambda x: x.sum(1, keepdim=True), (V,)), (lambda x: x.sum((-1, 1)), (IMAGE,)), (lambda x: x.sum(), (V,))],
    "torch.Tensor.mean": [(lambda x: x.mean(-1), (V,)), (lambda x: x.mean((-2, -1)), (IMAGE,))],
    "torch.cat": [(lambda x, y: torch.cat((x, B[None], y, x), 1), (V, (2,))), (lambda x: torch.cat([x, x], -1), (V,))],
    "torch.stack": [
        (lambda x, y: torch.stack((x, y, 2 * B.reshape(1, 4)), 1), (V, V)),
        (lambda x: torch.stack([x, x], dim=-1), (V,)),
    ],
    "torch.nn.functional.pad": [
        (lambda x: F.pad(x, (1, 2)), (V,)),
        (lambda x: F.pad(x, (-1, 2)), (V,)),
        (lambda x: F.pad(x, (1, 0, 2, 1), mode="circular"), (IMAGE,)),
        (lambda x: F.pad(x, (4, 4, 5, 5), mode="circular"), (IMAGE,)),
        (lambda x: F.pad(x, (0, 1), "constant", 0.0), (V,)),
    ],
    "torch.add": [(lambda x: torch.add(x, B, alpha=-2), (V,)), (lambda x, y: torch.add(x, y), (V, V))],
    "torch.Tensor.add": [
        (lambda x, y: x + y, (V, V)),
        (lambda x: x + x, (V,)),
        (lambda x: x + 3, (V,)),
        (lambda x: 3 + x, (V,)),
        (lambda x: x + C[:, None], (V,)),
        (lambda x, y: x[:, :, None] + y[:, None], (V, V)),
        (lambda x: x.add(B, alpha=0.3), (V,)),
    ],
    "torch.sub": [(lambda x: torch.sub(B, x, alpha=2), (V,)), (lambda x: torch.sub(input=x, other=B), (V,))],
    "torch.Tensor.sub": [(lambda x, y: x - y, (V, V)), (lambda x: B - x, (V,))],
    "torch.Tensor.__rsub__": [(lambda x: 1 - x, (V,))],
    "torch.Tensor.mul": [
        (lambda x: x * 0.3, (V,)),
        (lambda x: 3 * x, (V,)),
        (lambda x: x * B, (V,)),
        (lambda x: x * C[:, None], (V,)),
        (lambda x: x * EACH, (IMAGE,)),
        (lambda x: B * x, (V,)),
        (lambda x: x * B[:1], (V,)),
    ],
    "torch.mul": [(lambda x: torch.mul(x, other=B), (V,))],
    "torch.Tensor.div": [(lambda x: x / 3, (V,)), (lambda x: x / B, (V,)), (lambda x: x / C[:, None], (V,))],
    "torch.div": [(lambda x: torch.div(x, 0.7), (V,))],
    "torch.Tensor.neg": [(lambda x: -x, (V,))],
    "torch.neg": [(lambda x: torch.neg(x), (V,))],
    "torch.nn.functional.linear": [(lambda x: F.linear(x, W), (V,)), (lambda x: F.linear(x, W, C), (V,))],
    "torch.Tensor.matmul": [
        (lambda x: x @ W.T, (V,)),
        (lambda x: W @ x[0], (V,)),
        (lambda x: W[:, :2] @ x.reshape(2, 2), (V,)),
        (lambda x: x @ B, (V,)),
    ],
    "torch.matmul": [(lambda x: torch.matmul(x, other=W.T), (V,))],
    "torch.Tensor.mm": [(lambda x: x.mm(W.T), (V,))],
    "torch.spmm": [(lambda x: torch.mm(x, mat2=W.T), (V,))],
    "torch.bmm": [(lambda x: torch.bmm(x.reshape(2, 1, 2), some(2, 2, 3) * 0 + W[:2, None, :3].expand(2, 2, 3)), (V,))],
    "torch.addmm": [
        (lambda x: torch.addmm(C, x, W.T), (V,)),
        (lambda x: torch.addmm(C, x, W.T, alpha=-1), (V,)),
        (lambda x, y: torch.addmm(y, x, W.T, beta=0.5, alpha=0.3), (V, (5,))),
    ],
    "torch.nn.functional.conv2d": [
        (lambda x: F.conv2d(x, K, BIAS, padding=1), (IMAGE,)),
        (lambda x: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), K), (IMAGE,)),
        (lambda x: F.conv2d(F.pad(x, (2, 0, 0, 2)), K, BIAS), (IMAGE,)),
        (lambda x: F.conv2d(x, K1, BIAS), (IMAGE,)),
        (lambda x: F.conv2d(F.pad(x, (2, 2, 2, 2), mode="circular"), K5), (FOUR,)),
        (lambda x: F.conv2d(x, K, stride=2), (IMAGE,)),
        (lambda x: F.conv2d(x, K, padding=2, dilation=2), (IMAGE,)),
        (lambda x: F.conv2d(x, K[:2, :1], padding=1, groups=2), (IMAGE,)),
        (lambda x: F.conv2d(F.pad(x, (0, 1, 1, 0)), K[..., :2, :2]), (IMAGE,)),
        (lambda x: F.conv2d(x, K, BIAS), (IMAGE,)),
        (lambda x: F.conv2d(x.reshape(2, 1, 5, 4), K[:1, :1], padding=1), (IMAGE,)),
        (lambda x: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular").mT, K), (FOUR,)),
    ],
    "torch.nn.functional.avg_pool2d": [
        (lambda x: F.avg_pool2d(x, 2), (FOUR,)),
        (lambda x: F.avg_pool2d(x, 2), (IMAGE,)),
        (lambda x: F.avg_pool2d(x, (1, 2)), (FOUR,)),
        (lambda x: F.avg_pool2d(x, 2, stride=1), (FOUR,)),
        (lambda x: F.avg_pool2d(x, 2, ceil_mode=True), (IMAGE,)),
        (lambda x: F.avg_pool2d(x, 2, padding=1), (FOUR,)),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=1), (FOUR,)),
        (lambda x: F.avg_pool2d(x, 2, padding=1, count_include_pad=False), (FOUR,)),
    ],
}
OTHER_NAMES = {"torch.conv2d", "torch.Tensor.__radd__", "torch.Tensor.__rmul__"}  # of the same calls, elsewhere


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_row_is_what_torch_does(name: str) -> None:
    seen = set()
    for function, shapes in LINEAR[name]:
        point = [some(1, *s) for s in shapes]
        tape = record(Call(function), point)
        for node in tape.nodes[len(shapes) :]:
            seen.add(node.name)
            examine(node, tape)
    assert name in seen


def examine(node, tape) -> None:
    step = step_of(node, tape)
    inner = tuple(dict.fromkeys((step.source,) if isinstance(step, View) else (k for k, _ in step.terms)))
    local = recorded(tape, inner, (next(k for k, n in enumerate(tape.nodes) if n is node),), range(len(tape.nodes)))
    values = {k: some(*tape.nodes[k].shape) for k in inner}
    jacobians = torch.autograd.functional.jacobian(lambda *z: local(*z)[0], tuple(values.values()))
    if node.name == "torch.Tensor.detach":
        jacobians = (torch.eye(node.count, dtype=torch.float64),)
    true = {k: j.reshape(node.count, -1).numpy() for k, j in zip(values, jacobians, strict=True)}
    if isinstance(step, View):
        assert np.array_equal(true[step.source], np.eye(node.count))
        return
    assert isinstance(step, Affine)
    for k in inner:
        parts = [linear for source, linear in step.terms if source == k]
        assert np.allclose(sum(p.matrix().middle[0] for p in parts), true[k], rtol=0, atol=1e-13)
    for _, linear in step.terms:
        matrix = linear.matrix().middle[0]
        assert linear.norm >= np.linalg.norm(matrix, 2) * (1 - 1e-14)
        assert linear.sizes >= np.linalg.norm(np.abs(matrix), 2) * (1 - 1e-14)
        assert linear.terms >= np.count_nonzero(matrix, axis=1).max(initial=0) or not step.roundings
    (offset,) = local(*map(torch.zeros_like, values.values()))
    assert step.constant >= float(torch.linalg.vector_norm(offset)) * (1 - 1e-14)
    is_moved = all(set(np.unique(m.matrix().middle)) <= {-1.0, 0.0, 1.0} for _, m in step.terms)
    assert step.roundings or is_moved


FUNCTIONS = {
    **{
        f"torch.{kind}{name}": [lambda x, n=name: getattr(torch, n)(x), lambda x, n=name: getattr(x, n)()]
        for kind in ("", "Tensor.")
        for name in ("tanh", "sigmoid", "sin", "cos", "atan", "abs", "relu")
    },
    "torch.nn.functional.relu": [F.relu],
    **{f"torch.nn.functional.{name}": [getattr(F, name)] for name in ("silu", "gelu", "softsign")},
    "torch.nn.functional.leaky_relu": [F.leaky_relu, *(lambda x, a=a: F.leaky_relu(x, a) for a in (0.5, 3.0, -2.0, 0.1))],
    "torch.nn.functional.elu": [F.elu, lambda x: F.elu(x, 2.5), lambda x: F.elu(x, alpha=0.2)],
    "torch.nn.functional.celu": [F.celu, lambda x: F.celu(x, 0.1), lambda x: F.celu(x, alpha=7.0)],
    "torch.nn.functional.softplus": [lambda x: F.softplus(x, threshold=40)],
    "torch.clamp": [lambda x: torch.clamp(x, -1, 2), lambda x: torch.clamp(x, min=3, max=1), lambda x: torch.clamp(x, max=-2)],
    "torch.Tensor.clamp": [lambda x: x.clamp(0.5), lambda x: x.clamp(max=0.5)],
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_function_has_its_slopes_and_its_rounding(name: str, dtype: torch.dtype) -> None:
    seen = set()
    z = torch.cat(
        [
            torch.linspace(-12, 12, 4001, dtype=torch.float64),
            *(s * torch.logspace(-40, 4, 1500, dtype=torch.float64) for s in (-1, 1)),
        ]
    )
    z = z.to(dtype).double().requires_grad_()
    for function in FUNCTIONS[name]:
        tape = record(Call(function), [torch.zeros(1, 3, dtype=dtype)])
        (node,) = tape.nodes[1:]
        seen.add(node.name)
        step = step_of(node, tape)
        assert isinstance(step, Entrywise)
        y = function(z)
        (slopes,) = torch.autograd.grad(y.sum(), z)
        assert step.low - 1e-12 <= float(slopes.min()) and float(slopes.max()) <= step.high + 1e-12
        chords = torch.diff(y.detach()[:4001]) / torch.diff(z.detach()[:4001])
        assert float(chords.min()) >= step.low - 1e-9 and float(chords.max()) <= step.high + 1e-9
        assert step.at_zero >= math.sqrt(3) * abs(float(function(torch.zeros((), dtype=torch.float64)))) * (1 - 1e-15)
        # what is claimed of one entry: units u (largest slope |z| + |f(0)|)
        unit, tiny = {torch.float32: (2.0**-24, 2.0**-126), torch.float64: (2.0**-53, 2.0**-1022)}[dtype]
        size = max(abs(step.low), abs(step.high)) * z.detach().abs() + step.at_zero / math.sqrt(3)
        if dtype == torch.float32:
            error = (function(z.detach().float()).double() - y.detach()).abs()
            assert (error <= step.units * unit * size + step.units * tiny).all(), (error / (unit * size + tiny)).max()
    assert name in seen


def test_every_row_is_tested() -> None:
    tested = {*LINEAR, *FUNCTIONS, *OTHER_NAMES, "torch.nn.functional.max_pool2d"}
    assert set(_ROWS) == tested


@pytest.mark.parametrize("ceil, padding", [(False, 0), (True, 0), (False, 1), (True, 1)])
def test_the_largest_of_groups_is_nonexpansive(ceil: bool, padding: int) -> None:
    tape = record(Call(lambda x: F.max_pool2d(x, 2, padding=padding, ceil_mode=ceil)), [some(1, *IMAGE)])
    assert isinstance(step_of(tape.nodes[1], tape), Largest)
    x, y = some(50, *IMAGE), some(50, *IMAGE)
    moved = F.max_pool2d(x, 2, padding=padding, ceil_mode=ceil) - F.max_pool2d(y, 2, padding=padding, ceil_mode=ceil)
    assert (moved.flatten(1).norm(dim=1) <= (x - y).flatten(1).norm(dim=1)).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.max_pool2d(x, 3, stride=1),
        lambda x: F.max_pool2d(x, 2, dilation=2),
        lambda x: F.conv2d(x, K, padding="same"),
        lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
        lambda x: F.pad(x, (1, 1), value=2.0),
        lambda x: F.pad(x, (1, 1), mode="constant", value=-1),
        lambda x: F.linear(x, some(3, 4)),
        lambda x: x.sum() * x,
        lambda x: x.clamp(x.mean(), x.mean() + 1),
        lambda x: x.index_select(1, x[0, 0, 0, :1].long()),
        lambda x: F.celu(x, -1.0),
        lambda x: x / 0.0,
        lambda x: x / (0 * B),
        lambda x: x * 1e-320,
    ],
)
def test_what_has_no_meaning_is_refused(call) -> None:
    with pytest.raises(Unbounded):
        tape = record(Call(call), [some(1, *IMAGE)])
        for node in tape.nodes[1:]:
            step = step_of(node, tape)
            if isinstance(step, Affine):
                [linear.norm for _, linear in step.terms]


@pytest.mark.parametrize("circular", [True, False])
@pytest.mark.parametrize("size, image", [(1, (3, 4)), (2, (3, 3)), (3, (1, 2)), (3, (4, 5)), (5, (3, 4)), (4, (2, 5)), (7, (4, 3))])
def test_a_symbol_bounds_its_convolution(size: int, image: tuple[int, int], circular: bool) -> None:
    kernel = some(2, 3, size, size).numpy()
    for before in {(0, 0), ((size - 1) // 2,) * 2, (size - 1, 0)}:
        map: LinearMap = Convolution(kernel, before, circular, *image)
        dense = norm_above(map.matrix())
        assert map.norm >= dense * (1 - 1e-9)
        if circular:
            assert map.norm <= dense * (1 + 1e-9)
        assert map.sizes >= np.linalg.norm(np.abs(map.matrix().middle[0]), 2) * (1 - 1e-12)
        ball = map.symbol(map.torus, 3)
        assert ball.middle.shape == (map.torus.frequencies, 2, 3)
        exact = np.fft.fft2(kernel, (64, 64))[:, :, 0, 0]
        assert np.abs(ball.middle[0] - exact).max() < 1e-12

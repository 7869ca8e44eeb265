"""Convolutions against dense matrices of the operators that they are, built here in NumPy: norms, bounds, lengths, stages."""
from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from compiling import compile_text, compiled

from odenet.driver import loads
from odenet.emit.runtime.convolution import bounded_convolution, convolve, convolve_adjoint
from odenet.emit.runtime.orthogonal import begin_at_one_tap, orthogonal_kernel
from odenet.emit.runtime.stages import BoundedConvolution

double = torch.float64
IMAGES = ((1, 1), (2, 3), (4, 4), (5, 6), (3, 18))  # smaller than kernels, odd, larger than the finest grid of a 3 x 3 kernel


def dense(kernel, height, width, circular, stride=1):
    """The matrix [k h/stride w/stride, c h w] of a convolution, from its definition."""
    outputs, inputs, size, _ = kernel.shape
    before = (size - 1) // 2
    matrix = np.zeros((outputs, height // stride, width // stride, inputs, height, width))
    for a, b, i, j in product(range(size), range(size), range(height // stride), range(width // stride)):
        y, x = i * stride + a - before, j * stride + b - before
        if circular or (0 <= y < height and 0 <= x < width):
            matrix[:, i, j, :, y % height, x % width] += kernel[:, :, a, b]
    return matrix.reshape(outputs * (height // stride) * (width // stride), inputs * height * width)


def norm(matrix):
    """The largest singular value, from the smaller Gram matrix."""
    gram = matrix @ matrix.T if len(matrix) < matrix.shape[1] else matrix.T @ matrix
    return float(np.linalg.eigvalsh(gram)[-1]) ** 0.5 if matrix.size else 0.0


def hostile(outputs, inputs, size):
    """Kernels whose norm is easily misjudged, by name."""
    random = np.random.default_rng(size)
    signs = np.array([(-1.0) ** (a + b) for a in range(size) for b in range(size)]).reshape(size, size)
    taps = np.arange(size)
    wave = np.cos(0.37 + 1.9 * taps[:, None] + 0.8 * taps)
    rank_one = random.normal(size=(outputs, 1, 1, 1)) * random.normal(size=(1, inputs, 1, 1))
    yield "ones", np.ones((outputs, inputs, size, size))
    yield "signs", np.ones((outputs, inputs, 1, 1)) * signs  # largest at the highest frequency
    yield "wave", rank_one * wave  # largest between frequencies of a grid
    yield "random", random.normal(size=(outputs, inputs, size, size))
    yield "large", 1e6 * random.normal(size=(outputs, inputs, size, size))
    yield "small", 1e-3 * np.ones((outputs, inputs, size, size))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("circular", [True, False])
def test_no_kernel_exceeds_its_bound(size, circular):
    for (outputs, inputs), (height, width) in product([(1, 2), (3, 2)], IMAGES):
        image = (height, width) if circular else None
        for name, raw in hostile(outputs, inputs, size):
            kernel = bounded_convolution(torch.tensor(raw), 0.5, image).numpy()
            for stride in (1, 2):
                found = norm(dense(kernel, height, width, circular, stride))
                assert found <= 0.5 * (1 + 1e-12), (name, outputs, inputs, height, width, stride, found)


def test_the_norm_of_the_reshaped_kernel_is_three_times_too_small():
    kernel = np.ones((1, 1, 3, 3))
    assert norm(dense(kernel, 8, 8, True)) == pytest.approx(9) and norm(kernel.reshape(1, 9)) == pytest.approx(3)
    bounded = bounded_convolution(torch.tensor(kernel), 1.0, (8, 8)).numpy()
    assert norm(dense(bounded, 8, 8, True)) == pytest.approx(1)


def test_a_circular_bound_is_nearly_attained():
    for size, (height, width) in ((3, (4, 4)), (3, (5, 16)), (5, (6, 8)), (5, (5, 32))):
        for name, raw in hostile(3, 2, size):
            kernel = bounded_convolution(torch.tensor(raw), 1.0, (height, width)).numpy()
            if name != "small":
                assert norm(dense(kernel, height, width, True)) >= 2 ** (-1 / 128) * (1 - 1e-12)


def test_the_bound_has_the_slope_of_the_norm():
    raw = torch.randn(2, 3, 2, 3, 3, dtype=double, requires_grad=True)
    torch.autograd.gradcheck(lambda k: bounded_convolution(k, 0.9, (6, 6)), raw)


@pytest.mark.parametrize("circular", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_bounded_stage_applies_what_was_bounded(circular, stride):
    torch.manual_seed(0)
    stage = BoundedConvolution(3, 2, 3, circular, stride, bound=0.7, image=(4, 6) if circular else None, dtype=double)
    with torch.no_grad():
        stage.weight.copy_(torch.ones_like(stage.weight) * 5)
    image = torch.randn(2, 3, 4, 6, dtype=double)
    matrix = dense(stage.value().detach().numpy(), 4, 6, circular, stride)
    assert np.allclose(stage(image).detach().flatten(1).numpy(), image.flatten(1).numpy() @ matrix.T, atol=1e-12)
    assert norm(matrix) <= 0.7 * (1 + 1e-12)


# --- orthogonal kernels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(4, 4), (3, 3), (1, 1), (5, 2), (2, 5), (1, 3)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_orthogonal_kernels_keep_lengths_on_images_of_every_size(channels, size):
    outputs, inputs = channels
    torch.manual_seed(size)
    for scale in (1, 30):
        raw = scale * torch.randn(size, max(channels), max(channels), dtype=double)
        kernel = orthogonal_kernel(raw, outputs, inputs)
        assert kernel.shape == (outputs, inputs, size, size)
        for height, width in IMAGES:
            matrix = dense(kernel.numpy(), height, width, True)
            small = matrix.T @ matrix if outputs >= inputs else matrix @ matrix.T
            assert np.abs(small - np.eye(len(small))).max() < 2e-14 * scale
            image = torch.randn(2, inputs, height, width, dtype=double)
            there = convolve(image, kernel, circular=True)
            assert np.allclose(there.flatten(1).numpy(), image.flatten(1).numpy() @ matrix.T, atol=1e-12)
            back = convolve_adjoint(there, kernel, circular=True)
            assert np.allclose(back.flatten(1).numpy(), there.flatten(1).numpy() @ matrix, atol=1e-12)


def test_orthogonal_kernels_have_slopes_everywhere_and_use_all_their_taps():
    for shape, channels in (((3, 4, 4), (4, 4)), ((2, 3, 5, 5), (5, 3)), ((3, 3, 3), (2, 3))):
        raw = torch.randn(shape, dtype=double)
        assert torch.autograd.gradcheck(lambda r, c=channels: orthogonal_kernel(r, *c), raw.requires_grad_())
        assert (orthogonal_kernel(raw, *channels).abs().amax((-4, -3)) > 1e-3).all()
    start = torch.zeros(3, 4, 4, dtype=double, requires_grad=True)
    kernel = orthogonal_kernel(start, 4, 4)
    (slope,) = torch.autograd.grad((kernel * torch.randn_like(kernel)).sum(), start)
    assert torch.isfinite(slope).all() and slope.any((-2, -1)).all()


def test_the_determinant_of_a_square_symbol_is_one():
    """So the chart stays in one component: no odd permutation of channels, no kernel that only shifts."""
    kernel = orthogonal_kernel(torch.randn(3, 5, 5, dtype=double), 5, 5).numpy()
    for down, right in ((0.0, 0.0), (1.0, 2.0), (-0.4, 3.0)):
        waves = np.exp(1j * (down * np.arange(-1, 2)[:, None] + right * np.arange(-1, 2)))
        assert np.linalg.det((kernel * waves).sum((-2, -1))) == pytest.approx(1, abs=1e-12)


def test_orthogonal_kernels_begin_near_one_tap():
    torch.manual_seed(0)
    raw = torch.empty(6, 5, 16, 16, dtype=double)
    begin_at_one_tap(raw)
    kernel = orthogonal_kernel(raw, 16, 8)
    assert (kernel[..., 2, 2].square().sum((-2, -1)) > 0.7 * kernel.square().sum((-4, -3, -2, -1))).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_orthogonal_kernels_keep_their_type(dtype):
    raw = torch.randn(2, 3, 4, 4, dtype=double)
    wide, narrow = orthogonal_kernel(raw.to(dtype).double(), 4, 4), orthogonal_kernel(raw.to(dtype), 4, 4)
    assert narrow.dtype == dtype and torch.allclose(narrow.double(), wide, atol=1e-5 if dtype == torch.float32 else 1e-2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(orthogonal_kernel(raw.to(dtype), 4, 4), narrow)


def test_a_module_has_the_kernels_that_its_spec_names():
    found = compiled("images")
    made = found.make(seed=1, scale=20)
    assert made.T.shape == (2, 3, 4, 4) and made.U.shape == (5, 3, 3)
    values = made.parameter_values()
    assert values["T"].shape == (2, 4, 3, 3, 3) and values["U"].shape == (2, 3, 5, 5)
    for kernel in (*values["T"], values["U"]):
        matrix = dense(kernel.detach().numpy(), 6, 8, True)
        small = matrix.T @ matrix if kernel.shape[0] >= kernel.shape[1] else matrix @ matrix.T
        assert np.abs(small - np.eye(len(small))).max() < 1e-12


def test_sizes_that_are_not_known_to_be_the_larger():
    found = compile_text("model Two\ndim c = 2, k = 3\nstate u : R[c, 4, 4]\nparam K : conv(c, k, size = 3), orthogonal\n"
                         "field f { u' = -K.T @ tanh(K @ u) }\nflow g = lie(f: euler) over [0, 1] steps 1\n")
    for c, k in ((2, 3), (3, 2)):
        made = found.make(c=c, k=k)
        assert made.K.shape == (3, 3, 3) and made.parameter_values()["K"].shape == (k, c, 3, 3)
        assert made(torch.randn(c, 4, 4, dtype=double)).shape == (c, 4, 4)


def test_kernels_are_made_without_a_graph_break():
    found = compile_text("model Small\nstate u : R[2, 4, 4]\nparam K(t) : conv(2, 3, size = 3), orthogonal\n"
                         "param W : conv(2, 2, size = 3), norm <= 1\nfield f { u' = -K.T @ tanh(K @ u) + W @ u }\n"
                         "flow g = lie(f: euler) over [0, 1] steps 1\n")
    made, image = found.make(), torch.randn(2, 2, 4, 4, dtype=double)
    torch._dynamo.reset()
    assert torch.allclose(torch.compile(made, fullgraph=True, backend="aot_eager")(image), made(image), atol=1e-12)


# --- stages of nets -----------------------------------------------------------------------------------------------------

HEAD = """model Stage
state u : R[2, 4, 4]
param K(t) : conv(2, 3, size = 3), orthogonal
param W(t) : conv(2, 2, size = 3, padding = zero), norm <= 1
param a(t) : R[3]
param b(t) : R[2]
field shrink { u' = -1/2 * K.T @ leaky_relu(K @ u + a, 1/2) }
field plain  { u' = -W.T @ relu(W @ u + b) }
field grow   { u' = W @ tanh(W @ u + b) }
flow contracting = lie(shrink: euler) over [0, 2] steps 2
flow layers = lie(plain: euler) over [0, 2] steps 2
flow growing = lie(grow: euler) over [0, 2] steps 2
"""
# stage, its value, the constant that the prover finds
STAGES = [
    ("contracting", "R[2, 4, 4]", "9/16"), ("layers", "R[2, 4, 4]", "1"), ("growing", "R[2, 4, 4]", "4"),
    ("conv(3, size = 3, norm <= 1/2)", "R[3, 4, 4]", "1/2"), ("conv(3, size = 3, padding = zero, norm <= 2)", "R[3, 4, 4]", "2"),
    ("conv(3, size = 3, stride = 2, norm <= 1)", "R[3, 2, 2]", "1"), ("conv(1, size = 5, norm <= 1)", "R[1, 4, 4]", "1"),
    ("lift(5)", "R[5, 4, 4]", "1"), ("maxpool(2)", "R[2, 2, 2]", "1"), ("avgpool(2)", "R[2, 2, 2]", "1/2"),
    ("avgpool(4)", "R[2, 1, 1]", "1/4"), ("flatten", "R[32]", "1"), ("flatten -> linear(5, norm <= 3/2)", "R[5]", "3/2"),
    ("flatten -> take(3)", "R[3]", "1"), ("flatten -> embed(40)", "R[40]", "1"),
    ("lift(4) -> conv(2, size = 3, norm <= 1) -> contracting -> avgpool(2) -> flatten -> linear(3, norm <= 2)", "R[3]", "9/16"),
]


@pytest.mark.parametrize(("stages", "end", "constant"), STAGES, ids=[s[0] for s in STAGES])
def test_the_constant_of_a_stage_bounds_its_jacobian(stages, end, constant):
    text = f"{HEAD}net whole : R[2, 4, 4] -> {end} = {stages}\nclaim whole : lipschitz({constant})\n"
    loaded = loads(text)
    assert loaded.report.findings[-1].verdict == "proved"
    less = loads(text.replace(f"lipschitz({constant})", f"lipschitz(99/100 * {constant})"))
    assert less.verify(seconds=0.5).findings[-1].verdict != "proved"
    kind, largest, most = loaded.module(), 0.0, float(Fraction(constant))
    for seed in range(4):
        torch.manual_seed(seed)
        made = kind(dtype=double)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.mul_(8)
        image = 2 * torch.randn(2, 4, 4, dtype=double)
        largest = max(largest, norm(torch.func.jacrev(made)(image).reshape(-1, 32).numpy(force=True)))
    assert largest <= most * (1 + 1e-12)
    if "contracting" not in stages and "growing" not in stages:
        assert largest >= 0.7 * most, "a bound that is far from the operator would hide a mistake"

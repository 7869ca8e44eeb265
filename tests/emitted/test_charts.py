"""Charts at numbers from 1e-6 to 1e6, in float32 and float64: values in their sets to rounding, gradients finite and right."""
from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from compiling import compile_text
from test_sets import operator

from odenet.diagnostics import Rejected
from odenet.emit.runtime.bounded import bounded, bounded_entries, bounded_semidefinite, bounded_skew, bounded_symmetric
from odenet.emit.runtime.convolution import bounded_convolution
from odenet.emit.runtime.orthogonal import inverse_by_blocks, orthogonal, orthogonal_kernel
from odenet.emit.runtime.orthonormal import by_reflections, orthonormal
from odenet.ir import build
from odenet.ir.interpret import environment, evaluate
from odenet.sets import COMPATIBLE, SETS, residual
from odenet.sets.kernels import off_orthogonal
from odenet.sets.row import is_matrix, is_tensor
from odenet.syntax import parse
from odenet.text import Source

WRITTEN = {"interval": "in [-1/3, 2]", "norm": "norm <= 3/2"}
ARGUMENTS = {"interval": (-1 / 3, 2.0), "norm": (1.5,)}
SCALES = tuple(10.0**e for e in range(-6, 7))
BATCH = 3


def spaces(names):
    """The spaces that a parameter with these sets is tried in."""
    if len(names) == 1 and SETS[names[0]].fits is is_tensor:
        return "R", "R[n]", "R[n, n]"
    wide = names in (("norm",), ("orthogonal",))
    assert wide or all(SETS[name].fits is not is_matrix for name in names)
    return ("R[n, n]", "R[2*n, n]", "R[n + 1, n]", "R[n, n + 3]") if wide else ("R[n, n]",)


@cache
def everything():
    """One parameter for each set, each pair of sets and each space, and their sets by name."""
    chosen = [(name,) for name in SETS] + [tuple(sorted(pair)) for pair in COMPATIBLE]
    cases = [(names, space) for names in chosen for space in spaces(names)]
    named = {f"p{i}": names for i, (names, _) in enumerate(cases)}
    lines = [f"param {key}(t) : {space}, {', '.join(WRITTEN.get(n, n) for n in names)}"
             for key, (names, space) in zip(named, cases, strict=True)]
    uses = {"R": "{} * x", "R[n]": "{} * x", "R[n, n]": "{} @ x", "R[2*n, n]": "{0}.T @ ({0} @ x)",
            "R[n + 1, n]": "{0}.T @ ({0} @ x)", "R[n, n + 3]": "{0} @ ({0}.T @ x)"}
    terms = " + ".join(uses[space].format(key) for key, (_, space) in zip(named, cases, strict=True))
    text = "\n".join(["model Every", "dim n = 3", "state x : R[n]", *lines, f"field f {{ x' = {terms} }}",
                      f"flow g = lie(f: euler) over [0, 1] steps {BATCH}", ""])
    return compile_text(text), named


def hostile(shape, random):
    """Tensors of length about one: full, of rank one, nearly so, with equal entries, spread over many decades, with one entry."""
    full = torch.randn(shape, generator=random, dtype=torch.float64)
    yield full
    yield torch.ones(shape, dtype=torch.float64)
    yield full.sign() * 10 ** (-12 * torch.rand(shape, generator=random, dtype=torch.float64))
    single = torch.zeros(shape, dtype=torch.float64)
    single.view(-1)[-1] = 1
    yield single
    yield single + 1e-6 * full
    if len(shape) > 2:
        column = torch.randn(*shape[:-1], 1, generator=random, dtype=torch.float64)
        one = column @ torch.randn(*shape[:-2], 1, shape[-1], generator=random, dtype=torch.float64)
        yield from (one, one + 1e-4 * full, one + 0.1 * full)


def numbers(shape, dtype, random, scales=SCALES):
    """Raw tensors at every scale; at last equal entries with others of size one added."""
    for scale in scales:
        for tensor in hostile(shape, random):
            yield (scale * tensor).to(dtype)
        yield (scale * torch.ones(shape, dtype=torch.float64) + torch.randn(shape, generator=random, dtype=torch.float64)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_every_set_is_kept_to_rounding_at_every_scale(n, dtype):
    found, named = everything()
    assert {name for names in named.values() for name in names} == set(SETS)
    made = found.make(n=n, dtype=dtype)
    random = torch.Generator().manual_seed(n)
    draws = {key: list(numbers(tensor.shape, dtype, random)) for key, tensor in made.named_parameters()}
    for index in range(max(map(len, draws.values()))):
        with torch.no_grad():
            for key, tensor in made.named_parameters():
                tensor.copy_(draws[key][index % len(draws[key])])
        values = made.parameter_values()
        weights = {key: torch.randn(v.shape, generator=random, dtype=dtype) for key, v in values.items()}
        gradients = torch.autograd.grad(sum((values[k] * w).sum() for k, w in weights.items()), list(made.parameters()))
        for (key, raw), gradient in zip(made.named_parameters(), gradients, strict=True):
            value, names = values[key].detach().double().numpy(), named[key]
            about = f"{names} of {list(raw.shape)} at {index}: {raw.detach().abs().max():.1e}"
            assert np.isfinite(value).all(), about
            assert torch.isfinite(gradient).all(), about
            rounding = 32 * torch.finfo(dtype).eps * value.shape[-1] if value.ndim else 0
            off = residual(value, [(name, ARGUMENTS.get(name, ())) for name in names])
            assert off <= rounding * max(1.0, np.abs(value).max()), about


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("rows, columns", [(70, 70), (96, 48), (40, 72), (131, 130)])
def test_larger_matrices_too(rows, columns, dtype):
    """Where the inverse is taken by blocks, and where an elimination without pivots would grow."""
    random = torch.Generator().manual_seed(rows)
    rounding = 32 * torch.finfo(dtype).eps * columns
    for raw in numbers((1, rows, columns), dtype, random, SCALES[3::3]):
        assert residual(orthogonal(raw).double().numpy(), [("orthogonal", ())]) <= rounding
        assert residual(bounded(raw, 1.0).double().numpy(), [("norm", (1.0,))]) <= rounding


def test_blocks_give_the_inverse():
    torch.manual_seed(0)
    for size in (65, 128, 130):
        s = 3 * torch.randn(2, size, size, dtype=torch.float64) / size**0.5
        matrix = torch.eye(size, dtype=torch.float64) + s - s.mT
        assert torch.allclose(inverse_by_blocks(matrix) @ matrix, torch.eye(size, dtype=torch.float64), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("padding, stride, size", [("circular", 1, 3), ("circular", 2, 3), ("zero", 1, 3), ("zero", 2, 5),
                                                   ("zero", 1, 1), ("circular", 1, 2)])
def test_convolutions_keep_their_norm_at_every_scale(padding, stride, size, dtype):
    random = torch.Generator().manual_seed(size)
    for raw in numbers((3, 2, size, size), dtype, random):
        raw.requires_grad_()
        for image in (None, (4, 6)) if padding == "circular" else (None,):
            kernel = bounded_convolution(raw, 1.0, image)
            (gradient,) = torch.autograd.grad(kernel.square().sum(), raw)
            assert torch.isfinite(gradient).all()
            matrix = operator(kernel.detach().double(), 4, 6, padding == "circular", stride)
            assert torch.linalg.matrix_norm(matrix, ord=2) <= 1 + 100 * torch.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("outputs, inputs, size", [(4, 4, 3), (5, 2, 3), (2, 5, 2), (3, 3, 5), (2, 2, 1)])
def test_orthogonal_convolutions_at_every_scale(outputs, inputs, size, dtype):
    random, most = torch.Generator().manual_seed(size), max(outputs, inputs)
    for raw in numbers((size, most, most), dtype, random):
        raw.requires_grad_()
        kernel = orthogonal_kernel(raw, outputs, inputs)
        (gradient,) = torch.autograd.grad(kernel.sum(), raw)
        assert torch.isfinite(gradient).all()
        assert off_orthogonal(kernel.detach().double().numpy()) <= 256 * most * size * torch.finfo(dtype).eps


CHARTS = {
    "norm": lambda raw: bounded(raw, 1.5),
    "orthogonal": orthogonal,
    "symmetric": lambda raw: bounded_symmetric(raw, 1.5),
    "skew": lambda raw: bounded_skew(raw, 1.5),
    "psd": lambda raw: bounded_semidefinite(raw, 1.5),
    "diagonal": lambda raw: bounded_entries(raw, 1.5),
    "both": lambda raw: torch.cat(orthonormal(raw), -2),
}


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize("name, shape", [*product(CHARTS, [(2, 3, 3)]), *product(["norm", "orthogonal"], [(5, 2), (2, 4)])])
def test_gradients_of_charts_are_right(name, shape, scale):
    """With Cholesky's factor and with reflections; derivatives of gradients, forward mode and batches of gradients too."""
    torch.manual_seed(1)
    raw = (scale * torch.randn(shape, dtype=torch.float64)).requires_grad_()
    exact = {"eps": 1e-6 * scale, "atol": 1e-6, "rtol": 1e-4}
    assert torch.autograd.gradcheck(CHARTS[name], raw, check_forward_ad=True, check_batched_grad=True, **exact)
    assert torch.autograd.gradgradcheck(CHARTS[name], raw, **exact)


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_the_same_maps_however_they_are_computed(name):
    """Cholesky's factor or reflections, by blocks or polished: under a transform the second is taken."""
    torch.manual_seed(2)
    raw = torch.randn(4, 6, 6, dtype=torch.float64)
    assert torch.allclose(torch.vmap(CHARTS[name])(raw), CHARTS[name](raw), atol=1e-12)
    assert torch.allclose(torch.cat(by_reflections(raw), -2), torch.cat(orthonormal(raw), -2), atol=1e-12)


# --- where parameters begin ---------------------------------------------------------------------------------------------

BEGINNINGS = [
    "R, in [0, 1] = 1", "R, in [-1, 1] = -1", "R[n], in [0, 1000000] = 1/2", "R[n], in [0, 0] = 0", "R, positive = 1/1000",
    "R[n], nonnegative = 0", "R[n, n], diagonal, nonnegative = eye(n)", "R[n, n], stochastic = eye(n)",
    "R[n, n], doubly_stochastic = eye(n)", "R[n, n], laplacian = 0 * eye(n)", "R[n, n], psd = 0 * eye(n)",
    "R[n, n], psd = ones(n, n)", "R[n, n], norm <= 1 = eye(n)", "R[n, n], norm <= 2 = -2 * eye(n)",
    "R[n, n], norm <= 1 = ones(n, n) / n", "R[n, n], symmetric, norm <= 1 = eye(n)", "R[n, n], psd, norm <= 1 = eye(n)",
    "R[n, n], diagonal, norm <= 1 = -eye(n)", "R[n, n], lower, norm <= 1 = eye(n)", "R[n, n], upper, norm <= 1 = eye(n)",
    "R[n, n], orthogonal = eye(n)", "R[n, n], skew = 0 * eye(n)",
]
POINTS = ("in [0, 0]", "stochastic", "skew", "laplacian", "orthogonal")  # sets with one member only, where n = 1


@pytest.mark.parametrize("declared", BEGINNINGS)
def test_initial_values_are_reached_and_can_be_left(declared):
    """In float32, for several sizes: an entry within a thousandth, and with a gradient that is not lost in rounding."""
    use = "p * x" if declared.startswith(("R,", "R[n],")) else "p @ x"
    found = compile_text(f"model M\ndim n = 3\nstate x : R[n]\nparam p : {declared}\nfield f {{ x' = {use} }}\n"
                         "flow g = lie(f: euler) over [0, 1] steps 1\n")
    for n in (1, 3, 6):
        made = found.make(n=n, dtype=torch.float32)
        value = made.parameter_values()["p"]
        wanted = np.broadcast_to(evaluate(found.model.parameters[0].initial, environment(found.model, {"n": n})), value.shape)
        assert np.abs(value.detach().numpy() - wanted).max() <= 1.01 * max(n - 1, 2) / 1024, n
        if "in [0, 0]" in declared or (n == 1 and any(name in declared for name in POINTS)):
            continue
        torch.manual_seed(0)
        (gradient,) = torch.autograd.grad((value * torch.randn(value.shape)).sum(), made.p)
        assert gradient.abs().max() > 1e-5, n


BEGUN = """model M
dim n = 3
state x : R[n]
param A : R[n, n], {}
field f {{ x' = A @ x }}
flow g = lie(f: euler) over [0, 1] steps 1
"""
REFUSED = ["-eye(n)", "eye(n) - 2 * ones(n, n) / n"]


@pytest.mark.parametrize("initial", REFUSED)
def test_what_the_chart_does_not_reach_is_refused_where_it_is_written(initial):
    text = BEGUN.format(f"orthogonal = {initial}")
    with pytest.raises(Rejected) as refused:
        build(parse(Source("m.ode", text)))
    (fault,) = refused.value.faults
    assert fault.code == "ODE306" and "eigenvalue -1" in fault.help
    (edit,) = fault.edits
    mended = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert build(parse(Source("m.ode", mended))).parameters[0].initial is None


def test_other_sizes_are_refused_by_the_constructor():
    declared = {"orthogonal": "(n - 2) * eye(n)", "norm <= 1": "eye(n) * n / 3", "psd": "(n - 2) * eye(n)",
                "stochastic": "ones(n, n) / 3", "doubly_stochastic": "ones(n, n) / 3", "nonnegative": "(2*n - 3) * eye(n)"}
    for chosen, initial in declared.items():
        found = compile_text(BEGUN.format(f"{chosen} = {initial}"))
        found.make(n=3)
        with pytest.raises(ValueError, match="initial value"):
            found.make(n=1 if "n - " in initial else 5)

"""Emitted modules at home in PyTorch: types, devices, batches, transforms, the state dict."""
from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from compiling import SMALL, SPECS, WORKED, as_tuple, compile_text, compiled, worked
from torch._subclasses.fake_tensor import FakeTensorMode

NAMES = sorted(path.stem for path in SPECS.glob("*.ode"))
IMPLICIT = ("implicit", "discrete", "turning")  # their solvers look at values


def sample(found, made, dims, batch, dtype=torch.float64, device=None):
    if found.model.nets:
        net = found.model.nets[-1]
        shape = [int(s.evaluate(found.model.dim_values(dims))) for s in net.domain.sizes]
        torch.manual_seed(0)
        return [torch.randn(*batch, *shape, dtype=dtype)]
    return [s.to(dtype) for s in found.states(found.model.flows[-1], dims, batch)]


@pytest.mark.parametrize("name", NAMES)
def test_batch_shapes_agree(name):
    found, dims = compiled(name), SMALL.get(name, {})
    made = found.make(seed=15, **dims)
    states = sample(found, made, dims, (2, 3))
    whole = as_tuple(made(*states))
    row = as_tuple(made(*(s[1] for s in states)))
    single = as_tuple(made(*(s[1, 2] for s in states)))
    for a, b, c in zip(whole, row, single, strict=True):
        assert torch.allclose(a[1], b, atol=1e-12) and torch.allclose(a[1, 2], c, atol=1e-12)
    empty = as_tuple(made(*(s[:0] for s in states)))
    assert all(e.shape[0] == 0 for e in empty)


@pytest.mark.parametrize("name", NAMES)
def test_vmap_agrees(name):
    found, dims = compiled(name), SMALL.get(name, {})
    made = found.make(seed=16, **dims)
    states = sample(found, made, dims, (3,))
    whole, mapped = as_tuple(made(*states)), as_tuple(torch.func.vmap(made)(*states))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(whole, mapped, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_types_are_kept(name, dtype):
    found, dims = compiled(name), SMALL.get(name, {})
    if dtype == torch.bfloat16 and name == "driven_duffing":
        pytest.skip("400 steps of a chaotic flow ask for float32 at least")
    made = found.make(seed=17, **dims)
    states = sample(found, made, dims, (2,))
    wide = as_tuple(made(*states))
    narrow = as_tuple(made.to(dtype)(*(s.to(dtype) for s in states)))
    tolerance = 1e-3 if dtype == torch.float32 else 0.25
    for a, b in zip(wide, narrow, strict=True):
        assert b.dtype == dtype
        assert torch.allclose(a, b.double(), atol=tolerance * float(1 + a.detach().abs().max()))
    again = as_tuple(made.to(torch.float64)(*states))
    assert all(b.dtype == torch.float64 for b in again)
    values = made.parameter_values() if hasattr(made, "parameter_values") else {}
    assert all(v.dtype == torch.float64 for v in values.values())


@pytest.mark.parametrize("name", NAMES)
def test_no_tensor_is_made_on_another_device(name):
    found, dims = compiled(name), SMALL.get(name, {})
    made = getattr(found.module, found.model.name)(**dims, device="meta")
    assert all(p.is_meta for p in made.parameters())
    if name in IMPLICIT:
        return
    states = [torch.empty(s.shape, device="meta") for s in sample(found, made, dims, (2,))]
    for values in (made(*states), *([made.field(0.1, *states), made.trajectory(*states)] if not found.model.nets else [])):
        assert all(y.is_meta for y in as_tuple(values))
    total = sum(y.sum() for y in as_tuple(made(*states)))
    if total.requires_grad:
        total.backward()


@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this torch cannot index even fake CUDA tensors")
@pytest.mark.parametrize("name", [n for n in NAMES if n not in IMPLICIT])
def test_fake_cuda(name):
    found, dims = compiled(name), SMALL.get(name, {})
    with FakeTensorMode(allow_non_fake_inputs=True):
        made = getattr(found.module, found.model.name)(**dims, device="cuda")
        states = [torch.empty(s.shape, device="cuda") for s in sample(found, made, dims, (2,))]
        assert all(y.device.type == "cuda" for y in as_tuple(made(*states)))


@pytest.mark.parametrize("name", NAMES)
def test_the_state_dict(name):
    found, dims = compiled(name), SMALL.get(name, {})
    first, second = found.make(seed=18, **dims), found.make(seed=19, **dims)
    assert all(t.dim() >= 1 for t in first.state_dict().values())  # sharded training refuses tensors without axes
    second.load_state_dict(first.state_dict())
    states = sample(found, first, dims, (2,))
    assert all(torch.equal(a, b) for a, b in zip(as_tuple(first(*states)), as_tuple(second(*states)), strict=True))
    if hasattr(first, "parameter_values"):
        assert list(first.parameter_values()) == [k for k in first.state_dict() if not k.endswith(".bias")] or (
            set(first.parameter_values()) == {k for k in first.state_dict() if not k.endswith(".bias")})


def test_keys_and_shapes_are_stable():
    made = compiled("switching").make(n=5, L=3)
    assert {k: tuple(v.shape) for k, v in made.state_dict().items()} == {"A": (3, 5, 5), "b": (3, 5), "hc": (3,), "he": (3,)}
    made = compiled("two_grids").make(n=2, N=3)
    assert {k: tuple(v.shape) for k, v in made.state_dict().items()} == {
        "half_short": (3, 2, 2), "half_long": (6, 2, 2), "F": (2,)}
    made = compiled("images").make()
    keys = set(made.state_dict())
    assert {"conv_1.weight", "conv_2.weight", "linear_1.weight", "linear_1.bias", "linear_2.weight", "K", "s"} <= keys
    assert made.state_dict()["s"].shape == (1,)
    made = compiled("schedules").make(n=3, L=5)
    assert made.state_dict()["S"].shape == (4, 3, 3) and made.state_dict()["k"].shape == (3,)


def test_errors_say_the_shapes():
    made = compiled("switching").make(n=5, L=3)
    with pytest.raises(ValueError, match=r"x must have shape \[\.\.\., 5\], got \[2, 4\]"):
        made(torch.zeros(2, 4, dtype=torch.float64))
    made = compiled("hamiltonian_net").make(n=2)
    with pytest.raises(ValueError, match="batch shape"):
        made(torch.zeros(2, 2, dtype=torch.float64), torch.zeros(3, 2, dtype=torch.float64))
    kind = compiled("switching").module.Switching
    for wrong in (0, -1, 2.5, True, "3"):
        with pytest.raises(ValueError, match="positive whole number"):
            kind(n=wrong)


def test_autocast():
    made = compiled("switching").make(n=8, L=3, dtype=torch.float32)
    x = torch.randn(4, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = made(x)
        values = made.parameter_values()
    assert torch.allclose(low.float(), made(x), atol=0.1)
    assert (values["A"].mT @ values["A"] - torch.eye(8)).abs().max() < 1e-5  # charts keep their type


@pytest.mark.parametrize("name", ["switching", "schedules"])
def test_compiled_without_a_graph_break(name):
    found = compiled(name)
    dims = {"n": 4, "L": 2}
    made = found.make(seed=20, **dims)
    states = sample(found, made, dims, (3,))
    torch._dynamo.reset()
    fast = torch.compile(made, fullgraph=True, backend="aot_eager")
    for a, b in zip(as_tuple(fast(*states)), as_tuple(made(*states)), strict=True):
        assert torch.allclose(a, b, atol=1e-12)


def test_export_and_functional_calls():
    found = compiled("hamiltonian_net")
    made = found.make(seed=21)
    states = sample(found, made, {}, (3,))
    exported = torch.export.export(made, tuple(states))
    assert all(torch.allclose(a, b) for a, b in zip(exported.module()(*states), made(*states), strict=True))
    parameters = {k: v.detach() * 2 for k, v in made.named_parameters()}
    functional = torch.func.functional_call(made, parameters, tuple(states))
    assert not torch.allclose(functional[0], made(*states)[0])


SCALAR = """model Scalar
state x : R
param k : R
param c(t) : R, in [0, 1]
field f { x' = k * tanh(x) - c * x }
flow net = lie(f: euler) over [0, 1] steps 3
"""


@pytest.mark.parametrize("text", [SCALAR, None])
def test_copies_begin_without_kept_values(text):
    """After a call that keeps its values, and a step of an optimiser, a module is copied and saved as any other."""
    found = compile_text(text) if text else compiled("switching")
    made = found.make(seed=21, **({} if text else {"n": 4, "L": 2}))
    x = sample(found, made, {} if text else {"n": 4, "L": 2}, (3,))
    before = len(pickle.dumps(made))
    with torch.no_grad():
        made(*x)
    assert made._memory and len(pickle.dumps(made)) == before
    made(*x).sum().backward()
    torch.optim.SGD(made.parameters(), lr=0.1).step()
    file = io.BytesIO()
    torch.save(made, file)
    file.seek(0)
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)), torch.load(file, weights_only=False)):
        assert twin._memory == {} and torch.equal(twin(*x), made(*x))
    torch.optim.swa_utils.AveragedModel(made)


def test_tangents_of_parameters_are_not_lost_to_kept_values():
    found = compiled("switching")
    made = found.make(seed=22, n=4, L=2)
    x = torch.randn(3, 4, dtype=torch.float64)

    def pushed():
        with torch.autograd.forward_ad.dual_level():
            duals = {n: torch.autograd.forward_ad.make_dual(p.detach(), torch.ones_like(p)) for n, p in made.named_parameters()}
            return torch.autograd.forward_ad.unpack_dual(torch.func.functional_call(made, duals, (x,))).tangent

    expected = pushed()
    with torch.no_grad():
        made(x)
        assert torch.equal(pushed(), expected)


def test_kept_values_are_those_of_what_they_were_compared_with():
    """Parameters that another thread changes meanwhile do not leave their values behind."""
    found = compiled("switching")
    made = found.make(seed=23, n=4, L=2)
    x = torch.randn(3, 4, dtype=torch.float64)
    with torch.no_grad():
        first, orthogonal, kept = made(x), found.module.orthogonal, made.A.clone()
        made._memory.clear()

        def disturbed(raw):
            made.A.mul_(3)  # another thread
            found.module.orthogonal = orthogonal
            return orthogonal(raw)

        found.module.orthogonal = disturbed
        made(x)
        made.A.copy_(kept)
        assert torch.equal(made(x), first)


WRONG = {
    "float": (1.0, TypeError, "must be a tensor, got float"),
    "list": ([1.0], TypeError, "must be a tensor, got list"),
    "none": (None, TypeError, "must be a tensor, got NoneType"),
    "int": (torch.int64, TypeError, "must hold floating-point numbers"),
    "bool": (torch.bool, TypeError, "must hold floating-point numbers"),
    "complex": (torch.complex64, TypeError, "must hold floating-point numbers"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("name", [n for n in NAMES if compiled(n).model.flows])
def test_every_method_says_what_it_wants(name, case):
    found, dims = compiled(name), SMALL.get(name, {})
    made = found.make(**dims)
    wrong, kind, message = WRONG[case]
    for flow in found.model.flows:
        states = found.states(flow, dims, (2,))
        given = [states[0].to(wrong) if isinstance(wrong, torch.dtype) else wrong, *states[1:]]
        for method in ("", "trajectory", "log_abs_det_jacobian", "forward_and_log_det"):
            with pytest.raises(kind, match=f"{flow.blocks[0]} {message}"):
                found.method(made, flow, method)(*given)
        with pytest.raises(kind, match=f"{flow.blocks[0]} {message}"):
            found.method(made, flow, "field")(0.5, *given)


@pytest.mark.parametrize("path", WORKED, ids=lambda path: path.stem)
def test_another_type_than_that_of_the_parameters(path):
    """Scalars take the type of the state; what is multiplied by a vector or a matrix has to have its type."""
    found, dims = worked(path)
    if not found.main:
        pytest.skip("a right-hand side alone")
    made = found.make(**dims, dtype=torch.float32)
    states = sample(found, made, dims, (2,))
    try:
        done = as_tuple(made(*states))
    except TypeError as error:
        assert "holds torch.float64, the parameters torch.float32" in str(error)
    else:
        assert all(y.dtype == torch.float64 for y in done)
    if len(states) > 1:
        with pytest.raises(TypeError, match=r"holds torch\.float32"):
            found.make(**dims)(states[0], states[1].float(), *states[2:])


@pytest.mark.parametrize("t", [float("nan"), float("inf"), "0", torch.zeros(2)])
def test_times_that_are_none(t):
    made = compiled("switching").make(n=4, L=2)
    with pytest.raises((TypeError, ValueError), match="t must be"):
        made.field(t, torch.zeros(3, 4, dtype=torch.float64))


INVERTED = """model M
state x : R[3]
state u : R[2, 2, 2]
param A : R[3, 3], norm <= 1/2
param K : conv(2, 2, size = 3), norm <= 1/2
field f { x' = A @ tanh(x) }
field g { u' = K @ tanh(u) }
flow step = lie(f: euler) over [0, 1] steps 2
flow wave = lie(g: euler) over [0, 1] steps 2
net one : R[3] -> R[3] = step -> leaky_relu(1/2) -> take(3) -> step -> embed(3) -> leaky_relu(3)
net two : R[2, 2, 2] -> R[8] = leaky_relu(1/4) -> lift(2) -> wave -> flatten
net three : R[3] -> R[3] = step -> relu
claim one : invertible
claim two : invertible
"""


def test_a_net_that_is_proved_invertible_has_its_inverse():
    from odenet.driver import loads

    loaded = loads(INVERTED)
    assert [f.verdict for f in loaded.report.findings] == ["proved", "proved"]
    torch.manual_seed(0)
    made = loaded.module()(dtype=torch.float64)
    assert not hasattr(type(made), "inverse")
    for name, shape in (("one", (3,)), ("two", (2, 2, 2))):
        x = torch.randn(2, 4, *shape, dtype=torch.float64)
        y, log_det = getattr(made, f"{name}_forward_and_log_det")(x)
        back, inverse_log_det = getattr(made, f"{name}_inverse_and_log_det")(y)
        assert y.shape == getattr(made, name)(x).shape and torch.allclose(back, x, atol=1e-12)
        assert torch.equal(getattr(made, f"{name}_inverse")(y), back)
        assert torch.allclose(log_det, -inverse_log_det, atol=1e-10)
        slope = torch.autograd.functional.jacobian(lambda x, name=name: getattr(made, name)(x), x[0, 0]).reshape(y.shape[-1], -1)
        assert torch.allclose(torch.linalg.slogdet(slope)[1], log_det[0, 0], atol=1e-10)


@pytest.mark.parametrize("method", ["euler", "heun3", "rk4"])
def test_a_shear_that_sees_the_time_is_undone(method):
    found = compile_text("model Timed\nstate q, p : R\nparam a(t) : R, linear(3)\nfield f { q' = t * p + a * sin(p) }\n"
                         f"field g {{ p' = -q }}\nflow net = strang(f: {method}, g) over [0, 1] steps 3\n")
    made = found.make(seed=24)
    states = sample(found, made, {}, (4,))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(made.inverse(*made(*states)), states, strict=True))

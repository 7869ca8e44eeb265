"""Gradients by the sweep backwards over the steps, held against autograd through every operation."""
from __future__ import annotations

import copy
import warnings

import pytest
import torch
from compiling import SMALL, SPECS, WORKED, as_tuple, compile_text, compiled, worked

from odenet.operators.functions import FUNCTIONS

NAMES = sorted(path.stem for path in SPECS.glob("*.ode"))
FLOWS = [(name, flow.name) for name in NAMES for flow in compiled(name).model.flows]
double = torch.float64


def flow_of(name, flow):
    return next(f for f in compiled(name).model.flows if f.name == flow)


def found_gradients(found, made, flow, states):
    """Outputs, then gradients of a fixed function of them by parameters and states."""
    states = [s.clone().requires_grad_() for s in states]
    made.zero_grad()
    done = as_tuple(found.method(made, flow)(*states))
    weights = [torch.arange(1, y.numel() + 1, dtype=y.dtype).cos().reshape(y.shape) for y in done]
    sum((w * y).sum() for w, y in zip(weights, done, strict=True)).backward()
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in made.parameters()]
    return [y.detach() for y in done], [g.clone() for g in (*gradients, *(s.grad for s in states))]


def recorded(found, monkeypatch):
    """Autograd records every operation from here on."""
    monkeypatch.setattr(found.module, "is_swept", lambda tensors: False)


@pytest.mark.parametrize("way", ["store", "checkpoint", "invert"])
@pytest.mark.parametrize(("name", "flow"), FLOWS)
def test_every_way_gives_the_gradient_of_autograd(name, flow, way, monkeypatch):
    found, dims, flow = compiled(name), SMALL.get(name, {}), flow_of(name, flow)
    made = found.make(seed=31, **dims)
    states = found.states(flow, dims, (3,))
    if name == "driven_duffing":  # a chaotic orbit is not compared over its whole length
        states = [s / 10 for s in states]
    try:
        made.backprop = way
    except ValueError as error:
        assert way == "invert" and "needs an inverse" in str(error) and made.backprop == "store"
        return
    values, gradients = found_gradients(found, made, flow, states)
    recorded(found, monkeypatch)
    plain_values, plain_gradients = found_gradients(found, made, flow, states)
    tolerance = 1e-7 if way == "invert" else 1e-8 if name == "tensors" else 1e-10  # autograd of torch.sinc cancels near 0
    for a, b in zip((*values, *gradients), (*plain_values, *plain_gradients), strict=True):
        assert torch.allclose(a, b, rtol=tolerance, atol=tolerance * float(1 + b.abs().max()))


@pytest.mark.parametrize("name", ["switching", "hamiltonian_net", "convolutions", "linear_parts", "merged_schedule"])
def test_finite_differences(name):
    found, dims = compiled(name), {**SMALL.get(name, {}), **({"n": 3} if name == "switching" else {})}
    flow = found.model.flows[-1]
    made = found.make(seed=32, **dims)
    states = found.states(flow, dims, (1,))
    before, gradients = found_gradients(found, made, flow, states)
    weights = [torch.arange(1, y.numel() + 1, dtype=double).cos().reshape(y.shape) for y in before]
    generator = torch.Generator().manual_seed(0)
    directions = [torch.randn(p.shape, dtype=double, generator=generator) for p in made.parameters()]
    size, values = 1e-6, []
    for sign in (1, -1):
        moved = copy.deepcopy(made)
        with torch.no_grad():
            for parameter, direction in zip(moved.parameters(), directions, strict=True):
                parameter.add_(direction, alpha=sign * size)
            done = as_tuple(found.method(moved, flow)(*states))
        values.append(sum((w * y).sum() for w, y in zip(weights, done, strict=True)))
    expected = sum((d * g).sum() for d, g in zip(directions, gradients, strict=False))
    assert torch.isclose((values[0] - values[1]) / (2 * size), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("way", ["store", "checkpoint", "invert"])
def test_gradients_of_gradients(way):
    found = compiled("hamiltonian_net")
    made = found.make(seed=33, n=2, m=3)
    made.backprop = way
    q, p = (torch.randn(2, 2, dtype=double, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradgradcheck(made, (q, p))
    total = sum(y.square().sum() for y in made(q, p))
    (slope,) = torch.autograd.grad(total, q, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in made.parameters())


def kept_bytes(made, states):
    """Bytes that autograd keeps for the gradient, each storage once, parameters not counted."""
    found = {}
    own = {p.untyped_storage().data_ptr() for p in made.parameters()}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        done = as_tuple(made(*states))
    assert any(y.requires_grad for y in done)
    return sum(found.values())


def test_what_is_kept_does_not_grow_with_the_steps():
    text = (SPECS / "hamiltonian_net.ode").read_text().replace("(t)", "")
    text = text.replace("steps 8", "steps L").replace("n = 2", "L = 8, n = 2")
    found = compile_text(text)
    kept = {}
    for way in ("store", "checkpoint", "invert"):
        for count in (10, 1000):
            made = found.make(L=count)
            made.backprop = way
            states = [torch.randn(64, 2, dtype=double) for _ in range(2)]
            kept[way, count] = kept_bytes(made, states)
    assert kept["invert", 1000] == kept["invert", 10]
    assert kept["store", 1000] > 50 * kept["store", 10]
    assert kept["checkpoint", 1000] < 20 * kept["checkpoint", 10]


def test_a_flow_that_contracts_too_strongly_is_not_inverted_in_silence():
    found = compile_text("model Sink\nstate x : R\nparam k : R\nfield f { x' = -k * x }\nfield g { x' = 1 }\n"
                         "flow net = lie(f, g) over [0, 1] steps 10\n")
    made = found.make(dtype=torch.float32)
    made.backprop = "invert"
    x = torch.linspace(-1, 1, 5)

    def run(rate):
        with torch.no_grad():
            made.k.fill_(rate)
        made(x).sum().backward()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(1.0)
    with pytest.warns(UserWarning, match="relative error"):
        run(12.0)  # 1.7e-3 with every library tried: five times less than the limit, five times more than the root
    with pytest.raises(RuntimeError, match="use backprop='checkpoint' or float64"):
        run(30.0)


def test_the_words_of_backprop():
    found = compiled("hamiltonian_net")
    kind = found.module.HamiltonianNet
    assert kind(backprop="invert").backprop == "invert"
    with pytest.raises(ValueError, match="must be 'store', 'checkpoint' or 'invert', got 'no'"):
        kind(backprop="no")
    with pytest.raises(ValueError, match="relaxed steps"):
        compiled("relaxed").make().backprop = "invert"


@pytest.mark.parametrize("way", ["store", "checkpoint", "invert"])
def test_transforms_of_functions(way):
    found = compiled("hamiltonian_net")
    made = found.make(seed=34)
    made.backprop = way
    q, p = (torch.randn(3, 2, dtype=double) for _ in range(2))
    whole = torch.autograd.functional.jacobian(lambda q: made(q, p)[0].sum(0), q).movedim(1, 0)
    mapped = torch.func.vmap(torch.func.jacrev(lambda q, p: made(q, p)[0]))(q, p)
    forward = torch.func.vmap(torch.func.jacfwd(lambda q, p: made(q, p)[0]))(q, p)
    assert torch.allclose(whole, mapped) and torch.allclose(whole, forward)
    batched = torch.autograd.functional.jacobian(lambda q: made(q, p)[0].sum(0), q, vectorize=True).movedim(1, 0)
    assert torch.allclose(whole, batched)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(q, torch.ones_like(q))
        moved = torch.autograd.forward_ad.unpack_dual(made(dual, p)[0]).tangent
    assert torch.allclose(moved, mapped.sum(-1))


def test_some_parameters_do_not_move():
    found = compiled("switching")
    made = found.make(seed=35, n=5, L=3)
    x = torch.randn(4, 5, dtype=double)
    made.b.requires_grad_(False)
    made(x).sum().backward()
    assert made.b.grad is None and made.A.grad.abs().sum() > 0
    made.requires_grad_(False)
    assert not made(x).requires_grad
    y = x.clone().requires_grad_()
    made(y).sum().backward()
    assert y.grad.abs().sum() > 0


def test_values_are_kept_only_while_they_hold():
    found = compiled("switching")
    made = found.make(seed=36, n=5, L=3)
    x = torch.randn(4, 5, dtype=double)
    calls = []
    computed = type(made)._values_of_net
    type(made)._values_of_net = lambda self, raw: (calls.append(1), computed(self, raw))[1]
    try:
        with torch.no_grad():
            first = made(x)
            assert torch.equal(made(x), first) and len(calls) == 1
            made.A.data.mul_(2)  # unseen by version counters
            second = made(x)
            assert len(calls) == 2 and not torch.equal(second, first)
            assert torch.equal(second, made(x)) and len(calls) == 2
            narrow = made.to(torch.float32)(x.float())
            assert narrow.dtype == torch.float32 and len(calls) == 3
            made.to(double)
        assert made(x).requires_grad and len(calls) == 4
    finally:
        type(made)._values_of_net = computed


@pytest.mark.parametrize("name", [n for n, row in FUNCTIONS.items() if row.is_public and row.domain == "all"])
def test_the_slope_of_every_function(name, monkeypatch):
    parameters = {"leaky_relu": ", 1/10"}.get(name, "")
    found = compile_text("model Slopes\ndim n = 3, m = 4\nstate x : R[n]\nparam A(t) : R[m, n]\nparam b(t) : R[m]\n"
                         f"def f(z) = {name}(z{parameters})\nfield g {{ x' = A.T @ (f(A @ x + b) * f(A @ x)) }}\n"
                         "flow net = lie(g: euler) over [0, 1] steps 2\n")
    made = found.make(seed=37)
    assert "is_written=True" in found.text
    states = found.states(found.model.flows[0], {}, (5,))
    _, gradients = found_gradients(found, made, found.model.flows[0], states)
    recorded(found, monkeypatch)
    _, plain = found_gradients(found, made, found.model.flows[0], states)
    for a, b in zip(gradients, plain, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-9)


def test_which_flows_run_in_a_frame():
    """One constant square orthogonal map that all parts share, and nothing beside it: other flows multiply as they are."""
    found = compiled("frame")
    assert "_frame_of_framed" in vars(found.module.Frames)
    assert not {"_frame_of_shifted", "_frame_of_turning"} & set(vars(found.module.Frames))
    step = found.text.split("def _contract_turned_euler(")[1].split("def ")[0]
    assert "@" not in step and "F.linear" not in step and "addmm" not in step


def test_implicit_steps_run_in_a_frame():
    text = (SPECS / "frame.ode").read_text()
    found = compile_text(text[:text.index("flow framed")] + "flow net = lie(contract: implicit_midpoint) over [0, 1] steps 3\n")
    made = found.make(seed=39)
    (x,) = found.states(found.model.flows[0], {}, (4,))
    assert "_frame_of_net" in found.text
    assert torch.allclose(made(x), made.trajectory(x)[-1], atol=1e-12)


def test_a_convolution_may_be_the_frame():
    text = ("model Waves\ndim c = 3\nstate u : R[c, 5, 5]\nparam K : conv(c, c, size = 3, padding = circular), orthogonal\n"
            "param b : R[c]\nfield f { u' = -K.T @ tanh(K @ u + b) }\nflow net = lie(f: euler) over [0, 1] steps 6\n")
    try:
        found = compile_text(text)
    except Exception:
        pytest.skip("orthogonal convolutions")
    made = found.make(seed=38)
    (u,) = found.states(found.model.flows[0], {}, (2,))
    assert "_frame_of_net" in found.text
    assert torch.allclose(made(u), made.trajectory(u)[-1], atol=1e-12)


def test_stages_that_the_result_does_not_see():
    """Which stages count is found in one pass: by paths through the table it would take 2^29 of them."""
    rows = ", ".join("[" + ", ".join("1" if j < i else "0" for j in range(30)) + "]" for i in range(30))
    nodes, weights = ", ".join(map(str, range(30))), ", ".join(["1"] + 29 * ["0"])
    found = compile_text(f"model Long\nstate x : R\nmethod long = table([{nodes}], [{rows}], [{weights}])\n"
                         "field f { x' = sin(x) }\nflow net = lie(f: long) over [0, 1] steps 2\n")
    made = found.make()
    x = torch.linspace(-1, 1, 5, dtype=double, requires_grad=True)
    made(x).sum().backward()
    assert "kept[0:" in found.text and "kept[1:" not in found.text and torch.isfinite(x.grad).all()


def small_flows(path):
    """The flows of a worked spec at small sizes: each with its forward map, a module and states near 0."""
    found, dims = worked(path)
    for flow in found.model.flows:
        made = found.make(seed=1, **dims)
        name = "forward" if flow.name == found.main else next(n for n in (flow.name, f"{flow.name}_") if n in vars(type(made)))
        yield made, getattr(made, name), [(0.3 * s).requires_grad_() for s in found.states(flow, dims, (2,))]


def every_way(made):
    for way in ("store", "checkpoint", "invert"):
        try:
            made.backprop = way
        except ValueError:
            continue
        yield way


def weighed(run, states):
    """A number that all outputs have a part in."""
    done = as_tuple(run(*states))
    return sum((torch.arange(1, y.numel() + 1, dtype=y.dtype).cos().reshape(y.shape) * y + y.square() / 7).sum() for y in done)


def by_all(total, made, states, **options):
    wanted = [*states, *made.parameters()]
    found = torch.autograd.grad(total, wanted, allow_unused=True, **options)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(wanted, found, strict=True)]


def agree(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b, rtol=tolerance, atol=tolerance * float(1 + (b.abs().max() if b.numel() else 0)))


@pytest.mark.parametrize("path", WORKED, ids=lambda path: path.stem)
def test_a_gradient_with_its_graph_is_the_gradient(path):
    """What `create_graph` gives is what it is without: that of finite differences, for states and parameters."""
    for made, run, states in small_flows(path):
        for _way in every_way(made):
            plain = by_all(weighed(run, states), made, states)
            agree(by_all(weighed(run, states), made, states, create_graph=True), plain, 1e-8)
        if path.stem == "signs":  # `binary` has the gradient of what it rounds
            continue
        made.backprop = "store"
        generator = torch.Generator().manual_seed(0)
        tensors = [*states, *made.parameters()]
        moves = [torch.randn(t.shape, dtype=double, generator=generator) for t in tensors]
        values = []
        with torch.no_grad():
            for size in (1e-6, -2e-6):  # there, and to the other side
                for t, move in zip(tensors, moves, strict=True):
                    t.add_(move, alpha=size)
                values.append(weighed(run, states))
        slope = sum((g * m).sum() for g, m in zip(plain, moves, strict=True))
        assert torch.isclose((values[0] - values[1]) / 2e-6, slope, rtol=1e-5, atol=1e-6 * float(1 + values[0].abs()))


@pytest.mark.parametrize("path", WORKED, ids=lambda path: path.stem)
def test_hessians(path):
    for made, run, states in small_flows(path):
        slopes = by_all(weighed(run, states), made, states, create_graph=True)
        moves = [torch.cos(torch.arange(g.numel(), dtype=double)).reshape(g.shape) for g in slopes]
        total = dotted(slopes, moves)
        found = by_all(total, made, states) if total.requires_grad else [torch.zeros_like(g) for g in slopes]
        agree(found, hessian_product(made, run.__name__, states, moves), 1e-7)


def dotted(a, b):
    return sum((x * y).sum() for x, y in zip(a, b, strict=True))


def hessian_product(made, method, states, moves):
    """By `torch.func`, for which the steps are plain operations."""
    names, count, inner = [f"made.{name}" for name, _ in made.named_parameters()], len(states), Method(made, method)

    def value(tensors):
        given = dict(zip(names, tensors[count:], strict=True))
        return weighed(lambda *blocks: torch.func.functional_call(inner, given, blocks), tensors[:count])

    point = [t.detach() for t in (*states, *made.parameters())]
    return torch.func.grad(lambda tensors: dotted(torch.func.grad(value)(tensors), moves))(point)


class Method(torch.nn.Module):
    """A method of a module as the forward map of another."""

    def __init__(self, made, name):
        super().__init__()
        self.made, self.name = made, name

    def forward(self, *blocks):
        return getattr(self.made, self.name)(*blocks)


@pytest.mark.parametrize("path", WORKED, ids=lambda path: path.stem)
def test_many_gradients_at_once(path):
    """Each of a stack of gradients is the one that it is alone, implicit steps included."""
    for made, run, states in small_flows(path):
        for _way in every_way(made):
            done = torch.cat([y.reshape(2, -1) for y in as_tuple(run(*states))], 1)
            rows = torch.randn(3, *done.shape, dtype=double)
            stacked = by_stack(done, rows, made, states)
            alone = [by_all(done, made, states, grad_outputs=row, retain_graph=True) for row in rows]
            agree(stacked, [torch.stack(gradients) for gradients in zip(*alone, strict=True)], 1e-6)


def by_stack(done, rows, made, states):
    wanted = [*states, *made.parameters()]
    found = torch.autograd.grad(done, wanted, rows, is_grads_batched=True, retain_graph=True, allow_unused=True)
    return [torch.zeros(3, *t.shape, dtype=t.dtype) if g is None else g for t, g in zip(wanted, found, strict=True)]


@pytest.mark.parametrize("name", ["pendulum", "volumes", "linear_parts", "density"])
def test_log_determinants_with_their_graph(name):
    found, dims = worked(next(p for p in WORKED if p.stem == name)) if name == "density" else (compiled(name), SMALL.get(name, {}))
    for flow in found.model.flows:
        made = found.make(seed=3, **dims)
        run = found.method(made, flow, "forward_and_log_det")
        states = [(0.3 * s).requires_grad_() for s in found.states(flow, dims, (2,))]

        def total(run=run, states=states):
            blocks, log_det = run(*states)
            return weighed(lambda: blocks, ()) + log_det.square().sum()

        agree(by_all(total(), made, states, create_graph=True), by_all(total(), made, states), 1e-8)


@pytest.mark.parametrize("way", ["store", "checkpoint", "invert"])
def test_checkpoints_of_torch(way):
    from torch.utils.checkpoint import checkpoint, checkpoint_sequential

    found = compiled("pendulum")
    made = found.make(seed=4)
    made.backprop = way
    states = [s.requires_grad_() for s in found.states(found.model.flows[0], {}, (3,))]
    plain = by_all(weighed(made, states), made, states)
    for is_reentrant in (False, True):
        total = weighed(lambda *blocks, again=is_reentrant: checkpoint(made, *blocks, use_reentrant=again), states)
        agree(by_grad(total, made, states) if is_reentrant else by_all(total, made, states), plain, 1e-12)
    found = compiled("switching")
    layers = [found.make(seed=k, n=4, L=2) for k in range(3)]
    for layer in layers:
        layer.backprop = way if way != "invert" else "store"
    whole, x = torch.nn.Sequential(*layers), torch.randn(2, 4, dtype=double, requires_grad=True)
    plain = by_all(weighed(whole, [x]), whole, [x])
    total = weighed(lambda x: checkpoint_sequential(whole, 2, x, use_reentrant=False), [x])
    agree(by_all(total, whole, [x]), plain, 1e-12)


def by_grad(total, made, states):
    made.zero_grad()
    for s in states:
        s.grad = None
    total.backward()
    return [t.grad for t in (*states, *made.parameters())]

"""Random modules against their certificates: constants, layers and rounding errors must bound what is measured.

    python -m tests.attack.certify --count 500 --seed 0
"""
from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Container
from dataclasses import dataclass
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from odenet.certify import segments
from odenet.certify.constants import Layer, chain_constant, layer_constant
from odenet.certify.enclosures import up
from odenet.certify.refine import by_gradients
from odenet.certify.rounding import Rounding
from odenet.certify.segments import Chain, Segment
from odenet.certify.tape import Tape, Unbounded, _with, record
from tests.attack.modules import emitted, run
from tests.attack.nets import make

Block = Callable[[Tensor], Tensor]
HONEST = ("holds", "gap")
MEASURED = 1e-9  # relative: Jacobians and their norms are measured in float64

FUNCTIONS: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.relu, torch.tanh, torch.sigmoid, torch.sin, torch.cos, torch.atan, torch.abs, F.silu, F.gelu, F.softsign, F.elu,
    lambda z: F.leaky_relu(z, 0.5), lambda z: F.leaky_relu(z, 3.0), lambda z: F.leaky_relu(z, -0.7), lambda z: F.elu(z, 2.5),
    lambda z: F.celu(z, 0.3), lambda z: F.softplus(z, threshold=40), lambda z: torch.clamp(z, -0.5, 2), lambda z: z.clamp(min=1),
    lambda z: F.gelu(z, approximate="tanh"), lambda z: F.elu(z, -1.5),
)


class Net(nn.Module):
    """A chain of random parts. `numbers` of the parts are buffers, so that `double()` keeps them exactly."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draw = random.Random(seed)
        torch.manual_seed(seed)
        self.count = 0
        self.precision = self.draw.choice((torch.float32, torch.float32, torch.float64))
        self.scale = self.draw.choice((0.1, 0.5, 1.0, 1.0, 2.0, 20.0)) if seed % 10 else self.draw.choice((1e-30, 1e-8, 1e6, 1e18))
        self.is_image = self.draw.random() < 0.4
        self.shapes = ((self.draw.choice((1, 2, 3)), self.draw.randint(2, 5), self.draw.randint(2, 5)),) if self.is_image else (
            (self.draw.randint(1, 6),),) * self.draw.choice((1, 1, 2))
        self.parts: list[Callable[..., object]] = []
        state = [torch.zeros(1, *s, dtype=self.precision) for s in self.shapes]
        for _ in range(self.draw.randint(1, 6)):
            part = (self.image if state[0].dim() == 4 else self.vector if len(state) == 1 else self.pair)(state)
            self.parts.append(part)
            state = [*part(*state)]
        self.ending = self.draw.choice(("plain", "plain", "plain", "twice", "with input"))

    def number(self, *shape: int, scale: float | None = None) -> Callable[[], Tensor]:
        size = (self.scale if scale is None else scale) / math.sqrt(shape[-1] if shape else 1)
        name = f"number{self.count}"
        self.count += 1
        self.register_buffer(name, (torch.randn(*shape, dtype=torch.float64) * size).to(self.precision))
        return lambda: getattr(self, name)

    def forward(self, *state: Tensor) -> object:
        given = state
        for part in self.parts:
            state = tuple(part(*state))  # type: ignore[arg-type]
        if self.ending == "plain":
            return state[0] if len(state) == 1 else state
        return (*state, *(state if self.ending == "twice" else given))

    def vector(self, state: list[Tensor]) -> Callable[..., object]:
        n, draw, act = state[0].shape[-1], self.draw, self.draw.choice(FUNCTIONS)
        m, h = draw.randint(1, 6), draw.choice((0.1, -0.3, 1.0, 1.7))
        w, square, b, c, d = self.number(m, n), self.number(n, n), self.number(m), self.number(n), self.number(1)
        order = torch.tensor([draw.randrange(n) for _ in range(m)])
        start = draw.randrange(n)
        return draw.choice((
            lambda x: (F.linear(x, w(), b()),),
            lambda x: (x @ w().mT,),
            lambda x: (torch.addmm(c(), x, square(), beta=h, alpha=-h),),
            lambda x: (torch.addmm(x, x, square(), beta=1, alpha=h),),
            lambda x: (act(x),),
            lambda x: (act(F.linear(x, w(), b())),),
            lambda x: (x + h * (act(F.linear(x, w(), b())) @ w()),),
            lambda x: (x - h * act(x * c() - d()),),
            lambda x: (x + act(act(x @ square()) @ square() + x),),
            lambda x: (x / (0.1 + h * h) - c(),),
            lambda x: (x / torch.where(c().abs() < 0.1, 0.75, c()).to(x.dtype),),
            lambda x: (x[:, order],),
            lambda x: (x[:, start:],),
            lambda x: (torch.cat((x, act(x[:, start:]), b().expand(1, m)), 1),),
            lambda x: (x - x.mean(-1, keepdim=True),),
            lambda x: (torch.stack((x, act(x)), 1).sum(1),),
            lambda x: (torch.stack((x, h * x), 2).flatten(1),),
            lambda x: (F.pad(x, (1, 2)),),
            lambda x: (F.pad(x, (1, -1)),) if n > 1 else (x,),
            lambda x: ((x.unsqueeze(-1) * b()).reshape(1, -1),) if n * m < 20 else (x,),
            lambda x: (1 - x.sum(1, keepdim=True).expand(1, n),),
            lambda x: ((square() @ x.reshape(n, 1)).reshape(1, n),),
            lambda x: (torch.sub(x, c(), alpha=h),),
            lambda x: tuple(x.chunk(2, 1)) if n % 2 == 0 else (x,),
            lambda x: (x.clone().flip(1).roll(start, 1),),
            lambda x: (x.index_copy(1, order[:1], act(x[:, :1])),),
            lambda x: (x.index_select(1, order),),
            lambda x: (torch.where(torch.arange(n) % 2 == 0, x, act(x)),),
            lambda x: (x.repeat(1, 2).unflatten(1, (2, n)).transpose(1, 2).reshape(1, -1),),
        ))

    def pair(self, state: list[Tensor]) -> Callable[..., object]:
        n, m, draw, act = state[0].shape[-1], state[1].shape[-1], self.draw, self.draw.choice(FUNCTIONS)
        w, b, h = self.number(m, n), self.number(m), draw.choice((0.1, -0.6, 1.3))
        return draw.choice((
            lambda x, y: (x + h * (act(y + b()) @ w()), y),
            lambda x, y: (x, y - h * act(F.linear(x, w(), b()))),
            lambda x, y: (act(x), y),
            lambda x, y: (torch.cat((x, y), -1),),
            lambda x, y: (x + y, x - y) if n == m else (y, x),
            lambda x, y: (act(F.linear(x, w(), b()) + y), x),
        ))

    def image(self, state: list[Tensor]) -> Callable[..., object]:
        _, c, height, width = state[0].shape
        draw, act, h = self.draw, self.draw.choice(FUNCTIONS), self.draw.choice((0.2, -0.5, 1.0))
        k, s = draw.choice((1, 2, 3)), draw.choice((1, 3, 3, 2, 5))
        kernel, own, b, each, half = self.number(k, c, s, s), self.number(c, c, 3, 3), self.number(c), self.number(c, 1, 1), self.number(k)
        before, after = (s - 1) // 2, s - 1 - (s - 1) // 2
        fits = max(before, after) <= min(height, width)

        def circular(x: Tensor, weight: Tensor) -> Tensor:
            t = weight.shape[-1]
            return F.conv2d(F.pad(x, ((t - 1) // 2, t // 2) * 2, mode="circular"), weight)

        def turned(weight: Tensor) -> Tensor:
            return weight.transpose(0, 1).flip(-1, -2)

        return draw.choice((
            lambda x: (circular(x, kernel()) + half()[:, None, None],) if fits else (x,),
            lambda x: (F.conv2d(F.pad(x, (before, after, before, after)), kernel(), half()),),
            lambda x: (F.conv2d(x, kernel(), half(), padding=before),) if height + 2 * before >= s <= width + 2 * before else (x,),
            lambda x: (F.conv2d(x, own(), b(), padding=1, stride=2),),
            lambda x: (F.conv2d(x, own(), b(), padding=2, dilation=2),),
            lambda x: (F.conv2d(x, own(), b(), padding="same"),),
            lambda x: (F.conv2d(x, own()[:, :1], b(), padding=1, groups=c),),
            lambda x: (x - h * circular(act(circular(x, own()) + b()[:, None, None]), turned(own())),),
            lambda x: (x - h * F.conv2d(act(F.conv2d(x, own(), b(), padding=1)), turned(own()), padding=1),),
            lambda x: (F.conv2d(F.conv2d(x, own(), padding=1), own(), b(), padding=1),),
            lambda x: (act(F.conv2d(x * each(), own(), padding=1)) + x,),
            lambda x: (act(x) * each(),),
            lambda x: (F.avg_pool2d(x, 2),) if min(height, width) > 1 else (x,),
            lambda x: (F.avg_pool2d(x, 2, ceil_mode=True, padding=1, count_include_pad=False),) if min(height, width) > 1 else (x,),
            lambda x: (F.avg_pool2d(x, 2, divisor_override=1),) if min(height, width) > 1 else (x,),
            lambda x: (F.max_pool2d(x, 2, ceil_mode=True, padding=draw.choice((0, 0))),) if min(height, width) > 1 else (x,),
            lambda x: (F.max_pool2d(x, 2, padding=1),),
            lambda x: (x.mT,),
            lambda x: (x.mean((-1, -2)),),
            lambda x: (x.flatten(1),),
            lambda x: (F.conv2d(x.reshape(c, 1, height, width), own()[:1, :1], padding=1).reshape(1, c, height, width),),
        ))


@dataclass
class Bounds:
    tape: Tape
    chain: Chain
    layers: list[Layer]
    constant: float


def bounds(module: nn.Module, blocks: list[Tensor], better: bool = False) -> Bounds:
    tape = record(module, blocks)
    chain = Chain(tape)
    layers = [layer_constant(segment) for segment in chain.segments]
    refine = (lambda networks, start: by_gradients(networks, start, 0.3)) if better else None
    constant = min(chain_constant(layers, refine)[0], float(up(math.prod(layer.constant for layer in layers))))
    return Bounds(tape, chain, layers, constant)


def flat(values: object) -> Tensor:
    return torch.cat([y.flatten() for y in (values if isinstance(values, tuple) else (values,))])


def slope(map: Callable[..., object], point: tuple[Tensor, ...]) -> float:
    """The norm of the Jacobian at a point."""
    parts = torch.autograd.functional.jacobian(lambda *z: flat(map(*z)), point)
    matrix = torch.cat([p.flatten(1) for p in parts], 1)
    return float(torch.linalg.matrix_norm(matrix, 2)) if matrix.numel() else 0.0


def points(blocks: list[Tensor], count: int) -> list[tuple[Tensor, ...]]:
    return [tuple(torch.randn_like(b) * (0.0, 0.1, 1.0, 4.0, 30.0)[k % 5] for b in blocks) for k in range(count)]


def recorded(tape: Tape, sources: tuple[int, ...], targets: tuple[int, ...], nodes: Container[int]) -> Callable[..., object]:
    """A part of the tape as a map, in float64."""

    def map(*given: Tensor) -> object:
        values = dict(zip(sources, given, strict=True))
        for k, node in enumerate(tape.nodes):
            if k not in values and node.function is not None and k in nodes and all(i in values for i in node.inputs):
                args, kwargs = (_with(v, lambda use: values[use.index], torch.float64) for v in (node.args, tuple(node.kwargs.values())))
                values[k] = node.function(*args, **dict(zip(node.kwargs, kwargs, strict=True)))
        return tuple(values[k] for k in targets)

    return map


def of_segment(segment: Segment) -> Callable[..., object]:
    """The map of one layer."""
    chain = segment.chain
    return recorded(chain.tape, segment.sources, segment.targets, {*segment.nodes, *chain._views})


def compare(module: nn.Module, blocks: list[Tensor], tries: int, better: bool = False) -> list[tuple[str, str]]:
    """Rows (what, verdict) for a module in its own precision at inputs like `blocks`. It is left in float64."""
    try:
        found = bounds(module, blocks, better)
        rounding, exact = (Rounding(found.tape, found.layers, t) for t in (found.tape.dtype, torch.float64))
        rounding(1.0)
    except Unbounded:
        return [("constant", "gap")]
    rows = []
    doubles = [b.double() for b in blocks]
    with torch.no_grad():
        ran = [(point, flat(module(*point)).double()) for point in points(blocks, tries)]
    if isinstance(module, Net):
        wide: Callable[..., object] = module.double()
    else:  # charts would give other numbers in float64
        tape = found.tape
        wide = recorded(tape, tape.inputs, tape.outputs, range(len(tape.nodes)))
    worst = 0.0
    for point in points(doubles, tries):
        worst = max(worst, slope(wide, point))
        other = tuple(p + torch.randn_like(p) * 10.0 ** -random.Random(worst).randint(0, 4) for p in point)
        step = float(torch.linalg.vector_norm(flat(point) - flat(other)))
        moved = float(torch.linalg.vector_norm(flat(wide(*point)) - flat(wide(*other))))
        size = float(flat(wide(*point)).abs().max())
        if moved > found.constant * step * (1 + MEASURED) + size * 1e-12:
            rows.append(("secants", f"moves {moved} over {step}, bound {found.constant}"))
    rows.append(("constant", judged(worst, found.constant)))
    for k, layer in enumerate(found.layers):
        sources = [found.tape.nodes[i].value.double() for i in layer.segment.sources]
        map = of_segment(layer.segment)
        try:
            worst = max((slope(map, p) for p in points(sources, tries)), default=0.0)
        except KeyError:  # a view of a view that was made before the layer
            continue
        rows.append(("layer", judged(worst, layer.constant, f"layer {k}, {layer.segment.operations}: ")))
    for point, short in ran:
        far = float(torch.linalg.vector_norm(flat(point).double()))
        with torch.no_grad():
            long = flat(wide(*(p.double() for p in point)))
            again = torch.cat([y.flatten() for y in found.tape.replay(point, torch.float64)])
        bound, own = float(rounding(up(far))), float(exact(up(far)))
        error = float(torch.linalg.vector_norm(short - long))
        rows.append(("rounding", "holds" if not error > bound + own else f"{error} is above {bound} + {own} at {far}"))
        error = float(torch.linalg.vector_norm(again - long))
        rows.append(("replay", "holds" if not error > 2 * own else f"{error} is above 2 * {own} at {far}"))
    return rows


def judged(measured: float, bound: float, where: str = "") -> str:
    return "holds" if not measured > bound * (1 + MEASURED) + 1e-250 else f"{where}{measured} is above {bound}"


def examine(seed: int) -> list[tuple[str, str]]:
    if seed % 4 == 3:  # a spec, its emitted module, weights of any size
        _, _, module = emitted(make(seed).text, seed)
        draw = random.Random(seed)
        module = module.to(draw.choice((torch.float32, torch.float64)))
        with torch.no_grad():
            for p in module.parameters():
                p.mul_(10 ** draw.uniform(-1, 2))
        first = next(iter(module.parameters()), torch.zeros((), dtype=torch.float64))
        return compare(module, [torch.zeros(1, make(seed).size, dtype=first.dtype)], 5)
    module = Net(seed)
    blocks = [torch.randn(1, *s, dtype=module.precision) * module.draw.choice((0.0, 1.0)) for s in module.shapes]
    with patch.object(segments, "DENSE_LIMIT", 8 if module.is_image and seed % 3 else segments.DENSE_LIMIT):  # by plane waves
        return compare(module, blocks, 10, seed % 11 == 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(run(__doc__, examine, HONEST))

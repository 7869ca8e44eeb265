"""What is proved of a flow or a net, on the emitted module: raw numbers from 1 to 1e6, both floating types.

Rounding: a module is a few hundred operations, each off by at most eps of what it adds up; so a quantity may be off by 2^10 eps times
the largest number on the way, squared where the quantity is a product of two Jacobians. A module may raise: then it says nothing false.
"""
from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from odenet.driver import Loaded
from odenet.emit import emit
from odenet.ir.model import Claim
from odenet.ir.node import Node
from odenet.proof.finding import Finding
from tests.attack.modules import imported
from tests.audit.arithmetic import Unsure, precision, real
from tests.audit.evaluate import Tensor, Values, number
from tests.audit.properties import group
from tests.audit.subject import Subject

SCALES = (1.0, 1e2, 1e4, 1e6)
TYPES = (torch.float64, torch.float32)
ROUNDINGS = 2.0**10
MOST = 48  # entries of a state

KINDS = ("lipschitz", "nonexpansive", "averaged", "symplectic", "volume_preserving", "preserves", "dissipates", "positive", "equivariant")


@dataclass
class Module:
    """A module with its raw numbers drawn."""

    loaded: Loaded
    claim: Claim
    made: Any
    kind: torch.dtype
    chance: Random

    @cached_property
    def dims(self) -> dict[str, int]:
        return self.loaded.model.default_dims()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        model, values = self.loaded.model, Values(self.loaded.model, self.dims)
        if self.claim.kind == "net":
            return {"": values.shape(model.net(self.claim.subject).domain)}
        return {name: values.shape(model.block(name).space) for name in model.flow(self.claim.subject).blocks}

    @property
    def eps(self) -> float:
        return float(torch.finfo(self.kind).eps) * ROUNDINGS

    def draw(self) -> torch.Tensor:
        size = sum(int(np.prod(s)) for s in self.shapes.values())
        scale = self.chance.choice((0.1, 1.0, 1.0, 5.0))
        return torch.tensor([self.chance.gauss(0, scale) for _ in range(size)], dtype=self.kind)

    def blocks(self, x: torch.Tensor) -> list[torch.Tensor]:
        found, place = [], 0
        for shape in self.shapes.values():
            size = int(np.prod(shape))
            found.append(x[place:place + size].reshape(shape))
            place += size
        return found

    def run(self, x: torch.Tensor) -> torch.Tensor:
        return _joined(self.made(*self.blocks(x)))

    def trajectory(self, x: torch.Tensor) -> list[torch.Tensor]:
        if not hasattr(self.made, "trajectory") or self.claim.kind == "net":
            return [x, self.run(x)]
        stacks = self.made.trajectory(*self.blocks(x))
        stacks = stacks if isinstance(stacks, tuple) else (stacks,)
        return [_joined(tuple(s[k] for s in stacks)) for k in range(stacks[0].shape[0])]

    def jacobian(self, x: torch.Tensor) -> torch.Tensor:
        return torch.autograd.functional.jacobian(self.run, x).detach().double()

    def used(self) -> dict[str, Any]:
        return self.made.parameter_values() if hasattr(self.made, "parameter_values") else {}

    def parameters(self) -> dict[str, Tensor]:
        """The values that the module uses, exactly."""
        found = {k.rstrip("_"): v.detach().double() for k, v in self.used().items()}
        return {p.name: Tensor(tuple(found[p.name.rstrip("_")].shape), [real(float(v)) for v in found[p.name.rstrip("_")].reshape(-1)])
                for p in self.loaded.model.parameters if p.schedule is None and p.name.rstrip("_") in found}

    def number(self, node: Any, x: torch.Tensor | None = None) -> float:
        states = {} if x is None else {
            name: Tensor(shape, [real(float(v)) for v in block.reshape(-1)])
            for (name, shape), block in zip(self.shapes.items(), self.blocks(x), strict=True)}
        with precision():
            values = Values(self.loaded.model, self.dims, states, self.parameters())
            return float(number(node, values).mid())


def _joined(y: Any) -> torch.Tensor:
    return torch.cat([part.reshape(-1) for part in (y if isinstance(y, tuple) else (y,))])


def emitted(loaded: Loaded) -> Any:
    """The class of a spec's module."""
    source = emit(loaded.model, loaded.plans, (), digest="0", version="0")
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        return getattr(imported(source, loaded.model.name, Path(folder)), loaded.model.name)


def subject_of(loaded: Loaded) -> str:
    """What the module is: the last net, or without one the last flow."""
    model = loaded.model
    return model.nets[-1].name if model.nets else model.flows[-1].name if model.flows else ""


def attacks(loaded: Loaded, findings: list[Finding], seed: str, most: int = 8) -> Iterator[tuple[Finding, str, float | None]]:
    """Each proved claim at `most` of the scales and types: what was run, and the excess (None: the module raised, or floats end)."""
    proved = [f for f in findings if f.verdict == "proved" and f.claim.subject == subject_of(loaded) and f.claim.property in KINDS
              and f.claim.kind in ("flow", "net") and not f.claim.region]
    if not proved:
        return
    kind = emitted(loaded)
    places = [(scale, dtype) for scale in SCALES for dtype in TYPES]
    for scale, dtype in Random(seed).sample(places, most):
        chance = Random(f"{seed}/{scale}/{dtype}")
        try:
            made = _made(kind, dtype, scale, chance)
        except ValueError:  # sizes that make no sense
            return
        for finding in proved:
            module = Module(loaded, finding.claim, made, dtype, chance)
            told = f"raw numbers of size {scale:g}, {str(dtype).removeprefix('torch.')}, seed {seed}"
            if sum(int(np.prod(s)) for s in module.shapes.values()) > MOST:
                return
            yield finding, told, _excess(module)


def _made(kind: Any, dtype: torch.dtype, scale: float, chance: Random) -> Any:
    made = kind(dtype=dtype)
    draw = torch.Generator().manual_seed(chance.randrange(2**31))
    with torch.no_grad():
        for p in made.parameters():
            p.copy_((torch.randn(p.shape, generator=draw, dtype=torch.float64) * scale).to(dtype))
    return made


def _excess(module: Module) -> float | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = RULES[module.claim.property](module)
        except (RuntimeError, ValueError, ArithmeticError, Unsure, np.linalg.LinAlgError, NotImplementedError, KeyError):
            return None
    return None if found is None or not np.isfinite(found) else float(found)


# --- properties: positive is broken ------------------------------------------------------------------------------------------------


def _slope(module: Module) -> torch.Tensor | None:
    j = module.jacobian(module.draw())
    return j if bool(torch.isfinite(j).all()) and float(j.abs().max()) < 1e12 else None


def _lipschitz(module: Module) -> float | None:
    order = dict(module.claim.keywords).get("norm", "2")
    order = str(order.data[0]) if isinstance(order, Node) else str(order)
    if order != "2":
        return None
    j, bound = module.jacobian(module.draw()), 1.0 if module.claim.property == "nonexpansive" else module.number(module.claim.arguments[0])
    if not bool(torch.isfinite(j).all()):
        return 1.0 if _growth(module) < 1e3 else None  # nothing large was used: a bounded slope has to be a number
    return float(torch.linalg.matrix_norm(j, 2)) - bound - module.eps * (1 + bound) * len(j) * _growth(module)


def _averaged(module: Module) -> float | None:
    j, a = _slope(module), module.number(module.claim.arguments[0])
    if j is None or j.shape[0] != j.shape[1]:
        return None
    part = (j - (1 - a) * torch.eye(len(j), dtype=j.dtype)) / a
    return float(torch.linalg.matrix_norm(part, 2)) - 1 - module.eps * len(j) / a


def _turned(module: Module, j: torch.Tensor) -> torch.Tensor:
    places, start = {}, 0
    for name, shape in module.shapes.items():
        places[name] = list(range(start, start + int(np.prod(shape))))
        start += int(np.prod(shape))
    rows = torch.zeros_like(j)
    for pair in module.loaded.model.pairs:
        if pair.position not in places or pair.momentum not in places:
            raise Unsure("half a pair")
        whole = places[pair.position]
        q, p = (whole[:len(whole) // 2], whole[len(whole) // 2:]) if pair.is_halved else (whole, places[pair.momentum])
        rows[q], rows[p] = j[p], -j[q]
    return rows


def _symplectic(module: Module) -> float | None:
    j = _slope(module)
    if j is None:
        return None
    omega = _turned(module, torch.eye(len(j), dtype=j.dtype))
    size = float(torch.linalg.matrix_norm(j, 2))
    return float((j.T @ _turned(module, j) - omega).abs().max()) - module.eps * (1 + size) ** 2 * len(j) * _growth(module)


def _growth(module: Module) -> float:
    """Slopes on the way may be larger than in the end: with free matrices of size s a shear has slopes of s^2, and they cancel.

    By the values that are used, so that what lies in a bounded set has no room by this.
    """
    sizes = [float(p.detach().double().abs().max()) for p in module.used().values() if p.numel()]
    return max(1.0, max(sizes, default=0.0)) ** 2


def _volume(module: Module) -> float | None:
    j = _slope(module)
    if j is None or j.shape[0] != j.shape[1]:
        return None
    sizes = torch.linalg.svdvals(j)
    if float(sizes[-1]) < 1e3 * module.eps * float(sizes[0]):
        return None
    return abs(float(torch.linalg.slogdet(j).logabsdet)) - module.eps * len(j) * float(sizes[0] / sizes[-1]) * _growth(module)


def _changes(module: Module) -> list[tuple[float, float]]:
    states = [s.detach() for s in module.trajectory(module.draw())]
    if not all(bool(torch.isfinite(s).all()) for s in states):
        raise Unsure("floats end")
    node, largest = module.claim.arguments[0], max(float(s.double().abs().max()) for s in states)
    if module.claim.kind == "net":
        raise Unsure("a quantity of a net")
    values = [module.number(node, s) for s in states]
    return [(b - a, abs(a) + abs(b) + (1 + largest) ** 2) for a, b in itertools.pairwise(values)]


def _preserves(module: Module) -> float | None:
    return max(abs(d) - module.eps * size * _growth(module) for d, size in _changes(module))


def _dissipates(module: Module) -> float | None:
    return max(d - module.eps * size * _growth(module) for d, size in _changes(module))


def _positive(module: Module) -> float | None:
    states = [s.detach() for s in module.trajectory(module.draw().abs())]
    if not all(bool(torch.isfinite(s).all()) for s in states):
        return None
    return max(-float(s.min()) - module.eps * (1 + float(s.abs().max())) for s in states)


def _equivariant(module: Module) -> float | None:
    if isinstance(module.claim.arguments[0], Node) or module.claim.kind == "net":
        return None
    from tests.audit.members import Members

    model = module.loaded.model
    subject = Subject(model, module.claim, module.loaded.plans, Members(model, module.dims, module.chance), module.chance)
    act = group(subject)
    x = module.draw()

    def moved(y: torch.Tensor) -> torch.Tensor:
        items = act([float(v) for v in y.detach()], module.shapes)  # type: ignore[misc]
        return torch.tensor([float(v) for v in items], dtype=module.kind)

    left, right = module.run(moved(x)).detach(), moved(module.run(x))
    if not bool(torch.isfinite(left).all() and torch.isfinite(right).all()):
        return None
    slope = _slope(module)
    size = 1e12 if slope is None else 1 + float(slope.abs().max())
    return float((left - right).abs().max()) - module.eps * size * (1 + float(left.abs().max())) * _growth(module)


RULES: dict[str, Any] = {"lipschitz": _lipschitz, "nonexpansive": _lipschitz, "averaged": _averaged, "symplectic": _symplectic,
                         "volume_preserving": _volume, "preserves": _preserves, "dissipates": _dissipates, "positive": _positive,
                         "equivariant": _equivariant}

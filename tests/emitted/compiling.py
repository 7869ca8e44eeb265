"""Specs compiled once for all tests of emitted modules."""
from __future__ import annotations

import hashlib
import importlib.util
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from odenet.emit import emit  # noqa: E402
from odenet.emit.slots import flow_nodes, used_parameters  # noqa: E402
from odenet.ir import build  # noqa: E402
from odenet.ir.interpret import environment  # noqa: E402
from odenet.ir.model import Flow, Model  # noqa: E402
from odenet.plan import interpret, plan_flow  # noqa: E402
from odenet.plan.steps import Plan  # noqa: E402
from odenet.proof.finding import Finding, Proof  # noqa: E402
from odenet.syntax import parse  # noqa: E402
from odenet.text import Source  # noqa: E402

SPECS = Path(__file__).parent / "specs"
FOLDER = tempfile.TemporaryDirectory(prefix="emitted-")
SMALL = {"switching": {"n": 6, "L": 4}, "presnov": {"n": 6, "m": 5, "L": 4}, "mass_preserving": {"m": 6, "L": 4}}
torch.set_num_threads(1)


@dataclass(frozen=True)
class Compiled:
    """A spec, its text as a module, and that module imported."""

    model: Model
    plans: dict[str, Plan]
    text: str
    module: ModuleType

    def make(self, seed: int = 0, scale: float = 1.0, dtype: torch.dtype = torch.float64, **dims: int) -> torch.nn.Module:
        """The model with raw parameters `scale` times as large as they begin."""
        torch.manual_seed(seed)
        made = getattr(self.module, self.model.name)(**dims, dtype=dtype)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.mul_(scale)
        return made

    @property
    def main(self) -> str:
        subjects = self.model.nets or self.model.flows
        return subjects[-1].name if subjects else ""

    def method(self, made: torch.nn.Module, flow: Flow, name: str = ""):
        """A public method of a flow; `name` is empty for the forward map."""
        if flow.name == self.main:
            return getattr(made, name) if name else made
        return getattr(made, f"{flow.name}_{name}" if name else flow.name)

    def runner(self, made: torch.nn.Module, flow: Flow, dims: dict[str, int]) -> interpret.Runner:
        """The oracle with the parameter values of a module."""
        values = {k: v.detach().numpy() for k, v in made.parameter_values().items()} if hasattr(made, "parameter_values") else {}
        used = used_parameters(self.model, flow_nodes(self.model, flow))
        keys = {name: next(k for k in (f"{name}_{flow.name}", f"{name}_", name) if k in values) for name in used}
        return interpret.Runner(self.model, self.plans[flow.name], {n: values[k] for n, k in keys.items()}, dims)

    def states(self, flow: Flow, dims: dict[str, int], batch: tuple[int, ...] = (), seed: int = 0) -> list[torch.Tensor]:
        """Random states of the blocks of a flow."""
        random = np.random.default_rng(seed)
        env = environment(self.model, dims)
        shapes = [env.shape(self.model.block(b).space) for b in flow.blocks]
        return [torch.tensor(random.normal(size=(*batch, *shape)) * 0.7) for shape in shapes]


def compile_text(text: str, name: str = "test.ode", proved: bool = False) -> Compiled:
    """A spec compiled and imported. `proved`: as if each of its claims were proved."""
    model = build(parse(Source(name, text)))
    plans = {flow.name: plan_flow(model, flow) for flow in model.flows}
    findings = tuple(Finding(c, "proved", "assumed", "", 0.0, Proof("assumed", "", (), ("a condition",))) for c in model.claims)
    digest = hashlib.sha256(text.encode()).hexdigest()
    source = emit(model, plans, findings if proved else (), digest=digest, version="0")
    return Compiled(model, plans, source, import_text(source, model.name))


def import_text(source: str, name: str) -> ModuleType:
    """Emitted text, imported from a file as any module is."""
    path = Path(tempfile.mkdtemp(dir=FOLDER.name)) / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(f"emitted_{name}_{path.parent.name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@cache
def compiled(name: str) -> Compiled:
    """A spec of `specs/`, its claims taken as proved."""
    path = SPECS / f"{name}.ode"
    return compile_text(path.read_text(), path.name, proved=True)


WORKED = sorted(path for folder in ("gallery", "paper") for path in (SPECS.parents[2] / "specs" / folder).glob("*.ode"))


@cache
def worked(path: Path) -> tuple[Compiled, dict[str, int]]:
    """A spec of the gallery or of the paper, its claims taken as proved, and small sizes for it."""
    found = compile_text(path.read_text(), path.name, proved=True)
    return found, {dim.name: min(int(dim.value.constant()), 3) for dim in found.model.dims if dim.is_free}


def as_tuple(value):
    return value if isinstance(value, tuple) else (value,)

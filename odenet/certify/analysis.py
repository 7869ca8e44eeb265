"""The certificate of a trained module: everything that is bounded without data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from odenet.certify.constants import Layer, Stretch, chain_constant, layer_constant
from odenet.certify.enclosures import Array, up
from odenet.certify.linear_maps import Matrix
from odenet.certify.refine import refined
from odenet.certify.residuals import Residual, residuals
from odenet.certify.rounding import Rounding
from odenet.certify.segments import Chain
from odenet.certify.slopes import measured_slope
from odenet.certify.steps import Affine
from odenet.certify.tape import Tape, Unbounded, record
from odenet.driver import Loaded
from odenet.emit.names import DIGEST

Notice = Callable[[str, int, int], None]  # what is done next, how many are done, how many there are


@dataclass(frozen=True)
class Certificate:
    """Bounds of one module with its weights.

    proved: the smallest Lipschitz constant of its forward map that the spec claims and odenet proved, or None. gap: why there
    is no constant; empty where there is one. layers, stretches: see `odenet.certify.constants`. constant: of the whole map in
    exact arithmetic, for the weights as they are; measured: the largest slope that a search found, so the true
    constant lies between the two. head: that of all layers before the last, where the last is one matrix.
    """

    model: str
    digest: str
    dtype: torch.dtype
    proved: float | None
    residuals: tuple[Residual, ...]
    gap: str = ""
    tape: Tape | None = field(default=None, repr=False)
    layers: tuple[Layer, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    constant: float = math.inf
    head: float = math.inf
    measured: float = 0.0

    @property
    def simple(self) -> float:
        """The product of the layers' norms."""
        return float(up(math.prod(layer.simple for layer in self.layers))) if self.layers else math.inf

    @property
    def product(self) -> float:
        """The product of the layers' constants."""
        return float(up(math.prod(layer.constant for layer in self.layers))) if self.layers else math.inf

    @cached_property
    def rounding(self) -> Rounding | None:
        """The errors of the module that runs; None where nothing is known of them."""
        return Rounding(self.tape, self.layers, self.dtype) if self.tape is not None and self.layers else None

    @cached_property
    def exact_rounding(self) -> Rounding | None:
        """The same for the recorded operations in float64."""
        return Rounding(self.tape, self.layers, torch.float64) if self.tape is not None and self.layers else None

    @cached_property
    def pairs(self) -> Array:
        """Constants [classes, classes] of the differences of two outputs."""
        assert self.tape is not None
        count = sum(self.tape.nodes[k].count for k in self.tape.outputs)
        found = np.full((count, count), float(up(math.sqrt(2) * self.constant)))
        weight = _head(self.layers)
        if weight is not None and math.isfinite(self.head):
            differences = np.linalg.norm(weight[:, None] - weight[None], axis=-1)
            found = np.minimum(found, up(differences * self.head))
        return found


@np.errstate(all="ignore")  # what overflows is not accepted by any check
def is_of(loaded: Loaded, module: nn.Module) -> bool:
    """Whether a module was emitted from this spec; False where it was not emitted. Raises ValueError for another spec's."""
    digest = getattr(type(module), DIGEST, None)
    if digest not in (None, loaded.digest):
        raise ValueError(f"{type(module).__name__} was compiled from another text than that of this {loaded.model.name}")
    return digest is not None


def certificate(
    loaded: Loaded, module: nn.Module, centre: tuple[Tensor, ...] | None = None, notice: Notice | None = None, refine: bool = False
) -> Certificate:
    """Bounds of `module`, an emitted module of the spec with its weights, on the CPU, as it runs in the precision of its weights.

    Any other module of layers is bounded too; nothing is proved of that.

    Args:
        centre: an input [1, ...], one for each block, near which rounding errors are to be small; zeros if None.
        refine: look for better multipliers of each run of layers, one for each entry.

    Raises:
        ValueError: the module was emitted from another spec, or another text of this one.
    """
    tell = notice or (lambda *_: None)
    is_own = is_of(loaded, module)
    module.eval()
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    start: dict[str, Any] = {
        "model": loaded.model.name,
        "digest": loaded.digest,
        "dtype": dtype,
        "proved": proved_constant(loaded) if is_own else None,
        "residuals": (),
    }
    try:
        with torch.no_grad():
            start["residuals"] = residuals(loaded.model, module) if is_own else ()
        blocks = tuple(b.to(dtype) for b in centre) if centre is not None else inputs(loaded, module, dtype)
        tape = record(module, blocks)
        chain = Chain(tape)
        layers = []
        for place, segment in enumerate(chain.segments):
            tell(f"layer {place + 1}: {segment.operations}", place, len(chain.segments) + 1)
            layers.append(layer_constant(segment))
        tell("all layers together", len(layers), len(layers) + 1)
        better = refined if refine else None
        runs: dict[tuple[int, int], float] = {}
        constant, stretches = chain_constant(layers, better, runs)
        constant = min(constant, float(up(math.prod(layer.constant for layer in layers))))
        has_head = len(layers) > 1 and _head(tuple(layers)) is not None
        head = chain_constant(layers[:-1], better, runs)[0] if has_head else math.inf
        made = Certificate(**start, tape=tape, layers=tuple(layers), stretches=tuple(stretches), constant=constant, head=head)
        made = replace(made, measured=measured_slope(tape))
        for rounding in (made.rounding, made.exact_rounding):
            assert rounding is not None
            rounding(0.0)  # raises here where there is no bound
    except Unbounded as gap:
        return Certificate(**start, gap=str(gap))
    except np.linalg.LinAlgError as error:
        return Certificate(**start, gap=f"a numerical routine failed: {error}")
    return made


def inputs(loaded: Loaded, module: nn.Module, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Zeros [1, ...] in the shapes of the module's input blocks."""
    return tuple(torch.zeros(1, *shape, dtype=dtype) for shape in input_shapes(loaded, module))


def input_shapes(loaded: Loaded, module: nn.Module) -> tuple[tuple[int, ...], ...]:
    """The shapes of the blocks that the forward map takes, without the batch."""
    model = loaded.model
    if not (model.nets or model.flows):
        raise Unbounded("the spec has no flow and no net, so there is no map to bound")
    dims = model.dim_values({d.name: int(getattr(module, d.name)) for d in model.dims if d.is_free and hasattr(module, d.name)})
    spaces = [model.nets[-1].domain] if model.nets else [model.block(name).space for name in model.flows[-1].blocks]
    return tuple(tuple(int(s.evaluate(dims)) for s in space.sizes) for space in spaces)


def proved_constant(loaded: Loaded) -> float | None:
    """The smallest constant that is claimed of the forward map, without a region, in the 2-norm, and proved."""
    if not (loaded.model.nets or loaded.model.flows):
        return None
    subject = (loaded.model.nets or loaded.model.flows)[-1].name
    found: list[float] = []
    for finding in loaded.report.findings:
        claim = finding.claim
        if claim.subject != subject or finding.verdict != "proved" or claim.region or claim.keywords:
            continue
        if claim.property == "nonexpansive":
            found.append(1.0)
        elif claim.property == "lipschitz" and claim.arguments and not isinstance(claim.arguments[0], str):
            node = claim.arguments[0]
            if node.op == "number":
                found.append(float(up(float(node.data[0]))) if float(node.data[0]) != node.data[0] else float(node.data[0]))
    return min(found, default=None)


def _head(layers: tuple[Layer, ...]) -> Array | None:
    """The matrix of the last layer, if that is all it does."""
    if not layers:
        return None
    segment = layers[-1].segment
    if len(segment.nodes) != 1:
        return None
    step = segment.chain.steps[segment.nodes[0]]
    if isinstance(step, Affine) and len(step.terms) == 1 and isinstance(step.terms[0][1], Matrix):
        return step.terms[0][1].weight
    return None

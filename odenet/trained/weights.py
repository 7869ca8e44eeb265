"""Weights in files: read, written, and put into the module of their spec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from odenet.emit.module import ModuleText
from odenet.emit.slots import Slot
from odenet.ir.model import ConvolutionSpace
from odenet.ir.sizes import Size

if TYPE_CHECKING:
    from odenet.driver import Loaded

Weights = dict[str, Tensor]


class Unusable(Exception):
    """Weights, or a spec, that the work at hand cannot be done with; the text says why."""


def read_weights(path: Path) -> Weights:
    """The tensors of a `.safetensors` file, or of a state dict that `torch.save` wrote; no code in it is run.

    Raises:
        OSError: the file cannot be read.
        Unusable: it holds something else.
    """
    data = path.read_bytes()
    if path.suffix == ".safetensors":
        return dict(_safetensors().load(data))
    import io

    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        raise Unusable(f"{path} is no state dict; write it with torch.save(model.state_dict(), FILE)") from None
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise Unusable(f"{path} holds no state dict; write it with torch.save(model.state_dict(), FILE)")
    return dict(found)


def write_weights(path: Path, weights: Weights) -> None:
    """Replace a file, in the format that its name says."""
    import io

    from odenet.driver import write_bytes

    tensors = {name: value.contiguous() for name, value in weights.items()}
    if path.suffix == ".safetensors":
        write_bytes(path, _safetensors().save(tensors))
        return
    target = io.BytesIO()
    torch.save(tensors, target)
    write_bytes(path, target.getvalue())


def _safetensors() -> Any:
    try:
        from safetensors import torch as found
    except ImportError:
        raise Unusable("a .safetensors file needs `pip install safetensors`; a .pt file needs nothing") from None
    return found


# --- with their spec ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """A spec with weights. `dims`: all free dims; `module`: the emitted module in float64 with these weights."""

    loaded: Loaded
    dims: dict[str, int]
    weights: Weights
    module: nn.Module

    @property
    def slots(self) -> tuple[Slot, ...]:
        return slots(self.loaded)

    def values(self) -> dict[str, Tensor]:
        """The constrained values by the keys of the state dict, in float64."""
        if not hasattr(self.module, "parameter_values"):
            return {}
        with torch.no_grad():
            values: Weights = self.module.parameter_values()  # type: ignore[operator]
        return {name: value.detach() for name, value in values.items()}


def trained(loaded: Loaded, weights: Weights, dims: dict[str, int], **proving: Any) -> Trained:
    """A spec with weights; dims that are not given follow from the shapes of the weights, or are the spec's defaults.

    `proving` are `allow_undecided` and `seconds` of `Loaded.module`.

    Raises:
        Unusable: keys or shapes do not agree with the spec.
        NotProved, Rejected: as `Loaded.source` does.
    """
    free = {d.name: int(d.value.constant() or 0) for d in loaded.model.dims if d.is_free}
    chosen = {**free, **_dims_of(loaded, weights), **dims}
    made: nn.Module = loaded.module(**{**proving, **chosen})(dtype=torch.float64)
    try:
        made.load_state_dict({name: value.double() for name, value in weights.items()})
    except RuntimeError as error:
        lines = "\n".join(line.strip() for line in str(error).splitlines()[1:])
        said = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        raise Unusable(f"the weights are not of {loaded.model.name} with {said or 'no dims'}:\n{lines}") from None
    return Trained(loaded, chosen, weights, made.eval())


def slots(loaded: Loaded) -> tuple[Slot, ...]:
    """Where each parameter of a spec lies in the state dict."""
    return ModuleText(loaded.model, loaded.plans, (), {}).slots.all


def _dims_of(loaded: Loaded, weights: Weights) -> dict[str, int]:
    """Free dims that are by themselves the length of an axis."""
    free = {d.name for d in loaded.model.dims if d.is_free}
    found: dict[str, int] = {}
    for slot in slots(loaded):
        if slot.attribute in weights:
            for size, length in zip(_axes(slot), weights[slot.attribute].shape, strict=False):
                for name in free:
                    if size == Size.dim(name):
                        found.setdefault(name, length)
    return found


def _axes(slot: Slot) -> Iterator[Size | None]:
    """The sizes of the axes of a slot's tensor, as far as they are those of its parameter."""
    if slot.steps is not None:
        yield slot.steps
    elif slot.knots is not None:
        yield None
    space = slot.parameter.space
    if not isinstance(space, ConvolutionSpace):
        yield from space.sizes[: slot.raw_rank()]

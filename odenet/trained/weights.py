"""Weights in files: read, written, and put into the module of their spec."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from odenet.certify.files import Unreadable, check_weights, fill
from odenet.emit.module import ModuleText
from odenet.emit.slots import Slot
from odenet.ir.model import ConvolutionSpace
from odenet.ir.sizes import Size

if TYPE_CHECKING:
    from odenet.driver import Loaded

Weights = dict[str, Tensor]


def weights_bytes(path: Path, weights: Weights) -> bytes:
    """The contents of a file, in the format that its name says."""
    tensors = {name: value.contiguous() for name, value in weights.items()}
    if path.suffix == ".safetensors":
        from safetensors.torch import save

        return bytes(save(tensors))
    target = io.BytesIO()
    torch.save(tensors, target)
    return target.getvalue()


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
        try:
            with torch.no_grad():
                values: Weights = self.module.parameter_values()  # type: ignore[operator]
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise Unreadable(f"the numbers in the file are too large for the sets of the parameters ({error})") from error
        bad = [name for name, value in values.items() if not bool(torch.isfinite(value).all())]
        if bad:
            raise Unreadable(f"the numbers in the file are too large: the value of `{bad[0]}` is not finite")
        return {name: value.detach() for name, value in values.items()}


def trained(loaded: Loaded, weights: Weights, dims: dict[str, int], **proving: Any) -> Trained:
    """A spec with weights; dims that are not given follow from the shapes of the weights, or are the spec's defaults.

    `proving` are `allow_undecided` and `seconds` of `Loaded.module`.

    Raises:
        Unreadable: keys or shapes do not agree with the spec.
        NotProved, Rejected: as `Loaded.source` does.
    """
    free = {d.name: int(d.value.constant() or 0) for d in loaded.model.dims if d.is_free}
    chosen = {**free, **_dims_of(loaded, weights), **dims}
    kind = loaded.module(chosen, **proving)
    try:
        check_weights(kind(device="meta").state_dict(), weights)
        made: nn.Module = fill(kind(dtype=torch.float64), {name: value.double() for name, value in weights.items()})
    except Unreadable as why:
        said = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        raise Unreadable(f"{why} (taken as those of {loaded.model.name} with {said or 'no dims'})") from None
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

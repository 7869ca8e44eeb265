"""How far the parameters that the module uses are from their sets: upper bounds, rounding included."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from odenet.certify.enclosures import Array, Ball, exact, gamma, norm_above, norm_below, up
from odenet.certify.linear_maps import Convolution, Torus, numbers
from odenet.certify.tape import Unbounded
from odenet.emit.slots import image_sizes
from odenet.ir.interpret import environment, evaluate
from odenet.ir.model import ConvolutionSpace, Model, Parameter
from odenet.sets import SETS

_CHARTS = 1e-3  # float32 charts leave less, relative to parameters of about length 1
_FINE = 32  # points of the grid for each degree of the polynomial's square


@dataclass(frozen=True)
class Residual:
    """One parameter and one set: `distance` is an upper bound of what `measure` names; `largest` encloses what is bounded.

    certain: a lower bound of the same, where the two differ by more than rounding.
    """

    parameter: str
    set: str
    measure: str
    distance: float
    largest: tuple[float, float] | None = None
    certain: float | None = None

    @property
    def is_outside(self) -> bool:
        """Whether the parameter is certainly further from its set than charts in float32 leave it."""
        return not (self.distance if self.certain is None else self.certain) <= _CHARTS


def residuals(model: Model, module: nn.Module) -> tuple[Residual, ...]:
    """All constrained parameters of the model, and the stages of its nets that have a bound."""
    try:
        values = module.parameter_values() if hasattr(module, "parameter_values") else {}  # type: ignore[operator]
    except RuntimeError as error:
        raise Unbounded(f"the parameters cannot be computed: {str(error).splitlines()[0]}") from error
    dims = {d.name: int(getattr(module, d.name)) for d in model.dims if hasattr(module, d.name)}
    return (*_of_parameters(model, values, dims), *_of_stages(module))


def _of_parameters(model: Model, values: dict[str, Any], dims: dict[str, int]) -> Iterator[Residual]:
    for parameter in model.parameters:
        if parameter.name not in values:
            continue
        value = numbers(values[parameter.name])
        for one in parameter.sets:
            if not np.isfinite(value).all():
                yield Residual(parameter.name, one.name, "not finite", math.inf)
            elif one.name == "orthogonal":
                yield _orthogonal(model, parameter, value, dims)
            elif one.name == "norm":
                yield _norm(
                    parameter.name, *_operators(model, parameter, value, dims), _ends(model, one.arguments, values, dims)[0]
                )
            else:
                yield _other(parameter.name, one.name, value, _ends(model, one.arguments, values, dims))


def _of_stages(module: nn.Module) -> Iterator[Residual]:
    for name, stage in module.named_modules():
        bound = getattr(stage, "bound", None)
        if bound is None or not hasattr(stage, "value"):
            continue
        value = numbers(stage.value())
        if not np.isfinite(value).all():
            yield Residual(name, f"norm <= {float(bound):.6g}", "not finite", math.inf)
        elif value.ndim == 2:
            yield _norm(name, [exact(value)], 1.0, np.asarray(float(bound)))
        elif getattr(stage, "stride", 1) == 1:
            ball, factor = _kernel(value, getattr(stage, "image", None), stage.circular)
            yield _norm(name, [ball], factor, np.asarray(float(bound)))


def _operators(model: Model, parameter: Parameter, value: Array, dims: dict[str, int]) -> tuple[list[Ball], float]:
    """Each member as matrices: itself, or the symbol of a convolution; and a factor that norms of symbols are to be taken times."""
    if not isinstance(parameter.space, ConvolutionSpace):
        return [exact(m) for m in value.reshape(-1, *value.shape[-2:])], 1.0
    sizes = image_sizes(model, parameter.name)
    every = model.dim_values(dims)
    image = None if sizes is None else (int(sizes[0].evaluate(every)), int(sizes[1].evaluate(every)))
    found = [_kernel(kernel, image, parameter.space.padding == "circular") for kernel in value.reshape(-1, *value.shape[-4:])]
    return [ball for ball, _ in found], found[0][1]


def _kernel(kernel: Array, image: tuple[int, int] | None, circular: bool) -> tuple[Ball, float]:
    """The symbol of a kernel on the torus of its image. Where that is not known, on a fine grid and with the factor by which a
    trigonometric polynomial of degree (s - 1)/2 can rise between its points, for each side.

    Source: M. Riesz' comparison lemma (DeVore and Lorentz 1993, Constructive approximation, section 4.1).
    """
    taps = kernel.shape[-1]
    before = (kernel.shape[-2] - 1) // 2, (taps - 1) // 2
    if image is not None:
        convolution = Convolution(kernel, before, circular, *image)
        return convolution.symbol(convolution.torus, kernel.shape[1]), 1.0
    side = max(1, _FINE * (taps - 1))
    factor = 1.0 if taps == 1 else _rise(2) ** 2
    return Convolution(kernel, before, True, side, side).symbol(Torus(side, side), kernel.shape[1]), factor


def _rise(part: int) -> float:
    """How far above its values on the grid a polynomial can rise, if that has `part` _FINE points for each degree."""
    return float(up(1 / math.cos(math.pi / (part * _FINE))))


def _orthogonal(model: Model, parameter: Parameter, value: Array, dims: dict[str, int]) -> Residual:
    worst = 0.0
    operators, factor = _operators(model, parameter, value, dims)
    for ball in operators:
        tall = ball if ball.shape[1] >= ball.shape[2] else ball.adjoint()
        gram = tall.adjoint() @ tall
        size = gram.shape[-1]
        worst = max(worst, norm_above(gram + Ball(np.broadcast_to(-np.eye(size), gram.shape), np.zeros(gram.shape[0]))))
    rise = _rise(1) ** 2 if factor > 1 else 1.0  # the square has twice the degree
    return Residual(parameter.name, "orthogonal", "|A'A - I|", float(up(worst * rise)))


def _norm(name: str, operators: list[Ball], factor: float, bound: Array) -> Residual:
    above = [float(up(norm_above(b) * factor)) for b in operators]
    below = max(map(norm_below, operators))
    bounds = np.broadcast_to(bound, (len(above),))
    over = max(a - float(b) for a, b in zip(above, bounds, strict=True))
    certain = max((norm_below(b) - float(c)) / max(float(c), 1.0) for b, c in zip(operators, bounds, strict=True))
    measure = f"norm <= {float(bounds.max()):.6g}"
    return Residual(name, measure, "|A| - c", float(up(max(over, 0.0))), (below, max(above)), max(certain, 0.0))


def _other(name: str, kind: str, value: Array, arguments: tuple[Array, ...]) -> Residual:
    rows = value[None] if not arguments or all(np.ndim(a) == 0 for a in arguments) else value
    found = 0.0
    for index, row in enumerate(rows):
        chosen = tuple(float(np.broadcast_to(a, (len(rows),))[index]) for a in arguments)
        found = max(found, float(SETS[kind].residual(row, *chosen)))
    rounding = gamma(value.shape[-1] + 8 if value.ndim else 8) * (
        np.abs(value).max(initial=0.0) * (value.shape[-1] if value.ndim else 1)
    )
    is_exact = kind in ("positive", "nonnegative", "binary", "skew", "symmetric", "diagonal", "lower", "upper") or (
        kind == "interval" and all(np.ndim(a) == 0 for a in arguments)
    )
    distance = found if is_exact else float(up(found + rounding))
    return Residual(name, kind, "entries", distance, (float(value.min()), float(value.max())) if value.size else None)


def _ends(model: Model, arguments: tuple[Any, ...], values: dict[str, Any], dims: dict[str, int]) -> tuple[Array, ...]:
    """The numbers in a set's description, one for each step where they depend on parameters of the steps."""
    found = []
    steps = max((len(v) for k, v in values.items() if _is_stacked(model, k)), default=1)
    for node in arguments:
        try:
            found.append(np.asarray(float(evaluate(node, environment(model, dims)))))
        except (KeyError, TypeError, ValueError, AttributeError):
            rows = []
            for step in range(steps):
                now = {
                    k: numbers(v)[min(step, len(v) - 1)] if _is_stacked(model, k) else numbers(v)
                    for k, v in values.items()
                    if any(p.name == k for p in model.parameters)
                }
                rows.append(float(evaluate(node, environment(model, dims, parameters=now))))
            found.append(np.asarray(rows))
    return tuple(found)


def _is_stacked(model: Model, name: str) -> bool:
    return any(p.name == name and p.schedule is not None for p in model.parameters)

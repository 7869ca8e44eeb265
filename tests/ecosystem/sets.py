"""How far the constrained values of a module are outside of their sets, by the NumPy interpreter."""
from __future__ import annotations

import numpy as np
import torch

from odenet.driver import loads
from odenet.ir.interpret import environment, evaluate
from odenet.ir.model import ConvolutionSpace, Model, Parameter
from odenet.sets import residual

# Sets of each kind of chart: matrix factorisations, entries, rows, triangles, bounds by other parameters, straight-through signs.
SPEC = """model Constrained
dim n = 4, m = 3
state x : R[n]
param a : R, positive = 1
param c(t) : R, in [1/10, 2]
param d(t) : R, in [0, 1 + c * a]
param A(t) : R[m, n], orthogonal
param P : R[n, n], psd
param S(t) : R[n, n], skew
param W(t) : R[m, n], norm <= c
param N : R[n, n], symmetric, norm <= 1
param M : R[n, n], stochastic
param D(t) : R[n, n], doubly_stochastic
param L : R[n, n], laplacian
param G : R[n], binary
param F : R[n, n], orthogonal, frozen
field one { x' = d * A.T @ tanh(A @ x) - a * P @ x + S @ x + F @ x }
field two { x' = W.T @ tanh(W @ x) + N @ x + M @ x + D @ x - L @ x + G * x }
flow net = lie(one: euler, two: heun) over [0, 1/10] steps 3
"""


def model() -> Model:
    """The typed model of `SPEC`."""
    return loads(SPEC, "constrained.ode").model


def farthest(spec: Model, made: torch.nn.Module, dims: dict[str, int]) -> float:
    """The largest distance of any parameter from its sets; kernels of convolutions are left out."""
    values = {key: value.detach().double().numpy() for key, value in made.parameter_values().items()}
    matrices = [p for p in spec.parameters if not isinstance(p.space, ConvolutionSpace)]
    found = [_distance(spec, parameter, values, dims) for parameter in matrices]
    stages = [np.linalg.norm(values[key], 2) - 1 for key in values if key.startswith("linear_")]  # each has `norm <= 1`
    return max(0.0, *found, *stages)


def _distance(spec: Model, parameter: Parameter, values: dict[str, np.ndarray], dims: dict[str, int]) -> float:
    """The distance at the step where it is largest; bounds are those of the same step."""
    changing = {p.name for p in spec.parameters if p.schedule is not None}
    count = len(values[parameter.name]) if parameter.name in changing else 1
    distances = []
    for step in range(count):
        now = {key: value[step] if key in changing else value for key, value in values.items()}
        env = environment(spec, dims, {}, now)
        sets = [(s.name, tuple(evaluate(argument, env) for argument in s.arguments)) for s in parameter.sets]
        distances.append(residual(now[parameter.name], sets))
    return max(distances)

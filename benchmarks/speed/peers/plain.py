"""Loops as one writes them by hand: parameters in a stack, indexed step by step. They are the exact reference too."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.speed.subject import Data, Trained, leaves, trained


def cayley(raw: Tensor) -> Tensor:
    """Orthogonal matrices (I + Z)^-1 (I - Z) of Z = raw - raw', [..., n, n]: the chart that emitted modules use."""
    skew = raw - raw.mT
    identity = torch.eye(raw.shape[-1], dtype=raw.dtype)
    return torch.linalg.solve(identity + skew, identity - skew)


def gradient_step(x: Tensor, matrix: Tensor, bias: Tensor) -> Tensor:
    """x - A' relu(A x + b) / 2 for x [batch, n], in as few calls as emitted modules need."""
    return torch.addmm(x, F.relu(F.linear(x, matrix, bias)), matrix, alpha=-0.5)


def orthogonal_loop(data: Data) -> Trained:
    named = leaves(data)

    def call(x: Tensor) -> Tensor:
        matrices = cayley(named["A"])
        for step in range(len(matrices)):
            x = gradient_step(x, matrices[step], named["b"][step])
        return x

    return trained(call, data, named)


def free_loop(data: Data, is_fused: bool = False) -> Trained:
    """As one writes it down, or (`is_fused`) with the step that the other rows have."""
    named = leaves(data)

    def call(x: Tensor) -> Tensor:
        for step in range(len(named["A"])):
            matrix, bias = named["A"][step], named["b"][step]
            x = gradient_step(x, matrix, bias) if is_fused else x - 0.5 * F.relu(x @ matrix.T + bias) @ matrix
        return x

    return trained(call, data, named)


def neural_loop(data: Data, steps: int) -> Trained:
    """Euler steps of x' = -A' tanh(A x + b) of length 1/10."""
    named = leaves(data)

    def call(x: Tensor) -> Tensor:
        matrix = cayley(named["A"])
        for _ in range(steps):
            x = x - 0.1 * torch.tanh(F.linear(x, matrix, named["b"])) @ matrix
        return x

    return trained(call, data, named)


def shear(matrix: Tensor, bias: Tensor, z: Tensor) -> Tensor:
    """The gradient W' tanh(W z + b) of sum(logcosh(W z + b)), z [batch, n]."""
    return torch.tanh(F.linear(z, matrix, bias)) @ matrix


def hamiltonian_loop(data: Data) -> Trained:
    """Symplectic Euler, one pair of potentials for each step."""
    named = leaves(data)

    def call(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        h = 1 / len(named["M"])
        for step in range(len(named["M"])):
            q = q + h * shear(named["M"][step], named["c"][step], p)
            p = p - h * shear(named["K"][step], named["a"][step], q)
        return q, p

    return trained(call, data, named)


def autonomous_loop(data: Data, steps: int) -> Trained:
    """Symplectic Euler, one pair of potentials for all steps."""
    named = leaves(data)

    def call(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        for _ in range(steps):
            q = q + shear(named["M"], named["c"], p) / steps
            p = p - shear(named["K"], named["a"], q) / steps
        return q, p

    return trained(call, data, named)


def convolution_loop(data: Data, kernels: Tensor) -> Trained:
    """u - K' relu(K u + b) with circular convolutions, the kernels [steps, c, c, 3, 3] given inside of their set."""
    kernel_stack = kernels.clone().requires_grad_()
    biases = data.parameters["b"].clone().requires_grad_()

    def wrapped(u: Tensor) -> Tensor:
        return F.pad(u, (1, 1, 1, 1), mode="circular")

    def call(u: Tensor) -> Tensor:
        for step in range(len(kernel_stack)):
            kernel = kernel_stack[step]
            z = F.relu(F.conv2d(wrapped(u), kernel, biases[step]))
            u = u - F.conv2d(wrapped(z), kernel.transpose(0, 1).flip(2, 3))
        return u

    return trained(call, data, {"b": biases}, (kernel_stack,))


def residual_blocks(data: Data) -> Trained:
    """The unconstrained block of the paper (regime U): x + B relu(A x + a), two zero-padded convolutions of 3 by 3."""
    steps, channels = data.parameters["b"].shape
    dtype = data.states[0].dtype
    first = [torch.nn.Conv2d(channels, channels, 3, padding=1, dtype=dtype) for _ in range(steps)]
    second = [torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False, dtype=dtype) for _ in range(steps)]

    def call(u: Tensor) -> Tensor:
        for a, b in zip(first, second, strict=True):
            u = u + b(F.relu(a(u)))
        return u

    return trained(call, data, {}, tuple(p for layer in (*first, *second) for p in layer.parameters()))


def mass_loop(data: Data) -> Trained:
    """x + h M 1 with M = triu(f) - triu(f)', f = relu(B relu(A x + a) + c)."""
    named = leaves(data)
    steps, size = len(named["A"]), data.states[0].shape[-1]
    upper = torch.triu_indices(size, size, 1)

    def call(x: Tensor) -> Tensor:
        for step in range(steps):
            hidden = F.relu(x @ named["A"][step].T + named["a"][step])
            entries = F.relu(hidden @ named["B"][step].T + named["c"][step])
            matrix = x.new_zeros(len(x), size, size)
            matrix[:, upper[0], upper[1]] = entries
            x = x + (matrix - matrix.mT).sum(-1) / steps
        return x

    return trained(call, data, named)

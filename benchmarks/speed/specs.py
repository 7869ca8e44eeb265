"""The work as texts in the language, and the classes that odenet emits for them."""
from __future__ import annotations

import inspect
from functools import cache

import torch
from torch import Tensor, nn

import odenet
from benchmarks.speed.subject import Data, Missing, Trained, trained

# A dense 1-Lipschitz network: each Euler step of a gradient flow, with an orthogonal matrix of its own.
ORTHOGONAL = """model Orthogonal
dim n = 64, L = 32
state x : R[n]
param A(t) : R[n, n], orthogonal
param b(t) : R[n]
field contract { x' = -A.T @ relu(A @ x + b) }
flow net = lie(contract: euler) over [0, L/2] steps L
claim net : lipschitz(1)
"""
# The same with free matrices, which has no chart: what is left is the loop.
FREE = """model Free
dim n = 64, L = 32
state x : R[n]
param A(t) : R[n, n]
param b(t) : R[n]
field contract { x' = -A.T @ relu(A @ x + b) }
flow net = lie(contract: euler) over [0, L/2] steps L
"""
# A neural ODE: one field for all time, with steps short enough to be undone.
NEURAL = """model Neural
dim n = 64, L = 100
state x : R[n]
param A : R[n, n], orthogonal
param b : R[n]
field contract { x' = -A.T @ tanh(A @ x + b) }
flow net = lie(contract: euler) over [0, L/10] steps L
claim net : invertible
"""
HAMILTONIAN = """model Hamiltonian
dim n = 32, L = 32
state q, p : R[n]
param M(t) : R[2*n, n]
param c(t) : R[2*n]
param K(t) : R[2*n, n]
param a(t) : R[2*n]
def T(p) = sum(logcosh(M @ p + c))
def V(q) = sum(logcosh(K @ q + a))
field drift { q' =  grad(T(p), p) }
field kick  { p' = -grad(V(q), q) }
flow net = lie(drift, kick) over [0, 1] steps L
claim net : symplectic, invertible
"""
# One Hamiltonian for all time, so that only what is kept for backward can grow with the number of steps.
AUTONOMOUS = HAMILTONIAN.replace("(t) :", " :").replace("model Hamiltonian", "model Autonomous")
CONVOLUTION = """model ConvolutionBlock
dim c = 32
state u : R[c, 32, 32]
param K(t) : conv(c, c, size = 3, padding = circular), norm <= 1
param b(t) : R[c]
field diffuse { u' = -K.T @ relu(K @ u + b) }
flow block = lie(diffuse: euler) over [0, 4] steps 4
claim block : lipschitz(1)
"""
ZERO_PADDED = CONVOLUTION.replace("padding = circular", "padding = zero")
ORTHOGONAL_KERNELS = CONVOLUTION.replace("norm <= 1", "orthogonal")
MASS = """model Mass
dim n = 10, m = 50, L = 32
state x : R[n]
param A(t) : R[m, n]
param a(t) : R[m]
param B(t) : R[n*(n-1)/2, m]
param c(t) : R[n*(n-1)/2]
field mix { x' = skew(relu(B @ relu(A @ x + a) + c)) @ ones(n) }
flow net = lie(mix: euler) over [0, 1] steps L
claim net : preserves(sum(x))
"""
SPECS = {"orthogonal": ORTHOGONAL, "free": FREE, "neural": NEURAL, "hamiltonian": HAMILTONIAN, "autonomous": AUTONOMOUS,
         "convolution": CONVOLUTION, "zero padded": ZERO_PADDED,
         "orthogonal kernels": ORTHOGONAL_KERNELS, "mass": MASS}
MODES = ("store", "checkpoint", "invert")


@cache
def compiled(name: str) -> type[nn.Module]:
    """The class that odenet emits for a spec."""
    return odenet.loads(SPECS[name], f"{name}.ode").module()


def emitted(name: str, data: Data, backprop: str = "store", **dims: int) -> Trained:
    """The emitted module with the parameters of `data`, where they have the shapes of its own.

    Raises:
        Missing: the module has no such way of backpropagation.
    """
    made = make(compiled(name), backprop, dtype=data.states[0].dtype, **dims)
    with torch.no_grad():
        for key, value in data.parameters.items():
            if getattr(made, key).shape == value.shape:
                getattr(made, key).copy_(value)
    return trained(made, data, {key: getattr(made, key) for key in data.parameters})


def make(model: type[nn.Module], backprop: str, **arguments: object) -> nn.Module:
    """An instance that keeps for backward what `backprop` says, one of MODES."""
    if "backprop" in inspect.signature(model).parameters:
        try:
            return model(**arguments, backprop=backprop)
        except (ValueError, NotImplementedError) as refused:
            raise Missing(f'not available: {refused}') from refused
    if backprop != "store":
        raise Missing(f'not available: emitted modules have no backprop="{backprop}" yet')
    return model(**arguments)


def values(name: str, data: Data, **dims: int) -> dict[str, Tensor]:
    """The constrained parameters that the emitted module makes of the raw ones."""
    work = emitted(name, data, **dims)
    module = work.call
    assert isinstance(module, nn.Module)
    with torch.no_grad():
        return {key: value.clone() for key, value in module.parameter_values().items()}

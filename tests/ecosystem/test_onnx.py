"""ONNX: onnxruntime computes the same numbers, for every batch size; charts that ONNX has no operation for are folded first."""
from __future__ import annotations

import logging

import onnx
import onnxruntime
import pytest
import torch

from .networks import batched, exported, flat, folded, inputs, network, written

logging.getLogger("torch.onnx").setLevel(logging.ERROR)
pytestmark = pytest.mark.filterwarnings("ignore")  # of the exporter about itself
AS_IT_IS = ("hamiltonian_net", "mass_preserving_sir", "presnov_net")
FOLDED = ("conv_nonexpansive", "digits", "pendulum", "switching")

SCHEDULES = """model Scheduled
dim n = 3
state x : R[n]
param A(t) : R[n, n], poly(3)
param B(t) : R[n, n], fourier(3)
param C(t) : R[n, n], linear(3)
field f { x' = A @ tanh(B @ x) + C @ x }
flow net = lie(f: heun) over [0, 1] steps 2
"""


def session(made, x, path):
    """A session of onnxruntime with the network `made`, written to `path`."""
    torch.onnx.export(made, x, path, dynamo=True, dynamic_shapes=batched(x), verbose=False)
    onnx.checker.check_model(onnx.load(path))
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", AS_IT_IS + FOLDED)
def test_onnxruntime_computes_the_same(name, tmp_path):
    own = network(name)
    made = own if name in AS_IT_IS else folded(exported(name))
    running = session(made, inputs(name, 5), str(tmp_path / "network.onnx"))
    for batch in (1, 2, 9):
        x = inputs(name, batch, seed=batch)
        given = {slot.name: block.numpy() for slot, block in zip(running.get_inputs(), x, strict=True)}
        found = flat(tuple(torch.from_numpy(block) for block in running.run(None, given)))
        wanted = flat(own(*x))
        assert (found - wanted).abs().max() <= 1e-5 * (1 + wanted.abs().max())


def test_parameters_that_change_within_a_step(tmp_path):
    own, x = written(SCHEDULES, "scheduled")(), torch.randn(5, 3)
    running = session(own, (x,), str(tmp_path / "network.onnx"))
    found, = running.run(None, {running.get_inputs()[0].name: x.numpy()})
    assert torch.allclose(torch.from_numpy(found), own(x), atol=1e-5)


@pytest.mark.parametrize(("name", "operation"), [("switching", "linalg_inv_ex"), ("conv_nonexpansive", "linalg_qr")])
def test_charts_without_an_operation_in_onnx(name, operation):
    """Should this fail, the exporter has learned the operation and docs/training.md may say so."""
    with pytest.raises(torch.onnx.OnnxExporterError, match=operation):
        torch.onnx.export(exported(name), dynamo=True, verbose=False)


def test_the_network_is_left_as_it_was():
    own = network("switching")
    before = {key: value.clone() for key, value in own.state_dict().items()}
    folded(torch.export.export(own, inputs("switching", 5)))
    assert all(torch.equal(value, before[key]) for key, value in own.state_dict().items())
    assert all(parameter.requires_grad for parameter in own.parameters())

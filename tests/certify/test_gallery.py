"""Each spec of the gallery: its module has a constant, or a reason why there is none."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from odenet.certify.analysis import certificate, inputs
from odenet.certify.segments import Chain
from odenet.certify.tape import Unbounded, record
from odenet.driver import NotProved, load, loads

GALLERY = Path(__file__).parents[2] / "specs" / "gallery"
SMALL = {"L": 2, "c": 3, "n": 4, "more": 4, "m": 5}
IMAGES = ("conv_nonexpansive", "orthogonal_conv")  # read only: their bounds take long
GAPS = {
    "density": "two values that depend on the state are multiplied",
    "driven_duffing": "no bound is known of Tensor.__pow__",
    "lorenz": "refuted",
    "presnov_field": "what runs depends on the input",
    "presnov_regression": "two values that depend on the state are multiplied",
    "thresholds": "no bound is known of Tensor.gt",
    "presnov_net": "two values that depend on the state are multiplied",
}


def emitted(path: Path):
    loaded = load(path)
    loaded.verify(2.0)
    free = [d.name for d in loaded.model.dims if d.is_free]
    torch.manual_seed(0)
    return loaded, loaded.module(allow_undecided=True, **{k: v for k, v in SMALL.items() if k in free})()


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.ode")), ids=lambda p: p.stem)
def test_each_module_has_a_constant_or_a_reason(path: Path) -> None:
    try:
        loaded, module = emitted(path)
    except NotProved:
        assert GAPS[path.stem] == "refuted"
        return
    if path.stem in IMAGES:
        module.eval()
        chain = Chain(record(module, inputs(loaded, module, torch.float32)))
        assert len(chain.segments) > 2
        return
    found = certificate(loaded, module)
    if path.stem in GAPS:
        assert GAPS[path.stem] in found.gap
        return
    assert not found.gap
    assert 0 < found.measured <= found.constant < math.inf
    assert float(found.rounding(1.0)) < math.inf
    assert found.proved is None or found.measured <= found.proved * (1 + 1e-3)


SPEC = """model M
state x : R[3]
param A : R[3, 3]
field f {{ x' = -tanh(A @ x) }}
flow g = lie(f: {method}) over [0, 1] steps 2
"""


@pytest.mark.parametrize("method", ["euler", "heun", "rk4"])
def test_explicit_methods_have_a_constant(method: str) -> None:
    loaded = loads(SPEC.format(method=method))
    assert not certificate(loaded, loaded.module()()).gap


def test_implicit_methods_say_why_not() -> None:
    loaded = loads(SPEC.format(method="implicit_midpoint"))
    found = certificate(loaded, loaded.module()())
    assert "depends on the input" in found.gap


def test_a_spec_without_a_flow_says_why_not() -> None:
    loaded = loads("model M\nstate x : R\nfield f { x' = -x }\nclaim f : nonexpansive\n")
    found = certificate(loaded, loaded.module()())
    assert "no map to bound" in found.gap and found.proved is None
    with pytest.raises(Unbounded):
        inputs(loaded, torch.nn.Identity(), torch.float32)

"""The state dict: keys and shapes of the gallery for all dims, and its way through files."""
from __future__ import annotations

import inspect

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, load_model, save_file, save_model

from odenet.gallery import gallery_text

from .networks import SMALL, flat, inputs, network, written

# By the dims of a spec the keys in their order, and shapes. Saved weights depend on this table: change no row, add rows.
STATES = {
    "conv_nonexpansive": lambda c: {"K": (8, c, c, 3, 3), "b": (8, c), "linear_1.weight": (10, 256 * c), "linear_1.bias": (10,)},
    "digits": lambda more, L: {"A": (L, 64 + more, 64 + more), "B": (L, 64 + more, 64 + more), "b": (L, 64 + more),
                               "c": (L, 64 + more), "hc": (L,), "he": (L,), "linear_1.weight": (10, 64 + more),
                               "linear_1.bias": (10,)},
    "driven_duffing": lambda: {},
    "hamiltonian_net": lambda n, m: {"K": (8, m, n), "a": (8, m), "M": (8, m, n)},
    "mass_preserving_sir": lambda n, m, L: {"A": (L, m, n), "a": (L, m), "B": (L, n * (n - 1) // 2, m),
                                            "c": (L, n * (n - 1) // 2)},
    "pendulum": lambda: {"k": (1,)},
    "presnov_net": lambda n, m, L: {"A": (L, m, n), "a": (L, m), "d": (L, m), "B": (L, m, n), "b": (L, m),
                                    "C": (L, n * (n - 1) // 2, m)},
    "switching": lambda n, L: {"A": (L, n, n), "b": (L, n), "hc": (L,), "he": (L,)},
}


def test_the_table_is_complete():
    assert set(STATES) == set(SMALL)


@pytest.mark.parametrize("name", STATES)
def test_keys_and_shapes(name):
    kind = written(gallery_text(name), name)
    defaults = {k: p.default for k, p in inspect.signature(kind).parameters.items() if isinstance(p.default, int)}
    for dims in (defaults, {**defaults, **SMALL[name].dims}, {key: value + 1 for key, value in defaults.items()}):
        state = kind(**dims, device="meta").state_dict()
        assert [(key, tuple(value.shape)) for key, value in state.items()] == list(STATES[name](**dims).items())


@pytest.mark.parametrize("name", STATES)
def test_safetensors(name, tmp_path):
    first, second = network(name, seed=0), network(name, seed=1)
    save_file(first.state_dict(), tmp_path / "weights.safetensors", metadata={"spec": f"{name}.ode"})
    second.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    x = inputs(name, 3)
    assert torch.equal(flat(first(*x)), flat(second(*x)))
    with safe_open(tmp_path / "weights.safetensors", "pt") as file:
        assert set(file.keys()) == set(first.state_dict()) and file.metadata()["spec"] == f"{name}.ode"


def test_safetensors_of_a_model(tmp_path):
    first, second = network("digits", seed=0), network("digits", seed=1)
    save_model(first, str(tmp_path / "weights.safetensors"))
    assert load_model(second, str(tmp_path / "weights.safetensors")) == (set(), [])
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_only_tensors_are_read(tmp_path):
    """`weights_only` is what torch recommends for files of others."""
    first, second = network("digits", seed=0), network("digits", seed=1)
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_weights_of_other_dims_are_refused():
    kind = written(gallery_text("switching"), "switching")
    with pytest.raises(RuntimeError, match=r"size mismatch for A.*\[3, 6, 6\].*\[3, 7, 7\]"):
        kind(n=7, L=3).load_state_dict(kind(n=6, L=3).state_dict())

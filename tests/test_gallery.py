"""The gallery: each spec names its source, gets the verdicts written here, and its module does what is proved."""
from __future__ import annotations

from functools import cache

import pytest
import torch

from odenet.driver import NotProved, loads
from odenet.gallery import gallery_names, gallery_text
from odenet.proof.show import claim_text
from odenet.syntax import format_spec, parse
from odenet.text import Source

# claim -> verdict
EXPECTED = {
    "conv_nonexpansive": {"block : averaged(8/9)": "proved", "block : lipschitz(1)": "proved",
                          "classifier : lipschitz(1)": "proved"},
    "density": {"shift_x + shift_y : divergence_free": "proved", "net : invertible": "proved"},
    "digits": {"contract : nonexpansive": "proved", "layers : lipschitz(1)": "proved", "classifier : lipschitz(1)": "proved"},
    "diffusion": {"spread : gradient": "proved", "spread : nonexpansive": "proved", "spread : preserves(sum(x))": "proved",
                  "spread : positive": "proved", "heat : lipschitz(1)": "proved", "heat : preserves(sum(x))": "proved",
                  "heat : positive": "proved", "heat : invertible": "proved", "heat : dissipates(dot(x, x))": "proved"},
    "driven_duffing": {"drift + kick : hamiltonian": "proved", "drift + kick : divergence_free": "proved",
                       "net : symplectic": "proved", "net : order(2)": "proved"},
    "hamiltonian_lift": {"kick + drift : hamiltonian(T(p) + V(q))": "proved", "kick + drift : divergence_free": "proved",
                         "lift : symplectic": "proved", "lift : volume_preserving": "proved", "lift : invertible": "proved"},
    "hamiltonian_net": {"drift + kick : hamiltonian(T(p) + V(q))": "proved", "drift + kick : reversible": "proved",
                        "net : symplectic": "proved", "net : volume_preserving": "proved", "net : invertible": "proved",
                        "net : order(2)": "proved", "net : symmetric": "proved"},
    "images_flexible": {"contract : nonexpansive": "proved", "fine : lipschitz(1)": "proved", "coarse : lipschitz(1)": "proved",
                        "classifier : lipschitz(1)": "proved"},
    "images_naive": {"fine_layer : nonexpansive": "proved", "coarse_layer : nonexpansive": "proved",
                     "classifier : lipschitz(1)": "proved"},
    "images_nonexpansive": {"fine_layer : nonexpansive": "proved", "coarse_layer : nonexpansive": "proved",
                            "classifier : lipschitz(1)": "proved"},
    "images_prescribed": {"contract : nonexpansive": "proved", "fine : lipschitz(1)": "proved", "coarse : lipschitz(1)": "proved",
                          "classifier : lipschitz(1)": "proved"},
    "images_residual": {"fine : equivariant(translation)": "proved", "coarse : equivariant(translation)": "proved"},
    "lorenz": {"all : divergence_free": "refuted", "all : nonexpansive": "refuted"},
    "mass_preserving_sir": {"mix : preserves(sum(x))": "proved", "net : preserves(sum(x))": "proved"},
    "orthogonal_conv": {"contract : nonexpansive": "proved", "fine : lipschitz(1)": "proved", "coarse : lipschitz(1)": "proved",
                        "classifier : lipschitz(1)": "proved"},
    "pendulum": {"kinetic + potential : hamiltonian": "proved", "kinetic + potential : divergence_free": "proved",
                 "pendulum : symplectic": "proved", "pendulum : order(2)": "proved", "pendulum : invertible": "proved"},
    "presnov_field": {"climb : gradient(V(x))": "proved", "turn : preserves(dot(x, x))": "proved",
                      "rise : dissipates(-V(x))": "proved", "sphere : preserves(dot(x, x))": "proved"},
    "presnov_net": {"grow : gradient": "proved", "rotate : preserves(dot(x, x))": "proved"},
    "presnov_regression": {"grow : gradient(V(x))": "proved", "rotate : preserves(dot(x, x))": "proved",
                           "turns : preserves(dot(x, x))": "proved"},
    "pruned": {"layer : nonexpansive": "proved", "layers : lipschitz(1)": "proved", "classifier : lipschitz(1)": "proved"},
    "reservoir": {"mix : nonexpansive": "proved", "reservoir : lipschitz(1)": "proved"},
    "second_order_net": {"drift + force : divergence_free": "proved", "drift + force : reversible": "proved",
                         "net : volume_preserving": "proved", "net : invertible": "proved", "net : order(2)": "proved",
                         "net : symmetric": "proved", "net : reversible": "proved"},
    "series": {"layer : nonexpansive": "proved", "classifier : lipschitz(1)": "proved"},
    "signs": {"push + pull : hamiltonian": "proved", "net : symplectic": "proved", "net : volume_preserving": "proved",
              "net : invertible": "proved"},
    "sir_map": {"mix : preserves(sum(u))": "proved", "blend : preserves(sum(w))": "proved",
                "sir : preserves(sum(x))": "proved"},
    "sir_step": {"mix : preserves(sum(u))": "proved", "sir : preserves(sum(x))": "proved"},
    "switching": {"contract : nonexpansive": "proved", "net : lipschitz(1)": "proved"},
    "thresholds": {"settle : nonexpansive": "proved", "settle : dissipates(dot(x, x))": "proved"},
    "volume_preserving_net": {"first + second : divergence_free": "proved", "net : volume_preserving": "proved",
                              "net : invertible": "proved", "net : order(2)": "proved", "net : symmetric": "proved"},
}
IMAGES = ("flexible", "naive", "nonexpansive", "prescribed", "residual")
# Shapes of the inputs of the emitted class, and small dims for what is large.
INPUTS = {"conv_nonexpansive": ((3, 32, 32),), "density": ((), ()), "diffusion": ((12,),), "digits": ((64,),),
          "driven_duffing": ((), ()), "pruned": ((64,),), "reservoir": ((64,),), "series": ((64,),), "signs": ((6,), (6,)),
          "thresholds": ((64,),),
          "hamiltonian_lift": ((2,), (2,)), "hamiltonian_net": ((2,), (2,)),
          **{f"images_{name}": ((4, 6, 6),) for name in IMAGES}, "mass_preserving_sir": ((3,),),
          "orthogonal_conv": ((3, 32, 32),),
          "pendulum": ((), ()), "presnov_field": ((4,),), "presnov_net": ((10,),), "presnov_regression": ((1,),),
          "second_order_net": ((2,), (2,)), "sir_map": ((3,),), "sir_step": ((3,),), "switching": ((64,),),
          "volume_preserving_net": ((1,), (1,))}
DIMS = {"conv_nonexpansive": {"c": 4}, "signs": {"n": 6, "m": 5}, "orthogonal_conv": {"c": 4, "L": 2}, "presnov_field": {"m": 4},
        **{f"images_{name}": {"m": 3, "c": 4} for name in IMAGES}}
INVERTIBLE = ("density", "diffusion", "driven_duffing", "hamiltonian_lift", "hamiltonian_net", "pendulum", "second_order_net",
              "signs",
              "volume_preserving_net")
KEEPS_SUM = ("diffusion", "mass_preserving_sir", "sir_map", "sir_step")
LIPSCHITZ = ("conv_nonexpansive", "diffusion", "digits", *(f"images_{name}" for name in IMAGES[:-1]), "orthogonal_conv",
             "pruned", "series", "switching")


@cache
def load(name):
    return loads(gallery_text(name), f"{name}.ode")


def module(name):
    """The emitted class in float64, its numbers far from where they start."""
    torch.manual_seed(0)
    found = load(name).module(**DIMS.get(name, {}))(dtype=torch.float64)
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.add_(torch.randn_like(parameter) * (0.2 if name in INVERTIBLE else 1.0))
    return found


def inputs(name, batch=5):
    torch.manual_seed(1)
    return tuple(torch.randn(batch, *shape, dtype=torch.float64) for shape in INPUTS[name])


def flat(blocks):
    blocks = (blocks,) if isinstance(blocks, torch.Tensor) else blocks
    return torch.cat([block.reshape(block.shape[0], -1) for block in blocks], 1)


def test_the_tables_are_complete():
    assert set(EXPECTED) == set(gallery_names())
    assert set(INPUTS) == {name for name, rows in EXPECTED.items() if set(rows.values()) == {"proved"}}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_spec_names_its_source(name):
    comments = [line for line in gallery_text(name).splitlines() if line.startswith("#")]
    assert any("Source:" in line for line in comments)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_spec_survives_formatting(name):
    once = format_spec(parse(Source(name, gallery_text(name))))
    assert format_spec(parse(Source(name, once))) == once and "Source:" in once


@pytest.mark.parametrize("name", EXPECTED)
def test_verdicts(name):
    findings = load(name).report.findings
    assert {claim_text(f.claim): f.verdict for f in findings} == EXPECTED[name]


def test_what_is_refuted_is_not_emitted():
    with pytest.raises(NotProved):
        load("lorenz").source(allow_undecided=True)


@pytest.mark.parametrize("name", INPUTS)
def test_forward_and_backward(name):
    network, x = module(name), tuple(block.requires_grad_() for block in inputs(name))
    out = flat(network(*x))
    assert torch.isfinite(out).all()
    out.square().sum().backward()
    gradients = [p.grad for p in (*network.parameters(), *x)]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("name", INVERTIBLE)
def test_inverse(name):
    network, x = module(name), inputs(name)
    out = network(*x)
    back = network.inverse(*(out if isinstance(out, tuple) else (out,)))
    assert torch.allclose(flat(back), flat(x), atol=1e-8)


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_nothing_expands(name):
    network, x = module(name), inputs(name, 16)[0]
    y = x + 0.1 * torch.randn_like(x)
    stretch = (flat(network(x)) - flat(network(y))).norm(dim=1) / (x - y).flatten(1).norm(dim=1)
    assert stretch.max() <= 1 + 1e-10


@pytest.mark.parametrize("name", KEEPS_SUM)
def test_a_sum_is_kept(name):
    network, (x,) = module(name), inputs(name)
    after = network(x).detach()
    size = float(after.abs().max().clamp(min=1e3))  # numbers far from 0 cancel in the sum
    assert torch.allclose(after.sum(-1), x.sum(-1), rtol=0, atol=1e-12 * size)


def test_a_norm_is_kept_by_the_part_that_turns():
    for name, turns, size in (("presnov_regression", "turns", 10), ("presnov_field", "sphere", 4)):
        network, x = module(name), torch.randn(5, size, dtype=torch.float64)
        assert torch.allclose(getattr(network, turns)(x).norm(dim=-1), x.norm(dim=-1))
    network, (x,) = module("presnov_net"), inputs("presnov_net")
    assert not torch.allclose(network(x).norm(dim=-1), x.norm(dim=-1))


@pytest.mark.parametrize("name", ("driven_duffing", "hamiltonian_lift", "hamiltonian_net", "pendulum", "signs"))
def test_symplectic(name):
    network, x = module(name), inputs(name, 1)
    n = flat(x).shape[1] // 2
    shapes = [block.shape for block in x]

    def run(z):
        parts = z.split(n)
        return flat(network(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))))[0]

    slope = torch.autograd.functional.jacobian(run, flat(x)[0])
    form = torch.zeros(2 * n, 2 * n, dtype=torch.float64)
    form[:n, n:], form[n:, :n] = torch.eye(n), -torch.eye(n)
    assert torch.allclose(slope.T @ form @ slope, form, atol=1e-7)

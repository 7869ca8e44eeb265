"""Flows as transforms of `torch.distributions`: densities, samples, composition, the cache."""
from __future__ import annotations

import copy
import pickle

import pytest
import torch
from compiling import compile_text, compiled
from torch.distributions import ComposeTransform, Independent, Normal, TransformedDistribution
from torch.distributions.transforms import AffineTransform

double = torch.float64
SPEC = """
model Stretched
dim n = 2
state x : R[n]
state y : R[n]
state s : R
param A : R[n, n]
param k(t) : R[n], positive
field grow { x' = k * x + sin(y)  s' = tanh(y[0]) * s }
field bend { y' = tanh(A @ x) + s * ones(n) }
field turn { x' = A @ x }
flow net = strang(grow, bend, turn) over [0, 1] steps 3
"""


@pytest.fixture(name="made")
def stretched():
    return compile_text(SPEC).make(seed=41)


def base(size):
    return Independent(Normal(torch.zeros(size, dtype=double), torch.ones(size, dtype=double)), 1)


@pytest.mark.parametrize("cache_size", [0, 1])
def test_densities_are_those_of_the_change_of_variables(made, cache_size):
    transform = made.transform(cache_size)
    assert transform.bijective and transform.domain.event_dim == transform.codomain.event_dim == 1
    torch.manual_seed(42)
    z = torch.randn(4, 3, 5, dtype=double)
    y = transform(z)
    blocks = made(z[..., :2], z[..., 2:4], z[..., 4])
    assert torch.equal(y, torch.cat((blocks[0], blocks[1], blocks[2][..., None]), -1))
    slopes = torch.func.vmap(torch.func.vmap(torch.func.jacrev(made.transform())))(z)
    wanted = base(5).log_prob(z) - torch.linalg.slogdet(slopes)[1]
    found = TransformedDistribution(base(5), transform).log_prob(y)
    assert found.shape == (4, 3) and torch.allclose(found, wanted, atol=1e-10)
    assert torch.allclose(transform.inv(y), z, atol=1e-10)
    assert transform(z[:0]).shape == transform.inv(z[:0]).shape == (0, 3, 5)
    y = transform(z)
    assert torch.allclose(transform.inv.log_abs_det_jacobian(y, z), -transform.log_abs_det_jacobian(z, y), atol=1e-10)


def test_samples_have_gradients(made):
    found = TransformedDistribution(base(5), made.transform())
    assert found.event_shape == (5,) and found.batch_shape == ()
    found.rsample((7,)).square().sum().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in made.parameters())
    assert not found.sample((7,)).requires_grad


def test_composition(made):
    shift = AffineTransform(torch.ones(5, dtype=double), 2 * torch.ones(5, dtype=double), event_dim=1)
    both = ComposeTransform([made.transform(), shift, made.transform().inv])
    z = torch.randn(3, 5, dtype=double)
    y = both(z)
    assert torch.allclose(both.inv(y), z, atol=1e-10)
    wanted = torch.linalg.slogdet(torch.func.vmap(torch.func.jacrev(both))(z))[1]
    assert torch.allclose(both.log_abs_det_jacobian(z, y), wanted, atol=1e-10)
    density = TransformedDistribution(base(5), [made.transform(), shift])
    assert torch.allclose(density.log_prob(density.sample((2,))).exp() > 0, torch.tensor(True))


def test_the_cache(made):
    """One pass: the log-determinant is kept with the pair it belongs to, and with no other."""
    plain, kept = made.transform(), made.transform().with_cache(1)
    assert kept.with_cache(1) is kept and plain.with_cache(0) is plain
    calls = []
    run = made._run_net_and_log_det
    made._run_net_and_log_det = lambda *blocks: (calls.append(1), run(*blocks))[1]
    z = torch.randn(3, 5, dtype=double)
    y = kept(z)
    first = kept.log_abs_det_jacobian(z, y)
    assert calls == [1] and kept.inv(y) is z
    assert torch.equal(kept.log_abs_det_jacobian(z.clone(), y), first) and calls == [1, 1]
    x = kept.inv(y.clone())
    assert kept(x) is not y and torch.allclose(x, z, atol=1e-10)
    with torch.no_grad():
        made.A += 1
    other = plain(z)
    assert not torch.allclose(other, y) and not torch.allclose(plain.log_abs_det_jacobian(z, other), first)


def test_a_transform_is_copied_and_pickled():
    made = compiled("pendulum").make()
    transform = made.transform(1)
    z = torch.randn(3, 2, dtype=double)
    for other in (copy.deepcopy(transform), pickle.loads(pickle.dumps(transform))):
        assert torch.equal(other(z), transform(z))


def test_a_wrong_size_is_named(made):
    with pytest.raises(ValueError, match=r"must have shape \[\.\.\., 5\], got \[3, 4\]"):
        made.transform()(torch.zeros(3, 4, dtype=double))

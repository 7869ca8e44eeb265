"""What the recorder must see, or refuse: every way in which the input reaches the output."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from odenet.certify.tape import Unbounded, record
from tests.certify.modules import Call, bound, steepest

W = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.0, 1.5, -1.0, 0.2], [2.0, 0.3, 0.7, -0.4], [-1.0, 1.0, 1.0, 1.0]], dtype=torch.float64)
B = torch.tensor([0.5, -1.0, 2.0, 3.0], dtype=torch.float64)


class Times5(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 5

    @staticmethod
    def backward(ctx, g):
        return g * 5


class Same(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, g):
        return g


@torch.jit.script
def scripted(x):
    return 5 * x


def added_in_place(x):
    y = x * 1
    y += 2 * x
    return y


def part_added_in_place(x):
    y = x * 1
    y[:, :2].add_(5 * x[:, :2])
    return y


def relu_in_place(x):
    y = x * 3
    F.relu(y, inplace=True)
    return x - y


def through_an_alias(x):
    y = Same.apply(x * 1)
    y.detach().mul_(3)
    return y


def into_a_buffer(x):
    kept = torch.zeros(1, 4, dtype=x.dtype)
    kept[:, :2] = x[:, :2]
    return x + kept


REFUSED = {
    "added in place": added_in_place,
    "part added in place": part_added_in_place,
    "relu in place": relu_in_place,
    "leaky_relu in place": lambda x: F.leaky_relu(x * 3, 5.0, inplace=True),
    "through an alias": through_an_alias,
    "into a buffer": into_a_buffer,
    "out": lambda x: torch.mul(x, 5, out=torch.zeros(1, 4, dtype=x.dtype)) + x,
    "vmap": lambda x: x + torch.func.vmap(lambda row: 5 * row)(x),
    "script": lambda x: x + scripted(x),
    "aten": lambda x: x + torch.ops.aten.mul(x, 5),
    "item": lambda x: x * x[0, 0].item(),
    "if": lambda x: x if x.sum() > 0 else 2 * x,
    "tolist": lambda x: x + torch.tensor(x.tolist()),
    "numpy": lambda x: x + torch.from_numpy(x.numpy()),
    "data": lambda x: x + 5 * x.data,
    "a slice's end": lambda x: x + W[: int((x.sum() > 0).long()) + 1].sum(),
    "a slice's end as a tensor": lambda x: x + W[: (x.sum() > 0).long() + 1].sum(),
    "an index": lambda x: x + W[x.argmax()],
    "a mask": lambda x: x[x > 0],
    "a mask of constants": lambda x: B[x[0] > 0].sum() + x,
    "where": lambda x: torch.where(x > 0, x, 5 * x),
    "other bits": lambda x: x.view(torch.int64).view(torch.float64) * 1.0,
    "half precision": lambda x: x.half().double(),
    "single precision": lambda x: x.float() * 2,
    "rounded": lambda x: torch.div(x, 0.1, rounding_mode="floor"),
    "tanh's gelu": lambda x: F.gelu(x, approximate="tanh"),
    "elu with a negative alpha": lambda x: F.elu(x, -2.0),
    "softplus with a jump": lambda x: F.softplus(x),
    "products": lambda x: x * x,
    "a square as a product": lambda x: x.reshape(4, 1) @ x,
    "quotients": lambda x: 1 / x,
    "no output": lambda x: B.reshape(1, 4) * 1,
    "a dictionary": lambda x: {"y": x},
    "too small a number": lambda x: x.to(torch.float64) * 1e-310,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_seen_is_refused(name: str) -> None:
    with pytest.raises(Unbounded):
        bound(REFUSED[name], (4,))


@pytest.mark.parametrize("name", ["autocast", "float32 constants of another precision"])
def test_a_change_of_precision_is_refused(name: str) -> None:
    def cast(x):
        if name == "autocast":
            with torch.autocast("cpu", torch.bfloat16):
                return F.linear(x, W.float()) + x
        return x * B

    with pytest.raises(Unbounded, match="precision"):
        bound(cast, (4,), dtype=torch.float32)


SEEN = {
    "a function of its own": lambda x: x + Times5.apply(x),
    "identity": lambda x: x,
    "twice": lambda x: (x @ W, x @ W),
    "one value twice": lambda x: (lambda y: (y, y))(x @ W),
    "a view of the same": lambda x: (lambda y: (y, y.reshape(2, 2), 2 * y))(x @ W),
    "input given out": lambda x: (x, x),
    "input and more": lambda x: (torch.tanh(x), x),
    "dropout": lambda x: F.dropout(x, training=False) * 2,
    "zeros like it": lambda x: torch.zeros_like(x) + 3 * x,
    "its own shape": lambda x: x * x.shape[1],
    "contiguous": lambda x: x.contiguous() + x,
}


@pytest.mark.parametrize("name", SEEN)
def test_what_is_seen_is_bounded(name: str) -> None:
    found, true = bound(SEEN[name], (4,)).constant, steepest(SEEN[name], (4,))
    assert true <= found * (1 + 1e-12)
    assert found <= true * 1.2


def test_constants_keep_the_numbers_that_ran() -> None:
    def changed(x):
        factor = torch.ones(4, dtype=torch.float64)
        y = x * factor
        factor.mul_(0)
        return y

    found = bound(changed, (4,))
    assert found.constant >= 1
    x = torch.randn(3, 4, dtype=torch.float64)
    assert torch.equal(found.tape.replay((x,), torch.float64)[0], x)


def test_a_buffer_filled_before_does_not_hide_the_input() -> None:
    kept = torch.zeros(1, 4, dtype=torch.float64)

    def remembers(x):
        kept.copy_(x)
        return x + kept

    with pytest.raises(Unbounded):
        bound(remembers, (4,))


def test_a_module_that_fails_says_so() -> None:
    with pytest.raises(Unbounded, match="does not run"):
        record(Call(lambda x: x @ W[:2]), [torch.zeros(1, 4, dtype=torch.float64)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_replay_is_the_module(dtype: torch.dtype) -> None:
    w = W.to(dtype)

    def net(x, y):
        a, b = torch.tanh(torch.cat((x, y), 1) @ w).chunk(2, 1)
        return x + 0.1 * a, F.leaky_relu(y - b, 0.3)

    found = bound(net, (2,), (2,), dtype=dtype)
    x, y = torch.randn(5, 2, dtype=dtype), torch.randn(5, 2, dtype=dtype)
    for one, two in zip(found.tape.replay((x, y), dtype), net(x, y), strict=True):
        assert torch.allclose(one, two, rtol=1e-6 if dtype == torch.float32 else 1e-14)

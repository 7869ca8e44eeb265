"""The prelude as the compiler reads it, for the tests beside this file."""
from __future__ import annotations

from odenet.ir.model import Scheme
from odenet.ir.schemes import prelude
from odenet.schemes.lifting import expand
from odenet.schemes.numbers import Exact, exact

ORDERS = {"lie": 1, "strang": 2, "mclachlan2": 2, "ruth3": 3, "yoshida4": 4, "suzuki4": 4, "mclachlan4": 4,
          "blanes_moan": 4, "triple_jump6": 6, "suzuki6": 6, "triple_jump8": 8}
SYMMETRIC = {name: name not in ("lie", "ruth3") for name in ORDERS}


def scheme(name: str) -> Scheme:
    return prelude()[name]


def stages(name: str, parts: int = 2) -> list[tuple[int, Exact]]:
    found = expand(scheme(name), parts)
    assert found is not None
    return [(part, exact(coefficient)) for part, coefficient in found]

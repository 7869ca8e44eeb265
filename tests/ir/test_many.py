"""What is read grows with the number of statements, not with its square."""
from __future__ import annotations

from collections import Counter

from odenet.driver import loads
from odenet.ir.scope import Scope

LOOKED: Counter[str] = Counter()


class Entries(dict):
    """The names of a spec, which count how often all of them are gone through."""

    def values(self):
        LOOKED["values"] += 1
        return super().values()

    def items(self):
        LOOKED["items"] += 1
        return super().items()


def _looks(count, monkeypatch):
    LOOKED.clear()
    begin = Scope.__init__

    def counted(self, *arguments, **more):
        begin(self, *arguments, **more)
        self.entries = Entries(self.entries)

    with monkeypatch.context() as patched:
        patched.setattr(Scope, "__init__", counted)
        dims = "".join(f"dim n{i} = {i + 1}\nparam a{i} : R[n{i}]\nconst c{i} = {i}\n" for i in range(count))
        loads(f"model M\nstate x : R\n{dims}field f {{ x' = -x }}\n")
    return LOOKED.total()


def test_all_names_are_gone_through_a_fixed_number_of_times(monkeypatch):
    assert 0 < _looks(40, monkeypatch) == _looks(4, monkeypatch)

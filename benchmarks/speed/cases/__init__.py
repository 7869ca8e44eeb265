"""The work that is measured, one file for each kind. `all_cases` lists it; the smaller list is that of `--quick`."""
from __future__ import annotations

from benchmarks.speed.cases import convolution, dense, hamiltonian, mass, neural, undoing
from benchmarks.speed.subject import Case

KINDS = ("dense", "neural", "hamiltonian", "convolution", "mass", "undoing", "growth")


def all_cases(quick: bool = False) -> dict[str, list[Case]]:
    """Cases by kind. `growth` is no case but a sweep, in `sweeps`."""
    return {"dense": dense.cases(quick), "neural": [neural.case()], "hamiltonian": hamiltonian.cases(quick),
            "convolution": [convolution.case(8 if quick else 32)], "mass": [mass.case()], "undoing": undoing.cases(quick)}

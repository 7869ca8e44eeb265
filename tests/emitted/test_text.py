"""The text itself: alone, deterministic, in layout, free of anything that a spec's author wrote but names."""
from __future__ import annotations

import ast
import subprocess
import symtable
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from compiling import SPECS, WORKED, compile_text, compiled, import_text, worked

from odenet.diagnostics import Rejected
from odenet.emit import elementwise, emit, library
from odenet.emit.expressions import WRITTEN
from odenet.emit.tree import Name
from odenet.ir.node import OPERATIONS
from odenet.operators.functions import FUNCTIONS
from odenet.sets import SETS

ROOT = Path(__file__).parents[2]
RUFF = [sys.executable, "-m", "ruff"]
NAMES = sorted(path.stem for path in SPECS.glob("*.ode"))
ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "odenet":
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import torch
for name in sys.argv[2:]:
    made = getattr(__import__(name), name)()
    print(name, sum(p.numel() for p in made.parameters()))
assert "odenet" not in sys.modules
"""
EMITTING = """
import sys
from odenet.emit import emit
from odenet.ir import build
from odenet.plan import plan_flow
from odenet.syntax import parse
from odenet.text import Source
for path in sys.argv[1:]:
    model = build(parse(Source("a.ode", open(path).read())))
    print(emit(model, {f.name: plan_flow(model, f) for f in model.flows}, (), digest="0", version="0"))
assert "torch" not in sys.modules, "the compiler imports torch"
"""


def test_modules_run_alone(tmp_path):
    names = []
    for name in NAMES:
        found = compiled(name)
        (tmp_path / f"{found.model.name}.py").write_text(found.text)
        names.append(found.model.name)
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path), *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(names)


def test_the_same_text_under_every_hash_seed():
    paths = [str(path) for path in sorted(SPECS.glob("*.ode"))]
    texts = {
        subprocess.run([sys.executable, "-c", EMITTING, *paths], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(ROOT)}).stdout
        for seed in "012"
    }
    assert len(texts) == 1 and len(next(iter(texts))) > 10_000


def test_layout_and_lint(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(compiled(name).text)
    line = ["--isolated", "--line-length", "120"]
    layout = subprocess.run([*RUFF, "format", "--diff", *line, str(tmp_path)], capture_output=True, text=True, check=False)
    assert layout.returncode == 0, layout.stdout
    lint = subprocess.run([*RUFF, "check", *line, "--select", "E,F,I,B,UP", "--ignore", "E741", str(tmp_path)],
                          capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout


@pytest.mark.parametrize("name", NAMES)
def test_imports_are_torch_and_the_standard_library(name):
    for node in ast.walk(ast.parse(compiled(name).text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            allowed = ("torch", "math", "typing", "collections", "contextlib", "dataclasses", "warnings", "__future__")
            assert all(n.split(".")[0] in allowed for n in names)


def test_no_text_of_the_spec_gets_in():
    source = '''# EVIL """ import os
model Quiet
dim n = 2 # """ + EVIL
state x : R[n] # \\""" EVIL
param a : R, positive = 1
field f { x' = -a * x } # EVIL
flow g = lie(f) over [0, 1] steps 2 # """EVIL"""
claim g : order(1) # EVIL
'''
    for name in ('../EVIL/"""\nimport os\n"""/spec.ode', 'C:\\EVIL\\"""quoted.ode'):
        found = compile_text(source, name, proved=True)
        assert "EVIL" not in found.text and "import os" not in found.text
        ast.parse(found.text)
    hidden = compile_text(source, "spec.ode")
    changed = emit(hidden.model, hidden.plans, (), digest='"""\nimport os', version='\\"""x')
    assert "\nimport os" not in changed
    assert ast.get_docstring(ast.parse(changed)).startswith("Quiet: compiled by odenet")


def test_the_head_names_spec_digest_claims_and_conditions():
    text = compiled("hamiltonian_net").text
    head = ast.get_docstring(ast.parse(text))
    assert "hamiltonian_net.ode" in head and "SHA-256" in head
    assert "- drift + kick : hamiltonian(T(p) + V(q)): proved by assumed" in head
    assert "- net : symplectic: proved by assumed" in head and "if a condition" in head


def test_dims_change_defaults():
    found = compiled("switching")
    text = emit(found.model, found.plans, (), digest="0", version="0", dims={"n": 7})
    made = import_text(text, "Switching").Switching()
    assert (made.n, made.L) == (7, 16)


def test_every_operation_has_a_form():
    assert WRITTEN == OPERATIONS, f"no torch form for {sorted(OPERATIONS - WRITTEN)}"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_agree_with_numpy_and_keep_their_type(name):
    row = FUNCTIONS[name]
    parameters = [d if d is not None else __import__("fractions").Fraction(1, 3) for d in row.defaults]
    text = elementwise.tensor_text(name, Name("x"), "x", parameters).text
    used = [elementwise.RUNTIME[name]] if name in elementwise.RUNTIME else []
    source = ("import math\nimport torch\nimport torch.nn.functional as F\nfrom torch import Tensor\n\n\n"
              + "\n\n".join(e.text for e in library.closure(used)) + f"\n\ndef function(x):\n    return {text}\n")
    function = import_text(source, f"function_{name}").function
    x = torch.linspace(-3, 3, 41, dtype=torch.float64)
    x = x.abs() + 0.1 if row.domain in ("positive", "nonnegative") else x + 0.013
    x = x / 3 if row.domain == "off the poles" else x
    wanted = row.numpy(x.numpy(), *map(float, parameters))
    assert np.allclose(function(x).numpy(), wanted, rtol=1e-12, atol=1e-14)
    for dtype in (torch.float32, torch.bfloat16):
        assert function(x.to(dtype)).dtype == dtype
    grown = x.clone().requires_grad_()
    out = function(grown)
    if out.requires_grad:
        assert torch.isfinite(torch.autograd.grad(out.sum(), grown)[0]).all()
    at_zero = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    if row.domain == "all" and function(at_zero).requires_grad:
        assert torch.isfinite(torch.autograd.grad(function(at_zero).sum(), at_zero)[0]).all()


def test_a_number_beyond_floating_point_is_refused():
    with pytest.raises(Rejected) as caught:
        compile_text("model Big\nstate x : R\nconst c = 10^400\nfield f { x' = c * x }\n"
                     "flow g = lie(f: euler) over [0, 1] steps 1\n")
    assert caught.value.faults[0].code == "ODE602"


def test_every_set_has_its_page():
    pages = {path.stem for path in (ROOT / "docs" / "sets").glob("*.md")}
    assert set(SETS) | {"frozen"} <= pages, sorted(set(SETS) - pages)


@pytest.mark.parametrize("name", ["F", "Any", "BoundedLinear"])
def test_a_model_does_not_shadow_what_the_text_uses(name):
    with pytest.raises(Rejected) as caught:
        compile_text(f"model {name}\nstate x : R\nfield f {{ x' = x }}\n")
    assert caught.value.faults[0].code == "ODE603"


def outer(table):
    """The names that a scope takes from outside of the text's functions."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from outer(inner)


@pytest.mark.parametrize("path", [*WORKED, *sorted(SPECS.glob("*.ode"))], ids=lambda path: path.stem)
def test_what_is_copied_is_what_is_called(path):
    found = worked(path)[0] if path in WORKED else compiled(path.stem)
    tree = ast.parse(found.text)
    known = {n.name: ast.get_source_segment(found.text, n) for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    reached, waiting = set(), [found.model.name]
    while waiting:
        name = waiting.pop()
        if name in known and name not in reached:
            reached.add(name)
            waiting += outer(symtable.symtable(known[name], name, "exec"))
            waiting += [d.id for n in tree.body for d in getattr(n, "decorator_list", ()) if isinstance(d, ast.Name)]
    assert reached == known.keys()
    own = [n.name for n in tree.body[-1].body if isinstance(n, ast.FunctionDef)]
    private = [name for name in own if name.startswith("_") and not name.startswith("__")]
    assert all(f"self.{name}" in found.text for name in private)

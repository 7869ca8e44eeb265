"""A module imports only from stages before its own; the compiler imports no torch; no text is ever run."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "odenet"
# Longest prefix wins; a module may import its own stage and earlier ones.
STAGES = [
    "text", "files", "diagnostics", "codes", "syntax", "ir.sizes", "ir.node", "ir.model", "operators", "sets", "ir.differentiate",
    "ir.interpret", "schemes", "ir", "algebra", "plan", "recheck", "proof", "emit", "report", "progress", "gallery",
    "certificates", "driver", "certify", "trained", "demo", "cli", "__main__",
]
MODULES = sorted(p for p in ROOT.rglob("*.py") if "runtime" not in p.parts)


def _name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _stage(name):
    best = [s for s in STAGES if name == s or name.startswith(s + ".")]
    return STAGES.index(max(best, key=len)) if best else None


def _is_module(name):
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_name(path.name + ".py").exists()


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{a.name}" for a in node.names if node.module.startswith("odenet"))
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_point_backwards(path):
    own = _stage(_name(path))
    for module in _imports(path):
        if not module.startswith("odenet.") or own is None:
            continue
        target = module.removeprefix("odenet.")
        while target and not _is_module(target):
            target = target.rpartition(".")[0]
        other = _stage(target) if target else None
        assert other is None or other <= own, f"{_name(path)} imports {target}, which comes later"


@pytest.mark.parametrize("path", sorted((ROOT / "recheck").rglob("*.py")), ids=_name)
def test_the_checker_shares_nothing_with_the_prover(path):
    own = [m for m in _imports(path) if m.startswith("odenet.")]
    allowed = (
        "odenet.text", "odenet.ir", "odenet.operators", "odenet.plan", "odenet.sets", "odenet.schemes.numbers", "odenet.recheck")
    assert not [m for m in own if not m.startswith(allowed)]


# `module.eval()` of torch is another thing than `eval(text)`
FORBIDDEN_CALLS = {"eval", "exec", "sympify", "parse_expr", "lambdify"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_text_is_run(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            is_bare = isinstance(node.func, ast.Name)
            name = node.func.id if is_bare else getattr(node.func, "attr", "")
            assert name not in FORBIDDEN_CALLS - (set() if is_bare else {"eval"}), f"{name} at line {node.lineno}"


@pytest.mark.parametrize("path", [p for p in MODULES if not {"demo", "certify", "trained"} & set(p.parts)], ids=_name)
def test_the_compiler_imports_no_torch(path):
    assert not any(m == "torch" or m.startswith("torch.") for m in _imports(path))


def test_verify_and_compile_load_no_torch(tmp_path):
    code = ("import sys; from odenet.driver import load; m = load(sys.argv[1]); m.verify(); m.source(); "
            "assert 'torch' not in sys.modules")
    spec = ROOT.parent / "specs" / "gallery" / "pendulum.ode"
    subprocess.run([sys.executable, "-c", code, str(spec)], check=True, cwd=tmp_path)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 400

"""Time to verify and to compile against the size of the state and the number of steps: flat, since proofs are symbolic.

    python benchmarks/cost.py [--rounds 5] [--folder docs/benchmarks]

Each measurement is a fresh process with one thread; sizes and specs are interleaved in every round, and the medians of its
computing time are written as a table and a plot. `verify` and `compile` are timed inside of a process that has its modules
loaded; `command` is the whole of `odenet verify`, cold.
"""
from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SIZES = (8, 32, 128, 512, 2048, 8192)
STEPS = (10, 100, 1_000, 10_000)
SIZE, STEP = 64, 16  # where the other one varies
KINDS = ("verify", "compile", "command")

SWITCHING = """model Switching
dim n = {n}
state x : R[n]
param A(t) : R[n, n], orthogonal
param b(t) : R[n]
param hc(t) : R, in [0.11, 1.89]
param he(t) : R, in [0, 1/max(1 - hc/2, hc - 1) - 1]
field contract {{ x' = -hc * A.T @ leaky_relu(A @ x + b, 1/2) }}
field expand   {{ x' =  he * A.T @ relu(A @ x + b) }}
flow net = lie(contract: euler, expand: euler) over [0, {steps}] steps {steps}
claim contract : nonexpansive
claim net      : lipschitz(1)
"""
HAMILTONIAN = """model HamiltonianNet
dim n = {n}
state q, p : R[n]
param K(t) : R[2*n, n]
param a(t) : R[2*n]
param M(t) : R[2*n, n]
def V(q) = sum(logcosh(K @ q + a))
def T(p) = sum(logcosh(M @ p))
field drift {{ q' =  grad(T(p), p) }}
field kick  {{ p' = -grad(V(q), q) }}
flow net = yoshida4(drift, kick) over [0, 1] steps {steps}
claim drift + kick : hamiltonian(T(p) + V(q)), reversible
claim net : symplectic, volume_preserving, invertible, order(4), symmetric
"""
MASS = """model MassPreserving
dim n = {n}
state x : R[n]
param A(t) : R[2*n, n]
param B(t) : R[n*(n-1)/2, 2*n]
field mix {{ x' = skew(relu(B @ relu(A @ x))) @ ones(n) }}
flow net = lie(mix: rk4) over [0, 1] steps {steps}
claim mix : preserves(sum(x))
claim net : preserves(sum(x)), order(4)
"""
CONVOLUTIONS = """model ConvNonexpansive
dim c = {n}
state u : R[c, 32, 32]
param K(t) : conv(c, c, size = 3, padding = circular), norm <= 1
param b(t) : R[c]
field diffuse {{ u' = -K.T @ leaky_relu(K @ u + b, 1/2) }}
flow block = lie(diffuse: euler) over [0, {steps}] steps {steps}
net classifier : R[3, 32, 32] -> R[10] = lift(c) -> block -> avgpool(2) -> flatten -> linear(norm <= 1)
claim block : lipschitz(1)
claim classifier : lipschitz(1)
"""
REFUTED = """model TooLong
dim n = {n}, L = {steps}
state x : R[n]
param A(t) : R[n, n], norm <= 1
param h(t) : R, in [0, 21/10]
field contract {{ x' = -h * A.T @ relu(A @ x) }}
flow net = lie(contract: euler) over [0, L] steps L
claim contract : nonexpansive
claim net      : lipschitz(1)
"""
SPECS = {"switching": SWITCHING, "hamiltonian": HAMILTONIAN, "mass-preserving": MASS, "convolutions": CONVOLUTIONS,
         "refuted": REFUTED}
INSIDE = """
import sys, time
from odenet.driver import loads
first, text = sys.stdin.read().split("\\0")
loads(first).source()
began = time.process_time()
loaded = loads(text)
verdicts = {finding.verdict for finding in loaded.report.findings}
verified = time.process_time()
if verdicts == {"proved"}:
    loaded.source()
print(verified - began, time.process_time() - began, *sorted(verdicts))
"""
# Verified and compiled first, so that the modules are loaded.
FIRST = "model First\nstate q, p : R\nfield f { q' = p }\nfield g { p' = -sin(q) }\nflow net = strang(f, g) over [0, 1] steps 3\n" \
        "claim net : symplectic\n"


@dataclass(frozen=True)
class Place:
    """One point of one curve: `axis` is what varies, "n" or "steps"."""

    spec: str
    axis: str
    value: int

    def text(self) -> str:
        n, steps = (self.value, STEP) if self.axis == "n" else (SIZE, self.value)
        return SPECS[self.spec].format(n=n, steps=steps)


Curves = dict[Place, dict[str, float]]


def places() -> list[Place]:
    """Every point, sizes and specs mixed."""
    axes = [("n", size) for size in SIZES] + [("steps", steps) for steps in STEPS]
    return [Place(spec, axis, value) for axis, value in axes for spec in SPECS]


def measure(place: Place) -> dict[str, float]:
    """Seconds by kind, in fresh processes. A refuted spec is not compiled."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    inside = subprocess.run([sys.executable, "-c", INSIDE], input=f"{FIRST}\0{place.text()}", env=environment, check=True,
                            capture_output=True, text=True).stdout.split()
    wanted = {"refuted", "proved"} if place.spec == "refuted" else {"proved"}
    assert set(inside[2:]) == wanted, (place, inside)
    found = {"verify": float(inside[0]), "command": _command(place.text(), environment)}
    return found if place.spec == "refuted" else {**found, "compile": float(inside[1])}


def _command(text: str, environment: dict[str, str]) -> float:
    """`odenet verify` from the first instruction of Python to the last."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.ode"
        path.write_text(text, encoding="utf-8")
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "odenet", "verify", str(path)], env=environment, capture_output=True, check=False)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime


def medians(rounds: int, say: Callable[[str], None]) -> Curves:
    """Medians over the rounds; every round goes through all places."""
    runs: dict[Place, list[dict[str, float]]] = {place: [] for place in places()}
    for number in range(rounds):
        for place, found in runs.items():
            found.append(measure(place))
        say(f"round {number + 1} of {rounds}")
    return {place: {kind: statistics.median(run[kind] for run in found) for kind in found[0]} for place, found in runs.items()}


def table(curves: Curves, axis: str, kind: str) -> str:
    """Markdown: a row for each spec, milliseconds; the last column compares the largest value with the smallest."""
    values = SIZES if axis == "n" else STEPS
    lines = [f"| {axis} = | " + " | ".join(f"{v:,}" for v in values) + " | last / first |", "| --- " * (len(values) + 2) + "|"]
    for spec in SPECS:
        row = [curves[Place(spec, axis, v)].get(kind) for v in values]
        if row[0] is not None:
            cells = " | ".join(f"{1000 * seconds:.0f}" for seconds in row if seconds is not None)
            lines.append(f"| {spec} | {cells} | {(row[-1] or 0) / row[0]:.2f} |")
    return "\n".join(lines)


def page(curves: Curves, rounds: int) -> str:
    head = f"""# Cost of a proof

Proofs are about symbols, so their time depends on the text of a spec and not on the size of its state nor on the number of its
steps. A refutation looks for its witness at small sizes. (Where the number of steps is no `dim` but a number in the text, a
witness of the flow has to run them all; that is the one place where 10,000 steps cost more than 10.)

Milliseconds of computing, one thread, medians of {rounds} interleaved rounds of fresh processes, Python {sys.version.split()[0]}.
`python benchmarks/cost.py` measures again and writes this page.

![time against size and steps](cost.svg)
"""
    titles = {"verify": "Verify, modules loaded", "compile": "Verify and emit, modules loaded",
              "command": "The whole command `odenet verify`, cold"}
    parts = [f"## {titles[kind]}\n\n{table(curves, 'n', kind)}\n\n{table(curves, 'steps', kind)}\n" for kind in KINDS]
    return head + "\n" + "\n".join(parts)


def plot(curves: Curves, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "odenet"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
    for axis, name, values in zip(axes, ("n", "steps"), (SIZES, STEPS), strict=True):
        for spec in SPECS:
            axis.loglog(values, [1000 * curves[Place(spec, name, v)]["verify"] for v in values], ".-", label=spec)
        axis.set_xlabel({"n": "size of the state, n", "steps": "steps"}[name])
        axis.grid(True, alpha=0.3)
    axes[0].set_ylabel("verify, ms")
    axes[0].set_ylim(1, 10_000)
    axes[1].legend(fontsize=7, ncol=2)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "docs" / "benchmarks")
    arguments = parser.parse_args()
    curves = medians(arguments.rounds, lambda line: print(line, file=sys.stderr, flush=True))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "cost.md").write_text(page(curves, arguments.rounds), encoding="utf-8")
    plot(curves, arguments.folder / "cost.svg")
    print(page(curves, arguments.rounds))


if __name__ == "__main__":
    main()

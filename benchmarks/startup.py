"""Cold start: `odenet verify` and `odenet compile` on the pendulum against `python -c "import sympy"`, interleaved.

    python benchmarks/startup.py [--rounds 15]

Prints the medians in seconds, their spread, and the ratios. Each run is a fresh process with OMP_NUM_THREADS=1.
"""
from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = Path(__file__).parents[1] / "specs" / "gallery" / "pendulum.ode"


def commands(target: Path) -> dict[str, list[str]]:
    """The commands that are timed, by name."""
    odenet = [sys.executable, "-m", "odenet"]
    return {
        "import sympy": [sys.executable, "-c", "import sympy"],
        "odenet verify": [*odenet, "verify", str(SPEC)],
        "odenet compile": [*odenet, "compile", str(SPEC), "-o", str(target), "--quiet"],
    }


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        timed = commands(Path(folder) / "pendulum.py")
        for command in timed.values():
            seconds(command)  # warm the disk cache
        runs = [{name: seconds(command) for name, command in timed.items()} for _ in range(rounds)]
    base = statistics.median(run["import sympy"] for run in runs)
    for name in timed:
        values = sorted(run[name] for run in runs)
        ratio = statistics.median(run[name] / run["import sympy"] for run in runs)
        print(f"{name:<16} median {statistics.median(values):.3f} s  (from {values[0]:.3f} to {values[-1]:.3f})  ratio {ratio:.2f}")
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} cores, {rounds} rounds; base {base:.3f} s")


if __name__ == "__main__":
    main()

"""The same spec gives the same bytes under every hash seed."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GALLERY = sorted((Path(__file__).parents[1] / "specs" / "gallery").glob("*.ode"))


def _run(seed, folder, *arguments):
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-m", "odenet", *arguments], capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize("spec", GALLERY, ids=lambda p: p.stem)
def test_modules_are_byte_identical(tmp_path, spec):
    texts = set()
    for seed in (0, 1, 2):
        done = _run(seed, tmp_path, "show", "--stage", "module", str(spec))
        assert done.returncode == (1 if "refuted" in done.stderr else 0), done.stderr[-2000:]
        texts.add(done.stdout + done.stderr)
    assert len(texts) == 1


def test_verdicts_are_identical(tmp_path):
    reports = []
    for seed in (0, 1, 2):
        done = _run(seed, tmp_path, "verify", "--format", "json", *map(str, GALLERY))
        claims = [claim for line in done.stdout.splitlines() for claim in json.loads(line)["claims"]]
        reports.append([{k: v for k, v in claim.items() if k != "seconds"} for claim in claims])
    assert reports[0] and reports[0] == reports[1] == reports[2]

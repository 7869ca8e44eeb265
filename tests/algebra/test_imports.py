"""What a claim's budget may not cut short."""
from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import signal, sys
from fractions import Fraction
from odenet.algebra.polynomials import nonnegative_where
from odenet.proof.budget import OutOfTime
def ring(*_):
    raise OutOfTime
signal.signal(signal.SIGVTALRM, ring)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.02)
try:
    nonnegative_where([Fraction(0), Fraction(0), Fraction(1)], [])
except OutOfTime:
    pass
assert hasattr(sys.modules.get("sympy"), "Poly"), "half an import"
"""


def test_an_import_is_not_cut_short():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

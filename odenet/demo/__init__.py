"""`odenet demo`: a certified classifier of handwritten digits beside a plain one.

Nothing heavy is imported until `run` is called: torch, scikit-learn, matplotlib and the attack library are an extra.
"""
from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from odenet.text import escape

_NEEDED = {"torch": "torch", "sklearn": "scikit-learn", "matplotlib": "matplotlib", "art": "adversarial-robustness-toolbox"}
_STOPPED, _CANNOT = 130, 2


def run(epochs: int | None, output: Path, seed: int) -> None:
    """Compile, prove, train, attack, print and save the picture at `output`.

    Raises:
        SystemExit: 2 when a package is missing or `output` cannot be written; 130 when the user stops it.
    """
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        _leave(_CANNOT, f"error: the demo needs {', '.join(missing)}\nhelp: pip install '.[demo]'")
    if not output.resolve().parent.is_dir():
        _leave(_CANNOT, f"error: cannot write {escape(str(output))}: there is no folder {escape(str(output.parent))}")
    if not 0 <= seed < 2**32:
        _leave(_CANNOT, f"error: the seed must lie between 0 and {2**32 - 1}")
    try:
        from odenet.demo.story import Settings, tell

        tell(Settings(seed=seed) if epochs is None else Settings(seed=seed, epochs=epochs), output)
    except KeyboardInterrupt:
        _leave(_STOPPED, "\nstopped; no picture was written")
    except OSError as error:
        _leave(_CANNOT, f"error: cannot write {escape(str(output))}: {error.strerror or error}")


def _leave(status: int, text: str) -> None:
    print(text, file=sys.stderr)
    sys.exit(status)

"""What is in the tree is in the installed package."""
from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_setup_lists_every_package():
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    listed = set(configuration["options"]["packages"].split())
    found = {str(p.parent.relative_to(ROOT)).replace("/", ".") for p in (ROOT / "odenet").rglob("*.py")}
    assert found <= listed
    assert {"odenet.grammar", "odenet.pages", "odenet.specs"} <= listed


def test_every_operation_has_a_form():
    from odenet.algebra.translate import _HANDLERS
    from odenet.ir.node import OPERATIONS

    assert sorted(_HANDLERS) == sorted(OPERATIONS)

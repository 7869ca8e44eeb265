"""Specs of their own whose claims end in their truth, built once."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from odenet.ir import build
from odenet.plan import plan_flow
from odenet.syntax import parse
from odenet.text import Source

SPECS = Path(__file__).parent / "specs"
TRUTH = re.compile(r"#!\s*(proved|refuted)")


class Loaded:
    """A model, its plans, and the truth of each line."""

    def __init__(self, text: str, name: str = "test.ode") -> None:
        self.model = build(parse(Source(name, text)))
        self.plans = {flow.name: plan_flow(self.model, flow) for flow in self.model.flows}
        self.truth = {i: m.group(1) for i, line in enumerate(text.splitlines(), 1) if (m := TRUTH.search(line))}

    def plan(self, claim):
        return self.plans.get(claim.subject)

    def claims(self, truth):
        return [claim for claim in self.model.claims if self.truth.get(claim.line) == truth]


@pytest.fixture(scope="session")
def load():
    return Loaded


@pytest.fixture(scope="session")
def spec():
    known = {}

    def get(name):
        if name not in known:
            known[name] = Loaded((SPECS / f"{name}.ode").read_text(encoding="utf-8"), name)
        return known[name]

    return get


def names():
    return sorted(path.stem for path in SPECS.glob("*.ode"))


def pytest_generate_tests(metafunc):
    if "spec_name" in metafunc.fixturenames:
        metafunc.parametrize("spec_name", names())

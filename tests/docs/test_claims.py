"""docs/claims: a page for each property, with all its rules, and an example of each verdict."""
from __future__ import annotations

import re

import pytest

from odenet.operators.properties import PROPERTIES
from odenet.proof.rules import RULES

from .claim_pages import FOLDER, rules_of, updated
from .documents import blocks

VERDICTS = ["proved", "refuted", "undecided"]
SECTIONS = ["Definition", "How it is proved", "What it does not say", "Examples"]


def _text(name):
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def test_each_property_has_a_page_that_the_index_names():
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"index"}
    assert pages == set(PROPERTIES)
    assert set(re.findall(r"\]\((\w+)\.md\)", _text("index"))) >= pages


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_page_has_its_sections_and_its_forms(name):
    text = _text(name)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert text.startswith(f"# `{name}")


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_page_has_an_example_of_each_verdict(name):
    examples = [b for b in blocks(FOLDER / f"{name}.md") if b.language == "ode"]
    assert [b.words[1] for b in examples] == VERDICTS
    for block in examples:
        assert re.search(rf"^claim .*\b{name}\b", block.text, re.MULTILINE), str(block)


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_page_has_the_rules_of_its_proofs(name):
    assert _text(name) == updated(_text(name), name), "run `python -m tests.docs.claim_pages`"


def test_each_rule_is_on_a_page():
    assert {rule for rules in rules_of().values() for rule in rules} == set(RULES)

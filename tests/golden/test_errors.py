"""Every code has a row, a page, a spec with that one fault, and its rendered text; every edit mends its fault."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from odenet.codes import CODES, lookup, page
from odenet.diagnostics import Diagnostic, Rejected
from odenet.report import render_all
from odenet.syntax import decode, parse
from odenet.text import Source

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "errors"
GOLDENS = Path(__file__).parent / "errors"
SPECS = sorted((ROOT / "specs" / "reject").glob("*.ode"))
# Codes that no spec of a reasonable size can show, with the reason.
WITHOUT_SPEC = {
    "ODE009": "a spec of 1 MB; test_large",
    "ODE601": "a fault of a call, not of a spec; it has a test beside the driver",
    "ODE602": "a fault of emission, after all stages here; tests/emitted/test_text",
    "ODE603": "the same",
    "ODE901": "a fault of ours",
}
BLOCK = re.compile(r"^```ode( fault)?\n(.*?)^```", re.M | re.S)


def check(name: str, data: bytes) -> tuple[Source, tuple[Diagnostic, ...]]:
    """The faults of the first stage that finds any: text, syntax, model, plan."""
    source = Source(name, "")
    try:
        source = decode(name, data)
        run_stages(source)
    except Rejected as rejected:
        return rejected.source, rejected.faults
    return source, ()


def run_stages(source: Source) -> None:
    """Every stage that can reject a spec."""
    spec = parse(source)
    from odenet.ir import build
    from odenet.plan import plan_flow
    from odenet.proof import sets

    model = build(spec)
    for flow in model.flows:
        plan_flow(model, flow)
    sets.check(model)


def apply(source: Source, fault: Diagnostic) -> str:
    """The text after the edits of a fault."""
    text = source.text
    for edit in sorted(fault.edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_reject_spec_has_its_one_fault(path, update_goldens):
    source, faults = check(path.name, path.read_bytes())
    assert [fault.code for fault in faults] == [path.name[:6]], render_all(faults, source)
    text = render_all(faults, source) + "\n"
    golden = GOLDENS / f"{path.stem}.txt"
    if update_goldens:
        golden.write_text(text, encoding="utf-8")
    assert golden.exists(), "run pytest tests/golden --update-goldens"
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_edits_mend_the_fault(path):
    source, faults = check(path.name, path.read_bytes())
    if not faults[0].edits:
        pytest.skip("the help of this fault is words")
    _, after = check(path.name, apply(source, faults[0]).encode())
    assert faults[0].code not in [fault.code for fault in after], render_all(after, source)


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_a_code_has_a_page_and_a_spec(row):
    text = page(row.code)
    assert text is not None and text.startswith(f"# {row.code}: {row.title}\n"), text
    has_spec = any(path.name.startswith(f"{row.code}-") for path in SPECS)
    assert has_spec != (row.code in WITHOUT_SPEC)


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_the_examples_of_a_page_do_as_it_says(row):
    for fault, body in BLOCK.findall(page(row.code)):
        source, found = check(f"{row.code}.md", body.encode())
        codes = {each.code for each in found}
        assert codes == ({row.code} if fault else set()), render_all(found, source)


def test_nothing_is_orphaned():
    stems = {path.stem for path in SPECS}
    assert {path.stem for path in GOLDENS.glob("*.txt")} == stems
    assert all(lookup(stem[:6]) and re.fullmatch(r"ODE\d{3}-[a-z0-9-]+", stem) for stem in stems)
    assert {path.stem for path in PAGES.glob("*.md")} == {row.code for row in CODES}


def test_codes_are_in_order_and_in_their_ranges():
    codes = [row.code for row in CODES]
    assert codes == sorted(set(codes))
    ranges = {"0": "syntax", "1": "names", "2": "shapes", "3": "sets", "4": "claims", "5": "schemes", "6": "emission", "9": "ours"}
    assert all(ranges[row.code[3]] == row.stage for row in CODES)


def test_every_code_in_the_sources_has_a_row():
    texts = [path.read_text(encoding="utf-8") for path in [*(ROOT / "odenet").rglob("*.py"), ROOT / "grammar" / "messages.toml"]]
    used = {code for text in texts for code in re.findall(r"\"(ODE\d{3})\"", text)}
    assert used - {row.code for row in CODES} == set()


def test_large():
    source, faults = check("large.ode", b"model M\n" + b"# a comment\n" * 100_000)
    assert [fault.code for fault in faults] == ["ODE009"]
    source, faults = check("large.ode", b"model M\nconst c = 1" + b" + 1" * 60_000)
    assert [fault.code for fault in faults] == ["ODE009"]
    assert len(render_all(faults, source)) < 1000

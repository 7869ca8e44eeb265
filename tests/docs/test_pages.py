"""Documentation is a test: specs are proved and compiled, commands and Python are run, links lead somewhere."""
from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys

import pytest

from odenet.diagnostics import Rejected
from odenet.driver import loads

from .documents import PAGES, ROOT, blocks, commands, without_times

ALL = [block for page in PAGES for block in blocks(page)]
SPECS = [block for block in ALL if block.language == "ode"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", "GLOO_SOCKET_IFNAME": "lo"}
PROGRAMS = {"odenet": "odenet", "torchrun": "torch.distributed.run"}
VERDICTS = {"proved", "refuted", "undecided"}
KNOWN = {"ode", "console", "pycon", "python", "text", "sh"}


@pytest.mark.parametrize("block", SPECS, ids=str)
def test_a_spec_does_as_shown(block):
    if "fault" in block.words:
        with pytest.raises(Rejected):
            loads(block.text, str(block))
        return
    loaded = loads(block.text, str(block))
    stated = VERDICTS.intersection(block.words)
    if stated:
        assert {finding.verdict for finding in loaded.report.findings} == stated, str(loaded.report)
        return
    assert not loaded.report.count("undecided"), str(loaded.report)
    if loaded.report.is_proved:
        compile(loaded.source(), str(block), "exec")


def _run(*words, folder):
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=folder, env=ENVIRONMENT, check=False)


def _session(page, folder):
    """Run a page in one folder: files with a name are saved and commands run in their order, then all Python as one script."""
    script = ""
    for block in blocks(page):
        if block.language in ("ode", "python") and block.words and block.words[0].endswith((".ode", ".py")):
            (folder / block.words[0]).write_text(block.text)
        elif block.language == "console":
            _check_commands(block, folder)
        elif block.language == "python":
            script += "\n" * (block.line - script.count("\n")) + block.text  # its lines have their numbers on the page
    (folder / f"page_{page.stem}.py").write_text(script)
    done = _run(f"page_{page.stem}.py", folder=folder)
    assert done.returncode == 0, f"{page.name}: {done.stderr[:4000]}"


def _check_commands(block, folder):
    for command in commands(block):
        program, *words = shlex.split(command.line)
        assert program in PROGRAMS, f"{block}: `{command.line}` is no command that is known"
        done = _run("-m", PROGRAMS[program], *words, folder=folder)
        allowed = (0, 1) if program == "odenet" else (0,)
        assert done.returncode in allowed, f"{block}: {command.line}\n{done.stderr[:4000]}"
        if not command.output.strip():
            continue
        shown, given = without_times(command.output), without_times(done.stdout + done.stderr)
        assert doctest.OutputChecker().check_output(shown, given, doctest.ELLIPSIS), \
            f"{block}: {command.line}\nshown:\n{shown}\ngiven:\n{given}"


_RUNS = {"console", "python", "pycon"}


@pytest.mark.parametrize("page", [p for p in PAGES if any(b.language in _RUNS for b in blocks(p))],
                         ids=lambda p: str(p.relative_to(ROOT)))
def test_a_session_runs_as_shown(page, tmp_path):
    """Commands first, then all Python sessions of the page as one, in the same folder."""
    _session(page, tmp_path)
    text = "\n".join(block.text for block in blocks(page) if block.language == "pycon")
    if text:
        (tmp_path / "session.txt").write_text(text)
        done = _run("-m", "doctest", "-o", "ELLIPSIS", "session.txt", folder=tmp_path)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_no_block_is_left_out():
    strange = [str(block) for block in ALL if block.language not in KNOWN]
    assert not strange, "blocks that no test reads"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


def test_the_test_command_can_be_extracted():
    """.ci/run takes the block behind this mark."""
    found = re.search(r"<!-- test command -->\n```sh\n([^\n]+)\n```\n", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    command = found[1]
    assert all(word in command for word in ("ruff check", "mypy", "pytest", "constraints.txt"))

"""Commands run in a folder of their own."""
from __future__ import annotations

import pytest
from click.testing import CliRunner

from odenet.cli import commands


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.ode").write_text(text)
        return CliRunner().invoke(commands, list(arguments))

    return call

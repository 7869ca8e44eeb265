"""One flag rewrites the goldens; where `CI` is set it is refused."""
from __future__ import annotations

import os

import pytest


def pytest_addoption(parser):
    parser.addoption("--update-goldens", action="store_true", help="rewrite the golden files from what is rendered now")


def pytest_configure(config):
    if config.getoption("--update-goldens", default=False) and os.environ.get("CI"):
        raise pytest.UsageError("--update-goldens is refused where CI is set: goldens are rewritten and read by a person")


@pytest.fixture
def update_goldens(request):
    return bool(request.config.getoption("--update-goldens", default=False))

"""Networks of this size train fastest on one thread, and much faster where the cores are shared."""

from __future__ import annotations

import pytest

from odenet.certify.threads import limited


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    with limited(1):
        yield

"""Small matrices gain nothing by threads; on a busy machine they lose much."""

from __future__ import annotations

import pytest

from odenet.certify.threads import limited


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    with limited(1):
        yield

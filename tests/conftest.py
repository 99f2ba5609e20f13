"""For every test: the long runs are taken only when they are asked for."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``full`` unless KEEPBOTH_FULL=1."""
    if os.environ.get("KEEPBOTH_FULL") == "1":
        return
    skip = pytest.mark.skip(reason="a long run: set KEEPBOTH_FULL=1, or `make test-all`")
    for item in items:
        if item.get_closest_marker("full") is not None:
            item.add_marker(skip)

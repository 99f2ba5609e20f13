from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.client.process import Server, serving

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not kill it."""
    with serving(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture
def document(request: pytest.FixtureRequest) -> str:
    """A document of the test's own."""
    return f"{request.node.name}/{next(_numbers)}"

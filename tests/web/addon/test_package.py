"""The package that an app installs: built as it is published, imported by Node without a bundler."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from keepboth.events import EDIT_RECORDED
from tests.api.conftest import Served
from tests.web.addon.conftest import WEB

INTEROP = WEB.parents[1] / "tests" / "interop"


@pytest.mark.skipif(
    shutil.which("node") is None or not (INTEROP / "node_modules" / "ws").is_dir(), reason="needs node and its packages"
)
def test_the_built_package_works_under_node(bench: Served, name: str) -> None:
    subprocess.run([WEB / "node_modules" / ".bin" / "tsc", "-p", WEB / "addon" / "tsconfig.json"], check=True)
    server = bench.application.url.replace("http", "ws") + "/ws"
    script = INTEROP.parent / "web" / "addon" / "node.mjs"
    out = subprocess.run(
        ["node", script, WEB, INTEROP, server, name], check=True, capture_output=True, text=True, timeout=60
    )
    told = json.loads(out.stdout)
    (event,) = [one for one in bench.application.store.read(name, limit=10) if one.type == EDIT_RECORDED]
    assert told == {"session": event.session, "kept": False, "waiting": 0}
    assert event.context_source == "declared"

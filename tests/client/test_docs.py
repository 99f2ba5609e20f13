"""The examples of docs/client.md run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.client.process import Server

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


def test_examples_run(server: Server, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    script = tmp_path / "examples.py"
    script.write_text("\n".join(blocks).replace("http://127.0.0.1:8100", server.url))
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PAGE.parents[1] / "server")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    expected = r"appended \d+\n1 waiting\n0 waiting\none \nSeen\(base=\d+, include=\(\), exclude=\(\)\)\n"
    assert re.fullmatch(expected, done.stdout), done.stdout
    assert server.text("notes/monday") == "Buy milk. Written in a tunnel. To be sent tomorrow. "
    assert server.text("notes/tuesday") == "one two "

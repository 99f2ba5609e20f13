"""The requests of ``docs/http.md`` work as written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.api.conftest import serving

PAGE = Path(__file__).parents[2] / "docs" / "http.md"


def test_every_example_is_answered_as_the_page_says(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^```http (\d+)\n(\w+) (\S+)\n(.*?)^```", text, re.M | re.S)
    assert len(examples) >= 15
    # A list before anything exists would show nothing of interest, but must work too.
    with serving(tmp_path) as server:
        for status, method, target, rest in examples:
            head, _, body = rest.partition("\n\n") if "\n\n" in rest else (rest, "", "")
            headers = dict(line.split(": ", 1) for line in head.strip().splitlines())
            answer = server.http.request(method, target, headers=headers, content=body.strip() or None)
            assert answer.status_code == int(status), (method, target, answer.text)
    for block in re.findall(r"^```json\n(.*?)^```", text, re.M | re.S):
        json.loads(block)


def test_every_example_has_a_number() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "```http\n" not in text

"""People's colours can be read: as letters on every light paper, and under the white letter of their mark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "client_demo" / "web" / "src"
COLOURS = re.findall(r"#[0-9a-f]{6}", (SOURCE / "ui" / "people.ts").read_text().split("COLOURS = ")[1].split("]")[0])
PAPERS = re.findall(r"--paper(?:-2)?: (#[0-9a-f]{3,6});", (SOURCE / "styles" / "tokens.css").read_text())[:2]
READABLE = 4.5
"""WCAG 2.1, success criterion 1.4.3."""


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", COLOURS)
def test_a_name_can_be_read(colour: str) -> None:
    assert len(COLOURS) == 8
    assert len(PAPERS) == 2
    for paper in PAPERS:
        assert (luminance(paper) + 0.05) / (luminance(colour) + 0.05) >= READABLE


def test_the_classes_have_the_same_colours() -> None:
    assert re.findall(r"#[0-9a-f]{6}", (SOURCE / "styles" / "people.css").read_text()) == COLOURS

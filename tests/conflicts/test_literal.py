"""The oracle itself: it lays items out as Yjs does, and tells known collisions rightly."""

from __future__ import annotations

import base64
import json
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from tests.conflicts.brute_force import BruteForce
from tests.conflicts.literal_views import text_of
from tests.conflicts.mixed_world import ROOTS, mixed_world
from tests.conflicts.world import World, random_world, shuffled

PER_TEST = 20


def piece(value: Any) -> str:
    """How a view shows something that pycrdt holds in a text or in XML."""
    plain = shown(value)
    return plain if isinstance(value, str | Text | XmlText | XmlElement | XmlFragment) else json.dumps(plain)


def shown(value: Any) -> Any:
    """What pycrdt shows, in the form of the views."""
    if isinstance(value, Text | XmlText):
        return "".join(piece(part) for part, _ in value.diff())
    if isinstance(value, Map):
        return {key: shown(value[key]) for key in sorted(value.keys())}
    if isinstance(value, XmlElement):
        attributes = "".join(f' {key}="{text}"' for key, text in sorted(value.attributes))
        return f"<{value.tag}{attributes}>{''.join(map(piece, value.children))}</{value.tag}>"
    if isinstance(value, XmlFragment):
        return "".join(map(piece, value.children))
    if isinstance(value, Array | list):
        return [shown(element) for element in value]
    if isinstance(value, dict):
        return {key: shown(element) for key, element in sorted(value.items())}
    if isinstance(value, Doc):
        return {"guid": value.guid}
    if isinstance(value, bytes | bytearray):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def told(brute: BruteForce, name: str) -> Any:
    """What the oracle's items say in the root *name*, in the same form."""
    views = brute.views
    everything = set(brute.facts)
    lines = [line for line in brute.pairs.lines if line.holder is None and line.root == name]
    if name == "map":
        keys = {line.key: brute.pairs.current(line, everything) for line in lines}
        return {key: views.value(item, everything) for key, item in sorted(keys.items()) if item is not None}
    items = [item for line in lines for item in brute.pairs.visible(line, everything)]
    if name == "list":
        return [views.value(item, everything) for item in items]
    return text_of("".join(views.piece(item, everything)[1] for item in items))


def check_layout(world: World) -> None:
    brute = BruteForce(world.facts())
    for client in world.clients:
        for name, kind in ROOTS.items():
            there = shown(client.doc.get(name, type=kind))
            assert told(brute, name) == there


@pytest.mark.parametrize("first", range(0, 200, PER_TEST), ids=lambda first: f"seeds {first}-{first + PER_TEST - 1}")
def test_items_lie_as_yjs_lays_them(first: int) -> None:
    for seed in range(first, first + PER_TEST):
        try:
            check_layout(mixed_world(seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("first", range(0, 60, PER_TEST), ids=lambda first: f"seeds {first}-{first + PER_TEST - 1}")
def test_order_of_the_facts_makes_no_difference(first: int) -> None:
    for seed in range(first, first + PER_TEST):
        rng = Random(seed)
        world = (mixed_world, random_world)[seed % 2](seed)
        facts = world.facts(rng, 0.3)
        one, other = BruteForce(facts), BruteForce(shuffled(rng, world, facts))
        assert one.records == other.records, f"seed {seed}"
        assert one.episodes() == other.episodes(), f"seed {seed}"

"""Choices over every shared type: keys, lists, XML, formatted text, removed subtrees."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from keepboth.conflicts.choices import offered, plan
from keepboth.conflicts.painting import disputed, value_at
from keepboth.conflicts.rendering import key_text, text
from keepboth.conflicts.runs import Line
from keepboth.conflicts.screens import everything
from keepboth.conflicts.versions import Versions
from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import TYPE, Y_ARRAY, Y_MAP, Y_TEXT, Y_XML_FRAGMENT
from tests.conflicts.acting import Served
from tests.conflicts.mixed_world import ROOTS, mixed_world
from tests.conflicts.test_choices import inserted, knows_all
from tests.conflicts.trees import marked, shadow_tree, tree

KINDS = {"text": Y_TEXT, "map": Y_MAP, "list": Y_ARRAY, "xml": Y_XML_FRAGMENT}
SEEDS = 60


def trees(served: Served, hide: Line | None = None) -> dict[str, Any]:
    return {name: shadow_tree(served.engine._shadow, KINDS[name], name, hide) for name in ROOTS}


def formats_around(served: Served, place: Versions) -> tuple[Any, Any]:
    """What stands before and behind a place in a text, with its formats."""
    if place.keyed:
        return None, None
    units = marked(served.engine._shadow, place.line, None)
    first, last = place.span.first.order, place.span.last.order
    others = [(*unit[:2], unit[2].order) for unit in units if unit[2].stroke.actor != "judge"]
    return [unit[:2] for unit in others if unit[2] < first], [unit[:2] for unit in others if unit[2] > last]


def line_text(served: Served, line: Line) -> str:
    shadow = served.engine._shadow
    if line.key is not None:
        return key_text(shadow, line, everything)
    return text(shadow, ((run, run.clock, run.end) for run in line.runs()), everything)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_choices_do_what_their_previews_say_and_nothing_else(seed: int) -> None:
    rng = Random(seed)
    facts = mixed_world(seed, rng.choice((15, 30))).facts(rng)
    by_revision = {fact.revision: fact for fact in facts}
    first = Served(facts, **ROOTS)
    assert {name: tree(root) for name, root in first.roots.items()} == trees(first)
    wishes = [(episode, wish) for episode in first.engine.episodes() for wish in offered(first.place(episode.id))]
    for episode, wish in rng.sample(wishes, min(len(wishes), 10)):
        served = Served(facts, **ROOTS)
        place = served.place(episode.id)
        if wish.choice == "write":
            wish = wish._replace(text='{"a": [1, null]}' if place.keyed else rng.choice(("", "new", "😀")))
        worked = plan(place, wish)
        preview = worked.preview
        before, after = ("", "") if place.keyed else served.around(episode.id)
        outside = trees(served, place.line)
        around = formats_around(served, place)
        assert before.endswith(preview.before)
        assert after.startswith(preview.after)
        update = served.act(episode.id, wish)

        assert trees(served, place.line) == outside, (episode, wish)
        assert formats_around(served, place) == around, (episode, wish)
        if worked.screen is not None:
            for index in worked.arrangement.stays:
                for name in disputed(place):
                    order = place.pieces[index].run.order
                    wanted = value_at(place.line, name, order, worked.screen)
                    assert value_at(place.line, name, order, everything) == wanted
        assert {name: tree(root) for name, root in served.roots.items()} == trees(served), (episode, wish)
        now = line_text(served, place.line)
        parts = [part for part in (before, preview.text, after) if part]
        assert now in ("".join(parts), ", ".join(parts)) or _separated(now, parts), (episode, wish)
        if wish.choice == "use" and wish.side is not None and wish.side.session is None:
            (side,) = [side for side in episode.sides if side.actor == wish.side.actor]
            chosen = [part.text for part in preview.parts if not part.kept]
            stays = any(place.pieces[index].run.kind == TYPE for index in worked.arrangement.stays)
            assert stays or preview.text == side.text or _separated(side.text, chosen)
        if wish.choice == "leave":
            assert update.is_empty

        later = [fact for fact in facts if knows_all(fact, by_revision, episode.revisions)]
        if not place.keyed:
            assert IdSet(update.deletes).intersection(inserted(later)).is_empty
        ids = [one.id for one in served.engine.episodes()]
        assert ids == [one.id for one in first.engine.episodes()]


def _separated(now: str, parts: list[str]) -> bool:
    """True if *now* is *parts*, with or without the comma that separates values."""
    rest = now
    for part in parts:
        rest = rest if rest.startswith(part) else rest.removeprefix(", ")
        if not rest.startswith(part):
            return False
        rest = rest[len(part) :]
    return not rest

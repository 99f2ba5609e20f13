"""Choices do to a document what their previews say, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Text

from keepboth.conflicts.choices import Preview, Wish, offered, plan, previews
from keepboth.conflicts.model import EditFact, Episode
from keepboth.conflicts.versions import SideKey, Versions, until
from keepboth.errors import InvalidRequest
from keepboth.events import Context
from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update
from tests.conflicts.acting import Served
from tests.conflicts.scenes import Change, deleted, facts_of, pasted, replaced, typed
from tests.conflicts.world import random_world

SEEDS = 60


def scene(start: str, **people: Sequence[Change]) -> tuple[Served, Episode]:
    """Everybody starts from *start* and changes it apart; earlier names have lower client ids. One collision."""
    ids = {name: 20 + 10 * at for at, name in enumerate(people)}
    served = Served(facts_of(start, people, ids, list(people)))
    (episode,) = served.engine.episodes()
    return served, episode


def by_choice(served: Served, episode: Episode) -> dict[str, Preview]:
    found = {}
    for preview in previews(served.place(episode.id)):
        names = " and ".join(key.actor for key in preview.sides)
        found[f"{preview.choice} {names}".strip()] = preview
    return found


def said(preview: Preview) -> str:
    """The chosen version, without what others typed in between."""
    return "".join(part.text for part in preview.parts if not part.kept)


def knows_all(fact: EditFact, facts: dict[int, EditFact], revisions: Sequence[int]) -> bool:
    """True if the author of *fact* had surely seen the edits *revisions*."""
    lower = fact.context.lower
    for revision in revisions:
        other = facts[revision]
        own = other.session == fact.session and revision < fact.revision
        if not own and not lower.knows(revision, other.effective):
            return False
    return True


def inserted(facts: Sequence[EditFact]) -> IdSet:
    ids = IdSet()
    for fact in facts:
        ids.add_update_structs(fact.update)
    return ids


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_choice_in_random_sessions_does_what_its_preview_says(seed: int) -> None:
    rng = Random(seed)
    world = random_world(seed, rng.choice((12, 25, 40)))
    facts = world.facts(rng, rng.choice((0.0, 0.3)))
    by_revision = {fact.revision: fact for fact in facts}
    first = Served(facts)
    wishes = [(episode, wish) for episode in first.engine.episodes() for wish in offered(first.place(episode.id))]
    for episode, wish in rng.sample(wishes, min(len(wishes), 14)):
        served = Served(facts)
        if wish.choice == "write":
            wish = wish._replace(text=rng.choice(("", "x", "😀 done", episode.merged[:3] + "!" + episode.merged[3:])))
        before, after = served.around(episode.id)
        assert served.says == before + (served.engine.now(episode.id) or "") + after
        preview = plan(served.place(episode.id), wish).preview
        assert before.endswith(preview.before)
        assert after.startswith(preview.after)
        assert preview.text == "".join(part.text for part in preview.parts)
        update = served.act(episode.id, wish)
        assert served.says == before + preview.text + after, (episode, wish)

        chosen = said(preview)
        if wish.choice == "use":
            assert wish.side is not None
            if wish.side.session is None:
                assert [chosen] == [side.text for side in episode.sides if side.actor == wish.side.actor]
        elif wish.choice == "write":
            assert chosen == wish.text
        elif wish.choice == "leave":
            assert update.is_empty
        elif wish.choice == "restore":
            assert not update.deletes

        removed = IdSet(update.deletes)
        later = [fact for fact in facts if knows_all(fact, by_revision, episode.revisions)]
        assert removed.intersection(inserted(later)).is_empty
        if wish.choice in ("use", "remove"):  # the others may move what was there before
            assert removed.difference(inserted([by_revision[one] for one in episode.revisions])).is_empty
        assert [one.id for one in served.engine.episodes()] == [one.id for one in first.engine.episodes()]


@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + 20))
def test_a_second_resolution_replaces_the_first(seed: int) -> None:
    rng = Random(seed)
    facts = random_world(seed, 25).facts()
    first = Served(facts)
    for episode in first.engine.episodes()[:4]:
        served = Served(facts)
        wishes = [wish for wish in offered(served.place(episode.id)) if wish.choice in ("use", "both", "remove")]
        one, two = rng.choice(wishes), rng.choice([wish for wish in wishes if wish.choice == "use"])
        served.act(episode.id, one)
        made = frozenset(range(first.head + 1, served.head + 1))
        again = plan(served.place(episode.id, made), two).preview
        fresh = plan(first.place(episode.id), two).preview
        assert said(again) == said(fresh)
        served.act(episode.id, two, earlier=made)
        direct = Served(facts)
        direct.act(episode.id, two)
        assert served.says == direct.says, (one, two)


def test_both_rewrote_a_word() -> None:
    served, episode = scene("by the end of May.", ann=[replaced(3, 17, "June")], bob=[replaced(3, 17, "July")])
    found = by_choice(served, episode)
    assert {name: one.text for name, one in found.items()} == {
        "leave": "JuneJuly",
        "use ann": "June",
        "use bob": "July",
        "both": "June July",
        "write": "JuneJuly",
    }
    assert (found["use ann"].before, found["use ann"].after) == ("by ", ".")
    assert (found["use ann"].adds, found["use ann"].removes) == ("", "July")
    assert (found["both"].adds, found["both"].removes) == (" ", "")
    assert not found["leave"].changes
    update = served.act(episode.id, Wish("use", SideKey("bob")))
    assert served.says == "by July."
    assert not update.structs  # what is there is not typed again
    assert sum(length for ranges in update.deletes.values() for _, length in ranges) == 4


def test_typed_in_what_the_other_deleted() -> None:
    served, episode = scene("one two three four", ann=[pasted(7, "-and-a-half")], bob=[deleted(4, 14)])
    found = by_choice(served, episode)
    assert {name: one.text for name, one in found.items()} == {
        "leave": "-and-a-half",
        "use ann": "two-and-a-half three ",
        "use bob": "",
        "write": "-and-a-half",
        "restore": "two-and-a-half three ",
        "remove": "",
    }
    served.act(episode.id, Wish("restore"))
    assert served.says == "one two-and-a-half three four"


def test_one_deleted_more_than_the_other() -> None:
    served, episode = scene("Meet at noon.", ann=[deleted(4, 7)], bob=[deleted(4, 12)])
    found = by_choice(served, episode)
    assert {name: one.text for name, one in found.items()} == {
        "leave": "",
        "use ann": " noon",
        "use bob": "",
        "write": "",
        "restore": " at noon",
    }
    update = served.act(episode.id, Wish("use", SideKey("ann")))
    assert served.says == "Meet noon."
    assert sum(struct.length for structs in update.structs.values() for struct in structs) == 5


def test_what_was_typed_after_the_merge_is_kept_and_marked() -> None:
    served, episode = scene("one two three", ann=[replaced(4, 7, "2")], bob=[replaced(4, 7, "II")])
    cleo: Doc[Any] = Doc(client_id=99)
    cleo.apply_update(served.doc.get_update())
    state = cleo.get_state()
    cleo.get("text", type=Text).insert(5, "(!)")
    update = decode_update(cleo.get_update(state))
    served.take(
        EditFact(served.head + 1, served.head + 1, "cleo", "cleo", Context.of(served.head), Update(update.structs))
    )
    assert served.says == "one 2(!)II three"
    found = by_choice(served, episode)
    assert [tuple(part) for part in found["use bob"].parts] == [("(!)", True), ("II", False)]
    assert [tuple(part) for part in found["write"].parts] == [("2", False), ("(!)", True), ("II", False)]
    served.act(episode.id, Wish("use", SideKey("bob")))
    assert served.says == "one (!)II three"
    served.act(episode.id, Wish("write", text="zwei"))
    assert served.says == "one (!)zwei three"


def test_mixed_letters_are_put_in_order() -> None:
    served, episode = scene("x", ann=typed(1, "cat"), bob=[pasted(1, "dog"), pasted(1, "hot")])
    found = by_choice(served, episode)
    assert found["both"].text.replace(" ", "") in ("cathotdog", "hotdogcat")
    served.act(episode.id, Wish("both"))
    assert served.says == "x" + found["both"].text


def test_writing_keeps_the_letters_that_are_there() -> None:
    served, episode = scene("a 😀 b", ann=[replaced(2, 3, "😁")], bob=[replaced(2, 3, "😂")])
    update = served.act(episode.id, Wish("write", text="😁!😂"))
    assert served.says == "a 😁!😂 b"
    assert not update.deletes
    assert [struct.content for structs in update.structs.values() for struct in structs] == ["!"]
    served.act(episode.id, Wish("write", text="😃"))  # shares half a character with what is there
    assert "\ufffd" not in served.says


def test_what_is_not_offered_is_refused() -> None:
    served, episode = scene("one", ann=[pasted(3, "!")], bob=[pasted(3, "?")])
    for wish in (Wish("restore"), Wish("use", SideKey("cleo")), Wish("use"), Wish("write")):
        with pytest.raises(InvalidRequest):
            plan(served.place(episode.id), wish)


def test_the_place_as_it_was_at_an_earlier_revision() -> None:
    served, episode = scene("one two three", ann=[replaced(4, 7, "2")], bob=[replaced(4, 7, "II")])
    before = served.head
    served.act(episode.id, Wish("use", SideKey("ann")))
    found = served.engine.found(episode.id)
    assert found is not None
    then = Versions(*found, until(before))
    assert plan(then, Wish("leave")).preview.text == "2II"
    assert then.news(before) == [served.head]
    assert then.late(before) == []

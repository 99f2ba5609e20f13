"""The document without some of its edits, and with one that is not recorded."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from keepboth.errors import InvalidRequest, MalformedUpdate
from keepboth.history.cuts import Cut, select
from keepboth.history.folding import plain_folding
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.history.rendering import render
from keepboth.history.whatif import what_if
from keepboth.history.work import Work
from keepboth.store.memory import MemoryStore
from tests.history.crowd import DOCUMENT, Crowd
from tests.store.making import append, edit

WORDS = ("cat", "é", "naïve ", "日本", "😀", "x", " ")


class Author:
    """A peer whose transactions are recorded one by one."""

    def __init__(self, client: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client)
        self.made: list[bytes] = []
        self._subscription = self.doc.observe(lambda event: self.made.append(event.update))

    def pull(self, update: bytes) -> None:
        made = len(self.made)
        self.doc.apply_update(update)
        del self.made[made:]


def played(seed: int, with_x: bool) -> MemoryStore:
    """Two people type into a text, a map and a list; X, who sees all, into places of X's own that nobody builds on.

    With or without X, everybody else makes the same updates.
    """
    random, mine = Random(seed), Random(seed + 1000)
    store = MemoryStore()
    people = {name: Author(number) for number, name in enumerate(("ann", "bob", "x"), 11)}

    def send(name: str) -> None:
        for payload in people[name].made:
            append(store, DOCUMENT, edit(payload, actor=name, session=name))
            for other, author in people.items():
                if other != name and (other == "x" or name != "x"):
                    author.pull(payload)
        people[name].made.clear()

    for _ in range(40):
        name = random.choice(("ann", "bob"))
        doc = people[name].doc
        text = doc.get("text", type=Text)
        sizes = [0]
        for char in str(text):
            sizes.append(sizes[-1] + len(char.encode()))
        roll = random.random()
        start, stop = sorted(random.choices(sizes, k=2))
        if roll < 0.6:
            text.insert(start, random.choice(WORDS))
        elif roll < 0.75 and start < stop:
            del text[start:stop]
        elif roll < 0.85:
            doc.get("map", type=Map)[random.choice("kl")] = random.choice((1, "two", None))
        else:
            doc.get("list", type=Array).append(random.choice(WORDS))
        if random.random() < 0.7:
            send(name)
        if with_x and mine.random() < 0.5:
            doc = people["x"].doc
            own = doc.get("x", type=Text)
            own.insert(mine.randrange(len(own) + 1) if str(own).isascii() else 0, mine.choice("xyz"))
            shared = doc.get("text", type=Text)
            shared.insert(mine.choice((0, len(shared))), mine.choice(WORDS))
            doc.get("map", type=Map)[f"x{mine.randrange(3)}"] = mine.randrange(9)
            send("x")
    for name in ("ann", "bob"):
        send(name)
    return store


@pytest.mark.parametrize("mode", ["strict", "keep"])
@pytest.mark.parametrize("seed", [*range(25), 398])
def test_without_somebody_is_the_session_in_which_they_never_typed(seed: int, mode: Any) -> None:
    store = played(seed, True)
    found = what_if(Past(store, plain_folding(store), Lineages(store)), DOCUMENT, Cut(), Work(actors=("x",)), mode)
    assert found.dependants == ()
    assert found.edits
    without = played(seed, False)
    expected = render(plain_folding(without), select(without, DOCUMENT), "json").value
    roots = dict(found.roots)
    if mode == "keep":
        # A root that X began is there, with what X put in taken out.
        assert not any(root["value"] for name, root in roots.items() if name not in expected)
        roots = {name: root for name, root in roots.items() if name in expected}
    assert roots == expected
    if mode == "strict":
        again = render(plain_folding(store), select(store, DOCUMENT, Cut(token=found.selection.token)), "json").value
        assert again == found.roots


@pytest.mark.parametrize("seed", range(30))
def test_dependants_wait_with_what_they_build_on_or_keep_their_text(seed: int) -> None:
    crowd = Crowd(seed, steps=40)
    actor = crowd.random.choice(sorted(set(crowd.actors.values())))
    strict = what_if(crowd.past, DOCUMENT, Cut(), Work(actors=(actor,)))
    gone = {revision for revision, name in crowd.actors.items() if name == actor}
    waits = {one.revision for one in strict.dependants}
    assert not waits & gone
    assert all(one.builds_on and set(one.builds_on) <= gone | waits for one in strict.dependants)
    alone = what_if(crowd.past, DOCUMENT, Cut(), Work(revisions=tuple((r, r) for r in sorted(gone | waits))))
    assert (alone.roots, alone.dependants) == (strict.roots, ())
    kept = what_if(crowd.past, DOCUMENT, Cut(), Work(actors=(actor,)), "keep")
    assert kept.dependants == strict.dependants
    if not waits:
        assert {name: root for name, root in kept.roots.items() if name in strict.roots} == strict.roots


def test_a_dependant_is_named_and_its_text_kept_where_it_stood() -> None:
    store = MemoryStore()
    ann, bob = Author(11), Author(12)
    for author, at, word in ((ann, 0, "one three"), (bob, 4, "two "), (ann, 6, "xx"), (bob, 0, "zero ")):
        author.doc.get("text", type=Text).insert(at, word)
        (payload,) = author.made
        author.made.clear()
        (bob if author is ann else ann).pull(payload)
        append(store, DOCUMENT, edit(payload, actor="ann" if author is ann else "bob"))
    past = Past(store, plain_folding(store), Lineages(store))
    strict = what_if(past, DOCUMENT, Cut(), Work(actors=("bob",)))
    assert strict.roots["text"]["value"] == "one three"
    assert [(one.revision, one.actor, one.builds_on) for one in strict.dependants] == [(3, "ann", (2,))]
    kept = what_if(past, DOCUMENT, Cut(), Work(actors=("bob",)), "keep")
    assert kept.roots["text"]["value"] == "one xxthree"
    assert kept.dependants == strict.dependants
    assert [tuple(part) for part in kept.changes[0].parts] == [
        ("delete", "zero "),
        ("keep", "one "),
        ("delete", "tw"),
        ("keep", "xx"),
        ("delete", "o "),
        ("keep", "three"),
    ]
    earlier = what_if(past, DOCUMENT, Cut(revision=3), Work(actors=("bob",)), "keep")
    assert earlier.roots["text"]["value"] == "one xxthree"


def test_an_edit_that_is_not_recorded_shows_or_says_what_it_lacks() -> None:
    store = MemoryStore()
    ann = Author(11)
    text = ann.doc.get("text", type=Text)
    for word in ("one", " two", " three"):
        text.insert(len(text), word)
    for payload in ann.made[:2]:
        append(store, DOCUMENT, edit(payload, actor="ann"))
    past = Past(store, plain_folding(store), Lineages(store))
    found = what_if(past, DOCUMENT, Cut(), added=ann.made[2])
    assert (found.roots["text"]["value"], found.added) == ("one two three", (True, ()))
    early = what_if(past, DOCUMENT, Cut(revision=1), added=ann.made[2])
    assert (early.roots["text"]["value"], early.added) == ("one", (False, ((11, 6, 1),)))
    without = what_if(past, DOCUMENT, Cut(), Work(revisions=((2, 2),)), added=ann.made[1])
    assert without.roots["text"]["value"] == "one two"
    append(store, DOCUMENT, edit(ann.made[2], actor="bob"))
    assert [one.revision for one in what_if(past, DOCUMENT, Cut(), Work(actors=("ann",))).dependants] == [3]
    waits = what_if(past, DOCUMENT, Cut(), Work(revisions=((2, 2),)))
    assert (waits.roots["text"]["value"], [one.builds_on for one in waits.dependants]) == ("one", [(2,)])
    brought = what_if(past, DOCUMENT, Cut(), Work(revisions=((2, 2),)), added=ann.made[1])
    assert (brought.roots["text"]["value"], brought.dependants) == ("one two three", ())
    assert store.document(DOCUMENT).revision == 3  # type: ignore[union-attr]
    with pytest.raises(MalformedUpdate):
        what_if(past, DOCUMENT, Cut(), added=b"\x01")
    with pytest.raises(InvalidRequest):
        what_if(past, DOCUMENT, Cut(), Work())

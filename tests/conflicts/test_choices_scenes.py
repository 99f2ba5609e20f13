"""Choices in small scenes: keys, attributes, removed subtrees, formats, lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from keepboth.conflicts.choices import Preview, Wish, offered, plan, previews
from keepboth.conflicts.model import Episode
from keepboth.conflicts.versions import SideKey
from keepboth.errors import InvalidRequest
from tests.conflicts.acting import Served
from tests.conflicts.trees import tree
from tests.conflicts.world import Client, World

Change = Callable[[Doc[Any]], None]

ANN, BOB = SideKey("ann"), SideKey("bob")


def apart(kind: Any, start: Change, **people: Change | list[Change]) -> Served:
    """Everybody starts from *start* and changes the root ``r`` of type *kind* apart, in this order."""
    world = World()
    first = world.join("start", "start", 10)
    root = first.doc.get("r", type=kind)
    first.edit(lambda: start(root))
    world.push(first)
    clients: list[tuple[Client, Any]] = []
    for at, name in enumerate(people):
        client = world.join(f"{name}'s session", name, 20 + at)
        root = client.doc.get("r", type=kind)
        world.pull(client)
        clients.append((client, root))
    for (client, root), changes in zip(clients, people.values(), strict=True):
        for change in changes if isinstance(changes, list) else [changes]:
            client.edit(lambda change=change, root=root: change(root))
        world.push(client)
    return Served(world.facts(), r=kind)


def only(served: Served) -> Episode:
    (episode,) = served.engine.episodes()
    return episode


def shown(served: Served, episode: Episode) -> dict[str, Preview]:
    found = {}
    for preview in previews(served.place(episode.id)):
        names = " and ".join(key.actor for key in preview.sides)
        found[f"{preview.choice} {names}".strip()] = preview
    return found


def texts(served: Served, episode: Episode) -> dict[str, str]:
    return {name: one.text for name, one in shown(served, episode).items()}


def test_two_values_for_a_key() -> None:
    served = apart(
        Map, lambda r: r.update({"due": 1}), ann=lambda r: r.update({"due": 4}), bob=lambda r: r.update({"due": 7})
    )
    episode = only(served)
    assert texts(served, episode) == {"leave": "7", "use ann": "4", "use bob": "7", "write": "7"}
    assert [one.changes for one in shown(served, episode).values()] == [False, True, False, True]
    update = served.act(episode.id, Wish("use", ANN))
    assert tree(served.roots["r"]) == {"due": 4}
    assert len(update.structs) == 1
    served.act(episode.id, Wish("write", text='{"from": [4, null]}'))
    assert tree(served.roots["r"]) == {"due": {"from": [4, None]}}
    for text in ("4 and 7", "", "NaN", "[" * 100_000):
        with pytest.raises(InvalidRequest):
            plan(served.place(episode.id), Wish("write", text=text))
    with pytest.raises(InvalidRequest):
        plan(served.place(episode.id), Wish("both"))


def test_a_value_against_its_removal() -> None:
    served = apart(
        Map, lambda r: r.update({"due": 1}), ann=lambda r: r.pop("due"), bob=lambda r: r.update({"due": "May"})
    )
    episode = only(served)
    assert texts(served, episode) == {"leave": '"May"', "use ann": "", "use bob": '"May"', "write": '"May"'}
    served.act(episode.id, Wish("use", ANN))
    assert tree(served.roots["r"]) == {}
    served.act(episode.id, Wish("use", BOB))
    assert tree(served.roots["r"]) == {"due": "May"}


def test_an_overwritten_type_comes_back_with_all_that_is_in_it() -> None:
    inside = {"words": ["a", {"b": None}, b"\x01", True, 2.5]}

    def start(r: Any) -> None:
        r["page"] = Map(
            {
                "title": Text("One two"),
                "list": Array([1, Array([XmlFragment([XmlElement("p", {"id": "x"}, [XmlText("in")])])])]),
                "plain": inside,
                "gone": 1,
            }
        )
        r["page"]["title"].format(0, 3, {"b": True})
        r["page"]["title"].insert_embed(7, {"image": 1})
        del r["page"]["gone"]

    served = apart(
        Map,
        start,
        ann=[lambda r: r["page"]["title"].insert(7, " three"), lambda r: r["page"].update({"more": 1})],
        bob=lambda r: r.update({"page": "none"}),
    )
    before = Doc[Any]()
    start(before.get("r", type=Map))
    expected = tree(before.get("r", type=Map))["page"]
    expected["title"][1][7:7] = [(char, ()) for char in " three"]
    expected["more"] = 1
    assert tree(served.roots["r"]) == {"page": "none"}
    episode = only(served)
    assert "in-removed-subtree" in episode.kinds
    served.act(episode.id, Wish("use", ANN))
    assert tree(served.roots["r"]) == {"page": expected}


def paragraph(words: str) -> XmlElement:
    return XmlElement("p", {}, [XmlText(words)])


def test_a_removed_paragraph_comes_back_with_what_was_typed_in_it() -> None:
    def start(r: Any) -> None:
        for words in ("First.", "Pay it.", "Last."):
            r.children.append(paragraph(words))

    def typed(r: Any) -> None:
        r.children[1].children[0].insert(6, " by Friday")

    def removed(r: Any) -> None:
        del r.children[1]

    served = apart(
        XmlFragment, start, ann=typed, bob=removed, cleo=lambda r: r.children[1].attributes.__setitem__("c", "red")
    )
    root = served.roots["r"]
    assert len(root.children) == 2
    episode = only(served)
    assert texts(served, episode) == {
        "leave": "",
        "use ann": "<p>Pay it by Friday.</p>",
        "use bob": "",
        "use cleo": '<p c="red">Pay it.</p>',
        "restore": '<p c="red">Pay it by Friday.</p>',
    }
    served.act(episode.id, Wish("restore"))
    assert [str(child) for child in root.children] == [
        "<p>First.</p>",
        '<p c="red">Pay it by Friday.</p>',
        "<p>Last.</p>",
    ]


def test_where_everything_around_is_gone_there_is_nothing_to_choose() -> None:
    served = apart(
        Map,
        lambda r: r.update({"t": Text("one")}),
        ann=lambda r: r["t"].insert(3, "!"),
        bob=lambda r: r["t"].insert(3, "?"),
        cleo=lambda r: r.pop("t"),
    )
    inner, outer = sorted(served.engine.episodes(), key=lambda episode: episode.key is not None)
    assert inner.key is None
    assert [wish.choice for wish in offered(served.place(inner.id))] == ["leave"]
    assert outer.key == "t"
    served.act(outer.id, Wish("use", ANN))
    assert str(served.roots["r"]["t"]) == "one!"


def spans(text: Any) -> list[tuple[str, dict[str, Any]]]:
    """What is formatted alike, each as long as it goes."""
    found: list[tuple[str, dict[str, Any]]] = []
    for piece, formats in text.diff():
        if found and found[-1][1] == (formats or {}):
            found[-1] = (found[-1][0] + piece, found[-1][1])
        else:
            found.append((piece, formats or {}))
    return found


def test_formats_of_either_side() -> None:
    served = apart(
        Text,
        lambda r: r.insert(0, "one two three"),
        ann=lambda r: r.format(4, 7, {"c": "red"}),
        bob=lambda r: r.format(0, 13, {"c": "blue", "b": True}),
    )
    episode = only(served)
    assert "format" in episode.kinds
    found = shown(served, episode)
    assert {found["use ann"].formats, found["use bob"].formats} == {
        (("b", "null"), ("c", '"red"')),
        (("b", "true"), ("c", '"blue"')),
    }
    text: Any = served.roots["r"]
    ahead, behind = {"c": "blue", "b": True}, {"b": True}  # Ann's end of red also ended Bob's blue
    assert spans(text) == [("one ", ahead), ("two", {"c": "red", "b": True}), (" three", behind)]
    for side, mine in ((ANN, {"c": "red"}), (BOB, ahead), (ANN, {"c": "red"})):
        update = served.act(episode.id, Wish("use", side))
        assert not update.deletes
        if mine == ahead:
            assert spans(text) == [("one two", ahead), (" three", behind)]
        else:
            assert spans(text) == [("one ", ahead), ("two", mine), (" three", behind)]


def test_copies_keep_their_formats() -> None:
    def start(r: Any) -> None:
        r.insert(0, "one two three")
        r.format(4, 7, {"b": True})

    served = apart(Text, start, ann=lambda r: r.insert(5, "!"), bob=lambda r: r.__delitem__(slice(2, 10)))
    episode = only(served)
    text: Any = served.roots["r"]
    assert str(text) == "on!ree"
    served.act(episode.id, Wish("restore"))
    assert text.diff() == [("one ", None), ("t!wo", {"b": True}), (" three", None)]


def test_lists_of_values() -> None:
    served = apart(
        Array,
        lambda r: r.extend([1, {"a": None}, 3]),
        ann=lambda r: (r.pop(1), r.insert(1, "A")),
        bob=lambda r: (r.pop(1), r.insert(1, "B")),
    )
    episode = only(served)
    assert texts(served, episode) == {
        "leave": '"A", "B"',
        "use ann": '"A"',
        "use bob": '"B"',
        "both": '"A", "B"',
    }
    served.act(episode.id, Wish("use", BOB))
    assert tree(served.roots["r"]) == [1, "B", 3]
    served.act(episode.id, Wish("use", ANN))
    assert tree(served.roots["r"])[1:-1] == ["A", "B"] or tree(served.roots["r"]) == [1, "A", 3]


def test_an_attribute() -> None:
    served = apart(
        XmlFragment,
        lambda r: r.children.append(XmlElement("p", {"id": "a"}, [])),
        ann=lambda r: r.children[0].attributes.__setitem__("id", "ann"),
        bob=lambda r: r.children[0].attributes.__setitem__("id", "bob"),
    )
    episode = only(served)
    assert texts(served, episode)["use ann"] == '"ann"'
    served.act(episode.id, Wish("use", ANN))
    assert str(served.roots["r"]) == '<p id="ann"></p>'
    served.act(episode.id, Wish("write", text='"carl"'))
    assert str(served.roots["r"]) == '<p id="carl"></p>'

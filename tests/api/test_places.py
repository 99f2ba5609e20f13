"""Where all entries of a document lie, in few bytes; and their marks along its course."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest

from tests.api.conftest import Served

MANY = 230
FIELDS = ["id", "status", "severity", "certain", "hidden", "revision", "last_revision", "anchors"]


def crowd(server: Served, name: str, words: int = MANY, keys: int = 3) -> None:
    """Two people have each rewritten *words* words one by one, and set *keys* keys, neither having seen the other."""
    server.create(name, content={"text": "word " * words})
    base = server.http.get("/api/state", params={"document": name, "as": "update"})
    for who in ("ann", "bob"):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.apply_update(base.content)
        text, held = doc.get("text", type=pycrdt.Text), doc.get("keys", type=pycrdt.Map)
        for number in range(words):
            before = doc.get_state()
            with doc.transaction():
                del text[number * 5 : number * 5 + 4]
                text.insert(number * 5, f"{who}!")
            seen = int(base.headers["KeepBoth-Revision"])
            server.edit(name, doc.get_update(before), session=f"{who}-session", seen=seen)
        before = doc.get_state()
        with doc.transaction():
            for number in range(keys):
                held[f"key {number}"] = who
        if keys:
            server.edit(name, doc.get_update(before), session=f"{who}-session", seen=seen)


@pytest.fixture(scope="module")
def crowded(server: Served) -> str:
    name = "places/crowded"
    crowd(server, name)
    body = server.get("/api/conflicts/places", document=name)
    assert body["complete"], body
    return name


def every(server: Served, path: str, part: str, **query: Any) -> list[Any]:
    """All pages of a list."""
    found: list[Any] = []
    address: str | None = path
    while address is not None:
        answer = server.http.get(address, params=query if address == path else None)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body[part]
        address = body["next"]
        assert (answer.links.get("next") or {}).get("url") == address
    return found


def of(entry: dict[str, Any]) -> list[Any]:
    """The row that an entry of the list must have."""
    anchors = entry["anchors"]
    places = anchors and [[anchors[end]["item"][part] for part in ("client", "clock")] for end in ("start", "end")]
    met = max(min(side["revisions"]) for side in entry["sides"])
    hidden = entry["card"]["hidden"]
    return [entry[name] for name in FIELDS[:4]] + [hidden[0] if hidden else "", met, entry["last_revision"], places]


CASES: list[tuple[dict[str, Any], int]] = [
    ({}, MANY + 3),
    ({"sort": "attention", "for": "guest:ann-session"}, MANY + 3),
    ({"sort": "newest", "anchored": True}, MANY),
    ({"anchored": False}, 3),
    ({"status": ["settled", "resolved"]}, 0),
    ({"actor": "guest:bob-session", "hidden": False}, MANY + 3),
    ({"met_since": 300, "met_until": 320}, 21),
    ({"q": "ann! bob!"}, MANY),
]


@pytest.mark.parametrize(("query", "number"), CASES, ids=["-".join(query) or "all" for query, _ in CASES])
def test_a_row_says_what_the_list_says(server: Served, crowded: str, query: dict[str, Any], number: int) -> None:
    query = {"document": crowded, **query}
    rows = every(server, "/api/conflicts/places", "places", **query, limit=40)
    assert rows == [of(entry) for entry in every(server, "/api/conflicts", "conflicts", **query, limit=200)]
    assert len(rows) == number


def test_it_says_how_far_all_is_known(server: Served, crowded: str) -> None:
    answer = server.http.get("/api/conflicts/places", params={"document": crowded})
    body = answer.json()
    revision = server.get("/api/document", document=crowded)["revision"]
    assert body["fields"] == FIELDS
    assert len(body["places"]) == body["count"] == MANY + 3
    assert (body["complete"], body["behind"], body["next"]) == (True, [], None)
    assert body["known_revision"] == body["revision"] == revision == int(answer.headers["KeepBoth-Revision"])
    assert len(answer.content) < 120 * (MANY + 5)


def test_a_row_follows_what_people_decide(server: Served, name: str) -> None:
    server.collide(name)
    (row,) = server.get("/api/conflicts/places", document=name)["places"]
    assert row[1] == "open"
    wish = {"id": row[0], "document": name, "choice": "leave"}
    server.http.post("/api/conflict/resolve", params={"session": "ann-session"}, json=wish).raise_for_status()
    (row,) = server.get("/api/conflicts/places", document=name)["places"]
    assert row[1] == "resolved"
    answer = server.http.get("/api/conflicts/places", params={"document": name, "status": "open"}).json()
    assert (answer["places"], answer["count"]) == ([], 1)


def test_what_it_refuses(server: Served, name: str) -> None:
    assert server.get("/api/conflicts/places", status=404, document=name)["code"] == "not-found"
    assert server.get("/api/conflicts/places", status=400)["code"] == "invalid-request"
    server.create(name)
    for query in ({"limit": 0}, {"limit": 5001}, {"after": "~x"}, {"met_since": -1}, {"sort": "sideways"}):
        answer = server.get("/api/conflicts/places", status=400, document=name, **query)
        assert answer["code"] == "invalid-request"


@pytest.mark.parametrize("buckets", [1, 7, 2000])
def test_marks_show_where_all_of_them_are(server: Served, crowded: str, buckets: int) -> None:
    course = server.get("/api/timeline", document=crowded, buckets=buckets)
    marks, ends = course["conflicts"]["marks"], course["revisions"]
    rows = [
        dict(zip(FIELDS, row, strict=True))
        for row in every(server, "/api/conflicts/places", "places", document=crowded)
    ]
    assert sum(mark["count"] for mark in marks) == course["conflicts"]["count"] == len(rows)
    assert len(marks) <= buckets
    starts = [0, *ends]
    for mark in marks:
        (bucket,) = {next(at for at, end in enumerate(ends) if end >= mark[end_of]) for end_of in ("since", "until")}
        those = [row for row in rows if starts[bucket] < row["revision"] <= ends[bucket]]
        assert (mark["count"], mark["since"], mark["until"]) == (
            len(those), min(row["revision"] for row in those), max(row["revision"] for row in those),
        )  # fmt: skip
        shown = [row for row in those if row["status"] == "open" and not row["hidden"]]
        assert (mark["shown"], mark["hidden"]) == (len(shown), not shown)
        newest = max(shown or those, key=lambda row: (row["revision"], row["id"]))
        assert {**newest, **mark} == {**newest, **mark, **{name: newest[name] for name in ("id", "revision", "status")}}


def test_marks_lead_to_the_entries_in_them(server: Served, crowded: str) -> None:
    (_, mark, *_) = server.get("/api/timeline", document=crowded, buckets=9)["conflicts"]["marks"]
    assert mark["count"] > 10
    query = {"document": crowded, "met_since": mark["since"], "met_until": mark["until"]}
    assert len(every(server, "/api/conflicts/places", "places", **query)) == mark["count"]
    assert server.get("/api/conflicts/counts", **query)["total"] == mark["count"]


def test_the_order_of_writing_has_the_same_marks(server: Served, crowded: str) -> None:
    arrived, written = (
        server.get("/api/timeline", document=crowded, axis=axis, buckets=30)["conflicts"]
        for axis in ("arrived", "written")
    )
    assert arrived == written

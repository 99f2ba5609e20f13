"""Reducers over HTTP: answers at cuts, live, stored; and what becomes of those that take too much."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from keepboth import open_log
from keepboth.api import reducing
from keepboth.reducers.loading import SHIPPED
from tests.api.conftest import Served, serving, written
from tests.reducers.story import begin

NAMES = ("marks", "endless", "asleep", "greedy", "large", "leaving", "broken")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that offers the reducers of ``questions.py`` and gives each one second and 200 MB."""
    where = tmp_path_factory.mktemp("reducing")
    specs = tuple(f"tests.api.questions:{name}" for name in NAMES)
    with serving(
        where / "data", reducers=specs, reducer_seconds=1, reducer_memory_bytes=200 << 20, reducer_processes=2
    ) as server:
        server.http.timeout = httpx.Timeout(40)
        begin(server)
        yield server


def reduced(server: Served, name: str, *documents: str, **query: Any) -> Any:
    return server.get("/api/reduce", name=name, **({"document": list(documents)} if documents else {}), **query)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_all_that_is_offered_is_listed(asked: Served) -> None:
    assert asked.get("/api/reducers")["reducers"] == sorted([*SHIPPED, *NAMES])


@pytest.mark.parametrize("documents", [("plans/2026",), ("notes", "plans/2026"), ()], ids=["one", "set", "log"])
@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_an_answer_is_that_of_the_log_itself(asked: Served, name: str, documents: tuple[str, ...]) -> None:
    body = reduced(asked, name, *documents)
    with open_log(asked.application.settings.data) as log:
        expected = log.reduce(name, list(documents) or None).to_json()
    assert {**expected, "now": body["now"], "stored": body["stored"]} == body
    assert reduced(asked, name, *documents) == {**body, "stored": True}


def test_an_answer_names_its_place_and_its_token_asks_for_it_again(asked: Served) -> None:
    answer = asked.http.get("/api/reduce", params={"name": "churn", "document": "plans/2026", "at": 3})
    body = answer.json()
    assert (answer.headers["KeepBoth-Revision"], answer.headers["KeepBoth-Cut"]) == ("3", body["cut"])
    assert body["value"]["typed"] == 16
    again = reduced(asked, "churn", "plans/2026", cut=body["cut"])
    assert again == {**body, "stored": True}
    answer = asked.http.get("/api/reduce", params={"name": "churn", "position": 3})
    assert answer.headers["KeepBoth-Position"] == "3"


def test_what_a_reducer_prints_is_not_its_answer(asked: Served) -> None:
    assert reduced(asked, "marks", "plans/2026", at=2)["value"] == {"units": 13}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"name": "unheard-of"}, 404, "not-found"),
        ({"name": "tests.api.questions:marks"}, 404, "not-found"),
        ({"name": "churn", "document": "absent"}, 404, "not-found"),
        ({"name": "churn", "at": 1}, 400, "invalid-request"),
        ({"name": "churn", "document": "plans/2026", "at": 99}, 404, "not-found"),
        ({"name": "churn", "document": ""}, 400, "invalid-request"),
        ({}, 400, "invalid-request"),
    ],
    ids=str,
)
def test_a_question_that_makes_no_sense_is_refused(asked: Served, query: Any, status: int, code: str) -> None:
    for path in ("/api/reduce", "/api/reduce/feed"):
        if path.endswith("feed") and ("at" in query):
            continue  # a feed has no moment
        answer = asked.http.get(path, params=query)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path


# -- too much ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "code", "what"),
    [
        ("endless", 422, "reducer-overrun", "time"),
        ("asleep", 422, "reducer-overrun", "time"),
        ("greedy", 422, "reducer-overrun", "memory"),
        ("large", 422, "reducer-overrun", "answer"),
        ("leaving", 500, "reducer-failed", None),
    ],
)
def test_one_that_takes_too_much_is_ended_and_the_others_answer(
    asked: Served, name: str, status: int, code: str, what: str | None
) -> None:
    before = workers()
    answer = asked.http.get("/api/reduce", params={"name": name, "document": "plans/2026"})
    assert workers() <= before, "its process is still there"
    body = answer.json()
    assert (answer.status_code, body["code"], body.get("what")) == (status, code, what), body
    assert reduced(asked, "marks", "plans/2026", at=2)["value"] == {"units": 13}


def workers() -> set[int]:
    """The process ids of this process's children that run reducers."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = path.read_text().rpartition(")")[2].split()[1]
            if parent == str(os.getpid()) and "keepboth.reducers.worker" in (path.parent / "cmdline").read_text():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def test_one_that_raises_is_parked_with_its_traceback(asked: Served) -> None:
    body = reduced(asked, "broken", "plans/2026")
    assert body["value"] is None
    assert (body["parked"]["document"], body["parked"]["revision"]) == ("plans/2026", 3)
    assert body["parked"]["error"] == "ValueError: a second one"
    assert 'raise ValueError("a second one")' in body["parked"]["traceback"]
    assert "questions.py" in body["parked"]["traceback"]
    assert reduced(asked, "broken", "plans/2026", at=2)["value"] == {"plans/2026": 1}


# -- code --------------------------------------------------------------------------------------------------------------

COUNTING = """
from keepboth.reducers import reducer

@reducer("counting")
def counting(state, event, ctx):
    state["n"] = state.get("n", 0) + {step}
"""


def test_changed_code_answers_anew_beside_what_the_former_code_said(tmp_path: Path) -> None:
    file = tmp_path / "counting.py"
    file.write_text(COUNTING.format(step=1))
    with serving(tmp_path / "data", reducers=(f"{file}:counting",)) as server:
        begin(server)
        first = reduced(server, "counting", "notes")
        assert reduced(server, "counting", "notes")["stored"]
        file.write_text(COUNTING.format(step=10))
        second = reduced(server, "counting", "notes")
        assert (first["value"], second["value"]) == ({"n": 2}, {"n": 20})
        assert first["code"] != second["code"]
        assert not second["stored"]
        kept = server.get("/api/reduce/stored", name="counting")["results"]
        assert [(one["code"], one["value"]) for one in kept] == [
            (second["code"], {"n": 20}), (first["code"], {"n": 1 * 2}),
        ]  # fmt: skip
        file.write_text("this is no Python")
        answer = server.http.get("/api/reduce", params={"name": "counting", "document": "notes"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")
        file.write_text(COUNTING.format(step=1))
        again = reduced(server, "counting", "notes")
        assert (again["code"], again["value"], again["stored"]) == (first["code"], {"n": 2}, True)
    with serving(tmp_path / "data", reducers=(f"{file}:counting",)) as server:
        assert reduced(server, "counting", "notes") == again  # also after the server has been started again


def test_only_the_newest_answers_are_kept(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        begin(server)
        for at in range(26):
            server.edit("notes", written(str(at)), session="session-cara")
            reduced(server, "activity", "notes")
        kept = server.get("/api/reduce/stored", name="activity")["results"]
        assert [one["until"] for one in kept] == list(range(28, 8, -1))


# -- live --------------------------------------------------------------------------------------------------------------


class Feed:
    """Reads a feed of server-sent events."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.headers["content-type"].startswith("text/event-stream")
        self._lines = answer.iter_lines()

    def next(self) -> tuple[str, Any, str | None]:
        """The next event: its name, its data, its id."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line and "data" in fields:
                return fields["event"], json.loads(fields["data"]), fields.get("id")
            name, _, value = line.partition(": ")
            fields[name] = value
        raise AssertionError("the feed has ended")

    def ends(self) -> bool:
        return not [line for line in self._lines if line.startswith("data")]


@pytest.mark.parametrize("documents", [["live/a"], ["live/a", "live/b"], []], ids=["one", "set", "log"])
def test_a_feed_follows_the_log(tmp_path: Path, documents: list[str]) -> None:
    with serving(tmp_path / "data") as server:
        for document in ("live/a", "live/b"):
            server.create(document)
        query: dict[str, Any] = {"name": "churn", "document": documents}
        with server.http.stream("GET", "/api/reduce/feed", params=query) as answer:
            feed = Feed(answer)
            name, body, id = feed.next()
            assert (name, body["value"]["typed"], id) == ("result", 0, body["cut"])
            units = 0
            for word in ("one", " two", " three"):
                server.edit("live/a", written(word))
                units += len(word)
                _, body, id = feed.next()
                assert body["value"]["typed"] == units
                assert body == {**reduced(server, "churn", *documents, cut=id), "stored": False}


def test_a_feed_of_documents_sleeps_through_the_others(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        for document in ("live/a", "live/b", "live/c"):
            server.create(document)
        query = {"name": "churn", "document": ["live/a", "live/b"]}
        with server.http.stream("GET", "/api/reduce/feed", params=query) as answer:
            feed = Feed(answer)
            feed.next()
            for _ in range(3):
                server.edit("live/c", written("not mine"))
            server.edit("live/b", written("mine"))
            _, body, _ = feed.next()
            assert body["value"]["typed"] == 4


def test_a_feed_of_one_that_takes_too_much_fails_aloud(tmp_path: Path) -> None:
    with serving(tmp_path / "data", reducers=("tests.api.questions:endless",), reducer_seconds=1) as server:
        server.http.timeout = httpx.Timeout(40)
        server.create("live")
        with server.http.stream("GET", "/api/reduce/feed", params={"name": "endless", "document": "live"}) as answer:
            feed = Feed(answer)
            assert feed.next()[1]["value"] == {}
            server.edit("live", written("one"))
            name, body, _ = feed.next()
            assert (name, body["code"]) == ("failed", "reducer-overrun")
            assert feed.ends()


def test_a_server_that_stops_ends_its_feeds_and_processes(tmp_path: Path) -> None:
    before = workers()
    with serving(tmp_path / "data") as server:
        server.create("live")
        with server.http.stream("GET", "/api/reduce/feed", params={"name": "churn", "document": "live"}) as answer:
            feed = Feed(answer)
            feed.next()
            assert len(workers() - before) == 1
            server.application.stop()
            assert feed.ends()
    assert workers() <= before


def test_readers_of_feeds_are_counted_down_when_they_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepboth.api.reducing.MAX_READERS", 1)
    with serving(tmp_path / "data") as server:
        server.create("live")
        query = {"name": "churn", "document": "live"}
        for _ in range(3):
            with server.http.stream("GET", "/api/reduce/feed", params=query) as answer:
                feed = Feed(answer)
                feed.next()
                refused = httpx.get(f"{server.application.url}/api/reduce/feed", params=query, trust_env=False)
                assert refused.json()["code"] == "overloaded"
            deadline = time.monotonic() + 10
            while reducing.READERS.count:
                assert time.monotonic() < deadline, "a reader that has left is still counted"
                time.sleep(0.01)


def test_nobody_can_name_code_over_http(asked: Served) -> None:
    """A name that would be a file or a module is only a name."""
    for name in ("os:system", "/etc/passwd", "x.py", "churn2"):
        assert asked.http.get("/api/reduce", params={"name": name}).status_code == 404

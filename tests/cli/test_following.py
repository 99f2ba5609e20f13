"""``feed``, ``consumers`` and ``webhooks``, against a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.conftest import Served, serving
from tests.cli.conftest import HOSTILE, Run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("following")) as served:
        served.create("plans", title="Plans")
        served.create(HOSTILE, title=HOSTILE)
        yield served


def at(served: Served) -> tuple[str, str]:
    return "--server", str(served.http.base_url)


def test_a_feed_is_followed(run: Run, served: Served) -> None:
    shown = run("feed", "--after", "0", "--limit", "2", "--json", *at(served), data=None)
    assert [(event["sequence"][-1], event["partitionkey"]) for event in shown.lines] == [("1", "plans"), ("2", HOSTILE)]
    shown = run("feed", "--after", "0", "--limit", "2", *at(served), data=None)
    assert (shown.code, shown.err) == (0, "")
    assert "document.created" in shown.out
    assert "\x1b" not in shown.out
    shown = run("feed", "--after", "99", *at(served), data=None)
    assert (shown.code, shown.err.split(":")[1]) == (1, " not-found")


def test_consumers_are_shown_with_what_they_parked(run: Run, served: Served) -> None:
    served.http.put("/api/consumer", params={"consumer": "reports"}, json={"types": ["document.created"]})
    lease = served.http.get("/api/consumer/events", params={"consumer": "reports"}).headers["KeepBoth-Lease"]
    body = {"lease": lease, "position": 1, "reason": HOSTILE}
    assert served.http.post("/api/consumer/park", params={"consumer": "reports"}, json=body).status_code == 200
    (listed,) = run("consumers", "list", "--json", *at(served), data=None).lines
    assert (listed["consumer"], listed["cursor"], listed["parked"]) == ("reports", 1, 1)
    assert "being read" in run("consumers", "list", *at(served), data=None).out
    shown = run("consumers", "parked", "reports", *at(served), data=None)
    assert "␛" in shown.out
    assert "\x1b" not in shown.out
    assert run("consumers", "replay", "reports", *at(served), data=None).out == "1 event will be given once more\n"
    assert run("consumers", "remove", "reports", *at(served), data=None).code == 0
    shown = run("consumers", "parked", "reports", *at(served), data=None)
    assert (shown.code, shown.err) == (1, "keepboth: not-found: there is no such consumer\n")


def test_webhooks_are_added_shown_and_removed(run: Run, served: Served) -> None:
    refused = run("webhooks", "add", "mirror", "https://127.0.0.1/", *at(served), data=None)
    assert (refused.code, refused.err.split(":")[1]) == (2, " invalid-request")
    url = "https://hooks.example.org/x"
    made = run("webhooks", "add", "mirror", url, "--types", "document.quiet", *at(served), data=None)
    assert (made.code, made.out[:6]) == (0, "whsec_")
    (listed,) = run("webhooks", "list", "--json", *at(served), data=None).lines
    assert (listed["url"], listed["secret"], listed["consumer"]["cursor"]) == (url, None, 2)
    assert "delivering" in run("webhooks", "list", *at(served), data=None).out
    assert run("webhooks", "remove", "mirror", *at(served), data=None).code == 0
    assert run("webhooks", "list", "--json", *at(served), data=None).lines == []


def test_a_server_that_does_not_answer_is_said_to(run: Run) -> None:
    shown = run("consumers", "list", "--server", "http://127.0.0.1:9", data=None)
    assert (shown.code, shown.err.startswith("keepboth: the server at http://127.0.0.1:9 does not answer")) == (3, True)

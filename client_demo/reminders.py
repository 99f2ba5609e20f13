"""``python -m client_demo.reminders URL``: reminds once of every conflict that has been open for a day.

An example of a product beside the server: a process of its own that uses HTTP and nothing else. It keeps no state.
Where it was is a named consumer; what it has said is in the log, as `reminder.sent`, under an id that follows from the
conflict's, so that two of it, or one that was killed, do not remind twice.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import typer

NAMES = uuid.UUID("6f1f3a52-93e5-5c6e-9d2e-3c9b3cb7a1d0")
TYPE = "reminder.sent"
PATIENCE_S = 20.0
_open = build_opener(ProxyHandler({})).open


class Server:
    """The routes that this example needs."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any, Any]:
        """Status, headers and JSON of an answer. Raises HTTPError for a refusal."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(
            f"{self._url}{path}?{urlencode(query)}", data, {"Content-Type": "application/json"}, method=method
        )
        with _open(request, timeout=PATIENCE_S + 10) as answer:
            return answer.status, answer.headers, json.loads(answer.read())

    def conflicts(self, document: str | None = None) -> Iterator[dict[str, Any]]:
        """Every open conflict, as far as they are known."""
        after = ""
        while True:
            about = {} if document is None else {"document": document}
            _, _, page = self.call("GET", "/api/conflicts", limit=500, after=after, **about)
            yield from (one for one in page["conflicts"] if one.get("status", "open") == "open")
            if page["next"] is None:
                return
            after = page["conflicts"][-1]["id"]

    def conflict(self, id: str) -> dict[str, Any] | None:
        """A conflict with the edits behind it, under the id that it has now; None if it is gone."""
        try:
            found: dict[str, Any] = self.call("GET", "/api/conflict", id=id)[2]
        except HTTPError as error:
            if error.code == 404:
                return None
            raise
        return found


class Reminders:
    """Knows when which conflict is due. ``day_s`` is how long one may be open."""

    def __init__(self, server: Server, day_s: float, consumer: str = "reminders") -> None:
        self._server = server
        self._day_s = day_s
        self._consumer = consumer
        self._lease: dict[str, str] = {}
        self._due: dict[str, float] = {}
        self._told: set[str] = set()

    def begin(self) -> None:
        """Look at everything once; what happens from now on is told."""
        self._server.call("PUT", "/api/consumer", {"types": ["document.quiet", TYPE]}, consumer=self._consumer)
        after = 0
        while True:
            _, _, page = self._server.call("GET", "/api/events", types=TYPE, after=after, limit=1000)
            if not page:
                break
            for event in page:
                self._has_been_told(event["data"]["conflict"])
            after = int(page[-1]["sequence"])
        self._look(None)

    def step(self) -> list[dict[str, Any]]:
        """Remind of what is due; then wait for something to happen, or for the next to be due."""
        reminded = [said for id, at in sorted(self._due.items()) if at <= time.time() and (said := self._remind(id))]
        wait_s = min([PATIENCE_S, *(max(0.0, at - time.time()) for at in self._due.values())])
        _, headers, events = self._server.call(
            "GET", "/api/consumer/events", consumer=self._consumer, wait_s=f"{wait_s:.3f}", **self._lease
        )
        self._lease = {"lease": headers["KeepBoth-Lease"]}
        for document in {event["data"]["document"] for event in events if event["type"].endswith(".quiet.v1")}:
            self._look(document)
        for event in events:
            if TYPE in event["type"]:
                self._has_been_told(event["data"]["conflict"])
        if events:
            body = {**self._lease, "position": int(events[-1]["sequence"])}
            self._server.call("POST", "/api/consumer/ack", body, consumer=self._consumer)
        return reminded

    def _look(self, document: str | None) -> None:
        for conflict in self._server.conflicts(document):
            if conflict["id"] not in self._told:
                detail = self._server.conflict(conflict["id"])
                if detail is not None:
                    self._due[detail["conflict"]["id"]] = _open_since(detail) + self._day_s

    def _has_been_told(self, id: str) -> None:
        """Under the id that it had, and under that which it has now: conflicts grow together."""
        found = self._server.conflict(id)
        for known in {id, id if found is None else found["conflict"]["id"]}:
            self._told.add(known)
            self._due.pop(known, None)

    def _remind(self, id: str) -> dict[str, Any] | None:
        del self._due[id]
        found = self._server.conflict(id)
        if found is None or found["conflict"]["id"] in self._told or found["conflict"].get("status", "open") != "open":
            return None
        conflict = found["conflict"]
        data = {"conflict": conflict["id"], "open_since": _open_since(found), "people": _people(conflict)}
        status, _, _ = self._server.call(
            "POST",
            "/api/events",
            {"type": TYPE, "id": str(uuid.uuid5(NAMES, conflict["id"])), "data": data},
            document=conflict["document"],
        )
        self._told.add(conflict["id"])
        return {"document": conflict["document"], **data} if status == 201 else None


def _open_since(detail: dict[str, Any]) -> float:
    """When the last of its edits was recorded, in seconds since 1970."""
    return max(
        datetime.fromisoformat(event["recorded_at"].replace("Z", "+00:00")).timestamp() for event in detail["events"]
    )


def _people(conflict: dict[str, Any]) -> list[str]:
    return sorted({side["name"] or side["actor"] for side in conflict["sides"]})


def main(
    url: Annotated[str, typer.Argument(help="the server's address")],
    day: Annotated[float, typer.Option(help="seconds that a conflict may be open")] = 86_400.0,
) -> None:
    """Remind once of every conflict that has been open for a day: a line of JSON each."""
    reminders = Reminders(Server(url), day)
    begun = False
    while True:
        try:
            if not begun:
                reminders.begin()
                begun = True
            for reminder in reminders.step():
                print(json.dumps(reminder, ensure_ascii=False), flush=True)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        except (URLError, ConnectionError, TimeoutError) as error:
            # The server is away, or another of these reads: what is due stays due.
            typer.echo(f"waiting: {error}", err=True)
            time.sleep(1.0)


if __name__ == "__main__":
    typer.run(main)

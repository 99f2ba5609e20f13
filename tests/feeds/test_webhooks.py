"""Webhooks: signed, in order, tried again, parked in the end; never to where they must not go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from keepboth.errors import InvalidRequest
from keepboth.feeds.addresses import Rules, is_public
from keepboth.feeds.signing import new_secret, signature
from keepboth.feeds.webhooks import Policy, retry_after
from tests.feeds.reading import two_documents
from tests.harness import Running, eventually, run, running

FAST = {"webhook_private": True, "webhook_retry_s": 0.001}


class Post(NamedTuple):
    """What a receiver got."""

    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def position(self) -> int:
        return int(json.loads(self.body)["sequence"])


class Receiver:
    """Answers with *answers* in turn and then with 204; keeps what came."""

    def __init__(self, *answers: int) -> None:
        self.posts: list[Post] = []
        self.answers = list(answers)
        self.url = ""

    def taken(self) -> list[int]:
        return [post.position for post in self.posts if post.status < 300]


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    receiver = Receiver(*answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.pop(0) if receiver.answers else 204
            receiver.posts.append(Post({name.lower(): value for name, value in self.headers.items()}, body, status))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?a=b"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def put(server: Running, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        return await http.put("/api/webhook", params={"webhook": "hook"}, json=body)


async def get(server: Running) -> Any:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        return (await http.get("/api/webhook", params={"webhook": "hook"})).json()


def valid(post: Post, secret: str) -> bool:
    """As a receiver checks it, with nothing of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{post.headers['webhook-id']}.{post.headers['webhook-timestamp']}.".encode() + post.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in post.headers["webhook-signature"].split(" ")


def test_the_signature_is_that_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


def test_events_are_posted_signed_and_in_order(tmp_path: Path) -> None:
    async def main() -> None:
        with receiving() as receiver:
            async with running(tmp_path, **FAST) as server:
                await two_documents(server)
                answer = await put(server, url=receiver.url, types=["edit.recorded"])
                assert answer.status_code == 201, answer.text
                secret = answer.json()["secret"]
                await eventually(lambda: len(receiver.posts) == 5)
                assert [post.position for post in receiver.posts] == [2, 3, 4, 6, 7]
                first = receiver.posts[0]
                event = json.loads(first.body)
                assert valid(first, secret)
                assert not valid(first, new_secret(bytes(32)))
                assert first.headers["webhook-id"] == event["id"]
                assert first.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
                assert first.headers["host"] == receiver.url.split("/")[2]
                async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                    assert event == (await http.get("/api/event", params={"id": event["id"]})).json()
                await eventually(lambda: acknowledged(server, 7))
                shown = await get(server)
                assert (shown["secret"], shown["state"], shown["last_answer"]) == (None, "delivering", "204 No Content")
            async with running(tmp_path, **FAST) as server:
                assert (await get(server))["consumer"]["cursor"] == 7
                changed = await put(
                    server, url=receiver.url, types=["edit.recorded"], secret=new_secret(bytes(24)), after=6
                )
                assert changed.status_code == 200
                await eventually(lambda: len(receiver.posts) == 6)
                assert valid(receiver.posts[5], secret)
                assert valid(receiver.posts[5], new_secret(bytes(24)))

    async def acknowledged(server: Running, position: int) -> bool:
        return bool((await get(server))["consumer"]["cursor"] >= position)

    run(main())


def test_a_failure_is_tried_again_before_what_comes_behind_it(tmp_path: Path) -> None:
    async def main() -> None:
        with receiving(500, 302, 404, 204, 503) as receiver:
            async with running(tmp_path, **FAST) as server:
                await two_documents(server)
                await put(server, url=receiver.url)
                await eventually(lambda: len(receiver.taken()) == 7)
        assert receiver.taken() == [1, 2, 3, 4, 5, 6, 7]
        assert [post.position for post in receiver.posts] == [1, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7]
        assert len({post.headers["webhook-id"] for post in receiver.posts[:4]}) == 1

    run(main())


def test_what_is_never_taken_is_parked_loudly_and_can_be_replayed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        with receiving(204, 500, 500, 500) as receiver:
            async with running(tmp_path, webhook_attempts=3, **FAST) as server:
                await two_documents(server)
                with caplog.at_level(logging.ERROR, "keepboth.feeds"):
                    await put(server, url=receiver.url)
                    await eventually(lambda: receiver.taken() == [1, 3, 4, 5, 6, 7])
                assert [one.getMessage() for one in caplog.records if "position 2 in 3 attempts" in one.getMessage()]
                async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                    query = {"consumer": "hook"}
                    (parked,) = (await http.get("/api/consumer/parked", params=query)).json()["parked"]
                    assert (parked["position"], parked["reason"]) == (2, "500 Internal Server Error")
                    assert (await http.post("/api/consumer/replay", params=query, json={})).json() == {"replaying": 1}
                    await eventually(lambda: receiver.taken()[6:] == [2])
                    await eventually(lambda: forgotten(server))

    async def forgotten(server: Running) -> bool:
        return (await get(server))["consumer"]["parked"] == 0

    run(main())


def test_410_ends_a_webhook_until_it_is_put_again(tmp_path: Path) -> None:
    async def main() -> None:
        with receiving(204, 410) as receiver:
            async with running(tmp_path, **FAST) as server:
                await two_documents(server)
                await put(server, url=receiver.url)
                await eventually(lambda: ended(server))
                assert len(receiver.posts) == 2
            async with running(tmp_path, **FAST) as server:
                assert (await get(server))["ended"] == "410 Gone"
                await put(server, url=receiver.url)
                await eventually(lambda: receiver.taken() == [1, 2, 3, 4, 5, 6, 7])

    async def ended(server: Running) -> bool:
        return bool((await get(server))["state"] == "ended")

    run(main())


def test_a_receiver_that_is_away_loses_nothing_over_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        with receiving() as receiver:
            url = receiver.url
        async with running(tmp_path, **FAST, webhook_attempts=100) as server:
            await two_documents(server)
            await put(server, url=url)
            await eventually(lambda: tried(server))
        with receiving() as receiver:
            async with running(tmp_path, **FAST) as server:
                await put(server, url=receiver.url)
                await eventually(lambda: receiver.taken() == [1, 2, 3, 4, 5, 6, 7])

    async def tried(server: Running) -> bool:
        return bool((await get(server))["attempts"] >= 3)

    run(main())


REFUSED = [
    "http://example.org/",
    "ftp://example.org/",
    "https://",
    "https://user@example.org/",
    "https://example.org/#part",
    "https://127.0.0.1/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[fe80::1]/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://100.64.0.1/",
    "https://example.org:99999/",
    "https://exa mple.org/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_where_webhooks_must_not_go(url: str) -> None:
    with pytest.raises(InvalidRequest):
        Rules().check(url)


def test_only_hosts_that_are_allowed() -> None:
    rules = Rules(("hooks.example.org", ".example.com"))
    assert rules.check("https://hooks.example.org/x").hostname == "hooks.example.org"
    assert rules.check("https://a.b.example.com/x").hostname == "a.b.example.com"
    for url in ("https://example.org/", "https://example.com/", "https://xexample.com/", "https://1.1.1.1/"):
        with pytest.raises(InvalidRequest):
            rules.check(url)


def test_a_name_that_leads_to_a_private_address_is_not_posted_to(tmp_path: Path) -> None:
    async def main() -> None:
        with receiving() as receiver:
            with pytest.raises(InvalidRequest, match="not a public address"):
                await Rules().resolve("https://localhost/")
            async with running(tmp_path) as server:
                port = receiver.url.split(":")[2].split("/")[0]
                refused = await put(server, url=f"https://127.0.0.1:{port}/")
                assert (refused.status_code, refused.json()["code"]) == (400, "invalid-request")
            assert receiver.posts == []

    run(main())


@pytest.mark.parametrize(("text", "public"), [("1.1.1.1", True), ("2606:4700::1111", True), ("2002:a00:1::", False)])
def test_public_addresses(text: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(text)) is public


def test_attempts_come_ever_later_and_scattered() -> None:
    policy = Policy(retry_s=2.0)
    assert [retry_after(count, policy, lambda: 0.5) for count in (1, 2, 3, 4)] == [2.0, 4.0, 8.0, 16.0]
    assert (retry_after(1, policy, lambda: 0.0), retry_after(100, policy, lambda: 1.0)) == (1.0, 5400.0)

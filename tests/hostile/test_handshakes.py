"""Nonsense in front of the door: an HTTP answer or silence, never a traceback, and people inside do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest
from websockets.asyncio.client import connect

from tests.harness import Running, eventually, run
from tests.hostile.watch import innocents, no_tracebacks, server_in_a_thread

HANDSHAKE_S = 1.0

UPGRADE = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(path: str = "/ws/d", first: str | None = None, **headers: str | None) -> bytes:
    """An upgrade request; a header given as None is left out."""
    merged = {**UPGRADE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [
        first or f"GET {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in merged.items() if value is not None),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


REFUSED: dict[str, tuple[bytes, set[int]]] = {
    "no document": (request("/ws/"), {400}),
    "no prefix": (request("/other"), {404}),
    "the prefix without a slash": (request("/ws"), {404}),
    "percent-encoding that is no UTF-8": (request("/ws/%ff%fe"), {400}),
    "half a character": (request("/ws/%e2%82"), {400}),
    "a surrogate": (request("/ws/%ed%a0%80"), {400}),
    "a name of 513 bytes": (request("/ws/" + "x" * 513), {400}),
    "a name of 171 characters of three bytes": (request("/ws/" + "%E6%97%A5" * 171), {400}),
    "a path that is no path": (request("//[/ws/d"), {400, 404}),
    "a host where the path begins": (request("//x/ws/d"), {400, 404}),
    "brackets": (request("//[::1/ws/d"), {400, 404}),
    "no key": (request(Sec_WebSocket_Key=None), {400}),
    "a key that is no base64": (request(Sec_WebSocket_Key="!!!"), {400}),
    "a short key": (request(Sec_WebSocket_Key="YQ=="), {400}),
    "no version": (request(Sec_WebSocket_Version=None), {400, 426}),
    "an old version": (request(Sec_WebSocket_Version="8"), {400, 426}),
    "another upgrade": (request(Upgrade="h2c"), {400, 404, 426}),
    "no upgrade": (request(Upgrade=None, Connection=None), {400, 404, 405, 426}),
    "POST": (request(first="POST /ws/d HTTP/1.1", Content_Length="0"), {400, 404, 405}),
    "a method of its own": (request(first="FROB /ws/d HTTP/1.1"), {400, 404, 405}),
    "a header without a name": (request().replace(b"Host: x", b": x"), {400}),
    "a header of 100 kB": (request(X_Long="x" * 100_000), {400, 431}),
    "300 headers": (request(**{f"X_{at}": "y" for at in range(300)}), {400, 431}),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200 + b"\r\n\r\n", {400}),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        no_tracebacks(),
        server_in_a_thread(tmp_path_factory.mktemp("door"), handshake_timeout_s=HANDSHAKE_S) as running,
    ):
        yield running


async def raw(server: Running, data: bytes, timeout_s: float = 10) -> bytes:
    """Send *data*; return what comes until the server hangs up, or until the end of an answer's head."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(timeout_s):
            return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as cut:
        return cut.partial
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_is_refused(server: Running, name: str) -> None:
    data, statuses = REFUSED[name]
    answer = run(raw(server, data))
    assert answer.startswith(b"HTTP/1.1 "), answer
    assert int(answer.split()[1]) in statuses, answer


def test_an_old_http_version_with_everything_else_in_place_is_served(server: Running) -> None:
    assert run(raw(server, request(first="GET /ws/d HTTP/1.0"))).startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    "path", ["/ws/a%00b", "/ws/%2e%2e", "/ws/..", "/ws//", "/ws/%25", "/ws/a?x=%ff", "/ws/%2F%3F%23"]
)
def test_an_odd_name_is_a_name(server: Running, path: str) -> None:
    answer = run(raw(server, request(path)))
    assert answer.startswith(b"HTTP/1.1 101 "), answer


@pytest.mark.parametrize("seed", range(3))
def test_damaged_requests_while_people_work(server: Running, seed: int) -> None:
    async def main() -> None:
        rng = Random(seed)
        good = request(Sec_WebSocket_Protocol="a, b", Origin="http://x", Cookie="a=b")
        async with innocents(server, "door"):
            for _ in range(10):
                damaged = []
                for _ in range(20):
                    data = bytearray(good)
                    for _ in range(rng.randint(1, 4)):
                        at = rng.randrange(len(data))
                        data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
                    damaged.append(bytes(data) + b"\r\n\r\n")
                answers = await asyncio.gather(*(self_ending(server, data) for data in damaged))
                for answer in answers:
                    assert answer == b"" or answer.startswith(b"HTTP/1.1 "), answer
                    assert not answer.startswith(b"HTTP/1.1 500"), answer

    run(main())


async def self_ending(server: Running, data: bytes) -> bytes:
    """The answer, or nothing where the damage makes the server wait for more (a length, an unfinished header)."""
    try:
        return await raw(server, data, 1.0)
    except TimeoutError:
        return b""


def test_half_requests_that_hang_hinder_nobody(server: Running) -> None:
    async def main() -> None:
        host, port = server.url.removeprefix("http://").split(":")
        whole = request()
        hanging = []
        for at in range(200):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(whole[: at % (len(whole) - 1)])
            hanging.append(writer)
        async with innocents(server, "halves") as (pair,):
            await eventually(lambda: len(pair.waits) >= 20)
        for writer in hanging:
            writer.close()

    run(main())


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /healthz HT", request()[:-20], b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /he"],
    ids=["nothing", "half a line", "half an upgrade", "half a second request"],
)
def test_half_a_head_is_closed_in_time(server: Running, sent: bytes) -> None:
    async def main() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 10 * HANDSHAKE_S)
        assert answer.startswith(b"HTTP/1.1 200") is (b"\r\n\r\n" in sent)
        writer.close()

    run(main())


def test_a_socket_that_opens_and_says_nothing_stays_and_one_that_sends_no_websocket_is_closed(server: Running) -> None:
    async def main() -> None:
        async with connect(server.socket_url("d")) as quiet:
            await asyncio.sleep(0)
            host, port = server.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(request())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
            async with asyncio.timeout(10):
                rest = await reader.read()
            assert b"\x88" in rest  # a close frame
            assert b"\x03\xea" in rest  # 1002: no WebSocket frame
            writer.close()
            assert await quiet.ping()

    run(main())

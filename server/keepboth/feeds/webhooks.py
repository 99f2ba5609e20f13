"""Webhooks: consumers that the server reads itself, and posts to somebody, one event after the other.

An event that is not taken is tried again, ever later; those behind it wait, so that order holds. After enough attempts
it is parked, which is said loudly. 410 ends the webhook.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlunsplit

import httpx

from keepboth import __version__
from keepboth.cloudevents import SINGLE
from keepboth.errors import InvalidRequest, KeepBothError, NotFound, ShuttingDown
from keepboth.feeds.addresses import Rules
from keepboth.feeds.consumers import Consumers
from keepboth.feeds.following import Told
from keepboth.feeds.signing import headers
from keepboth.settings import Settings
from keepboth.store.consumer_tables import Webhook

log = logging.getLogger("keepboth.feeds")

LEASE_S: Final = 60.0
WAIT_S: Final = 30.0
AT_A_TIME: Final = 50
LONGEST_RETRY_S: Final = 3600.0
FORMER_SECRET_US: Final = 24 * 3600 * 1_000_000
"""So long a former secret signs as well."""


class Policy(NamedTuple):
    """How deliveries go. ``attempts`` before an event is parked, ``retry_s`` before the second."""

    rules: Rules = Rules()
    attempts: int = 12
    retry_s: float = 1.0
    timeout_s: float = 15.0

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """What the settings say."""
        hosts = tuple(host.lower() for host in settings.webhook_hosts)
        return cls(
            Rules(hosts, settings.webhook_private),
            settings.webhook_attempts,
            settings.webhook_retry_s,
            settings.webhook_timeout_s,
        )


class Answer(NamedTuple):
    """What became of one attempt. ``wait_s``: the receiver asked not to be tried before."""

    taken: bool
    said: str
    gone: bool = False
    wait_s: float = 0.0


def retry_after(count: int, policy: Policy, draw: Callable[[], float]) -> float:
    """Seconds to wait after *count* failures: doubled each time, up to an hour, and scattered by half either way."""
    return float(min(policy.retry_s * 2 ** min(count - 1, 30), LONGEST_RETRY_S) * (0.5 + draw()))


class Deliverer:
    """Delivers for every webhook, each in a task of its own. Made and used in the event loop."""

    def __init__(self, consumers: Consumers, policy: Policy, draw: Callable[[], float] = random.random) -> None:
        self._consumers = consumers
        self._policy = policy
        self._draw = draw
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._client = httpx.AsyncClient(
            timeout=policy.timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=5),
        )
        self.delivered = self.failed = self.parked = 0

    async def start(self) -> None:
        """Go on where an earlier process stopped."""
        for hook in await asyncio.to_thread(self._consumers.kept.webhooks):
            if hook.ended is None:
                await self.begin(hook.name)

    async def begin(self, name: str) -> None:
        """Deliver for the webhook *name*, from now on as it is set now."""
        await self.end(name)
        kept = self._consumers.kept
        consumer = await asyncio.to_thread(kept.get, name)
        if consumer.lease is not None:  # of a process that is gone, or of somebody who read what is a webhook now
            await asyncio.to_thread(kept.release, name, consumer.lease)
        self._tasks[name] = asyncio.create_task(self._run(name, self._consumers.new_lease()))

    async def end(self, name: str) -> None:
        """Deliver no more for *name*; what is under way may arrive all the same."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        """Deliver no more."""
        for name in list(self._tasks):
            await self.end(name)
        await self._client.aclose()

    @property
    def rules(self) -> Rules:
        """Where webhooks may be sent."""
        return self._policy.rules

    def statistics(self) -> dict[str, Any]:
        """What was done since the process started."""
        return {
            "webhooks": sum(not task.done() for task in self._tasks.values()),
            "delivered": self.delivered,
            "failed_attempts": self.failed,
            "parked": self.parked,
        }

    # -- one webhook ---------------------------------------------------------------------------------------------------

    async def _run(self, name: str, lease: str) -> None:
        while True:
            try:
                while await self._deliver_some(name, lease):
                    pass
                return
            except (NotFound, ShuttingDown):
                return
            except KeepBothError as error:
                log.error("the webhook %r waits: %s: %s", name, error.code, error.detail)
            except Exception:
                log.exception("the webhook %r failed in a way that it should not", name)
            await asyncio.sleep(LEASE_S)

    async def _deliver_some(self, name: str, lease: str) -> bool:
        """Deliver what there is; False if the webhook is over."""
        given = await self._consumers.poll(name, lease, limit=AT_A_TIME, lease_s=LEASE_S, wait_s=WAIT_S)
        for told in given.told:
            hook = await asyncio.to_thread(self._consumers.kept.webhook, name)
            if hook.ended is not None or not await self._deliver(hook, told, lease, given.replay):
                return False
        return not self._consumers.feeds.heads.closed

    async def _deliver(self, hook: Webhook, told: Told, lease: str, replay: bool) -> bool:
        """Try *told* until it is taken or parked; False if the webhook is over."""
        consumers, kept, now = self._consumers, self._consumers.kept, self._consumers.feeds.now
        attempts, next_at = hook.attempts, hook.next_at
        while True:
            await asyncio.sleep(max(0.0, (next_at - now()) / 1e6))
            answer = await self._post(hook, told)
            if answer.taken:
                self.delivered += 1
                if attempts or hook.last_answer != answer.said:
                    await asyncio.to_thread(kept.answered, hook.name, answer.said, now())
                await (consumers.replayed if replay else consumers.ack)(hook.name, lease, told.position)
                return True
            self.failed += 1
            attempts += 1
            if answer.gone:
                log.warning("the webhook %r is over: %s answered 410", hook.name, hook.url)
                await asyncio.to_thread(kept.answered, hook.name, answer.said, now(), ended=answer.said)
                return False
            if attempts >= self._policy.attempts:
                self.parked += 1
                log.error(
                    "the webhook %r has not taken event %s at position %d in %d attempts (%s): it is parked",
                    *(hook.name, told.id, told.position, attempts, answer.said),
                )
                await consumers.park(hook.name, lease, told.position, answer.said)
                await asyncio.to_thread(kept.answered, hook.name, answer.said, now())
                return True
            wait_s = max(retry_after(attempts, self._policy, self._draw), min(answer.wait_s, LONGEST_RETRY_S))
            next_at = now() + int(1e6 * wait_s)
            await asyncio.to_thread(kept.answered, hook.name, answer.said, now(), attempts=attempts, next_at=next_at)

    async def _post(self, hook: Webhook, told: Told) -> Answer:
        """One attempt, to the address that was looked at: the name is only told to the other side."""
        now = self._consumers.feeds.now()
        secrets = [hook.secret]
        if hook.former_secret and hook.former_until > now:
            secrets.append(hook.former_secret)
        try:
            async with asyncio.timeout(self._policy.timeout_s):
                parts, address = await self._policy.rules.resolve(hook.url)
                host = f"[{address}]" if ":" in address else address
                at = host if parts.port is None else f"{host}:{parts.port}"
                request = self._client.build_request(
                    "POST",
                    urlunsplit((parts.scheme, at, parts.path or "/", parts.query, "")),
                    content=told.body,
                    headers={
                        "Host": parts.netloc,
                        "Content-Type": f"{SINGLE}; charset=UTF-8",
                        "User-Agent": f"keepboth/{__version__}",
                        **headers(secrets, told.id, now // 1_000_000, told.body),
                    },
                    extensions={"sni_hostname": parts.hostname or ""},
                )
                answer = await self._client.send(request, stream=True)
                await answer.aclose()  # what it says beyond the status is of no interest, and may have no end
        except (httpx.HTTPError, OSError, TimeoutError, InvalidRequest) as error:
            return Answer(False, f"{type(error).__name__}: {error}"[:500])
        said = f"{answer.status_code} {answer.reason_phrase}"[:500]
        wait_s = _seconds(answer.headers.get("retry-after", ""), now)
        return Answer(answer.is_success, said, answer.status_code == 410, wait_s)


def _seconds(value: str, now: int) -> float:
    """A ``Retry-After``, 0 if it says nothing."""
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    with suppress(TypeError, ValueError):
        return max(0.0, parsedate_to_datetime(value).timestamp() - now / 1e6)
    return 0.0

"""Random lives of a log with everything in it that an archive must carry."""

from __future__ import annotations

import random

from keepboth.store.base import Append, EventStore
from tests.store.making import Clock, edit
from tests.store.test_agreement import DOCUMENTS, some_batch, some_draft

DOCUMENTS = (*DOCUMENTS, "Ünïcode \u2028/\U0001f600")


def live(store: EventStore, clock: Clock, seed: int, batches: int = 25) -> None:
    """Fill *store*: every kind of event, commits of several documents, rekeyed edits, messages in parts, quarantined
    edits, imports with times of their own, payloads of JSON that would not survive being written again, erasures."""
    rng = random.Random(seed)
    for _ in range(batches):
        clock.now += rng.choice((0, 10, 1000, -300))
        store.append(some_batch(rng))
        if rng.random() < 0.4:
            raw = rng.randbytes(20)
            parts = [
                edit(
                    rng.randbytes(rng.randrange(9)),
                    part=part,
                    session_seq=None,
                    message=raw,
                    away_from=rng.choice((None, 5, 1 << 61)),
                    disposition=rng.choice(("ready", "quarantined")),
                    context_source=rng.choice(("none", "assumed", "resumed")),
                    actor_kind=rng.choice(("human", "agent", "import")),
                    causation_id=rng.choice((None, "led to \U0001f600")),
                )
                for part in range(rng.randrange(1, 4))
            ]
            store.append([Append(rng.choice(DOCUMENTS), parts)])
        if rng.random() < 0.3:
            odd = some_draft(rng)
            odd.type, odd.content_type = "com.example.odd", "application/json"
            odd.payload = rng.choice(
                (
                    b" null",
                    b"null",
                    b'{"a": 1}',
                    b"[1.0,1e2]",
                    b'"\\ud800"',
                    b'{"b":1,"b":2}',
                    b"\xff",
                    b"[1e400]",
                    b"[" * 900 + b"]" * 900,
                )
            )
            odd.id = rng.randbytes(16)
            odd.session_seq = None
            store.append([Append(rng.choice(DOCUMENTS), [odd])])
        if rng.random() < 0.15:
            store.blank(rng.choice(DOCUMENTS), [rng.randrange(1, 30)])

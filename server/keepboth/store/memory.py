"""The obvious event store: lists and dictionaries under one lock. The reference for ``sqlite``, and for quick tests.

It keeps nothing when the process ends. Same identity rules, same conditions, same hashes as every other store.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from keepboth.errors import ClientMustChange, ShuttingDown
from keepboth.events import EDIT_RECORDED, ActorKind, Condition, Draft, Event, EventId, Micros, Receipt
from keepboth.store import rules
from keepboth.store.audit import Audit
from keepboth.store.base import (
    Append,
    Appended,
    AppendResult,
    CommitRow,
    DocumentRow,
    EditRow,
    EventLine,
    FoldRow,
    Head,
    Original,
    Problem,
    Refused,
    WholeEvent,
)
from keepboth.store.hashing import GENESIS, SALT_BYTES, commit_hash, document_hash, event_hash, payload_digest
from keepboth.store.hashing import context_bytes as encode_context


def utc_now() -> Micros:
    """The clock that stores use unless they are given another."""
    return time.time_ns() // 1000


class MemoryStore:
    """:class:`~keepboth.store.base.EventStore` in memory.

    ``now`` gives UTC microseconds, ``salts(n)`` n random bytes.
    """

    def __init__(
        self,
        *,
        store_id: str | None = None,
        now: Callable[[], Micros] = utc_now,
        salts: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._store_id = store_id or str(uuid.uuid4())
        self._now = now
        self._draw = salts
        self._moved = threading.Condition(threading.RLock())
        self._log: list[Event] = []
        self._salts: list[bytes | None] = []
        self._documents: dict[str, list[Event]] = {}
        self._by_id: dict[EventId, Event] = {}
        self._by_seq: dict[tuple[str, str | None, int, int], Event] = {}
        self._messages: dict[bytes, bytes | None] = {}
        self._commits: list[CommitRow] = []
        self._recorded_at: Micros = 0
        self._closed = False

    @property
    def store_id(self) -> str:
        return self._store_id

    # -- append ------------------------------------------------------------------------------------------------------

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        with self._moved:
            if self._closed:
                raise ShuttingDown("the store is closed")
            now = self._now()
            salts = self._draw(SALT_BYTES * sum(len(item.drafts) + (item.create is not None) for item in items))
            first = len(self._log)
            results = [self._append_item(item, now, salts, first) for item in items]
            new = self._log[first:]
            if new:
                link = commit_hash(self.head().commit_hash, first + 1, len(self._log), [e.document_hash for e in new])
                self._commits.append(CommitRow(first + 1, len(self._log), link))
                self._moved.notify_all()
            return results

    def append_commits(self, commits: Sequence[Sequence[Append]]) -> list[list[AppendResult]]:
        with self._moved:
            return [self.append(items) for items in commits]

    wants_tidying = False

    def tidy(self) -> None:
        pass

    def _append_item(self, item: Append, now: Micros, salts: bytes, first: int) -> AppendResult:
        try:
            creating = item.create is not None and item.document not in self._documents
            drafts = [item.create, *item.drafts] if item.create is not None and creating else list(item.drafts)
            for draft in drafts:
                rules.check_origin(rules.origin_key(item.document, draft))
                rules.check_draft(draft)
            if item.originals:
                rules.check_originals(item)
            if not item.drafts:
                return Appended((), None, self._hash(item.document))
            find_seq = lambda session, seq, part: self._known(self._by_seq.get((item.document, session, seq, part)))  # noqa: E731
            found = rules.resolve_item(item, drafts, lambda event_id: self._known(self._by_id.get(event_id)), find_seq)
            if all(isinstance(one, rules.Known) for one in found):
                repeats = tuple(_repeat(one.receipt, []) for one in found if isinstance(one, rules.Known))
                return Appended(repeats, None, self._hash(item.document))
            stream = self._documents.get(item.document, [])
            if item.condition is not None:
                events = self.peek(item.document, item.condition)
                if events is not None:
                    raise rules.condition_failed(item.document, item.condition, len(stream), events)
            recorded_at = rules.recorded_at(item.at, now, self._recorded_at, stream[-1].recorded_at if stream else 0)
        except ClientMustChange as error:
            return Refused(error)
        receipts: list[Receipt] = []
        for index, (draft, one) in enumerate(zip(drafts, found, strict=True)):
            if isinstance(one, rules.Known):
                receipts.append(_repeat(one.receipt, receipts))
            else:
                at = SALT_BYTES * (len(self._log) - first)
                original = item.originals[index - creating] if item.originals and index >= creating else None
                salt = salts[at : at + SALT_BYTES] if original is None else original.salt
                receipts.append(self._record(item.document, draft, one, recorded_at, salt, original))
        created = receipts.pop(0) if creating else None
        return Appended(tuple(receipts), created, self._hash(item.document))

    def _record(
        self,
        document: str,
        draft: Draft,
        new: rules.New,
        recorded_at: Micros,
        salt: bytes | None,
        original: Original | None,
    ) -> Receipt:
        stream = self._documents.setdefault(document, [])
        authored_at, quality = rules.authored(draft, recorded_at)
        session_seq = draft.session_seq if new.status == "appended" else None
        payload, length = rules.payload_of(draft, original)
        message_digest = rules.message_digest_of(draft, original)
        if message_digest is not None:
            self._messages.setdefault(message_digest, draft.message)
        if salt is not None:
            digest = payload_digest(salt, draft.payload)
        else:
            assert original is not None
            digest = original.payload_digest
        link = document_hash(
            stream[-1].document_hash if stream else GENESIS,
            rules.check_origin(rules.origin_key(document, draft)),
            len(stream) + 1,
            new.id,
            -1 if session_seq is None else session_seq,
            draft.part,
            recorded_at,
            authored_at,
            -1 if draft.away_from is None else draft.away_from,
            length,
            digest,
            quality,
            None if draft.context is None else encode_context(draft.context),
            message_digest,
            draft.correlation_id,
            draft.causation_id,
        )
        event = Event(
            position=len(self._log) + 1,
            document=document,
            revision=len(stream) + 1,
            id=new.id,
            type=draft.type,
            content_type=draft.content_type,
            actor=draft.actor,
            actor_kind=draft.actor_kind,
            session=draft.session,
            session_seq=session_seq,
            part=draft.part,
            clients=draft.clients,
            relayed_by=draft.relayed_by,
            context=draft.context,
            context_source=draft.context_source,
            message_digest=message_digest,
            recorded_at=recorded_at,
            authored_at=authored_at,
            time_quality=quality,
            correlation_id=draft.correlation_id,
            causation_id=draft.causation_id,
            away_from=draft.away_from,
            payload=payload,
            payload_digest=digest,
            payload_len=length,
            disposition=draft.disposition,
            document_hash=link,
        )
        self._log.append(event)
        self._salts.append(salt)
        stream.append(event)
        self._by_id[event.id] = event
        if session_seq is not None:
            self._by_seq[document, draft.session, session_seq, draft.part] = event
        self._recorded_at = max(self._recorded_at, recorded_at)
        return Receipt(new.status, new.id, event.position, event.revision, recorded_at, draft.disposition)

    def _hash(self, document: str) -> bytes:
        stream = self._documents.get(document)
        return stream[-1].document_hash if stream else b""

    def _known(self, event: Event | None) -> rules.Known | None:
        return None if event is None else rules.known(event)

    # -- reads -------------------------------------------------------------------------------------------------------

    def get(self, event_id: EventId) -> Event | None:
        with self._moved:
            return self._by_id.get(event_id)

    def by_session(self, document: str, session: str, session_seq: int) -> list[Event]:
        with self._moved:
            stream = self._documents.get(document, [])
            found = [e for e in stream if e.session == session and e.session_seq == session_seq]
        return sorted(found, key=lambda event: event.part)

    def session_head(self, document: str, session: str) -> int:
        with self._moved:
            stream = self._documents.get(document, [])
            return max((e.session_seq or 0 for e in stream if e.session == session), default=0)

    def session_clients(self, document: str) -> dict[int, tuple[str, str, ActorKind]]:
        found: dict[int, tuple[str, str, ActorKind]] = {}
        with self._moved:
            for event in self._documents.get(document, []):
                for client in event.clients:
                    found.setdefault(client, (event.session or "", event.actor, event.actor_kind))
        return found

    def read(
        self,
        document: str | None = None,
        *,
        after: int = 0,
        until: int | None = None,
        types: Sequence[str] = (),
        actors: Sequence[str] = (),
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[Event]:
        with self._moved:
            stream = self._log if document is None else self._documents.get(document, [])
            page = stream[max(after, 0) : None if until is None else max(until, 0)]
        if reverse:
            page.reverse()
        chosen = (e for e in page if (not types or e.type in types) and (not actors or e.actor in actors))
        return [event for event, _ in zip(chosen, range(min(limit, rules.MAX_PAGE)), strict=False)]

    def read_whole(
        self, document: str | None = None, *, after: int = 0, until: int | None = None, limit: int = 1000
    ) -> list[WholeEvent]:
        with self._moved:
            page = self.read(document, after=after, until=until, limit=limit)
            return [WholeEvent(event, self._salts[event.position - 1]) for event in page]

    def commits(self, *, after: int = 0, limit: int = 1000) -> list[CommitRow]:
        with self._moved:
            start = bisect_right(self._commits, after, key=lambda commit: commit.last)
            return self._commits[start : start + max(limit, 0)]

    def fold_rows(self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000) -> list[FoldRow]:
        with self._moved:
            page = self._documents.get(document, [])[max(after, 0) : None if until is None else max(until, 0)]
        rows = [FoldRow(e.revision, e.disposition, e.payload) for e in page if e.type == EDIT_RECORDED]
        return rows[: max(limit, 0)]

    def lines(
        self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000, contexts: bool = True
    ) -> list[EventLine]:
        with self._moved:
            page = self._documents.get(document, [])[max(after, 0) : None if until is None else max(until, 0)]
        return [
            EventLine(
                event.revision,
                event.type,
                event.actor,
                event.actor_kind,
                event.session,
                event.recorded_at,
                event.authored_at,
                event.correlation_id,
                event.context if contexts else None,
            )
            for event in page[: max(limit, 0)]
        ]

    def revision_at(self, document: str, position: int) -> int:
        with self._moved:
            return bisect_right(self._documents.get(document, []), position, key=lambda event: event.position)

    def edit_rows(self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000) -> list[EditRow]:
        with self._moved:
            page = self._documents.get(document, [])[max(after, 0) : None if until is None else max(until, 0)]
        rows = [
            EditRow(e.revision, e.disposition, e.payload, e.actor, e.session, e.context, e.context_source)
            for e in page
            if e.type == EDIT_RECORDED
        ]
        return rows[: max(limit, 0)]

    def head(self) -> Head:
        with self._moved:
            last = self._commits[-1] if self._commits else CommitRow(0, 0, GENESIS)
            return Head(last.last, last.commit_hash)

    def document(self, document: str) -> DocumentRow | None:
        with self._moved:
            stream = self._documents.get(document)
            return None if stream is None else _summary(stream)

    def hash_at(self, document: str, revision: int) -> bytes | None:
        with self._moved:
            stream = self._documents.get(document, [])
            return stream[revision - 1].document_hash if 1 <= revision <= len(stream) else None

    def documents(self, *, after: str = "", limit: int = 100) -> list[DocumentRow]:
        with self._moved:
            names = sorted(name for name in self._documents if name > after)
            return [_summary(self._documents[name]) for name in names[: max(limit, 0)]]

    def newest_documents(self, *, before: tuple[Micros, str] | None = None, limit: int = 100) -> list[DocumentRow]:
        with self._moved:
            rows = [_summary(stream) for stream in self._documents.values()]
        rows = [row for row in rows if before is None or (row.updated_at, row.document) < before]
        return sorted(rows, key=lambda row: (row.updated_at, row.document), reverse=True)[: max(limit, 0)]

    def peek(self, document: str, condition: Condition) -> list[Event] | None:
        with self._moved:
            stream = self._documents.get(document, [])
            return rules.blockers(
                condition,
                len(stream),
                lambda after, types, limit: self.read(document, after=after, types=tuple(types), limit=limit),
            )

    def message(self, digest: bytes) -> bytes | None:
        with self._moved:
            return self._messages.get(digest)

    def salt(self, event_id: EventId) -> bytes | None:
        with self._moved:
            event = self._by_id.get(event_id)
            return None if event is None else self._salts[event.position - 1]

    def wait(self, after: int, timeout_s: float) -> int:
        with self._moved:
            self._moved.wait_for(lambda: len(self._log) > after or self._closed, timeout_s)
            return len(self._log)

    # -- care --------------------------------------------------------------------------------------------------------

    def blank(self, document: str, revisions: Sequence[int]) -> int:
        with self._moved:
            blanked = 0
            for revision in set(revisions):
                stream = self._documents.get(document, [])
                if not 1 <= revision <= len(stream) or stream[revision - 1].payload is None:
                    continue
                event = rules.blanked(stream[revision - 1])
                stream[revision - 1] = self._log[event.position - 1] = self._by_id[event.id] = event
                if event.session_seq is not None:
                    self._by_seq[document, event.session, event.session_seq, event.part] = event
                self._salts[event.position - 1] = None
                if event.message_digest is not None:
                    self._messages[event.message_digest] = None
                blanked += 1
            return blanked

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Problem]:
        with self._moved:
            log, salts, commits = list(self._log), list(self._salts), list(self._commits)
        audit = Audit(commits)
        for event, salt in zip(log, salts, strict=True):
            computed = event_hash(audit.previous(event.document), event)
            yield from audit.event(
                event.position,
                event.document,
                event.revision,
                event.recorded_at,
                event.type == EDIT_RECORDED,
                salt,
                event.payload,
                event.payload_digest,
                event.payload_len,
                event.document_hash,
                computed,
            )
            if progress is not None and event.position % 1000 == 0:
                progress(event.position, len(log))
        yield from audit.finish(len(log))
        if progress is not None:
            progress(len(log), len(log))

    def statistics(self) -> dict[str, Any]:
        with self._moved:
            return {
                "backend": "memory",
                "store_id": self._store_id,
                "events": len(self._log),
                "edits": sum(event.type == EDIT_RECORDED for event in self._log),
                "documents": len(self._documents),
                "commits": len(self._commits),
                "messages": len(self._messages),
                "file_bytes": 0,
            }

    def close(self) -> None:
        with self._moved:
            self._closed = True
            self._moved.notify_all()


def _repeat(original: Receipt | int, earlier: Sequence[Receipt]) -> Receipt:
    receipt = earlier[original] if isinstance(original, int) else original
    return receipt._replace(status="duplicate")


def _summary(stream: Sequence[Event]) -> DocumentRow:
    last = stream[-1]
    edits = sum(event.type == EDIT_RECORDED for event in stream)
    return DocumentRow(
        last.document, last.revision, last.document_hash, stream[0].recorded_at, last.recorded_at, edits
    )  # fmt: skip

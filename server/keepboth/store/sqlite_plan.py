"""What one transaction of the SQLite store will write, worked out before a row is written.

A :class:`Batch` decides item by item against the committed log plus what it has planned itself, and collects rows;
:meth:`Batch.write` inserts them, :meth:`State.absorb <keepboth.store.sqlite_state.State.absorb>` makes them the
committed state. A batch that is thrown away (the disk is full, a unique index objected) leaves the caches as they were.

Two things learnt by measuring (CPython 3.11, ``sqlite3``): binding ``None`` or ``bytes`` runs the adapter protocol and
costs 0.4-0.5 µs a value, an ``int`` or a ``bytearray`` 0.03-0.1. Hence bytearrays, and numbers that the statement turns
into NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, cast

from keepboth.errors import ClientMustChange
from keepboth.events import Context, Draft, Event, EventId, Micros, Receipt, ReceiptStatus, TimeQuality
from keepboth.store import rules, sqlite_read
from keepboth.store.base import Append, Appended, AppendResult, Head, Original, Refused
from keepboth.store.hashing import GENESIS, SALT_BYTES, commit_hash, context_bytes, document_hash
from keepboth.store.sqlite_state import DocumentHead, Origin, State

_VALUES = (
    "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, nullif(?, 0), nullif(?, -1), ?, nullif(?, 0), nullif(?, x''), "
    "nullif(?, x''), ?, ?, ?, nullif(?, 0), ?, ?, nullif(?, -1), ?, ?, ?, {})"
)
INSERT_EVENT: Final = _VALUES.format("NULL, NULL")
INSERT_RELATED_EVENT: Final = _VALUES.format("?, ?")
"""With correlation and causation, which few events have."""

INSERT_PAYLOAD: Final = "INSERT INTO payloads VALUES (?, ?, ?, ?, ?, ?)"
INSERT_DOCUMENT: Final = (
    "INSERT INTO documents (revision, document_hash, created_at, updated_at, edits, name, id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_DOCUMENT: Final = (
    "UPDATE documents SET revision = ?, document_hash = ?, created_at = ?, updated_at = ?, edits = ? "
    "WHERE name = ? AND id = ?"
)

_EMPTY: Final = bytearray()

_PAGES: Final = 5
_PAGE_BYTES: Final = 4096
_ROW_BYTES: Final = 250
"""What a commit writes: the ends of the trees, a page of payloads a document, and what its rows fill."""

_receipt: Final[Callable[[type[Receipt], tuple[Any, ...]], Receipt]] = tuple.__new__
_appended: Final[Callable[[type[Appended], tuple[Any, ...]], Appended]] = tuple.__new__
"""A NamedTuple's own constructor costs twice as much, once for each keystroke."""


class Batch:
    """The rows of one transaction. ``careful`` looks up every identity, whatever ``check_ids`` says."""

    def __init__(self, state: State, now: Micros, salts: bytes, careful: bool) -> None:
        self._state = state
        self._now = now
        self._salts = salts
        self._careful = careful
        self.head = state.head
        self.recorded_at = state.recorded_at
        self.last_document = state.last_document
        self.documents: dict[str, DocumentHead] = {}
        self.origins: dict[rules.OriginKey, Origin] = {}
        self.clients: set[tuple[int, int]] = set()
        self._position = state.head.position
        self._hashes: list[bytes] = []
        self._bytes = 0
        self._context: Context | None = None
        self._seen: bytes | None = None
        self._events: list[tuple[Any, ...]] = []
        self._qualities: dict[str, int] = {}
        self._related: list[tuple[Any, ...]] = []
        self._payloads: list[tuple[Any, ...]] = []
        self._clients: list[tuple[int, int, int]] = []
        self._planned: list[tuple[str, Draft, Receipt, int, TimeQuality, bytes, Original | None]] = []
        self._by_id: dict[EventId, int] = {}
        self._by_seq: dict[tuple[str, str, int, int], int] = {}
        self.messages: dict[bytes, tuple[int, bytes | None]] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def pages(self) -> int:
        """About how many pages of the file it writes."""
        return _PAGES + len(self.documents) + (len(self._hashes) * _ROW_BYTES + self._bytes) // _PAGE_BYTES

    # -- one item ----------------------------------------------------------------------------------------------------

    def add_all(self, items: Sequence[Append]) -> list[AppendResult]:
        """Plan *items* in order: one answer each."""
        return [self.add(item) for item in items]

    def add(self, item: Append) -> AppendResult:
        """Plan *item*: all of it or none."""
        name = item.document
        head = self.documents.get(name) or self._state.document(name)
        if head is not None and len(item.drafts) == 1 and self._plain(item):
            return self._add_keystroke(name, head, item.drafts[0])
        creating = item.create is not None and head is None
        drafts = [item.create, *item.drafts] if item.create is not None and creating else item.drafts
        found = None
        try:
            constants = [self._check(name, draft) for draft in drafts]
            if item.originals:
                rules.check_originals(item)
            if not item.drafts:
                return Appended((), None, b"" if head is None else head.document_hash)
            # A condition or a fixed time can refuse an item, which would hide that it is a repeat.
            if item.check_ids or self._careful or item.condition is not None or item.at is not None or item.originals:
                found = rules.resolve_item(item, drafts, self._find_id, lambda *key: self._find_seq(name, *key))
            if found is not None and all(type(one) is rules.Known for one in found):
                repeats = tuple(_repeat(one) for one in found)
                return Appended(repeats, None, b"" if head is None else head.document_hash)
            if item.condition is not None:
                revision = 0 if head is None else head.revision
                blockers = rules.blockers(item.condition, revision, self._events_of(name, head))
                if blockers is not None:
                    raise rules.condition_failed(name, item.condition, revision, blockers)
            last = 0 if head is None else head.recorded_at
            recorded_at = rules.recorded_at(item.at, self._now, self.recorded_at, last)
        except ClientMustChange as error:
            return Refused(error)
        if name not in self.documents:
            head = self._open(name, head, recorded_at)
        assert head is not None
        if recorded_at > self.recorded_at:
            self.recorded_at = recorded_at
        receipts: list[Receipt] = []
        for index, draft in enumerate(drafts):
            one = None if found is None else found[index]
            if type(one) is rules.Known:
                receipts.append(_repeat(one, receipts))
            else:
                original = item.originals[index - creating] if item.originals and index >= creating else None
                new = cast("rules.New | None", one)
                receipts.append(self._record(name, head, draft, new, recorded_at, constants[index], original))
        created = receipts.pop(0) if creating else None
        return _appended(Appended, (tuple(receipts), created, head.document_hash))

    def _plain(self, item: Append) -> bool:
        return not (
            item.check_ids or self._careful or item.condition is not None or item.at is not None or item.originals
        )

    def _add_keystroke(self, name: str, head: DocumentHead, draft: Draft) -> AppendResult:
        """:meth:`add` for what nearly every item is: one new draft for a document that exists."""
        try:
            checked = self._check(name, draft)
        except ClientMustChange as error:
            return Refused(error)
        if name not in self.documents:
            head = self._open(name, head, 0)
        if self._now > self.recorded_at:
            self.recorded_at = self._now
        receipt = self._record(name, head, draft, None, self.recorded_at, checked, None)
        return _appended(Appended, ((receipt,), None, head.document_hash))

    def _check(self, name: str, draft: Draft) -> tuple[rules.OriginKey, Origin | bytes]:
        rules.check_draft(draft)
        key = rules.origin_key(name, draft)
        origin = self._state.origins.get(key) or self.origins.get(key)
        return key, origin or rules.check_origin(key)

    def _open(self, name: str, head: DocumentHead | None, recorded_at: Micros) -> DocumentHead:
        if head is not None:
            head = head.copy()
        else:
            self.last_document += 1
            head = DocumentHead(self.last_document, 0, GENESIS, recorded_at, recorded_at, 0)
            head.new = True
        self.documents[name] = head
        return head

    def _origin(self, head: DocumentHead, key: rules.OriginKey, constant: bytes, draft: Draft) -> Origin:
        origin = self.origins.get(key)
        if origin is None:
            origin = self.origins[key] = Origin(constant, self._state, head.id, draft)
            for client in draft.clients:
                self._claim(head.id, client)
        return origin

    def _claim(self, document: int, client: int) -> None:
        key = (document, client)
        if key in self._state.clients or key in self.clients:
            return
        self.clients.add(key)
        taken = self._state.connection.execute(
            "SELECT 1 FROM document_clients WHERE document = ? AND client = ?", key
        ).fetchone()
        if taken is None:
            self._clients.append((document, client, self._position + 1))

    def _record(
        self,
        name: str,
        head: DocumentHead,
        draft: Draft,
        new: rules.New | None,
        recorded_at: Micros,
        checked: tuple[rules.OriginKey, Origin | bytes],
        original: Original | None,
    ) -> Receipt:
        key, known = checked
        origin = self._origin(head, key, known, draft) if type(known) is bytes else cast(Origin, known)
        status: ReceiptStatus
        event_id, status = (draft.id, "appended") if new is None else new
        session_seq = -1 if draft.session_seq is None or status == "rekeyed" else draft.session_seq
        authored_at, quality = rules.authored(draft, recorded_at)
        quality_word = self._qualities.get(quality)
        if quality_word is None:
            quality_word = self._qualities[quality] = self._state.words.id((quality,))
        payload = draft.payload
        length = len(payload)
        self._bytes += length
        index = len(self._hashes)
        salt: bytes | None
        if original is None:
            salt = self._salts[SALT_BYTES * index : SALT_BYTES * (index + 1)]
            message_digest = None if draft.message is None else sha256(draft.message).digest()
        else:
            salt = original.salt
            message_digest = rules.message_digest_of(draft, original)
        if salt is not None:
            digest = sha256(salt + payload).digest()
        else:
            assert original is not None
            digest, length = original.payload_digest, original.payload_len
        seen = self._seen
        if draft.context is not self._context:
            self._context = context = draft.context
            self._seen = seen = None if context is None else context_bytes(context)
        away_from = -1 if draft.away_from is None else draft.away_from
        head.revision = revision = head.revision + 1
        head.recorded_at = recorded_at
        if origin.fold:
            head.edits += 1
        self._position = position = self._position + 1
        head.document_hash = link = document_hash(
            head.document_hash,
            origin.constant,
            revision,
            event_id,
            session_seq,
            draft.part,
            recorded_at,
            authored_at,
            away_from,
            length,
            digest,
            quality,
            seen,
            message_digest,
            draft.correlation_id,
            draft.causation_id,
        )
        row = (
            position,
            head.id,
            revision,
            bytearray(event_id),
            origin.type,
            origin.actor,
            origin.session,
            session_seq,
            draft.part,
            origin.relayed_by,
            origin.clients,
            _EMPTY if seen is None else bytearray(seen),
            origin.context_source,
            quality_word,
            origin.disposition,
            0 if message_digest is None else self._message(message_digest, draft.message),
            recorded_at,
            recorded_at - authored_at,
            away_from,
            bytearray(digest),
            length,
            bytearray(link),
        )
        if draft.correlation_id is None and draft.causation_id is None:
            self._events.append(row)
        else:
            self._related.append((*row, draft.correlation_id, draft.causation_id))
        kept = (None, None) if salt is None else (bytearray(salt), bytearray(payload))
        self._payloads.append((head.id, revision, position, origin.fold, *kept))
        receipt = _receipt(Receipt, (status, event_id, position, revision, recorded_at, draft.disposition, ()))
        self._by_id[event_id] = index
        if session_seq >= 0:
            self._by_seq[name, cast(str, draft.session), session_seq, draft.part] = index
        self._hashes.append(link)
        self._planned.append((name, draft, receipt, authored_at, quality, digest, original))
        return receipt

    def _message(self, digest: bytes, raw: bytes | None) -> int:
        minted = self.messages.get(digest)
        if minted is not None:
            return minted[0]
        row = self._state.connection.execute("SELECT id FROM messages WHERE digest = ?", (digest,)).fetchone()
        if row is not None:
            return int(row[0])
        number = self._state.last_message + len(self.messages) + 1
        self.messages[digest] = (number, raw)
        return number

    # -- what the log and this batch hold ----------------------------------------------------------------------------

    def _find_id(self, event_id: EventId) -> rules.Known | None:
        index = self._by_id.get(event_id)
        if index is not None:
            return self._known(index)
        row = sqlite_read.by_id(self._state.connection, event_id)
        return None if row is None else rules.known(self._state.decoder.event(self._state.connection, row))

    def _find_seq(self, name: str, session: str, session_seq: int, part: int) -> rules.Known | None:
        index = self._by_seq.get((name, session, session_seq, part))
        if index is not None:
            return self._known(index)
        state = self._state
        head = self.documents.get(name) or state.document(name)
        number = None if head is None else state.sessions.find((head.id, session))
        if number is None:
            return None
        row = state.connection.execute(
            f"{sqlite_read.BY_SESSION_PART} AND e.part = ?", (number, session_seq, part)
        ).fetchone()
        return None if row is None else rules.known(state.decoder.event(state.connection, row))

    def _known(self, index: int) -> rules.Known:
        name, draft, receipt, *_, original = self._planned[index]
        first = receipt._replace(status="appended")
        return rules.Known(receipt.id, draft.type, name, *rules.payload_of(draft, original), first)

    def _events_of(self, name: str, head: DocumentHead | None) -> Callable[[int, frozenset[str], int], list[Event]]:
        def read(after: int, types: frozenset[str], limit: int) -> list[Event]:
            if head is None:
                return []
            connection = self._state.connection
            rows = sqlite_read.events(connection, head.id, after, types=sorted(types), limit=limit)
            found = self._state.decoder.events(connection, rows)
            for index, (document, draft, receipt, *_) in enumerate(self._planned):
                if document == name and receipt.revision > after and (not types or draft.type in types):
                    found.append(self._event(index))
            return found[:limit]

        return read

    def _event(self, index: int) -> Event:
        name, draft, receipt, authored_at, quality, digest, original = self._planned[index]
        payload, length = rules.payload_of(draft, original)
        rekeyed = receipt.status == "rekeyed"
        return Event(
            position=receipt.position,
            document=name,
            revision=receipt.revision,
            id=receipt.id,
            type=draft.type,
            content_type=draft.content_type,
            actor=draft.actor,
            actor_kind=draft.actor_kind,
            session=draft.session,
            session_seq=None if rekeyed else draft.session_seq,
            part=draft.part,
            clients=draft.clients,
            relayed_by=draft.relayed_by,
            context=draft.context,
            context_source=draft.context_source,
            message_digest=rules.message_digest_of(draft, original),
            recorded_at=receipt.recorded_at,
            authored_at=authored_at,
            time_quality=quality,
            correlation_id=draft.correlation_id,
            causation_id=draft.causation_id,
            away_from=draft.away_from,
            payload=payload,
            payload_digest=digest,
            payload_len=length,
            disposition=draft.disposition,
            document_hash=self._hashes[index],
        )

    # -- the transaction ---------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Insert everything, in the writer's open transaction. Raises sqlite3.Error."""
        if not self._hashes:
            return
        state = self._state
        many = state.connection.executemany
        opened: list[tuple[Any, ...]] = []
        moved: list[tuple[Any, ...]] = []
        for name, head in self.documents.items():
            digest = bytearray(head.document_hash)
            row = (head.revision, digest, head.created_at, head.recorded_at, head.edits, name, head.id)
            (opened if head.new else moved).append(row)
        if opened:
            many(INSERT_DOCUMENT, opened)
        if moved:
            many(UPDATE_DOCUMENT, moved)
        for dictionary in (state.words, state.types, state.actors, state.sessions):
            dictionary.write()
        if self.messages:
            rows = [(number, digest, raw) for digest, (number, raw) in self.messages.items()]
            many("INSERT INTO messages VALUES (?, ?, ?)", rows)
        if self._events:
            many(INSERT_EVENT, self._events)
        if self._related:
            many(INSERT_RELATED_EVENT, self._related)
        many(INSERT_PAYLOAD, self._payloads)
        if self._clients:
            many("INSERT INTO document_clients VALUES (?, ?, ?)", self._clients)
        first = state.head.position + 1
        link = commit_hash(state.head.commit_hash, first, self._position, self._hashes)
        state.connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (self._position, first, bytearray(link)))
        self.head = Head(self._position, link)


def _repeat(one: rules.Known | rules.New, earlier: Sequence[Receipt] = ()) -> Receipt:
    assert isinstance(one, rules.Known)
    receipt = earlier[one.receipt] if isinstance(one.receipt, int) else one.receipt
    return receipt._replace(status="duplicate")

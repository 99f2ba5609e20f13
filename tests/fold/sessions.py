"""Recorded streams for the fold's tests: edits of real peers, cut and judged by the decider, in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from keepboth.decider.edits import Owner, RecordEdit, decide_edit, take_in
from keepboth.decider.identity import Identity
from keepboth.events import Context
from keepboth.fold.document import DocumentFold, FoldedEdit, fold, readable_form
from keepboth.fold.replica import Poisoned
from keepboth.yjs.slicing import dependencies, inserted
from keepboth.yjs.structs import STRING, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.yjs.documents import session

Row = FoldedEdit


def text_struct(
    client: int,
    clock: int,
    content: str,
    origin: tuple[int, int] | None = None,
    right: tuple[int, int] | None = None,
    parent: str | tuple[int, int] | None = "text",
) -> Struct:
    """A run of text, by hand."""
    info = STRING | (0x80 if origin else 0) | (0x40 if right else 0)
    length = len(content.encode("utf-16-le")) // 2
    return Struct(client, clock, length, info, origin, right, None if origin or right else parent, content=content)


def insert(client: int, clock: int, content: str, origin: tuple[int, int] | None = None) -> bytes:
    return encode_update(Update({client: [text_struct(client, clock, content, origin)]}, {}))


class Log:
    """A document's stream as a room would record and fold it, without a room."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.refolds = 0
        self.load()

    def read(self, after: int) -> list[Row]:
        return [row for row in self.rows if row.revision > after]

    def load(self) -> None:
        """Fold from the log, and learn from the fold what is known."""
        self.live = fold(self.read)
        identity = self.identity = Identity(self.live.clocks(), self.live.replica.deletes(), self._made)
        for entry in self.live.waiting.entries():
            for client, clock, length in entry.brings:
                identity.inserted.add(client, clock, length)
                identity.waiting.add(client, clock, length)
        for update in self.live.take_set_aside():
            take_in(identity, update, "pending", "")

    def _made(self) -> dict[int, list[tuple[int, int]]]:
        return self.live.replica.deletes()

    def send(self, payload: bytes, *, transfer: bool = False) -> list[Row]:
        """Record *payload*; return the new rows."""
        update = decode_update(payload)
        clients = frozenset(update.structs) if len(update.structs) == 1 else frozenset()
        command = RecordEdit(
            Owner("s", "a", "anonymous"),
            clients,
            payload,
            update,
            Context.of(0),
            "structure",
            len(self.rows),
            transfer,
            readable_form(payload, update) is not None,
        )
        decided = decide_edit(command, self.identity, {}, lambda: bytes(16))
        new = [
            Row(len(self.rows) + at, draft.disposition, draft.payload, update)
            for at, (draft, update) in enumerate(zip(decided.drafts, decided.updates, strict=True), 1)
        ]
        self.rows += [row._replace(update=None) for row in new]
        try:
            releases = self.live.add(new)
        except Poisoned:
            self.refolds += 1
            self.load()
            return new
        for update in self.live.take_set_aside():
            self.identity.waiting.add_update_structs(update)
        for release in releases:
            for payload in release.payloads:
                for client, clock, length in inserted(decode_update(payload)):
                    self.identity.waiting.remove(client, clock, length)
        return new


def rows_of(payloads: Iterable[bytes]) -> list[Row]:
    """*payloads* in this order, with the disposition that the decider gives each."""
    log = Log()
    for payload in payloads:
        log.send(payload)
    return log.rows


def folded(rows: Sequence[Row], *, one_by_one: bool = False, batch: int = 500) -> DocumentFold:
    """Fold *rows*, *batch* at a time."""
    document = DocumentFold()
    for at in range(0, len(rows), batch):
        document.add(rows[at : at + batch], one_by_one=one_by_one)
    return document


def updates_of(seed: int, rounds: int = 12) -> list[bytes]:
    """Updates of three random authors, in causal order, each id brought once."""
    return session(seed, rounds)[1]


def effective_by_definition(rows: Sequence[Row]) -> dict[int, int]:
    """Revision -> effective revision of everything that can be visible at the end: the greatest of its own and those of
    all that it builds on. Edits that need each other have one in common."""
    updates = {row.revision: decode_update(row.payload or b"") for row in rows if row.disposition != "quarantined"}
    brings: dict[tuple[int, int], int] = {}
    for revision, update in updates.items():
        for client, clock, length in inserted(update):
            for at in range(clock, clock + length):
                brings.setdefault((client, at), revision)
    needs = {
        revision: {
            brings.get((client, at), -1)
            for client, clock, length in dependencies(update)
            for at in range(clock, clock + length)
        }
        for revision, update in updates.items()
    }
    visible = set(updates)
    while lost := {revision for revision in visible if not needs[revision] <= visible}:
        visible -= lost
    effective = {revision: revision for revision in visible}
    while True:
        better = {r: max([effective[r], *(effective[n] for n in needs[r])]) for r in visible}
        if better == effective:
            return effective
        effective = better


def shuffled(rng_shuffle: Callable[[list[bytes]], None], payloads: Sequence[bytes]) -> list[bytes]:
    out = list(payloads)
    rng_shuffle(out)
    return out

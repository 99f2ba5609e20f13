"""The fold of one document's edits, in recorded order, with everything that can go wrong on the way.

``effective`` order (release order) is what matters to readers: an edit that waits for another is applied, relayed and
counted as seen only when its last dependency has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from keepboth.errors import MalformedUpdate
from keepboth.events import Disposition
from keepboth.fold.replica import Poisoned, Replica, is_readable, merge
from keepboth.fold.waiting import WaitingRoom
from keepboth.yjs.content import type_ref
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.slicing import transcode_json
from keepboth.yjs.structs import JSON, TYPE, Y_XML_HOOK, Update
from keepboth.yjs.update import decode_update, encode_update


class FoldedEdit(NamedTuple):
    """One recorded edit on its way into a fold. ``update`` is the decoded payload where the caller has it already."""

    revision: int
    disposition: Disposition
    payload: bytes | None
    update: Update | None = None


class Release(NamedTuple):
    """Edits that became part of the document, up to the release point ``effective``.

    ``payload`` brings all of them at once, ``payloads`` are theirs one by one. ``together``: they had waited and
    became visible in one step, at ``effective``; otherwise each became visible at its own revision.
    """

    effective: int
    revisions: tuple[int, ...]
    payload: bytes
    payloads: tuple[bytes, ...]
    together: bool = False


MAX_CLOCK = 2**32 - 1
"""yrs keeps clocks in 32 bits."""


def readable_form(payload: bytes, update: Update | None = None) -> bytes | None:
    """The bytes the CRDT can fold for *payload*: itself, its old ``ContentJSON`` rewritten, or None if unreadable.

    With the decoded *update* at hand this also finds what the CRDT would parse, but as something else: it reads no
    name behind an ``XmlHook`` and takes the rest of the update for other fields.
    """
    rewrite = False
    if update is not None:
        for structs in update.structs.values():
            for struct in structs:
                kind = struct.kind
                if kind == TYPE and type_ref(struct).ref == Y_XML_HOOK:
                    return None
                if kind == JSON:
                    rewrite = True
            if structs and structs[-1].clock + structs[-1].length > MAX_CLOCK:
                return None
    if not rewrite and is_readable(payload):
        return payload
    try:
        rewritten = transcode_json(update or decode_update(payload))
    except MalformedUpdate:
        return None
    if rewritten is None:
        return None
    data = encode_update(rewritten)
    return data if is_readable(data) else None


class DocumentFold:
    """A replica, the edits that still wait for others, and those the CRDT cannot read.

    ``revision`` is the last one taken in. ``late`` maps the revision of each edit that had to wait to its effective
    revision (every other edit's is its own). ``quarantined`` never reach the replica.
    """

    def __init__(self, poison: Iterable[int] = ()) -> None:
        self.replica = Replica()
        self.revision = 0
        self.waiting = WaitingRoom()
        self.late: dict[int, int] = {}
        self.quarantined: set[int] = set(poison)
        self._poison = frozenset(poison)

    def add(self, edits: Sequence[FoldedEdit], *, one_by_one: bool = False) -> list[Release]:
        """Take *edits* in, in revision order; return what became visible, in release order.

        Consecutive edits that are ready are merged and applied at once (``one_by_one`` never merges).
        Raises Poisoned (with ``facts["revisions"]``) if the CRDT fails: this fold is then useless; see :func:`fold`.
        """
        out: list[Release] = []
        run: list[FoldedEdit] = []
        for edit in edits:
            self.revision = edit.revision
            if edit.payload is None:
                continue
            if edit.disposition == "quarantined" or edit.revision in self._poison:
                self.quarantined.add(edit.revision)
                continue
            if edit.disposition == "ready" and not self.waiting:
                run.append(edit)
                if one_by_one:
                    self._apply_run(run, out)
                continue
            self._apply_run(run, out)
            self._wait(edit, out)
        self._apply_run(run, out)
        return out

    def effective(self, revision: int) -> int | None:
        """The revision at which *revision* became visible; None while it waits or is quarantined."""
        if revision in self.waiting or revision in self.quarantined:
            return None
        return self.late.get(revision, revision)

    def clocks(self) -> dict[int, int]:
        """Applied insert clocks by client."""
        return decode_state_vector(self.replica.state_vector())

    def _apply_run(self, run: list[FoldedEdit], out: list[Release]) -> None:
        if not run:
            return
        revisions = tuple(edit.revision for edit in run)
        payloads = [edit.payload for edit in run if edit.payload is not None]
        out.append(Release(revisions[-1], revisions, self._apply(revisions, payloads), tuple(payloads)))
        run.clear()

    def _wait(self, edit: FoldedEdit, out: list[Release]) -> None:
        assert edit.payload is not None
        try:
            update = edit.update or decode_update(edit.payload)
        except MalformedUpdate:
            self.quarantined.add(edit.revision)
            return
        self.waiting.add(edit.revision, edit.payload, update)
        released = self.waiting.release(self.clocks())
        if not released:
            return
        revisions = tuple(entry.revision for entry in released)
        for revision in revisions:
            if revision != edit.revision:
                self.late[revision] = edit.revision
        payloads = [entry.payload for entry in released]
        together = revisions != (edit.revision,)
        out.append(Release(edit.revision, revisions, self._apply(revisions, payloads), tuple(payloads), together))

    def _apply(self, revisions: tuple[int, ...], payloads: list[bytes]) -> bytes:
        try:
            try:
                payload = merge(payloads) if len(payloads) > 1 else payloads[0]
                if len(payloads) == 1 and not is_readable(payload):
                    raise Poisoned("unreadable as it stands")
            except Poisoned:
                forms = [readable_form(payload) for payload in payloads]
                payload = merge([form for form in forms if form is not None])
            self.replica.apply(payload)
        except Poisoned as error:
            raise Poisoned(error.detail, revisions=revisions) from None
        return payload


def fold(read: Callable[[int], Sequence[FoldedEdit]]) -> DocumentFold:
    """Fold a whole stream: ``read(after)`` gives the next edits after a revision, none at the end.

    If the CRDT fails, the stream is folded again one edit at a time to find the edits that make it fail; those are
    quarantined and everything else is kept.
    """
    try:
        return _fold_once(read, frozenset(), one_by_one=False)
    except Poisoned:
        poison: set[int] = set()
        while True:
            try:
                return _fold_once(read, frozenset(poison), one_by_one=True)
            except Poisoned as error:
                found = set(error.facts.get("revisions", ())) - poison
                if not found:
                    raise
                poison |= found


def _fold_once(
    read: Callable[[int], Sequence[FoldedEdit]], poison: frozenset[int], *, one_by_one: bool
) -> DocumentFold:
    document = DocumentFold(poison)
    while edits := read(document.revision):
        document.add(edits, one_by_one=one_by_one)
    return document

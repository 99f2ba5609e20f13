"""The fold of one document's edits, in recorded order, with everything that can go wrong on the way.

``effective`` order (release order) is what matters to readers: an edit that waits for another is applied, relayed and
counted as seen only when its last dependency has arrived.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from keepboth.errors import MalformedUpdate
from keepboth.events import Disposition
from keepboth.fold.keystrokes import is_keystroke
from keepboth.fold.nesting import Nesting, may_nest
from keepboth.fold.pairs import Pairs, may_pair
from keepboth.fold.replica import Poisoned, Replica, is_readable, merge
from keepboth.fold.roots import Roots
from keepboth.fold.waiting import Waiting, WaitingRoom
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
    """A replica, the edits that still wait for others, and those the CRDT cannot read or cannot bear.

    ``revision`` is the last one taken in. ``late`` maps the revision of each edit that had to wait to its effective
    revision (every other edit's is its own). ``quarantined`` never reach the replica; what builds on them waits.

    A ``careful`` fold survives a failure of the CRDT: it applies one edit at a time, and the one that fails is
    quarantined and the replica made anew without it. That costs as much as folding so far again. It can also make the
    replica anew for an edit that cuts a surrogate pair in two (see :mod:`keepboth.fold.pairs`).
    """

    def __init__(self, *, careful: bool = False) -> None:
        self.replica = Replica()
        self.roots = Roots()
        self.revision = 0
        self.waiting = WaitingRoom()
        self.late: dict[int, int] = {}
        self.quarantined: set[int] = set()
        self.unreadable: set[bytes] = set()
        """SHA-256 digests of the payloads that were recorded as unreadable."""
        self._nesting = Nesting()
        self._pairs = Pairs()
        self._gaps = False
        self._aside: list[bytes] = []
        self._applied: list[bytes] | None = [] if careful else None

    @classmethod
    def of(
        cls,
        revision: int,
        update: bytes,
        waiting: Sequence[tuple[int, bytes]],
        late: dict[int, int],
        quarantined: set[int],
        unreadable: set[bytes],
        roots: Roots,
        *,
        nests: bool,
        pairs: bool,
    ) -> DocumentFold:
        """A fold that has come to *revision* already: see :mod:`keepboth.fold.frozen`. Raises Poisoned."""
        fold = cls()
        fold.revision, fold.late, fold.quarantined, fold.unreadable = revision, late, quarantined, unreadable
        fold.roots = roots
        if nests or pairs:
            held = decode_update(update)
            fold._nesting.take([held])
            fold._pairs.take([held])
        fold.replica.apply(update)
        for held_revision, payload in waiting:
            fold.waiting.add(held_revision, payload, decode_update(payload))
        fold.waiting.release(fold.clocks())
        return fold

    @property
    def flags(self) -> tuple[bool, bool]:
        """``(are there nested types, are there surrogate pairs)``: later edits must then be looked at closely."""
        return self._nesting.active, self._pairs.active

    @property
    def is_plain(self) -> bool:
        """True if the replica holds just what was recorded: no edit was set aside, no surrogate pair was cut."""
        return self._applied is None and not self._gaps

    def add(self, edits: Sequence[FoldedEdit], *, one_by_one: bool = False) -> list[Release]:
        """Take *edits* in, in revision order; return what became visible, in release order.

        Consecutive edits that are ready are merged and applied at once (``one_by_one`` never merges).
        Raises Poisoned if the CRDT fails: this fold is then useless; see :func:`fold`.
        """
        one_by_one = one_by_one or self._applied is not None
        out: list[Release] = []
        run: list[FoldedEdit] = []
        typed = True
        plain = not one_by_one and self._is_plain_sailing()
        for edit in edits:
            revision, disposition, payload, _ = edit
            self.revision = revision
            if payload is None:
                continue
            if plain and disposition == "ready" and is_keystroke(payload):
                run.append(edit)
                continue
            if disposition == "quarantined":
                self.quarantined.add(revision)
                self.unreadable.add(hashlib.sha256(payload).digest())
                continue
            if disposition == "ready" and not self.waiting and not self._gaps:
                if self._may_nest(edit) and self._too_deep([edit]):
                    self._set_aside(revision, payload)
                    plain = False
                    continue
                run.append(edit)
                typed = False
                if one_by_one:
                    self._apply_run(run, out)
            else:
                self._apply_run(run, out)
                self._wait(edit, out)
            plain = not one_by_one and self._is_plain_sailing()
        self._apply_run(run, out, typed=typed)
        return out

    def _is_plain_sailing(self) -> bool:
        """True while a keystroke that is ready needs no closer look."""
        return not self.waiting and not self._gaps and not self._nesting.active

    def effective(self, revision: int) -> int | None:
        """The revision at which *revision* became visible; None while it waits or is quarantined."""
        if revision in self.waiting or revision in self.quarantined:
            return None
        return self.late.get(revision, revision)

    def clocks(self) -> dict[int, int]:
        """Applied insert clocks by client."""
        return decode_state_vector(self.replica.state_vector())

    def _apply_run(self, run: list[FoldedEdit], out: list[Release], *, typed: bool = False) -> None:
        """Apply *run* and say so. ``typed``: nothing but keystrokes, which the replica may take in later."""
        if not run:
            return
        revisions = tuple([edit.revision for edit in run])
        payloads = [edit.payload for edit in run if edit.payload is not None]
        later = typed and not self._pairs.active and None not in [edit.update for edit in run]
        run.clear()
        payload = self._apply(revisions, payloads, later=later)
        if payload is not None:
            out.append(Release(revisions[-1], revisions, payload, tuple(payloads)))

    def _wait(self, edit: FoldedEdit, out: list[Release]) -> None:
        assert edit.payload is not None
        try:
            update = edit.update or decode_update(edit.payload)
        except MalformedUpdate:
            self._set_aside(edit.revision, edit.payload)
            return
        self.waiting.add(edit.revision, edit.payload, update)
        released = self.waiting.release(self.clocks())
        deep = self._too_deep([FoldedEdit(entry.revision, "ready", entry.payload) for entry in released])
        if deep:
            released = self._without(released, deep)
        if not released:
            return
        revisions = tuple(entry.revision for entry in released)
        payloads = [entry.payload for entry in released]
        payload = self._apply(revisions, payloads)
        if payload is None:
            return
        for revision in revisions:
            if revision != edit.revision:
                self.late[revision] = edit.revision
        together = revisions != (edit.revision,)
        out.append(Release(edit.revision, revisions, payload, tuple(payloads), together))

    def _may_nest(self, edit: FoldedEdit) -> bool:
        return self._nesting.active or edit.update is not None or may_nest(edit.payload or b"")

    def _too_deep(self, edits: Sequence[FoldedEdit]) -> set[int]:
        """The indexes of those among *edits*, about to be applied, that nest shared types too deep."""
        nesting = self._nesting
        updates: list[Update] = []
        for edit in edits:
            update = edit.update
            if update is None and edit.payload is not None and (nesting.active or may_nest(edit.payload)):
                try:
                    update = decode_update(edit.payload)
                except MalformedUpdate:
                    update = None  # not readable either: `_apply` leaves it out
            updates.append(update or Update())
        return nesting.take(updates)

    def _without(self, released: list[Waiting], out: set[int]) -> list[Waiting]:
        """Quarantine some of what was to be released; what builds on them waits again."""
        for index in out:
            self._set_aside(released[index].revision, released[index].payload)
        for index, entry in enumerate(released):
            if index not in out:
                self.waiting.add(entry.revision, entry.payload, decode_update(entry.payload))
        return self.waiting.release(self.clocks())

    def take_set_aside(self) -> list[Update]:
        """What was quarantined here though it was recorded as readable, since the last call: its ids are taken, and
        what builds on them must wait."""
        out: list[Update] = []
        for payload in self._aside:
            with suppress(MalformedUpdate):
                out.append(decode_update(payload))
        self._aside.clear()
        return out

    def _set_aside(self, revision: int, payload: bytes) -> None:
        self.quarantined.add(revision)
        self._aside.append(payload)
        self._gaps = True

    def _apply(self, revisions: tuple[int, ...], payloads: list[bytes], *, later: bool = False) -> bytes | None:
        """Apply and return what brings all *payloads*; None if a careful fold had to quarantine them. ``later``: they
        are readable keystrokes, and the replica may wait with them."""
        try:
            if later:
                payload = merge(payloads) if len(payloads) > 1 else payloads[0]
                self.replica.apply_later(payload)
            else:
                payload = self._merged(self._with_halves(payloads))
                self.replica.apply(payload)
        except Poisoned as error:
            if self._applied is None:
                raise Poisoned(error.detail, revisions=revisions) from None
            for revision, payload in zip(revisions, payloads, strict=True):
                self._set_aside(revision, payload)
            self._start_again()
            return None
        if self._applied is not None:
            self._applied.append(payload)
        for one in payloads:
            self.roots.take(one)
        return payload

    def _with_halves(self, payloads: list[bytes]) -> list[bytes]:
        """*payloads* as the replica must have them where a surrogate pair is cut in two: only a careful fold can do
        that, since it must make its replica anew if they cut one that has been applied. Any other raises Poisoned.
        """
        pairs = self._pairs
        if not pairs.active and not may_pair(b"".join(payloads)):
            return payloads
        updates: list[Update] = []
        for payload in payloads:
            if pairs.active or updates or may_pair(payload):
                with suppress(MalformedUpdate):
                    updates.append(decode_update(payload))
        if not updates:
            return payloads
        earlier = pairs.take(updates)
        if self._applied is None and not pairs.cut.is_empty:
            raise Poisoned("an edit cut a surrogate pair in two")
        if self._applied is not None and earlier:
            self._applied = [pairs.rewritten(payload) for payload in self._applied]
            self._start_again()
        return payloads if pairs.cut.is_empty else [pairs.rewritten(payload) for payload in payloads]

    def _start_again(self) -> None:
        """A new replica with everything that has been applied, in one update if the CRDT bears that."""
        assert self._applied is not None
        self.replica = Replica()
        try:
            whole = merge(self._applied)
            self.replica.apply(whole)
            self._applied = [whole]
        except Poisoned:
            self.replica = Replica()
            for payload in self._applied:
                self.replica.apply(payload)

    def _merged(self, payloads: list[bytes]) -> bytes:
        try:
            payload = merge(payloads) if len(payloads) > 1 else payloads[0]
            if len(payloads) > 1 or is_readable(payload):
                return payload
        except Poisoned:
            pass
        forms = [readable_form(payload) for payload in payloads]
        return merge([form for form in forms if form is not None])


def fold(read: Callable[[int], Sequence[FoldedEdit]]) -> DocumentFold:
    """Fold a whole stream: ``read(after)`` gives the next edits after a revision, none at the end.

    If the CRDT fails, the stream is folded again one edit at a time; the edits that make it fail are quarantined and
    everything else is kept.
    """
    try:
        return _fold_into(DocumentFold(), read)
    except Poisoned:
        return _fold_into(DocumentFold(careful=True), read)


def _fold_into(document: DocumentFold, read: Callable[[int], Sequence[FoldedEdit]]) -> DocumentFold:
    while edits := read(document.revision):
        document.add(edits)
    return document

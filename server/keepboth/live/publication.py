"""Edits that are durable now: folded, relayed in release order, acknowledged, then shown to the conflict engine."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from keepboth.decider.conflicts import CONFLICT_TYPES
from keepboth.decider.edits import Owner, runs, take_in
from keepboth.errors import NotDurableNow
from keepboth.events import EDIT_RECORDED, Draft, Receipt
from keepboth.fold.document import FoldedEdit, Release, readable_form
from keepboth.fold.replica import EMPTY_UPDATE, Poisoned, merge
from keepboth.live.asking import PAUSED_WITHIN_S
from keepboth.live.frames import binary_frame, update_frame
from keepboth.live.passage import CommittedEdit, InFlight
from keepboth.live.session import Session
from keepboth.store.base import Appended, Refused
from keepboth.yjs.messages import encode_private
from keepboth.yjs.private import EditReceipt, encode_receipts, encode_suffix
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update

if TYPE_CHECKING:
    from keepboth.live.room import Room

log = logging.getLogger("keepboth.live")


class Publication:
    """What a room does with edits once one commit has made them durable."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._waiting_parts: dict[int, tuple[Draft, Update]] = {}

    def committed(self, entries: Sequence[InFlight]) -> None:
        """Go on with what one commit made durable: fold it, then tell everybody. In the order it was submitted."""
        edits: list[FoldedEdit] = []
        facts: dict[int, tuple[Draft, Update]] = {}
        receipts: dict[Session, list[EditReceipt]] = {}
        last = 0
        for entry in entries:
            self._room.in_flight.popleft()
            self._room.in_flight_events -= entry.events
            self._room.in_flight_bytes -= entry.bytes
            self._room.pending_in_flight -= entry.pending
            if entry.session is not None:
                entry.session.in_flight -= 1
            result = entry.result
            if isinstance(result, Appended):
                last = max(last, self._take_receipts(entry, result, edits, facts, receipts))
            else:
                entry.after.clear()
                if isinstance(result, NotDurableNow):
                    self._room.fail(result)
            if entry.done is not None:
                assert result is not None
                entry.done(result)
            elif isinstance(result, Refused):
                log.error("an edit of %r was refused by the store: %s", self._room.name, result.error)
                self._room.fail(NotDurableNow("the store did not take an edit"))
            for tell in entry.settled:
                tell()
        if self._room.state != "live":
            return
        if last:
            self._room.revision = last
            self._room.forget_step2()
            self._publish(edits, facts, receipts)
            self._tell_decisions(entries)
        elif receipts:
            self._give_all(receipts)
        for entry in entries:
            for answer in entry.after:
                answer()
        if self._room.held and not self._room.is_full():
            for session in list(self._room.held):
                self._room.release(session)

    def _tell_decisions(self, entries: Sequence[InFlight]) -> None:
        """Let whoever keeps the conflict log know of decisions about its entries."""
        drafts = [
            draft
            for entry in entries
            if isinstance(entry.result, Appended)
            for draft in entry.item.drafts
            if draft.type in CONFLICT_TYPES
        ]
        if drafts:
            self._room.ports.decided(self._room, [json.loads(draft.payload)["conflict"] for draft in drafts])

    def _take_receipts(
        self,
        entry: InFlight,
        result: Appended,
        edits: list[FoldedEdit],
        facts: dict[int, tuple[Draft, Update]],
        receipts: dict[Session, list[EditReceipt]],
    ) -> int:
        """Sort one item's receipts: what to fold, whom to tell. Returns the last new revision, 0 if nothing is new."""
        last = 0
        if result.created is not None:
            last = result.created.revision
        updates = iter(entry.decided.updates if entry.decided is not None else ())
        answer: Receipt | None = None
        for draft, receipt in zip(entry.item.drafts, result.receipts, strict=True):
            if draft.type != EDIT_RECORDED:
                if receipt.status != "duplicate":
                    last = receipt.revision
                continue
            update = next(updates, None)
            answer = receipt
            if receipt.status == "duplicate":
                continue
            last = receipt.revision
            if update is None:
                update = decode_update(draft.payload)
                take_in(self._room.identity, update, receipt.disposition, draft.session or draft.actor)
            edits.append(FoldedEdit(receipt.revision, receipt.disposition, draft.payload, update))
            facts[receipt.revision] = (draft, update)
            insertions = self._room.identity.insertions
            for client, structs in update.structs.items():
                for clock, length in runs(structs):
                    insertions.add(client, clock, length, receipt.revision)
                if client not in self._room.owners and draft.session is not None:
                    self._room.owners[client] = Owner(draft.session, draft.actor, draft.actor_kind)
        if last:
            self._room.document_hash = result.document_hash
        if answer is not None and entry.seq is not None and entry.session is not None:
            receipts.setdefault(entry.session, []).append(
                EditReceipt(entry.seq, answer.status, answer.revision, answer.disposition)
            )
        return last

    def _publish(
        self,
        edits: list[FoldedEdit],
        facts: dict[int, tuple[Draft, Update]],
        receipts: dict[Session, list[EditReceipt]],
    ) -> None:
        """Hop 7 to 9: advance the fold, relay in release order, hand receipts out, then let the engine know."""
        for edit in edits:
            if edit.disposition == "pending":
                self._waiting_parts[edit.revision] = facts[edit.revision]
        try:
            releases = self._room.fold.add(edits)
        except Poisoned as error:
            log.error("the CRDT failed on an edit of %r, folding again: %s", self._room.name, error)
            self._give_all(receipts)
            self._room.fail(error)
            return
        for update in self._room.fold.take_set_aside():
            self._room.identity.waiting.add_update_structs(update)
        if self._waiting_parts:
            self._note_released(releases, facts)
        self._relay(releases, receipts, {draft.session for draft, _ in facts.values()})
        unknown = (None, None)
        visible = [
            CommittedEdit(revision, self._room.fold.late.get(revision, revision), *facts.get(revision, unknown))
            for release in releases
            for revision in release.revisions
        ]
        self._room.ports.detect(self._room, visible)

    def _note_released(self, releases: Iterable[Release], facts: dict[int, tuple[Draft, Update]]) -> None:
        for release in releases:
            for revision in release.revisions:
                held = self._waiting_parts.pop(revision, None)
                if held is not None:
                    facts.setdefault(revision, held)
                    for client, structs in held[1].structs.items():
                        for struct in structs:
                            self._room.identity.waiting.remove(client, struct.clock, struct.length)

    def _relay(
        self,
        releases: Sequence[Release],
        receipts: dict[Session, list[EditReceipt]],
        authors: set[str | None],
    ) -> None:
        """One merged frame per session and commit, prebuilt once for stock and once for declared sessions.

        ``authors`` are the sessions whose edits it holds: stock sessions are asked behind what others wrote.
        """
        room = self._room
        revision = room.revision
        stock = declared = single = b""
        merged = [(release.effective, release.payload) for release in releases]
        if len(merged) > 1:
            with suppress(Poisoned):
                merged = [(revision, merge([payload for _, payload in merged]))]
        sole_author = next(iter(authors)) if len(authors) == 1 else None
        asking, now = room.asking, room.ports.clock()
        for session in list(room.sessions):
            frames = b""
            if session.synced:
                session.sent = revision
                if not merged:
                    pass
                elif session.one_frame_per_event:
                    single = single or self._frames_by_event(releases)
                    frames = single
                elif session.declared:
                    declared = declared or self._declared_frames(merged)
                    frames = declared
                else:
                    stock = stock or b"".join([update_frame(payload) for _, payload in merged])
                    frames = stock
                    if session.id != sole_author:
                        session.asked.news = revision
                    if session.active_at > now - PAUSED_WITHIN_S:
                        frames += asking.behind(session, now)
            if receipts and session in receipts:
                frames += binary_frame(encode_private(encode_receipts(receipts[session])))
            if frames:
                room.write(session, frames)

    def _declared_frames(self, merged: Sequence[tuple[int, bytes]]) -> bytes:
        """A frame for every part that could not be merged; only the last one carries a provable hash."""
        frames = [update_frame(payload, encode_suffix(revision, b"")) for revision, payload in merged[:-1]]
        frames.append(update_frame(merged[-1][1], encode_suffix(self._room.revision, self._room.document_hash)))
        return b"".join(frames)

    def _frames_by_event(self, releases: Sequence[Release]) -> bytes:
        """A frame for every event, for clients that step through them. Only the last one carries a provable hash."""
        rows: list[tuple[int, bytes]] = []
        for release in releases:
            if release.together:
                rows.append((release.effective, release.payload))
            else:
                rows.extend(zip(release.revisions, release.payloads, strict=True))
        frames = [
            update_frame(readable_form(payload) or EMPTY_UPDATE, encode_suffix(revision, b""))
            for revision, payload in rows[:-1]
        ]
        payload = readable_form(rows[-1][1]) or EMPTY_UPDATE
        frames.append(update_frame(payload, encode_suffix(self._room.revision, self._room.document_hash)))
        return b"".join(frames)

    def _give_all(self, receipts: dict[Session, list[EditReceipt]]) -> None:
        for session, mine in receipts.items():
            self._room.give_receipts(session, mine)

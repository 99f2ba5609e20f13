"""Random sessions of real clients (pycrdt) that crowd around a few places, with the exact context of every edit.

Reproducible from a seed. Clients edit, go offline, sync through a server in release order or directly with each other,
and sometimes send an offline stretch as one event.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from pycrdt import Doc, Text, TransactionEvent, merge_updates

from keepboth.conflicts.model import EditFact
from keepboth.events import Context, Seen, compress_ranges
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update

WORDS = ("a", "b", "xy", "the ", "é", "日", "😀", "👩‍👧", "e\u0301", " ", "QQQ")


class Edit:
    """One event, before and after the server has numbered it."""

    def __init__(self, client: Client, update: bytes, known: frozenset[Edit]) -> None:
        self.client = client
        self.bytes = update
        self.update: Update = decode_update(update)
        self.known = known  # all others' edits its author had applied
        self.revision = 0
        self.effective = 0


class Client:
    def __init__(self, name: str, actor: str, client_id: int) -> None:
        self.name = name
        self.actor = actor
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.text = self.doc.get("text", type=Text)
        self.known: set[Edit] = set()
        self.unsent: list[Edit] = []
        self.pulled = 0
        self.offline = False
        self._updates: list[bytes] = []
        self._recording = False
        self._subscription = self.doc.observe(self._record)

    def _record(self, event: TransactionEvent) -> None:
        if self._recording:
            self._updates.append(event.update)

    def edit(self, change: Callable[[], None]) -> None:
        """Change the document in one transaction."""

        def whole() -> None:
            with self.doc.transaction():
                change()

        self.watch(whole)

    def watch(self, change: Callable[[], object]) -> None:
        """Make an edit of each transaction of *change*."""
        self._recording = True
        change()
        self._recording = False
        for update in self._updates:
            others = frozenset(edit for edit in self.known if edit.client is not self)
            edit = Edit(self, update, others)
            if not edit.update.is_empty:
                self.unsent.append(edit)
                self.known.add(edit)
        self._updates.clear()

    def insert(self, at: int, text: str) -> None:
        """Insert before the *at*-th character (code point)."""
        self.text.insert(len(str(self.text)[:at].encode()), text)

    def delete(self, start: int, stop: int) -> None:
        whole = str(self.text)
        low, high = len(whole[:start].encode()), len(whole[:stop].encode())
        if low < high:
            del self.text[low:high]

    def squash(self, others: list[Client]) -> None:
        """Make one event of what has not been sent, if nothing arrived meanwhile and nobody has part of it."""
        away = not any(other is not self and other.known.intersection(self.unsent) for other in others)
        if away and len(self.unsent) > 1 and len({edit.known for edit in self.unsent}) == 1:
            known = self.unsent[0].known
            self.known.difference_update(self.unsent)
            whole = Edit(self, merge_updates(*(edit.bytes for edit in self.unsent)), known)
            self.unsent = [whole]
            self.known.add(whole)


class World:
    """``edits`` is the log in release order: every edit after all it knows."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.edits: list[Edit] = []
        self._waiting: list[Edit] = []
        self._next: dict[int, int] = {}
        self._revision = 0

    def join(self, name: str, actor: str, client_id: int) -> Client:
        client = Client(name, actor, client_id)
        self.clients.append(client)
        return client

    def push(self, client: Client) -> None:
        for edit in client.unsent:
            self._revision += 1
            edit.revision = self._revision
            self._waiting.append(edit)
            self._release()
        client.unsent = []

    def _release(self) -> None:
        moved = True
        while moved:
            moved = False
            for edit in list(self._waiting):
                if not edit.effective and self._complete(edit.update):
                    edit.effective = self._revision
                    for client, structs in edit.update.structs.items():
                        last = structs[-1]
                        self._next[client] = max(self._next.get(client, 0), last.clock + last.length)
                    moved = True
                if edit.effective and all(known in self.edits for known in edit.known) and not self._held_up(edit):
                    self._waiting.remove(edit)
                    self.edits.append(edit)
                    moved = True

    def _held_up(self, edit: Edit) -> bool:
        """True while content that the edit's client made before is waiting; a mere delete need not wait for it."""
        earlier = self._waiting[: self._waiting.index(edit)]
        return bool(edit.update.structs) and any(
            other.client is edit.client and other.update.structs for other in earlier
        )

    def _complete(self, update: Update) -> bool:
        own = {client: structs[0].clock for client, structs in update.structs.items()}
        for client, structs in update.structs.items():
            if own[client] > self._next.get(client, 0):
                return False
            for struct in structs:
                for wanted in (struct.origin, struct.right_origin, struct.parent):
                    if isinstance(wanted, tuple) and wanted[1] >= self._next.get(wanted[0], 0) and wanted[0] not in own:
                        return False
        return True

    def pull(self, client: Client) -> None:
        for edit in self.edits[client.pulled :]:
            if edit.client is not client:
                client.doc.apply_update(edit.bytes)
                client.known.add(edit)
        client.pulled = len(self.edits)

    def meet(self, one: Client, other: Client) -> None:
        """*one* gets everything *other* has, directly."""
        one.doc.apply_update(other.doc.get_update(one.doc.get_state()))
        one.known |= other.known

    def finish(self) -> None:
        for client in self.clients:
            self.push(client)
        assert not self._waiting
        for client in self.clients:
            self.pull(client)
        assert len({str(client.text) for client in self.clients}) == 1

    def facts(self, rng: Random | None = None, loose: float = 0.0) -> list[EditFact]:
        """The log as the engine gets it. *rng* varies how the same contexts are written down.

        *loose*: the share of edits whose lower bound is not all their author had seen, only what the edit itself
        proves and what that implies.
        """
        out = []
        surely: dict[Edit, frozenset[Edit]] = {}
        before: dict[Client, Edit] = {}
        for edit in self.edits:
            client = edit.client
            is_loose = rng is not None and rng.random() < loose
            sure = edit.known
            if is_loose:
                sure = self._closed(self._named(edit), surely)
                if client in before:
                    sure |= surely[before[client]]
            surely[edit] = frozenset(other for other in sure if other.client is not client)
            before[client] = edit
            upper = self._bound(edit, edit.known, rng)
            lower = self._bound(edit, surely[edit], rng) if is_loose else upper
            unsure = is_loose and not edit.update.structs
            context = Context(lower, upper)
            out.append(EditFact(edit.revision, edit.effective, client.name, client.actor, context, edit.update, unsure))
        return out

    def _named(self, edit: Edit) -> set[Edit]:
        """Those whose content the edit names."""
        ids = set()
        for structs in edit.update.structs.values():
            for struct in structs:
                named = (struct.origin, struct.right_origin, struct.parent)
                ids |= {wanted for wanted in named if isinstance(wanted, tuple)}
        for client, ranges in edit.update.deletes.items():
            ids |= {(client, clock) for first, length in ranges for clock in range(first, first + length)}
        found = set()
        for other in self.edits:
            for client, structs in other.update.structs.items():
                end = structs[-1].clock + structs[-1].length
                if any(who == client and structs[0].clock <= clock < end for who, clock in ids):
                    found.add(other)
        return found - {edit}

    def _closed(self, edits: set[Edit], surely: dict[Edit, frozenset[Edit]]) -> frozenset[Edit]:
        found: set[Edit] = set()
        todo = list(edits)
        while todo:
            edit = todo.pop()
            if edit not in found:
                found.add(edit)
                todo += surely.get(edit, edit.known)  # not there yet if a delete came before what it deletes
                todo += [other for other in surely if other.client is edit.client and other.revision < edit.revision]
        return frozenset(found)

    def _bound(self, edit: Edit, known: frozenset[Edit], rng: Random | None) -> Seen:
        others = [other for other in self.edits if other.client is not edit.client]
        base = min((other.effective for other in others if other not in known), default=edit.revision) - 1
        base = max(min(base, edit.revision - 1), 0)
        way = rng.random() if rng is not None else 0.0
        if rng is not None and way > 0.6:
            base = rng.randint(0, base) if way < 0.8 else rng.randint(base, max(base, edit.revision - 1))
        revisions = {other.revision for other in known}
        covered = {other.revision for other in others if other.effective <= base}
        return Seen(base, compress_ranges(revisions - covered), compress_ranges(covered - revisions))


def random_world(seed: int, steps: int = 22) -> World:
    rng = Random(seed)
    world = World()
    ids = rng.sample((3, 50, 900, 70_000, 2**31 + 5, 2**40), 6)
    count = rng.choice((3, 3, 4, 5))
    actors = ["ann", "bob", "cleo", "dan", "eve"]
    if rng.random() < 0.15:
        actors[1] = "ann"
    start = world.join("seed", "zoe", ids.pop())
    if rng.random() < 0.85:
        start.edit(lambda: start.insert(0, "".join(rng.choice(WORDS) for _ in range(rng.randint(4, 30)))))
        world.push(start)
    writers = [world.join(f"s{at}", actors[at], ids.pop()) for at in range(count)]
    for writer in writers:
        world.pull(writer)
    hot = [rng.random() for _ in range(rng.choice((1, 2, 3)))]
    for _ in range(steps):
        writer = rng.choice(writers)
        roll = rng.random()
        if roll < 0.62:
            write(rng, writer, hot)
        elif roll < 0.7:
            writer.offline = not writer.offline
            if not writer.offline and rng.random() < 0.5:
                writer.squash(world.clients)
        elif roll < 0.76:
            world.meet(writer, rng.choice(writers))
        if not writer.offline:
            if rng.random() < 0.7:
                world.push(writer)
            if rng.random() < 0.4:
                world.pull(writer)
    world.finish()
    return world


def write(rng: Random, writer: Client, hot: list[float]) -> None:
    """Let *writer* make an edit, or type a few letters, near one of the *hot* places (from 0 to 1)."""

    def place() -> int:
        size = len(str(writer.text))
        return min(max(int(rng.choice(hot) * size) + rng.randint(-2, 2), 0), size)

    def change() -> None:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            at = place()
            what = rng.random()
            if what < 0.55:
                writer.delete(at, at + rng.randint(1, 4))
            if what < 0.2 or what >= 0.55:
                writer.insert(min(at, len(str(writer.text))), rng.choice(WORDS))

    if rng.random() < 0.3:
        at = place()
        for letter in rng.choice(("cat", "go on", "x😀y")):
            spot = at
            writer.edit(lambda spot=spot, letter=letter: writer.insert(spot, letter))
            at += 1
    else:
        writer.edit(change)


def shuffled(rng: Random, world: World, facts: list[EditFact]) -> list[EditFact]:
    """The same facts in another order in which each still comes after all its author had seen."""
    by_edit = dict(zip(world.edits, facts, strict=True))
    left = list(world.edits)
    done: set[Edit] = set()
    out: list[EditFact] = []
    favourite = rng.choice(world.clients)
    while left:
        able = []
        started: set[Client] = set()
        for edit in left:
            if edit.client not in started and edit.known <= done:
                able.append(edit)
            started.add(edit.client)
        mine = [edit for edit in able if edit.client is favourite]
        edit = mine[0] if mine and rng.random() < 0.7 else rng.choice(able)
        if rng.random() < 0.1:
            favourite = rng.choice(world.clients)
        left.remove(edit)
        done.add(edit)
        out.append(by_edit[edit])
    return out

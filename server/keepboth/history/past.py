"""What people ask about the past of a document: who wrote this, what was deleted, what happened, what is different.

Blocks; a document is to be asked about in one thread at a time (`Desk` sees to that).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal, NamedTuple, cast

from keepboth.conflicts.screens import Screen
from keepboth.events import SESSION_JOINED, VERSION_NAMED, Event, Micros
from keepboth.history.blame import Span, by_actor, by_event, marks
from keepboth.history.changes import Difference, changed, differences
from keepboth.history.cuts import Selection, prefix
from keepboth.history.deletions import Deletion, deletions
from keepboth.history.folding import Folding
from keepboth.history.groups import GAP_US, Group, GroupChanges, changes_of, groups
from keepboth.history.lineage import REMEMBERED_APART, Lineage, Lineages
from keepboth.history.way import RightOfWay
from keepboth.store.base import EventStore
from keepboth.store.picking import events_at

Progress = Callable[[int], None]

PAGE = 1000


class Entry(NamedTuple):
    """One thing that happened: a group of edits with what they did, or an event that is no edit."""

    revision: int
    group: Group | None = None
    changes: GroupChanges | None = None
    event: Event | None = None


class HistoryPage(NamedTuple):
    """Entries in order; ``next``: the revision to go on from, None at the end."""

    entries: list[Entry]
    next: int | None


class NamedVersion(NamedTuple):
    """A moment that somebody named. ``current``: no later one has the name."""

    name: str
    token: str
    event: Event
    current: bool


class Past:
    """Answers questions about the past of documents."""

    def __init__(self, store: EventStore, folding: Folding, lineages: Lineages, way: RightOfWay | None = None) -> None:
        self.store = store
        self.folding = folding
        self._lineages = lineages
        self._apart = Lineages(store, REMEMBERED_APART, apart=True, way=way)

    def lineage(self, selection: Selection, progress: Progress | None = None) -> Lineage:
        """The lineage of the document, at least as far as *selection* reaches."""
        return self._lineages.at_least(selection.document, selection.revision, progress)

    def apart(self, document: str, revision: int, progress: Progress | None = None) -> Lineage:
        """The lineage with every edit apart, to *revision* or beyond: for leaving some out, or going back."""
        return self._apart.at_least(document, revision, progress)

    def screen(self, lineage: Lineage, selection: Selection) -> Screen:
        """What the document shows at *selection*."""
        return lineage.screen(selection, self.hidden(selection))

    def hidden(self, selection: Selection) -> frozenset[int]:
        """The edits of *selection* that do not show: they wait for others, or cannot be read."""
        folded = self.folding.at(selection)
        return frozenset(entry.revision for entry in folded.waiting.entries()) | folded.quarantined

    def blame(
        self,
        selection: Selection,
        *,
        root: str | None = None,
        by: Literal["actor", "event"] = "actor",
        progress: Progress | None = None,
    ) -> list[Span]:
        """Who brought what the document shows: by root, in document order; text of one actor side by side as one."""
        lineage = self.lineage(selection, progress)
        found = marks(lineage.items, self.screen(lineage, selection), root)
        return list((by_event if by == "event" else by_actor)(lineage, found))

    def deletions(
        self,
        selection: Selection,
        *,
        actor: str | None = None,
        since: Micros | None = None,
        before: Micros | None = None,
        text: str = "",
        gap_us: Micros = GAP_US,
        own: bool = True,
        progress: Progress | None = None,
    ) -> list[Deletion]:
        """What had been deleted by then, the newest first; see `deletions.deletions`."""
        lineage = self.lineage(selection, progress)
        shows = self.screen(lineage, selection)
        return deletions(lineage, shows, actor=actor, since=since, before=before, text=text, gap_us=gap_us, own=own)

    def history(
        self,
        selection: Selection,
        *,
        gap_us: Micros = GAP_US,
        newest_first: bool = True,
        after: int | None = None,
        limit: int = 50,
        places: int = 3,
        actor: str | None = None,
        progress: Progress | None = None,
    ) -> HistoryPage:
        """What happened up to the end of *selection*: groups of edits by their last revision, other events between.

        *after*: the ``next`` of the page before. Of each group at most *places* are told.
        """
        lineage = self.lineage(selection, progress)
        until = selection.revision
        order = self._order(lineage, selection, gap_us, actor)
        if not newest_first:
            page = [one for one in order if after is None or one[0] > after][: limit + 1]
        else:
            page = [one for one in reversed(order) if after is None or one[0] < after][: limit + 1]
        more = len(page) > limit
        page = page[:limit]
        hidden = self.hidden(prefix(self.store, selection.document, until)) if page else frozenset()
        wanted = [revision for revision, group in page if group is None]
        events = {event.revision: event for event in events_at(self.store, selection.document, wanted, len(wanted))}
        entries = [
            Entry(revision, event=events.get(revision))
            if group is None
            else Entry(revision, group, changes_of(lineage, group, hidden, places))
            for revision, group in page
        ]
        return HistoryPage(entries, page[-1][0] if more else None)

    def _order(
        self, lineage: Lineage, selection: Selection, gap_us: Micros, actor: str | None
    ) -> list[tuple[int, Group | None]]:
        """Groups and other events by revision; kept until the log goes on."""
        key = ("order", selection.token, gap_us, actor)
        known = lineage.memo.get(key)
        if known is None:
            holds = None if selection.is_prefix else selection.holds
            found: list[tuple[int, Group | None]] = [
                (group.last_revision, group)
                for group in groups(lineage, selection.revision, gap_us, holds)
                if actor is None or group.actor == actor
            ]
            found += [
                (revision, None)
                for revision, type in lineage.others.items()
                if type != SESSION_JOINED
                and revision <= selection.revision
                and selection.holds(revision)
                and (actor is None or lineage.who(revision)[0] == actor)
            ]
            found.sort(key=lambda one: one[0])
            if len(lineage.memo) > 8:
                lineage.memo.clear()
            known = lineage.memo[key] = found
        return cast(list[tuple[int, Group | None]], known)

    def compare(
        self, before: Selection, after: Selection, *, root: str | None = None, progress: Progress | None = None
    ) -> list[Difference]:
        """What is different from *before* to *after*, two cuts of one document in any order, by root."""
        furthest = max(before, after, key=lambda selection: selection.revision)
        lineage = self.lineage(furthest, progress)
        old = self.screen(lineage, before)
        new = self.screen(lineage, after)
        found = list(differences(lineage.items, list(changed(lineage.items, old, new)), old, new, located=True))
        return [one for one in found if root is None or one.path[0] == root]

    def versions(self, document: str, until: int | None = None) -> list[NamedVersion]:
        """The moments that were named, the newest first."""
        found: list[NamedVersion] = []
        names: set[str] = set()
        while page := self.store.read(document, until=until, types=[VERSION_NAMED], reverse=True, limit=PAGE):
            for event in page:
                value = json.loads(event.payload or b"{}")
                if "name" in value and "token" in value:
                    found.append(NamedVersion(value["name"], value["token"], event, value["name"] not in names))
                    names.add(value["name"])
            until = page[-1].revision - 1
        return found

"""The conflict log in memory: the obvious implementation, which the one on SQLite must agree with."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from keepboth.errors import InvalidRequest
from keepboth.store.conflict_log import Change, Counts, Met, Order, Page, Placed, Places, Status, StoredEpisode, Wanted
from keepboth.store.conflict_tables import new_epoch
from keepboth.store.conflict_terms import STATUSES, cursor_of, key_of, place_of, searchable, words_of

Episodes = list[StoredEpisode]
Changes = list[Change]
Meetings = list[Met]
Names = list[str]
"""Named here: inside the class ``list`` is its method."""

Name = tuple[str, str]
"""(document, id)."""


@dataclass(slots=True)
class _Row:
    """An entry and the change numbers at which it appeared, changed, and got its status."""

    episode: StoredEpisode
    change: int
    created: int
    turned: int = 0


class MemoryConflictStore:
    """The obvious :class:`~keepboth.store.conflict_log.ConflictStore`: dictionaries under a lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._epoch = new_epoch()
        self._change = 0
        self._cursors: dict[str, tuple[int, bytes]] = {}
        self._decided: dict[str, int] = {}
        self._rows: dict[Name, _Row] = {}
        self._aliases: dict[Name, tuple[str, int]] = {}
        self._resets: dict[str, int] = {}

    def _next(self) -> int:
        self._change += 1
        return self._change

    @property
    def epoch(self) -> str:
        return self._epoch

    def cursor(self, document: str) -> tuple[int, bytes]:
        with self._lock:
            return self._cursors.get(document, (0, b""))

    def advance(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        upserts: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> None:
        with self._lock:
            self._take(document, upserts, aliases)
            self._cursors[document] = (revision, document_hash)

    def _take(self, document: str, upserts: Sequence[StoredEpisode], aliases: Sequence[tuple[str, str]]) -> None:
        for episode in upserts:
            name = (document, episode.id)
            self._aliases.pop(name, None)
            self._put(name, episode._replace(text=searchable(episode.text)))
        for old, new in aliases:
            newest = self._newest(document, new)
            if newest == old or self._newest(document, old) == newest:
                continue
            self._rows.pop((document, old), None)
            for name, (to, change) in self._aliases.items():
                if name[0] == document and to == old:
                    self._aliases[name] = (newest, change)
            self._aliases[document, old] = (newest, self._next())

    def _put(self, name: Name, episode: StoredEpisode) -> None:
        row = self._rows.get(name)
        if row is None:
            change = self._next()
            self._rows[name] = _Row(episode, change, change)
        elif row.episode != episode:
            row.change = self._next()
            row.turned = row.change if row.episode.status != episode.status else row.turned
            row.episode = episode

    def _newest(self, document: str, episode_id: str) -> str:
        return self._aliases.get((document, episode_id), (episode_id, 0))[0]

    def replace(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        episodes: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> bool:
        with self._lock:
            if self.cursor(document)[0] > revision:
                return False
            self._take(document, episodes, aliases)
            self._keep_only(document, {episode.id for episode in episodes})
            self._cursors[document] = (revision, document_hash)
            return True

    def _keep_only(self, document: str, ids: set[str]) -> None:
        self._aliases = {name: to for name, to in self._aliases.items() if name[0] != document or to[0] in ids}
        gone = [name for name in self._rows if name[0] == document and name[1] not in ids]
        for name in gone:
            del self._rows[name]
        if gone:
            self._resets[document] = self._next()

    def judge(self, document: str, decided: int, judged: Sequence[tuple[str, Status, str]]) -> None:
        with self._lock:
            for id, status, state in judged:
                row = self._rows.get((document, id))
                if row is not None:
                    self._put((document, id), row.episode._replace(status=status, state=state))
            self._decided[document] = decided

    def documents(self) -> Names:
        with self._lock:
            return sorted({*self._cursors, *(name[0] for name in self._rows)})

    def decided(self, document: str) -> int:
        with self._lock:
            return self._decided.get(document, 0)

    def list(
        self, document: str | None = None, *, after: str = "", limit: int = 100, certain: bool | None = None
    ) -> Episodes:
        with self._lock:
            last = None if not after else self.get(after, document)
            chosen = [
                episode
                for episode in self._sorted(Wanted(document, certain=certain), "document", None)
                if last is None or key_of(episode, "document", None) > key_of(last, "document", None)
            ]
        return chosen[: max(limit, 0)]

    def page(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Page:
        place = place_of(after, order)
        with self._lock:
            found = [
                episode
                for episode in self._sorted(wanted, order, mine)
                if place is None or key_of(episode, order, mine) > place
            ]
        shown = found[: max(limit, 0)]
        return Page(shown, cursor_of(shown[-1], order, mine) if shown and len(found) > len(shown) else None)

    def places(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Places:
        page = self.page(wanted, order=order, mine=mine, after=after, limit=limit)
        return Places([Placed(*(getattr(one, name) for name in Placed._fields)) for one in page.episodes], page.next)

    def met(self, document: str) -> Meetings:
        with self._lock:
            found = self._sorted(Wanted(document), "document", None)
        alike: dict[tuple[int, bool], Episodes] = {}
        for one in found:
            alike.setdefault((one.met, not _hidden(one)), []).append(one)
        made: Meetings = []
        for (revision, shown), those in sorted(alike.items(), key=lambda item: (item[0][0], not item[0][1])):
            last = max(those, key=lambda one: one.id)
            what = (last.id, last.first_revision, last.last_revision, last.status, last.severity, last.certain)
            made.append(Met(revision, shown, len(those), *what))
        return made

    def _sorted(self, wanted: Wanted, order: Order, mine: str | None) -> Episodes:
        chosen = [row.episode for row in self._rows.values() if _fits(row.episode, wanted)]
        return sorted(chosen, key=lambda episode: key_of(episode, order, mine))

    def count(self, document: str | None = None) -> int:
        with self._lock:
            return sum(document in (None, name[0]) for name in self._rows)

    def counts(self, wanted: Wanted, *, documents: int = 100) -> Counts:
        with self._lock:
            found = self._sorted(wanted, "document", None)
        every = Counter(episode.document for episode in found)
        still_open = Counter(episode.document for episode in found if episode.status == "open")
        named = [(name, number, still_open[name]) for name, number in every.items()]
        return Counts(
            len(found),
            {status: sum(episode.status == status for episode in found) for status in STATUSES},
            dict(Counter(episode.severity for episode in found)),
            dict(Counter(kind for episode in found for kind in episode.kinds)),
            sum(episode.certain for episode in found),
            sum(episode.self_only for episode in found),
            sum(episode.double_initialisation for episode in found),
            dict(Counter(reason for episode in found if (reason := _hidden(episode)))),
            sorted(named, key=lambda row: (-row[2], -row[1], row[0]))[:documents],
        )

    def get(self, episode_id: str, document: str | None = None) -> StoredEpisode | None:
        with self._lock:
            documents = [document] if document is not None else sorted({name[0] for name in self._rows})
            found = [
                row for name in documents if (row := self._rows.get((name, self._newest(name, episode_id)))) is not None
            ]
        if len(found) > 1:
            raise InvalidRequest("several documents have a conflict of this id: name one", field="document")
        return found[0].episode if found else None

    def change(self) -> int:
        with self._lock:
            return self._change

    def changes(self, after: int, document: str | None = None, limit: int = 100) -> Changes:
        with self._lock:
            found = [
                Change(
                    row.change, "entry", *name, "", row.episode, row.created > after, row.turned > after >= row.created
                )
                for name, row in self._rows.items()
            ]
            found += [Change(change, "superseded", *name, new) for name, (new, change) in self._aliases.items()]
            found += [Change(change, "reset", name) for name, change in self._resets.items()]
        chosen = [change for change in found if change.number > after and document in (None, change.document)]
        return sorted(chosen, key=lambda change: change.number)[:limit]

    def drop(self, document: str | None = None) -> None:
        with self._lock:
            if document is not None:
                self._keep_only(document, set())
                self._cursors.pop(document, None)
                self._decided.pop(document, None)
                return
            for table in (self._rows, self._aliases, self._cursors, self._decided, self._resets):
                table.clear()
            self._epoch = new_epoch()

    def close(self) -> None:
        """Nothing to release."""


def _hidden(episode: StoredEpisode) -> str:
    return episode.hidden if episode.status == "open" else episode.status


def _fits(episode: StoredEpisode, wanted: Wanted) -> bool:
    return (
        wanted.document in (None, episode.document)
        and (not wanted.statuses or episode.status in wanted.statuses)
        and (not wanted.severities or episode.severity in wanted.severities)
        and (not wanted.kinds or not set(wanted.kinds).isdisjoint(episode.kinds))
        and (wanted.actor is None or wanted.actor in episode.actors)
        and wanted.certain in (None, episode.certain)
        and wanted.self_only in (None, episode.self_only)
        and wanted.double_initialisation in (None, episode.double_initialisation)
        and (wanted.since is None or episode.last_at >= wanted.since)
        and (wanted.until is None or episode.first_at <= wanted.until)
        and wanted.hidden in (None, bool(_hidden(episode)))
        and (wanted.stretch is None or (episode.stretch != "" and episode.stretch == wanted.stretch))
        and (wanted.met_since is None or episode.met >= wanted.met_since)
        and (wanted.met_until is None or episode.met <= wanted.met_until)
        and wanted.anchored in (None, bool(episode.anchors))
        and all(word in episode.text for word in words_of(wanted.text))
    )

"""The writes of the conflict log's file, within one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from keepboth.store.conflict_log import Status, StoredEpisode
from keepboth.store.conflict_query import COLUMNS, FROM, episode_of
from keepboth.store.conflict_tables import new_epoch
from keepboth.store.conflict_terms import searchable


def stored_cursor(connection: sqlite3.Connection, document: str) -> tuple[int, bytes]:
    """(revision, document hash) up to which the document's conflicts are stored; (0, b"") if none."""
    row = connection.execute("SELECT revision, document_hash FROM cursors WHERE document = ?", (document,)).fetchone()
    return (0, b"") if row is None else (row[0], row[1])


class Writing:
    """One transaction: what it changes gets ascending change numbers."""

    def __init__(self, connection: sqlite3.Connection, full_text: bool) -> None:
        self._connection = connection
        self._full_text = full_text
        self._change: int = connection.execute("SELECT change FROM life").fetchone()[0]

    def run(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Execute one statement."""
        return self._connection.execute(sql, values)

    def finish(self) -> None:
        """Keep the last change number."""
        self.run("UPDATE life SET change = ?", self._change)

    def _next(self) -> int:
        self._change += 1
        return self._change

    def cursor(self, document: str) -> tuple[int, bytes]:
        """As the store's."""
        return stored_cursor(self._connection, document)

    def move(self, document: str, revision: int, document_hash: bytes) -> None:
        """Set the cursor."""
        self.run("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", document, revision, document_hash)

    def take(self, document: str, upserts: Sequence[StoredEpisode], aliases: Sequence[tuple[str, str]]) -> None:
        """New and changed entries, then ids that lead to others from now on."""
        for episode in upserts:
            self.run("DELETE FROM aliases WHERE document = ? AND old = ?", document, episode.id)
            self._upsert(episode)
        for old, new in aliases:
            newest = self._newest(document, new)
            if newest == old or self._newest(document, old) == newest:
                continue
            self._remove(document, old)
            self.run("UPDATE aliases SET new = ? WHERE document = ? AND new = ?", newest, document, old)
            self.run("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?, ?)", document, old, newest, self._next())

    def _upsert(self, episode: StoredEpisode) -> None:
        episode = episode._replace(text=searchable(episode.text))
        row = self.run(
            f"SELECT e.number, {COLUMNS} FROM {FROM} WHERE e.document = ? AND e.id = ?", episode.document, episode.id
        ).fetchone()
        known = None if row is None else episode_of(row[1:])
        if known == episode:
            return
        change = self._next()
        id, document, first, last, certain, kinds, actors, body = episode[:8]
        status, severity, is_self, is_double, first_at, last_at, state, text, hidden, stretch, met, anchors = episode[
            8:
        ]
        columns = (
            first, last, certain, _json(kinds), _json(actors), status, severity, is_self, is_double, first_at, last_at,
            state, hidden, stretch, met, anchors, change,
        )  # fmt: skip
        if known is None:
            number = self.run(
                "INSERT INTO episodes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                document, id, *columns, change,
            ).lastrowid  # fmt: skip
            self.run("INSERT INTO bodies VALUES (?, ?, ?)", number, body, text)
        else:
            number = row[0]
            self.run(
                "UPDATE episodes SET first_revision = ?, last_revision = ?, certain = ?, kinds = ?, actors = ?, "
                "status = ?, severity = ?, self_only = ?, double_initialisation = ?, first_at = ?, last_at = ?, "
                "state = ?, hidden = ?, stretch = ?, met = ?, anchors = ?, change = ?, "
                "turned = CASE WHEN ? THEN ? ELSE turned END WHERE number = ?",
                *columns, known.status != status, change, number,
            )  # fmt: skip
            self.run("UPDATE bodies SET body = ?, text = ? WHERE number = ?", body, text, number)
        self._index(number, "" if known is None else known.text, text)
        if known is None or known.actors != actors:
            self.run("DELETE FROM people WHERE number = ?", number)
            for actor in set(actors):
                self.run("INSERT INTO people VALUES (?, ?)", actor, number)

    def _index(self, number: int | None, before: str, after: str) -> None:
        """Full text keeps no copy of its own, so it must be told what it forgets."""
        if self._full_text and before != after:
            if before:
                self.run("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", number, before)
            if after:
                self.run("INSERT INTO words (rowid, text) VALUES (?, ?)", number, after)

    def _remove(self, document: str, id: str) -> bool:
        """Take an entry's row away; False if there is none."""
        row = self.run(
            "SELECT e.number, b.text FROM episodes e JOIN bodies b ON b.number = e.number "
            "WHERE e.document = ? AND e.id = ?",
            document, id,
        ).fetchone()  # fmt: skip
        if row is None:
            return False
        self._index(row[0], row[1], "")
        for table in ("people", "bodies", "episodes"):
            self.run(f"DELETE FROM {table} WHERE number = ?", row[0])
        return True

    def _newest(self, document: str, id: str) -> str:
        """Aliases always point at the newest id, never at another alias."""
        row = self.run("SELECT new FROM aliases WHERE document = ? AND old = ?", document, id).fetchone()
        return id if row is None else str(row[0])

    def judge(self, document: str, id: str, status: Status, state: str) -> None:
        """What decisions have made of an entry, if it is there."""
        row = self.run("SELECT number, status, state FROM episodes WHERE document = ? AND id = ?", document, id)
        found = row.fetchone()
        if found is None or found[1:] == (status, state):
            return
        change = self._next()
        self.run(
            "UPDATE episodes SET status = ?, state = ?, change = ?, turned = CASE WHEN ? THEN ? ELSE turned END "
            "WHERE number = ?",
            status, state, change, found[1] != status, change, found[0],
        )  # fmt: skip

    def keep_only(self, document: str, ids: set[str]) -> None:
        """Take away every other entry, and every former id that leads to none."""
        for old, new in self.run("SELECT old, new FROM aliases WHERE document = ?", document).fetchall():
            if new not in ids:
                self.run("DELETE FROM aliases WHERE document = ? AND old = ?", document, old)
        there = [row[0] for row in self.run("SELECT id FROM episodes WHERE document = ?", document)]
        gone = [id for id in there if id not in ids]
        for id in gone:
            self._remove(document, id)
        if gone:
            self.run("INSERT OR REPLACE INTO resets VALUES (?, ?)", document, self._next())

    def drop(self, document: str | None) -> None:
        """Forget a document; without one everything, and begin another epoch."""
        if document is None:
            for table in ("episodes", "bodies", "people", "aliases", "cursors", "decided", "resets"):
                self.run(f"DELETE FROM {table}")
            if self._full_text:
                self.run("INSERT INTO words (words) VALUES ('delete-all')")
            self.run("UPDATE life SET epoch = ?", new_epoch())
            return
        self.keep_only(document, set())
        for table in ("cursors", "decided"):
            self.run(f"DELETE FROM {table} WHERE document = ?", document)


def _json(words: tuple[str, ...]) -> str:
    return json.dumps(words, ensure_ascii=False)

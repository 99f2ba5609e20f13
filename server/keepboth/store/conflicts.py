"""Where the conflict log is kept: a projection of the events, in a file of its own that may be deleted at any time.

The file says which engine version wrote it; another one drops everything. Durability is not asked of it
(``synchronous=OFF``): a crash may cost rows or even the file, and both are rebuilt.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from keepboth.errors import NotDurableNow, NotFound, ShuttingDown
from keepboth.store.base import StoredEpisode
from keepboth.store.schema import set_pragmas

Episodes = list[StoredEpisode]
_Texts = list[str]
_Values = list[str | int]
"""Named here: inside the classes ``list`` is their method."""

_LAYOUT: Final = 1
"""Of the tables below; part of the version that the file must have."""

_PRAGMAS: Final[dict[str, str | int]] = {
    "journal_mode": "wal",
    "synchronous": 0,
    "foreign_keys": 1,
    "recursive_triggers": 1,
}

_TABLES: Final = """
CREATE TABLE version (layout INTEGER NOT NULL, engine INTEGER NOT NULL) STRICT;
CREATE TABLE cursors (
    document TEXT PRIMARY KEY, revision INTEGER NOT NULL, document_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE episodes (
    document TEXT NOT NULL, first_revision INTEGER NOT NULL, id TEXT NOT NULL UNIQUE,
    last_revision INTEGER NOT NULL, certain INTEGER NOT NULL, kinds TEXT NOT NULL, actors TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (document, first_revision, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE aliases (old TEXT PRIMARY KEY, new TEXT NOT NULL, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_document ON aliases (document);
"""


class SqliteConflictStore:
    """:class:`~keepboth.store.base.ConflictStore` in the file at *path*, for engine *version*.

    One connection behind a lock: its transactions take microseconds. A file of another version, or one that SQLite
    cannot read, is deleted and begun anew. With ``read_only`` it is left alone, and NotFound raised instead.
    """

    def __init__(self, path: str | os.PathLike[str], *, version: int, read_only: bool = False) -> None:
        self.path = Path(path)
        self._read_only = read_only
        self._version = version
        self._lock = threading.RLock()
        self._closed = False
        if read_only:
            connection = self._open() if self.path.exists() else None
            if connection is None:
                raise NotFound(f"there is no conflict log of this version at {self.path}", path=str(self.path))
            self._connection = connection
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = self._open() or self._begin_anew()

    def _open(self) -> sqlite3.Connection | None:
        mode = "?mode=ro" if self._read_only else ""
        connection = sqlite3.connect(
            self.path.absolute().as_uri() + mode, uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            if not self._read_only:
                set_pragmas(connection, _PRAGMAS)
            empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
            if empty and not self._read_only:
                connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
                connection.execute("INSERT INTO version VALUES (?, ?)", (_LAYOUT, self._version))
            if connection.execute("SELECT layout, engine FROM version").fetchall() == [(_LAYOUT, self._version)]:
                return connection
        except sqlite3.DatabaseError:
            pass
        connection.close()
        return None

    def _begin_anew(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        connection = self._open()
        if connection is None:
            raise NotDurableNow(f"the conflict log {self.path} cannot be made", path=str(self.path))
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise ShuttingDown("the conflict log is closed")
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise NotDurableNow(f"the conflict log could not be written: {error}") from error
                raise

    def cursor(self, document: str) -> tuple[int, bytes]:
        with self._reading() as connection:
            row = connection.execute(
                "SELECT revision, document_hash FROM cursors WHERE document = ?", (document,)
            ).fetchone()
            return (0, b"") if row is None else (row[0], row[1])

    def advance(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        upserts: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> None:
        with self._writing() as connection:
            for episode in upserts:
                connection.execute("DELETE FROM aliases WHERE old = ?", (episode.id,))
                connection.execute("DELETE FROM episodes WHERE id = ?", (episode.id,))
                connection.execute(
                    "INSERT INTO episodes (id, document, first_revision, last_revision, certain, kinds, actors, body) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*episode[:4], int(episode.certain), _join(episode.kinds), _join(episode.actors), episode.body),
                )
            for old, new in aliases:
                newest = _resolve(connection, new)
                if newest == old:
                    continue
                connection.execute("DELETE FROM episodes WHERE id = ?", (old,))
                connection.execute("UPDATE aliases SET new = ? WHERE new = ?", (newest, old))
                connection.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", (old, newest, document))
            connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (document, revision, document_hash))

    def list(
        self,
        document: str | None = None,
        *,
        after: str = "",
        limit: int = 100,
        certain: bool | None = None,
    ) -> Episodes:
        where, values = _Texts(["1"]), _Values()
        with self._reading() as connection:
            if document is not None:
                where.append("document = ?")
                values.append(document)
            if certain is not None:
                where.append("certain = ?")
                values.append(int(certain))
            last = None if not after else self.get(after)
            if last is not None:
                where.append("(document, first_revision, id) > (?, ?, ?)")
                values += [last.document, last.first_revision, last.id]
            rows = connection.execute(
                f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY document, first_revision, id LIMIT ?",
                (*values, max(limit, 0)),
            )
            return [_episode(row) for row in rows]

    def count(self, document: str | None = None) -> int:
        sql = "SELECT count(*) FROM episodes"
        with self._reading() as connection:
            if document is None:
                return int(connection.execute(sql).fetchone()[0])
            return int(connection.execute(f"{sql} WHERE document = ?", (document,)).fetchone()[0])

    def get(self, episode_id: str) -> StoredEpisode | None:
        with self._reading() as connection:
            row = connection.execute(f"{_SELECT} WHERE id = ?", (_resolve(connection, episode_id),)).fetchone()
            return None if row is None else _episode(row)

    def drop(self, document: str | None = None) -> None:
        with self._writing() as connection:
            for table in ("episodes", "aliases", "cursors"):
                if document is None:
                    connection.execute(f"DELETE FROM {table}")
                else:
                    connection.execute(f"DELETE FROM {table} WHERE document = ?", (document,))

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()


_SELECT: Final = "SELECT id, document, first_revision, last_revision, certain, kinds, actors, body FROM episodes"


def _join(words: tuple[str, ...]) -> str:
    return json.dumps(words, ensure_ascii=False)


def _episode(row: tuple[str, str, int, int, int, str, str, bytes]) -> StoredEpisode:
    return StoredEpisode(
        *row[:4], bool(row[4]), tuple(json.loads(row[5])), tuple(json.loads(row[6])), row[7]
    )  # fmt: skip


def _resolve(connection: sqlite3.Connection, episode_id: str) -> str:
    """The newest id; aliases always point at it, never at another alias."""
    row = connection.execute("SELECT new FROM aliases WHERE old = ?", (episode_id,)).fetchone()
    return episode_id if row is None else str(row[0])


class MemoryConflictStore:
    """The obvious :class:`~keepboth.store.base.ConflictStore`: dictionaries under a lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._cursors: dict[str, tuple[int, bytes]] = {}
        self._episodes: dict[str, StoredEpisode] = {}
        self._aliases: dict[str, tuple[str, str]] = {}

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
            for episode in upserts:
                self._aliases.pop(episode.id, None)
                self._episodes[episode.id] = episode
            for old, new in aliases:
                newest = self._newest(new)
                if newest != old:
                    self._episodes.pop(old, None)
                    moved = {o: (newest, d) for o, (n, d) in self._aliases.items() if n == old}
                    self._aliases |= {**moved, old: (newest, document)}
            self._cursors[document] = (revision, document_hash)

    def _newest(self, episode_id: str) -> str:
        return self._aliases[episode_id][0] if episode_id in self._aliases else episode_id

    def list(
        self,
        document: str | None = None,
        *,
        after: str = "",
        limit: int = 100,
        certain: bool | None = None,
    ) -> Episodes:
        with self._lock:
            last = None if not after else self.get(after)
            chosen = [
                episode
                for episode in sorted(self._episodes.values(), key=_place)
                if (document is None or episode.document == document)
                and (certain is None or episode.certain == certain)
                and (last is None or _place(episode) > _place(last))
            ]
        return chosen[: max(limit, 0)]

    def count(self, document: str | None = None) -> int:
        with self._lock:
            return sum(document is None or episode.document == document for episode in self._episodes.values())

    def get(self, episode_id: str) -> StoredEpisode | None:
        with self._lock:
            return self._episodes.get(self._newest(episode_id))

    def drop(self, document: str | None = None) -> None:
        with self._lock:
            self._cursors = {d: c for d, c in self._cursors.items() if document not in (None, d)}
            self._episodes = {i: e for i, e in self._episodes.items() if document not in (None, e.document)}
            self._aliases = {old: a for old, a in self._aliases.items() if document not in (None, a[1])}

    def close(self) -> None:
        """Nothing to release."""


def _place(episode: StoredEpisode) -> tuple[str, int, str]:
    return (episode.document, episode.first_revision, episode.id)

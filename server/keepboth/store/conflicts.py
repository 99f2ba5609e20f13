"""Where the conflict log is kept: a projection of the events, in a file of its own that may be deleted at any time.

The file says which engine version wrote it; another one drops everything. Durability is not asked of it
(``synchronous=OFF``): a crash may cost rows or even the file, and both are rebuilt.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from keepboth.errors import InvalidRequest, NotDurableNow, NotFound, ShuttingDown
from keepboth.store import conflict_query
from keepboth.store.conflict_log import Change, Counts, Met, Order, Page, Places, Status, StoredEpisode, Wanted
from keepboth.store.conflict_query import COLUMNS, FROM, episode_of
from keepboth.store.conflict_tables import LAYOUT, PRAGMAS, make_tables
from keepboth.store.conflict_writing import Writing, stored_cursor
from keepboth.store.schema import set_pragmas

Episodes = list[StoredEpisode]
Changes = list[Change]
Meetings = list[Met]
Names = list[str]
"""Named here: inside the class ``list`` is its method."""


class SqliteConflictStore:
    """:class:`~keepboth.store.conflict_log.ConflictStore` in the file at *path*, for engine *version*.

    One connection behind a lock: its transactions take microseconds, those with long texts to index some milliseconds.
    A file of another version, or one that SQLite cannot read, is deleted and begun anew. With ``begin_anew`` false
    (another process may have it open) or ``read_only`` it is left alone, and NotFound raised instead.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, version: int, read_only: bool = False, begin_anew: bool = True
    ) -> None:
        self.path = Path(path)
        self._read_only = read_only
        self._version = version
        self._lock = threading.RLock()
        self._closed = False
        self._full_text = False
        found = None
        if not read_only:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() or not read_only:
            found = self._open()
        if found is None and (read_only or not begin_anew):
            raise NotFound(f"there is no conflict log of this version at {self.path}", path=str(self.path))
        self._connection = found or self._begin_anew()

    def _open(self) -> sqlite3.Connection | None:
        mode = "?mode=ro" if self._read_only else ""
        connection = sqlite3.connect(
            self.path.absolute().as_uri() + mode, uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            if not self._read_only:
                set_pragmas(connection, PRAGMAS)
            empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
            if empty and not self._read_only:
                make_tables(connection, self._version)
            found = connection.execute("SELECT layout, engine FROM version").fetchall()
            if found == [(LAYOUT, self._version)]:
                self._full_text = bool(connection.execute("SELECT full_text FROM version").fetchone()[0])
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
    def _writing(self) -> Iterator[Writing]:
        with self._reading() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                writing = Writing(connection, self._full_text)
                yield writing
                writing.finish()
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise NotDurableNow(f"the conflict log could not be written: {error}") from error
                raise

    # -- writes ------------------------------------------------------------------------------------------------------

    def advance(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        upserts: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> None:
        with self._writing() as writing:
            writing.take(document, upserts, aliases)
            writing.move(document, revision, document_hash)

    def replace(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        episodes: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> bool:
        with self._writing() as writing:
            if writing.cursor(document)[0] > revision:
                return False
            writing.take(document, episodes, aliases)
            writing.keep_only(document, {episode.id for episode in episodes})
            writing.move(document, revision, document_hash)
            return True

    def judge(self, document: str, decided: int, judged: Sequence[tuple[str, Status, str]]) -> None:
        with self._writing() as writing:
            for id, status, state in judged:
                writing.judge(document, id, status, state)
            writing.run("INSERT OR REPLACE INTO decided VALUES (?, ?)", document, decided)

    def drop(self, document: str | None = None) -> None:
        with self._writing() as writing:
            writing.drop(document)

    # -- reads -------------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> str:
        with self._reading() as connection:
            return str(connection.execute("SELECT epoch FROM life").fetchone()[0])

    def change(self) -> int:
        with self._reading() as connection:
            return int(connection.execute("SELECT change FROM life").fetchone()[0])

    def cursor(self, document: str) -> tuple[int, bytes]:
        with self._reading() as connection:
            return stored_cursor(connection, document)

    def documents(self) -> Names:
        with self._reading() as connection:
            found = connection.execute("SELECT document FROM cursors UNION SELECT document FROM episodes ORDER BY 1")
            return [row[0] for row in found]

    def decided(self, document: str) -> int:
        with self._reading() as connection:
            row = connection.execute("SELECT revision FROM decided WHERE document = ?", (document,)).fetchone()
            return 0 if row is None else int(row[0])

    def list(
        self, document: str | None = None, *, after: str = "", limit: int = 100, certain: bool | None = None
    ) -> Episodes:
        with self._reading() as connection:
            where, values = "1", [] if document is None else [document]
            if document is not None:
                where += " AND e.document = ?"
            if certain is not None:
                where += f" AND e.certain = {int(certain)}"
            last = None if not after else self.get(after, document)
            if last is not None:
                where += " AND (e.document, e.first_revision, e.id) > (?, ?, ?)"
            place = () if last is None else (last.document, last.first_revision, last.id)
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM {FROM} WHERE {where} ORDER BY e.document, e.first_revision, e.id LIMIT ?",
                (*values, *place, max(limit, 0)),
            )
            return [episode_of(row) for row in rows]

    def page(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Page:
        with self._reading() as connection:
            return conflict_query.page(connection, wanted, order, mine, after, limit, full_text=self._full_text)

    def places(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Places:
        with self._reading() as connection:
            return conflict_query.places(connection, wanted, order, mine, after, limit, full_text=self._full_text)

    def met(self, document: str) -> Meetings:
        with self._reading() as connection:
            return conflict_query.met(connection, document)

    def count(self, document: str | None = None) -> int:
        sql = "SELECT count(*) FROM episodes"
        with self._reading() as connection:
            if document is None:
                return int(connection.execute(sql).fetchone()[0])
            return int(connection.execute(f"{sql} WHERE document = ?", (document,)).fetchone()[0])

    def counts(self, wanted: Wanted, *, documents: int = 100) -> Counts:
        with self._reading() as connection:
            return conflict_query.counts(connection, wanted, documents, full_text=self._full_text)

    def get(self, episode_id: str, document: str | None = None) -> StoredEpisode | None:
        with self._reading() as connection:
            where, values = "old = ?", [episode_id]
            if document is not None:
                where += " AND document = ?"
                values.append(document)
            rows = connection.execute(
                f"SELECT {COLUMNS} FROM {FROM} WHERE (e.document, e.id) IN "
                f"(SELECT document, new FROM aliases WHERE {where} "
                f"UNION SELECT document, id FROM episodes WHERE {where.replace('old', 'id')}) LIMIT 2",
                values * 2,
            ).fetchall()
            if len(rows) > 1:
                raise InvalidRequest("several documents have a conflict of this id: name one", field="document")
            return episode_of(rows[0]) if rows else None

    def changes(self, after: int, document: str | None = None, limit: int = 100) -> Changes:
        with self._reading() as connection:
            return conflict_query.changes(connection, after, document, limit)

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()

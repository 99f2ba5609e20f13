"""The tables of the SQLite store, one migration a step, and the settings of every connection.

Facts (``events``, ``commits``, ``messages``, and the dictionaries ``words``, ``types``, ``actors``, ``sessions`` that
keep repeated text once) can be added to and never changed: triggers abort UPDATE, DELETE and the INSERT of an existing
key, so that ``INSERT OR REPLACE`` cannot get around them either. ``payloads`` may only be blanked. ``documents`` also
carries each stream's head, and ``document_clients`` who brought a Yjs client id first: both derived, and checked by
``verify``.

Layout, measured at 100 rows a commit with CPython 3.11 and SQLite 3.40 (``python -m benchmarks.store``):

* payloads are clustered by (document, revision) without a rowid: that key is the unique (document, revision) index at
  the same time, a fold reads one b-tree in order, and a row of ``events`` needs one index less. Against a rowid table
  and an index on ``events``: 1.6 instead of 0.5-1.2 million fold rows/s, 1.5 µs less a row, the same bytes.
* no foreign keys on ``events``: five cost 1.5 µs a row, and ``verify`` proves more (it hashes what they lead to).
* decisions have a partial index of their own, which costs keystrokes nothing.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from typing import Final

from sqlite_utils import Database, Migrations

from keepboth.events import CONTENT_YJS_UPDATE, EDIT_RECORDED

MIGRATIONS: Final = Migrations("keepboth.log")

KEYSTROKE_TYPE: Final = 1
"""The row of ``types`` that nearly every event has; partial indexes leave it out."""

WRITER_PRAGMAS: Final[dict[str, str | int]] = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "wal_autocheckpoint": 16000,
    "cache_size": -16384,
    "secure_delete": 1,
}
"""FULL (2): under NORMAL a commit in WAL mode is not synced, and an acknowledgement would be no promise. The store
empties the write-ahead log long before SQLite would do it, which does it within a commit, while people wait."""

WAL_PAGES: Final = 4000
"""Pages in the write-ahead log, as far as can be told, from which on it is copied into the file."""

READER_PRAGMAS: Final[dict[str, str | int]] = {
    "query_only": 1,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "cache_size": -4096,
}


_RECORDED_AT: Final = "strftime('%Y-%m-%dT%H:%M:%fZ', e.recorded_at / 1000000.0, 'unixepoch') AS recorded_at"
_AUTHORED_AT: Final = (
    "strftime('%Y-%m-%dT%H:%M:%fZ', (e.recorded_at - e.authored_before) / 1000000.0, 'unixepoch') AS authored_at"
)


def set_pragmas(connection: sqlite3.Connection, pragmas: dict[str, str | int]) -> None:
    """Set *pragmas* and read each back: SQLite ignores what it does not know or cannot do."""
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        got = connection.execute(f"PRAGMA {name}").fetchone()
        if got is None or got[0] != value:
            raise sqlite3.OperationalError(f"PRAGMA {name} is {got and got[0]}, {value} was asked for")


def unknown_migrations(database: Database) -> list[str]:
    """Names of applied steps that this version does not know: the file is newer than we are."""
    known = {step.name for step in MIGRATIONS.pending(Database(memory=True))}
    return [step.name for step in MIGRATIONS.applied(database) if step.name not in known]


def _add_only(table: str, *keys: str, update: str = "1") -> str:
    """Triggers that abort DELETE, an INSERT where one of *keys* exists, and an UPDATE where *update* is true."""
    exists = " OR ".join(f"EXISTS (SELECT 1 FROM {table} WHERE {key})" for key in keys)
    return f"""
    CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN {update}
    BEGIN SELECT RAISE(ABORT, '{table}: what is recorded never changes'); END;
    CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table}: what is recorded is never deleted'); END;
    CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists}
    BEGIN SELECT RAISE(ABORT, '{table}: this key is recorded already'); END;
    """


@MIGRATIONS()
def m001_log(db: Database) -> None:
    """The log as version 0.1 writes it."""
    script = f"""
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE documents (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL, document_hash BLOB NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, edits INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE types (
        id INTEGER PRIMARY KEY, type TEXT NOT NULL, content_type TEXT NOT NULL, UNIQUE (type, content_type)
    ) STRICT;
    CREATE TABLE actors (
        id INTEGER PRIMARY KEY, actor TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (actor, kind)
    ) STRICT;
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents (id), session TEXT NOT NULL,
        UNIQUE (document, session)
    ) STRICT;
    CREATE TABLE messages (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, raw BLOB) STRICT;

    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        document INTEGER NOT NULL,          -- documents.id
        revision INTEGER NOT NULL,
        id BLOB NOT NULL,                   -- 16 bytes of a UUID
        type INTEGER NOT NULL,              -- types.id
        actor INTEGER NOT NULL,             -- actors.id
        session INTEGER,                    -- sessions.id
        session_seq INTEGER,
        part INTEGER NOT NULL,
        relayed_by INTEGER,                 -- sessions.id
        clients BLOB,                       -- lib0 varUints
        context BLOB,                       -- Context.to_bytes()
        context_source INTEGER NOT NULL,    -- words.id, like the next two
        time_quality INTEGER NOT NULL,
        disposition INTEGER NOT NULL,
        message INTEGER,                    -- messages.id
        recorded_at INTEGER NOT NULL,       -- UTC microseconds
        authored_before INTEGER NOT NULL,   -- recorded_at - authored_at
        away_from INTEGER,
        payload_digest BLOB NOT NULL,
        payload_len INTEGER NOT NULL,
        document_hash BLOB NOT NULL,
        correlation_id TEXT,
        causation_id TEXT
    ) STRICT;
    CREATE UNIQUE INDEX events_id ON events (id);
    CREATE UNIQUE INDEX events_session_seq ON events (session, session_seq, part) WHERE session_seq IS NOT NULL;
    CREATE INDEX events_decisions ON events (document, revision) WHERE type > {KEYSTROKE_TYPE};

    CREATE TABLE payloads (
        document INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        position INTEGER NOT NULL,
        fold INTEGER NOT NULL,              -- 0: no edit, 1: ready, 2: pending, 3: quarantined
        salt BLOB, payload BLOB,            -- both NULL once erased
        PRIMARY KEY (document, revision)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE commits (
        last INTEGER PRIMARY KEY, first INTEGER NOT NULL, commit_hash BLOB NOT NULL
    ) STRICT;
    CREATE TABLE document_clients (
        document INTEGER NOT NULL, client INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (document, client)
    ) STRICT, WITHOUT ROWID;

    {
        _add_only(
            "documents", "id = NEW.id", "name = NEW.name", update="NEW.id IS NOT OLD.id OR NEW.name IS NOT OLD.name"
        )
    }
    {_add_only("words", "id = NEW.id", "word = NEW.word")}
    {_add_only("types", "id = NEW.id", "type = NEW.type AND content_type = NEW.content_type")}
    {_add_only("actors", "id = NEW.id", "actor = NEW.actor AND kind = NEW.kind")}
    {_add_only("sessions", "id = NEW.id", "document = NEW.document AND session = NEW.session")}
    {
        _add_only(
            "messages",
            "id = NEW.id",
            "digest = NEW.digest",
            update="NEW.id IS NOT OLD.id OR NEW.digest IS NOT OLD.digest OR NEW.raw IS NOT NULL",
        )
    }
    {
        _add_only(
            "events",
            "position = NEW.position",
            "id = NEW.id",
            "session_seq IS NOT NULL AND session = NEW.session AND session_seq = NEW.session_seq AND part = NEW.part",
        )
    }
    {
        _add_only(
            "payloads",
            "document = NEW.document AND revision = NEW.revision",
            update="NEW.document IS NOT OLD.document OR NEW.revision IS NOT OLD.revision "
            "OR NEW.position IS NOT OLD.position OR NEW.fold IS NOT OLD.fold "
            "OR NEW.salt IS NOT NULL OR NEW.payload IS NOT NULL",
        )
    }
    {_add_only("commits", "last = NEW.last")}

    CREATE VIEW events_v AS SELECT
        e.position, d.name AS document, e.revision, lower(hex(e.id)) AS id, t.type, t.content_type,
        a.actor, a.kind AS actor_kind, s.session, e.session_seq, e.part, r.session AS relayed_by,
        c.word AS context_source,
        strftime('%Y-%m-%dT%H:%M:%fZ', e.recorded_at / 1000000.0, 'unixepoch') AS recorded_at,
        strftime('%Y-%m-%dT%H:%M:%fZ', (e.recorded_at - e.authored_before) / 1000000.0, 'unixepoch') AS authored_at,
        q.word AS time_quality, w.word AS disposition,
        e.correlation_id, e.causation_id, lower(hex(m.digest)) AS message_digest,
        e.payload_len, p.payload, p.payload IS NULL AS erased,
        lower(hex(e.payload_digest)) AS payload_digest, lower(hex(e.document_hash)) AS document_hash
    FROM events e
        LEFT JOIN documents d ON d.id = e.document
        LEFT JOIN types t ON t.id = e.type
        LEFT JOIN actors a ON a.id = e.actor
        LEFT JOIN sessions s ON s.id = e.session
        LEFT JOIN sessions r ON r.id = e.relayed_by
        LEFT JOIN messages m ON m.id = e.message
        LEFT JOIN words c ON c.id = e.context_source
        LEFT JOIN words q ON q.id = e.time_quality
        LEFT JOIN words w ON w.id = e.disposition
        LEFT JOIN payloads p ON p.document = e.document AND p.revision = e.revision;
    """
    for statement in statements(script):
        db.execute(statement)
    db["types"].insert({"id": KEYSTROKE_TYPE, "type": EDIT_RECORDED, "content_type": CONTENT_YJS_UPDATE})  # type: ignore[union-attr]
    db.execute("INSERT INTO meta VALUES ('store_id', ?)", [str(uuid.uuid4())])
    db.execute("INSERT INTO meta VALUES ('created_at', ?)", [str(time.time_ns() // 1000)])


@MIGRATIONS()
def m002_views(db: Database) -> None:
    """Views without BLOBs: Datasette shows a table with one only if it has a rowid to link to.

    ``edits_v`` starts at the payloads, so that those of one document are found by their key.
    """
    db.execute("DROP VIEW events_v")
    db.execute(f"""
    CREATE VIEW events_v AS SELECT
        e.position, d.name AS document, e.revision, lower(hex(e.id)) AS id, t.type, t.content_type,
        a.actor, a.kind AS actor_kind, s.session, e.session_seq, e.part, r.session AS relayed_by,
        c.word AS context_source, {_RECORDED_AT}, {_AUTHORED_AT},
        q.word AS time_quality, w.word AS disposition,
        e.correlation_id, e.causation_id, lower(hex(m.digest)) AS message_digest,
        e.payload_len AS bytes, CASE WHEN t.content_type LIKE '%json' THEN CAST(p.payload AS TEXT) END AS json,
        iif(p.payload IS NULL, NULL, lower(hex(p.payload))) AS payload_hex, p.payload IS NULL AS erased,
        lower(hex(e.payload_digest)) AS payload_digest, lower(hex(e.document_hash)) AS document_hash
    FROM events e
        LEFT JOIN documents d ON d.id = e.document
        LEFT JOIN types t ON t.id = e.type
        LEFT JOIN actors a ON a.id = e.actor
        LEFT JOIN sessions s ON s.id = e.session
        LEFT JOIN sessions r ON r.id = e.relayed_by
        LEFT JOIN messages m ON m.id = e.message
        LEFT JOIN words c ON c.id = e.context_source
        LEFT JOIN words q ON q.id = e.time_quality
        LEFT JOIN words w ON w.id = e.disposition
        LEFT JOIN payloads p ON p.document = e.document AND p.revision = e.revision
    """)
    db.execute(f"""
    CREATE VIEW edits_v AS SELECT
        e.position, d.name AS document, p.revision, lower(hex(e.id)) AS id,
        a.actor, a.kind AS actor_kind, s.session, e.session_seq, {_RECORDED_AT}, {_AUTHORED_AT},
        e.authored_before / 1000000.0 AS late_s, q.word AS time_quality,
        c.word AS context_source, e.context IS NOT NULL AS has_context,
        CASE p.fold WHEN 1 THEN 'ready' WHEN 2 THEN 'pending' ELSE 'quarantined' END AS disposition,
        e.payload_len AS bytes, iif(p.payload IS NULL, NULL, lower(hex(p.payload))) AS update_hex,
        p.payload IS NULL AS erased,
        e.away_from IS NOT NULL AS made_away, e.correlation_id, e.causation_id
    FROM documents d
        JOIN payloads p ON p.document = d.id
        JOIN events e ON e.position = p.position AND e.document = p.document AND e.revision = p.revision
        LEFT JOIN actors a ON a.id = e.actor
        LEFT JOIN sessions s ON s.id = e.session
        LEFT JOIN words q ON q.id = e.time_quality
        LEFT JOIN words c ON c.id = e.context_source
    WHERE p.fold > 0
    """)


def statements(script: str) -> list[str]:
    """Split *script*: ``executescript`` would commit the transaction that a migration runs in."""
    found: list[str] = []
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            if pending.strip() != ";":
                found.append(pending.strip())
            pending = ""
    return found

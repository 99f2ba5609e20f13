"""The tables of the conflict log's file."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Final

LAYOUT: Final = 4
"""Of the tables below; part of the version that the file must have."""

PRAGMAS: Final[dict[str, str | int]] = {
    "journal_mode": "wal",
    "synchronous": 0,
    "foreign_keys": 1,
    "recursive_triggers": 1,
}

_TABLES: Final = """
CREATE TABLE version (layout INTEGER NOT NULL, engine INTEGER NOT NULL, full_text INTEGER NOT NULL) STRICT;
CREATE TABLE life (epoch TEXT NOT NULL, change INTEGER NOT NULL) STRICT;
CREATE TABLE cursors (
    document TEXT PRIMARY KEY, revision INTEGER NOT NULL, document_hash BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE decided (document TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE episodes (
    number INTEGER PRIMARY KEY,
    document TEXT NOT NULL, id TEXT NOT NULL, first_revision INTEGER NOT NULL, last_revision INTEGER NOT NULL,
    certain INTEGER NOT NULL, kinds TEXT NOT NULL, actors TEXT NOT NULL,
    status TEXT NOT NULL, severity TEXT NOT NULL, self_only INTEGER NOT NULL, double_initialisation INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,    -- UTC microseconds
    state TEXT NOT NULL, hidden TEXT NOT NULL, stretch TEXT NOT NULL,
    met INTEGER NOT NULL,                                   -- the revision at which its versions met
    anchors TEXT NOT NULL,                                  -- [[client, clock], [client, clock]], or ''
    change INTEGER NOT NULL,                                -- when it last changed, as a change number
    created INTEGER NOT NULL, turned INTEGER NOT NULL,      -- when it appeared; when its status became what it is
    UNIQUE (document, id)
) STRICT;
CREATE UNIQUE INDEX episodes_place ON episodes (document, first_revision, id);
CREATE INDEX episodes_id ON episodes (id);
CREATE INDEX episodes_newest ON episodes (last_at);
CREATE INDEX episodes_stretch ON episodes (stretch) WHERE stretch <> '';
CREATE INDEX episodes_met ON episodes (document, met);
CREATE INDEX episodes_change ON episodes (change);
CREATE TABLE bodies (number INTEGER PRIMARY KEY, body BLOB NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE people (
    actor TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (actor, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX people_number ON people (number);
CREATE TABLE aliases (
    document TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, change INTEGER NOT NULL, PRIMARY KEY (document, old)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_old ON aliases (old);
CREATE INDEX aliases_change ON aliases (change);
CREATE TABLE resets (document TEXT PRIMARY KEY, change INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE VIEW conflicts_v AS
WITH told AS (SELECT e.*, CAST(b.body AS TEXT) AS body FROM episodes e JOIN bodies b ON b.number = e.number)
SELECT
    document, id, first_revision, last_revision,
    strftime('%Y-%m-%dT%H:%M:%fZ', first_at / 1000000.0, 'unixepoch') AS first_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', last_at / 1000000.0, 'unixepoch') AS last_at,
    status, severity, certain, self_only, double_initialisation,
    kinds, json_array_length(kinds) AS kind_count, actors, json_array_length(actors) AS actor_count,
    json_extract(body, '$.root') AS root, json_extract(body, '$.key') AS key, json_extract(body, '$.line') AS line,
    json_extract(body, '$.heading') AS heading, json_array_length(body, '$.revisions') AS edits,
    json_extract(body, '$.base') AS base, json_extract(body, '$.merged') AS merged,
    json_extract(body, '$.before') AS before, json_extract(body, '$.after') AS after,
    json_extract(body, '$.sides') AS sides
FROM told;
"""

_WORDS: Final = "CREATE VIRTUAL TABLE words USING fts5 (text, content='', tokenize='trigram case_sensitive 1')"
"""An index of ``bodies.text`` by every three characters: finds parts of words, in every script."""


def make_tables(connection: sqlite3.Connection, engine: int) -> None:
    """Make the tables of an empty file, with full text where this SQLite has it."""
    connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
    try:
        connection.execute(_WORDS)
        full_text = 1
    except sqlite3.OperationalError:
        full_text = 0
    connection.execute("INSERT INTO life VALUES (?, 0)", (new_epoch(),))
    connection.execute("INSERT INTO version VALUES (?, ?, ?)", (LAYOUT, engine, full_text))


def new_epoch() -> str:
    """Names another life of a projection."""
    return secrets.token_hex(8)

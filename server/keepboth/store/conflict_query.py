"""The reads of the conflict log's file: SQL and parameters in, values out."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from keepboth.store.conflict_log import Change, Counts, Met, Order, Page, Placed, Places, StoredEpisode, Wanted
from keepboth.store.conflict_terms import STATUSES, cursor_at, cursor_of, place_of, words_of

Values = list[str | int]

COLUMNS: Final = (
    "e.id, e.document, e.first_revision, e.last_revision, e.certain, e.kinds, e.actors, b.body, e.status, e.severity, "
    "e.self_only, e.double_initialisation, e.first_at, e.last_at, e.state, b.text, e.hidden, e.stretch, e.met, "
    "e.anchors"
)
FROM: Final = "episodes e CROSS JOIN bodies b ON b.number = e.number"

_PLACED: Final = ", ".join(f"e.{name}" for name in Placed._fields)
_MISSING: Final = "(e.severity = 'lost' AND e.status = 'open')"
_MINE: Final = "EXISTS (SELECT 1 FROM people p WHERE p.actor = ? AND p.number = e.number)"
_NEWEST: Final = "-e.last_at, e.document, e.id"
_KEYS: Final[dict[Order, str]] = {
    "document": "e.document, e.first_revision, e.id",
    "newest": _NEWEST,
    "attention": f"2 * (NOT {_MISSING}) + (NOT {_MINE}), {_NEWEST}",
}


def episode_of(row: tuple[Any, ...]) -> StoredEpisode:
    """A row of :data:`COLUMNS` as a value."""
    values = list(row)
    values[4], values[10], values[11] = bool(row[4]), bool(row[10]), bool(row[11])
    values[5], values[6] = tuple(json.loads(row[5])), tuple(json.loads(row[6]))
    return StoredEpisode(*values)


def _where(wanted: Wanted, full_text: bool) -> tuple[str, Values]:
    """The condition that *wanted* makes over ``episodes e``."""
    where, values = ["1"], Values()
    for condition, value in (
        ("e.document = ?", wanted.document),
        ("e.certain = ?", wanted.certain),
        ("e.self_only = ?", wanted.self_only),
        ("e.double_initialisation = ?", wanted.double_initialisation),
        ("e.last_at >= ?", wanted.since),
        ("e.first_at <= ?", wanted.until),
        ("(e.status <> 'open' OR e.hidden <> '') = ?", wanted.hidden),
        ("e.stretch <> '' AND e.stretch = ?", wanted.stretch),
        ("e.met >= ?", wanted.met_since),
        ("e.met <= ?", wanted.met_until),
        ("(e.anchors <> '') = ?", wanted.anchored),
        ("e.number IN (SELECT number FROM people WHERE actor = ?)", wanted.actor),
    ):
        if value is not None:
            where.append(condition)
            values.append(value if isinstance(value, str) else int(value))
    for column, chosen in (("status", wanted.statuses), ("severity", wanted.severities)):
        if chosen:
            where.append(f"e.{column} IN ({', '.join('?' * len(chosen))})")
            values += chosen
    if wanted.kinds:
        where.append(f"({' OR '.join(['instr(e.kinds, ?)'] * len(wanted.kinds))})")
        values += [json.dumps(kind) for kind in wanted.kinds]
    for word in words_of(wanted.text):
        if full_text and len(word) >= 3:
            where.append("e.number IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append('"' + word.replace('"', '""') + '"')
        else:
            where.append("e.number IN (SELECT number FROM bodies WHERE instr(text, ?))")
            values.append(word)
    return " AND ".join(where), values


def page(
    connection: sqlite3.Connection,
    wanted: Wanted,
    order: Order,
    mine: str | None,
    after: str,
    limit: int,
    *,
    full_text: bool,
) -> Page:
    """One page in *order*, by key: nothing that stays in its place is shown twice or left out."""
    keys = _KEYS[order]
    person: Values = [mine or ""] if order == "attention" else []
    where, values = _where(wanted, full_text)
    place = place_of(after, order)
    if place is not None:
        where += f" AND ({keys}) > ({', '.join('?' * len(place))})"
        values += [*person, *place]
    chosen = f"SELECT e.number FROM episodes e WHERE {where} ORDER BY {keys} LIMIT ?"  # sorts rows without bodies
    sql = f"SELECT {COLUMNS} FROM {FROM} WHERE e.number IN ({chosen}) ORDER BY {keys}"
    rows = connection.execute(sql, (*values, *person, max(limit, 0) + 1, *person)).fetchall()
    found = [episode_of(row) for row in rows[: max(limit, 0)]]
    more = len(rows) > len(found) and bool(found)
    return Page(found, cursor_of(found[-1], order, mine) if more else None)


def places(
    connection: sqlite3.Connection,
    wanted: Wanted,
    order: Order,
    mine: str | None,
    after: str,
    limit: int,
    *,
    full_text: bool,
) -> Places:
    """As :func:`page`, without reading a body."""
    keys = _KEYS[order]
    person: Values = [mine or ""] if order == "attention" else []
    where, values = _where(wanted, full_text)
    place = place_of(after, order)
    if place is not None:
        where += f" AND ({keys}) > ({', '.join('?' * len(place))})"
        values += [*person, *place]
    sql = f"SELECT {_PLACED}, {keys} FROM episodes e WHERE {where} ORDER BY {keys} LIMIT ?"
    rows = connection.execute(sql, (*person, *values, *person, max(limit, 0) + 1)).fetchall()
    size = len(Placed._fields)
    found = [Placed._make((*row[:3], bool(row[3]), *row[4:size])) for row in rows[: max(limit, 0)]]
    more = len(rows) > len(found) and bool(found)
    return Places(found, cursor_at(rows[len(found) - 1][size:], order) if more else None)


def met(connection: sqlite3.Connection, document: str) -> list[Met]:
    """How many of the document's entries met where. One pass over the rows without their bodies."""
    rows = connection.execute(
        "SELECT met, (status = 'open' AND hidden = ''), count(*), max(id), first_revision, last_revision, status, "
        "severity, certain FROM episodes WHERE document = ? GROUP BY 1, 2 ORDER BY 1, 2 DESC",
        (document,),
    )  # what is beside max() is of the row that has it
    return [Met._make((row[0], bool(row[1]), *row[2:8], bool(row[8]))) for row in rows]


def counts(connection: sqlite3.Connection, wanted: Wanted, documents: int, *, full_text: bool) -> Counts:
    """How many of each sort. One pass over the rows without their bodies."""
    where, values = _where(wanted, full_text)
    rows = connection.execute(
        "SELECT e.status, e.severity, e.kinds, e.certain, e.self_only, e.double_initialisation, e.hidden, "
        f"e.document, count(*) FROM episodes e WHERE {where} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
        values,
    )
    statuses: dict[str, int] = dict.fromkeys(STATUSES, 0)
    severities: dict[str, int] = {}
    kinds: dict[str, int] = {}
    hidden: dict[str, int] = {}
    by_document: dict[str, tuple[int, int]] = {}
    total = certain = self_only = double = 0
    for status, severity, words, is_certain, is_self, is_double, why, document, number in rows:
        total += number
        statuses[status] += number
        severities[severity] = severities.get(severity, 0) + number
        for kind in json.loads(words):
            kinds[kind] = kinds.get(kind, 0) + number
        certain += number * is_certain
        self_only += number * is_self
        double += number * is_double
        reason = why if status == "open" else status
        if reason:
            hidden[reason] = hidden.get(reason, 0) + number
        every, still_open = by_document.get(document, (0, 0))
        by_document[document] = (every + number, still_open + number * (status == "open"))
    named = sorted(((name, *both) for name, both in by_document.items()), key=lambda row: (-row[2], -row[1], row[0]))
    return Counts(total, statuses, severities, kinds, certain, self_only, double, hidden, named[:documents])


def changes(connection: sqlite3.Connection, after: int, document: str | None, limit: int) -> list[Change]:
    """What has a change number above *after*, in order."""
    only, values = ("", (after, limit)) if document is None else (" AND {}document = ?", (after, document, limit))
    found: list[Change] = []
    for *row, number, created, turned in connection.execute(
        f"SELECT {COLUMNS}, e.change, e.created, e.turned FROM {FROM} "
        f"WHERE e.change > ?{only.format('e.')} ORDER BY e.change LIMIT ?",
        values,
    ):
        episode = episode_of(tuple(row))
        fresh = created > after
        found.append(
            Change(number, "entry", episode.document, episode.id, "", episode, fresh, turned > after and not fresh)
        )
    for number, name, old, new in connection.execute(
        f"SELECT change, document, old, new FROM aliases WHERE change > ?{only.format('')} ORDER BY change LIMIT ?",
        values,
    ):
        found.append(Change(number, "superseded", name, old, new))
    for number, name in connection.execute(
        f"SELECT change, document FROM resets WHERE change > ?{only.format('')} ORDER BY change LIMIT ?", values
    ):
        found.append(Change(number, "reset", name))
    return sorted(found, key=lambda change: change.number)[:limit]

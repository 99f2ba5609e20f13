"""An entry read once: who wrote which version, what each put in and took out, in texts that people can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from keepboth.conflicts.model import Episode, Side
from keepboth.telling.differences import common_ends, difference
from keepboth.telling.facts import Circumstances
from keepboth.telling.passages import Frame, framed
from keepboth.telling.people import Person, kinds_of, persons
from keepboth.telling.texts import Form, around_markup, entries_of, form_of, read_as
from keepboth.telling.words import boundaries, graphemes


class Change(NamedTuple):
    """What one version changed: ``left`` and ``right`` were kept around the text it put in and the text it took out.

    Where it changed several places, ``inserted`` and ``deleted`` are the longest of each.
    """

    left: str
    inserted: str
    deleted: str
    right: str


class Version(NamedTuple):
    """What one or several people wrote alike. ``people`` stand by name; ``sessions`` are the devices where one person
    collided with themselves, else empty. ``lost`` is what of it is missing now."""

    people: tuple[Person, ...]
    sessions: tuple[str, ...]
    text: str
    change: Change
    lost: str
    formats: tuple[tuple[str, str], ...]

    @property
    def names(self) -> list[str]:
        return [person.name for person in self.people]


class Account(NamedTuple):
    """``people`` are all authors by name; ``versions`` stand by their people's names. ``base``, ``merged``, ``before``
    and ``after`` are the entry's texts as they are read; ``present`` is what the place says now, where ``up_to_date``,
    else what it said when they met. ``form`` is what the place is: text, XML markup, elements of a list, the value of
    a key. ``open``: nobody has changed or decided it since."""

    episode: Episode
    facts: tuple[Circumstances, ...]
    people: tuple[Person, ...]
    versions: tuple[Version, ...]
    form: Form
    open: bool
    up_to_date: bool
    base: str
    merged: str
    present: str
    before: str
    after: str

    @property
    def names(self) -> list[str]:
        return [person.name for person in self.people]

    @property
    def frame(self) -> Frame:
        """The parts of words around the place that belong to it in every version."""
        if self.form != "text":
            return Frame(self.before, "", "", self.after)
        texts = (self.base, self.merged, self.present, *(version.text for version in self.versions))
        return _framed(self.before, texts, self.after)

    @property
    def lost(self) -> list[Version]:
        return [version for version in self.versions if version.lost]


@lru_cache(maxsize=16)
def _framed(before: str, texts: tuple[str, ...], after: str) -> Frame:
    """Looking for words takes about a millisecond, and a card asks for the frame several times."""
    return framed(before, texts, after)


def account_of(
    episode: Episode,
    names: Mapping[str, str],
    facts: Sequence[Circumstances],
    *,
    open: bool = True,
    present: str | None = None,
    moved_on: bool = False,
) -> Account:
    """Read *episode*. *names* are what actors are called; *facts* of edits that are no part of it are passed over.
    *present*: what later edits made of the place, None if that is not known. *moved_on*: there are later edits."""
    revisions = set(episode.revisions)
    own = tuple(fact for fact in facts if fact.revision in revisions)
    named = persons((side.actor for side in episode.sides), names, kinds_of(own))
    form = form_of(episode)

    def read(text: str) -> str:
        return read_as(form, text)

    base, merged = read(episode.base), read(episode.merged)
    now = merged if present is None else read(present)
    before, after = episode.before, episode.after
    if form == "markup":
        before, after = around_markup(before, after)
    elif form == "list":
        before, after = before and before + ", ", after and ", " + after
    versions = _versions(
        episode.sides,
        named,
        [(read(side.text), read_as(form, side.lost, side.text)) for side in episode.sides],
        base,
        form,
    )
    up_to_date = present is not None or (open and not moved_on)
    people = tuple(sorted(set(named.values()), key=lambda person: person.name))
    return Account(episode, own, people, versions, form, open, up_to_date, base, merged, now, before, after)


def _versions(
    sides: Sequence[Side], named: Mapping[str, Person], texts: Sequence[tuple[str, str]], base: str, form: Form
) -> tuple[Version, ...]:
    alike: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[Side, str]]] = {}
    for side, (text, lost) in zip(sides, texts, strict=True):
        alike.setdefault((text, side.formats), []).append((side, lost))
    versions = []
    for (text, formats), writers in alike.items():
        versions.append(
            Version(
                tuple(sorted({named[side.actor] for side, _ in writers}, key=lambda person: person.name)),
                tuple(side.session for side, _ in writers if side.session is not None),
                text,
                change_of_list(base, text) if form == "list" else change_of(base, text),
                max((lost for _, lost in writers), key=len),
                formats,
            )
        )
    return tuple(sorted(versions, key=lambda version: (version.names, version.sessions)))


def change_of(base: str, text: str) -> Change:
    """What leads from *base* to *text*, cut at whole characters, and at words where that is as true."""
    old, new = graphemes(base), graphemes(text)
    low, high = common_ends(old, new)
    if low + high == min(len(old), len(new)):
        longer, shorter = (old, new) if len(old) > len(new) else (new, old)
        low = _at_words(longer, low, len(longer) - high)
        high = len(shorter) - low
    left, right = "".join(old[:low]), "".join(old[len(old) - high :])
    deleted, inserted = "".join(old[low : len(old) - high]), "".join(new[low : len(new) - high])
    if deleted and inserted:
        pieces = difference(base, text)
        deleted = max((piece.text for piece in pieces if piece.op == "delete"), key=len, default="")
        inserted = max((piece.text for piece in pieces if piece.op == "insert"), key=len, default="")
    return Change(left, inserted, deleted, right)


def change_of_list(base: str, text: str) -> Change:
    """As `change_of`, by entry. Where a list holds what is no JSON, all of it changed."""
    old, new = entries_of(base), entries_of(text)
    if old is None or new is None:
        old, new = [base] if base else [], [text] if text else []
    low, high = common_ends(old, new)
    parts = old[:low], new[low : len(new) - high], old[low : len(old) - high], old[len(old) - high :]
    return Change(*(", ".join(part) for part in parts))


def _at_words(longer: Sequence[str], start: int, end: int) -> int:
    """Where ``longer[start:end]`` may begin as well, being followed by what it begins with: ``two `` rather than
    ``wo t`` of ``two three``. The leftmost place with a word's end on either side, else *start*."""
    places = boundaries("".join(longer))
    offsets = [0]
    for piece in longer:
        offsets.append(offsets[-1] + len(piece))
    best = start
    while True:
        if offsets[start] in places and offsets[end] in places:
            best = start
        if not start or start == end or longer[start - 1] != longer[end - 1]:
            return best
        start, end = start - 1, end - 1

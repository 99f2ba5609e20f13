"""A card: everything a page or an editor shows of one collision, in the order it shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

from keepboth.conflicts.model import Episode
from keepboth.events import Micros
from keepboth.telling.accounts import Account, Version, account_of
from keepboth.telling.attention import Attention, Hidden, attention_of, hidden_of, needs_of
from keepboth.telling.choices import Choice, choices_of
from keepboth.telling.collisions import told
from keepboth.telling.facts import UNDECIDED, Circumstances, Decisions, Status, status_of
from keepboth.telling.outcomes import Outcome, outcome_of
from keepboth.telling.passages import AROUND, Passage, passage
from keepboth.telling.people import Person, persons
from keepboth.telling.places import Where, where_of
from keepboth.telling.sentences import Sentence, say
from keepboth.telling.times import when


class Written(NamedTuple):
    """What one or several people wrote alike. ``title``: ``Ann and Cleo wrote``."""

    title: Sentence
    people: tuple[Person, ...]
    sessions: tuple[str, ...]
    passage: Passage


class Missing(NamedTuple):
    """What is not in the document, in full, and whose it is."""

    people: tuple[Person, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """One collision. Texts are plain: whoever shows them escapes them.

    ``sentence`` says what happened; of what is only possible it says that, and what would have happened is the first of
    ``notes``. ``when`` is None without facts. ``now`` is what the place says, or said when they met where nobody knows
    what became of it since; ``now_title`` says which. It and each of ``versions`` mark what changed from ``before``.
    What is ``missing`` comes with who wrote it; where nothing is, ``nothing_missing`` says so. ``met_at`` is when the
    last of the edits was recorded, 0 without facts.
    """

    id: str
    status: Status
    outcome: Outcome
    sentence: Sentence
    notes: tuple[Sentence, ...]
    where: Where
    people: tuple[Person, ...]
    when: Sentence | None
    now_title: Sentence
    now: Passage
    versions: tuple[Written, ...]
    missing: tuple[Missing, ...]
    nothing_missing: Sentence | None
    before: Passage
    choices: tuple[Choice, ...]
    attention: Attention
    hidden: tuple[Hidden, ...]
    needs: tuple[Person, ...]
    certain: bool
    met_at: Micros


def card_of(
    episode: Episode,
    *,
    names: Mapping[str, str],
    facts: Iterable[Circumstances],
    now: Micros,
    decisions: Decisions = UNDECIDED,
    viewer: str | None = None,
    utc_offset_s: int = 0,
    around: int | None = AROUND,
    present: str | None = None,
    moved_on: bool = False,
) -> Card:
    """Tell *episode*.

    *names* are what actors are called, *facts* those of its edits (others are passed over; a part of them will do),
    *viewer* the actor it is told to, *utc_offset_s* how far east of UTC they are. *around*: code points shown around a
    change, None for all. *present*: what the place says now, if that is known (`DocumentConflicts.now`).
    *moved_on*: the document has been edited since the last of the entry's edits, so that where *present* is not known,
    the place may say something else by now.
    """
    status = status_of(episode, decisions)
    account = account_of(episode, names, tuple(facts), open=status == "open", present=present, moved_on=moved_on)
    hidden = hidden_of(account, status, viewer)
    needs = needs_of(account, decisions, hidden)
    sentence, notes = _sentences(account, status, decisions, names)
    lost = account.lost
    return Card(
        id=episode.id,
        status=status,
        outcome=outcome_of(episode),
        sentence=sentence,
        notes=notes,
        where=where_of(episode),
        people=account.people,
        when=when(account.facts, now, utc_offset_s),
        now_title=say("title", "now" if account.up_to_date else "then"),
        now=passage(account.frame, account.base, account.present, around),
        versions=tuple(_written(account, at, version, around) for at, version in enumerate(account.versions, 1)),
        missing=tuple(Missing(version.people, version.lost) for version in lost),
        nothing_missing=None if lost else say("note", "nothing-missing", still=account.open),
        before=passage(account.frame, None, account.base, around),
        choices=tuple(choices_of(account, status)),
        attention=attention_of(account, hidden, needs, now),
        hidden=tuple(hidden),
        needs=tuple(needs),
        certain=episode.certain,
        met_at=max((fact.recorded_at for fact in account.facts), default=0),
    )


def _sentences(
    account: Account, status: Status, decisions: Decisions, names: Mapping[str, str]
) -> tuple[Sentence, tuple[Sentence, ...]]:
    episode = account.episode
    sentence = told(account)
    notes: list[Sentence] = []
    if not episode.certain:
        notes.append(sentence)
        sentence = say("collision", "possible")
    if episode.capped:
        notes.append(say("note", "capped"))
    if status == "settled":
        notes.append(say("note", "settled"))
    elif status == "resolved" and decisions.resolved_by is not None:
        known = {person.actor: person for person in account.people}
        by = known.get(decisions.resolved_by) or persons([decisions.resolved_by], names, {})[decisions.resolved_by]
        notes.append(say("note", "resolved", person=by.name))
    return sentence, tuple(notes)


def _written(account: Account, number: int, version: Version, around: int | None) -> Written:
    """The *number*-th version."""
    name = "wrote"
    if account.episode.self_only and len(account.versions) > 1:
        title = say("title", "device", people=version.names, number=number)
        return Written(title, version.people, version.sessions, _shown(account, version, around))
    if version.text == account.base and not version.formats:
        name = "kept"
    elif not version.text:
        name = "deleted"
    title = say("title", name, people=version.names)
    return Written(title, version.people, version.sessions, _shown(account, version, around))


def _shown(account: Account, version: Version, around: int | None) -> Passage:
    return passage(account.frame, account.base, version.text, around)


def sorted_for(cards: Iterable[Card], viewer: str | None) -> list[Card]:
    """Missing text first, then what needs or was written by *viewer*, then the newest; equal ones by id."""

    def key(card: Card) -> tuple[bool, bool, Micros, str]:
        concerned = any(person.actor == viewer for person in (*card.needs, *card.people))
        return not card.missing, not concerned, -card.met_at, card.id

    return sorted(cards, key=key)


def as_json(value: Any) -> Any:
    """A card, notice or part of one as JSON values: records by field name."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_json(item) for name, item in value._asdict().items()}
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    return value

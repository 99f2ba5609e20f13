"""What can be done about a collision: which choices are offered, and what they are called.

The text that each would make is computed elsewhere, from the engine; here is only which and under what label.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from keepboth.telling.accounts import Account, Version
from keepboth.telling.collisions import element, quote, value
from keepboth.telling.facts import Status
from keepboth.telling.outcomes import outcome_of
from keepboth.telling.sentences import Sentence, say
from keepboth.telling.texts import ENTRY, element_noun, noun_of

ChoiceCode = Literal["leave", "use", "both", "write", "seen", "restore", "remove"]


class Choice(NamedTuple):
    """``actor`` (and ``session``, where one person's devices collided) says whose version ``use`` takes."""

    code: ChoiceCode
    label: Sentence
    actor: str | None = None
    session: str | None = None


SEEN: Final = Choice("seen", say("choice", "seen"))
WRITE: Final = Choice("write", say("choice", "write"))


def choices_of(account: Account, status: Status) -> list[Choice]:
    """What can be pressed, in this order. On what is settled, resolved or agreed only *Seen*."""
    if status != "open" or outcome_of(account.episode).code == "same-change":
        return [SEEN]
    if account.form == "value":
        return [*_values(account), WRITE, SEEN]
    if "in-removed-subtree" in account.episode.kinds and not account.merged:
        restore = say("choice", "restore", noun=_noun(account, account.base))
        return [Choice("leave", say("choice", "leave-deleted")), Choice("restore", restore), SEEN]
    offered = _versions(account)
    if account.form == "text" and outcome_of(account.episode).code != "formatting":
        offered.append(WRITE)
    return [*offered, SEEN]


def _values(account: Account) -> list[Choice]:
    """One a value: those that are gone, then the one that stands. A key holds one value, so never both."""
    key = quote(account.episode.key or "")
    offered = []
    for version in sorted(account.versions, key=lambda version: version.text == account.merged):
        held = value(version.text)
        if version.text == account.merged:
            label = say("choice", "keep-value", value=held) if held else say("choice", "keep-removed")
            offered.append(Choice("leave", label))
        else:
            label = say("choice", "use-value", value=held) if held else say("choice", "use-removed", key=key)
            offered.append(_use(version, label))
    if all(version.text != account.merged for version in account.versions):
        offered.append(Choice("leave", say("choice", "leave")))
    return offered


def _versions(account: Account) -> list[Choice]:
    outcome = outcome_of(account.episode).code
    gone = max((version.change.deleted for version in account.versions), key=len)
    gone = account.base if outcome == "both-deleted" else gone
    restore = Choice("restore", say("choice", "restore", noun=_noun(account, gone)))
    offered = [Choice("leave", say("choice", "leave"))]
    if outcome == "stray-words":
        return [*offered, restore, Choice("remove", say("choice", "remove-rest"))]
    if len(account.versions) == 1:
        return [*offered, _use(account.versions[0], say("choice", "use-once"))]
    for number, version in enumerate(account.versions, 1):
        own = account.episode.self_only
        label = say("choice", "use-device", number=number) if own else say("choice", "use", people=version.names)
        offered.append(_use(version, label))
    filled = {version.text for version in account.versions if version.text}
    if len(filled) > 1 and outcome not in ("both-deleted", "formatting"):
        offered.append(Choice("both", say("choice", "both" if len(filled) == 2 else "all")))
    rewrote = [version for version in account.versions if version.change.deleted and version.change.inserted]
    if gone and len(rewrote) < 2:
        offered.append(restore)
    return offered


def _use(version: Version, label: Sentence) -> Choice:
    return Choice("use", label, version.people[0].actor, next(iter(version.sessions), None))


def _noun(account: Account, text: str) -> str:
    if account.form == "list":
        return ENTRY.word
    if account.form == "markup":
        name = element(account)
        return "block" if name is None else element_noun(name)
    found = noun_of(text, before=account.before, after=account.after, element=None).word
    return "sentence" if found in ("paragraph", "line") else "text" if found == "place" else found

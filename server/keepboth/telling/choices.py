"""What can be done about a collision: which choices are offered, and what they are called.

The text that each would make is computed elsewhere, from the engine; here is only which and under what label.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from keepboth.telling.accounts import Account, Version
from keepboth.telling.collisions import element, quote
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


SEEN = Choice("seen", say("choice", "seen"))


def choices_of(account: Account, status: Status) -> list[Choice]:
    """What can be pressed, in this order. On what is settled, resolved or agreed only *Seen*."""
    outcome = outcome_of(account.episode).code
    if status != "open" or outcome == "same-change":
        return [SEEN]
    if "map-key" in account.episode.kinds:
        return [*_values(account), Choice("write", say("choice", "write")), SEEN]
    if "in-removed-subtree" in account.episode.kinds and _is_whole(account):
        return [*_subtree(account), SEEN]
    if outcome == "formatting":
        return [Choice("leave", say("choice", "leave")), SEEN]
    return [*_texts(account), Choice("write", say("choice", "write")), SEEN]


def _values(account: Account) -> list[Choice]:
    """One a value: those that are gone, then the one that stands. A key holds one value, so never both."""
    key = quote(account.episode.key or "")
    offered = []
    for version in sorted(account.versions, key=lambda version: version.text == account.merged):
        value = quote(version.text)
        if version.text == account.merged:
            label = say("choice", "keep-value", value=value) if value else say("choice", "keep-removed")
            offered.append(Choice("leave", label))
        else:
            label = say("choice", "use-value", value=value) if value else say("choice", "use-removed", key=key)
            offered.append(_use(version, label))
    if all(version.text != account.merged for version in account.versions):
        offered.append(Choice("leave", say("choice", "leave")))
    return offered


def _is_whole(account: Account) -> bool:
    """True if the place is one thing that was removed or replaced as a whole."""
    return account.episode.key is not None or account.merged == "" or account.form != "text"


def _subtree(account: Account) -> list[Choice]:
    if account.episode.key is not None and account.merged:
        restore = say("choice", "restore-value", key=quote(account.episode.key))
        return [Choice("leave", say("choice", "leave")), Choice("restore", restore)]
    restore = say("choice", "restore", noun=_noun(account, account.base))
    return [Choice("leave", say("choice", "leave-deleted")), Choice("restore", restore)]


def _texts(account: Account) -> list[Choice]:
    outcome = outcome_of(account.episode).code
    leave = Choice("leave", say("choice", "leave"))
    if outcome == "stray-words":
        gone = max((version.change.deleted for version in account.versions), key=len)
        restore = say("choice", "restore", noun=_noun(account, gone))
        return [leave, Choice("restore", restore), Choice("remove", say("choice", "remove-rest"))]
    offered = [leave]
    if len(account.versions) == 1:
        return [leave, _use(account.versions[0], say("choice", "use-once"))]
    for number, version in enumerate(account.versions, 1):
        own = account.episode.self_only
        label = say("choice", "use-device", number=number) if own else say("choice", "use", people=version.names)
        offered.append(_use(version, label))
    filled = [version for version in account.versions if version.text]
    if len(filled) > 1 and outcome != "both-deleted":
        offered.append(Choice("both", say("choice", "both" if len(filled) == 2 else "all")))
    if outcome == "both-deleted":
        offered.append(Choice("restore", say("choice", "restore", noun=_noun(account, account.base))))
    return offered


def _use(version: Version, label: Sentence) -> Choice:
    return Choice("use", label, version.people[0].actor, next(iter(version.sessions), None))


def _noun(account: Account, text: str) -> str:
    if account.form in ("list", "value"):
        return ENTRY.word
    if account.form == "markup":
        name = element(account)
        return "block" if name is None else element_noun(name)
    found = noun_of(text, before=account.before, after=account.after, element=None).word
    return "sentence" if found in ("paragraph", "line") else "text" if found == "place" else found

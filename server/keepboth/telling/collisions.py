"""The one sentence that says what happened."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from keepboth.telling.accounts import Account, Version
from keepboth.telling.outcomes import outcome_of
from keepboth.telling.sentences import Sentence, quoted, say
from keepboth.telling.texts import ENTRY, Noun, noun_of, only_element
from keepboth.telling.words import ELLIPSIS, one_line

QUOTE: Final = 40
"""Code points of a text that a sentence quotes."""

_FORMATS: Final = frozenset({"format", "format-in-deleted"})


def told(account: Account) -> Sentence:
    """What happened, as one sentence."""
    episode = account.episode
    if episode.self_only:
        return _own_devices(account)
    if episode.double_initialisation and not account.lost:
        return _filled(account)
    if "map-key" in episode.kinds:
        return _key(account)
    if episode.kinds <= _FORMATS:
        return _formatted(account)
    if "in-removed-subtree" in episode.kinds and episode.severity != "agreed":
        found = _removed(account)
        if found is not None:
            return found
    if episode.kinds == {"same-line"} and not account.lost:
        return _same_line(account)
    return _BY_SEVERITY[episode.severity](account)


def noun(account: Account) -> Noun:
    """What the place was before."""
    if account.form == "list":
        return ENTRY
    base = account.frame.whole(account.base)
    return noun_of(base, before=account.frame.before, after=account.frame.after, element=element(account))


def element(account: Account) -> str | None:
    """The name of the XML element that the entry is about, None if it is about none or several."""
    if account.form != "markup":
        return None
    texts = [account.episode.base, *(side.text for side in account.episode.sides)]
    return only_element(next((text for text in texts if text), ""))


def quote(text: str) -> str:
    """*text* as far as a sentence shows it."""
    return one_line(text, QUOTE)


def value(text: str) -> str:
    """The value of a key as a sentence shows it: JSON as it is, a shared text in quotes; "" if there is none."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return quoted(quote(text)) if text else ""
    return quote(text)


def _say(account: Account, name: str, **params: Any) -> Sentence:
    """A sentence that says what is so, or was when they met."""
    return say("collision", name, **params, still=account.open)


def _say_in(account: Account, name: str, **params: Any) -> Sentence:
    """One that says what the text, or the list, holds."""
    return _say(account, name, **params, holder="list" if account.form == "list" else "text")


def _say_missing(account: Account, name: str, **params: Any) -> Sentence:
    """One that ends with what is missing: the text, or of several people that they have such."""
    losers = _names(account.lost)
    if len({version.lost for version in account.lost}) > 1:
        return _say(account, f"{name}-several", **params, losers=losers)
    return _say(account, name, **params, losers=losers, text=quote(_longest_lost(account)))


# -- sequences -------------------------------------------------------------------------------------------------------


def _several(account: Account) -> Sentence:
    if account.episode.interleaved:
        return _say(account, "several-changed-mixed", people=account.names, noun=noun(account).same)
    return say("collision", "several-changed", people=account.names, noun=noun(account).same)


def _same_line(account: Account) -> Sentence:
    """Changes that only share a line, or lie on lines next to each other."""
    line, merged = account.episode.line, account.episode.merged
    if line is None or account.form != "text" or merged.endswith(ELLIPSIS):
        return say("collision", "several-changed", people=account.names, noun="line")
    last = line + merged.removesuffix("\n").count("\n")
    if last == line:
        return say("collision", "same-line", people=account.names, line=line)
    return say("collision", "near-lines", people=account.names, line=line, last=last)


def _both_rewrote(account: Account) -> Sentence:
    before = quote(account.frame.whole(account.base))
    if len(account.versions) != 2 or len(account.people) != 2 or not before:
        return _several(account)
    mixed = "-mixed" if account.episode.interleaved else ""
    return _say_in(account, f"both-rewrote{mixed}", people=account.names, before=before, versions=2)


def _same_gap(account: Account) -> Sentence:
    writers = [version for version in account.versions if version.change.inserted.strip()]
    deleters = [version for version in account.versions if version.change.deleted and version not in writers]
    if len(account.versions) == 2 and len(account.people) == 2 and len(writers) == 2:
        texts = [quote(version.change.inserted) for version in writers]
        mixed = "-mixed" if account.episode.interleaved else ""
        return _say_in(account, f"both-wrote{mixed}", people=account.names, texts=texts, versions=2)
    gone = quote(max((version.change.deleted for version in deleters), key=len, default=""))
    if len(writers) == 1 and gone and len(writers) + len(deleters) == len(account.versions):
        replaced = writers[0].change.deleted.strip()
        who = {"deleters": _names(deleters), "writers": _names(writers)}
        text = quote(writers[0].change.inserted)
        if replaced:
            return _say_in(account, "replaced-deleted", **who, text=text, gone=gone)
        return say("collision", "wrote-beside-deleted", **who, text=text, gone=gone)
    return _several(account)


def _duplicated(account: Account) -> Sentence:
    text = quote(account.versions[0].change.inserted)
    times = len(account.episode.sides)
    if text:
        return _say_in(account, "wrote-twice", people=account.names, text=text, times=times)
    return _say_in(account, "changed-twice", people=account.names, times=times)


def _orphaned(account: Account) -> Sentence:
    if "insert-in-deleted" not in account.episode.kinds:
        return _same_gap(account)
    deleters = [version for version in account.versions if version.change.deleted]
    writers = [version for version in account.versions if version.change.inserted.strip() and version not in deleters]
    if not deleters or len(writers) != 1 or len(deleters) + 1 != len(account.versions):
        return _several(account)
    what = _what(account, deleters)
    rewritten = any(version.change.inserted for version in deleters)
    return say(
        "collision",
        "typed-in-rewritten" if rewritten else "typed-in-deleted",
        deleters=_names(deleters),
        writers=_names(writers),
        what=what.a,
        it=what.it,
        its=what.its,
        text=quote(writers[0].change.inserted),
    )


def _removed(account: Account) -> Sentence | None:
    """An edit inside something that was removed or replaced; None if it cannot be told who did which."""
    key = account.episode.key
    gone = [version for version in account.versions if version.text == (account.merged if key is not None else "")]
    if not gone:
        gone = [version for version in account.versions if version.change.deleted and not version.change.inserted]
    writers = [version for version in account.versions if version not in gone and version.text != account.base]
    if not gone or not writers:
        return None
    people: dict[str, Any] = {"deleters": _names(gone), "writers": _names(writers)}
    if account.lost and not quote(_longest_lost(account)):
        return None
    if key is not None:
        people["key"] = quote(key)
        how = "replaced" if account.merged else "unset"
        if account.lost:
            return _say_missing(account, f"typed-in-{how}", **people)
        return say("collision", f"changed-in-{how}", **people)
    what = _what(account, gone)
    people |= {"what": what.a, "it": what.it}
    if not account.lost:
        return _say(account, "changed-in-removed", **people)
    typed = account.form in ("text", "markup")
    return _say_missing(account, "typed-in-removed" if typed else "changed-in-removed-missing", **people)


def _lost(account: Account) -> Sentence:
    if not quote(_longest_lost(account)):
        return _several(account)
    return _say_missing(account, "text-missing", people=account.names, noun=noun(account).same)


def _each_deleted(account: Account) -> Sentence:
    deletions = [
        {"people": version.names, "text": quote(version.change.deleted)}
        for version in account.versions
        if version.change.deleted.strip()
    ]
    return _say(account, "each-deleted", deletions=deletions) if deletions else _several(account)


def _agreed(account: Account) -> Sentence:
    change = account.versions[0].change
    if change.deleted.strip() and not change.inserted:
        return say("collision", "same-deleted", people=account.names, text=quote(change.deleted))
    return say("collision", "same-change", people=account.names)


_BY_SEVERITY: Final[dict[str, Callable[[Account], Sentence]]] = {
    "lost": _lost,
    "agreed": _agreed,
    "duplicated": _duplicated,
    "both-rewrote": _both_rewrote,
    "orphaned": _orphaned,
    "formatting-lost": _several,
    "both-removed": _each_deleted,
    "same-gap": _same_gap,
}


# -- the rest --------------------------------------------------------------------------------------------------------


def _own_devices(account: Account) -> Sentence:
    told: dict[str, Any] = {
        "people": account.names,
        "noun": "value" if account.episode.key is not None else noun(account).same,
        "devices": len(account.episode.sides),
    }
    text = quote(_longest_lost(account))
    if text:
        return _say(account, "own-devices-missing", **told, text=text)
    return say("collision", "own-devices", **told)


def _filled(account: Account) -> Sentence:
    if outcome_of(account.episode).code == "shown-twice":
        return _say(account, "filled-twice", people=account.names, times=len(account.episode.sides))
    return _say(account, "filled", people=account.names, versions=max(len(account.versions), 2))


def _key(account: Account) -> Sentence:
    key = quote(account.episode.key or "")
    now = value(account.present)
    if account.episode.severity == "agreed":
        if now:
            return say("collision", "same-key", people=account.names, key=key, now=now)
        return say("collision", "same-key-removed", people=account.names, key=key)
    settings = [
        {"people": version.names, "key": key, "value": value(version.text) or None}
        for version in sorted(account.versions, key=lambda version: version.text == account.merged)
    ]
    if now:
        return say("collision", "key-set", settings=settings, now=now, still=account.up_to_date)
    return say("collision", "key-unset", settings=settings, still=account.up_to_date)


def _formatted(account: Account) -> Sentence:
    deleters = [version for version in account.versions if version.change.deleted]
    writers = [version for version in account.versions if version.formats and version not in deleters]
    gone = quote(max((version.change.deleted for version in deleters), key=len, default=""))
    if "format" not in account.episode.kinds and gone and writers:
        return say("collision", "formatted-deleted", deleters=_names(deleters), writers=_names(writers), text=gone)
    text = quote(account.base or account.merged)
    formats = [
        {"people": version.names, "format": quote(name), "value": quote(given)}
        for version in account.versions
        for name, given in version.formats
        if any(dict(other.formats).get(name, given) != given for other in account.versions)
    ]
    if not text or not formats:
        return _several(account)
    return say("collision", "formatted", people=account.names, text=text, formats=formats)


def _what(account: Account, deleters: Sequence[Version]) -> Noun:
    """What the deleters took away, the longest of it."""
    if account.form == "list":
        return ENTRY
    change = max((version.change for version in deleters), key=lambda change: len(change.deleted))
    return noun_of(
        change.deleted,
        before=account.before + change.left,
        after=change.right + account.after,
        element=element(account),
    )


def _names(versions: Sequence[Version]) -> list[str]:
    return sorted({name for version in versions for name in version.names})


def _longest_lost(account: Account) -> str:
    return max((version.lost for version in account.lost), key=len, default="")

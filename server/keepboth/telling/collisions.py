"""The one sentence that says what happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from keepboth.telling.accounts import Account, Version
from keepboth.telling.outcomes import outcome_of
from keepboth.telling.sentences import Sentence, say
from keepboth.telling.texts import Noun, noun_of, only_element
from keepboth.telling.words import one_line

QUOTE: Final = 40
"""Code points of a text that a sentence quotes."""

_FORMATS: Final = frozenset({"format", "format-in-deleted"})


def told(account: Account) -> Sentence:
    """What happened, as one sentence."""
    episode = account.episode
    if episode.self_only:
        return _own_devices(account)
    if episode.double_initialisation:
        return _filled(account)
    if "map-key" in episode.kinds:
        return _key(account)
    if episode.kinds <= _FORMATS:
        return _formatted(account)
    if "in-removed-subtree" in episode.kinds and episode.severity != "agreed":
        found = _removed(account)
        if found is not None:
            return found
    return _BY_SEVERITY[episode.severity](account)


def noun(account: Account) -> Noun:
    """What the place was before."""
    base = account.frame.whole(account.base)
    return noun_of(base, before=account.frame.before, after=account.frame.after, element=element(account))


def element(account: Account) -> str | None:
    """The name of the XML element that the entry is about, None if it is about none or several."""
    if not account.markup:
        return None
    texts = [account.episode.base, *(side.text for side in account.episode.sides)]
    return only_element(next((text for text in texts if text), ""))


def quote(text: str) -> str:
    return one_line(text, QUOTE)


# -- sequences -------------------------------------------------------------------------------------------------------


def _several(account: Account) -> Sentence:
    mixed = "-mixed" if account.episode.interleaved else ""
    return say("collision", f"several-changed{mixed}", people=account.names, noun=noun(account).same)


def _both_rewrote(account: Account) -> Sentence:
    before = quote(account.frame.whole(account.base))
    if len(account.versions) != 2 or len(account.people) != 2 or not before:
        return _several(account)
    mixed = "-mixed" if account.episode.interleaved else ""
    return say("collision", f"both-rewrote{mixed}", people=account.names, before=before, versions=2)


def _same_gap(account: Account) -> Sentence:
    writers = [version for version in account.versions if version.change.inserted.strip()]
    deleters = [version for version in account.versions if version.change.deleted and version not in writers]
    if len(account.versions) == 2 and len(account.people) == 2 and len(writers) == 2:
        texts = [quote(version.change.inserted) for version in writers]
        mixed = "-mixed" if account.episode.interleaved else ""
        return say("collision", f"both-wrote{mixed}", people=account.names, texts=texts, versions=2)
    if len(writers) == 1 and deleters and len(writers) + len(deleters) == len(account.versions):
        gone = quote(max((version.change.deleted for version in deleters), key=len))
        replaced = writers[0].change.deleted.strip()
        return say(
            "collision",
            "replaced-deleted" if replaced else "wrote-beside-deleted",
            deleters=_names(deleters),
            writers=_names(writers),
            text=quote(writers[0].change.inserted),
            gone=gone,
        )
    return _several(account)


def _duplicated(account: Account) -> Sentence:
    text = quote(account.versions[0].change.inserted)
    times = len(account.episode.sides)
    if text:
        return say("collision", "wrote-twice", people=account.names, text=text, times=times)
    return say("collision", "changed-twice", people=account.names, times=times)


def _orphaned(account: Account) -> Sentence:
    deleters = [version for version in account.versions if version.change.deleted]
    writers = [version for version in account.versions if version.change.inserted and version not in deleters]
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
    gone = [version for version in account.versions if version.change.deleted and not version.change.inserted]
    key = account.episode.key
    if key is not None:
        gone = [version for version in account.versions if version.text == account.merged]
    writers = [version for version in account.versions if version not in gone and version.text != account.base]
    if not gone or not writers:
        return None
    people: dict[str, Any] = {"deleters": _names(gone), "writers": _names(writers)}
    if account.lost:
        people |= {"losers": _names(account.lost), "text": quote(_longest_lost(account))}
    if key is not None and account.merged:
        name = "typed-in-replaced" if account.lost else "changed-in-replaced"
        return say("collision", name, **people, key=quote(key))
    what = _what(account, gone)
    name = "typed-in-removed" if account.lost else "changed-in-removed"
    return say("collision", name, **people, what=what.a, it=what.it)


def _lost(account: Account) -> Sentence:
    return say(
        "collision",
        "text-missing",
        people=account.names,
        noun=noun(account).same,
        losers=_names(account.lost),
        text=quote(_longest_lost(account)),
    )


def _each_deleted(account: Account) -> Sentence:
    deletions = [
        {"people": version.names, "text": quote(version.change.deleted)}
        for version in account.versions
        if version.change.deleted.strip()
    ]
    return say("collision", "each-deleted", deletions=deletions) if deletions else _several(account)


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
    if account.lost:
        return say("collision", "own-devices-missing", **told, text=quote(_longest_lost(account)))
    return say("collision", "own-devices", **told)


def _filled(account: Account) -> Sentence:
    if outcome_of(account.episode).code == "shown-twice":
        return say("collision", "filled-twice", people=account.names, times=len(account.episode.sides))
    return say("collision", "filled", people=account.names, versions=max(len(account.versions), 2))


def _key(account: Account) -> Sentence:
    key = quote(account.episode.key or "")
    now = quote(account.present)
    if account.episode.severity == "agreed":
        if now:
            return say("collision", "same-key", people=account.names, key=key, now=now)
        return say("collision", "same-key-removed", people=account.names, key=key)
    settings = [
        {"people": version.names, "key": key, "value": quote(version.text) or None}
        for version in sorted(account.versions, key=lambda version: version.text == account.merged)
    ]
    if now:
        return say("collision", "key-set", settings=settings, now=now)
    return say("collision", "key-unset", settings=settings)


def _formatted(account: Account) -> Sentence:
    deleters = [version for version in account.versions if version.change.deleted]
    writers = [version for version in account.versions if version.formats and version not in deleters]
    if "format" not in account.episode.kinds and deleters and writers:
        gone = quote(max((version.change.deleted for version in deleters), key=len))
        return say("collision", "formatted-deleted", deleters=_names(deleters), writers=_names(writers), text=gone)
    text = quote(account.base or account.merged)
    formats = [
        {"people": version.names, "format": quote(name), "value": quote(value)}
        for version in account.versions
        for name, value in version.formats
        if any(dict(other.formats).get(name, value) != value for other in account.versions)
    ]
    if not text or not formats:
        return _several(account)
    return say("collision", "formatted", people=account.names, text=text, formats=formats)


def _what(account: Account, deleters: Sequence[Version]) -> Noun:
    """What the deleters took away, the longest of it."""
    change = max((version.change for version in deleters), key=lambda change: len(change.deleted))
    return noun_of(
        change.deleted,
        before=account.before + change.left,
        after=change.right + account.after,
        element=element(account) if account.markup else None,
    )


def _names(versions: Sequence[Version]) -> list[str]:
    return sorted({name for version in versions for name in version.names})


def _longest_lost(account: Account) -> str:
    return max((version.lost for version in account.lost), key=len)

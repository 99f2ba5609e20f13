"""What is different between two screens: where, what came and went, by which events, and how it reads word by word.

Items have identities, so nothing is guessed: a character that both screens show is kept, however the text around it
looks. Only around the places that changed is anything read, so the cost follows the change, not the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from keepboth.conflicts.paths import is_text
from keepboth.conflicts.rendering import Part, joined, shown, value_of
from keepboth.conflicts.runs import Line, Run, text_of
from keepboth.conflicts.screens import Screen, current, visible
from keepboth.conflicts.strokes import Stroke
from keepboth.history.ancestry import Ancestry
from keepboth.history.blame import Path
from keepboth.telling.differences import Piece, difference
from keepboth.telling.words import head, tail
from keepboth.yjs.lib0 import utf16_length

AROUND: Final = 40
"""Units of kept content shown before and after a change; closer changes are told together."""

STEPS: Final = 5_000
"""Runs looked at for what stands beside a change, at most: deleted text may lie between."""

Kind = Literal["text", "elements", "key"]


class Touch(NamedTuple):
    """Content that came or went. ``revision``: the event that inserted or deleted it, None if that is in neither."""

    op: Literal["insert", "delete"]
    text: str
    revision: int | None


class Difference(NamedTuple):
    """One place that changed, in the shared type at ``path``.

    ``text`` and ``elements``: ``before`` and ``after`` are the texts there, kept content around included; ``touches``
    what came and went, in document order. ``key``: the JSON values at ``key``, None for none. ``at``: for ``text``,
    where ``before`` and ``after`` begin in all the text of each moment, in UTF-16 units without embedded objects; None
    unless it was asked for.
    """

    path: Path
    kind: Kind
    key: str | None
    before: Any
    after: Any
    touches: tuple[Touch, ...]
    at: tuple[int, int] | None = None

    @property
    def pieces(self) -> list[Piece]:
        """What changed word by word. Kept text at either end is cut at a word or a space, so it may be shorter than in
        ``before`` and ``after``."""
        return self.placed[0]

    @property
    def placed(self) -> tuple[list[Piece], int]:
        """``pieces``, and how many UTF-16 units of ``before`` and ``after`` the first one leaves out."""
        if self.kind == "key":
            return [], 0
        pieces = difference(self.before, self.after)
        left_out = 0
        if pieces and pieces[0].op == "keep" and len(pieces[0].text) >= AROUND // 2:
            whole = pieces[0].text
            pieces[0] = pieces[0]._replace(text=tail(whole, AROUND - 1))
            left_out = utf16_length(whole) - utf16_length(pieces[0].text)
        if pieces and pieces[-1].op == "keep" and len(pieces[-1].text) >= AROUND // 2:
            pieces[-1] = pieces[-1]._replace(text=head(pieces[-1].text, AROUND - 1))
        return [piece for piece in pieces if piece.text], left_out


def changed(items: Ancestry, before: Screen, after: Screen) -> Iterator[Run]:
    """Every run that the screens show differently."""
    for line in items.lines():
        for run in line.runs():
            if not run.mute and _parts(run, before) != _parts(run, after):
                yield run


def differences(
    items: Ancestry, touched: Iterable[Run], before: Screen, after: Screen, *, located: bool = False
) -> Iterator[Difference]:
    """The places around *touched* runs where the screens differ, by line, in document order. ``located``: with where
    in a text they are, which reads the text up to there."""
    by_line: dict[Line, list[Run]] = {}
    for run in touched:
        if run.line is not None and not run.mute:
            by_line.setdefault(run.line, []).append(run)
    for line in sorted(by_line, key=lambda line: (line.root, line.number)):
        if not _stays(line, before, after):
            continue  # told with what it lies in
        if line.key is not None:
            yield from _key(items, line, before, after)
        else:
            yield from _sequence(items, line, by_line[line], before, after, located)


def _parts(run: Run, shows: Screen) -> int:
    low, high = visible(run, run.clock, run.end, shows)
    return high - low


def _stays(line: Line, before: Screen, after: Screen) -> bool:
    """True if all that *line* lies in is there on both screens."""
    holder = line.holder
    while holder is not None:
        outer = holder.line
        assert outer is not None
        for shows in (before, after):
            if not _parts(holder, shows) or (outer.key is not None and current(outer, shows) is not holder):
                return False
        holder = outer.holder
    return True


def _key(items: Ancestry, line: Line, before: Screen, after: Screen) -> Iterator[Difference]:
    old, new = current(line, before), current(line, after)
    if old is new:
        return
    was = None if old is None else value_of(items, old, old.end - 1, before)
    now = None if new is None else value_of(items, new, new.end - 1, after)
    touches = []
    if old is not None:
        touches.append(Touch("delete", text_of(_shown(items, old, before)), deleted_by(old, after)))
    if new is not None:
        touches.append(Touch("insert", text_of(_shown(items, new, after)), new.stroke.rev))
    yield Difference(path_of(line, after), "key", line.key, was, now, tuple(touches))


def _shown(items: Ancestry, run: Run, shows: Screen) -> str:
    return shown(items, run, run.end - 1, run.end, shows)[1]


class _Ruler:
    """Where runs of one line begin on two screens; asked in the order of the line."""

    def __init__(self, line: Line, before: Screen, after: Screen) -> None:
        self._rest = line.runs()
        self._screens = before, after
        self._at = [0, 0]
        self._next = next(self._rest, None)

    def at(self, run: Run, clock: int) -> tuple[int, int]:
        """UTF-16 units before *clock* of *run*, on each screen."""
        while self._next is not None and self._next is not run:
            for index, units in enumerate(self._units(self._next, self._next.end)):
                self._at[index] += units
            self._next = next(self._rest, None)
        before, after = self._units(run, clock)
        return self._at[0] + before, self._at[1] + after

    def _units(self, run: Run, end: int) -> Iterator[int]:
        for shows in self._screens:
            low, high = visible(run, run.clock, run.end, shows)
            yield max(min(high, end) - low, 0) if isinstance(run.content, str) else 0


def _sequence(
    items: Ancestry, line: Line, runs: list[Run], before: Screen, after: Screen, located: bool
) -> Iterator[Difference]:
    runs.sort(key=lambda run: run.order)
    kind: Kind = "text" if is_text(line, _any) else "elements"
    ruler = _Ruler(line, before, after) if located and kind == "text" else None
    path: Path | None = None
    done: Run | None = None
    for run in runs:
        if (done is not None and run.order <= done.order) or _parts(run, before) == _parts(run, after):
            continue
        old: list[Part] = []
        new: list[Part] = []
        touches: list[Touch] = []
        for part in _left_of(run, before, after):
            old.append(part)
            new.append(part)
        at = None if ruler is None else ruler.at(*(old[0][:2] if old else (run, run.clock)))
        done = _place(items, run, (before, after), (old, new), touches)
        if path is None:
            path = path_of(line, after)
        was = joined(shown(items, *part, before) for part in old)
        now = joined(shown(items, *part, after) for part in new)
        yield Difference(path, kind, None, was, now, tuple(touches), at)


def _left_of(run: Run, before: Screen, after: Screen) -> list[Part]:
    """The last kept content before *run*, up to `AROUND` units of it."""
    found: list[Part] = []
    size = steps = 0
    left = run.left
    while left is not None and size < AROUND and steps < STEPS:
        steps += 1
        kept = min(_parts(left, before), _parts(left, after))
        if kept:
            take = min(kept, AROUND - size)
            found.append((left, left.clock + kept - take, left.clock + kept))
            size += take
        left = left.left
    return found[::-1]


def _place(
    items: Ancestry,
    run: Run,
    screens: tuple[Screen, Screen],
    texts: tuple[list[Part], list[Part]],
    touches: list[Touch],
) -> Run:
    """Read on from *run*, which changed, until nothing has changed for so long; return the last run that was read."""
    before, after = screens
    tail: list[Part] = []
    size = steps = 0
    at: Run | None = run
    done = run
    while at is not None and steps < STEPS:
        steps += 1
        old, new = _parts(at, before), _parts(at, after)
        clock, kept = at.clock, min(old, new)
        if kept:
            tail.append((at, clock, clock + kept))
            size += kept
        if size > 2 * AROUND:
            break
        if old != new:
            for parts in texts:
                parts += tail
            tail, size, done = [], 0, at
            part = (at, clock + kept, clock + max(old, new))
            texts[new > old].append(part)
            touches += _touches(items, part, (before, after)[new > old], new > old, after)
        at = at.right
    size = 0
    for piece, low, high in tail:
        take = min(high - low, AROUND - size)
        if take > 0:
            for parts in texts:
                parts.append((piece, low, low + take))
            size += take
    return done


def _touches(items: Ancestry, part: Part, shows: Screen, came: bool, after: Screen) -> Iterator[Touch]:
    """What came or went in *part*, by event."""
    run, low, high = part
    if not came:
        yield Touch("delete", text_of(shown(items, run, low, high, shows)[1]), deleted_by(run, after))
        return
    stroke = run.stroke
    while low < high:
        nth = stroke.nth_of(low)
        stop = min(high, stroke.clock_at(nth + 1)) if nth + 1 < stroke.count else high
        yield Touch("insert", text_of(shown(items, run, low, stop, shows)[1]), stroke.rev_at(nth))
        low = stop


def deleted_by(run: Run, shows: Screen) -> int | None:
    """The revision of the event that took *run* from a screen: the first that deleted it there, or in a key, that put
    something in its place. None if nothing did."""
    found = [(other.eff, other.rev) for other in run.deleters or () if shows(other)]
    if run.line is not None and run.line.key is not None:
        later = run.right
        while later is not None:
            if shows(later.stroke):
                found.append((later.stroke.eff, later.stroke.rev))
            later = later.right
    return min(found)[1] if found else None


def path_of(line: Line, shows: Screen) -> Path:
    """The way to the shared type that *line* belongs to: the root's name, then keys and places on a screen."""
    steps: list[str | int] = []
    holder = line.holder
    top = line
    while holder is not None:
        outer = holder.line
        assert outer is not None
        if outer.key is not None:
            steps.append(outer.key)
        else:
            at = 0
            for other in outer.runs():
                if other is holder:
                    break
                at += _parts(other, shows)
            steps.append(at)
        top, holder = outer, outer.holder
    return (top.root, *reversed(steps))


def _any(stroke: Stroke) -> int:
    return 1

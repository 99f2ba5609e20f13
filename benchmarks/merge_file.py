"""``git merge-file`` as a judge: the text it makes of two versions, and on which lines it gives up."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.history import Lines


class Conflict(NamedTuple):
    """The lines of one conflict in the three versions."""

    base: Lines
    ours: Lines
    theirs: Lines


class Verdict(NamedTuple):
    """What git says: ``text`` holds markers where there are ``conflicts``. ``hunks`` is how many it counts itself,
    having taken out what is common; ``conflicts`` are as ``--diff3`` shows them."""

    text: str
    hunks: int
    conflicts: list[Conflict]


class _Change(NamedTuple):
    """Lines of one version, and what became of them in the other."""

    low: int
    gone: int
    at: int
    come: int


def merge_file(base: str, ours: str, theirs: str) -> Verdict:
    """Let git merge *ours* and *theirs*, versions of *base*. Raises RuntimeError where git fails, or where its
    conflicts are not on the lines where its own diffs meet."""
    with tempfile.TemporaryDirectory(prefix="keepboth-git-") as folder:
        for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            Path(folder, name).write_bytes(text.encode())
        merge = ["merge-file", "-p", "-Lours", "-Lbase", "-Ltheirs"]
        text, hunks = _git(folder, *merge, "ours", "base", "theirs")
        shown, _ = _git(folder, *merge, "--diff3", "ours", "base", "theirs")
        conflicts = _met(folder)
    versions = [[line.removesuffix("\n") + "\n" for line in split(version)] for version in (ours, base, theirs)]
    found = [
        [versions[0][slice(*one.ours)], versions[1][slice(*one.base)], versions[2][slice(*one.theirs)]]
        for one in conflicts
    ]
    if found != _marked(shown):
        raise RuntimeError("git shows other conflicts than its own diffs do")
    return Verdict(text, hunks, conflicts)


def changes(old: str, new: str) -> list[tuple[Lines, Lines]]:
    """Which lines git's diff says were changed, in both versions."""
    with tempfile.TemporaryDirectory(prefix="keepboth-git-") as folder:
        Path(folder, "old").write_bytes(old.encode())
        Path(folder, "new").write_bytes(new.encode())
        found = _diff(folder, "old", "new")
    return [((one.low, one.low + one.gone), (one.at, one.at + one.come)) for one in found]


def split(text: str) -> list[str]:
    """The lines of *text* as git counts them, with their ends."""
    lines = text.split("\n")
    last = lines.pop()
    return [line + "\n" for line in lines] + [last] * bool(last)


def git_version() -> str:
    """The version of git that judges."""
    return _git(".", "version")[0].strip()


def _git(folder: str, *arguments: str) -> tuple[str, int]:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if done.returncode > 127:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode("utf-8", "surrogateescape"), done.returncode


def _diff(folder: str, old: str, new: str) -> list[_Change]:
    """All changes, as git's diff of the whole files has them; one without context puts ambiguous ones elsewhere."""
    options = ("--no-index", "--no-color", "--no-ext-diff", "--no-indent-heuristic", "--text", "-U100000000")
    shown, _ = _git(folder, "diff", *options, old, new)
    at = shown.find("\n@@ ")
    found: list[_Change] = []
    low = here = gone = come = 0
    for line in shown[at + 1 :].split("\n")[1:] if at >= 0 else ():
        sign = line[:1]
        if sign == "-":
            gone += 1
        elif sign == "+":
            come += 1
        elif sign == " ":
            if gone or come:
                found.append(_Change(low, gone, here, come))
            low, here = low + gone + 1, here + come + 1
            gone = come = 0
    if gone or come:
        found.append(_Change(low, gone, here, come))
    return found


def _met(folder: str) -> list[Conflict]:
    """Where the diffs of both sides meet. Source: git 2.39 ``xdiff/xmerge.c``, ``xdl_do_merge``, without refinement."""
    first, second = _diff(folder, "base", "ours"), _diff(folder, "base", "theirs")
    ours, theirs = split(Path(folder, "ours").read_text()), split(Path(folder, "theirs").read_text())
    merges: list[tuple[int, list[int]]] = []

    def append(mode: int, place: list[int]) -> None:
        if merges:
            before, last = merges[-1]
            if place[2] <= last[3] or place[4] <= last[5]:
                merges[-1] = (
                    before if before == mode else 0,
                    [*last[:1], place[1], last[2], place[3], last[4], place[5]],
                )
                return
        merges.append((mode, place))

    one = other = 0
    while one < len(first) and other < len(second):
        a, b = first[one], second[other]
        if a.low + a.gone < b.low:
            at = b.at + a.low - b.low
            append(1, [a.low, a.low + a.gone, a.at, a.at + a.come, at, at + a.gone])
            one += 1
            continue
        if b.low + b.gone < a.low:
            at = a.at + b.low - a.low
            append(2, [b.low, b.low + b.gone, at, at + b.gone, b.at, b.at + b.come])
            other += 1
            continue
        alike = ours[a.at : a.at + a.come] == theirs[b.at : b.at + b.come]
        if (a.low, a.gone) != (b.low, b.gone) or not alike:
            low, high = min(a.low, b.low), max(a.low + a.gone, b.low + b.gone)
            append(0, [low, high, *_stretched(a, low, high), *_stretched(b, low, high)])
        ends = a.low + a.gone, b.low + b.gone
        one, other = one + (ends[1] >= ends[0]), other + (ends[0] >= ends[1])
    for a in first[one:]:
        at = a.low + sum(b.come - b.gone for b in second)
        append(1, [a.low, a.low + a.gone, a.at, a.at + a.come, at, at + a.gone])
    for b in second[other:]:
        at = b.low + sum(a.come - a.gone for a in first)
        append(2, [b.low, b.low + b.gone, at, at + b.gone, b.at, b.at + b.come])
    return [Conflict((p[0], p[1]), (p[2], p[3]), (p[4], p[5])) for mode, p in merges if mode == 0]


def _stretched(change: _Change, low: int, high: int) -> Lines:
    """The lines of the new version that stand for *low* to *high* of the old, which hold all of *change*."""
    return change.at - (change.low - low), change.at + change.come + (high - change.low - change.gone)


def _marked(text: str) -> list[list[list[str]]]:
    """The versions of every conflict in what ``git merge-file --diff3`` wrote: ours, base, theirs. Git ends the last
    line of a version where it had no end."""
    found: list[list[list[str]]] = []
    marks: Sequence[str] = ("<<<<<<< ours\n", "||||||| base\n", "=======\n", ">>>>>>> theirs\n")
    stage = 0
    for line in split(text):
        if line == marks[stage]:
            if stage == 0:
                found.append([])
            if stage < 3:
                found[-1].append([])
            stage = (stage + 1) % 4
        elif stage:
            found[-1][-1].append(line)
    return found

"""``docs/judged-by-git.md``: the figures of `git_judge`, what they mean, and five merges to judge oneself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from benchmarks.history import Lines, Screen, line_starts

if TYPE_CHECKING:
    from benchmarks.git_judge import Merge
    from keepboth.conflicts.model import Episode

EXAMPLES: Final = ((22, 0), (42, 0), (153, 0), (379, 7), (405, -1))
"""Transaction, and which of git's conflicts there or, where git merges cleanly, of the differences."""

TEXT: Final = """\
# Judged by git

Does the conflict log find what a merge tool finds, and what does it miss? The history of one file, `src/node.cc` of
Node.js, has {merges} merges of two branches that had both changed it. Every commit was replayed as the edit of a Yjs
document that knew just what its author knew; then each merge was given to `git merge-file`, and to the conflict engine
with each branch as one side.

Made by `python -m benchmarks.git_judge docs/judged-by-git.md` with {git}. The history is `node_nodecc`, a concurrent
editing trace of {transactions} transactions from josephg/egwalker-paper's test data. A merge of three branches counts
as two; where two common ancestors did not know each other, the base is both merged ({criss_cross} merge).

## Figures

| | |
|---|---|
| merges | {merges} |
| … git calls conflicting | {merges_git_calls_conflicting} |
| … … with an entry in the log | {those_with_an_entry} |
| … git calls clean, but the CRDT's text is another | {merges_git_calls_clean_with_another_text} |
| … git calls clean, and the CRDT's text is the same | {merges_git_calls_clean_with_the_same_text} |
| … … with entries in the log | {those_with_entries} |
| git's conflicts | {conflicts} |
| … with an entry on their lines | {conflicts_with_an_entry_on_their_lines} |
| … … a touch itself, not only the span of an entry, is there | {conflicts_with_a_touch_on_their_lines} |
| … without, and people kept exactly what the CRDT had made | {conflicts_without_where_people_kept_the_merge} |
| … without, and people made something else | {conflicts_without_where_people_did_not} |
| places where git merges cleanly and the CRDT has another text | {places_with_another_text} |
| … with an entry on their lines | {places_with_an_entry_on_their_lines} |
| … … a touch itself is there | {places_with_a_touch_on_their_lines} |
| … … both sides of an entry there say the same | {places_with_equal_sides} |
| entries in the whole history, every author under their own name | {entries_in_the_whole_history} |
| … between branches of one author | {those_between_branches_of_one_author} |

A conflict is a hunk of `git merge-file --diff3`; which lines it takes in the base and in both versions is known
exactly. An entry is on them if its first to last item have text in common with them, in the base or in either version.
Collisions within 20 characters of each other are one entry.

## Where git merges cleanly and the text is another

These are the dangerous ones: nobody is asked, and the text is wrong. {places_not_found} of the
{places_with_another_text} is without an entry. Git takes the same change on both sides for one; the CRDT keeps both.

## Git's conflicts without an entry

Git compares lines; the log compares characters. Where something that both sides kept lies between the change of one and
the change of the other, the log sees two changes, and git one conflict.

| merge | what both kept in between | people afterwards |
|---|---|---|
{silent}

Where people kept the CRDT's text to the letter, the log was right to say nothing. Of the {others} others,
{only_space} have only white space in between: a character there separates like any other, though a reader may take both
changes for one. There is no kind for that.

## Merges to judge oneself

The text is from Node.js, under its MIT licence. `merged` is the CRDT's. `↵` is a line's end.

{examples}
"""


def page(found: Sequence[Merge], figures: dict[str, int], git: str) -> str:
    """The whole page."""
    silent = [(merge, one) for merge in found for one in merge.git.conflicts if not merge.on_lines(one)]
    rows = [
        f"| {merge.txn} | {_code(merge.between(one))} | {'kept it' if merge.kept(one) else 'changed it'} |"
        for merge, one in silent
    ]
    missing = figures["places_with_another_text"] - figures["places_with_an_entry_on_their_lines"]
    kept = figures["conflicts_without_where_people_kept_the_merge"]
    return TEXT.format(
        **figures,
        git=git,
        places_not_found=missing or "None",
        conflicts_without_where_people_did_not=len(silent) - kept,
        others=len(silent) - kept,
        only_space=sum(merge.between(one).isspace() for merge, one in silent if not merge.kept(one)),
        criss_cross=sum(merge.bases > 1 for merge in found),
        silent="\n".join(rows),
        examples="\n\n".join(_example(found, txn, nth) for txn, nth in EXAMPLES),
    )


def _example(found: Sequence[Merge], txn: int, nth: int) -> str:
    (merge,) = (one for one in found if one.txn == txn)
    if merge.git.conflicts:
        conflict = merge.git.conflicts[nth]
        entries = merge.on_lines(conflict)
        title = f"### Merge {txn}: git conflicts, {'an entry' if entries else 'no entry'}"
        parts = [
            ("base", _text(merge.base, conflict.base)),
            ("one", _text(merge.ours, conflict.ours)),
            ("other", _text(merge.theirs, conflict.theirs)),
            ("merged", _text(merge.merged, merge.merged_lines(conflict))),
            ("git", "(conflict)\n"),
        ]
    else:
        old, new = merge.different[nth]
        entries = merge.on_merged_lines(new)
        starts = line_starts(merge.git.text)
        title = f"### Merge {txn}: git merges cleanly to another text, {'an entry' if entries else 'no entry'}"
        parts = [("merged", _text(merge.merged, new)), ("git", merge.git.text[starts[old[0]] : starts[old[1]]])]
    shown = "\n".join(f"{name:<7} {line}" for name, text in parts for line in _lines(text))
    return f"{title}\n\n```\n{shown}\n```\n\n" + ("\n\n".join(map(_entry, entries)) or "The log says nothing.")


def _entry(episode: Episode) -> str:
    versions = "; ".join(
        [f"base {_code(episode.base)}"]
        + [f"{'one' if side.actor == 'ours' else 'other'} {_code(side.text)}" for side in episode.sides]
        + [f"merged {_code(episode.merged)}"]
    )
    return f"The log says {', '.join(sorted(episode.kinds))}: {versions}."


def _text(screen: Screen, lines: Lines) -> str:
    return screen.text[screen.lines[lines[0]] : screen.lines[lines[1]]]


def _lines(text: str) -> list[str]:
    return [line or "↵" for line in text.removesuffix("\n").split("\n")] if text else ["(nothing)"]


def _code(text: str) -> str:
    """*text* as code on one line of a table."""
    return f"`` {text.replace(chr(10), '↵').replace('|', '¦')} ``" if text else "(nothing)"

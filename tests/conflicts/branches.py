"""The history of a source file with branches and merges as edits, each made in its author's own pycrdt document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pycrdt import Doc, Text, TransactionEvent

from keepboth.events import Context, Seen, compress_ranges


class BranchEdit(NamedTuple):
    """One commit. ``session`` is a line of commits of one author, each of which had seen the one before."""

    session: str
    actor: str
    client: int
    update: bytes
    context: Context


@dataclass(eq=False)
class _Author:
    actor: str
    client: int
    doc: Doc[Any]
    last: int = -1
    applied: int = 0  # a bit for every commit
    updates: list[bytes] = field(default_factory=list)

    def commit(self, ops: list[tuple[int, int, str]]) -> bytes:
        text = self.doc.get("text", type=Text)
        whole = str(text)
        made: list[bytes] = []

        def record(event: TransactionEvent) -> None:
            made.append(event.update)

        subscription = self.doc.observe(record)
        with self.doc.transaction():
            for at, gone, new in ops:
                if gone:
                    low, high = (len(whole[:end].encode()) for end in (at, at + gone))
                    del text[low:high]
                if new:
                    text.insert(len(whole[:at].encode()), new)
                whole = whole[:at] + new + whole[at + gone :]
        self.doc.unobserve(subscription)
        assert whole == str(text)
        (update,) = made
        return update


def replay_branches(trace: dict[str, Any]) -> tuple[list[BranchEdit], str]:
    """Return every commit as an edit (the *n*-th has revision *n* + 1), and the final text.

    ``txns[]`` hold ``span`` (the ids they take up), ``parents`` (ids), ``agent`` and ``ops`` ``[position, deleted,
    inserted]``, positions in code points of the text after exactly the parents.
    """
    txns = trace["txns"]
    at_end = {txn["span"][1] - 1: at for at, txn in enumerate(txns)}
    ranks = {agent: rank for rank, agent in enumerate(sorted({txn["agent"] for txn in txns}))}
    authors: dict[str, list[_Author]] = {agent: [] for agent in ranks}
    past: list[int] = []  # for each commit a bit for every commit that it comes after
    edits: list[BranchEdit] = []
    for at, txn in enumerate(txns):
        seen = 0
        for parent in txn["parents"]:
            seen |= past[at_end[parent]] | 1 << at_end[parent]
        lines = authors[txn["agent"]]
        author = next((author for author in lines if seen >> author.last & 1 and not author.applied & ~seen), None)
        if author is None:
            # Of two inserts in one place the one by the alphabetically lower name comes first, as in the recording.
            client = 1000 * (ranks[txn["agent"]] + 1) + len(lines)
            author = _Author(txn["agent"], client, Doc(client_id=client))
            lines.append(author)
        for index in _bits(seen & ~author.applied):
            author.doc.apply_update(edits[index].update)
        update = author.commit([(op[0], op[1], op[2]) for op in txn["ops"]])
        author.last, author.applied = at, seen | 1 << at
        past.append(seen)
        session = f"{author.actor} {author.client}"
        missed = _bits(~seen & (1 << at) - 1)
        base = missed[0] if missed else at  # revisions are indexes plus 1: all before the first unseen one were seen
        bound = Seen(base, compress_ranges([index + 1 for index in _bits(seen) if index >= base]))
        edits.append(BranchEdit(session, author.actor, author.client, update, Context(bound, bound)))
    last: Doc[Any] = Doc()
    for edit in edits:
        last.apply_update(edit.update)
    return edits, str(last.get("text", type=Text))


def _bits(number: int) -> list[int]:
    return [at for at, bit in enumerate(reversed(f"{number:b}")) if bit == "1"]

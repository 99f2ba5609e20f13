"""What is taken for a keystroke is one, whatever the bytes."""

from __future__ import annotations

from random import Random

import pytest

from keepboth.errors import MalformedUpdate
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.fold.keystrokes import is_keystroke
from keepboth.fold.nesting import may_nest
from keepboth.fold.roots import Roots, vote
from keepboth.yjs.structs import STRING, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.yjs.documents import session

FAR = 2**31 + 7
BESIDE = ((FAR, 299), (7, FAR))


def typed(text: str, **place: object) -> bytes:
    info = STRING | (0x80 if "origin" in place else 0) | (0x40 if "right_origin" in place else 0)
    struct = Struct(FAR, 300, len(text), info, content=text, **place)  # type: ignore[arg-type]
    return encode_update(Update({FAR: [struct]}))


def test_letters_and_deletions_are_keystrokes() -> None:
    left, right = BESIDE
    assert is_keystroke(typed("a", origin=left))
    assert is_keystroke(typed("a", right_origin=right))
    assert is_keystroke(typed("\x07", origin=left, right_origin=right))
    assert is_keystroke(encode_update(Update({}, {FAR: [(0, 7)], 7: [(300, 1)]})))


def test_what_names_a_root_or_is_no_ascii_is_looked_at() -> None:
    left, right = BESIDE
    assert not is_keystroke(typed("a", parent="text"))
    assert not is_keystroke(typed("é", origin=left))
    assert not is_keystroke(typed("🙂", right_origin=right))
    assert not is_keystroke(b"")
    assert not is_keystroke(b"\x01\x01")


@pytest.mark.parametrize("seed", range(30))
def test_damaged_or_not_a_keystroke_brings_one_letter_at_most(seed: int) -> None:
    random = Random(seed)
    _, updates = session(seed)
    found = 0
    for payload in [*updates, *(typed("x", origin=BESIDE[0]) for _ in range(50))]:
        damaged = bytearray(payload)
        for _ in range(random.randrange(3)):
            damaged[random.randrange(len(damaged))] = random.choice((0, 1, 7, 0x44, 0x84, 0xC4, random.randrange(256)))
        if not is_keystroke(bytes(damaged)):
            continue
        try:
            update = decode_update(bytes(damaged))
        except MalformedUpdate:
            continue
        structs = [struct for structs in update.structs.values() for struct in structs]
        found += bool(structs)
        assert len(structs) <= 1
        for struct in structs:
            assert struct.kind == STRING
            assert isinstance(struct.content, str)
            assert (len(struct.content), struct.content.isascii()) == (1, True)
            assert struct.parent is None
            assert (struct.origin, struct.right_origin) != (None, None)
            assert vote(struct) == "text"
    assert found


@pytest.mark.parametrize("seed", range(10))
def test_a_fold_is_the_same_with_every_edit_looked_at(seed: int) -> None:
    """``one_by_one`` looks at each."""
    _, updates = session(seed)
    edits = [FoldedEdit(revision, "ready", payload) for revision, payload in enumerate(updates, 1)]
    merged, single = DocumentFold(), DocumentFold()
    merged.add(edits)
    for edit in edits:
        single.add([edit], one_by_one=True)
    assert merged.replica.deletes() == single.replica.deletes()
    assert (merged.clocks(), merged.roots.types, merged.roots.flags) == (
        single.clocks(),
        single.roots.types,
        single.roots.flags,
    )
    assert merged.flags == single.flags


def test_a_type_in_a_letter_is_none() -> None:
    """The byte of a shared type may stand for a clock or for a letter: such an edit need not be decoded."""
    payload = typed("\x07", origin=BESIDE[0])
    assert may_nest(payload)
    roots = Roots()
    roots.take(payload)
    assert (roots.types, roots.flags) == ({}, (False, False))

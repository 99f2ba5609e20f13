"""Given what is recorded, when a message comes, then these events. Values only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from keepboth.decider.edits import (
    Decided,
    Owner,
    OwnStretch,
    RecordEdit,
    decide_edit,
    is_plain,
    missing_dependencies,
    must_wait,
    runs,
)
from keepboth.decider.identity import Identity
from keepboth.events import EDIT_RECORDED, Context, Draft, Seen
from keepboth.fold.document import readable_form
from keepboth.fold.replica import Replica, merge
from keepboth.fold.views import text
from keepboth.yjs.slicing import inserted
from keepboth.yjs.structs import ANY, DELETED, SKIP, STRING, TYPE, Range, Struct, Update
from keepboth.yjs.update import decode_update, encode_update

ANN = Owner("session-ann", "ann", "human")
BOB = Owner("session-bob", "bob", "human")
HEAD = 41


def typed(client: int, clock: int, content: str, origin: tuple[int, int] | None = None) -> Struct:
    info = STRING | (0x80 if origin else 0)
    length = len(content.encode("utf-16-le")) // 2
    return Struct(client, clock, length, info, origin, parent=None if origin else "text", content=content)


def update(*structs: Struct, deletes: dict[int, list[Range]] | None = None) -> bytes:
    by_client: dict[int, list[Struct]] = {}
    for struct in structs:
        by_client.setdefault(struct.client, []).append(struct)
    return encode_update(Update(by_client, deletes or {}))


def gone(client: int, *ranges: Range) -> bytes:
    return encode_update(Update({}, {client: list(ranges)}))


class Given:
    """A document as the decider knows it, after these messages."""

    def __init__(self, *messages: bytes, made: dict[int, list[Range]] | None = None) -> None:
        self.made: dict[int, list[Range]] = made or {}
        self.identity = Identity({}, {}, lambda: self.made)
        self.owners: dict[int, Owner] = {1: ANN, 2: BOB}
        self._ids = count(1)
        for message in messages:
            self.when(message)

    def new_id(self) -> bytes:
        return next(self._ids).to_bytes(16, "big")

    def when(
        self, message: bytes, owner: Owner = ANN, clients: Sequence[int] = (1,), transfer: bool = False, **more: Any
    ) -> Decided:
        decoded = decode_update(message)
        command = RecordEdit(
            owner,
            frozenset(clients),
            message,
            decoded,
            more.pop("context", Context.of(7)),
            more.pop("context_source", "declared"),
            HEAD,
            transfer,
            readable_form(message, decoded) is not None,
        )
        for name, value in more.items():
            setattr(command, name, value)
        return decide_edit(command, self.identity, self.owners, self.new_id)


def rows(decided: Decided) -> list[tuple[str, bytes, str]]:
    """Who wrote it, what a fold reads, and whether it is ready."""
    return [(draft.actor, draft.payload, draft.disposition) for draft in decided.drafts]


def only(decided: Decided) -> Draft:
    (draft,) = decided.drafts
    return draft


# -- live updates -----------------------------------------------------------------------------------------------------


def test_a_new_edit_is_recorded_as_it_came() -> None:
    message = update(typed(1, 0, "hello"), deletes={2: [(4, 2)]})
    decided = Given(update(typed(2, 0, "abcdef"))).when(
        message,
        session_seq=3,
        authored_at=99,
        time_quality="measured",
        correlation_id="away",
        causation_id="undo",
        away_from=5,
    )
    draft = only(decided)
    expected = {
        "type": EDIT_RECORDED,
        "id": (2).to_bytes(16, "big"),
        "payload": message,
        "actor": "ann",
        "actor_kind": "human",
        "content_type": "application/x.yjs-update-v1",
        "session": "session-ann",
        "session_seq": 3,
        "part": 0,
        "clients": (1,),
        "relayed_by": None,
        "context": Context.of(7),
        "context_source": "declared",
        "message": None,
        "authored_at": 99,
        "time_quality": "measured",
        "correlation_id": "away",
        "causation_id": "undo",
        "away_from": 5,
        "disposition": "ready",
    }
    assert {name: getattr(draft, name) for name in expected} == expected
    assert (decided.updates, decided.missing) == ([decode_update(message)], [()])


def test_an_id_that_came_with_the_command_is_kept() -> None:
    assert only(Given().when(update(typed(1, 0, "a")), event_id=b"i" * 16)).id == b"i" * 16


def test_a_repeated_edit_is_no_news() -> None:
    message = update(typed(1, 0, "hello"))
    given = Given(message)
    assert given.when(message) == Decided([], [], [])
    assert given.when(update(typed(1, 1, "ell", (1, 0)))) == Decided([], [], [])
    assert given.when(message, owner=BOB, clients=(2,)) == Decided([], [], [])


def test_two_keystrokes_before_the_first_is_on_disk_build_on_each_other() -> None:
    given = Given()
    assert only(given.when(update(typed(1, 0, "a")))).disposition == "ready"
    assert only(given.when(update(typed(1, 1, "b", (1, 0))))).disposition == "ready"


def test_of_a_partial_overlap_only_the_news_is_recorded_and_the_message_is_kept() -> None:
    message = update(typed(1, 0, "hello"), deletes={2: [(0, 1)]})
    decided = Given(update(typed(1, 0, "hel")), update(typed(2, 0, "x"))).when(message)
    draft = only(decided)
    assert draft.payload == update(typed(1, 3, "lo", (1, 2)), deletes={2: [(0, 1)]})
    assert draft.message == message
    assert (draft.clients, draft.disposition, draft.part) == ((1,), "ready", 0)
    assert decided.updates == [decode_update(draft.payload)]


def test_known_content_with_new_deletes_is_recorded_as_the_deletes() -> None:
    message = update(typed(1, 0, "hello"), deletes={1: [(1, 2)]})
    draft = only(Given(update(typed(1, 0, "hello"))).when(message))
    assert (draft.payload, draft.message, draft.clients) == (gone(1, (1, 2)), message, ())


def test_a_gap_in_a_message_is_no_content() -> None:
    message = update(typed(1, 0, "a"), Struct(1, 1, 3, SKIP), typed(1, 4, "e"))
    given = Given()
    assert only(given.when(message)).payload == message
    assert sorted(given.identity.inserted) == [(1, 0, 1), (1, 4, 1)]
    assert given.when(message) == Decided([], [], [])
    filling = given.when(update(typed(1, 1, "bcd", (1, 0))))
    assert (only(filling).disposition, filling.missing) == ("pending", [()])  # the two need each other


@pytest.mark.parametrize(
    "message",
    [
        bytes.fromhex("01 02 01 00 04 01 04 74 65 78 74 00 04 01 04 74 65 78 74 01 61 00"),
        bytes.fromhex("02 01 05 00 08 01 01 72 00 01 01 00 04 01 04 74 65 78 74 01 61 00"),
    ],
    ids=["an empty string before a letter", "an empty list of another client"],
)
def test_content_of_no_length_never_reaches_a_fold(message: bytes) -> None:
    """pycrdt 0.14 accepts it, and then reads memory that is not its own."""
    decoded = decode_update(message)
    assert not is_plain(message, decoded)
    draft = only(Given().when(message))
    assert (draft.payload, draft.message) == (update(typed(1, 0, "a")), message)


def test_plain_updates_are_told_from_others() -> None:
    for message in (
        update(typed(1, 0, "a")),
        update(typed(1, 0, "a"), typed(1, 1, "b", (1, 0))),
        update(typed(1, 0, "a"), typed(2, 0, "b")),
        gone(1, (0, 1)),
        b"\x00\x00",
        update(*(typed(1, at, "x") for at in range(300))),
    ):
        assert is_plain(message, decode_update(message))
    assert not is_plain(b"\x01\x00\x05\x00\x00", decode_update(b"\x01\x00\x05\x00\x00"))


# -- deletes ----------------------------------------------------------------------------------------------------------


def test_a_delete_is_news_once_for_every_session() -> None:
    given = Given(update(typed(1, 0, "word")))
    message = gone(1, (0, 4))
    assert rows(given.when(message)) == [("ann", message, "ready")]
    assert given.when(message) == Decided([], [], [])
    assert given.when(gone(1, (1, 2))) == Decided([], [], [])
    assert rows(given.when(message, owner=BOB, clients=(2,))) == [("bob", message, "ready")]
    assert given.when(message, owner=BOB, clients=(2,)) == Decided([], [], [])


def test_a_delete_that_goes_further_than_before_is_news() -> None:
    given = Given(update(typed(1, 0, "word")), gone(1, (0, 2)))
    assert rows(given.when(gone(1, (0, 3)))) == [("ann", gone(1, (0, 3)), "ready")]


def test_a_delete_waits_for_its_target() -> None:
    given = Given()
    decided = given.when(gone(9, (5, 1)))
    assert rows(decided) == [("ann", gone(9, (5, 1)), "pending")]
    assert decided.missing == [((9, 5, 1),)]
    assert rows(given.when(update(typed(9, 0, "abcdef")), clients=(9,))) == [
        ("ann", update(typed(9, 0, "abcdef")), "ready")
    ]
    assert rows(given.when(gone(9, (5, 1)), owner=BOB, clients=(2,))) == [("bob", gone(9, (5, 1)), "ready")]


def test_in_a_copy_only_deletes_of_what_nobody_brought_wait() -> None:
    copy = update(typed(1, 0, "abc"), deletes={1: [(1, 1)], 9: [(5, 1)]})
    assert rows(Given().when(copy, transfer=True)) == [
        ("ann", update(typed(1, 0, "abc"), deletes={1: [(1, 1)]}), "ready"),
        ("ann", gone(9, (5, 1)), "pending"),
    ]


def test_in_a_copy_a_delete_is_news_only_if_nobody_has_made_it() -> None:
    given = Given(update(typed(1, 0, "abcdef")), gone(1, (0, 1)), made={1: [(2, 1)]})
    copy = update(typed(1, 0, "abcdef"), deletes={1: [(0, 1), (2, 3)]})
    assert rows(given.when(copy, owner=BOB, clients=(2,), transfer=True)) == [("bob", gone(1, (3, 2)), "ready")]
    assert given.when(copy, owner=BOB, clients=(2,), transfer=True) == Decided([], [], [])
    assert given.when(copy, owner=ANN, transfer=True) == Decided([], [], [])


def test_deletes_that_the_fold_made_are_asked_for_only_when_needed() -> None:
    given = Given(update(typed(1, 0, "abc")))
    asked: list[int] = []

    def made() -> dict[int, list[Range]]:
        asked.append(1)
        return {1: [(0, 3)]}

    given.identity.fold_deletes = made
    assert given.when(update(typed(1, 0, "abc")), transfer=True) == Decided([], [], [])
    assert asked == []
    assert given.when(gone(1, (1, 1)), transfer=True) == Decided([], [], [])
    assert asked == [1]


# -- what waits -------------------------------------------------------------------------------------------------------


def test_an_edit_that_builds_on_something_unknown_is_pending_and_says_what_is_missing() -> None:
    decided = Given().when(update(typed(1, 3, "later", (2, 8))))
    assert only(decided).disposition == "pending"
    assert decided.missing == [((1, 2, 1), (2, 8, 1))]


def test_an_edit_that_builds_on_a_pending_one_is_pending_and_misses_nothing() -> None:
    given = Given()
    assert only(given.when(update(typed(1, 3, "d", (1, 2))))).disposition == "pending"
    decided = given.when(update(typed(1, 4, "e", (1, 3))))
    assert (only(decided).disposition, decided.missing) == ("pending", [()])
    other = given.when(update(typed(2, 0, "x", (1, 4))), owner=BOB, clients=(2,))
    assert (only(other).disposition, other.missing) == ("pending", [()])
    assert only(given.when(update(typed(1, 0, "abc")))).disposition == "ready"


@pytest.mark.parametrize(
    ("struct", "missing"),
    [
        (typed(1, 0, "x"), ()),
        (typed(1, 1, "x"), ((1, 0, 1),)),
        (typed(1, 0, "x", (2, 3)), ((2, 3, 1),)),
        (Struct(1, 0, 1, STRING | 0x40, right_origin=(3, 3), content="x"), ((3, 3, 1),)),
        (Struct(1, 0, 1, STRING, parent=(4, 4), content="x"), ((4, 4, 1),)),
    ],
)
def test_origins_parents_and_the_preceding_clock_are_needed(struct: Struct, missing: tuple[Any, ...]) -> None:
    decoded = Update({1: [struct]})
    assert missing_dependencies(decoded, Identity({}, {}, dict)) == missing
    everything = Identity({1: 9, 2: 9, 3: 9, 4: 9}, {}, dict)
    assert missing_dependencies(decoded, everything) == ()


def test_what_would_wait_is_known_before_anything_is_decided() -> None:
    given = Given(update(typed(1, 0, "ab")), update(typed(1, 5, "f", (1, 4))))
    before = given.identity.inserted.copy()
    for message, waits in [
        (update(typed(1, 2, "c", (1, 1))), False),
        (update(typed(2, 0, "x", (3, 0))), True),
        (update(typed(2, 0, "x", (1, 5))), True),
        (update(typed(1, 5, "f", (1, 4))), False),
        (gone(1, (0, 2)), False),
        (gone(7, (0, 9)), True),
    ]:
        assert must_wait(decode_update(message), given.identity) is waits
    assert given.identity.inserted == before


# -- what cannot be read ----------------------------------------------------------------------------------------------

HOOK = update(Struct(1, 0, 1, TYPE, parent="x", content=b"\x05\x01h"))


def test_what_the_crdt_cannot_read_is_kept_once() -> None:
    given = Given()
    draft = only(given.when(HOOK))
    assert (draft.payload, draft.disposition, draft.clients, draft.message) == (HOOK, "quarantined", (), None)
    assert given.identity.quarantined == {hashlib.sha256(HOOK).digest()}
    assert given.identity.inserted.is_empty
    assert given.when(HOOK) == Decided([], [], [])
    assert given.when(HOOK, owner=BOB, clients=(2,), transfer=True) == Decided([], [], [])


def test_a_numbered_edit_that_cannot_be_read_is_left_to_the_store_to_recognise() -> None:
    given = Given(HOOK)
    assert only(given.when(HOOK, session_seq=1)).session_seq == 1


def test_what_builds_on_something_unreadable_waits() -> None:
    decided = Given(HOOK).when(update(typed(1, 1, "x", (1, 0))))
    assert (only(decided).disposition, decided.missing) == ("pending", [((1, 0, 1),)])


# -- state transfers --------------------------------------------------------------------------------------------------


def test_a_copy_becomes_one_event_for_every_author_with_the_sender_last() -> None:
    copy = update(
        typed(2, 0, "bob"), typed(1, 0, "ann", (2, 2)), typed(3, 0, "?", (1, 0)), deletes={2: [(0, 1)], 3: [(0, 1)]}
    )
    decided = Given().when(copy, transfer=True, session_seq=None, correlation_id="away", away_from=3)
    assert [(d.actor, d.session, d.relayed_by, d.clients, d.part) for d in decided.drafts] == [
        ("bob", "session-bob", "session-ann", (2,), 0),
        ("client:3", "y:3", "session-ann", (3,), 1),
        ("ann", "session-ann", None, (1,), 2),
    ]
    assert [decode_update(d.payload) for d in decided.drafts] == decided.updates
    assert decided.drafts[2].payload == update(typed(1, 0, "ann", (2, 2)), deletes={2: [(0, 1)], 3: [(0, 1)]})
    assert {d.message for d in decided.drafts} == {copy}
    assert [(d.context, d.context_source) for d in decided.drafts] == [
        (Context(Seen(0), Seen(HEAD)), "assumed"),
        (Context(Seen(0), Seen(HEAD)), "assumed"),
        (Context.of(7), "declared"),
    ]
    assert len({d.id for d in decided.drafts}) == 3


def test_an_unknown_author_is_anonymous_and_a_known_one_is_not() -> None:
    given = Given()
    given.owners = {}
    draft = only(given.when(update(typed(5, 0, "x")), transfer=True))
    assert (draft.actor, draft.actor_kind, draft.session) == ("client:5", "anonymous", "y:5")
    given.owners = {6: BOB}
    draft = only(given.when(update(typed(6, 0, "x")), transfer=True))
    assert (draft.actor, draft.actor_kind, draft.session) == ("bob", "human", "session-bob")


def test_a_live_update_that_names_somebody_else_is_a_copy() -> None:
    assert rows(Given().when(update(typed(2, 0, "b"), typed(1, 0, "a")))) == [
        ("bob", update(typed(2, 0, "b")), "ready"),
        ("ann", update(typed(1, 0, "a")), "ready"),
    ]


def test_of_a_copy_only_what_is_new_is_recorded() -> None:
    given = Given(update(typed(1, 0, "hel")))
    copy = update(typed(1, 0, "hello"))
    draft = only(given.when(copy, transfer=True, event_id=b"e" * 16))
    assert (draft.payload, draft.message, draft.id) == (update(typed(1, 3, "lo", (1, 2))), copy, b"e" * 16)
    assert given.when(copy, transfer=True) == Decided([], [], [])


def test_the_message_is_kept_only_when_it_differs() -> None:
    copy = update(typed(1, 0, "hello"))
    assert only(Given().when(copy, transfer=True)).message is None


def test_slices_that_build_on_each_other_are_pending_until_the_last() -> None:
    """1's content needs 2's, and 2's second letter needs 1's: whichever is first cannot be ready."""
    copy = update(typed(2, 0, "x"), typed(2, 1, "z", (1, 0)), typed(1, 0, "y", (2, 0)))
    decided = Given().when(copy, transfer=True)
    assert [(d.actor, d.disposition) for d in decided.drafts] == [("bob", "pending"), ("ann", "pending")]
    replica = Replica()
    replica.apply(merge([d.payload for d in decided.drafts]))
    assert text(replica) == "xyz"


def test_a_slice_that_misses_something_is_pending_and_the_others_are_not() -> None:
    copy = update(typed(2, 5, "x"), typed(1, 0, "y"))
    decided = Given().when(copy, transfer=True)
    assert [(d.actor, d.disposition) for d in decided.drafts] == [("bob", "pending"), ("ann", "ready")]
    assert decided.missing == [((2, 4, 1),), ()]


def stretch(clocks: tuple[int, int, int] | None, seen: int, *gone: tuple[int, int, int], at: int | None = None) -> Any:
    return OwnStretch(clocks, gone, Context.of(seen), at)


def test_a_resumed_copy_is_cut_where_its_author_says() -> None:
    given = Given(update(typed(2, 0, "base")))
    copy = update(typed(1, 0, "abcdef"), deletes={2: [(0, 4)]})
    decided = given.when(
        copy,
        transfer=True,
        stretches=(
            stretch((1, 0, 2), 3, at=1000),
            stretch(None, 4, (2, 0, 1)),
            stretch((1, 2, 3), 5, (2, 1, 1)),
            stretch((1, 90, 3), 6),
            stretch((2, 0, 4), 6),
        ),
    )
    assert [(d.payload, d.context, d.context_source, d.authored_at) for d in decided.drafts] == [
        (update(typed(1, 0, "ab")), Context.of(3), "resumed", 1000),
        (gone(2, (0, 1)), Context.of(4), "resumed", None),
        (update(typed(1, 2, "cde", (1, 1)), deletes={2: [(1, 1)]}), Context.of(5), "resumed", None),
        (update(typed(1, 5, "f", (1, 4)), deletes={2: [(2, 2)]}), Context.of(7), "declared", None),
    ]
    assert [d.part for d in decided.drafts] == [0, 1, 2, 3]
    assert {d.message for d in decided.drafts} == {copy}
    assert {d.actor for d in decided.drafts} == {"ann"}


def test_stretches_that_overlap_share_nothing() -> None:
    decided = Given().when(
        update(typed(1, 0, "abcd")), transfer=True, stretches=(stretch((1, 1, 2), 1), stretch((1, 0, 4), 2))
    )
    brought = [sorted(inserted(u)) for u in decided.updates]
    assert brought == [[(1, 1, 2)], [(1, 0, 1), (1, 3, 1)]]
    assert [d.disposition for d in decided.drafts] == ["pending", "pending"]  # they need each other


def test_slices_of_nothing_but_known_content_are_left_out() -> None:
    given = Given(update(typed(1, 0, "ab")))
    decided = given.when(update(typed(1, 0, "abc")), transfer=True, stretches=(stretch((1, 0, 2), 1),))
    assert [d.payload for d in decided.drafts] == [update(typed(1, 2, "c", (1, 1)))]


def test_deleted_content_is_recorded_like_any_other() -> None:
    message = update(Struct(1, 0, 5, DELETED, parent="text"), deletes={1: [(0, 5)]})
    assert only(Given().when(message)).payload == message


def test_runs_leave_gaps_out() -> None:
    assert runs([typed(1, 3, "abc")]) == [(3, 3)]
    assert runs(
        [Struct(1, 0, 2, SKIP), typed(1, 2, "a"), typed(1, 3, "b"), Struct(1, 4, 1, SKIP), typed(1, 5, "c")]
    ) == [
        (2, 2),
        (5, 1),
    ]
    assert runs([Struct(1, 0, 2, SKIP)]) == []
    assert runs([Struct(1, 0, 1, ANY, parent="a", content=b"\x01~")]) == [(0, 1)]


def test_a_long_list_of_deletes_in_another_order_is_recorded_in_order() -> None:
    """pycrdt 0.14 takes time with the square of their number for such a list."""
    backwards: list[Range] = [(clock, 1) for clock in range(2000, 0, -2)]
    message = gone(2, *backwards)
    draft = only(Given().when(message))
    assert (draft.payload, draft.message) == (gone(2, *sorted(backwards)), message)
    short = gone(2, (9, 1), (3, 1))
    assert only(Given().when(short)).payload == short
    ordered = gone(2, *sorted(backwards))
    assert (only(Given().when(ordered)).payload, only(Given().when(ordered)).message) == (ordered, None)

"""What every event store promises (``keepboth.store.base``), against each of them."""

from __future__ import annotations

import threading
from hashlib import sha256

import pytest

from keepboth.errors import ConditionFailed, IdentityClash, InvalidRequest
from keepboth.events import (
    DOCUMENT_CREATED,
    DOCUMENT_RENAMED,
    EDIT_RECORDED,
    NOTHING_SEEN,
    Context,
    DocumentAbsent,
    DocumentExists,
    Event,
    ExpectedRevision,
    NoneSince,
    Seen,
    rekeyed_id,
)
from keepboth.store.base import Append, Appended, DocumentRow, EditRow, EventStore, FoldRow, Head, Original, Refused
from keepboth.store.hashing import GENESIS, commit_hash, event_hash, payload_digest
from tests.store.making import Clock, append, created, decision, edit, number


def revisions(events: list[Event]) -> list[int]:
    return [event.revision for event in events]


def refusal(store: EventStore, item: Append) -> Exception:
    (answer,) = store.append([item])
    assert isinstance(answer, Refused), answer
    return answer.error


# -- recording -------------------------------------------------------------------------------------------------------


def test_empty_store_has_nothing(store: EventStore) -> None:
    assert store.head() == Head(0, GENESIS)
    assert store.read() == store.read("a") == store.documents() == store.fold_rows("a") == []
    assert store.document("a") is None
    assert store.hash_at("a", 0) is store.hash_at("a", 1) is None
    assert store.session_clients("a") == {}
    assert store.session_head("a", "s1") == 0
    assert store.append([]) == []


def test_event_comes_back_as_it_was_given(store: EventStore, clock: Clock) -> None:
    draft = edit(
        b"payload",
        id=7,
        actor="ann ✎",
        actor_kind="human",
        session_seq=3,
        part=2,
        clients=(1, 300, (1 << 53) - 1),
        relayed_by="s2",
        context=Context(Seen(2, ((4, 5),), ()), Seen(9, (), ((6, 6),))),
        context_source="declared",
        message=b"the whole message",
        authored_at=999_000,
        time_quality="measured",
        correlation_id="c",
        causation_id="d",
        away_from=5,
        disposition="pending",
    )
    (receipt,) = append(store, "folder/café", draft)
    (event,) = store.read("folder/café")
    salt = store.salt(event.id)
    assert salt is not None
    assert event == Event(
        position=1,
        document="folder/café",
        revision=1,
        id=number(7),
        type=EDIT_RECORDED,
        content_type=draft.content_type,
        actor="ann ✎",
        actor_kind="human",
        session="s1",
        session_seq=3,
        part=2,
        clients=(1, 300, (1 << 53) - 1),
        relayed_by="s2",
        context=draft.context,
        context_source="declared",
        message_digest=sha256(b"the whole message").digest(),
        recorded_at=clock.now,
        authored_at=999_000,
        time_quality="measured",
        correlation_id="c",
        causation_id="d",
        away_from=5,
        payload=b"payload",
        payload_digest=payload_digest(salt, b"payload"),
        payload_len=7,
        disposition="pending",
        document_hash=event_hash(GENESIS, event),
    )
    assert (receipt.status, receipt.id, receipt.position, receipt.revision) == ("appended", number(7), 1, 1)
    assert (receipt.recorded_at, receipt.disposition, receipt.missing) == (clock.now, "pending", ())
    assert store.get(number(7)) == event
    assert store.message(sha256(b"the whole message").digest()) == b"the whole message"
    assert store.message(bytes(32)) is None


def test_bare_event_comes_back_with_nothing_added(store: EventStore) -> None:
    append(store, "a", decision(context=NOTHING_SEEN))
    append(store, "a", decision(payload=b""))
    first, second = store.read("a")
    assert first.context == NOTHING_SEEN
    assert second.context is second.session is second.session_seq is second.relayed_by is None
    assert second.away_from is second.correlation_id is second.causation_id is second.message_digest is None
    assert (second.clients, second.payload, second.authored_at) == ((), b"", second.recorded_at)


def test_positions_and_revisions_have_no_gaps(store: EventStore) -> None:
    for _ in range(3):
        store.append([Append("a", [edit(), edit()]), Append("b", [edit()]), Append("a", [edit()])])
    events = store.read()
    assert [event.position for event in events] == list(range(1, 13))
    assert revisions(store.read("a")) == list(range(1, 10))
    assert revisions(store.read("b")) == [1, 2, 3]


def test_hashes_chain_each_document_and_each_commit(store: EventStore) -> None:
    store.append([Append("a", [edit()]), Append("b", [edit()]), Append("a", [edit()])])
    first_commit = store.head()
    store.append([Append("a", [edit()])])
    previous = {"a": GENESIS, "b": GENESIS}
    for event in store.read():
        assert event.document_hash == event_hash(previous[event.document], event)
        assert store.hash_at(event.document, event.revision) == event.document_hash
        previous[event.document] = event.document_hash
    hashes = [event.document_hash for event in store.read()]
    assert first_commit == Head(3, commit_hash(GENESIS, 1, 3, hashes[:3]))
    assert store.head() == Head(4, commit_hash(first_commit.commit_hash, 4, 4, hashes[3:]))


def test_answer_says_the_document_hash_after_the_item(store: EventStore) -> None:
    again = edit(id=1)
    answers = store.append([Append("a", [again]), Append("a", [edit()]), Append("a", [again], check_ids=True)])
    assert all(isinstance(answer, Appended) for answer in answers)
    hashes = [answer.document_hash for answer in answers if isinstance(answer, Appended)]
    assert hashes == [store.hash_at("a", 1), store.hash_at("a", 2), store.hash_at("a", 2)]


def test_first_edit_creates_the_document_in_the_same_transaction(store: EventStore) -> None:
    first, second = store.append([Append("a", [edit()], create=created()), Append("a", [edit()], create=created())])
    assert isinstance(first, Appended)
    assert isinstance(second, Appended)
    assert first.created is not None
    assert (first.created.revision, first.receipts[0].revision, second.created) == (1, 2, None)
    assert [event.type for event in store.read("a")] == [DOCUMENT_CREATED, EDIT_RECORDED, EDIT_RECORDED]


def test_nothing_to_record_creates_nothing(store: EventStore) -> None:
    assert store.append([Append("a", [], create=created())]) == [Appended((), None, b"")]
    assert store.head().position == 0


def test_refused_item_creates_nothing(store: EventStore) -> None:
    item = Append("a", [edit()], create=created(), condition=DocumentExists())
    assert isinstance(refusal(store, item), ConditionFailed)
    assert store.documents() == []


def test_one_bad_item_never_fails_the_others(store: EventStore) -> None:
    answers = store.append(
        [
            Append("a", [edit()]),
            Append("", [edit()]),
            Append("a", [edit(), edit(session_seq=-1)]),
            Append("a", [edit(session=None, session_seq=1)]),
            Append("a", [edit(actor="\ud800")]),
            Append("a", [edit(causation_id="\ud800")]),
            Append("a", [edit(disposition="odd")]),
            Append("a", [edit(time_quality="odd")]),
            Append("a", [edit(clients=(-1,))]),
            Append("a", [edit(authored_at=1 << 70)]),
            Append("a", [edit()], condition=ExpectedRevision(9)),
            Append("a", [decision(id=0)], originals=[Original(b"short")]),
            Append("a", [edit()]),
        ]
    )
    bad = edit()
    bad.id = b"short"
    assert isinstance(refusal(store, Append("a", [bad])), InvalidRequest)
    errors = [type(answer.error) if isinstance(answer, Refused) else None for answer in answers]
    assert errors == [None, *[InvalidRequest] * 9, ConditionFailed, InvalidRequest, None]
    assert revisions(store.read("a")) == [1, 2]


def test_types_nobody_knows_are_kept(store: EventStore) -> None:
    append(store, "a", decision("com.example.invoice", b"\x00\xff", content_type="application/pdf"))
    assert [(e.type, e.content_type, e.payload) for e in store.read("a")] == [
        ("com.example.invoice", "application/pdf", b"\x00\xff")
    ]


# -- time ------------------------------------------------------------------------------------------------------------


def test_recorded_time_never_decreases(store: EventStore, clock: Clock) -> None:
    append(store, "a", edit())
    clock.now -= 500
    append(store, "b", edit())
    clock.now += 700
    append(store, "a", edit())
    assert [event.recorded_at for event in store.read()] == [1_000_000, 1_000_000, 1_000_200]


def test_authored_time_is_clamped_to_recorded_time(store: EventStore, clock: Clock) -> None:
    append(store, "a", edit(authored_at=clock.now + 1, time_quality="measured"))
    (event,) = store.read("a")
    assert (event.authored_at, event.time_quality) == (clock.now, "clamped")


def test_import_keeps_its_time_and_its_hashes(store: EventStore, clock: Clock) -> None:
    append(store, "here", edit())
    salt = bytes(range(16))
    append(store, "there", edit(id=5), at=10, originals=[Original(salt)])
    assert isinstance(refusal(store, Append("there", [edit()], at=9)), InvalidRequest)
    (event,) = store.read("there")
    assert event.recorded_at == 10
    assert event.payload_digest == payload_digest(salt, b"x")
    append(store, "there", edit())
    assert store.read("there")[-1].recorded_at == clock.now


# -- identity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_ids", [True, False], ids=["looked-up", "found-by-the-index"])
def test_repeat_of_an_edit_is_a_duplicate(store: EventStore, clock: Clock, check_ids: bool) -> None:
    (original,) = append(store, "a", edit(id=1), create=created())
    append(store, "a", edit())
    clock.now += 5
    for _ in range(2):
        (again,) = append(store, "a", edit(id=1), check_ids=check_ids)
        assert again == original._replace(status="duplicate")
    assert store.head().position == 3


@pytest.mark.parametrize("check_ids", [True, False], ids=["looked-up", "found-by-the-index"])
def test_other_content_under_a_taken_id_is_rekeyed(store: EventStore, check_ids: bool) -> None:
    append(store, "a", edit(b"one", id=1))
    (rekeyed,) = append(store, "a", edit(b"two", id=1, session_seq=4), check_ids=check_ids)
    assert (rekeyed.status, rekeyed.id, rekeyed.revision) == ("rekeyed", rekeyed_id(number(1), b"two"), 2)
    (again,) = append(store, "a", edit(b"two", id=1), check_ids=check_ids)
    assert again == rekeyed._replace(status="duplicate")
    event = store.get(rekeyed.id)
    assert event is not None
    assert (event.payload, event.session_seq) == (b"two", None)


def test_same_edit_in_another_document_is_recorded_there_once(store: EventStore) -> None:
    append(store, "a", edit(id=1))
    for document in ("b", "c"):
        (there,) = append(store, document, edit(id=1), check_ids=True)
        assert (there.status, there.revision) == ("rekeyed", 1)
        (again,) = append(store, document, edit(id=1), check_ids=True)
        assert again == there._replace(status="duplicate")


@pytest.mark.parametrize("check_ids", [True, False], ids=["looked-up", "found-by-the-index"])
def test_place_in_the_session_is_an_identity_too(store: EventStore, check_ids: bool) -> None:
    (original,) = append(store, "a", edit(b"one", session_seq=1))
    (again,) = append(store, "a", edit(b"one", session_seq=1), check_ids=check_ids)
    assert again == original._replace(status="duplicate")
    (other,) = append(store, "a", edit(b"two", session_seq=1), check_ids=check_ids)
    assert (other.status, other.id) == ("rekeyed", rekeyed_id(original.id, b"two"))
    (other_again,) = append(store, "a", edit(b"two", session_seq=1), check_ids=check_ids)
    assert other_again == other._replace(status="duplicate")


def test_session_places_differ_by_document_session_and_part(store: EventStore) -> None:
    for document, fields in (("a", {}), ("b", {}), ("a", {"session": "s2"}), ("a", {"part": 1})):
        (receipt,) = append(store, document, edit(session_seq=1, **fields), check_ids=True)
        assert receipt.status == "appended"


def test_two_drafts_of_one_batch_that_are_the_same_edit(store: EventStore) -> None:
    for check_ids in (False, True):
        base = 10 * check_ids
        same = lambda payload: Append("a", [edit(payload, id=1 + base, session=f"s{base}")], check_ids=check_ids)  # noqa: E731, B023
        answers = store.append([same(b"one"), same(b"one"), same(b"two"), same(b"two")])
        statuses = [answer.receipts[0].status for answer in answers if isinstance(answer, Appended)]
        assert statuses == ["appended", "duplicate", "rekeyed", "duplicate"]


def test_two_drafts_of_one_item_that_are_the_same_edit(store: EventStore) -> None:
    receipts = append(store, "a", edit(b"one", id=1), edit(b"one", id=1), edit(b"two", id=1), edit(session_seq=1, id=2))
    assert [(r.status, r.revision) for r in receipts] == [
        ("appended", 1),
        ("duplicate", 1),
        ("rekeyed", 2),
        ("appended", 3),
    ]


def test_item_that_is_partly_known_records_the_rest(store: EventStore) -> None:
    append(store, "a", edit(id=1))
    receipts = append(store, "a", edit(id=1), edit(id=2), check_ids=True)
    assert [(r.status, r.revision) for r in receipts] == [("duplicate", 1), ("appended", 2)]


@pytest.mark.parametrize("check_ids", [True, False], ids=["looked-up", "found-by-the-index"])
def test_repeat_of_a_decision_is_a_duplicate_and_another_is_a_clash(store: EventStore, check_ids: bool) -> None:
    (original,) = append(store, "a", decision(payload=b"1", id=1))
    assert append(store, "a", decision(payload=b"1", id=1), check_ids=check_ids) == (
        original._replace(status="duplicate"),
    )
    for document, draft in (
        ("a", decision(payload=b"2", id=1)),
        ("b", decision(payload=b"1", id=1)),
        ("a", decision("document.archived", payload=b"1", id=1)),
    ):
        error = refusal(store, Append(document, [draft], check_ids=check_ids))
        assert isinstance(error, IdentityClash)
        assert error.facts["recorded_digest"] == sha256(b"1").hexdigest()
        assert error.facts["offered_digest"] == sha256(draft.payload).hexdigest()
    assert store.head().position == 1


def test_an_edit_under_a_decisions_id_is_still_recorded(store: EventStore) -> None:
    append(store, "a", decision(id=1))
    (receipt,) = append(store, "a", edit(id=1), check_ids=True)
    assert receipt.status == "rekeyed"


def test_clash_leaves_nothing_of_its_item(store: EventStore) -> None:
    append(store, "a", decision(id=1))
    item = Append("b", [edit(), decision(payload=b"other", id=1)], create=created(), check_ids=True)
    assert isinstance(refusal(store, item), IdentityClash)
    assert store.document("b") is None


@pytest.mark.parametrize("check_ids", [True, False])
def test_identity_is_checked_before_any_condition(store: EventStore, check_ids: bool) -> None:
    (original,) = append(store, "a", decision(id=1), condition=DocumentAbsent())
    for condition in (DocumentAbsent(), ExpectedRevision(0), NoneSince(0)):
        (again,) = append(store, "a", decision(id=1), condition=condition, check_ids=check_ids)
        assert again == original._replace(status="duplicate")
    (edited,) = append(store, "a", edit(session_seq=1))
    (again,) = append(store, "a", edit(session_seq=1), condition=ExpectedRevision(0), check_ids=check_ids)
    assert again == edited._replace(status="duplicate")


def test_erased_payload_is_not_recorded_again(store: EventStore) -> None:
    append(store, "a", edit(b"secret", id=1, message=b"secret and more"))
    before = store.read("a")
    assert store.blank("a", [1, 2]) == 1
    assert store.blank("a", [1]) == store.blank("none", [1]) == 0
    (event,) = store.read("a")
    assert (event.payload, event.payload_len, event.document_hash) == (None, 6, before[0].document_hash)
    assert store.fold_rows("a") == [FoldRow(1, "ready", None)]
    assert store.salt(number(1)) is None
    assert store.message(sha256(b"secret and more").digest()) is None
    (again,) = append(store, "a", edit(b"secret", id=1), check_ids=True)
    assert again.status == "duplicate"
    (other,) = append(store, "a", edit(b"another", id=1), check_ids=True)
    assert other.status == "rekeyed"


# -- conditions ------------------------------------------------------------------------------------------------------


def test_conditions_hold_and_fail(store: EventStore) -> None:
    append(store, "a", created(), edit(), decision(), edit())
    holding = [DocumentExists(), ExpectedRevision(4), NoneSince(4), NoneSince(9), NoneSince(3, frozenset({"x"}))]
    holding += [NoneSince(3, frozenset({DOCUMENT_RENAMED})), NoneSince(4, frozenset({EDIT_RECORDED}))]
    for condition in holding:
        assert store.peek("a", condition) is None
    for condition, blocking in (
        (DocumentAbsent(), [1]),
        (ExpectedRevision(2), [3, 4]),
        (ExpectedRevision(7), []),
        (NoneSince(0), [1, 2, 3, 4]),
        (NoneSince(0, frozenset({DOCUMENT_RENAMED, DOCUMENT_CREATED})), [1, 3]),
        (NoneSince(2, frozenset({EDIT_RECORDED})), [4]),
        (NoneSince(1, frozenset({EDIT_RECORDED, DOCUMENT_RENAMED})), [2, 3, 4]),
    ):
        found = store.peek("a", condition)
        assert found is not None
        assert revisions(found) == blocking
        error = refusal(store, Append("a", [edit()], condition=condition))
        assert isinstance(error, ConditionFailed)
        assert list(error.events) == found
        assert error.facts == {"document": "a", "revision": 4}
    assert store.peek("b", DocumentExists()) == []
    assert store.peek("b", NoneSince(0)) is store.peek("b", DocumentAbsent()) is None


def test_peek_answers_with_at_most_100_events(store: EventStore) -> None:
    append(store, "a", *[edit() for _ in range(150)])
    assert revisions(store.peek("a", NoneSince(10)) or []) == list(range(11, 111))


def test_of_two_decisions_in_one_batch_the_second_sees_the_first(store: EventStore) -> None:
    append(store, "a", created())
    since = NoneSince(1, frozenset({DOCUMENT_RENAMED}))
    first, typing, second = store.append(
        [
            Append("a", [decision(payload=b"1")], condition=since),
            Append("a", [edit()]),
            Append("a", [decision(payload=b"2")], condition=since),
        ]
    )
    assert isinstance(first, Appended)
    assert isinstance(typing, Appended)
    assert isinstance(second, Refused)
    assert isinstance(second.error, ConditionFailed)
    assert list(second.error.events) == store.read("a", types=[DOCUMENT_RENAMED])


def test_of_two_creations_in_one_batch_the_second_is_refused(store: EventStore) -> None:
    first, second = store.append([Append("a", [created()], condition=DocumentAbsent()) for _ in range(2)])
    assert isinstance(first, Appended)
    assert isinstance(second, Refused)
    assert isinstance(second.error, ConditionFailed)
    assert list(second.error.events) == store.read("a")


# -- reading ---------------------------------------------------------------------------------------------------------


def test_read_pages_both_ways(store: EventStore) -> None:
    for n in range(12):
        store.append([Append("a" if n % 3 else "b", [edit(actor=f"actor{n % 2}")]), Append("a", [decision()])])
    log, stream = store.read(), store.read("a")
    assert (len(log), len(stream)) == (24, 20)
    for document, everything in ((None, log), ("a", stream)):
        place = (lambda e: e.position) if document is None else (lambda e: e.revision)
        assert store.read(document, after=3, limit=4) == everything[3:7]
        assert store.read(document, after=3, until=5) == everything[3:5]
        assert store.read(document, reverse=True, limit=3) == everything[::-1][:3]
        assert store.read(document, after=3, until=9, reverse=True, limit=2) == everything[8:6:-1]
        assert (
            store.read(document, after=10**20) == store.read(document, until=0) == store.read(document, limit=0) == []
        )
        assert store.read(document, after=-5, until=10**20) == everything
        cursor, paged = 0, []
        while page := store.read(document, after=cursor, limit=5):
            paged += page
            cursor = place(page[-1])
        assert paged == everything
    assert store.read("nothing") == []


def test_read_filters_by_type_and_actor(store: EventStore) -> None:
    for n in range(6):
        store.append([Append("a", [edit(actor=f"actor{n % 2}"), decision(actor="bob"), decision("other.thing")])])
    log = store.read()
    for document in (None, "a"):
        assert store.read(document, types=[EDIT_RECORDED]) == [e for e in log if e.type == EDIT_RECORDED]
        assert store.read(document, types=["other.thing", DOCUMENT_RENAMED], reverse=True, after=2, until=9) == [
            e for e in log[8:1:-1] if e.type != EDIT_RECORDED
        ]
        assert store.read(document, types=["other.thing", EDIT_RECORDED], limit=3) == [log[0], log[2], log[3]]
        assert store.read(document, actors=["actor1", "nobody"]) == [e for e in log if e.actor == "actor1"]
        assert store.read(document, actors=["bob"], types=[EDIT_RECORDED]) == []
        assert store.read(document, types=["unheard.of"]) == store.read(document, actors=["nobody"]) == []


def test_fold_rows_are_the_edits(store: EventStore) -> None:
    append(store, "a", created(), edit(b"1"), edit(b"2", disposition="pending"), decision())
    append(store, "a", edit(b"3", disposition="quarantined"), edit(b"4"))
    rows = [
        FoldRow(2, "ready", b"1"),
        FoldRow(3, "pending", b"2"),
        FoldRow(5, "quarantined", b"3"),
        FoldRow(6, "ready", b"4"),
    ]
    assert store.fold_rows("a") == rows
    assert store.fold_rows("a", after=2, until=5) == rows[1:3]
    assert store.fold_rows("a", limit=2) == rows[:2]
    assert store.fold_rows("none") == []


def test_lines_say_who_when_and_in_what_context(store: EventStore) -> None:
    append(store, "a", created(), edit(b"1", context=Context.of(0), correlation_id="away"))
    append(store, "b", edit(b"x"))
    append(store, "a", decision(), edit(b"2", session=None, actor="bob", authored_at=5))
    lines = store.lines("a")
    assert [tuple(line) for line in lines] == [
        (
            event.revision,
            event.type,
            event.actor,
            event.actor_kind,
            event.session,
            event.recorded_at,
            event.authored_at,
            event.correlation_id,
            event.context,
        )
        for event in store.read("a")
    ]
    assert store.lines("a", after=1, until=3) == lines[1:3]
    assert store.lines("a", limit=2) == lines[:2]
    assert store.lines("none") == []


def test_a_position_names_a_revision_of_every_document(store: EventStore) -> None:
    append(store, "a", created(), edit(b"1"))
    append(store, "b", edit(b"x"))
    append(store, "a", edit(b"2"))
    assert [store.revision_at("a", position) for position in range(6)] == [0, 1, 2, 2, 3, 3]
    assert [store.revision_at("b", position) for position in range(6)] == [0, 0, 0, 1, 1, 1]
    assert store.revision_at("none", 3) == 0


def test_edit_rows_are_the_edits_and_who_made_them(store: EventStore) -> None:
    append(store, "a", created(), edit(b"1"), edit(b"2", disposition="pending"), decision())
    append(store, "a", edit(b"3", disposition="quarantined", session=None), edit(b"4", session="s2", actor="bob"))
    log = [event for event in store.read("a") if event.type == EDIT_RECORDED]
    rows = [EditRow(e.revision, e.disposition, e.payload, e.actor, e.session, e.context, e.context_source) for e in log]
    assert [row.revision for row in rows] == [2, 3, 5, 6]
    assert store.edit_rows("a") == rows
    assert store.edit_rows("a", after=2, until=5) == rows[1:3]
    assert store.edit_rows("a", limit=2) == rows[:2]
    assert store.edit_rows("none") == []


def test_sessions_can_be_asked_about(store: EventStore) -> None:
    append(store, "a", edit(session_seq=7, part=1), edit(session_seq=7, part=0), edit(session_seq=5))
    append(store, "a", edit(clients=(5,), actor_kind="human"), edit(clients=(5, 6), session="s2", actor="bob"))
    append(store, "a", edit(clients=(8,), session=None))
    append(store, "b", edit(clients=(5,), session="s3"))
    assert [event.part for event in store.by_session("a", "s1", 7)] == [0, 1]
    assert store.by_session("a", "s1", 6) == store.by_session("b", "s1", 7) == []
    assert (store.session_head("a", "s1"), store.session_head("a", "s2"), store.session_head("b", "s1")) == (7, 0, 0)
    assert store.session_clients("a") == {
        5: ("s1", "ann", "human"),
        6: ("s2", "bob", "anonymous"),
        8: ("", "ann", "anonymous"),
    }
    assert store.session_clients("b") == {5: ("s3", "ann", "anonymous")}


def test_documents_are_listed_by_name(store: EventStore, clock: Clock) -> None:
    for name in ("b/Café", "a", "Z", "b", "é", "a\x00b", "😀"):
        append(store, name, edit())
        clock.now += 1
    append(store, "a", decision())
    names = [row.document for row in store.documents()]
    assert names == sorted(names) == ["Z", "a", "a\x00b", "b", "b/Café", "é", "😀"]
    assert [row.document for row in store.documents(after="a", limit=2)] == ["a\x00b", "b"]
    row = store.document("a")
    assert row is not None
    assert row == store.documents()[1]

    assert (row.revision, row.edits, row.created_at, row.updated_at) == (2, 1, 1_000_001, 1_000_007)
    assert row.document_hash == store.hash_at("a", 2)


def test_the_newest_documents_are_those_with_the_newest_events(store: EventStore, clock: Clock) -> None:
    for name in ("a", "b", "a", "Café", "b", "c"):
        append(store, name, decision())
        clock.now += name != "b"  # the last two at the same time
    found = store.newest_documents()
    assert [row.document for row in found] == ["c", "b", "Café", "a"]
    assert sorted(found, key=lambda row: row.document) == sorted(store.documents(), key=lambda row: row.document)
    pages: list[DocumentRow] = []
    before = None
    while page := store.newest_documents(before=before, limit=1):
        pages += page
        before = page[-1].updated_at, page[-1].document
    assert pages == found


def test_waiting_ends_with_the_next_append(store: EventStore) -> None:
    assert store.wait(0, 0) == 0
    seen: list[int] = []
    waiting = threading.Thread(target=lambda: seen.append(store.wait(0, 10)))
    waiting.start()
    append(store, "a", edit(), edit())
    waiting.join(10)
    assert seen == [2]
    assert store.wait(1, 10) == 2


def test_statistics_count(store: EventStore) -> None:
    store.append([Append("a", [edit(message=b"m"), decision()]), Append("b", [edit(message=b"m")])])
    found = store.statistics()
    expected = {"events": 3, "edits": 2, "documents": 2, "commits": 1, "messages": 1, "store_id": store.store_id}
    assert {key: found[key] for key in expected} == expected


def test_verify_tells_its_progress(store: EventStore) -> None:
    append(store, "a", edit(), edit())
    told: list[tuple[int, int]] = []
    assert list(store.verify(lambda done, of: told.append((done, of)))) == []
    assert told[-1] == (2, 2)

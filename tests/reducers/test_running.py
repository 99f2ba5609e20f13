"""Reducers over a document, several, the whole log; at cuts; live; and what becomes of one that raises."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import EDIT_RECORDED, Event
from keepboth.history.cuts import Cut, prefix, select
from keepboth.history.folding import plain_folding
from keepboth.history.rendering import render
from keepboth.reducers import Context, End, Reducer, Run, reducer
from keepboth.reducers.loading import SHIPPED, shipped
from keepboth.reducers.scope import scope_of
from keepboth.store.memory import MemoryStore
from tests.history.sessions import DOCUMENT, record
from tests.reducers.test_ledger import SEEDS, session
from tests.store.making import Clock, Salts, append, decision, edit


@reducer("trail")
def trail(state: dict[str, list[int]], event: Event, ctx: Context) -> None:
    """Every event, by document."""
    assert ctx.document == event.document
    state.setdefault(event.document, []).append(event.revision)


@reducer("lengths", types=[EDIT_RECORDED], initial=list)
def lengths(state: list[list[int]], event: Event, ctx: Context) -> list[list[int]]:
    """The text of the root "text" before and after each edit."""
    return [*state, [event.revision, ctx.before.get("text", ""), ctx.after.get("text", "")]]


def several() -> MemoryStore:
    clock = Clock(1000)
    store = MemoryStore(now=clock, salts=Salts())
    for at in range(1, 31):
        clock.now = 1000 * at
        append(store, "abc"[at % 3], edit(b"\0\0", session=f"s{at}"))
    return store


# -- scopes ----------------------------------------------------------------------------------------------------------


def test_the_whole_log_and_a_set_come_in_the_order_of_the_log() -> None:
    store = several()
    order: list[int] = []

    @reducer("order")
    def by_position(state: Any, event: Event, ctx: Context) -> None:
        order.append(event.position)

    Run(store, [by_position]).to(scope_of(store))
    assert order == list(range(1, 31))
    order.clear()
    Run(store, [by_position]).to(scope_of(store, ["c", "a"]))
    assert order == [at for at in range(1, 31) if "abc"[at % 3] in "ac"]


@pytest.mark.parametrize("documents", [None, ["a", "b"], ["c"]], ids=str)
@pytest.mark.parametrize("cut", [Cut(), Cut(position=17), Cut(position=0), Cut(recorded_at=12_500)], ids=str)
def test_a_token_asks_for_the_same_again(documents: list[str] | None, cut: Cut) -> None:
    store = several()
    (first,) = Run(store, [trail]).to(scope_of(store, documents, cut))
    expected: dict[str, list[int]] = {}
    for event in store.read(limit=10_000):
        named = documents is None or event.document in documents
        within = cut.position is None or event.position <= cut.position
        if named and within and (cut.recorded_at is None or event.recorded_at <= cut.recorded_at):
            expected.setdefault(event.document, []).append(event.revision)
    assert first.value == expected
    append(store, "a", edit(b"\0\0", session="later"))
    (again,) = Run(store, [trail]).to(scope_of(store, documents, Cut(token=first.cut)))
    assert (again.value, again.cut) == (first.value, first.cut)


@pytest.mark.parametrize(
    ("cut", "error"),
    [
        (Cut(revision=1), InvalidRequest),
        (Cut(authored_at=1), InvalidRequest),
        (Cut(position=1, recorded_at=1), InvalidRequest),
        (Cut(position=31), NotFound),
        (Cut(token="AA"), InvalidRequest),
        (Cut(token=""), InvalidRequest),
        (Cut(token="é"), InvalidRequest),
    ],
    ids=str,
)
def test_a_cut_that_several_documents_do_not_share_is_refused(cut: Cut, error: type[Exception]) -> None:
    with pytest.raises(error):
        scope_of(several(), None, cut)


def test_a_token_of_another_log_is_refused() -> None:
    store = several()
    token = scope_of(store, None, Cut(position=9)).token
    other = MemoryStore(salts=Salts())
    append(other, "a", *(edit(b"else", session=f"x{at}") for at in range(20)))
    with pytest.raises(NotFound, match="not the one"):
        scope_of(other, None, Cut(token=token))


def test_a_document_that_is_not_there_is_not_found() -> None:
    for documents in (["none"], ["a", "none"]):
        with pytest.raises(NotFound):
            scope_of(several(), documents)
    with pytest.raises(InvalidRequest):
        scope_of(several(), [])


# -- what a reducer sees ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_before_and_after_are_the_states_around_the_event(seed: int) -> None:
    store = session(seed)
    folding = plain_folding(store)
    (result,) = Run(store, [lengths]).to(scope_of(store, [DOCUMENT]))
    assert result.parked is None, result.parked

    def text(revision: int) -> str:
        value = render(folding, prefix(store, DOCUMENT, revision), "json").value
        return str(value["text"]["value"]) if value.get("text", {}).get("type") == "text" else ""

    assert result.value
    for revision, before, after in result.value:
        assert (before, after) == (text(revision - 1), text(revision))


def test_now_is_the_time_of_the_cut() -> None:
    @reducer("now", initial=set)
    def nows(state: set[int], event: Event, ctx: Context) -> None:
        state.add(ctx.now)

    store = several()
    for documents, cut, now in (
        (None, Cut(), 30_000),
        (None, Cut(recorded_at=12_345), 12_345),
        (["a"], Cut(revision=2), 6000),
        (["a"], Cut(recorded_at=10_999), 10_999),
        (["a"], Cut(authored_at=9_500), 9_500),
    ):
        (result,) = Run(store, [nows]).to(scope_of(store, documents, cut))
        assert (result.value, result.now) == ({now}, now)


def test_live_a_reducer_that_uses_now_says_the_same_as_once() -> None:
    @reducer("ages", initial=list)
    def ages(state: list[int], event: Event, ctx: Context) -> None:
        state.append(ctx.now - event.recorded_at)

    store = several()
    run = Run(store, [ages])
    for position in (10, 20, 30):
        scope = scope_of(store, None, Cut(position=position))
        assert run.to(scope)[0] == Run(store, [ages]).to(scope)[0]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_live_a_shipped_reducer_says_at_every_step_what_it_says_once(name: str, seed: int) -> None:
    store = session(seed)
    one = shipped(name)
    run = Run(store, [one])
    last = select(store, DOCUMENT).revision
    for revision in [*sorted(Random(seed).sample(range(last), 4)), last]:
        scope = scope_of(store, [DOCUMENT], Cut(revision=revision))
        live, once = run.to(scope)[0], Run(store, [one]).to(scope)[0]
        assert once.parked is None, once.parked
        assert live == once


def test_live_an_earlier_cut_and_a_cut_with_gaps_start_over() -> None:
    store = session(3)
    run = Run(store, [shipped("churn")])
    event = store.read(DOCUMENT, types=[EDIT_RECORDED], limit=100)[-1]
    for cut in (Cut(), Cut(revision=9), Cut(seen_by=event.id), Cut(), Cut(seen_by=event.id)):
        scope = scope_of(store, [DOCUMENT], cut)
        assert run.to(scope)[0] == Run(store, [shipped("churn")]).to(scope)[0]


def test_merged_documents_give_what_one_state_over_all_gives() -> None:
    clock = Clock()
    store = MemoryStore(now=clock, salts=Salts())
    record(store, 5, clock)
    many = session(6)
    for event in many.read(DOCUMENT, limit=10_000):
        if event.type == EDIT_RECORDED:
            fields = {"actor": event.actor, "session": event.session, "disposition": event.disposition}
            append(store, "other", edit(event.payload or b"", **fields))

    @reducer("apart", merge=lambda one, other: one + other, initial=int)
    def apart(state: int, event: Event, ctx: Context) -> int:
        return state + sum(span.units for span in ctx.delta)

    @reducer("together", initial=int)
    def together(state: int, event: Event, ctx: Context) -> int:
        return state + sum(span.units for span in ctx.delta)

    merged, whole = Run(store, [apart, together]).to(scope_of(store))
    assert merged.value == whole.value > 0


def test_deltas_are_whole_for_one_who_asks_now_and_then() -> None:
    store = session(8)

    @reducer("all", initial=list)
    def every(state: list[Any], event: Event, ctx: Context) -> None:
        state.extend(ctx.delta)

    @reducer("some", types=[EDIT_RECORDED], initial=list)
    def some(state: list[Any], event: Event, ctx: Context) -> None:
        if event.revision % 4 == 0:
            state.extend(ctx.delta)

    @reducer("decisions", types=["document.renamed"], initial=list)
    def at_decisions(state: list[Any], event: Event, ctx: Context) -> None:
        assert list(ctx.delta) == []
        state.append(ctx.after.get("text", "") == ctx.before.get("text", ""))

    scope = scope_of(store, [DOCUMENT])
    (whole,) = Run(store, [every]).to(scope)
    (part,) = Run(store, [some]).to(scope)
    revisions = {event.revision for event in store.read(DOCUMENT, limit=10_000) if event.revision % 4 == 0}
    assert part.value == [span for span in whole.value if span.revision in revisions]
    both = Run(store, [some, every]).to(scope)
    assert [one.value for one in both] == [part.value, whole.value]
    (result,) = Run(store, [at_decisions]).to(scope)
    assert result.parked is None
    assert all(result.value)


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_reducer_that_raises_is_parked_at_its_event_and_others_go_on() -> None:
    store = several()

    @reducer("fragile", initial=int)
    def fragile(state: int, event: Event, ctx: Context) -> int:
        if event.position == 7:
            raise ValueError("no sevens")
        return state + 1

    bad, good = Run(store, [fragile, trail]).to(scope_of(store))
    seventh = store.read(after=6, until=7)[0]
    assert bad.parked is not None
    assert (bad.parked.document, bad.parked.revision, bad.parked.position) == (seventh.document, seventh.revision, 7)
    assert bad.parked.error == "ValueError: no sevens"
    assert "no sevens" in bad.parked.traceback
    assert (bad.value, bad.events) == (None, 7)
    assert sum(map(len, good.value.values())) == 30


def test_a_parked_reducer_stays_parked_as_the_log_grows() -> None:
    store = several()

    @reducer("once", initial=int)
    def once(state: int, event: Event, ctx: Context) -> int:
        raise RuntimeError(event.position)

    run = Run(store, [once])
    first = run.to(scope_of(store, None, Cut(position=5)))[0]
    second = run.to(scope_of(store))[0]
    assert first.parked == second.parked
    assert first.parked is not None
    assert first.parked.position == 1


def test_a_result_that_cannot_be_made_is_parked_without_an_event() -> None:
    def finish(state: Any, end: End) -> Any:
        return 1 // 0

    (result,) = Run(several(), [reducer("bad", finish=finish)(lambda state, event, ctx: None)]).to(scope_of(several()))
    assert result.parked is not None
    assert (result.parked.revision, result.parked.error) == (
        None,
        "ZeroDivisionError: integer division or modulo by zero",
    )


def test_an_edit_that_cannot_be_read_is_passed_over_and_what_builds_on_it_waits() -> None:
    store = session(2, disorder=False)
    events = store.read(DOCUMENT, types=[EDIT_RECORDED], limit=10_000)
    store.blank(DOCUMENT, [events[0].revision])
    (result,) = Run(store, [shipped("churn")]).to(scope_of(store, [DOCUMENT]))
    assert result.parked is None, result.parked
    (whole,) = Run(session(2, disorder=False), [shipped("churn")]).to(scope_of(session(2, disorder=False), [DOCUMENT]))
    assert 0 <= result.value["typed"] < whole.value["typed"]


def test_events_that_are_no_edits_have_no_delta() -> None:
    store = MemoryStore(salts=Salts())
    append(store, "d", decision(), decision())

    @reducer("nothing", initial=list)
    def nothing(state: list[Any], event: Event, ctx: Context) -> None:
        state.append((list(ctx.delta), ctx.before.text, dict(ctx.after)))

    assert Run(store, [nothing]).to(scope_of(store))[0].value == [([], "", {}), ([], "", {})]


# -- code ------------------------------------------------------------------------------------------------------------

LIMIT = 1


def helping(value: int) -> int:
    return value + LIMIT


def made(step: Any, **options: Any) -> Reducer:
    return reducer("made", **options)(step)


def test_the_code_hash_follows_the_code_and_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(state: int, event: Event, ctx: Context) -> int:
        return helping(state)

    first = made(step).code
    assert made(step).code == first
    assert len({first, made(step, version=2).code, made(step, types=["a.b"]).code, made(step, initial=int).code}) == 4
    monkeypatch.setitem(step.__globals__, "LIMIT", 2)
    assert made(step).code != first
    monkeypatch.undo()
    assert made(step).code == first


@pytest.mark.parametrize("name", ["", "Two", "a b", "a:b", "ä", "-a"])
def test_a_name_that_cannot_stand_in_an_address_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        reducer(name)

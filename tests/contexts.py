"""Sessions of stock clients over real sockets, and how well the recorded contexts tell who had seen what."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.events import Context, Event, Seen
from keepboth.history.facts import edit_fact
from keepboth.live import asking
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.update import decode_update
from tests.harness import Running, eventually, running
from tests.stock import Ledger, StockClient, type_in_hot_spots, written

FIRST_CLIENT = 1000
START = "The quick brown fox jumps over the lazy dog. " * 12


class Known(NamedTuple):
    """One recorded edit, and the revision its author had really applied."""

    event: Event
    seen: int


@dataclass
class Session:
    """What came of a session."""

    edits: list[Known]
    questions: int
    step_1_questions: int
    answers: int
    text: str
    wrong_bounds: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(revision, lower, really seen, upper) of edits whose bounds do not hold."""


Play = Callable[[list[StockClient], Ledger], Any]


async def hold_session(
    data: Path, clients: int, away_s: Callable[[int], Callable[[], float]], play: Play, start: str = START
) -> Session:
    """Let *clients* stock clients *play* on one document; *away_s* gives each its distance."""
    with written() as ledger:
        async with running(data) as server:
            if start:
                first = StockClient(FIRST_CLIENT - 1)
                await first.open(server.socket_url("d"))
                first.replace(0, 0, start)
                await eventually(lambda: len(server.edits("d")) == 1, "the beginning")
                await first.close()
            people = [StockClient(FIRST_CLIENT + at, away_s(at)) for at in range(clients)]
            for one in people:
                await one.open(server.socket_url("d"))
            await eventually(lambda: all(one.frames for one in people), "everybody is in")
            ledger.questions = ledger.step_1_questions = 0
            await play(people, ledger)
            made = sum(len(one.made) for one in people)
            await eventually(lambda: len(server.edits("d")) == made + bool(start), "every edit is recorded", 60)
            await eventually(lambda: len({str(one.text) for one in people}) == 1, "all agree", 60)
            session = _weigh(server, people, ledger)
            for one in people:
                await one.close()
            return session


def _weigh(server: Running, people: Sequence[StockClient], ledger: Ledger) -> Session:
    room = server.application.hub.rooms["d"]
    written_to = {one.client: ledger.revisions(one.client) for one in people}
    made = {f"y:{one.client}": iter(one.made) for one in people}
    edits: list[Known] = []
    for event in server.edits("d"):
        if event.session not in made:
            edits.append(Known(event, 0))
            continue
        (client,) = (one.client for one in people if f"y:{one.client}" == event.session)
        frames = next(made[event.session]).frames
        edits.append(Known(event, written_to[client][frames - 1] if frames else 0))
    session = Session(
        edits,
        ledger.questions,
        ledger.step_1_questions,
        sum(sum(one.asked.answers.values()) for one in room.sessions),
        str(people[0].text),
    )
    for event, seen in edits:
        assert event.context is not None
        lower, upper = event.context
        if not lower.base <= seen <= upper.base:
            session.wrong_bounds.append((event.revision, lower.base, seen, upper.base))
    return session


class Score(NamedTuple):
    """Pairs that are really concurrent, that are taken for it, both, surely; and sure ones that are not concurrent."""

    real: int
    taken: int
    both: int
    certain: int
    wrong: int

    @property
    def precision(self) -> float:
        return self.both / self.taken if self.taken else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.real if self.real else 1.0

    @property
    def certain_recall(self) -> float:
        return self.certain / self.real if self.real else 1.0


def score_all(edits: Sequence[Known]) -> Score:
    """Every pair of edits of two sessions, wherever they are in the document."""
    real = taken = both = certain = wrong = 0
    for at, (event, seen) in enumerate(edits):
        assert event.context is not None
        lower, upper = event.context
        unsure = _unsure(event)
        for before in range(at - 1, -1, -1):
            other = edits[before].event
            if other.revision <= min(lower.base, seen):
                break
            if other.session == event.session:
                continue
            parted = other.revision > seen
            told = other.revision > lower.base
            real += parted
            taken += told
            both += parted and told
            if told and other.revision > upper.base and not unsure and not _unsure(other):
                certain += 1
                wrong += not parted
    return Score(real, taken, both, certain, wrong)


def _unsure(event: Event) -> bool:
    return edit_fact(event.revision, event, event.revision, decode_update(event.payload or b"\0\0")).undeclared_delete


def score_touching(edits: Sequence[Known]) -> Score:
    """Pairs that touch if contexts leave room for it: judged by the engine, with the least that either says."""

    def touching(context_of: Callable[[Known], Context]) -> dict[tuple[int, int], bool]:
        engine = DocumentConflicts(all_records=True)
        for known in edits:
            event = known.event
            fact = edit_fact(event.revision, event, event.revision, decode_update(event.payload or b"\0\0"))
            engine.add([EditFact(*fact[:4], context_of(known), *fact[5:])])
        return {(record.a, record.b): record.certain for record in engine.records}

    def recorded(known: Known) -> Context:
        assert known.event.context is not None
        return known.event.context

    def least(known: Known) -> Context:
        lower, upper = recorded(known)
        return Context(Seen(min(lower.base, known.seen)), upper)

    def really(known: Known) -> Context:
        return Context.of(known.seen)

    told = touching(recorded)
    seen = {known.event.revision: known.seen for known in edits}
    lower = {known.event.revision: recorded(known).lower.base for known in edits}
    candidates = set(touching(least)) | set(touching(really)) | set(told)
    real = {(a, b) for a, b in candidates if a > seen[b]}
    taken = {(a, b) for a, b in candidates if a > lower[b]}
    certain = {pair for pair, sure in told.items() if sure}
    return Score(len(real), len(taken), len(real & taken), len(certain), len(certain - real))


async def hot_spots(
    data: Path,
    seed: int,
    *,
    clients: int,
    edits: int,
    pause_s: float,
    away_s: tuple[float, float],
    cursors: bool = True,
) -> Session:
    """Everybody types around the same places, *edits* keystrokes each, *away_s* (least, most) from the server."""

    async def play(people: list[StockClient], _ledger: Ledger) -> None:
        if cursors:
            for one in people:
                one.move_cursor(0)
            await eventually(lambda: all(len(one.people.states) == clients for one in people), "they see each other")
        await asyncio.gather(
            *(
                type_in_hot_spots(one, random.Random(f"{seed} {at}"), edits, pause_s, cursors=cursors)
                for at, one in enumerate(people)
            )
        )

    def distance(at: int) -> Callable[[], float]:
        source = random.Random(f"{seed} away {at}")
        return lambda: source.uniform(*away_s)

    return await hold_session(data, clients, distance, play)


Step = tuple[int, int, int, str]
"""(how many of the other's edits its author had applied, place, length deleted, text inserted)."""


def script(trace: dict[str, Any], limit: int) -> tuple[list[Step], list[Step]]:
    """What each of two people did in the first *limit* transactions of a recording."""
    steps: tuple[list[Step], list[Step]] = ([], [])
    known: list[list[int]] = []
    for txn in trace["txns"][:limit]:
        vector = [max((known[parent][agent] for parent in txn["parents"]), default=0) for agent in (0, 1)]
        me = txn["agent"]
        ((at, deleted, inserted, *_),) = txn["patches"]
        steps[me].append((vector[1 - me], at, deleted, inserted))
        vector[me] += 1
        known.append(vector)
    return steps


async def recording(data: Path, trace: dict[str, Any], limit: int, pause_s: float) -> Session:
    """Two people do what two others once did, each keystroke when as much of the other's had been applied (frames that
    the server merged are applied whole, so at times a little more)."""
    steps = script(trace, limit)

    async def play(people: list[StockClient], _ledger: Ledger) -> None:
        clocks: tuple[list[int], list[int]] = ([], [])
        moved = asyncio.Condition()

        async def one(me: int) -> None:
            client, other = people[me], people[1 - me]

            def has() -> int:
                return decode_state_vector(client.doc.get_state()).get(other.client, 0)

            wanted = 0
            client.gate = lambda: has() < wanted
            for theirs, at, deleted, inserted in steps[me]:
                async with moved:
                    await moved.wait_for(lambda theirs=theirs: len(clocks[1 - me]) >= theirs)
                wanted = clocks[1 - me][theirs - 1] if theirs else 0
                while has() < wanted:
                    client.applied.clear()
                    client.look()
                    await client.applied.wait()
                client.replace(at, deleted, inserted)
                client.move_cursor(at)
                async with moved:
                    own = decode_state_vector(client.doc.get_state()).get(client.client, 0)
                    clocks[me].append(own)
                    moved.notify_all()
                await asyncio.sleep(pause_s)
            client.gate = lambda: True
            client.look()

        await asyncio.gather(one(0), one(1))

    return await hold_session(data, 2, lambda _at: lambda: 0.0, play, start="")


@contextmanager
def questions_open(most: int | None) -> Iterator[None]:
    """Servers in this process have at most so many questions open (None: as many as they like): for figures beside."""
    before = asking.MOST_OPEN
    asking.MOST_OPEN = before if most is None else most
    try:
        yield
    finally:
        asking.MOST_OPEN = before

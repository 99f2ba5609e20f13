"""Questions whose answers prove what a stock client has applied.

A client that declares nothing is asked, behind the updates that it is sent, for what answers in the order of messages:
then everything written before the question has been applied when the answer comes. Two questions do that.

*Query awareness* (one byte). y-websocket answers with one awareness message that holds every state it knows. Such an
answer names the client's own id with a clock that it has named on this connection before, and nobody as gone. Two other
messages could do the same (y-protocols ``awareness.js``: each event of the own state raises its clock, and is sent
once): the opening message, and an event that follows another from within a listener. Both name the own id alone, and
are sent in one go with the message that named the clock first. So an answer is believed only if it names somebody else
too, or if what can only be sent in a turn of its own (an answer) lies between the two. The room relays nobody's own
state as changed by somebody else, which would be the one way to have a client name itself and others unasked.

*Sync step 1*. It is answered by a step 2, which nobody sends unasked, but which holds all deletes of the document: for
clients that show no awareness (``pycrdt.Provider``), and rarely.

Answers come in order, and an answer is taken for the oldest question of its form: so one that is missed makes less
known than there is, never more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from keepboth.live.frames import binary_frame
from keepboth.live.presence import NULL
from keepboth.yjs.messages import AwarenessState, awareness_clocks, encode_query_awareness, encode_sync_step1

if TYPE_CHECKING:
    from keepboth.live.room import Room
    from keepboth.live.session import Session

ACTIVE_WITHIN_S = 5.0
"""Who has typed or moved the cursor within this long is asked behind every piece of news."""

PAUSED_WITHIN_S = 600.0
PAUSED_EVERY_S = 2.0
"""Who has done so within the one is asked once in the other: people read before they go on typing."""

MOST_OPEN = 32
"""Questions that may be open: about as many pieces of news as come within one way there and back."""

MOST_OPEN_AT_FIRST = 3
"""The same before the first answer: clients that answer nothing are left alone after that."""

MOST_KEPT = 64
"""Unanswered questions that are remembered."""

ANSWER_WITHIN_S = 5.0

STATES_BYTES_PER_S = 32_768
STATES_BYTES_BURST = 65_536
"""An answer repeats everybody's state: what one session's answers may come to."""

STEP_2_EVERY_S = 0.5
STEP_2_BYTES_PER_S = 8_192
"""How often a client without awareness is asked, and what its answers may come to."""

BUSY = 32
"""Edits on their way to the disk from which on nobody is asked for a step 2: it would have to wait for them."""

QUERY = binary_frame(encode_query_awareness())

Form = Literal["query", "step 1"]


Named = tuple[int, int, bool]
"""A state in an awareness message: client, clock, and whether it is gone."""


class Question(NamedTuple):
    """``sent``: the release point up to which the session had been written everything when it was asked."""

    form: Form
    sent: int
    at: float


class Asked:
    """The questions of one session, oldest first, and what its answers looked like."""

    __slots__ = (
        "answers",
        "budget",
        "deaf",
        "knows",
        "last_at",
        "last_step_1_at",
        "news",
        "open",
        "own_clock",
        "questions",
        "sent",
        "settled",
        "step_2_bytes",
        "unasked",
        "unclear",
    )

    def __init__(self) -> None:
        self.open: deque[Question] = deque()
        self.own_clock = -1
        """The newest clock of its own state that it has named on this connection, -1 if none."""
        self.settled = False
        """An answer has come since it named that clock first."""
        self.knows: set[int] = set()
        """Other clients whose states it has, as its own messages say."""
        self.unclear = False
        """A message has come that may have been an answer: from now on it is not known which question comes next."""
        self.news = 0
        """The last release point with something of somebody else that it was written."""
        self.sent = 0
        """What the last question asks about."""
        self.last_at = self.last_step_1_at = -1e9
        self.budget = float(STATES_BYTES_BURST)
        self.step_2_bytes = 0
        self.questions = 0
        self.answers = {"query": 0, "step 1": 0}
        self.deaf = 0
        """Queries that were passed over: a step 2 came though they were not answered."""
        self.unasked = False
        """It has sent what looks like an answer and was not asked: no client that is known here, so not believed."""

    def is_answer(self, clients: frozenset[int], named: Sequence[Named]) -> bool:
        """True if an awareness message that names these states can only be the answer to a query."""
        repeated = False
        for client, clock, gone in named:
            if gone:
                return False
            if client in clients:
                repeated = clock == self.own_clock
        return repeated and (self.settled or len(named) > 1)

    def note(self, clients: frozenset[int], named: Sequence[Named]) -> None:
        """Remember what an awareness message that is no answer shows."""
        for client, clock, gone in named:
            if client not in clients:
                (self.knows.discard if gone else self.knows.add)(client)
            elif not gone and clock > self.own_clock:
                self.own_clock = clock
                self.settled = False
            elif len(named) == 1:
                self.knows.clear()
                self.unclear = self.unclear or any(question.form == "query" for question in self.open)

    def answered(self, named: Sequence[Named]) -> Question | None:
        """Take the oldest query for answered; None if there is none, which makes all such messages doubtful."""
        question = self.answer("query")
        self.unasked = self.unasked or question is None
        self.settled = True
        if len(named) == 1:
            self.knows.clear()
        return None if self.unasked else question

    def answer(self, form: Form) -> Question | None:
        """The oldest open question of that *form*, closed, with all before it; None if there is none."""
        if not any(question.form == form for question in self.open):
            return None
        while (question := self.open.popleft()).form != form:
            self.deaf += question.form == "query"
        self.answers[form] += 1
        return question

    @property
    def takes_queries(self) -> bool:
        """False once it has left several queries and answered none, or has answered unasked."""
        return not self.unasked and (self.answers["query"] > 0 or self.deaf < MOST_OPEN_AT_FIRST)


class Asking:
    """Who is asked what in one room, and what answers prove."""

    def __init__(self, room: Room) -> None:
        self._room = room

    # -- questions ----------------------------------------------------------------------------------------------------

    def behind(self, session: Session, now: float) -> bytes:
        """The question to write behind a frame of content: if a stock session is active, and has been written somebody
        else's news that nothing has proved or asked about. Else nothing."""
        asked = session.asked
        if asked.news <= session.lower or asked.news <= asked.sent:
            return b""
        pause_s = now - session.active_at
        if pause_s > ACTIVE_WITHIN_S and (pause_s > PAUSED_WITHIN_S or now - asked.last_at < PAUSED_EVERY_S):
            return b""
        return self._question(session, now)

    def step_1_written(self, session: Session, sent: int) -> None:
        """A step 1 is written to *session* for another reason: its answer counts like any other's.

        Of a client that answers none, some are kept: an answer to one that is not is taken for one to an older one.
        """
        if len(session.asked.open) < MOST_KEPT:
            session.asked.open.append(Question("step 1", sent, self._room.ports.clock()))

    def _question(self, session: Session, now: float) -> bytes:
        asked = session.asked
        late = 0
        for question in asked.open:
            if question.at > now - ANSWER_WITHIN_S:
                break
            late += 1
        if len(asked.open) - late >= min(MOST_OPEN, MOST_OPEN if asked.answers["query"] else MOST_OPEN_AT_FIRST):
            return b""
        presence = self._room.presence
        surely = (asked.knows or asked.settled) and asked.takes_queries and presence.holds(session.clients)
        if surely and not late and not asked.unclear:
            asked.budget = min(asked.budget + (now - asked.last_at) * STATES_BYTES_PER_S, STATES_BYTES_BURST)
            asked.last_at = now
            if asked.budget < presence.size:
                return b""
            asked.budget -= presence.size
            return self._ask(session, "query", now)
        # It shows no awareness, or an answer was not recognised: a step 2 answers all that was asked before it.
        if len(self._room.in_flight) > BUSY or any(question.form == "step 1" for question in asked.open):
            return b""
        if now - asked.last_step_1_at < max(STEP_2_EVERY_S, asked.step_2_bytes / STEP_2_BYTES_PER_S):
            return b""
        asked.last_step_1_at = now
        return self._ask(session, "step 1", now)

    def _ask(self, session: Session, form: Form, now: float) -> bytes:
        asked = session.asked
        asked.last_at = now
        asked.questions += 1
        asked.sent = session.sent
        asked.open.append(Question(form, session.sent, now))
        return QUERY if form == "query" else binary_frame(encode_sync_step1(self._room.fold.replica.state_vector()))

    # -- answers ------------------------------------------------------------------------------------------------------

    def answers(self, session: Session, data: bytes) -> bool:
        """Look at an awareness frame of a stock session; True if it is an answer, which says nothing new of anybody.
        Raises MalformedMessage."""
        asked = session.asked
        named = awareness_clocks(data)
        if not asked.is_answer(session.clients, named):
            return False
        question = asked.answered(named)
        if question is not None:
            self._prove(session, question)
        return True

    def states_came(self, session: Session, states: Sequence[AwarenessState]) -> None:
        """Look at an awareness message that is no answer."""
        asked = session.asked
        alone = not asked.knows
        asked.note(session.clients, [(state.client, state.clock, state.state_json == NULL) for state in states])
        if alone and asked.knows and session.synced and session.lower < session.sent:
            # Its next edits are best understood if it is known when what it was sent so far has been applied.
            self._write(session, self._question(session, self._room.ports.clock()))

    def step_2_came(self, session: Session, size: int) -> None:
        """Take a step 2 for an answer, once the edits in it have been decided in the context that they had."""
        asked = session.asked
        asked.step_2_bytes = size
        question = asked.answer("step 1")
        if question is None:
            return
        asked.unclear = False
        asked.settled = asked.own_clock >= 0
        if session.backlog is None:
            self._prove(session, question)
        else:
            self._room.in_flight[-1].after.append(lambda: self._prove(session, question))

    def _prove(self, session: Session, question: Question) -> None:
        session.lower = max(session.lower, min(question.sent, session.sent))
        if session.asked.news > session.asked.sent:
            self._write(session, self.behind(session, self._room.ports.clock()))

    def _write(self, session: Session, frames: bytes) -> None:
        if frames:
            self._room.write(session, frames)

"""Questions whose answers prove what a stock client has applied.

A client that declares nothing is asked, behind the updates that it is sent, for what answers in the order of messages:
then everything written before the question has been applied when the answer comes. Two questions do that.

*Query awareness* (one byte). y-websocket answers with one awareness message that holds every state it knows. An
awareness message is such an answer if it names the client's own id and another one, nobody gone, and the own clock was
named on this connection before. No other message of y-websocket does: each awareness event of an own state raises its
clock (y-protocols ``awareness.js``) and is sent once, and the opening message names the own id alone. The room relays
nobody's own state as changed by somebody else, which would be the one way to have a client name itself and others.

*Sync step 1*. It is answered by a step 2, which nobody sends unasked, but which holds all deletes of the document: for
clients that show no awareness (``pycrdt.Provider``), and rarely.

Answers come in order, and an answer is taken for the oldest question of its form: so one that is missed makes less
known than there is, never more.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal, NamedTuple

from keepboth.live.frames import binary_frame
from keepboth.live.presence import NULL
from keepboth.yjs.messages import AwarenessState, encode_query_awareness, encode_sync_step1

if TYPE_CHECKING:
    from keepboth.live.room import Room
    from keepboth.live.session import Session

TYPED_WITHIN_S = 5.0
"""Only who has typed within this long is asked."""

MOST_OPEN = 1
"""Questions that may be open."""

ANSWER_WITHIN_S = 5.0
GIVE_UP_AFTER = 3
"""Whoever has left so many questions unanswered for so long is not asked again, until an answer comes."""

STATES_BYTES_PER_S = 32_768
"""An answer repeats everybody's state: what one session's answers may come to."""

STEP_2_EVERY_S = 0.5
STEP_2_BYTES_PER_S = 8_192
"""How often a client without awareness is asked, and what its answers may come to."""

QUERY = binary_frame(encode_query_awareness())

Form = Literal["query", "step 1"]


class Question(NamedTuple):
    """``sent``: the release point up to which the session had been written everything when it was asked."""

    form: Form
    sent: int
    at: float


class Asked:
    """The questions of one session, oldest first, and what its answers looked like."""

    __slots__ = ("answers", "last_at", "open", "own_clock", "questions", "step_2_bytes")

    def __init__(self) -> None:
        self.open: deque[Question] = deque()
        self.own_clock = -1
        """The newest clock of its own state that it has named on this connection, -1 if none."""
        self.last_at = -1e9
        self.step_2_bytes = 0
        self.questions = 0
        self.answers = 0

    def names_own(self, clients: frozenset[int], states: tuple[AwarenessState, ...]) -> bool:
        """Take note of the client's own clock; return True if *states* can only be an answer to a query."""
        repeated = False
        for state in states:
            if state.client in clients and state.state_json != NULL:
                repeated = state.clock == self.own_clock
                self.own_clock = max(self.own_clock, state.clock)
        return repeated and len(states) > 1 and all(state.state_json != NULL for state in states)

    def answer(self, form: Form) -> Question | None:
        """The oldest open question of that *form*, closed, with all before it; None if there is none."""
        while self.open:
            question = self.open.popleft()
            if question.form == form:
                return question
        return None


class Asking:
    """Who is asked what in one room, and what answers prove."""

    def __init__(self, room: Room) -> None:
        self._room = room

    # -- questions ----------------------------------------------------------------------------------------------------

    def behind_news(self, session: Session) -> bytes:
        """The question to write behind somebody else's news, for a stock session that types; or nothing."""
        now = self._room.ports.clock()
        if session.declared or now - session.typed_at > TYPED_WITHIN_S:
            return b""
        return self._question(session, now)

    def step_1_written(self, session: Session, sent: int) -> None:
        """A step 1 is written to *session* for another reason: its answer counts like any other's."""
        session.asked.open.append(Question("step 1", sent, self._room.ports.clock()))

    def _question(self, session: Session, now: float) -> bytes:
        asked = session.asked
        late = sum(question.at < now - ANSWER_WITHIN_S for question in asked.open)
        if len(asked.open) - late >= MOST_OPEN:
            return b""
        presence = self._room.presence
        if not late and len(presence) > 1 and presence.holds(session.clients):
            if now - asked.last_at < presence.size / STATES_BYTES_PER_S:
                return b""
            form: Form = "query"
        else:
            # Somebody without awareness, or an answer was not recognised: a step 2 answers all that came before it.
            if sum(question.form == "step 1" for question in asked.open) or late > GIVE_UP_AFTER:
                return b""
            if now - asked.last_at < max(STEP_2_EVERY_S, asked.step_2_bytes / STEP_2_BYTES_PER_S):
                return b""
            form = "step 1"
        asked.last_at = now
        asked.questions += 1
        asked.open.append(Question(form, session.sent, now))
        return QUERY if form == "query" else binary_frame(encode_sync_step1(self._room.fold.replica.state_vector()))

    # -- answers ------------------------------------------------------------------------------------------------------

    def states_came(self, session: Session, states: tuple[AwarenessState, ...]) -> bool:
        """Look at an awareness message; True if it is an answer and holds nothing else."""
        asked = session.asked
        opening = asked.own_clock < 0
        if asked.names_own(session.clients, states):
            question = asked.answer("query")
            if question is not None:
                self._prove(session, question)
            return question is not None
        if opening and asked.own_clock >= 0 and session.synced and not session.declared:
            # Its first edits are best understood if it is known when our step 2 has been applied.
            question_frame = self._question(session, self._room.ports.clock())
            if question_frame:
                self._room.write(session, question_frame)
        return False

    def step_2_came(self, session: Session, size: int) -> None:
        """Take a step 2 for an answer, once the edits in it have been decided in the context that they had."""
        session.asked.step_2_bytes = size
        question = session.asked.answer("step 1")
        if question is None:
            return
        if session.backlog is None:
            self._prove(session, question)
        else:
            self._room.in_flight[-1].after.append(lambda: self._prove(session, question))

    def _prove(self, session: Session, question: Question) -> None:
        session.asked.answers += 1
        session.lower = max(session.lower, min(question.sent, session.sent))

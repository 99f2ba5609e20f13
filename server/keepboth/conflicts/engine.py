"""The conflict engine of one document: edits go in as they are released, episodes come out.

An edit takes two steps. `feed` puts it into the shadow, at once and in order: a few microseconds. If somebody had not
seen something that the edit's author had not seen either, it is put in a queue, and `work` looks for collisions, as
many steps at a time as the caller allows, so that a server can relay first and detect later, in slices. `add` does
both. Whatever the slices and the causal order, the same edits with the same labels give the same episodes.

Pairs are found by whichever of the two edits is looked at last, against all that is in the shadow by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from keepboth.conflicts.bearings import Bearings
from keepboth.conflicts.crowds import land
from keepboth.conflicts.episodes import Cluster, Clusters, clusters_of
from keepboth.conflicts.lookup import cluster_named
from keepboth.conflicts.model import Changes, EditFact, Episode, Grain, Record
from keepboth.conflicts.nesting import stir
from keepboth.conflicts.packs import EVERY, LEAST, RECENT, Packs
from keepboth.conflicts.places import episode_id, writes
from keepboth.conflicts.runs import Run
from keepboth.conflicts.search import Search
from keepboth.conflicts.settling import settled_by
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.conflicts.views import episode_of, now_of, span_of
from keepboth.yjs.structs import STRING, Struct, Update


class DocumentConflicts:
    """The conflict log of one document.

    ``gap``: collisions at most so many characters apart on the screen of somebody who took part in both are one
    episode. ``cap``: where more strokes than this have met, edits are no longer weighed one by one (see `crowds`).
    ``grain``: ``"line"`` also finds, without a cap, who met on a line only (see `lines`).
    ``all_records``: no cap, keep every pair in `records` and treat every event on its own: slow, for tests.
    """

    __slots__ = (
        "_all_records",
        "_clusters",
        "_grain",
        "_last",
        "_packs",
        "_queue",
        "_recent",
        "_sessions",
        "_shadow",
        "_steps",
        "_stirred",
        "records",
    )

    def __init__(self, gap: int = 20, cap: int = 128, *, grain: Grain = "character", all_records: bool = False) -> None:
        self.records: list[Record] = []
        self._all_records = all_records
        self._shadow = Shadow()
        self._clusters = Clusters(self._shadow, gap, None if all_records or grain == "line" else cap)
        self._grain = grain
        self._packs = Packs(self._clusters)
        self._sessions: dict[str, Session] = {}
        self._recent: list[Session] = []  # by max_eff, highest first
        self._last: Session | None = None  # whose edit came last
        self._stirred: dict[Cluster, None] = {}  # somebody may have settled them
        self._queue: deque[tuple[Stroke, int]] = deque()
        self._steps = 0

    # -- in --------------------------------------------------------------------------------------------------------

    def add(self, batch: Sequence[EditFact]) -> Changes:
        """Feed *batch*, work until nothing is pending, and return what changed: for few edits, and for tests."""
        self.feed(batch)
        self.work()
        return self.changes()

    def feed(self, batch: Sequence[EditFact]) -> None:
        """Take in edits that were released together.

        Edits come in causal order: after all that their authors had seen, after what they build on, and after lower
        revisions whose content they repeat; those of a session in revision order. Edits of one batch may build on each
        other. Contexts must be closed: who has seen an event, or names its content, has seen what that builds on.

        Raises: InvalidRequest when something that an edit builds on is missing.
        """
        if not self._all_records:
            self._packs.admit(batch, self._sessions)
        if len(batch) == 1:
            self._feed_one(batch[0])
        else:
            waiting = self._feed_ready(batch)
            if waiting:  # these build on each other
                strokes = [(self._begin(self._session(fact.session), fact), fact.update) for fact in waiting]
                self._shadow.integrate(strokes)
                for stroke, _ in strokes:
                    self._enqueue(stroke, 0)
        if self._shadow.stirred:
            since = 0 if self._shadow.late else min(fact.revision for fact in batch)
            for stroke in self._shadow.stirred:
                for cluster in clusters_of(stroke):
                    if cluster.settled_by is None or since < cluster.settled_by:
                        self._stirred[cluster] = None
            self._shadow.stirred.clear()
        if self._shadow.late:
            for stroke in self._shadow.late:
                stroke.lines = stroke.painted = None
                self._clusters.regroup(stroke)
                self._queue.append((stroke, 0))
            self._shadow.late.clear()

    def _feed_one(self, fact: EditFact) -> None:
        session = self._session(fact.session)
        if not self._continue(session, fact):
            stroke = self._begin(session, fact)
            self._shadow.integrate(((stroke, fact.update),))
            self._enqueue(stroke, 0)

    def _feed_ready(self, batch: Sequence[EditFact]) -> list[EditFact]:
        """Feed one by one what builds on nothing that is missing; return the rest."""
        waiting = list(batch)
        moved = True
        while moved and waiting:
            rest: list[EditFact] = []
            held: set[str] = set()
            for fact in waiting:
                if fact.session in held or not self._shadow.accepts(fact.update):
                    held.add(fact.session)
                    rest.append(fact)
                else:
                    self._feed_one(fact)
            moved = len(rest) < len(waiting)
            waiting = rest
        return waiting

    def _session(self, name: str) -> Session:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(name)
            self._recent.append(session)
        return session

    def _begin(self, session: Session, fact: EditFact) -> Stroke:
        stroke = Stroke(fact, session)
        session.append(stroke)
        self._packs.fresh += 1
        self._rank(session, fact.effective)
        return stroke

    def _rank(self, session: Session, effective: int) -> None:
        self._last = session
        if effective > session.max_eff:
            session.max_eff = effective
            recent = self._recent
            if recent[0] is not session:
                at = recent.index(session)
                while at and recent[at - 1].max_eff < effective:
                    recent[at] = recent[at - 1]
                    at -= 1
                recent[at] = session

    def _continue(self, session: Session, fact: EditFact) -> bool:
        """Let *fact* join the session's last stroke, if it may."""
        if self._all_records or not session.strokes or fact.update.deletes:
            return False
        struct = _only_struct(fact.update)
        stroke = session.strokes[-1]
        if struct is None or stroke.dels or stroke.wrote or len(stroke.ins) != 3 or struct.kind != STRING:
            return False
        client, clock, length = stroke.ins
        end = clock + length
        if struct.client != client or struct.clock != end or struct.origin != (client, end - 1):
            return False
        tail = self._shadow.tail(client)
        if (
            tail is None
            or tail.stroke is not stroke
            or tail.kind != STRING
            or tail.right_origin != struct.right_origin
            or tail.clock + tail.length != end
            or not self._same_knowledge(stroke, fact)
        ):
            return False
        alone = self._last is session
        if self._shadow.extend(tail, struct):
            stroke.extend(fact, end, struct.length)
        else:
            ins = stroke.ins
            self._shadow.integrate(((stroke, fact.update),))
            stroke.ins = ins
            stroke.extend(fact, end, struct.length)
        self._rank(session, fact.effective)
        line = tail.line
        if line is not None and line.holder is not None:
            stir(line, fact.effective)
        unsure = False
        if stroke.spots is not None or stroke.places is not None:
            for cluster in clusters_of(stroke):
                self._clusters.touched[cluster] = None  # it meets all that the keystroke before it met
                unsure = unsure or not cluster.certain
        if not alone or self._clusters.crowds or unsure:
            self._enqueue(stroke, stroke.count - 1)
        return True

    def _same_knowledge(self, stroke: Stroke, fact: EditFact) -> bool:
        """True if the author of *fact* had seen of others just what the stroke's author had seen.

        The same knowledge written with other exceptions passes for different: that only costs a stroke more.
        """
        lower, upper = fact.context
        if stroke.actor != fact.actor or stroke.undeclared != fact.undeclared_delete:
            return False
        if lower == stroke.lower:
            return upper == stroke.upper
        if stroke.lower is not stroke.upper or upper != lower or lower.base < stroke.lower.base:
            return False
        if lower.include != stroke.lower.include or lower.exclude != stroke.lower.exclude:
            return False
        base = stroke.lower.base
        for session in self._recent:
            if session.max_eff <= base:
                break
            if session is not stroke.session and session.news(base, lower.base):
                return False
        return True

    def _enqueue(self, stroke: Stroke, nth: int) -> None:
        if stroke.wrote and self._clusters.keyed:
            for line in writes(self._shadow, stroke):
                for cluster in self._clusters.keyed.get(line, ()):
                    if cluster.settled_by is None or stroke.rev < cluster.settled_by:
                        self._stirred[cluster] = None
        if self._clusters.crowds or self._unseen(stroke):
            self._queue.append((stroke, nth))

    def _unseen(self, stroke: Stroke) -> list[tuple[Session, int]]:
        """Each session with something the stroke's author had not seen, and a floor of what its events there knew."""
        found: list[tuple[Session, int]] = []
        floor = stroke.floor
        for session in self._recent:
            if session.max_eff <= floor:
                break
            if session is stroke.session:
                continue
            index = session.first_beyond(floor)
            if stroke.lower.include:
                strokes = session.strokes
                while index < len(strokes) and stroke.knows(strokes[index]):
                    index += 1
            if index < len(session.strokes):
                found.append((session, session.floor_from(index)))
        return found

    # -- detection -------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """How many edits wait to be looked at."""
        return len(self._queue)

    @property
    def steps(self) -> int:
        """How much work detection has done: runs looked at and pairs weighed."""
        return self._steps + self._clusters.steps

    def work(self, budget: int | None = None) -> int:
        """Look at pending edits until about *budget* steps are done; return how many edits are still pending.

        A step is a run looked at or a pair weighed, about a microsecond. One edit is always finished.
        """
        limit = None if budget is None else self.steps + budget
        while self._queue and (limit is None or self.steps < limit):
            stroke, nth = self._queue.popleft()
            self._detect(stroke, nth)
        if self._packs.fresh >= EVERY and not self._queue:
            self.pack()
        return len(self._queue)

    def pack(self, recent: int = RECENT, least: int = LEAST) -> None:
        """Keep small what nobody is concurrent with, of all but the newest *recent* revisions (see `packs`).

        Rows of fewer than *least* strokes are not worth it.
        `work` does so by itself from time to time. Nothing that is found, before or after, depends on it.
        """
        if not self._queue and not self._all_records:
            self._packs.pack(self._recent, recent, least)

    def packed_above(self, revision: int) -> bool:
        """True if edits released after *revision* are packed: one who had not seen them makes them be unpacked."""
        return self._packs.top > revision

    def clocks(self) -> dict[int, int]:
        """The next clock of every client."""
        return self._shadow.clocks()

    def _detect(self, stroke: Stroke, nth: int) -> None:
        clusters = self._clusters
        runs = [run for run in self._touched(stroke, nth) if not run.mute and run.line is not None]
        if clusters.crowds:
            for run in runs:
                land(clusters, stroke, run, nth)
        unseen = self._unseen(stroke)
        if unseen:
            search = Search(clusters, stroke, nth, unseen, self.records if self._all_records else None, self._grain)
            search.look(runs)
            self._steps += search.steps

    def _touched(self, stroke: Stroke, nth: int) -> list[Run]:
        if stroke.revs is None:
            return list(self._shadow.runs(stroke.ins + stroke.dels))
        return [self._shadow.find(stroke.ins[0], stroke.clock_at(nth))]

    # -- out -------------------------------------------------------------------------------------------------------

    def changes(self) -> Changes:
        """What changed since the last call.

        Reads every changed episode whole, in time proportional to its size: call it once a slice, not once an edit.
        """
        changed = []
        superseded = []
        self._resettle()
        bearings = Bearings()
        for cluster in self._clusters.touched:
            now = episode_id(self._shadow, cluster)
            superseded += [(old, now) for old in cluster.published if old != now]
            cluster.published = [now]
            episode = episode_of(self._shadow, cluster, bearings)
            cluster.severity, cluster.settled_by = episode.severity, episode.settled_by
            changed.append(episode)
        self._clusters.touched.clear()
        return Changes(tuple(changed), tuple(superseded))

    @property
    def unread_us(self) -> int:
        """About how many microseconds the next `changes` takes: for every side, an episode is read whole; and to say in
        which line it is, all before it is counted. Whom somebody may have settled is read, too."""
        clusters = self._clusters.touched | self._stirred
        counted = self._shadow.size * min(len(clusters), 4) // 4 if clusters else 0
        return counted + sum(300 + len(cluster.spots) ** 2 for cluster in clusters)

    def _resettle(self) -> None:
        """Touch the clusters that somebody has settled since they were read."""
        touched = self._clusters.touched
        for cluster in self._stirred:
            if cluster in self._clusters.all and cluster not in touched:
                before = cluster.settled_by
                if settled_by(self._shadow, cluster, cluster.severity) != before:
                    touched[cluster] = None
        self._stirred.clear()

    def report_all(self) -> None:
        """Let `changes` give out every episode again."""
        self._clusters.touched.update(self._clusters.all)

    def episodes(self) -> tuple[Episode, ...]:
        """The conflict log: by root name, sequences first, then in document order."""
        found = []
        for cluster in self._clusters.all:
            span = span_of(self._shadow, cluster)
            name = episode_id(self._shadow, cluster)
            found.append((span.line.root, span.line.key or "", span.first.order, span.low, cluster.low, name, cluster))
        found.sort(key=lambda place: place[:6])
        bearings = Bearings()
        return tuple(episode_of(self._shadow, place[-1], bearings) for place in found)

    def episode(self, id: str) -> Episode | None:
        """The episode that *id* names or that took it in, None if there is none."""
        cluster = cluster_named(self._clusters, id)
        return None if cluster is None else episode_of(self._shadow, cluster)

    def resolve_alias(self, id: str) -> str | None:
        """The present id of the episode that *id* ever named, None if there is none.

        Works for every id the episode, or one merged into it, may have had, whether or not it was ever given out.
        """
        cluster = cluster_named(self._clusters, id)
        return None if cluster is None else episode_id(self._shadow, cluster)

    def now(self, id: str) -> str | None:
        """What the document says at present where the episode is, None if there is no such episode."""
        cluster = cluster_named(self._clusters, id)
        return None if cluster is None else now_of(self._shadow, cluster)

    def found(self, id: str) -> tuple[Shadow, Cluster] | None:
        """The items and the connected edits behind an entry, for `versions.Versions`; None if there is none."""
        cluster = cluster_named(self._clusters, id)
        return None if cluster is None else (self._shadow, cluster)


def _only_struct(update: Update) -> Struct | None:
    """The only struct of an update that holds just one."""
    if len(update.structs) != 1:
        return None
    (structs,) = update.structs.values()
    return structs[0] if len(structs) == 1 else None

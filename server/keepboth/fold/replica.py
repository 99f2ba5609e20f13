"""A live CRDT document, and nothing that pycrdt does can hurt: every failure comes out as one of our errors.

pycrdt (yrs) can raise ``PanicException``, which is not an ``Exception``, and a document it has panicked in must not be
used again. So every call into it goes through here; after :class:`Poisoned` the caller throws the replica away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pycrdt

from keepboth.errors import KeepBothError, MalformedUpdate
from keepboth.yjs.update import decode_update

MERGE_GROUP = 50
"""``merge_updates`` is quadratic in the number of updates: groups of at most 50, level by level."""

EMPTY_UPDATE = b"\x00\x00"
EMPTY_STATE_VECTOR = b"\x00"


class Poisoned(KeepBothError):
    """The CRDT failed while integrating; this replica must be thrown away and folded anew."""

    code = "replica-poisoned"


def is_readable(update: bytes) -> bool:
    """True if the CRDT can parse *update*. Costs about half a microsecond for a keystroke."""
    try:
        pycrdt.get_state(update)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - PanicException is not an Exception
        return False
    return True


def merge(updates: Sequence[bytes]) -> bytes:
    """One update that brings what *updates* bring, merged in groups of :data:`MERGE_GROUP`, level by level.

    Raises Poisoned if the CRDT cannot merge them.
    """
    level = list(updates)
    if not level:
        return EMPTY_UPDATE
    try:
        while len(level) > 1:
            level = [
                pycrdt.merge_updates(*level[at : at + MERGE_GROUP]) if at + 1 < len(level) else level[at]
                for at in range(0, len(level), MERGE_GROUP)
            ]
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001
        raise Poisoned(f"updates could not be merged: {error}") from None
    return level[0]


MOST_LATER = 64
"""Updates that wait for somebody to ask."""


class Replica:
    """One document as the CRDT sees it. Not safe for threads; owned by one room or one fold."""

    __slots__ = ("_broken", "_deletes", "_doc", "_full", "_later", "_state")

    def __init__(self) -> None:
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self._later: list[bytes] = []
        self._broken: Poisoned | None = None
        self._state: bytes | None = EMPTY_STATE_VECTOR
        self._full: bytes | None = EMPTY_UPDATE
        self._deletes: dict[int, list[tuple[int, int]]] | None = {}

    def apply(self, update: bytes) -> None:
        """Integrate *update*. Raises Poisoned; the replica is then useless."""
        if self._later:
            self._catch_up()
        self._integrate(update)

    def apply_later(self, update: bytes) -> None:
        """:meth:`apply`, but not before somebody wants to know, or many have come: nearly all typing is relayed without
        anybody asking what the document says, and many updates at once cost a tenth of as many single ones. Raises
        Poisoned, as all other methods then do, for this or for an earlier one."""
        self._later.append(update)
        self._state = self._full = self._deletes = None
        if len(self._later) >= MOST_LATER:
            self._catch_up()

    def _catch_up(self) -> None:
        if self._broken is not None:
            raise self._broken
        try:
            self._integrate(merge(self._later))
        except Poisoned as error:
            self._broken = error
            raise
        self._later = []

    def _integrate(self, update: bytes) -> None:
        self._state = self._full = self._deletes = None
        try:
            self._doc.apply_update(update)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001
            raise Poisoned(f"the CRDT could not apply an update: {error}") from None

    def state_vector(self) -> bytes:
        """The encoded state vector (lib0: clients, then client and clock each)."""
        if self._state is None:
            self._state = self._guard(self.doc().get_state)
        return self._state

    def update_since(self, state_vector: bytes = EMPTY_STATE_VECTOR) -> bytes:
        """Everything that a peer with *state_vector* lacks, with the whole delete set.

        The answer to an empty state vector is cached until the next :meth:`apply`. Raises MalformedUpdate for bytes
        that are no state vector.
        """
        if self._later:
            self._catch_up()
        if state_vector in (EMPTY_STATE_VECTOR, b""):
            if self._full is None:
                self._full = self._guard(lambda: self._doc.get_update(EMPTY_STATE_VECTOR))
            return self._full
        try:
            return bytes(self._doc.get_update(state_vector))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001
            raise MalformedUpdate(f"these bytes are not a state vector: {error}") from None

    def deletes(self) -> dict[int, list[tuple[int, int]]]:
        """Every deleted range the replica knows, those that the merge itself made included."""
        if self._deletes is None:
            own_state = self.state_vector()
            self._deletes = decode_update(self._guard(lambda: self._doc.get_update(own_state))).deletes
        return self._deletes

    def doc(self) -> pycrdt.Doc[Any]:
        """The pycrdt document, for views. Read only: whoever writes to it breaks the fold. Raises Poisoned."""
        if self._later:
            self._catch_up()
        return self._doc

    def _guard(self, call: Any) -> bytes:
        try:
            return bytes(call())
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001
            raise Poisoned(f"the CRDT failed while reading: {error}") from None

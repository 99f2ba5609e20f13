"""Every error KeepBoth raises on purpose, as one tree that says who must act.

::

    KeepBothError
    ├── ClientMustChange        the same request will fail again; the caller must send something else
    │   ├── MalformedMessage    a frame that is not a message of the dialect
    │   ├── MalformedUpdate     bytes that are not a Yjs update, or break one of its rules
    │   ├── OverLimit           larger or faster than this server accepts
    │   ├── NotAuthorised       no right to do this
    │   ├── NotFound            no such document, event, revision or conflict
    │   ├── InvalidRequest      a field is missing or makes no sense
    │   ├── ConditionFailed     the world has moved on; carries the events that did it
    │   ├── PlaceChanged        what a choice was made on reads otherwise now; carries the events that did it
    │   ├── IdentityClash       an id that is taken by other content (decisions and foreign events only)
    │   ├── Fenced              another connection has taken over this session
    │   ├── LeaseTaken          somebody else reads for this consumer
    │   ├── OtherLog            the log is not the one that this cursor was in
    │   └── ReducerOverrun      a reducer took more time or memory than it may
    ├── TryLater                the same request may succeed later; keep the edit and repeat it
    │   ├── NotDurableNow       the disk is full or the store failed; nothing was acknowledged
    │   ├── ShuttingDown        the server is going down
    │   ├── SlowReader          the connection reads slower than the document changes
    │   └── Overloaded          a bounded queue stayed full
    └── OperatorMustAct         somebody who runs the server must look
        ├── StoreLocked         another process owns the log
        ├── StoreDamaged        the log does not agree with its own hashes
        ├── StoreTooNew         the file was written by a newer version
        ├── SettingsInvalid     a setting makes no sense
        └── ReducerFailed       a reducer's process ended without an answer

Each class has a stable ``code`` (kebab case; documented in ``docs/protocol.md``), an HTTP ``status``
and a WebSocket ``close_code``, which is 4000 + status. Facts are keyword arguments, kept in ``facts``.
"""

from __future__ import annotations

from typing import Any, ClassVar


class KeepBothError(Exception):
    """Base of all our errors: *detail* is one sentence for a person, *facts* are JSON-able values for a program."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts

    @property
    def close_code(self) -> int:
        """The WebSocket close code for this error: 4000 + HTTP status."""
        return 4000 + self.status


class ClientMustChange(KeepBothError):
    """The same request will fail again; the caller must send something else."""

    code = "client-must-change"
    status = 400


class MalformedMessage(ClientMustChange):
    """A frame that is not a message of the dialect it arrived in."""

    code = "malformed-message"


class MalformedUpdate(ClientMustChange):
    """Bytes that are not a Yjs update, or an update that breaks a rule of the format."""

    code = "malformed-update"


class OverLimit(ClientMustChange):
    """Larger or faster than this server accepts."""

    code = "over-limit"
    status = 413


class NotAuthorised(ClientMustChange):
    """The actor has no right to do this."""

    code = "not-authorised"
    status = 403


class NotFound(ClientMustChange):
    """No such document, event, revision or conflict."""

    code = "not-found"
    status = 404


class InvalidRequest(ClientMustChange):
    """A field is missing or makes no sense."""

    code = "invalid-request"
    status = 400


class ConditionFailed(ClientMustChange):
    """The world has moved on; ``events`` are the recorded events that made the condition false."""

    code = "condition-failed"
    status = 409

    def __init__(self, detail: str, events: tuple[Any, ...] = (), **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.events = events


class PlaceChanged(ClientMustChange):
    """The result of a choice differs from what was shown; ``events`` are the recorded edits that changed the place."""

    code = "place-changed"
    status = 409

    def __init__(self, detail: str, events: tuple[Any, ...] = (), **facts: Any) -> None:
        super().__init__(detail, **facts)
        self.events = events


class IdentityClash(ClientMustChange):
    """A decision or foreign event whose id is taken by other content."""

    code = "identity-clash"
    status = 409


class Fenced(ClientMustChange):
    """Another connection has taken over this editing session."""

    code = "session-fenced"
    status = 409


class LeaseTaken(ClientMustChange):
    """Somebody else reads for this consumer, or has since this lease ran out."""

    code = "lease-taken"
    status = 409


class OtherLog(ClientMustChange):
    """The log went on differently from what this cursor has seen, as after restoring an older backup."""

    code = "other-log"
    status = 409


class ReducerOverrun(ClientMustChange):
    """A reducer took more time or memory than it may; ask for less of the log, or allow it more."""

    code = "reducer-overrun"
    status = 422


class TryLater(KeepBothError):
    """The same request may succeed later; keep the edit and repeat it."""

    code = "try-later"
    status = 503


class NotDurableNow(TryLater):
    """The log could not be written; nothing was acknowledged and nothing was lost that was."""

    code = "not-durable-now"
    status = 507


class ShuttingDown(TryLater):
    """The server is going down."""

    code = "shutting-down"


class NotKnownYet(TryLater):
    """The conflict engine is still looking at this document."""

    code = "not-known-yet"


class SlowReader(TryLater):
    """This connection reads slower than the document changes; reconnecting resyncs it from the log."""

    code = "slow-reader"
    status = 529


class Overloaded(TryLater):
    """A bounded queue stayed full for too long."""

    code = "overloaded"
    status = 530


class OperatorMustAct(KeepBothError):
    """Somebody who runs the server must look."""

    code = "operator-must-act"
    status = 500


class StoreLocked(OperatorMustAct):
    """Another process owns the log."""

    code = "store-locked"


class StoreDamaged(OperatorMustAct):
    """The log does not agree with its own hashes."""

    code = "store-damaged"


class StoreTooNew(OperatorMustAct):
    """The file was written by a newer version of KeepBoth."""

    code = "store-too-new"


class SettingsInvalid(OperatorMustAct):
    """A setting makes no sense."""

    code = "settings-invalid"


class ReducerFailed(OperatorMustAct):
    """The process of a reducer ended without an answer."""

    code = "reducer-failed"

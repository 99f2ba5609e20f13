"""What a document says at a cut, as text, JSON or an update. Blocks; a state is folded and rendered in one thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from keepboth.errors import InvalidRequest, KeepBothError, NotFound
from keepboth.fold import views
from keepboth.fold.document import DocumentFold
from keepboth.fold.replica import Poisoned
from keepboth.history.cuts import Selection
from keepboth.history.folding import Folding

Form = Literal["json", "text", "update"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a document says, and what of it does not show: edits that wait, and edits that cannot be read."""

    value: Any
    pending: int
    quarantined: int


def render(folding: Folding, selection: Selection, form: Form, root: str | None = None) -> Rendered:
    """The state at *selection* as ``text`` (str), ``json`` (dict by root) or ``update`` (bytes).

    Raises NotFound for a root that does not exist, InvalidRequest for one that cannot be shown this way.
    """
    folded = folding.at(selection)
    return Rendered(shown(folded, form, root), len(folded.waiting), len(folded.quarantined))


def shown(folded: DocumentFold, form: Form = "json", root: str | None = None) -> Any:
    """What a fold says. Raises as `render`."""
    try:
        return _view(folded, form, root)
    except (KeepBothError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - pycrdt's PanicException is not an Exception
        raise Poisoned(f"the CRDT failed while showing the document: {error}") from None


def _view(folded: DocumentFold, form: Form, root: str | None) -> Any:
    value: Any
    if form == "update":
        if root is not None:
            raise InvalidRequest("an update holds every root", field="root")
        value = folded.replica.update_since()
    elif form == "text":
        value = views.text(folded.replica, root, folded.roots)
    else:
        value = views.json_value(folded.replica, folded.roots)
        if root is not None:
            if root not in value:
                raise NotFound(f"this document has no root {root!r}", roots=sorted(value))
            value = {root: value[root]}
    return value

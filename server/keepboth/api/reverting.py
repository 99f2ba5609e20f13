"""Going back over HTTP: to a moment, or without somebody's work."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

import keepboth.api.models as models
from keepboth.api.changes import CountsBody, RewrittenPlace, WorkBody, change_bodies, counts_body
from keepboth.api.moments import MomentBody
from keepboth.api.requests import From, Parts, id_of, json_body
from keepboth.cloudevents import rfc3339
from keepboth.events import check_document_name
from keepboth.history.going_back import GoBack, Reversion

router = APIRouter(tags=["history"])


class RevertBody(models.Strict):
    """Where to go back ``to``, or whose work to ``undo``: just one of them.

    ``revision`` is that of a preview: 409 `place-changed` if the way back is another by now. ``event_id`` names the
    decision: repeating the request with it is safe.
    """

    document: str
    to: MomentBody | None = None
    undo: WorkBody | None = None
    preview: bool = False
    revision: models.Revision | None = None
    event_id: UUID | None = None


class RevertedBody(BaseModel):
    """What going back changes. ``revision``: up to which everything was looked at; ``edits``: whose work is undone."""

    document: str
    status: Literal["preview", "appended", "duplicate"]
    revision: int
    cut: str | None = Field(description="of the document as it was looked at: restoring it takes this back")
    to: str | None = Field(description="the token of the cut that is restored")
    undone: list[tuple[int, int]] = Field(description="ranges of revisions")
    changes: list[RewrittenPlace]
    counts: CountsBody | None
    roots: dict[str, models.Root] | None = Field(description="a preview only: what the document will say")
    decision: models.ReceiptBody | None
    edit: models.ReceiptBody | None = Field(description="null if nothing had to change")


@router.post("/api/revert", status_code=201, dependencies=[Depends(json_body)])
async def revert(parts: Parts, who: From, body: RevertBody, response: Response) -> RevertedBody:
    """Make a document what it was at a moment, or take somebody's work out of it: as one more edit, recorded with a
    `document.reverted` event in one transaction. What others write meanwhile stays.

    With ``preview`` nothing is recorded (status 200). A repeat with the same ``event_id`` is answered with the original
    receipts (200).
    """
    document = check_document_name(body.document)
    wish = GoBack(
        None if body.to is None else body.to.to_cut(),
        None if body.undo is None else body.undo.to_work(),
    )
    if body.preview:
        response.status_code = 200
        worked = await parts.reverter.preview(document, wish)
        response.headers["KeepBoth-Revision"] = str(worked.revision)
        return RevertedBody(document=document, status="preview", decision=None, edit=None, **_fields(worked))
    done = await parts.reverter.revert(
        document, wish, who, seen=body.revision, event_id=id_of(body.event_id), session=who.session
    )
    receipts = [models.receipt_fields(document, one, rfc3339(one.recorded_at)) for one in done.receipts]
    again = done.worked is None
    response.status_code = 200 if again else 201
    response.headers["KeepBoth-Revision"] = str(receipts[-1].revision)
    return RevertedBody(
        document=document,
        status="duplicate" if again else "appended",
        decision=receipts[0],
        edit=receipts[1] if len(receipts) > 1 else None,
        **_fields(done.worked, receipts[0].revision),
    )


def _fields(worked: Reversion | None, revision: int = 0) -> dict[str, Any]:
    if worked is None:
        empty: dict[str, Any] = dict.fromkeys(("cut", "to", "counts", "roots"))
        return {**empty, "revision": revision, "undone": [], "changes": []}
    roots = worked.roots
    return {
        "revision": worked.revision,
        "cut": worked.token,
        "to": worked.to,
        "undone": list(worked.undone),
        "changes": change_bodies(worked.changes),
        "counts": counts_body(worked.counts),
        "roots": None if roots is None else {name: models.Root(**value) for name, value in roots.items()},
    }

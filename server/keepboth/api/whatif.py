"""What if, over HTTP: a document without somebody's work, or with an edit that nobody has recorded."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

import keepboth.api.models as models
from keepboth.api.changes import (
    MAX_NAMES,
    CountsBody,
    RewrittenPlace,
    WorkBody,
    change_bodies,
    counts_body,
)
from keepboth.api.moments import Moment, MomentBody, cut_headers, micros
from keepboth.api.requests import Name, Parts, json_body
from keepboth.api.services import Services
from keepboth.errors import InvalidRequest
from keepboth.history.cuts import Cut
from keepboth.history.whatif import Mode, WhatIf, what_if
from keepboth.history.work import Work, ranges_of

MAX_DEPENDANTS: Final = 1000

router = APIRouter(tags=["history"])


class DependantBody(BaseModel):
    """An edit that builds on what was left out: on the edits at ``builds_on``, which were left out or wait, too."""

    revision: int
    actor: str
    session: str | None
    builds_on: list[int]


class AddedBody(BaseModel):
    """Whether the update shows, and what it lacks if it does not."""

    applied: bool
    missing: list[models.MissingRange]


class WhatIfBody(BaseModel):
    """A document as it never was. ``cut`` asks for the same events again (in mode `keep`: for the cut itself)."""

    document: str
    revision: int
    cut: str
    mode: Mode
    left_out: list[tuple[int, int]] = Field(description="ranges of revisions")
    edits: int = Field(description="how many edits were left out")
    dependants: list[DependantBody] = Field(
        description=f"`strict`: these wait; `keep`: their text is kept. The first {MAX_DEPENDANTS:,}"
    )
    depending: int = Field(description="how many dependants there are")
    changes: list[RewrittenPlace] = Field(description="against the document at the cut, without the added update")
    counts: CountsBody
    added: AddedBody | None
    roots: dict[str, models.Root]


class WhatIfQuestion(models.Strict):
    """A question with an update (base64, version 1) that is not recorded."""

    document: str
    update: str | None = None
    without: WorkBody | None = None
    mode: Mode = "strict"
    cut: MomentBody = MomentBody()


@router.get("/api/whatif")
async def get_whatif(
    parts: Parts,
    document: Name,
    moment: Moment,
    response: Response,
    without_actor: Annotated[list[str], Query(max_length=MAX_NAMES, description="any of these actors")] = [],  # noqa: B006
    without_session: Annotated[list[str], Query(max_length=MAX_NAMES, description="any of these sessions")] = [],  # noqa: B006
    without_since: Annotated[datetime | None, Query(description="authored then or later (RFC 3339)")] = None,
    without_until: Annotated[datetime | None, Query(description="authored then or before")] = None,
    without_revisions: Annotated[str | None, Query(max_length=20_000, description="such as 5,9-12")] = None,
    mode: Annotated[Mode, Query(description="what becomes of edits that build on what is left out")] = "strict",
) -> WhatIfBody:
    """A document at a moment, without some edits. All conditions that are given must hold for an edit to be left out.

    Edits that build on what is left out wait in mode ``strict``; in mode ``keep`` their text is kept where it stands.
    """
    work = Work(
        tuple(without_actor),
        tuple(without_session),
        micros(without_since, "without_since"),
        micros(without_until, "without_until"),
        ranges_of(without_revisions, "without_revisions"),
    )
    return await _answer(parts, response, document, moment, None if work.is_all else work, mode, None)


@router.post("/api/whatif", dependencies=[Depends(json_body)])
async def post_whatif(parts: Parts, body: WhatIfQuestion, response: Response) -> WhatIfBody:
    """A document at a moment, without some edits, with an update on top that nobody records. Writes nothing."""
    work = None if body.without is None else body.without.to_work()
    update = None
    if body.update is not None:
        try:
            update = base64.b64decode(body.update, validate=True)
        except binascii.Error:
            raise InvalidRequest("the update is not base64", field="update") from None
    return await _answer(parts, response, body.document, body.cut.to_cut(), work, body.mode, update)


async def _answer(
    parts: Services, response: Response, document: str, cut: Cut, work: Work | None, mode: Mode, update: bytes | None
) -> WhatIfBody:
    found: WhatIf = await parts.desk.ask(document, lambda: what_if(parts.desk.past, document, cut, work, mode, update))
    response.headers.update(cut_headers(found.selection))
    return whatif_body(document, found)


def whatif_body(document: str, found: WhatIf) -> WhatIfBody:
    """The answer; the command line prints the same."""
    added = found.added
    return WhatIfBody(
        document=document,
        revision=found.selection.revision,
        cut=found.selection.token,
        mode=found.mode,
        left_out=list(found.left_out),
        edits=found.edits,
        dependants=[DependantBody(**one._asdict()) for one in found.dependants[:MAX_DEPENDANTS]],
        depending=len(found.dependants),
        changes=change_bodies(found.changes),
        counts=counts_body(found.counts),
        added=None
        if added is None
        else AddedBody(
            applied=added.applied,
            missing=[models.MissingRange(client=c, clock=k, length=n) for c, k, n in added.missing],
        ),
        roots={name: models.Root(**value) for name, value in found.roots.items()},
    )

"""An edit that was recorded as readable and is not must not end the fold of its document."""

from __future__ import annotations

import pytest

from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.fold.roots import Roots


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x01", b"x"], ids=repr)
def test_bytes_that_are_no_update_name_no_root(payload: bytes) -> None:
    roots = Roots()
    roots.take(payload)
    assert roots.types == {}
    fold = DocumentFold()
    fold.add([FoldedEdit(1, "ready", payload)])
    assert fold.revision == 1

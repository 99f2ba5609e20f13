"""Files that commands write."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from keepboth.errors import InvalidRequest


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A path to write to, which becomes *out* once all is written: a file under that name is whole.

    Raises InvalidRequest if it cannot be written.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        yield part
        os.replace(part, out)
    except OSError as error:
        raise InvalidRequest(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def writing(out: Path | None) -> Iterator[BinaryIO]:
    """Where bytes go: *out*, compressed if its name ends in ``.gz``, or standard output."""
    if out is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(out) as part, part.open("wb") as file:
        if out.suffix == ".gz":
            # No name and no time in it: the same content gives the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield cast(BinaryIO, packed)
        else:
            yield file

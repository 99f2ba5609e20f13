"""Rows as a Parquet file, through pyarrow, which is an extra: ``pip install 'keepboth[parquet]'``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from keepboth.errors import SettingsInvalid
from keepboth.history.rows import Row

GROUP: Final = 20_000
"""Rows in memory until they are written."""


def pyarrow() -> Any:
    """The package. Raises SettingsInvalid, saying how to install it, if it is not there."""
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise SettingsInvalid(
            f"Parquet needs pyarrow ({error}): pip install 'keepboth[parquet]', or write .jsonl"
        ) from None


def write_parquet(
    path: str | os.PathLike[str], rows: Iterable[Row], columns: dict[str, type], notes: dict[str, str]
) -> int:
    """Write *rows* with *columns* (str, int or float; all may be null) to *path*; return how many. *notes* go into the
    file's metadata. Raises SettingsInvalid without pyarrow."""
    arrow = pyarrow()
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64()}
    fields = [arrow.field(name, kinds[kind]) for name, kind in columns.items()]
    schema = arrow.schema(fields, metadata=notes)
    count = 0
    rest = iter(rows)
    with arrow.parquet.ParquetWriter(str(path), schema, compression="zstd") as writer:
        while group := list(islice(rest, GROUP)):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count

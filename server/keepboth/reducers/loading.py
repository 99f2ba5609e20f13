"""Finding reducers: shipped ones by name, others in a module, a file, or an installed package."""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from keepboth.errors import InvalidRequest, NotFound
from keepboth.reducers.definition import Reducer

GROUP: Final = "keepboth.reducers"
"""The entry point group in which packages offer reducers."""

SHIPPED: Final = {
    "surviving": "keepboth.reducers.shipped.authorship",
    "churn": "keepboth.reducers.shipped.authorship",
    "hot": "keepboth.reducers.shipped.passages",
    "collisions": "keepboth.reducers.shipped.collisions",
    "activity": "keepboth.reducers.shipped.activity",
    "sessions": "keepboth.reducers.shipped.activity",
    "undo": "keepboth.reducers.shipped.activity",
}


def shipped(name: str) -> Reducer:
    """A reducer that comes with KeepBoth. Raises NotFound."""
    if name not in SHIPPED:
        raise NotFound(f"there is no reducer {name!r}; there are {', '.join(sorted(SHIPPED))}", name=name)
    found = getattr(importlib.import_module(SHIPPED[name]), name)
    assert isinstance(found, Reducer)
    return found


def installed() -> dict[str, str]:
    """What installed packages offer: name -> ``module:name``. Nothing is imported."""
    return {one.name: one.value for one in entry_points(group=GROUP)}


def load(spec: str) -> Reducer:
    """The reducer that *spec* names: a shipped one or an entry point by its name, ``package.module:name``, or
    ``path/to/file.py:name`` (without a name if the file has only one).

    Runs the module's code. Raises NotFound, InvalidRequest.
    """
    where, _, name = spec.rpartition(":")
    if not where and not spec.endswith(".py"):
        if spec in SHIPPED:
            return shipped(spec)
        offered = installed().get(spec)
        return shipped(spec) if offered is None else load(offered)
    if spec.endswith(".py"):
        where, name = spec, ""
    module = _module(where)
    if name:
        found = getattr(module, name, None)
        if not isinstance(found, Reducer):
            raise NotFound(f"{where} has no reducer {name!r}", name=spec)
        return found
    every = {id(value): value for value in vars(module).values() if isinstance(value, Reducer)}
    if len(every) != 1:
        raise InvalidRequest(f"{where} has {len(every)} reducers: say which after a colon", name=spec)
    return next(iter(every.values()))


def file_of(spec: str) -> Path | None:
    """The file that *spec* names, None if it names none."""
    where = spec if spec.endswith(".py") else spec.rpartition(":")[0]
    return Path(where) if where.endswith(".py") else None


def _module(where: str) -> object:
    try:
        if not where.endswith(".py"):
            return importlib.import_module(where)
        path = Path(where)
        if not path.exists():
            raise NotFound(f"there is no file {where}", name=where)
        found = importlib.util.spec_from_file_location(f"keepboth_reducers_{path.stem}", path)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    except (NotFound, MemoryError):
        raise
    except Exception as error:
        raise InvalidRequest(f"{where} cannot be loaded: {type(error).__name__}: {error}", name=where) from error
    return module

"""Questions asked of the log as functions over its events: reducers.

The same function runs over one document, several or the whole log, at any cut, once or live. See ``docs/reducers.md``.
"""

from keepboth.reducers.context import Context, End
from keepboth.reducers.definition import Reducer, reducer
from keepboth.reducers.ledger import Item, Span
from keepboth.reducers.running import Parked, Result, Run

__all__ = ["Context", "End", "Item", "Parked", "Reducer", "Result", "Run", "Span", "reducer"]

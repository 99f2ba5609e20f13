"""The HTTP API: documents, states, events, conflicts, and one plain page for people.

It asks the store, the fold and the hub, and decides nothing itself. A document's name may be any text, so it is always
a query parameter: ``/api/<noun>?document=<name>``.
"""

from keepboth.api.application import create_api, prepare
from keepboth.api.services import Services

__all__ = ["Services", "create_api", "prepare"]

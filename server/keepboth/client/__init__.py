"""The published client: keep a pycrdt document in sync with a KeepBoth server. See ``docs/client.md``."""

from keepboth.client.client import Client
from keepboth.client.connection import Unreachable
from keepboth.client.ledger import Edit
from keepboth.client.replica import Busy, DocumentBroken
from keepboth.events import Seen
from keepboth.yjs.private import EditReceipt

__all__ = ["Busy", "Client", "DocumentBroken", "Edit", "EditReceipt", "Seen", "Unreachable"]

"""What happens to people who edit apart, and what the conflict log should say of it.

Every situation is made by real peers in every order of their client ids, which are random in practice and decide who
comes first, and told to the engine in every order of arrival, which must make no difference.
"""

from __future__ import annotations

from tests.conflicts.situations.paragraphs import XML
from tests.conflicts.situations.shared import SHARED
from tests.conflicts.situations.texts import TEXTS

SITUATIONS = (*TEXTS, *SHARED, *XML)

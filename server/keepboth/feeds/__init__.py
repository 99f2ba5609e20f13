"""The log as others follow it: from any place, without a gap, to whatever comes next; for readers, consumers, webhooks.

History and live are the same query: read what comes after the cursor until nothing does, wait for the head to move,
read again. There is no live buffer, so there is no hand-over to get wrong, and a slow reader costs nothing.
"""

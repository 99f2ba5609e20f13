"""Decide, evolve, react: what becomes of a request, as plain functions over values.

``decide(command, state) -> drafts`` or a refusal, ``evolve(state, event) -> state``, ``react(...) -> effects``.
No clock, no socket, no database; ``now`` and new ids are passed in.
"""

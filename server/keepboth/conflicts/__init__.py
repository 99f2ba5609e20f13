"""The conflict engine: where concurrent edits touched, what each side wrote, what the merge did.

Pure: events in causal order go in, episodes come out. See ``docs/conflicts.md`` for the definition.
"""

"""The conflict engine: where concurrent edits touched, what each side wrote, what the merge did.

Pure: events in causal order go in, episodes come out. See ``docs/conflicts.md`` for the definition.

From the ground up: ``strokes`` (who had seen what), ``runs`` and ``shadow`` (all content in order), ``zones`` (does an
edit touch another), ``episodes`` and ``crowds`` (what belongs together), ``views`` (the texts), ``engine`` (way in).
"""

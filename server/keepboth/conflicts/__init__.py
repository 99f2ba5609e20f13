"""The conflict engine: where concurrent edits touched, what each side wrote, what the merge did.

Pure: events in causal order go in, episodes come out. See ``docs/conflicts.md`` for the definition.

From the ground up: ``strokes`` (who had seen what); ``runs``, ``yata``, ``nesting`` and ``shadow`` (all content in
order); ``zones`` (does an edit touch another in a sequence), ``formats`` and ``beside`` (does it over keys, in what was
removed, over formats); ``episodes``, ``places`` and ``crowds`` (what belongs together); ``search`` (all of that for one
edit); ``screens``, ``rendering``, ``sides``, ``paths``, ``settling`` and ``views`` (what is said of it); ``engine``
(the way in).
"""

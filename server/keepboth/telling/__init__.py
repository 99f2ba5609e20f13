"""What people are told about collisions: cards, notices, footers. Words and order, computed from stored values.

Pure: the same entry, names, facts and moment give the same card. See ``docs/experience.md``.
"""

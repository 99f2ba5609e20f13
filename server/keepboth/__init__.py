"""KeepBoth: a collaborative editing server that never rejects an edit and never hides a collision."""

__version__ = "0.1.0"

"""What goes out of a log and comes into one: whole stores and streams with their hashes (``archive``, ``restoring``),
and Yjs updates from elsewhere (``foreign``)."""

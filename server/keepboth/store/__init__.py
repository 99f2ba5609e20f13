"""The event store: a port, the obvious implementation in memory, and the durable one on SQLite."""

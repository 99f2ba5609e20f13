"""Editing sockets: connections, sessions, rooms. An edit is durable before anyone hears of it."""

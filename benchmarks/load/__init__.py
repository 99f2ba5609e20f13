"""Load on an editing server: scenarios, the generator that drives them, and the processes they need.

Knows WebSocket dialects and how to count; knows no particular server. Linux only, since figures come from /proc.
"""

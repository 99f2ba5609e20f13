"""The Yjs wire format: lib0 encoding, update v1 (decode and encode) and y-protocols messages.

Pure: bytes in, values out. No CRDT, no I/O, no clock. Whatever bytes come in, the answer is a value or
one of our errors, in time and memory proportional to the number of bytes.
"""

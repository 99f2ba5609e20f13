"""What a user of the server could write: scripted editors over real sockets, using only the wire protocol, the HTTP
API and the published client module. ``python -m client_demo`` tells a story; ``replay`` plays a recorded one.
"""

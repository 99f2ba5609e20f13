"""Update v1, decoded and encoded.

On the wire: the number of clients; per client the number of structs, the client id, the first clock and the structs;
then the delete set: the number of clients, and per client its id, the number of ranges and each range's clock and
length. Every number is a varUint. A struct is an info byte (see `structs`), then what its flags announce: 0x80 origin
id, 0x40 right origin id; if neither, the parent (1 and a root's name, or 0 and an id) and under 0x20 its map key; then
the content. GC and SKIP are the bare byte 0 or 10 and a length. Source: Yjs 13 ``updates.js`` and ``Item.js``.

`decode_update` is on the path of every keystroke, which is why it is one function over local variables: the
smallest update takes 2 to 4 µs. It accepts what Yjs and yrs both read and refuses what they read differently (a client
listed twice, flags on GC), what would stop a peer half way (text that is not UTF-8 or JSON), and ids beyond 53 bits.
Structs, ranges and lists of length 0 say nothing and are dropped, as yrs does (yrs 0.28 writes an empty string when
text is edited at an index inside a character); everything else encodes to the same bytes again.
"""

from __future__ import annotations

from keepboth.errors import MalformedMessage, MalformedUpdate, OverLimit
from keepboth.yjs.content import measure
from keepboth.yjs.lib0 import MAX_SAFE_INTEGER, read_long, read_var_string, utf16_length, var_uint, write_var_string
from keepboth.yjs.structs import DELETED, GC, SKIP, STRING, Id, Range, Struct, Update


def decode_update(data: bytes, most: int | None = None) -> Update:
    """Return the update that *data* is, all of it. *most*: how many structs and deleted ranges it may have.

    Raises: MalformedUpdate, in time and memory proportional to ``len(data)``; OverLimit, if possible before reading.
    """
    update, end = decode_update_prefix(data, 0, most)
    if end != len(data):
        raise MalformedUpdate("bytes follow the end of the update", position=end, size=len(data))
    return update


def decode_update_prefix(data: bytes, pos: int, most: int | None = None) -> tuple[Update, int]:
    """Return the update that starts at *pos* and the position behind it. *most*: see `decode_update`.

    Raises: MalformedUpdate, in time and memory proportional to ``len(data)``; OverLimit.
    """
    left = len(data) if most is None else most  # each takes at least two bytes
    try:
        structs, pos = _read_structs(data, pos, left)
        count = data[pos]
        pos += 1
        if not count:
            return Update(structs, {}), pos
        if count > 127:
            count, pos = read_long(data, count, pos)
        deletes, pos = _read_deletes(data, count, pos, left - sum(map(len, structs.values())))
        return Update(structs, deletes), pos
    except IndexError:
        raise MalformedUpdate("the update ends too early", size=len(data)) from None
    except MalformedMessage as error:
        raise MalformedUpdate(error.detail, **error.facts) from None
    except UnicodeDecodeError:
        raise MalformedUpdate("a string is not UTF-8") from None


def _read_structs(data: bytes, pos: int, left: int) -> tuple[dict[int, list[Struct]], int]:
    # "if n > 127: n, pos = read_long(...)" is a varUint whose usual single byte costs no call. Loop counts need no
    # check: each round takes at least one byte, and the byte that is not there raises IndexError.
    size = len(data)
    found: dict[int, list[Struct]] = {}
    clients = data[pos]
    pos += 1
    if clients > 127:
        clients, pos = read_long(data, clients, pos)
    for _ in range(clients):
        count = data[pos]
        pos += 1
        if count > 127:
            count, pos = read_long(data, count, pos)
        if count > left:
            raise _too_many(data, pos, count)
        left -= count
        start = pos
        client = data[pos]
        pos += 1
        if client > 127:
            client, pos = read_long(data, client, pos)
        own = data[start:pos]  # most origins name the same client: comparing its bytes is cheaper than reading them
        clock = data[pos]
        pos += 1
        if clock > 127:
            clock, pos = read_long(data, clock, pos)
        structs: list[Struct] = []
        for _ in range(count):
            info = data[pos]
            pos += 1
            kind = info & 0x1F
            origin: Id | None = None
            right: Id | None = None
            parent: str | Id | None = None
            key: str | None = None
            content: str | bytes | None = None
            if kind == GC or kind >= SKIP:
                if info != GC and info != SKIP:
                    raise MalformedUpdate(f"no struct begins with byte {info}", position=pos - 1)
                length = data[pos]
                pos += 1
                if length > 127:
                    length, pos = read_long(data, length, pos)
            else:
                if info & 0x80:
                    who = data[pos]
                    if who < 128:
                        pos += 1
                    elif data.startswith(own, pos):
                        who = client
                        pos += len(own)
                    else:
                        who, pos = read_long(data, who, pos + 1)
                    when = data[pos]
                    pos += 1
                    if when > 127:
                        when, pos = read_long(data, when, pos)
                    if who == client and when >= clock:
                        raise MalformedUpdate("a struct builds on one that its client wrote later", position=pos)
                    origin = (who, when)
                if info & 0x40:
                    who = data[pos]
                    if who < 128:
                        pos += 1
                    elif data.startswith(own, pos):
                        who = client
                        pos += len(own)
                    else:
                        who, pos = read_long(data, who, pos + 1)
                    when = data[pos]
                    pos += 1
                    if when > 127:
                        when, pos = read_long(data, when, pos)
                    if who == client and when >= clock:
                        raise MalformedUpdate("a struct builds on one that its client wrote later", position=pos)
                    right = (who, when)
                elif origin is None:
                    parent, pos = _read_parent(data, pos, client, clock)
                    if info & 0x20:
                        key, pos = read_var_string(data, pos)
                if kind == STRING:
                    extent = data[pos]
                    pos += 1
                    if extent > 127:
                        extent, pos = read_long(data, extent, pos)
                    end = pos + extent
                    if end > size:
                        raise MalformedUpdate("the update ends too early", size=size)
                    content = data[pos:end].decode()
                    length = len(content)
                    if length != extent:
                        length = utf16_length(content)
                    pos = end
                elif kind == DELETED:
                    length = data[pos]
                    pos += 1
                    if length > 127:
                        length, pos = read_long(data, length, pos)
                else:
                    start = pos
                    length, pos = measure(kind, data, pos)
                    content = data[start:pos]
            if length:
                structs.append(Struct(client, clock, length, info, origin, right, parent, key, content))
                clock += length
        if clock > MAX_SAFE_INTEGER:
            raise MalformedUpdate("a clock exceeds 2**53 - 1", client=client)
        if structs:
            if client in found:
                raise MalformedUpdate("a client's structs are listed twice", client=client)
            found[client] = structs
    return found, pos


def _read_parent(data: bytes, pos: int, client: int, clock: int) -> tuple[str | Id, int]:
    is_root = data[pos]
    pos += 1
    if is_root == 1:
        return read_var_string(data, pos)
    if is_root:
        raise MalformedUpdate("a parent is neither a root nor an id", position=pos - 1)
    who = data[pos]
    pos += 1
    if who > 127:
        who, pos = read_long(data, who, pos)
    when = data[pos]
    pos += 1
    if when > 127:
        when, pos = read_long(data, when, pos)
    if who == client and when >= clock:
        raise MalformedUpdate("a struct builds on one that its client wrote later", position=pos)
    return (who, when), pos


def _too_many(data: bytes, pos: int, count: int) -> MalformedUpdate | OverLimit:
    if count > len(data) - pos:
        return MalformedUpdate("the update ends too early", size=len(data))
    return OverLimit("an update of more structs and deleted ranges than one message may bring", size=len(data))


def _read_deletes(data: bytes, clients: int, pos: int, left: int) -> tuple[dict[int, list[Range]], int]:
    found: dict[int, list[Range]] = {}
    for _ in range(clients):
        client = data[pos]
        pos += 1
        if client > 127:
            client, pos = read_long(data, client, pos)
        count = data[pos]
        pos += 1
        if count > 127:
            count, pos = read_long(data, count, pos)
        if count > left:
            raise _too_many(data, pos, count)
        left -= count
        ranges: list[Range] = []
        for _ in range(count):
            clock = data[pos]
            pos += 1
            if clock > 127:
                clock, pos = read_long(data, clock, pos)
            length = data[pos]
            pos += 1
            if length > 127:
                length, pos = read_long(data, length, pos)
            if length:
                if clock + length > MAX_SAFE_INTEGER:
                    raise MalformedUpdate("a clock exceeds 2**53 - 1", client=client)
                ranges.append((clock, length))
        if ranges:
            if client in found:
                raise MalformedUpdate("a client's deletes are listed twice", client=client)
            found[client] = ranges
    return found, pos


def encode_update(update: Update) -> bytes:
    """Return *update* as bytes: for what `decode_update` returned, the bytes it was given.

    Raises: ValueError when a client's clocks have a gap (a gap must be a SKIP struct) or a number exceeds 53 bits.
    """
    out = bytearray()
    structs = update.structs
    if not all(structs.values()):
        structs = {client: of_client for client, of_client in structs.items() if of_client}
    out += var_uint(len(structs))
    for client, of_client in structs.items():
        own = var_uint(client)
        clock = of_client[0].clock
        out += var_uint(len(of_client))
        out += own
        out += var_uint(clock)
        for struct in of_client:
            if struct.clock != clock:
                raise ValueError(f"clock {clock} of client {client} is followed by {struct.clock}, without a SKIP")
            clock += struct.length
            _write_struct(out, struct, client, own)
    deletes = update.deletes
    if not deletes:
        out.append(0)
        return bytes(out)
    if not all(deletes.values()):
        deletes = {client: ranges for client, ranges in deletes.items() if ranges}
    out += var_uint(len(deletes))
    for client, ranges in deletes.items():
        out += var_uint(client)
        out += var_uint(len(ranges))
        for clock, length in ranges:
            out += var_uint(clock)
            out += var_uint(length)
    return bytes(out)


def _write_struct(out: bytearray, struct: Struct, client: int, own: bytes) -> None:
    info = struct.info
    kind = struct.kind
    out.append(info)
    if kind in (GC, SKIP):
        out += var_uint(struct.length)
        return
    origin = struct.origin
    right = struct.right_origin
    if origin is not None:
        out += own if origin[0] == client else var_uint(origin[0])
        out += var_uint(origin[1])
    if right is not None:
        out += own if right[0] == client else var_uint(right[0])
        out += var_uint(right[1])
    elif origin is None:
        parent = struct.parent
        if isinstance(parent, str):
            out.append(1)
            write_var_string(out, parent)
        elif parent is not None:
            out.append(0)
            out += var_uint(parent[0])
            out += var_uint(parent[1])
        else:
            raise ValueError(f"{struct!r} has neither an origin nor a parent")
        if struct.key is not None:
            write_var_string(out, struct.key)
    content = struct.content
    if kind == STRING and isinstance(content, str):
        raw = content.encode()
        out += var_uint(len(raw))
        out += raw
    elif kind == DELETED:
        out += var_uint(struct.length)
    elif isinstance(content, bytes):
        out += content
    else:
        raise ValueError(f"{struct!r} has no content")

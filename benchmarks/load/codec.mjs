// The few lib0 / Yjs encodings that a load client needs: varints, updates (v1) made of text, awareness.
// Format: y-protocols/PROTOCOL.md and Yjs' UpdateEncoderV1. Decoding here trusts its input: it comes from the
// server under test and can only hold what this generator typed; anything else throws and fails the run.

/** Name of the shared text that everybody types into. */
export const ROOT = 'text'

const CONTENT_DELETED = 1
const CONTENT_STRING = 4
const STRUCT_GC = 0
const STRUCT_SKIP = 10
const HAS_ORIGIN = 0x80
const HAS_RIGHT_ORIGIN = 0x40
const HAS_MAP_KEY = 0x20

/** Append `n` to the array of byte values `out` as a varUint. */
export function pushVarUint (out, n) {
  while (n > 127) {
    out.push((n & 127) | 128)
    n = Math.floor(n / 128)
  }
  out.push(n)
}

/** Append ASCII `text` to `out` as a varString. */
export function pushVarString (out, text) {
  pushVarUint(out, text.length)
  for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i))
}

/** Append `body` (byte values) to `out` as a varUint8Array. */
export function pushBuffer (out, body) {
  pushVarUint(out, body.length)
  for (let i = 0; i < body.length; i++) out.push(body[i])
}

/**
 * An update of one string struct: `client` inserts ASCII `text` at `clock`.
 * `origin` and `rightOrigin` are `[client, clock]` or null; when both are null the struct names its parent, the root text.
 */
export function insertUpdate (client, clock, text, origin, rightOrigin) {
  const out = [1, 1]
  pushVarUint(out, client)
  pushVarUint(out, clock)
  out.push(CONTENT_STRING | (origin ? HAS_ORIGIN : 0) | (rightOrigin ? HAS_RIGHT_ORIGIN : 0))
  if (origin) {
    pushVarUint(out, origin[0])
    pushVarUint(out, origin[1])
  }
  if (rightOrigin) {
    pushVarUint(out, rightOrigin[0])
    pushVarUint(out, rightOrigin[1])
  }
  if (!origin && !rightOrigin) {
    out.push(1) // the parent is a root type, named
    pushVarString(out, ROOT)
  }
  pushVarString(out, text)
  out.push(0) // empty delete set
  return out
}

/** A cursor over bytes. One shared instance is enough, since decoding never suspends. */
export class Reader {
  constructor () {
    this.bytes = null
    this.at = 0
    this.end = 0
  }

  over (bytes, start, end) {
    this.bytes = bytes
    this.at = start
    this.end = end
    return this
  }

  varUint () {
    let byte = this.bytes[this.at++]
    let value = byte & 127
    let scale = 128
    while (byte > 127) {
      byte = this.bytes[this.at++]
      value += (byte & 127) * scale
      scale *= 128
    }
    if (this.at > this.end) throw new RangeError('message ends inside a number')
    return value
  }

  /** Move past `length` bytes. */
  skip (length) {
    this.at += length
    if (this.at > this.end) throw new RangeError('message ends inside a field')
  }

  varString () {
    const length = this.varUint()
    const start = this.at
    this.skip(length)
    return this.bytes.toString('utf8', start, this.at)
  }

  /** Read a varString and return its length in UTF-16 units, the unit of Yjs clocks. */
  varStringUnits () {
    const length = this.varUint()
    const start = this.at
    this.skip(length)
    let units = 0
    for (let i = start; i < this.at; i++) {
      const byte = this.bytes[i]
      if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1
    }
    return units
  }
}

/**
 * Read the update at `reader` and append its content to `runs` as flat triples `client, clock, length`.
 * Neighbouring structs of a client become one run. Collected and deleted content counts: its clock arrived.
 */
export function readRuns (reader, runs) {
  const clients = reader.varUint()
  for (let i = 0; i < clients; i++) {
    const structs = reader.varUint()
    const client = reader.varUint()
    let clock = reader.varUint()
    let runStart = clock
    for (let k = 0; k < structs; k++) {
      const info = reader.bytes[reader.at++]
      if (info === STRUCT_SKIP) {
        if (clock > runStart) runs.push(client, runStart, clock - runStart)
        clock += reader.varUint()
        runStart = clock
      } else if (info === STRUCT_GC) {
        clock += reader.varUint()
      } else {
        if (info & HAS_ORIGIN) {
          reader.varUint()
          reader.varUint()
        }
        if (info & HAS_RIGHT_ORIGIN) {
          reader.varUint()
          reader.varUint()
        }
        if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) {
          if (reader.varUint() === 1) {
            reader.skip(reader.varUint())
          } else {
            reader.varUint()
            reader.varUint()
          }
          if (info & HAS_MAP_KEY) reader.skip(reader.varUint())
        }
        const content = info & 31
        if (content === CONTENT_STRING) clock += reader.varStringUnits()
        else if (content === CONTENT_DELETED) clock += reader.varUint()
        else throw new Error(`the server sent content of kind ${content}, which nobody typed`)
      }
    }
    if (clock > runStart) runs.push(client, runStart, clock - runStart)
  }
  return runs
}

/** Return the clock that the state vector at `reader` holds for `client`, 0 if it names it not. */
export function readStateVectorClock (reader, client) {
  let found = 0
  for (let n = reader.varUint(); n > 0; n--) {
    const id = reader.varUint()
    const clock = reader.varUint()
    if (id === client) found = clock
  }
  return found
}

/** Merge the awareness update at `reader` into `states`, a Map of client id to `{clock, json}`; the newer clock wins. */
export function readAwareness (reader, states) {
  for (let n = reader.varUint(); n > 0; n--) {
    const id = reader.varUint()
    const clock = reader.varUint()
    const json = reader.varString()
    const known = states.get(id)
    if (known === undefined || known.clock < clock) states.set(id, { clock, json })
  }
}

/** Return the awareness update (byte values) that tells all of `states` that are not null. */
export function awarenessUpdate (states) {
  const present = [...states].filter(([, state]) => state.json !== 'null')
  const out = []
  pushVarUint(out, present.length)
  for (const [id, { clock, json }] of present) {
    pushVarUint(out, id)
    pushVarUint(out, clock)
    pushVarString(out, json)
  }
  return out
}

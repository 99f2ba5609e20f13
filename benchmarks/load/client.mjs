// A stock editing client, reduced to what the wire shows: handshake, awareness, typing, and counting what arrives.
// It keeps no document. It knows which clocks of which author it has, which is what "delivered" means.

import {
  Reader, awarenessUpdate, insertUpdate, pushBuffer, pushVarString, readAwareness, readRuns, readStateVectorClock
} from './codec.mjs'
import { RawWebSocket, pushFrame } from './socket.mjs'

const SYNC = 0
const AWARENESS = 1
const AUTH = 2
const QUERY_AWARENESS = 3
const SYNC_REPLY = 4 // Hocuspocus: a sync message that must not be answered with a step 1
const STEP_1 = 0
const STEP_2 = 1
const UPDATE = 2
const AUTH_TOKEN = 0
const AUTH_DENIED = 1
const AUTH_GRANTED = 2

/** Ids need five bytes on the wire, as nearly all random 32-bit ids of Yjs do, and stay small integers for V8. */
const FIRST_CLIENT_ID = 2 ** 28
/** Ids of a room are neighbours: slot 0 is who seeds it, then its writers, then its readers. */
const IDS_PER_ROOM = 1024
const SEED_SLOT = 0

/** What everybody types, one character an edit; the character at clock c is the same whoever types it. */
const TYPED = 'the quick brown fox jumps over the lazy dog and does not come back '
const SEED_SENTENCE = 'A room that was here before: everybody types at a place of their own. '

const reader = new Reader()

/** The text between clocks `from` and `to` of any writer. */
function typedText (from, to) {
  let text = ''
  for (let clock = from; clock < to; clock++) text += TYPED[clock % TYPED.length]
  return text
}

/** What the clients of one document share: its name, its ids, its seed and the last update that was decoded. */
export class Room {
  constructor (index, name, url, dialect, seedLength) {
    this.index = index
    this.name = name
    this.url = url
    this.dialect = dialect
    this.seedLength = seedLength
    this.firstId = FIRST_CLIENT_ID + index * IDS_PER_ROOM
    this.clients = []
    this.lastUpdate = Buffer.alloc(0)
    this.lastRuns = []
  }

  id (slot) {
    return this.firstId + slot
  }

  seedUpdate () {
    const text = SEED_SENTENCE.repeat(Math.ceil(this.seedLength / SEED_SENTENCE.length)).slice(0, this.seedLength)
    return insertUpdate(this.id(SEED_SLOT), 0, text, null, null)
  }

  /**
   * Decode an update into runs `client, clock, length`.
   * Readers of a room get the same bytes one after the other, so the last result is kept.
   */
  runs (bytes, start, end) {
    if (end - start === this.lastUpdate.length && this.lastUpdate.compare(bytes, start, end) === 0) return this.lastRuns
    this.lastUpdate = Buffer.from(bytes.subarray(start, end))
    this.lastRuns = readRuns(reader.over(bytes, start, end), [])
    return this.lastRuns
  }
}

/** One client in a room. `observer` hears `delivered(author, client, clock, length)` for each stretch of new clocks. */
export class Client extends RawWebSocket {
  /** `gap` is `[left, right]`, the seed's clocks between which this client types, or null for an empty document. */
  constructor (room, slot, observer, gap = null) {
    super(room.url)
    this.room = room
    this.slot = slot
    this.id = room.id(slot)
    this.observer = observer
    this.gap = gap
    this.have = [] // by author's slot: all clocks below this one have arrived
    this.ahead = new Map() // by author's slot: stretches [from, to) that arrived before their predecessors
    this.typed = 0
    this.sentAt = new Float64Array(1024) // ms, by own clock
    this.watcher = null
    this.unsent = []
    this.awarenessClock = 1
    this.awareness = new Map()
    this.synced = false
    this.prefix = []
    if (room.dialect === 'hocuspocus') pushVarString(this.prefix, room.name)
    this.joined = new Promise((resolve, reject) => {
      this.onJoined = resolve
      this.onRefused = reject
    })
    this.joined.catch(() => {})
  }

  onOpen () {
    if (this.room.dialect === 'hocuspocus') {
      const auth = [AUTH, AUTH_TOKEN]
      pushVarString(auth, 'load')
      this.say(auth)
    } else {
      this.startSync()
    }
  }

  startSync () {
    this.say([SYNC, STEP_1, 1, 0])
    this.announce()
  }

  /** Send one protocol message. */
  say (message) {
    this.send(this.prefix.concat(message))
  }

  /** Tell the own awareness state, as a stock client does on joining and every 15 s. */
  announce () {
    this.awareness.set(this.id, { clock: this.awarenessClock++, json: `{"user":{"name":"client ${this.slot}"}}` })
    this.sayAwareness(new Map([[this.id, this.awareness.get(this.id)]]))
  }

  sayAwareness (states) {
    const message = [AWARENESS]
    pushBuffer(message, awarenessUpdate(states))
    this.say(message)
  }

  onClosed (why) {
    this.onRefused(new Error(why))
    if (!this.leaving) this.observer.dropped(this, why)
  }

  onMessage (bytes, start, end) {
    let at = start
    if (this.prefix.length > 0) {
      reader.over(bytes, at, end)
      reader.skip(reader.varUint())
      at = reader.at
    }
    const type = bytes[at]
    if (type === SYNC || type === SYNC_REPLY) {
      this.onSync(bytes, at + 1, end)
    } else if (type === AWARENESS) {
      reader.over(bytes, at + 1, end).varUint()
      readAwareness(reader, this.awareness)
    } else if (type === QUERY_AWARENESS) {
      this.sayAwareness(this.awareness)
    } else if (type === AUTH) {
      if (bytes[at + 1] === AUTH_GRANTED) this.startSync()
      else if (bytes[at + 1] === AUTH_DENIED) this.onRefused(new Error('permission denied'))
    }
  }

  onSync (bytes, start, end) {
    const step = bytes[start]
    reader.over(bytes, start + 1, end)
    const length = reader.varUint()
    const at = reader.at
    if (step === STEP_1) {
      const message = [SYNC, STEP_2]
      pushBuffer(message, this.updateSince(readStateVectorClock(reader, this.id)))
      this.say(message)
      return
    }
    const runs = this.room.runs(bytes, at, at + length)
    for (let i = 0; i < runs.length; i += 3) {
      const author = runs[i] - this.room.firstId
      if (author !== this.slot) this.take(author, runs[i + 1], runs[i + 2])
    }
    if (step === UPDATE) this.observer.updateFrames++
    else if (!this.synced) {
      this.synced = true
      this.onJoined()
    }
  }

  /** Note the clocks [clock, clock + length) of the author in that slot, each counted once. */
  take (author, clock, length) {
    const have = this.have[author] ?? 0
    const to = clock + length
    if (clock > have) {
      if (!this.ahead.has(author)) this.ahead.set(author, [])
      this.ahead.get(author).push([clock, to])
      return
    }
    if (to <= have) return
    this.have[author] = to
    this.observer.delivered(author, this, have, to)
    const ahead = this.ahead.get(author)
    if (ahead === undefined) return
    this.ahead.delete(author)
    for (const [from, until] of ahead) this.take(author, from, until - from)
  }

  originAt (clock) {
    if (clock > 0) return [this.id, clock - 1]
    return this.gap ? [this.room.id(SEED_SLOT), this.gap[0]] : null
  }

  rightOrigin () {
    return this.gap ? [this.room.id(SEED_SLOT), this.gap[1]] : null
  }

  /** The update with everything this client typed from `clock` on. */
  updateSince (clock) {
    if (clock >= this.typed) return [0, 0]
    return insertUpdate(this.id, clock, typedText(clock, this.typed), this.originAt(clock), this.rightOrigin())
  }

  /** Type one character at time `now` (ms). The frame waits for `flush`. */
  type (now) {
    const clock = this.typed++
    if (clock >= this.sentAt.length) {
      const larger = new Float64Array(this.sentAt.length * 2)
      larger.set(this.sentAt)
      this.sentAt = larger
    }
    this.sentAt[clock] = now
    const update = insertUpdate(this.id, clock, TYPED[clock % TYPED.length], this.originAt(clock), this.rightOrigin())
    const message = this.prefix.slice()
    message.push(SYNC, UPDATE)
    pushBuffer(message, update)
    pushFrame(this.unsent, message)
  }

  /** Write what was typed, each edit in its own frame, all frames in one write. */
  flush () {
    if (this.unsent.length === 0) return
    this.writeFrames(this.unsent)
    this.unsent = []
  }

  /** Write the seed text of the room into it. */
  seed () {
    const message = [SYNC, UPDATE]
    pushBuffer(message, this.room.seedUpdate())
    this.say(message)
  }

  /** Number of clocks of that author's slot that arrived here without a gap. */
  count (slot) {
    return this.have[slot] ?? 0
  }

  onChunkEnd () {
    this.observer.chunkEnd(this)
  }
}

export { SEED_SLOT }

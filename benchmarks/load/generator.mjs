// Load generator: joins rooms of one server, types into them, counts what every client gets.
//
// Takes one JSON argument (see generator.py), answers one JSON object a line on stdout and reads orders from stdin:
//   mode "load":  -> ready, <- go, -> ran, [<- verify, -> verified]
//   mode "fetch": -> fetched
// It ends when its stdin closes.

import { createInterface } from 'node:readline'
import { Client, Room, SEED_SLOT } from './client.mjs'

const CONNECTING_AT_ONCE = 25
const AWARENESS_RENEWAL_MS = 15_000
const config = JSON.parse(process.argv[2])

const tell = event => process.stdout.write(JSON.stringify(event) + '\n')
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

function within (promise, ms, what) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms / 1000} s`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function until (condition, ms, what) {
  const deadline = performance.now() + ms
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} took more than ${ms / 1000} s`)
    await pause(5)
  }
}

/** Latencies in ms: bins of 0.01 ms below 10 ms, 0.1 ms below 100 ms, 1 ms below 60 s. */
class Histogram {
  constructor () {
    this.bins = new Uint32Array(1000 + 900 + 59_900)
    this.size = 0
    this.max = 0
  }

  add (ms) {
    this.size++
    if (ms > this.max) this.max = ms
    const bin = ms < 10 ? ms * 100 : ms < 100 ? 1000 + (ms - 10) * 10 : Math.min(1900 + ms - 100, this.bins.length - 1)
    this.bins[Math.max(0, Math.floor(bin))]++
  }

  /** The upper edge of the bin that holds the `share`-quantile, in ms; null without samples. */
  quantile (share) {
    if (this.size === 0) return null
    let left = Math.ceil(this.size * share)
    for (let bin = 0; bin < this.bins.length; bin++) {
      left -= this.bins[bin]
      if (left <= 0) return bin < 1000 ? (bin + 1) / 100 : bin < 1900 ? 10 + (bin - 999) / 10 : 100 + bin - 1899
    }
    return this.max
  }
}

/** Counts for all clients of a run, and decides when a writer with a window may type on. */
class Load {
  constructor () {
    this.rooms = []
    this.clients = []
    this.writers = []
    this.open = 0
    this.counting = false
    this.typing = false
    this.sent = 0
    this.expected = 0
    this.deliveries = 0
    this.updateFrames = 0
    this.firstSend = 0
    this.lastDelivery = 0
    this.now = 0
    this.latency = new Histogram()
    this.touched = new Set()
    this.drops = []
    this.serverMayDie = config.expect_death === true
  }

  /** `client` has the clocks [from, to) of the author in slot `author`. */
  delivered (author, client, from, to) {
    const writer = client.room.writers.get(author)
    if (!this.counting || writer === undefined) return
    if (this.now === 0) this.now = performance.now()
    this.deliveries += to - from
    this.lastDelivery = this.now
    for (let clock = from; clock < to; clock++) this.latency.add(this.now - writer.sentAt[clock])
    if (writer.watcher === client) this.touched.add(writer)
  }

  chunkEnd () {
    this.now = 0
    if (this.touched.size === 0) return
    if (this.typing && config.window !== null) for (const writer of this.touched) this.fill(writer)
    this.touched.clear()
  }

  dropped (client, why) {
    this.open--
    this.drops.push(`${client.room.name}: ${why}`)
  }

  type (writer, now) {
    writer.type(now)
    this.sent++
    this.expected += writer.room.clients.length - 1
  }

  /** Let a writer type until its window of edits that its watcher has not yet seen is full. */
  fill (writer) {
    const limit = writer.watcher.count(writer.slot) + config.window
    if (writer.typed >= limit) return
    const now = performance.now()
    while (writer.typed < limit) this.type(writer, now)
    writer.flush()
  }

  async join () {
    const seeded = config.form === 'separate'
    const size = config.writers + config.readers
    for (let i = 0; i < config.rooms; i++) {
      const name = `${config.room_prefix}${i}`
      const room = new Room(i, name, config.url.replace('{document}', name), config.dialect, config.seed_chars)
      room.writers = new Map()
      this.rooms.push(room)
    }
    await inTurns(this.rooms, async room => {
      const seeder = seeded ? new Client(room, SEED_SLOT, this) : null
      if (seeder) {
        await within(seeder.joined, config.connect_timeout_ms, `joining ${room.name}`)
        seeder.seed()
      }
      for (let slot = 1; slot <= size; slot++) {
        const left = Math.floor(slot * config.seed_chars / (config.writers + 1))
        const gap = seeded && slot <= config.writers ? [left, left + 1] : null
        const client = new Client(room, slot, this, gap)
        room.clients.push(client)
        if (slot <= config.writers) room.writers.set(slot, client)
      }
      await within(Promise.all(room.clients.map(client => client.joined)), config.connect_timeout_ms, `joining ${room.name}`)
      if (seeder) {
        const everywhere = () => room.clients.every(client => client.count(SEED_SLOT) === config.seed_chars)
        await until(everywhere, config.connect_timeout_ms, `seeding ${room.name}`)
        // It goes when it has heard everybody: with a message still under way to a socket that closes,
        // pycrdt-websocket disconnects whoever sent it.
        const heard = () => room.clients.every(client => seeder.awareness.has(client.id))
        await until(heard, config.connect_timeout_ms, `hearing of everybody in ${room.name}`)
        seeder.leave()
      }
      // What a writer's window is measured by: the last client of the room, or for that one the first.
      for (const writer of room.writers.values()) {
        writer.watcher = room.clients.findLast(client => client !== writer)
      }
    })
    this.clients = this.rooms.flatMap(room => room.clients)
    this.writers = shuffled(this.rooms.flatMap(room => [...room.writers.values()]))
    this.open = this.clients.length - this.drops.length
    await pause(300) // joins and leavings still cost the server something; none of it belongs to the run
    this.failOnDrops()
    const renewal = setInterval(() => { for (const client of this.clients) client.announce() }, AWARENESS_RENEWAL_MS)
    renewal.unref()
  }

  failOnDrops () {
    if (this.drops.length > 0 && !this.serverMayDie) {
      throw new Error(`${this.drops.length} clients were disconnected, the first in ${this.drops[0]}`)
    }
  }

  /** Type for so many seconds, then wait until everything has arrived or nothing comes any more. */
  async typeFor (seconds) {
    this.sent = this.expected = this.deliveries = this.updateFrames = 0
    this.latency = new Histogram()
    this.counting = this.typing = true
    this.firstSend = this.lastDelivery = performance.now()
    if (config.rate !== null) await this.typeAtRate(seconds)
    else {
      for (const writer of this.writers) this.fill(writer)
      await pause(seconds * 1000)
    }
    this.typing = false
    const typedUntil = performance.now()
    while (this.deliveries < this.expected && this.open > 0) {
      const now = performance.now()
      if (now - Math.max(this.lastDelivery, typedUntil) > config.stall_ms || now - typedUntil > config.drain_ms) break
      await pause(2)
    }
    this.failOnDrops()
  }

  /** The same load before anything is counted: just-in-time compilers, caches and databases settle. */
  async warmUp () {
    if (config.warmup_s === 0) return
    await this.typeFor(config.warmup_s)
    const lost = this.expected - this.deliveries
    if (lost > 0) throw new Error(`${lost} of ${this.expected} deliveries never came while warming up`)
  }

  async run () {
    const frames = () => this.clients.reduce((sum, client) => sum + client.frames, 0)
    const framesBefore = frames()
    const cpuBefore = process.cpuUsage()
    await this.typeFor(config.seconds)
    const cpu = process.cpuUsage(cpuBefore)
    const elapsed = Math.max(this.lastDelivery - this.firstSend, 1) / 1000
    const cpuSeconds = (cpu.user + cpu.system) / 1e6
    return {
      sent: this.sent,
      delivered: this.deliveries,
      lost: this.expected - this.deliveries,
      elapsed_s: elapsed,
      delivered_per_s: this.deliveries / elapsed,
      latency_p50_ms: this.latency.quantile(0.5),
      latency_p99_ms: this.latency.quantile(0.99),
      latency_max_ms: this.latency.max,
      frames: frames() - framesBefore,
      update_frames: this.updateFrames,
      generator_cpu_s: cpuSeconds,
      generator_core_share: cpuSeconds / ((performance.now() - this.firstSend) / 1000)
    }
  }

  /** Type `config.rate` characters a second in all, evenly spread in time, one writer after the other. */
  async typeAtRate (seconds) {
    const writers = this.writers
    const total = Math.round(config.rate * seconds)
    for (let typed = 0; typed < total;) {
      const now = performance.now()
      const due = Math.min(total, Math.floor((now - this.firstSend) * config.rate / 1000) + 1)
      for (; typed < due; typed++) {
        const writer = writers[typed % writers.length]
        this.type(writer, performance.now())
        writer.flush()
      }
      if (this.open === 0) return
      await pause(1)
    }
  }

  /** By room and writer's slot: how many clocks at least one client other than the author has. */
  seen () {
    return this.rooms.map(room => [...room.writers.keys()].map(slot =>
      Math.max(0, ...room.clients.filter(client => client.slot !== slot).map(client => client.count(slot)))))
  }
}

/** Run `task` over `items`, at most a few at a time. */
async function inTurns (items, task) {
  const queue = items.slice()
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await task(item)
  }
  await Promise.all(Array.from({ length: Math.min(CONNECTING_AT_ONCE, items.length) }, worker))
}

/** A shuffled copy, the same in every run, so that neighbours in time are not neighbours in a room. */
function shuffled (items) {
  const out = items.slice()
  let state = 20240229
  for (let i = out.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    const k = (state >>> 8) % (i + 1)
    ;[out[i], out[k]] = [out[k], out[i]]
  }
  return out
}

/** Read every room with a client that has nothing; by room and writer's slot, how many clocks it got. */
async function fetchAll () {
  const counts = new Array(config.rooms)
  const observer = { updateFrames: 0, delivered () {}, chunkEnd () {}, dropped () {} }
  const indexes = Array.from({ length: config.rooms }, (_, index) => index)
  await inTurns(indexes, async index => {
    const name = `${config.room_prefix}${index}`
    const room = new Room(index, name, config.url.replace('{document}', name), config.dialect, config.seed_chars)
    const slot = config.writers + config.readers + 1
    const client = new Client(room, slot, observer)
    await within(client.joined, config.connect_timeout_ms, `reading ${name}`)
    counts[index] = Array.from({ length: config.writers }, (_, i) => client.count(i + 1))
    client.leave()
  })
  return counts
}

async function main () {
  const orders = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const order = async expected => {
    const { value, done } = await orders.next()
    if (done) process.exit(0)
    if (value !== expected) throw new Error(`order ${JSON.stringify(value)} where ${expected} was due`)
  }
  if (config.mode === 'fetch') {
    tell({ event: 'fetched', counts: await fetchAll() })
    process.exit(0)
  }
  const load = new Load()
  const begun = performance.now()
  await load.join()
  await load.warmUp()
  tell({ event: 'ready', clients: load.clients.length, join_s: (performance.now() - begun) / 1000 })
  await order('go')
  const result = await load.run()
  tell({ event: 'ran', ...result, ...(load.serverMayDie ? { seen: load.seen() } : {}) })
  await order('verify')
  load.failOnDrops()
  const counts = await fetchAll()
  const typed = load.rooms.map(room => [...room.writers.values()].map(writer => writer.typed))
  const found = counts.flat()
  const missing = typed.flat().reduce((sum, count, i) => sum + count - found[i], 0)
  tell({ event: 'verified', missing })
  await order('end')
}

const fail = error => {
  tell({ event: 'failed', why: error.message, where: error.stack })
  process.exit(1)
}
process.on('uncaughtException', fail)
main().then(() => process.exit(0), fail)

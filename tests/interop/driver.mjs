// Unmodified Yjs clients, told what to do by JSON lines on stdin: {"id", "do", ...}. Answers {"id", "ok"} or {"id", "error"}.
import { createInterface } from 'node:readline'
import * as decoding from 'lib0/decoding'
import WebSocket from 'ws'
import * as Y from 'yjs'
import { WebsocketProvider } from 'y-websocket'

const clients = new Map()

const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'))
const base64 = (array) => Buffer.from(array).toString('base64')

// A small generator with a seed (mulberry32), so that a failing run can be repeated.
const generator = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

const content = (doc) => ({
  text: doc.getText('text').toString(),
  delta: doc.getText('text').toDelta(),
  map: doc.getMap('map').toJSON(),
  array: doc.getArray('array').toJSON(),
  xml: doc.getXmlFragment('xml').toString()
})

const summary = (doc) => {
  const pending = doc.store.pendingStructs
  return {
    content: content(doc),
    stateVector: Object.fromEntries(Y.decodeStateVector(Y.encodeStateVector(doc))),
    pending: (pending === null ? 0 : pending.missing.size) + (doc.store.pendingDs === null ? 0 : 1),
    update: base64(Y.encodeStateAsUpdate(doc))
  }
}

const namedIn = (frame) => {
  const decoder = decoding.createDecoder(frame)
  decoding.readVarUint(decoder)
  const states = decoding.createDecoder(decoding.readVarUint8Array(decoder))
  return Array.from({ length: decoding.readVarUint(states) }, () => {
    const client = decoding.readVarUint(states)
    decoding.readVarUint(states)
    decoding.readVarString(states)
    return client
  })
}

// -- edits: each entry is one transaction, so one update on the wire

const operations = {
  insert: (doc, index, text, attributes) => doc.getText('text').insert(index, text, attributes),
  delete: (doc, index, length) => doc.getText('text').delete(index, length),
  format: (doc, index, length, attributes) => doc.getText('text').format(index, length, attributes),
  set: (doc, key, value) => doc.getMap('map').set(key, value),
  unset: (doc, key) => doc.getMap('map').delete(key),
  nest: (doc, key) => {
    const inner = new Y.Map()
    inner.set('list', new Y.Array())
    inner.set('body', new Y.Text('nested'))
    doc.getMap('map').set(key, inner)
  },
  nestedPush: (doc, key, value) => doc.getMap('map').get(key).get('list').push([value]),
  nestedType: (doc, key, index, text) => doc.getMap('map').get(key).get('body').insert(index, text),
  put: (doc, index, values) => doc.getArray('array').insert(index, values),
  take: (doc, index, length) => doc.getArray('array').delete(index, length),
  putMap: (doc, index, key, value) => {
    const inner = new Y.Map()
    inner.set(key, value)
    doc.getArray('array').insert(index, [inner])
  },
  element: (doc, index, name, text) => {
    const element = new Y.XmlElement(name)
    if (text) element.insert(0, [new Y.XmlText(text)])
    doc.getXmlFragment('xml').insert(index, [element])
  },
  attribute: (doc, index, name, value) => doc.getXmlFragment('xml').get(index).setAttribute(name, value),
  removeElement: (doc, index) => doc.getXmlFragment('xml').delete(index, 1)
}

// With `halves` a surrogate pair may be cut in two, which editors that know no better do. (Never by a format: one that
// changes nothing cuts the pair on its author's replica alone, so that Yjs does not agree with itself.)
const randomOperation = (doc, random, halves) => {
  const below = (n) => Math.floor(random() * n)
  const text = doc.getText('text')
  const array = doc.getArray('array')
  const map = doc.getMap('map')
  const xml = doc.getXmlFragment('xml')
  const behind = (index) => (/[\uDC00-\uDFFF]/.test(text.toString()[index] ?? '') ? index + 1 : index)
  const whole = (index) => (halves ? index : behind(index))
  const range = (edge) => {
    const start = edge(below(text.length))
    return [start, edge(Math.min(text.length, start + 1 + below(2))) - start]
  }
  const word = ['a', 'bc', 'déf', '😀', ' ', '\n', 'word'][below(7)]
  const nested = [...map.keys()].filter((key) => map.get(key) instanceof Y.Map).sort()
  const dice = below(20)
  if (dice < 7 || (dice < 12 && text.length < 4)) return ['insert', whole(below(text.length + 1)), word]
  if (dice < 10) return ['delete', ...range(whole)]
  if (dice < 12) return ['format', ...range(behind), [{ bold: true }, { bold: null }, { color: 'red' }][below(3)]]
  if (dice === 12) return ['set', 'key' + below(4), below(100)]
  if (dice === 13) return ['unset', 'key' + below(4)]
  if (dice === 14) return ['put', below(array.length + 1), [below(100), word]]
  if (dice === 15) return array.length > 0 ? ['take', below(array.length), 1] : ['putMap', 0, 'k', 1]
  if (dice === 16) return ['element', below(xml.length + 1), 'p', word]
  if (dice === 17) return xml.length > 0 ? ['attribute', below(xml.length), 'class', 'c' + below(3)] : ['element', 0, 'h', '']
  if (dice === 18) return nested.length > 0 ? ['nestedPush', nested[below(nested.length)], below(10)] : ['nest', 'inner' + below(2)]
  return nested.length > 0 ? ['nestedType', nested[below(nested.length)], 0, word] : ['nest', 'inner' + below(2)]
}

const perform = (doc, [name, ...rest]) => doc.transact(() => operations[name](doc, ...rest), 'editor')

// -- commands

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const commands = {
  open ({ client, url, room, clientID, options = {}, connect = true, awareness }) {
    const doc = new Y.Doc()
    if (clientID) doc.clientID = clientID
    const provider = new WebsocketProvider(url, room, doc, {
      WebSocketPolyfill: WebSocket, disableBc: true, connect: false, maxBackoffTime: 200, ...options
    })
    const one = { doc, provider, closes: [], connects: 0, updates: 0, ownAwareness: 0, awarenessFrames: 0, typeOnConnect: null, protocol: null }
    provider.on('connection-close', (event) => one.closes.push(event === null ? null : [event.code, event.reason]))
    provider.on('connection-error', () => {})
    provider.on('status', ({ status }) => {
      if (status !== 'connected') return
      one.connects++
      one.protocol = provider.ws.protocol
      provider.ws.addEventListener('message', ({ data }) => {
        const frame = new Uint8Array(data)
        if (frame[0] === 0 && frame[1] === 2) one.updates++
        if (frame[0] === 1) one.awarenessFrames++
        if (frame[0] === 1 && namedIn(frame).includes(doc.clientID)) one.ownAwareness++
      })
      if (one.typeOnConnect !== null) {
        const { after, edits } = one.typeOnConnect
        one.typeOnConnect = null
        const type = () => edits.forEach((edit) => perform(doc, edit))
        after === null ? type() : setTimeout(type, after)
      }
    })
    if (awareness !== undefined) provider.awareness.setLocalState(awareness)
    clients.set(client, one)
    if (connect) provider.connect()
    return { clientID: doc.clientID }
  },
  edit ({ client, edits }) {
    for (const edit of edits) perform(clients.get(client).doc, edit)
  },
  async random ({ client, seed, count, pause = 0, halves = false }) {
    const { doc } = clients.get(client)
    const random = generator(seed)
    for (let i = 0; i < count; i++) {
      perform(doc, randomOperation(doc, random, halves))
      if (pause > 0) await sleep(pause * random())
    }
  },
  typeOnConnect ({ client, after, edits }) {
    clients.get(client).typeOnConnect = { after, edits }
  },
  connect: ({ client }) => clients.get(client).provider.connect(),
  disconnect: ({ client }) => clients.get(client).provider.disconnect(),
  // What y-indexeddb does when it has read its database: one update with everything, not from the provider.
  load: ({ client, update }) => Y.applyUpdate(clients.get(client).doc, bytes(update), 'indexeddb'),
  destroy ({ client }) {
    const { doc, provider } = clients.get(client)
    provider.destroy()
    doc.destroy()
    clients.delete(client)
  },
  state ({ client }) {
    const { doc, provider, closes, connects, updates, ownAwareness, awarenessFrames, protocol } = clients.get(client)
    return {
      ...summary(doc),
      synced: provider.synced,
      connected: provider.wsconnected,
      closes, connects, updates, ownAwareness, awarenessFrames, protocol,
      awareness: Object.fromEntries(provider.awareness.getStates()),
      heard: provider.wsLastMessageReceived
    }
  },
  setAwareness: ({ client, state }) => clients.get(client).provider.awareness.setLocalState(state),
  // The log, as Yjs folds it: updates applied in order; content after each index in `at` too.
  replay ({ updates, at = [] }) {
    const doc = new Y.Doc()
    const stops = new Set(at)
    const prefixes = []
    updates.forEach((update, index) => {
      Y.applyUpdate(doc, bytes(update))
      if (stops.has(index + 1)) prefixes.push(doc.getText('text').toString())
    })
    return { ...summary(doc), prefixes }
  },
  quit () { setImmediate(() => process.exit(0)) }
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, do: name, ...rest } = JSON.parse(line)
  let answer
  try {
    answer = { id, ok: (await commands[name](rest)) ?? null }
  } catch (error) {
    answer = { id, error: String(error.stack ?? error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}).on('close', () => process.exit(0))

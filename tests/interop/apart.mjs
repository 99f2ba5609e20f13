// Unmodified Yjs peers that edit apart. stdin: {"start": steps, "people": [{"client", "steps"}]}; a step is one transaction: a list of
// operations. stdout: {"start": updates, "people": [updates], "document": XML after all of it}, updates as base64, one a step.
import * as Y from 'yjs'

const START = 10
const base64 = (array) => Buffer.from(array).toString('base64')

const body = (doc, index) => doc.getXmlFragment('xml').get(index).get(0)

const paragraph = (text) => {
  const element = new Y.XmlElement('paragraph')
  element.insert(0, [new Y.XmlText(text)])
  return element
}

// Splits and joins are what y-prosemirror makes of them: it keeps the first element and its text, and moves the rest by inserting
// and deleting.
const operations = {
  paragraph: (doc, index, text) => doc.getXmlFragment('xml').insert(index, [paragraph(text)]),
  type: (doc, index, at, text) => body(doc, index).insert(at, text),
  remove: (doc, index) => doc.getXmlFragment('xml').delete(index, 1),
  attribute: (doc, index, name, value) => doc.getXmlFragment('xml').get(index).setAttribute(name, value),
  split: (doc, index, at) => {
    const old = body(doc, index)
    doc.getXmlFragment('xml').insert(index + 1, [paragraph(old.toString().slice(at))])
    old.delete(at, old.length - at)
  },
  join: (doc, index) => {
    const old = body(doc, index)
    old.insert(old.length, body(doc, index + 1).toString())
    doc.getXmlFragment('xml').delete(index + 1, 1)
  }
}

const work = (client, known, steps) => {
  const doc = new Y.Doc()
  doc.clientID = client
  known.forEach((update) => Y.applyUpdate(doc, update))
  const updates = []
  doc.on('update', (update) => updates.push(update))
  steps.forEach((step) => doc.transact(() => step.forEach(([name, ...rest]) => operations[name](doc, ...rest))))
  return updates
}

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const { start, people } = JSON.parse(Buffer.concat(chunks))
const before = work(START, [], start)
const made = people.map(({ client, steps }) => work(client, before, steps))
const all = new Y.Doc()
const every = [...before, ...made.flat()]
every.forEach((update) => Y.applyUpdate(all, update))
process.stdout.write(JSON.stringify({
  start: before.map(base64),
  people: made.map((updates) => updates.map(base64)),
  document: all.getXmlFragment('xml').toString()
}))

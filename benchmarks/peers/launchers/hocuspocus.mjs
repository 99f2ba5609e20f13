// Hocuspocus with its defaults and a SQLite file in the directory given as argument, on a free port that it prints.

import path from 'node:path'
import { Server } from '@hocuspocus/server'
import { SQLite } from '@hocuspocus/extension-sqlite'

const server = new Server({
  port: 0,
  address: '127.0.0.1',
  quiet: true,
  extensions: [new SQLite({ database: path.join(process.argv[2], 'hocuspocus.sqlite') })]
})
await server.listen()
console.log(`http://127.0.0.1:${server.address.port}`)

// A WebSocket client that costs little: a TCP socket with hand-made frames (RFC 6455), no extensions offered.
// All sockets read into one buffer, so a frame must be used before its handler returns.

import { randomBytes } from 'node:crypto'
import net from 'node:net'

const READ_BUFFER = Buffer.allocUnsafe(256 * 1024)
const OPCODE_BINARY = 2
const OPCODE_CLOSE = 8
const OPCODE_PING = 9
const OPCODE_PONG = 10

/**
 * Append `body` (byte values) to `out` as one final frame from a client.
 * The masking key is zero: legal, the server unmasks all the same, and the generator need not touch the payload.
 */
export function pushFrame (out, body, opcode = OPCODE_BINARY) {
  out.push(0x80 | opcode)
  const length = body.length
  if (length < 126) out.push(0x80 | length)
  else if (length < 65536) out.push(0x80 | 126, length >> 8, length & 255)
  else out.push(0x80 | 127, 0, 0, 0, 0, (length >>> 24) & 255, (length >>> 16) & 255, (length >>> 8) & 255, length & 255)
  out.push(0, 0, 0, 0)
  for (let i = 0; i < length; i++) out.push(body[i])
  return out
}

/** One connection. Subclasses give `onOpen()`, `onMessage(bytes, start, end)` and may give `onChunkEnd()`, `onClosed(why)`. */
export class RawWebSocket {
  /** Begin to connect to `url`, a `ws://host:port/path`. */
  constructor (url) {
    const { hostname, port, pathname, search } = new URL(url)
    this.upgraded = false
    this.closed = false
    this.leaving = false
    this.rest = null
    this.frames = 0
    this.closeReason = 'connection lost'
    this.socket = net.connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length, buffer) => {
          this.receive(buffer, length)
          return true
        }
      }
    })
    this.socket.on('connect', () => {
      this.socket.write(
        `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`)
    })
    this.socket.on('error', error => { this.closeReason = error.message })
    this.socket.on('close', () => {
      this.closed = true
      this.onClosed(this.closeReason)
    })
  }

  onChunkEnd () {}

  onClosed () {}

  /** Send one binary message. */
  send (body) {
    if (!this.closed) this.socket.write(Buffer.from(pushFrame([], body)))
  }

  /** Write bytes that already are frames. */
  writeFrames (frames) {
    if (!this.closed) this.socket.write(Buffer.from(frames))
  }

  /** Say goodbye (1000) and close. */
  leave () {
    if (this.closed) return
    this.leaving = true
    this.socket.end(Buffer.from(pushFrame([], [0x03, 0xe8], OPCODE_CLOSE)))
    const giveUp = setTimeout(() => this.socket.destroy(), 1000)
    this.socket.once('close', () => clearTimeout(giveUp))
  }

  receive (buffer, length) {
    let bytes = buffer
    let end = length
    if (this.rest !== null) {
      bytes = Buffer.concat([this.rest, buffer.subarray(0, length)])
      end = bytes.length
      this.rest = null
    }
    let at = 0
    if (!this.upgraded) {
      const head = bytes.indexOf('\r\n\r\n')
      if (head < 0 || head >= end) {
        this.rest = Buffer.from(bytes.subarray(0, end))
        return
      }
      const status = bytes.toString('latin1', 0, bytes.indexOf('\r\n'))
      if (!/^HTTP\/1\.1 101 /.test(status)) {
        this.closeReason = `no upgrade: ${status}`
        this.socket.destroy()
        return
      }
      this.upgraded = true
      at = head + 4
      this.onOpen()
    }
    while (end - at >= 2) {
      const opcode = bytes[at] & 15
      let size = bytes[at + 1] & 127
      let start = at + 2
      if (size === 126) {
        if (end - at < 4) break
        size = bytes.readUInt16BE(start)
        start += 2
      } else if (size === 127) {
        if (end - at < 10) break
        size = Number(bytes.readBigUInt64BE(start))
        start += 8
      }
      if (end - start < size) break
      if (!(bytes[at] & 0x80)) throw new Error('the server sent a fragmented message, which this client does not read')
      at = start + size
      if (opcode === OPCODE_BINARY) {
        this.frames++
        this.onMessage(bytes, start, at)
      } else if (opcode === OPCODE_PING) {
        this.writeFrames(pushFrame([], bytes.subarray(start, at), OPCODE_PONG))
      } else if (opcode === OPCODE_CLOSE) {
        const code = size >= 2 ? bytes.readUInt16BE(start) : 1005
        this.closeReason = `closed by the server with ${code} ${bytes.toString('utf8', start + 2, at)}`.trim()
        this.socket.end()
      }
    }
    if (at < end) this.rest = Buffer.from(bytes.subarray(at, end))
    this.onChunkEnd()
  }
}

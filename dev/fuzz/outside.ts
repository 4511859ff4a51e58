import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Replies } from './answers.ts'
import { toBuffer } from './bytes.ts'

/** All that the service calls: targets, model servers and receivers, answering as they are told to. */
export type Outside = {
  /** Where this answer is given; one of several origins. */
  place(answer: Answer): string
  /** The port of an SMTP server that replies so. */
  mailServer(replies: Replies): Promise<number>
  /** Fills in the places of redirects. */
  fillWith(fill: (text: string) => string): void
  /** Addresses that targets were asked to report to. */
  callbacks: string[]
  counts: { answers: number; bytes: number; mails: number }
  /** From now on everyone answers well and at once; open connections are closed. */
  calm(): void
  close(): Promise<void>
}

const origins = 5
const mostPlaces = 2_000
const mostCallbacks = 50
/** A connection stands so long and carries so much, at most. */
const longestMs = 24_000
const mostBytes = 64 * 1024 * 1024
/** In small pieces, whatever is larger would test this program. */
const mostSmallPieces = 100_000
const calmAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

export async function startOutside(): Promise<Outside> {
  const places = new Map<number, Answer>()
  const sockets = new Set<Socket>()
  const callbacks: string[] = []
  const counts = { answers: 0, bytes: 0, mails: 0 }
  const mailServers: Server[] = []
  let isCalm = false
  let made = 0
  let fill = (text: string) => text

  function hold(socket: Socket) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    socket.setTimeout(longestMs, () => socket.destroy())
    setTimeout(() => socket.destroy(), longestMs).unref()
  }

  async function write(socket: Socket, { bytes, cut, gapMs, isEndless, ending }: Answer): Promise<void> {
    const all = toBuffer(bytes, fill)
    const size = cut > 0 && all.length / cut < mostSmallPieces ? cut : Math.max(cut, 64 * 1024)
    let sent = 0
    do {
      for (let at = 0; at < all.length && !socket.destroyed; at += size) {
        const piece = all.subarray(at, at + size)
        if (!socket.write(piece))
          await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
        else if (size < 1_000) await turn()
        if (gapMs > 0) await sleep(gapMs)
        sent += piece.length
      }
      await turn()
    } while (isEndless && all.length > 0 && sent < mostBytes && !socket.destroyed)
    counts.bytes += sent
    if (ending === 'end') socket.end()
    if (ending === 'reset') socket.resetAndDestroy()
  }

  function serveHttp(socket: Socket) {
    hold(socket)
    let head = ''
    socket.on('data', (piece: Buffer) => {
      if (head.includes('\r\n\r\n')) return
      head += piece.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      counts.answers += 1
      const callback = /^x-chronos-callback: .*\/api\/callbacks\/(\S+)/im.exec(head)?.[1]
      if (callback && callbacks.push(callback) > mostCallbacks) callbacks.shift()
      const answer = places.get(Number(/^\S+ \/p\/(\d+)/.exec(head)?.[1]))
      if (isCalm || !answer) socket.end(calmAnswer)
      else void write(socket, answer)
    })
  }

  async function serveMail(socket: Socket, replies: Replies) {
    hold(socket)
    counts.mails += 1
    let isData = false
    let at = 0
    const say = (good: string): void => {
      const reply = isCalm ? undefined : replies[at++]
      if (reply) void write(socket, { ...reply, ending: reply.ending === 'end' ? 'hold' : reply.ending })
      else socket.write(good)
    }
    say('220 fuzz ESMTP\r\n')
    let rest = ''
    socket.on('data', (piece: Buffer) => {
      const lines = (rest + piece.toString('latin1')).split('\r\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (isData && line !== '.') continue
        isData = !isData && /^data/i.test(line)
        if (/^quit/i.test(line)) socket.end('221 bye\r\n')
        else say(isData ? '354 go on\r\n' : /^auth/i.test(line) ? '235 ok\r\n' : '250 ok\r\n')
      }
    })
  }

  const servers = await Promise.all(Array.from({ length: origins }, () => listen(serveHttp)))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  return {
    callbacks,
    counts,
    fillWith: (next) => {
      fill = next
    },
    place(answer) {
      made += 1
      places.set(made, answer)
      places.delete(made - mostPlaces)
      return `http://127.0.0.1:${ports[made % origins]}/p/${made}`
    },
    async mailServer(replies) {
      const server = await listen((socket) => void serveMail(socket, replies))
      mailServers.push(server)
      if (mailServers.length > 100) mailServers.shift()?.close()
      return (server.address() as AddressInfo).port
    },
    calm() {
      isCalm = true
      for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const server of [...servers, ...mailServers]) server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function listen(serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true }, serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

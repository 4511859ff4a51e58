import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { TestContext } from 'node:test'

type Family = 'A' | 'AAAA'
/** Addresses; `none`: there is no such name; `broken`: SERVFAIL; `silent`: no answer at all. */
type Said = readonly string[] | 'none' | 'broken' | 'silent'

/** A name server on loopback, over UDP. `asked`: what it was asked for, such as `A mail.example`. */
export async function nameServer(t: TestContext, say: (name: string, family: Family) => Said) {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, family, end } = questionOf(query)
    asked.push(`${family} ${name}`)
    const said = say(name, family)
    if (said !== 'silent') socket.send(answerTo(query.subarray(0, end), said), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return { asked, place: `127.0.0.1:${socket.address().port}` }
}

function questionOf(query: Buffer): { name: string; family: Family; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return {
    name: labels.join('.').toLowerCase(),
    family: query.readUInt16BE(at + 1) === 28 ? 'AAAA' : 'A',
    end: at + 5,
  }
}

/** RFC 1035, 4.1: the header, the question as it came, and a record for each address. */
function answerTo(question: Buffer, said: Exclude<Said, 'silent'>): Buffer {
  const addresses = typeof said === 'string' ? [] : said
  const code = said === 'none' ? 3 : said === 'broken' ? 2 : 0
  const head = Buffer.from(question)
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt32BE(0, 8)
  return Buffer.concat([head, ...addresses.map(recordOf)])
}

function recordOf(address: string): Buffer {
  const isV6 = address.includes(':')
  const data = isV6 ? v6(address) : Buffer.from(address.split('.').map(Number))
  const head = Buffer.alloc(12)
  // a pointer to the name in the question; class IN, a minute to live
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(isV6 ? 28 : 1, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function v6(address: string): Buffer {
  const [first = '', last = ''] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const missing = 8 - groups(first).length - groups(last).length
  const all = [...groups(first), ...Array.from({ length: missing }, () => '0'), ...groups(last)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

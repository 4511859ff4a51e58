import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { speaking } from '../support/raw-server.ts'
import { send } from './setup.ts'
import { assertCost } from '../support/limits.ts'

const mebibyte = 1024 * 1024

/** Sends `before`, and then `piece` again and again, each as a piece of its own. */
function flood(before: string, piece: string) {
  return (socket: Socket) => {
    const more = () => {
      if (socket.writable) socket.write(piece, () => setImmediate(more))
    }
    socket.setNoDelay().resume().write(before, more)
  }
}

/** How a try ended at such a server, with the processor time and the memory that it took here. */
async function tried(t: TestContext, serve: (socket: Socket) => void) {
  const { port } = await speaking(t, serve)
  const target = { type: 'email', host: '127.0.0.1', port, from: 'a@example.com', to: ['b@example.com'] }
  const usage = process.cpuUsage()
  let most = 0
  const before = process.memoryUsage.rss()
  const look = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
  const outcome = await send(target as never, undefined, { timeoutMs: 2_000 })
  clearInterval(look)
  const { user, system } = process.cpuUsage(usage)
  return { outcome, cpuMs: (user + system) / 1_000, grownMb: Math.max(0, most - before) / mebibyte }
}

const attacks: Record<string, (socket: Socket) => void> = {
  'one line without an end': flood('220 ', 'x'.repeat(65_536)),
  'a reply of ever more lines': flood('', `250-${'x'.repeat(60)}\r\n`.repeat(1_000)),
  'a reply of ever more lines, in small pieces': flood('', '250-x\r\n'),
  'empty lines without an end': flood('', '\n'.repeat(32_768)),
  'more and more whole replies': flood('', '250 ok\r\n'.repeat(8_000)),
  'one line without an end, byte by byte': flood('220 ', 'x'),
}
for (const [what, serve] of Object.entries(attacks))
  test(`a mail server that sends ${what} costs little, and ends the try`, async (t) => {
    const { outcome, cpuMs, grownMb } = await tried(t, serve)
    const code = outcome.state === 'retry' && outcome.error.code
    assert.match(String(code), /^(CONNECTION_FAILED|SMTP_REFUSED|TIMEOUT)$/)
    // this process is the server as well
    assertCost(cpuMs, 1_500)
    assert.ok(grownMb < 64, `${grownMb} MB`)
  })

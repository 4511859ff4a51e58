import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import ky from 'ky'
import { createOutbound } from '../../src/outbound/index.ts'
import { serve } from './setup.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>

for (const [how, over] of [
  ['fetch', (fetch) => fetch],
  ['fetch with a Request', (fetch) => (url, init) => fetch(new Request(url, init))],
  ['ky', (fetch) => (url, init) => ky(url, { ...init, fetch, retry: 0, timeout: false })],
] satisfies [string, (fetch: typeof globalThis.fetch) => Fetch][]) {
  test(`a call by ${how} is stopped by its signal after whatever nobody holds has been collected`, async (t) => {
    const { url } = await serve(t, (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync('the beginning'))
    })
    const line = createOutbound({ allow: ['127.0.0.0/8'], own: [] }).line()
    t.after(() => line.close())
    const stop = new AbortController()
    const answer = await over(line.fetch)(url, { signal: stop.signal })
    const read = answer.text().then(
      () => 'read',
      () => 'stopped',
    )
    for (let n = 0; n < 5; n++) {
      await pause(5)
      collect()
    }
    stop.abort(new Error('enough'))
    assert.equal(await Promise.race([read, pause(2_000, 'goes on')]), 'stopped')
  })
}

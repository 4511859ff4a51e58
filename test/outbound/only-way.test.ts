import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const root = new URL('../../', import.meta.url)

// What opens a connection by itself, or would look up a name that the guard has not seen.
const otherWays =
  /(?<!typeof )globalThis\.fetch|(?<![.'\w]|async )fetch\(|from 'node:(?:net|tls|http|https|http2|dgram|dns)|\bWebSocket\(|\bEventSource\(/

for (const folder of ['src/actions', 'src/delivery/senders']) {
  test(`nothing in ${folder} knows another way out than the guarded one`, () => {
    const files = readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    const found = files
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => otherWays.test(codeOf(readFileSync(new URL(`${folder}/${file}`, root), 'utf8'))))
    assert.deepEqual(found, [])
  })
}

/** Without comments, which may speak of fetch, and without types, which open nothing. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*[^]*?\*\/|\/\/.*|^import type .*$/gm, '')
}

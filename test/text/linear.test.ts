import { test } from 'node:test'
import { within } from '../../relay/core/callback.ts'
import { credentialsIn } from '../../routes/credentials.ts'
import { readHost } from '../../src/ground/allow.ts'
import { createModel } from '../decisions/model.ts'
import { assertCost, processorMs } from '../support/limits.ts'

// Texts of callers and targets are read in linear time. Each of these took seconds: what is searched for at the end of a
// text was tried again from each place of it.

const size = 100_000

const readers: [what: string, text: string, read: (text: string) => void][] = [
  ['the output of a run with a long line before the last', `${'x'.repeat(size)}\ny`, settleWith],
  [
    'a URL of many question marks',
    `https://a.example/${'?'.repeat(size)}`,
    (url) => credentialsIn({ type: 'http', url }),
  ],
  [
    'a callback of many slashes',
    `https://a.example${'/'.repeat(size)}x`,
    (url) => within(['https://b.example'], url),
  ],
  ['a host of many dots', `a${'.'.repeat(size)}b`, readHost],
]

for (const [what, text, read] of readers)
  test(`${what} is read in linear time`, async () => {
    assertCost(await processorMs(() => read(text)), 300)
  })

function settleWith(output: string) {
  const job = createModel({ deliver: { type: 'slack', url: 'https://a.example' } })
  job.setTime('09:00')
  job.fire()
  job.settle({ state: 'succeeded', output })
}

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { readPage } from './pages.ts'

const steps = [
  ...readPage('ARCHITECTURE.md').text.matchAll(/^\| (\d+) \| .* \| `(\w+)` \| `([\w./-]+)` \|$/gm),
]

test('the walk of a fire is numbered without a gap', () => {
  assert.ok(steps.length > 10)
  assert.deepEqual(
    steps.map(([, step]) => Number(step)),
    steps.map((_step, index) => index + 1),
  )
})

for (const [, step, name, file = ''] of steps)
  test(`step ${step} of a fire: ${name} is a function of ${file}`, async () => {
    assert.match(await readFile(file, 'utf8'), new RegExp(`function ${name}\\b|^ *${name}\\(`, 'm'))
  })
